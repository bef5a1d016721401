//! The same journal gives the same triggers, byte for byte, in every build; and `verify` says where one differs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bellwether_engine::ENGINE_VERSION;
use bellwether_producers::play::Speed;
use bellwether_producers::{ProducerContext, SyntheticRun, run_synthetic};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::log::embedded::EmbeddedLog;
use bellwether_runtime::log::{Access, Log, NewRecord, Record};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::{
    AlertChanged, AlertKind, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker,
    HeatmapTracker, PriceAlert, RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::ids::derive;
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::time::DAY;
use bellwether_schemas::triggers::{Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Entry, Origin, Timeframe, Timestamp, Topic, TopicKind, UserId, codec};
use bellwether_worker::replay::{Difference, verify};
use tokio::sync::watch;
use uuid::Uuid;

/// UUIDv5 over all bytes of the triggers topic, by the version of the rules that the journal names. It changes only with
/// the market or the alerts below; debug and release builds, every later build and every machine must give the same.
const DIGESTS: [(i32, &str); 3] = [
    (1, "9be76b11-d71a-562a-a0de-843ac702e227"),
    (2, "a0531423-e2fb-5751-90a5-ad827be2b833"),
    (3, "cebb75ef-b71e-54a8-9a25-73212403bf26"),
];
/// Records of both topics, a line each, as the last program that knew version 1 alone wrote them: five-minute bars of
/// three symbols that move until RSI(14) is 70 exactly, stand for five hours and move again.
const WRITTEN_BEFORE: &str = include_str!("../vectors/journal-of-version-1.txt");
/// Near which the synthetic EURUSD walks.
const PRICE: f64 = 1.184;
/// 2024-01-07T22:00:00Z, a Sunday's anchor.
const START: Timestamp = Timestamp(1_704_664_800_000_000);
const WHOLE: std::ops::Range<u64> = 0..u64::MAX;

fn tenant() -> Tenant {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tenants/fxlabs.toml");
    load_tenant(&file, &|_| None).unwrap()
}

fn open(dir: &Path, tenant: &Tenant) -> Arc<dyn Log> {
    let log = EmbeddedLog::open(dir, Access::Write, Clock::system()).unwrap();
    for topic in Topic::all(&tenant.id) {
        log.create(&topic).unwrap();
    }
    Arc::new(log)
}

fn append(log: &dyn Log, tenant: &Tenant, entry: &Entry) {
    let record = NewRecord { key: Vec::new(), value: codec::encode_entry(entry).unwrap() };
    log.append(&Topic::new(&tenant.id, TopicKind::Journal), vec![record]).wait().unwrap();
}

/// Of every kind, and of every mode of a kind.
fn alerts() -> Vec<AlertParameters> {
    let rsi =
        [(Timeframe::M5, 14, 70), (Timeframe::M15, 9, 65), (Timeframe::H1, 5, 75), (Timeframe::H4, 5, 60)];
    let rsi = rsi.map(|(timeframe, rsi_period, rsi_overbought)| {
        AlertParameters::RsiTracker(RsiTracker { timeframe, rsi_period, rsi_overbought, rsi_oversold: 30 })
    });
    let pairs = [("rsi_threshold", Timeframe::M5), ("real_correlation", Timeframe::M15)];
    let pairs = pairs.map(|(mode, timeframe)| {
        let (mode, correlation_window) = (mode.into(), 20);
        let (rsi_period, rsi_overbought, rsi_oversold) = (7, 60, 40);
        AlertParameters::RsiCorrelationTracker(RsiCorrelationTracker {
            timeframe,
            mode,
            rsi_period,
            rsi_overbought,
            rsi_oversold,
            correlation_window,
        })
    });
    let symbols: Vec<String> = ["EURUSD", "XAUUSD", "btcusd"].map(String::from).into();
    let heatmap = AlertParameters::HeatmapTracker(HeatmapTracker {
        pairs: symbols.clone(),
        trading_style: "scalper".into(),
        buy_threshold: 60,
        sell_threshold: 60,
    });
    let turns = ["EMA21", "EMA50", "EMA200", "MACD", "RSI", "UTBOT", "ICHIMOKU"].map(|indicator| {
        let (pairs, timeframe, indicator) = (symbols.clone(), Timeframe::M5, indicator.into());
        AlertParameters::HeatmapIndicatorTracker(HeatmapIndicatorTracker { pairs, timeframe, indicator })
    });
    let strength =
        AlertParameters::CurrencyStrengthTracker(CurrencyStrengthTracker { timeframe: Timeframe::H1 });
    let prices = [None, Some(Timeframe::M5)].map(|on_close| {
        let level = Some(PRICE);
        let (symbol, fires) = ("EURUSD".into(), "every".into());
        let price = PriceAlert { symbol, above: level, below: level, on_close, fires, expires_at: None };
        AlertParameters::PriceAlert(price)
    });
    rsi.into_iter().chain(pairs).chain([heatmap]).chain(turns).chain([strength]).chain(prices).collect()
}

/// Settings that name that version, alerts, and two days of the synthetic market.
fn journal(log: &Arc<dyn Log>, tenant: &Tenant, engine_version: i32) {
    let origin = Origin {
        tenant: tenant.id.clone(),
        source: "test".into(),
        session: "1".into(),
        played: true,
        appended_at: START,
    };
    let (revision, settings) = (tenant.revision, tenant.settings.clone());
    let change = SettingsChanged { origin: origin.clone(), revision, engine_version, settings };
    append(log.as_ref(), tenant, &Entry::Settings(change));
    for (number, parameters) in (1..).zip(alerts()) {
        let change = AlertChanged {
            origin: origin.clone(),
            alert_id: AlertId(Uuid::from_u128(number)),
            user_id: UserId(Uuid::from_u128(number)),
            version: 1,
            active: true,
            deleted: false,
            parameters,
        };
        append(log.as_ref(), tenant, &Entry::Alert(change));
    }
    let run = SyntheticRun {
        tenant: tenant.id.clone(),
        settings: tenant.settings.clone(),
        seed: 7,
        ticks_a_minute: 6,
        speed: Speed::FREE,
        start: START,
        until: Some(START.plus(2 * DAY)),
        run_for: None,
    };
    let context = ProducerContext::new(Arc::clone(log), Clock::system(), Shutdown::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run_synthetic(&context, run)).unwrap();
}

/// Folds the journal to its end with the worker itself.
fn process(log: &Arc<dyn Log>, tenant: &Tenant) {
    let (_keep, tenants) = watch::channel(Arc::new(vec![tenant.clone()]));
    let shutdown = Shutdown::new();
    let context =
        bellwether_worker::Context::new(Arc::clone(log), tenants, Clock::system(), shutdown.clone());
    let worker = std::thread::spawn(move || bellwether_worker::run(context));
    let topic = Topic::new(&tenant.id, TopicKind::Journal);
    let next = log.bounds(&topic).unwrap().next;
    while log.committed(bellwether_worker::GROUP, &topic).unwrap() != Some(next) {
        assert!(!worker.is_finished(), "the worker ended");
        std::thread::sleep(Duration::from_millis(10));
    }
    shutdown.raise();
    worker.join().unwrap().unwrap();
}

fn records(log: &dyn Log, topic: &Topic) -> Vec<Record> {
    let mut reader = log.reader(topic, 0).unwrap();
    let mut all = Vec::new();
    while reader.next_offset() < log.bounds(topic).unwrap().next {
        all.extend(reader.read(1000, Duration::ZERO).unwrap());
    }
    all
}

fn digest(records: &[Record]) -> String {
    let bytes: Vec<u8> =
        records.iter().flat_map(|record| [&record.key[..], &record.value]).flatten().copied().collect();
    derive(&format!("{bytes:?}")).to_string()
}

#[test]
fn the_same_journal_gives_the_same_triggers_in_every_build_and_a_changed_byte_is_named() {
    let (version, expected) = DIGESTS[DIGESTS.len() - 1];
    assert_eq!(version, ENGINE_VERSION, "the newest rules have a digest");
    let (home, tenant) = (tempfile::tempdir().unwrap(), tenant());
    let log = open(&home.path().join("first"), &tenant);
    let recorded = assert_digest(&log, &tenant, version, expected);

    let report = verify(log.as_ref(), &tenant.id, &WHOLE, &mut |_| {}).unwrap();
    assert_eq!((report.differences.len(), report.pending), (0, 0));
    assert_eq!((report.folded, report.compared), (recorded.len() as u64, recorded.len() as u64));

    assert_a_second_worker_writes_nothing(&log, &tenant, recorded.len());
    assert_changes_are_named(home.path(), log.as_ref(), &tenant, &recorded);
}

#[test]
fn a_journal_that_names_older_rules_gives_the_triggers_that_it_always_gave() {
    for (version, expected) in &DIGESTS[..DIGESTS.len() - 1] {
        let (home, tenant) = (tempfile::tempdir().unwrap(), tenant());
        let log = open(home.path(), &tenant);
        assert_digest(&log, &tenant, *version, expected);
    }
}

/// Writes and processes the journal; its outcomes.
fn assert_digest(log: &Arc<dyn Log>, tenant: &Tenant, version: i32, expected: &str) -> Vec<Record> {
    journal(log, tenant, version);
    process(log, tenant);
    let recorded = records(log.as_ref(), &Topic::new(&tenant.id, TopicKind::Triggers));
    assert!(recorded.len() > 500, "{} outcomes", recorded.len());
    assert_every_kind_fired(&recorded);
    assert_eq!(digest(&recorded), expected, "version {version}");
    recorded
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Key and value of each record that the topic had.
fn written_before(topic: &str) -> Vec<NewRecord> {
    let record = |line: &str| {
        let (key, value) = line.rsplit_once(' ').unwrap();
        NewRecord { key: key.trim().as_bytes().to_vec(), value: bytes(value) }
    };
    WRITTEN_BEFORE.lines().filter_map(|line| line.strip_prefix(topic)).map(record).collect()
}

fn append_all(log: &dyn Log, tenant: &Tenant, kind: TopicKind, records: Vec<NewRecord>) {
    log.append(&Topic::new(&tenant.id, kind), records).wait().unwrap();
}

/// The triggers topic's records, which a fold of the whole journal gives again byte for byte.
fn verified(log: &dyn Log, tenant: &Tenant) -> Vec<Record> {
    let recorded = records(log, &Topic::new(&tenant.id, TopicKind::Triggers));
    let report = verify(log, &tenant.id, &WHOLE, &mut |_| {}).unwrap();
    assert!(report.differences.is_empty(), "{:?}", report.differences);
    let count = recorded.len() as u64;
    assert_eq!((report.folded, report.compared, report.pending), (count, count, 0));
    recorded
}

fn fired<'a>(values: impl Iterator<Item = &'a Vec<u8>>) -> Vec<TriggerFired> {
    let trigger = |value: &Vec<u8>| match codec::decode_outcome(value).unwrap() {
        Outcome::Fired(trigger) => Some(trigger),
        Outcome::Status(_) => None,
    };
    values.filter_map(trigger).collect()
}

#[test]
fn a_journal_written_before_the_rules_changed_is_verified_byte_for_byte() {
    let (home, tenant) = (tempfile::tempdir().unwrap(), tenant());
    let log = open(home.path(), &tenant);
    append_all(log.as_ref(), &tenant, TopicKind::Journal, written_before("journal"));
    append_all(log.as_ref(), &tenant, TopicKind::Triggers, written_before("triggers"));
    assert_eq!(verified(log.as_ref(), &tenant).len(), written_before("triggers").len());
}

/// Where the market of that journal begins to stand still.
const MIDDLE: usize = 22;

/// That journal with its own settings once more in the middle, at the same revision, naming that version; the rest is
/// processed by this build. What was fired before the middle, and after it.
fn with_settings_in_the_middle(engine_version: i32) -> [Vec<TriggerFired>; 2] {
    let (home, tenant) = (tempfile::tempdir().unwrap(), tenant());
    let log = open(home.path(), &tenant);
    let mut journal = written_before("journal");
    let Entry::Settings(change) = codec::decode_entry(&journal[0].value).unwrap() else {
        panic!("a journal begins with its settings")
    };
    let again = Entry::Settings(SettingsChanged { engine_version, ..change });
    journal.insert(MIDDLE, NewRecord { key: Vec::new(), value: codec::encode_entry(&again).unwrap() });
    append_all(log.as_ref(), &tenant, TopicKind::Journal, journal);
    let offset = |record: &NewRecord| codec::decode_outcome(&record.value).unwrap().cause().offset;
    let mut old = written_before("triggers");
    old.retain(|record| offset(record) < MIDDLE as i64);
    append_all(log.as_ref(), &tenant, TopicKind::Triggers, old.clone());
    process(&log, &tenant);
    let all = verified(log.as_ref(), &tenant);
    assert!(all.iter().zip(&old).all(|(now, then)| now.value == then.value), "what was fired stays");
    let (before, after) = all.split_at(old.len());
    [before, after].map(|records| fired(records.iter().map(|record| &record.value)))
}

#[test]
fn newer_rules_hold_from_the_settings_that_name_them_in_the_middle_of_an_old_journal() {
    let ids = |triggers: &[TriggerFired]| triggers.iter().map(|trigger| trigger.id).collect::<Vec<_>>();
    let [before, older] = with_settings_in_the_middle(1);
    let old = written_before("triggers");
    let old = fired(old.iter().map(|record| &record.value));
    assert_eq!([ids(&before), ids(&older)].concat(), ids(&old), "named again they change nothing");
    let [same, newer] = with_settings_in_the_middle(2);
    assert_eq!(same, before);
    assert!(before.iter().chain(&older).all(|trigger| trigger.engine_version == 1));
    assert!(newer.iter().all(|trigger| trigger.engine_version == 2) && newer.len() > 10);
    let kept = ids(&newer);
    let gone = older.iter().filter(|trigger| !kept.contains(&trigger.id));
    let kinds: BTreeSet<AlertKind> = gone.map(|trigger| trigger.kind).collect();
    for kind in [AlertKind::RsiTracker, AlertKind::CurrencyStrengthTracker] {
        assert!(kinds.contains(&kind), "what rounding and level currencies fired: {kinds:?}");
    }
}

fn assert_every_kind_fired(recorded: &[Record]) {
    let mut fired = BTreeMap::<AlertId, usize>::new();
    for record in recorded {
        if let Outcome::Fired(trigger) = codec::decode_outcome(&record.value).unwrap() {
            *fired.entry(trigger.alert_id).or_default() += 1;
        }
    }
    assert_eq!(fired.len(), alerts().len(), "each alert fires, so that the digest speaks of it: {fired:?}");
}

fn assert_a_second_worker_writes_nothing(log: &Arc<dyn Log>, tenant: &Tenant, before: usize) {
    process(log, tenant);
    assert_eq!(records(log.as_ref(), &Topic::new(&tenant.id, TopicKind::Triggers)).len(), before);
}

/// The journal beside a triggers topic in which one byte is another, one record is missing and one was made up.
fn assert_changes_are_named(home: &Path, log: &dyn Log, tenant: &Tenant, recorded: &[Record]) {
    let copy = open(&home.join("changed"), tenant);
    let journal = Topic::new(&tenant.id, TopicKind::Journal);
    let plain = |record: &Record| NewRecord { key: record.key.clone(), value: record.value.clone() };
    let entries: Vec<NewRecord> = records(log, &journal).iter().map(plain).collect();
    for batch in entries.chunks(100) {
        copy.append(&journal, batch.to_vec()).wait().unwrap();
    }
    let mut changed: Vec<NewRecord> = recorded.iter().map(plain).collect();
    let at = changed[100].value.len() - 1;
    changed[100].value[at] ^= 1;
    let missing = codec::decode_outcome(&changed.remove(50).value).unwrap();
    changed.push(NewRecord { key: b"made up".to_vec(), value: b"made up".to_vec() });
    copy.append(&Topic::new(&tenant.id, TopicKind::Triggers), changed).wait().unwrap();

    let report = verify(copy.as_ref(), &tenant.id, &WHOLE, &mut |_| {}).unwrap();
    let [
        Difference::Changed { offset, byte, .. },
        Difference::Unexplained { offset: unexplained, .. },
        Difference::Missing(found),
    ] = &report.differences[..]
    else {
        panic!("{:?}", report.differences)
    };
    assert_eq!((*offset, *byte), (99, at));
    assert_eq!(*unexplained, recorded.len() as u64 - 1);
    assert_eq!(**found, missing);
}
