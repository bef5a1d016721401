//! The demo as a user runs it, killed at random moments: every row, one mail a group, judged by a computation that
//! shares no code with the pipeline.
//!
//! `BELLWETHER_KILLS` (2) says how often it is killed, `BELLWETHER_SEED` (1) when: between 5 and 14 s after a start,
//! so that ten kills are more than 90 s of paced load.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bellwether_local::postgres::{Options, Postgres};
use bellwether_tests::reference::{self, Bar, Given, Market, Quote, RsiAlert};
use serde_json::Value;
use sqlx::Connection;
use uuid::Uuid;

const TENANTS: [&str; 2] = ["fxlabs", "hextech"];
const BINARY: &str = env!("CARGO_BIN_EXE_bellwether");

#[test]
fn killed_at_any_moment_the_demo_ends_with_every_row_and_one_mail_a_group() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let mut random = Random(number("BELLWETHER_SEED", 1));
    for _ in 0..number("BELLWETHER_KILLS", 2) {
        run_and_kill(dir, Duration::from_millis(5_000 + random.next() % 9_000));
    }
    let summary = run_to_the_end(dir);
    assert_no_process_left(dir);

    for tenant in TENANTS {
        let journal = cat(dir, tenant, "journal");
        let expected = reference::triggers(&market(tenant, &journal), &alerts(&journal)).unwrap();
        let groups: BTreeSet<_> =
            expected.iter().map(|trigger| (trigger.alert_id, trigger.close_time)).collect();
        let expected: BTreeSet<Uuid> = expected.iter().map(|trigger| trigger.id).collect();
        let (rows, owed) = stored(dir, tenant);
        let mails = mails(dir, tenant);
        let repeats: usize = mails.values().map(|copies| copies - 1).sum();
        println!(
            "{tenant}: {} journal records, {} triggers, {} rows, {} mails, {repeats} repeats: {}",
            journal.len(),
            expected.len(),
            rows.len(),
            mails.len(),
            summary["tenants"][tenant]
        );
        assert!(expected.len() > 5, "{tenant}: a test in which nothing fires shows nothing");
        assert_eq!(rows, expected, "{tenant}: rows in the database, by id");
        assert_eq!(mails.keys().cloned().collect::<BTreeSet<_>>(), owed, "{tenant}: one mail a group");
        assert_eq!(summary["tenants"][tenant]["triggers"], expected.len(), "{tenant}");
        assert_eq!(summary["tenants"][tenant]["mail_groups"], groups.len(), "{tenant}");
        verify(dir, tenant);
    }
}

fn demo(dir: &Path, speed_and_more: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("demo").arg("--dir").arg(dir).args(["--port", "0", "--json"]).args(speed_and_more);
    command.current_dir(dir).stdin(Stdio::null());
    command
}

fn run_and_kill(dir: &Path, after: Duration) {
    let mut child = demo(dir, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    assert_eq!(child.try_wait().unwrap(), None, "it ended before it was killed");
    child.kill().unwrap();
    child.wait().unwrap();
}

fn run_to_the_end(dir: &Path) -> Value {
    let ended = demo(dir, &["--for", "15s"]).output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{}\n{errors}", ended.status);
    let last = String::from_utf8(ended.stdout).unwrap().lines().last().unwrap().to_string();
    serde_json::from_str(&last).unwrap()
}

/// Neither a server nor a child with this directory in its command line.
fn assert_no_process_left(dir: &Path) {
    let name = dir.file_name().unwrap().to_str().unwrap();
    let left: Vec<String> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(name))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

fn log_url(dir: &Path) -> String {
    format!("embedded:{}", dir.join("log").display())
}

fn cat(dir: &Path, tenant: &str, topic: &str) -> Vec<Value> {
    let log = log_url(dir);
    let arguments = ["journal", "cat", "--log", &log, "--tenant", tenant, "--topic", topic, "--json"];
    let ended = Command::new(BINARY).args(arguments).current_dir(dir).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let text = String::from_utf8(ended.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn verify(dir: &Path, tenant: &str) {
    let arguments = ["replay", "--log", &log_url(dir), "--tenant", tenant, "--verify", "--json"];
    let ended = Command::new(BINARY).args(arguments).current_dir(dir).output().unwrap();
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((ended.status.code(), &report["identical"]), (Some(0), &Value::Bool(true)), "{report}");
    assert_eq!(report["pending"], 0);
}

/// The journal's market data, as the reference wants it.
fn market(tenant: &str, journal: &[Value]) -> Market {
    let records = |kind: &'static str| journal.iter().filter(move |line| line["type"] == kind);
    let ticks = records("tick_block").flat_map(|line| line["record"]["ticks"].as_array().unwrap());
    let quote = |tick: &Value| Quote {
        ts: micros(&tick["ts"]),
        symbol: text(&tick["symbol"]),
        bid: tick["bid"].as_f64().unwrap(),
        ask: tick["ask"].as_f64().unwrap(),
    };
    let bars = records("bar_block").flat_map(|line| line["record"]["bars"].as_array().unwrap());
    let history: Vec<Given> = bars.map(given).collect();
    let minutes = history.iter().filter(|given| given.timeframe == "1M");
    let beats = records("heartbeat").map(|line| micros(&line["record"]["ts"]));
    let quotes: Vec<Quote> = ticks.map(quote).collect();
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

fn alerts(journal: &[Value]) -> Vec<RsiAlert> {
    let changes = journal.iter().filter(|line| line["type"] == "alert_changed").map(|line| &line["record"]);
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

/// Ids of the rows, and Message-IDs of the mails owed to users who may get one, as they stand in the database.
fn stored(dir: &Path, tenant: &str) -> (BTreeSet<Uuid>, BTreeSet<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Postgres::start(&dir.join("postgres"), Options::default()).await.unwrap();
        let url = server.url(&format!("demo_{tenant}"));
        let mut connection = sqlx::PgConnection::connect(url.reveal()).await.unwrap();
        let rows: Vec<Uuid> = sqlx::query_scalar("select id from public.rsi_tracker_alert_triggers")
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let owed: Vec<String> =
            sqlx::query_scalar("select message_id from bellwether.mail_outbox where state <> 'suppressed'")
                .fetch_all(&mut connection)
                .await
                .unwrap();
        connection.close().await.unwrap();
        server.stop().await.unwrap();
        let bare = |id: String| id.trim_matches(['<', '>']).to_string();
        (rows.into_iter().collect(), owed.into_iter().map(bare).collect())
    })
}

/// How often the inbox took each Message-ID of this tenant's sender.
fn mails(dir: &Path, tenant: &str) -> BTreeMap<String, usize> {
    let mut taken = BTreeMap::new();
    for entry in std::fs::read_dir(dir.join("inbox/mails")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let mail: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            if text(&mail["envelope"]["from"]).contains(tenant) {
                *taken.entry(text(&mail["message_id"])).or_default() += 1;
            }
        }
    }
    taken
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().into()
}

fn micros(time: &Value) -> i64 {
    chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap().timestamp_micros()
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect(variable))
}

/// splitmix64: when to kill need not be good, only repeatable.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
    }
}
