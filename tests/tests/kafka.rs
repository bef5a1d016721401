//! The same journals on both backends: a worker on Kafka writes the very bytes that one on the embedded log writes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bellwether_engine::ENGINE_VERSION;
use bellwether_local::kafka::Kafka;
use bellwether_producers::play::Speed;
use bellwether_producers::{ProducerContext, SyntheticRun, run_synthetic};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::log::embedded::EmbeddedLog;
use bellwether_runtime::log::kafka::{KafkaLog, Options};
use bellwether_runtime::log::{Access, Log, NewRecord, Record};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::time::DAY;
use bellwether_schemas::{AlertId, Entry, Origin, Timeframe, Timestamp, Topic, TopicKind, UserId, codec};
use bellwether_worker::snapshots::{Shelf, cut_journal};
use bellwether_worker::{GROUP, replay};
use tokio::sync::watch;
use uuid::Uuid;

/// 2024-01-07T22:00:00Z, a Sunday's anchor.
const START: Timestamp = Timestamp(1_704_664_800_000_000);
const PATIENCE: Duration = Duration::from_secs(120);

/// None, said loudly, where there can be no broker and nobody promised one.
fn kafka(dir: &Path) -> Option<Kafka> {
    if !Kafka::is_available() && std::env::var_os("CI").is_none() {
        eprintln!(
            "\n*** SKIPPED: Kafka is not tested, because Java or Maven is missing: run scripts/setup ***\n"
        );
        return None;
    }
    Some(Kafka::start(&dir.join("services"), 1).unwrap())
}

fn on_kafka(kafka: &Kafka, dir: &Path) -> Arc<dyn Log> {
    let options = Options { host: "test".into(), slots: dir.join("slots"), ..Options::default() };
    Arc::new(KafkaLog::open_with(kafka.brokers(), Access::Write, options).unwrap())
}

fn tenants() -> Vec<Tenant> {
    let load = |name| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tenants").join(name);
        load_tenant(&file, &|_| None).unwrap()
    };
    vec![load("fxlabs.toml"), load("hextech.toml")]
}

fn create(log: &dyn Log, tenants: &[Tenant]) {
    for topic in tenants.iter().flat_map(|tenant| Topic::all(&tenant.id)) {
        log.create(&topic).unwrap();
    }
}

fn append(log: &dyn Log, tenant: &Tenant, entry: &Entry) {
    let record = NewRecord { key: tenant.id.as_str().into(), value: codec::encode_entry(entry).unwrap() };
    log.append(&Topic::new(&tenant.id, TopicKind::Journal), vec![record]).wait().unwrap();
}

/// Settings, three alerts, a record that nobody can read, and a day of the synthetic market.
fn write_journal(log: &Arc<dyn Log>, tenant: &Tenant, seed: u64) {
    let origin = Origin {
        tenant: tenant.id.clone(),
        source: "test".into(),
        session: "1".into(),
        played: true,
        appended_at: START,
    };
    let (revision, settings) = (tenant.revision, tenant.settings.clone());
    let change =
        SettingsChanged { origin: origin.clone(), revision, engine_version: ENGINE_VERSION, settings };
    append(log.as_ref(), tenant, &Entry::Settings(change));
    for (number, timeframe) in (1..).zip([Timeframe::M5, Timeframe::M15, Timeframe::H1]) {
        let rsi = RsiTracker { timeframe, rsi_period: 9, rsi_overbought: 70, rsi_oversold: 30 };
        let change = AlertChanged {
            origin: origin.clone(),
            alert_id: AlertId(Uuid::from_u128(number)),
            user_id: UserId(Uuid::from_u128(number)),
            version: 1,
            active: true,
            deleted: false,
            parameters: AlertParameters::RsiTracker(rsi),
        };
        append(log.as_ref(), tenant, &Entry::Alert(change));
    }
    let garbage = NewRecord { key: Vec::new(), value: b"nobody can read this".to_vec() };
    log.append(&Topic::new(&tenant.id, TopicKind::Journal), vec![garbage]).wait().unwrap();
    play(log, tenant, seed, START.plus(DAY));
}

/// The synthetic market from where the journal has it, or from its beginning, until then.
fn play(log: &Arc<dyn Log>, tenant: &Tenant, seed: u64, until: Timestamp) {
    let run = SyntheticRun {
        tenant: tenant.id.clone(),
        settings: tenant.settings.clone(),
        seed,
        ticks_a_minute: 6,
        speed: Speed::FREE,
        start: START,
        until: Some(until),
        run_for: None,
    };
    let context = ProducerContext::new(Arc::clone(log), Clock::system(), Shutdown::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run_synthetic(&context, run)).unwrap();
}

/// Folds every journal to its end with one worker.
fn process(log: &Arc<dyn Log>, tenants: &[Tenant]) {
    let topics: Vec<Topic> =
        tenants.iter().map(|tenant| Topic::new(&tenant.id, TopicKind::Journal)).collect();
    let folded =
        |topic: &Topic| log.committed(GROUP, topic).unwrap() == Some(log.bounds(topic).unwrap().next);
    process_until(log, tenants, || topics.iter().all(folded));
}

/// Runs one worker until then, and asks it to stop.
fn process_until(log: &Arc<dyn Log>, tenants: &[Tenant], done: impl Fn() -> bool) {
    let (_keep, watched) = watch::channel(Arc::new(tenants.to_vec()));
    let shutdown = Shutdown::new();
    let context =
        bellwether_worker::Context::new(Arc::clone(log), watched, Clock::system(), shutdown.clone());
    let worker = std::thread::spawn(move || bellwether_worker::run(context));
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !done() {
        if worker.is_finished() {
            panic!("the worker ended: {:?}", worker.join());
        }
        assert!(tokio::time::Instant::now() < deadline, "not folded within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    shutdown.raise();
    worker.join().unwrap().unwrap();
}

fn records(log: &dyn Log, tenant: &Tenant, kind: TopicKind) -> Vec<Record> {
    let topic = Topic::new(&tenant.id, kind);
    let next = log.bounds(&topic).unwrap().next;
    let mut reader = log.reader(&topic, 0).unwrap();
    let mut all = Vec::new();
    while reader.next_offset() < next {
        all.extend(reader.read(1000, Duration::ZERO).unwrap());
    }
    all
}

/// Keys and values; offsets and append times are the backend's.
fn bytes(records: &[Record]) -> Vec<(&[u8], &[u8])> {
    records.iter().map(|record| (&record.key[..], &record.value[..])).collect()
}

/// What the other has not yet, record by record, so that each keeps its offset.
fn copy(from: &dyn Log, to: &dyn Log, tenant: &Tenant, kind: TopicKind) {
    let topic = Topic::new(&tenant.id, kind);
    let mut missing = records(from, tenant, kind);
    let there = to.bounds(&topic).unwrap().next;
    missing.retain(|record| record.offset >= there);
    for chunk in missing.chunks(500) {
        let new = |record: &Record| NewRecord { key: record.key.clone(), value: record.value.clone() };
        let first = to.append(&topic, chunk.iter().map(new).collect()).wait().unwrap();
        assert_eq!(first, chunk[0].offset);
    }
}

#[test]
fn a_worker_that_was_asked_to_stop_leaves_nothing_to_be_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let Some(kafka) = kafka(dir.path()) else { return };
    let tenants = tenants();
    let log = on_kafka(&kafka, dir.path());
    create(log.as_ref(), &tenants);
    for (tenant, seed) in tenants.iter().zip(7..) {
        write_journal(&log, tenant, seed);
    }
    let journal = Topic::new(&tenants[0].id, TopicKind::Journal);
    let end = log.bounds(&journal).unwrap().next;
    let mut stops = Vec::new();
    let triggers = Topic::new(&tenants[0].id, TopicKind::Triggers);
    // Stopped wherever it is, again and again, the first time once it has told anything; the last one is not.
    for part in 1..=3 {
        process_until(&log, &tenants, || {
            log.bounds(&triggers).unwrap().next > 0
                && log.committed(GROUP, &journal).unwrap().unwrap_or(0) >= end * (part - 1) / 4
        });
        for tenant in &tenants {
            let committed =
                log.committed(GROUP, &Topic::new(&tenant.id, TopicKind::Journal)).unwrap().unwrap_or(0);
            let last = records(log.as_ref(), tenant, TopicKind::Triggers).pop();
            let last = last.map(|record| codec::decode_outcome(&record.value).unwrap().cause().offset);
            assert!(last.is_none_or(|last| u64::try_from(last).unwrap() < committed), "{last:?} {committed}");
            stops.push(committed);
        }
    }
    process(&log, &tenants);
    assert!(stops.iter().any(|at| *at > 0 && *at < end), "none was stopped on its way: {stops:?} of {end}");
    for tenant in &tenants {
        for kind in [TopicKind::Triggers, TopicKind::DeadLetters] {
            let records = records(log.as_ref(), tenant, kind);
            let distinct: BTreeSet<_> = bytes(&records).into_iter().collect();
            assert_eq!(distinct.len(), records.len(), "{} {}", tenant.id, kind.name());
        }
        let report = replay::verify(log.as_ref(), &tenant.id, &(0..u64::MAX), &mut |_| {}).unwrap();
        assert!(report.differences.is_empty() && report.pending == 0, "{}", tenant.id);
    }
}

#[test]
fn a_journal_that_was_cut_on_kafka_gives_what_the_whole_gives_on_the_embedded_log() {
    let dir = tempfile::tempdir().unwrap();
    let Some(kafka) = kafka(dir.path()) else { return };
    let tenants = &tenants()[..1];
    let tenant = &tenants[0];
    let embedded: Arc<dyn Log> =
        Arc::new(EmbeddedLog::open(&dir.path().join("log"), Access::Write, Clock::system()).unwrap());
    let brokers = on_kafka(&kafka, dir.path());
    for log in [&embedded, &brokers] {
        create(log.as_ref(), tenants);
    }
    write_journal(&embedded, tenant, 7);
    copy(embedded.as_ref(), brokers.as_ref(), tenant, TopicKind::Journal);
    process(&brokers, tenants);
    // A worker does this once a day, of what is older than its tenant keeps.
    let mut shelf = Shelf::new(&tenant.id);
    shelf.read_along(brokers.as_ref()).unwrap();
    let now = Clock::system().now();
    let cut = cut_journal(brokers.as_ref(), &mut shelf, Duration::ZERO, now).unwrap().unwrap();
    let journal = Topic::new(&tenant.id, TopicKind::Journal);
    let start = brokers.bounds(&journal).unwrap().start;
    assert!(cut.before == 0 && cut.start == start && start > 4, "{cut:?}, {start}");
    play(&embedded, tenant, 7, START.plus(2 * DAY));
    copy(embedded.as_ref(), brokers.as_ref(), tenant, TopicKind::Journal);
    for log in [&embedded, &brokers] {
        process(log, tenants);
    }
    let [here, there] = [&embedded, &brokers].map(|log| records(log.as_ref(), tenant, TopicKind::Triggers));
    assert_eq!(bytes(&here), bytes(&there));
    let report = replay::verify(brokers.as_ref(), &tenant.id, &(0..u64::MAX), &mut |_| {}).unwrap();
    assert!(report.differences.is_empty() && report.pending == 0 && report.compared > 0, "{report:?}");
    assert!(report.begins >= start, "{report:?}");
}

#[test]
fn the_same_journals_give_the_same_triggers_on_kafka_and_on_the_embedded_log() {
    let dir = tempfile::tempdir().unwrap();
    let Some(kafka) = kafka(dir.path()) else { return };
    let tenants = tenants();
    let embedded: Arc<dyn Log> =
        Arc::new(EmbeddedLog::open(&dir.path().join("log"), Access::Write, Clock::system()).unwrap());
    let brokers = on_kafka(&kafka, dir.path());
    for log in [&embedded, &brokers] {
        create(log.as_ref(), &tenants);
    }
    for (tenant, seed) in tenants.iter().zip(7..) {
        write_journal(&embedded, tenant, seed);
        copy(embedded.as_ref(), brokers.as_ref(), tenant, TopicKind::Journal);
    }
    process(&embedded, &tenants);
    process(&brokers, &tenants);
    for tenant in &tenants {
        for kind in [TopicKind::Triggers, TopicKind::DeadLetters] {
            let here = records(embedded.as_ref(), tenant, kind);
            let there = records(brokers.as_ref(), tenant, kind);
            assert!(!here.is_empty());
            assert_eq!(bytes(&here), bytes(&there), "{} {}", tenant.id, kind.name());
        }
        let report = replay::verify(brokers.as_ref(), &tenant.id, &(0..u64::MAX), &mut |_| {}).unwrap();
        assert!(report.differences.is_empty() && report.pending == 0, "{}", tenant.id);
    }
}
