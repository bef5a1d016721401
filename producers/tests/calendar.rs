//! The news calendar from files and feeds into a journal: what is new is published, once.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bellwether_producers::calendar::{Looks, run};
use bellwether_producers::{ProducerContext, ProducerError};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::journal::entries;
use bellwether_runtime::log::{Access, Log, open};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::calendar::CalendarItem;
use bellwether_schemas::{Entry, Timestamp, Topic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The moment of every test.
fn now() -> Timestamp {
    "2026-03-05T12:00:00Z".parse().unwrap()
}

struct Place {
    dir: tempfile::TempDir,
    log: Arc<dyn Log>,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", dir.path().join("log").display());
        let log = open(&url, Access::Write, Clock::manual(now())).unwrap();
        for topic in Topic::all(&"fxlabs".parse().unwrap()) {
            log.create(&topic).unwrap();
        }
        Self { dir, log }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// The tenant with these sources.
    fn tenant(&self, calendar: &str) -> Tenant {
        self.write(
            "fxlabs.toml",
            &format!(
                "revision = 1\nzone = \"Asia/Kolkata\"\n[brand]\nname = \"FX\"\n[database]\n[mail]\n\
                 from = \"FX <a@fx.example>\"\n{calendar}"
            ),
        );
        load_tenant(&self.dir.path().join("fxlabs.toml"), &|_| None).unwrap()
    }

    fn context(&self) -> ProducerContext {
        let (log, clock, shutdown) = (self.log.clone(), Clock::manual(now()), Shutdown::new());
        ProducerContext::new(log, clock, shutdown)
    }

    /// Looks once at every source; how many items were published.
    async fn look(&self, calendar: &str) -> u64 {
        self.try_look(calendar).await.unwrap()
    }

    async fn try_look(&self, calendar: &str) -> Result<u64, ProducerError> {
        run(&self.context(), &self.tenant(calendar), Looks::Once).await
    }

    fn journal(&self) -> Vec<CalendarItem> {
        let read = entries(&*self.log, &"fxlabs".parse().unwrap(), 0..u64::MAX).unwrap();
        let item = |entry: Entry| match entry {
            Entry::Calendar(change) => Some(change.item),
            _ => None,
        };
        read.filter_map(|read| item(read.unwrap().1.unwrap())).collect()
    }
}

const DESK: &str = "[[calendar]]\nname = \"desk\"\nfile = \"news.csv\"\nzone = \"America/New_York\"\n";
const HEAD: &str = "id,date,time,currency,title,impact\n";

#[tokio::test]
async fn what_is_new_or_moved_is_published_and_what_the_journal_knows_is_not() {
    let place = Place::new();
    place.write(
        "news.csv",
        &format!("{HEAD}1,2026-03-06,08:30,USD,Payrolls,high\n2,2026-03-06,10:00,USD,PMI,low\n"),
    );
    assert_eq!(place.look(DESK).await, 2);
    assert_eq!(place.look(DESK).await, 0, "by a process that begins anew");
    place.write(
        "news.csv",
        &format!("{HEAD}1,2026-03-06,09:00,USD,Payrolls,high\n2,2026-03-06,10:00,USD,PMI,low\n"),
    );
    assert_eq!(place.look(DESK).await, 1);
    let journal = place.journal();
    let times: Vec<String> = journal.iter().map(|item| format!("{} {}", item.id, item.time)).collect();
    assert_eq!(
        times,
        [
            "desk:1 2026-03-06T13:30:00.000000Z",
            "desk:2 2026-03-06T15:00:00.000000Z",
            "desk:1 2026-03-06T14:00:00.000000Z"
        ]
    );
}

#[tokio::test]
async fn what_is_long_over_is_left_out_and_a_source_that_cannot_be_read_costs_no_other() {
    let place = Place::new();
    place.write(
        "news.csv",
        &format!(
            "{HEAD}1,2026-02-01,08:30,USD,Old,high\n2,2026-03-06,10:00,USD,PMI,low\n3,soon,,USD,Odd,low\n"
        ),
    );
    let gone = "[[calendar]]\nname = \"gone\"\nfile = \"nowhere.csv\"\n";
    let error = place.try_look(&format!("{gone}{DESK}")).await.unwrap_err().to_string();
    assert!(error.contains("gone: ") && error.contains("nowhere.csv") && !error.contains("desk"), "{error}");
    let ids: Vec<String> = place.journal().into_iter().map(|item| item.id).collect();
    assert_eq!(ids, ["desk:2"]);
}

#[tokio::test]
async fn it_is_looked_at_again_and_again_until_a_stop_is_asked_for() {
    let place = Place::new();
    place.write("news.csv", HEAD);
    let (context, tenant) = (place.context(), place.tenant(&format!("{DESK}every = \"1s\"\n")));
    let stop = context.shutdown.clone();
    let running = tokio::spawn(async move { run(&context, &tenant, Looks::OnAndOn).await });
    place.write("news.csv", &format!("{HEAD}1,2026-03-06,08:30,USD,Payrolls,high\n"));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while place.journal().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "it was not looked at again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.raise();
    assert_eq!(running.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_feed_is_asked_with_its_headers_and_what_it_answers_besides_items_is_said() {
    let place = Place::new();
    place.write("headers", "X-Api-Key: s3cret\n");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let feed = tokio::spawn(async move {
        let item = r#"[{"title":"CPI","country":"USD","date":"2026-03-11T08:30:00-04:00","impact":"High"}]"#;
        let mut asked = Vec::new();
        for (status, body) in [("403 Forbidden", "no key"), ("200 OK", item)] {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4_096];
            let read = socket.read(&mut request).await.unwrap();
            asked.push(String::from_utf8(request[..read].to_vec()).unwrap());
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    let source = format!(
        "[[calendar]]\nname = \"feed\"\nurl = \"http://127.0.0.1:{port}/week.json?v=2\"\nheaders_file = \"headers\"\n"
    );
    let error = place.try_look(&source).await.unwrap_err().to_string();
    assert!(error.contains("feed: ") && error.contains("403") && !error.contains("s3cret"), "{error}");
    assert_eq!(place.look(&source).await, 1);
    assert_eq!(place.journal()[0].time, "2026-03-11T12:30:00Z".parse().unwrap());
    for request in feed.await.unwrap() {
        assert!(request.starts_with("GET /week.json?v=2 HTTP/1.1\r\n"), "{request}");
        assert!(request.to_lowercase().contains("x-api-key: s3cret\r\n"), "{request}");
    }
}

#[test]
fn sources_that_cannot_be_right_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |calendar: &str| error_of(dir.path(), calendar);
    assert!(refused("[[calendar]]\nname = \"a\"\n").contains("needs one of `file` and `url`"));
    assert!(
        refused("[[calendar]]\nname = \"a\"\nurl = \"http://feed.example/x\"\n").contains("use https://")
    );
    assert!(refused(&DESK.repeat(2)).contains("two sources are called desk"));
    let hasty = "[[calendar]]\nname = \"a\"\nurl = \"https://feed.example/x\"\nevery = \"5s\"\n";
    assert!(refused(hasty).contains("60 s at least"));
}

fn error_of(dir: &Path, calendar: &str) -> String {
    let file = dir.join("fxlabs.toml");
    let head = "revision = 1\nzone = \"UTC\"\n[brand]\nname = \"FX\"\n[database]\n[mail]\nfrom = \"FX <a@fx.example>\"\n";
    std::fs::write(&file, format!("{head}{calendar}")).unwrap();
    load_tenant(&file, &|_| None).unwrap_err().to_string()
}
