//! A journal with records that nobody is to fold among the others: worker, `replay --verify` and `backtest --log`
//! fold the same and put the same aside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use std::sync::Arc;

use bellwether_backtest::BacktestError;
use bellwether_backtest::alerts;
use bellwether_backtest::journal::{Boundary, Journal, fold};
use bellwether_backtest::outputs::Outputs;
use bellwether_backtest::run::{Finished, Run, Watch};
use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::embedded::{EmbeddedLog, Fsync, Options};
use bellwether_runtime::log::{Access, Log, NewRecord, open, scan};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::time::DAY;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{AlertId, Entry, TenantId, Timeframe, Timestamp, Topic, TopicKind, UserId, codec};
use bellwether_worker::replay::verify;
use uuid::Uuid;

use support::folded::{BAR, origin, record, tenant, tick, work};

const ALERT: Uuid = Uuid::from_u128(1);
/// The alert of the journal, for the backtest.
const ALERTS: &str = r#"[{"kind": "rsi_tracker", "id": "00000000-0000-0000-0000-000000000001", "timeframe": "5M",
    "rsi_period": 5, "rsi_overbought": 60, "rsi_oversold": 40}]"#;

fn alert(of: &TenantId) -> Entry {
    let rsi = RsiTracker { timeframe: Timeframe::M5, rsi_period: 5, rsi_overbought: 60, rsi_oversold: 40 };
    Entry::Alert(AlertChanged {
        origin: origin(of),
        alert_id: AlertId(ALERT),
        user_id: UserId(Uuid::from_u128(2)),
        version: 1,
        active: true,
        deleted: false,
        parameters: AlertParameters::RsiTracker(rsi),
    })
}

/// A walk of five-minute bars that crosses both lines again and again. Each of its turns is preceded by a tick of ours
/// under another tenant's key, which would turn the RSI the other way, and by a record that nobody can read.
fn journal(tenant: &Tenant) -> Vec<NewRecord> {
    let (id, symbol) = (&tenant.id, tenant.settings.symbols[0].name.as_str());
    let (revision, settings) = (tenant.revision, tenant.settings.clone());
    let change = SettingsChanged { origin: origin(id), revision, engine_version: ENGINE_VERSION, settings };
    let mut records = vec![record(id.as_str(), &Entry::Settings(change)), record(id.as_str(), &alert(id))];
    let mut bid = 110_000;
    for number in 0..120 {
        let step = if number / 8 % 2 == 0 { 60 } else { -70 };
        bid += step + number % 3;
        if number % 8 == 0 {
            records.push(record("hextech", &tick(id, symbol, number, bid - 10 * step)));
            records.push(NewRecord { key: Vec::new(), value: b"nobody can read this".to_vec() });
        }
        records.push(record(id.as_str(), &tick(id, symbol, number, bid)));
        let ts = Timestamp((number + 1) * BAR + 1_000_000);
        records.push(record(id.as_str(), &Entry::Heartbeat(Heartbeat { origin: origin(id), ts })));
    }
    records
}

fn backtest(log: &dyn Log, tenant: &Tenant, dir: &Path) -> (Finished, Vec<String>) {
    backtest_from(log, tenant, dir, None).unwrap()
}

fn backtest_from(
    log: &dyn Log,
    tenant: &Tenant,
    dir: &Path,
    from: Option<Boundary>,
) -> Result<(Finished, Vec<String>), BacktestError> {
    let (file, triggers) = (dir.join("alerts.json"), dir.join("triggers.jsonl"));
    std::fs::write(&file, ALERTS).unwrap();
    let alerts = alerts::read(&file, &[]).unwrap();
    let outputs = Outputs::open(None, None, Some(&triggers)).unwrap();
    let journal = Journal { log, tenant: tenant.id.clone(), from, to: None };
    let run = Run::new(tenant.id.clone(), &alerts, journal.from_time(), outputs, None);
    let mut watch = Watch { shutdown: Shutdown::new(), progress: &mut |_| {} };
    let finished = fold(&journal, run, &mut watch)?;
    let lines = std::fs::read_to_string(&triggers).unwrap();
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].to_string();
    Ok((finished, lines.lines().map(id).collect()))
}

#[test]
fn worker_verify_and_backtest_fold_the_same_and_put_the_same_aside() {
    let (dir, tenant) = (tempfile::tempdir().unwrap(), tenant());
    let url = format!("embedded:{}", dir.path().join("log").display());
    let log = open(&url, Access::Write, Clock::system()).unwrap();
    for topic in Topic::all(&tenant.id) {
        log.create(&topic).unwrap();
    }
    log.append(&Topic::new(&tenant.id, TopicKind::Journal), journal(&tenant)).wait().unwrap();
    work(&log, &tenant);

    let read = |kind| scan(log.as_ref(), &Topic::new(&tenant.id, kind), 0..u64::MAX).unwrap();
    let outcome = |record: bellwether_runtime::log::Record| codec::decode_outcome(&record.value).unwrap();
    let fired = read(TopicKind::Triggers).filter_map(|record| match outcome(record.unwrap()) {
        Outcome::Fired(trigger) => Some(format!("\"{}\"", trigger.id)),
        Outcome::Status(_) => None,
    });
    let fired: Vec<String> = fired.collect();
    assert!(fired.len() > 10, "{fired:?}");

    let report = verify(log.as_ref(), &tenant.id, &(0..u64::MAX), &mut |_| {}).unwrap();
    assert_eq!((report.differences, report.pending), (Vec::new(), 0));

    let (finished, by_backtest) = backtest(log.as_ref(), &tenant, dir.path());
    assert_eq!(by_backtest, fired);
    let reasons = |reason: &str| {
        let letters = read(TopicKind::DeadLetters);
        let letters = letters.map(|record| codec::decode_dead_letter(&record.unwrap().value).unwrap().reason);
        letters.filter(|kept| kept == reason).count() as u64
    };
    let put_aside: Vec<(&str, u64)> =
        finished.summary.put_aside.into_iter().filter(|(reason, count)| reasons(reason) == *count).collect();
    assert_eq!(put_aside, [("misrouted", 15), ("undecodable", 15)]);
}

#[test]
fn a_backtest_of_a_journal_that_was_cut_gives_what_it_gives_of_the_whole() {
    let (dir, tenant) = (tempfile::tempdir().unwrap(), tenant());
    let options = Options { fsync: Fsync::Never, segment_bytes: 1, segment_age: DAY };
    let at = dir.path().join("log");
    let log: Arc<dyn Log> =
        Arc::new(EmbeddedLog::open_with(&at, Access::Write, Clock::system(), options).unwrap());
    for topic in Topic::all(&tenant.id) {
        log.create(&topic).unwrap();
    }
    let topic = Topic::new(&tenant.id, TopicKind::Journal);
    let records = journal(&tenant);
    let (first, rest) = records.split_at(records.len() / 2);
    for record in first {
        log.append(&topic, vec![record.clone()]).wait().unwrap();
    }
    // Which leaves a base behind.
    work(&log, &tenant);
    for record in rest {
        log.append(&topic, vec![record.clone()]).wait().unwrap();
    }
    let base = first.len() as u64;
    let given = |from| backtest_from(log.as_ref(), &tenant, dir.path(), Some(Boundary::Offset(from)));
    let whole = [base, base + 20].map(|from| given(from).unwrap().1);
    assert!(whole[1].len() > 3 && whole[0].len() > whole[1].len(), "{whole:?}");
    log.cut(&topic, base - 1).unwrap();
    assert_eq!(log.bounds(&topic).unwrap().start, base - 1);
    let (finished, first) = given(base).unwrap();
    assert_eq!([first, given(base + 20).unwrap().1], whole);
    assert!(finished.summary.journal.unwrap().size.ends_with(&format!("from offset {base} on")));
    let refused = given(base - 1).unwrap_err();
    assert!(matches!(refused, BacktestError::JournalCut { start, .. } if start == base), "{refused}");
}
