//! One trace from a block of ticks to the row and the mail that came of it, as a collector gets it: the demo sends its spans
//! to a socket of this test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use support::{Place, until};

/// Who begins what, by the names of steps.
const PARENTS: [(&str, Option<&str>); 6] = [
    ("publish", None),
    ("fold", Some("publish")),
    ("trigger", Some("fold")),
    ("write row", Some("trigger")),
    ("compose mail", Some("trigger")),
    ("send mail", Some("compose mail")),
];

/// A span as the collector was told of it.
#[derive(Debug, Clone)]
struct Span {
    trace: String,
    parent: Option<String>,
    name: String,
    begun: u128,
    ended: u128,
    attributes: BTreeMap<String, String>,
}

/// By trace and span.
type Spans = BTreeMap<(String, String), Span>;

/// Takes what is sent to `/v1/traces` below its address.
struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Spans>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, spans) = (listener.local_addr().unwrap(), Arc::<Mutex<Spans>>::default());
        let taken = Arc::clone(&spans);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                take(stream.unwrap(), &taken);
            }
        });
        Self { address, spans }
    }

    fn spans(&self) -> Spans {
        self.spans.lock().unwrap().clone()
    }
}

fn take(stream: TcpStream, spans: &Mutex<Spans>) {
    let mut reader = BufReader::new(&stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_lowercase());
    }
    assert_eq!(head[0], "post /otlp/v1/traces http/1.1");
    assert!(head.contains(&"content-type: application/json".to_owned()), "{head:?}");
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let resource = body["resourceSpans"][0]["resource"]["attributes"][0].clone();
    assert_eq!(resource["value"]["stringValue"], "bellwether");
    for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap() {
        let (key, span) = read(span);
        assert!(spans.lock().unwrap().insert(key.clone(), span).is_none(), "{key:?} came twice");
    }
    (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").unwrap();
}

fn read(span: &Value) -> ((String, String), Span) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let attributes = span["attributes"].as_array().unwrap().iter();
    let attributes = attributes.map(|one| (text(&one["key"]), text(&one["value"]["stringValue"])));
    let read = Span {
        trace: text(&span["traceId"]),
        parent: span["parentSpanId"].as_str().map(str::to_owned),
        name: text(&span["name"]),
        begun: text(&span["startTimeUnixNano"]).parse().unwrap(),
        ended: text(&span["endTimeUnixNano"]).parse().unwrap(),
        attributes: attributes.collect(),
    };
    assert_eq!((read.trace.len(), span["spanId"].as_str().unwrap().len()), (32, 16));
    ((read.trace.clone(), text(&span["spanId"])), read)
}

/// The span and those it descends from, up to the root; none where one was not sent.
fn line<'a>(spans: &'a Spans, span: &'a Span) -> Option<Vec<&'a Span>> {
    let mut line = vec![span];
    while let Some(parent) = &line.last()?.parent {
        line.push(spans.get(&(span.trace.clone(), parent.clone()))?);
    }
    Some(line)
}

#[test]
fn one_trace_leads_from_a_block_of_ticks_to_its_rows_and_mails_and_changes_nothing() {
    let (place, collector) = (Place::new(), Collector::start());
    let demo = ["demo", "--dir", "demo", "--port", "0", "--speed", "240", "--json"];
    let running = place
        .bellwether(&demo)
        .env("BELLWETHER_TELEMETRY_TRACES", format!("http://{}/otlp", collector.address))
        .env("BELLWETHER_TELEMETRY_FORMAT", "json")
        .env("BELLWETHER_TELEMETRY_LEVEL", "warn,bellwether_sinks=debug")
        .start();
    let arrived = until(Duration::from_secs(120), || complete(&collector.spans()).is_some());
    running.signal("INT");
    let ended = running.wait(Duration::from_secs(120)).ended(0);
    let spans = collector.spans();
    assert!(arrived, "no trigger has both among {} spans: {:?}", spans.len(), names(&spans));

    assert_relations(&spans);
    let (trace, trigger) = complete(&spans).unwrap();
    let told = place.run(&[
        "journal",
        "cat",
        "--log",
        "embedded:demo/log",
        "--tenant",
        &tenant(&spans, &trace),
        "--topic",
        "triggers",
        "--json",
    ]);
    assert!(told.ended(0).stdout.contains(&trigger), "{trigger} is a trigger in the log");
    assert_lines_carry(&ended.stderr, &spans);
    for tenant in ["fxlabs", "hextech"] {
        let verify = ["replay", "--log", "embedded:demo/log", "--tenant", tenant, "--verify"];
        place.run_within(Duration::from_secs(120), &verify).ended(0);
    }
}

/// A trace with a whole line from a record to a row and to a mail that was sent, and the trigger they are of.
fn complete(spans: &Spans) -> Option<(String, String)> {
    let whole = |name: &'static str| {
        let named = spans.values().filter(move |span| span.name == name);
        named.filter_map(|span| line(spans, span)).map(|line| {
            let trigger = line.iter().find(|span| span.name == "trigger").unwrap();
            (line[0].trace.clone(), trigger.attributes["trigger.id"].clone())
        })
    };
    let rows: BTreeSet<(String, String)> = whole("write row").collect();
    whole("send mail").find(|sent| rows.contains(sent))
}

fn tenant(spans: &Spans, trace: &str) -> String {
    spans.values().find(|span| span.trace == trace).unwrap().attributes["tenant.id"].clone()
}

fn names(spans: &Spans) -> BTreeMap<&str, usize> {
    spans.values().fold(BTreeMap::new(), |mut names, span| {
        *names.entry(span.name.as_str()).or_default() += 1;
        names
    })
}

/// Where a span's parent was sent, it is of the step that begins such spans; no trace is of two tenants.
fn assert_relations(spans: &Spans) {
    let mut tenants: BTreeMap<&str, &str> = BTreeMap::new();
    for span in spans.values() {
        let (_, wanted) = PARENTS.iter().find(|(name, _)| *name == span.name).unwrap();
        assert_eq!(span.parent.is_some(), wanted.is_some(), "{span:?}");
        assert!(span.begun <= span.ended, "{span:?}");
        let parent = span.parent.as_ref().and_then(|id| spans.get(&(span.trace.clone(), id.clone())));
        if let Some(parent) = parent {
            assert_eq!(Some(parent.name.as_str()), *wanted, "{span:?} of {parent:?}");
            assert!(parent.begun <= span.begun, "{span:?} of {parent:?}");
        }
        let tenant = span.attributes["tenant.id"].as_str();
        assert_eq!(*tenants.entry(&span.trace).or_insert(tenant), tenant, "{span:?}");
        if let (Some(parent), "write row") = (parent, span.name.as_str()) {
            assert_eq!(span.attributes["trigger.id"], parent.attributes["trigger.id"]);
        }
    }
}

/// What is logged of a mail that was traced has the trace's id.
fn assert_lines_carry(stderr: &str, spans: &Spans) {
    let sent: BTreeMap<&str, &str> = spans
        .values()
        .filter(|span| span.name == "send mail")
        .map(|span| (span.attributes["mail.occurrence"].as_str(), span.trace.as_str()))
        .collect();
    let lines = stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let settled: Vec<Value> = lines.filter(|line| line["message"] == "a mail was settled").collect();
    let of_traced =
        settled.iter().filter_map(|line| Some((line, sent.get(line["mail.occurrence"].as_str()?)?)));
    let mut compared = 0;
    for (line, trace) in of_traced {
        assert_eq!(line["span"]["trace.id"], **trace, "{line}");
        compared += 1;
    }
    assert!(compared > 0, "no line of a traced mail among {}", settled.len());
}
