//! A journal as `journal cat --json` prints it, made into what the reference wants; and moments chosen by a seed.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use bellwether_tests::reference::{Bar, Given, Market, Quote, RsiAlert};
use serde_json::Value;
use uuid::Uuid;

/// The reference for every kind of alert: Python, written from the specification alone.
const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/reference/journal.py");

/// The tables of triggers by kind of alert, with the ids of their rows.
pub(crate) const ROWS: &str = "select 'rsi_tracker', id from public.rsi_tracker_alert_triggers
    union all select 'rsi_correlation_tracker', id from public.rsi_correlation_tracker_alert_triggers
    union all select 'heatmap_tracker', id from public.heatmap_tracker_alert_triggers
    union all select 'heatmap_indicator_tracker', id from public.heatmap_indicator_tracker_alert_triggers
    union all select 'currency_strength_tracker', id from public.currency_strength_tracker_alert_triggers
    union all select 'price_alert', id from public.price_alert_triggers";

/// A trigger of any kind that has to be.
#[derive(Debug)]
pub(crate) struct Fired {
    pub(crate) kind: String,
    pub(crate) id: Uuid,
    pub(crate) alert_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) close_time: i64,
}

/// Every trigger of the journal's alerts, whatever their kind.
pub(crate) fn every_trigger(journal: &[Value]) -> Vec<Fired> {
    let mut python =
        Command::new("python3").arg(REFERENCE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = std::io::BufWriter::new(python.stdin.take().unwrap());
    for line in journal {
        serde_json::to_writer(&mut stdin, line).unwrap();
        stdin.write_all(b"\n").unwrap();
    }
    // It says nothing before it has read everything.
    drop(stdin.into_inner().unwrap());
    let ended = python.wait_with_output().unwrap();
    assert!(ended.status.success(), "the reference failed: {}", ended.status);
    String::from_utf8(ended.stdout).unwrap().lines().map(fired).collect()
}

fn fired(line: &str) -> Fired {
    let line: Value = serde_json::from_str(line).unwrap();
    let id = |name: &str| text(&line[name]).parse().unwrap();
    Fired {
        kind: text(&line["kind"]),
        id: id("id"),
        alert_id: id("alert_id"),
        user_id: id("user_id"),
        close_time: micros(&line["close_time"]),
    }
}

/// The journal's market data, as the reference wants it.
pub(crate) fn market(tenant: &str, journal: &[Value]) -> Market {
    let records = |kind: &'static str| journal.iter().filter(move |line| line["type"] == kind);
    let quotes = quotes(records("tick_block"));
    let bars = records("bar_block").flat_map(|line| line["record"]["bars"].as_array().unwrap());
    let history: Vec<Given> = bars.map(given).collect();
    let minutes = history.iter().filter(|given| given.timeframe == "1M");
    let beats = records("heartbeat").map(|line| micros(&line["record"]["ts"]));
    let latest = quotes.iter().map(|quote| quote.ts).chain(beats).max().unwrap();
    let market = Market::new(tenant, quotes);
    Market {
        always_open: vec!["BTCUSDm".into(), "ETHUSDm".into()],
        history_until: minutes.map(|given| given.bar.close_time).max().unwrap_or(i64::MIN),
        closed_until: Some(latest - market.lateness),
        history,
        ..market
    }
}

/// In the order of the journal. What a producer wrote again after it was killed has a number that was there before.
fn quotes<'a>(blocks: impl Iterator<Item = &'a Value>) -> Vec<Quote> {
    let (mut seen, mut quotes) = (BTreeSet::new(), Vec::new());
    for block in blocks.map(|line| &line["record"]) {
        let session = text(&block["origin"]["session"]);
        for (seq, tick) in (block["first_seq"].as_u64().unwrap()..).zip(block["ticks"].as_array().unwrap()) {
            if seen.insert((session.clone(), seq)) {
                quotes.push(quote(tick));
            }
        }
    }
    quotes
}

fn quote(tick: &Value) -> Quote {
    Quote {
        ts: micros(&tick["ts"]),
        symbol: text(&tick["symbol"]),
        bid: tick["bid"].as_f64().unwrap(),
        ask: tick["ask"].as_f64().unwrap(),
    }
}

fn given(bar: &Value) -> Given {
    let scale = 10f64.powi(i32::try_from(bar["scale"].as_i64().unwrap()).unwrap());
    let price = |name: &str| bar[name].as_f64().unwrap() / scale;
    Given {
        symbol: text(&bar["symbol"]),
        timeframe: text(&bar["timeframe"]),
        bar: Bar {
            open_time: micros(&bar["open_time"]),
            close_time: micros(&bar["close_time"]),
            open: price("open"),
            high: price("high"),
            low: price("low"),
            close: price("close"),
            ticks: 1,
        },
    }
}

/// The alerts of kind `rsi_tracker`.
pub(crate) fn alerts(journal: &[Value]) -> Vec<RsiAlert> {
    let changes = journal.iter().filter(|line| line["type"] == "alert_changed").map(|line| &line["record"]);
    let changes = changes.filter(|change| change["kind"] == "rsi_tracker");
    let by_id: BTreeMap<String, &Value> = changes.map(|change| (text(&change["alert_id"]), change)).collect();
    let alert = |change: &&Value| {
        let rsi = &change["rsi_tracker"];
        RsiAlert {
            id: text(&change["alert_id"]).parse().unwrap(),
            version: change["version"].as_i64().unwrap(),
            user_id: text(&change["user_id"]).parse().unwrap(),
            timeframe: text(&rsi["timeframe"]),
            period: usize::try_from(rsi["rsi_period"].as_u64().unwrap()).unwrap(),
            overbought: rsi["rsi_overbought"].as_f64().unwrap(),
            oversold: rsi["rsi_oversold"].as_f64().unwrap(),
        }
    };
    by_id.values().map(alert).collect()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().into()
}

pub(crate) fn micros(time: &Value) -> i64 {
    chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap().timestamp_micros()
}

/// splitmix64: when to kill need not be good, only repeatable.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
    }
}
