//! `--compare recorded`: what was planted is what is found, and nothing of the rest; judged by what the worker makes of
//! a journal in which it was so from the start.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bellwether_backtest::alerts;
use bellwether_backtest::compare::{Compared, Comparing, Counts, Difference, What};
use bellwether_backtest::journal::{Boundary, Journal, fold};
use bellwether_backtest::outputs::Outputs;
use bellwether_backtest::report::{self, Contents, Provenance};
use bellwether_backtest::run::{Finished, Run, Watch};
use bellwether_backtest::study::Study;
use bellwether_engine::ENGINE_VERSION;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::embedded::{EmbeddedLog, Fsync, Options};
use bellwether_runtime::log::{Access, Log, NewRecord, scan};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, PriceAlert, RsiTracker};
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::time::DAY;
use bellwether_schemas::triggers::{Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Entry, Timeframe, Timestamp, Topic, TopicKind, UserId, codec};
use uuid::Uuid;

use support::folded::{BAR, origin, record, tenant, tick, work};

const BARS: i64 = 160;
/// Where an alert is paused, and goes on.
const PAUSED: i64 = 60;
const RESUMED: i64 = 80;
/// The bar that a market may have otherwise.
const OTHER_BAR: i64 = 90;

/// What is otherwise than usual.
#[derive(Clone, Copy, Default)]
struct Planted {
    /// The upper line of the first alert.
    line: Option<i32>,
    /// The first symbol's close of [`OTHER_BAR`] is so much higher.
    bar: i64,
}

fn id(number: u128) -> AlertId {
    AlertId(Uuid::from_u128(number))
}

/// Two trackers, of which the second is paused for a while; a level by ticks, and one that fires once.
fn parameters(planted: Planted) -> [AlertParameters; 4] {
    let rsi = |rsi_overbought: i32| {
        let (timeframe, rsi_period, rsi_oversold) = (Timeframe::M5, 5, 40);
        AlertParameters::RsiTracker(RsiTracker { timeframe, rsi_period, rsi_overbought, rsi_oversold })
    };
    let level = |fires: &str| {
        let (symbol, above, fires) = ("EURUSD".into(), Some(1.1), fires.into());
        AlertParameters::PriceAlert(PriceAlert { symbol, above, fires, ..PriceAlert::default() })
    };
    [rsi(planted.line.unwrap_or(60)), rsi(60), level("every"), level("once")]
}

/// The same for the backtest.
fn file(planted: Planted) -> String {
    let id = |number| id(number).to_string();
    let rsi = |number, line: i32| {
        serde_json::json!({"kind": "rsi_tracker", "id": id(number), "timeframe": "5M", "rsi_period": 5,
            "rsi_overbought": line, "rsi_oversold": 40, "name": format!("rsi {number}")})
    };
    let level = |number, fires: &str| {
        serde_json::json!({"kind": "price_alert", "id": id(number), "symbol": "EURUSD", "above": 1.1,
            "fires": fires, "name": fires})
    };
    let alerts = [rsi(1, planted.line.unwrap_or(60)), rsi(2, 60), level(3, "every"), level(4, "once")];
    serde_json::to_string(&alerts).unwrap()
}

fn change(tenant: &Tenant, number: u128, version: i64, active: bool, planted: Planted) -> NewRecord {
    let entry = Entry::Alert(AlertChanged {
        origin: origin(&tenant.id),
        alert_id: id(number),
        user_id: UserId(Uuid::from_u128(9)),
        version,
        active,
        deleted: false,
        // The fifth is nowhere but in the journal.
        parameters: parameters(planted)[(usize::try_from(number).unwrap() - 1) % 4].clone(),
    });
    record(tenant.id.as_str(), &entry)
}

/// Two symbols that go up and down, the second more slowly; five alerts.
fn journal(tenant: &Tenant, planted: Planted) -> Vec<NewRecord> {
    let names = ["EURUSD", "GBPUSD"].map(|name| {
        let found = tenant.settings.symbols.iter().find(|symbol| symbol.name.as_str().starts_with(name));
        found.unwrap().name.to_string()
    });
    let (revision, settings) = (tenant.revision, tenant.settings.clone());
    let origin = origin(&tenant.id);
    let settings =
        SettingsChanged { origin: origin.clone(), revision, engine_version: ENGINE_VERSION, settings };
    let mut records = vec![record(tenant.id.as_str(), &Entry::Settings(settings))];
    records.extend((1..=5).map(|number| change(tenant, number, 1, true, planted)));
    let mut bids = [110_000, 127_000];
    for number in 0..BARS {
        if number == PAUSED || number == RESUMED {
            let version = if number == PAUSED { 2 } else { 3 };
            records.push(change(tenant, 2, version, number == RESUMED, planted));
        }
        for (at, name) in names.iter().enumerate() {
            let step = if number / [8, 11][at] % 2 == 0 { 60 } else { -70 };
            bids[at] += step + number % 3;
            let other = if at == 0 && number == OTHER_BAR { planted.bar } else { 0 };
            let tick = tick(&tenant.id, name, number, bids[at] + other);
            records.push(record(tenant.id.as_str(), &tick));
        }
        let ts = Timestamp((number + 1) * BAR + 1_000_000);
        records.push(record(tenant.id.as_str(), &Entry::Heartbeat(Heartbeat { origin: origin.clone(), ts })));
    }
    records
}

/// A log with that journal.
struct World {
    dir: tempfile::TempDir,
    log: Arc<dyn Log>,
    tenant: Tenant,
}

impl World {
    fn new(journal: &[NewRecord]) -> Self {
        Self::in_segments(journal, 1 << 20)
    }

    /// A record a segment, so that it can be cut anywhere.
    fn to_be_cut(journal: &[NewRecord]) -> Self {
        Self::in_segments(journal, 1)
    }

    fn in_segments(journal: &[NewRecord], segment_bytes: u64) -> Self {
        let (dir, tenant) = (tempfile::tempdir().unwrap(), tenant());
        let options = Options { fsync: Fsync::Never, segment_bytes, segment_age: DAY };
        let at = dir.path().join("log");
        let log: Arc<dyn Log> =
            Arc::new(EmbeddedLog::open_with(&at, Access::Write, Clock::system(), options).unwrap());
        Topic::all(&tenant.id).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
        let world = Self { dir, log, tenant };
        world.append(TopicKind::Journal, journal);
        world
    }

    /// Folded by the worker.
    fn worked(planted: Planted) -> Self {
        let world = Self::new(&journal(&tenant(), planted));
        work(&world.log, &world.tenant);
        world
    }

    fn append(&self, kind: TopicKind, records: &[NewRecord]) {
        let topic = Topic::new(&self.tenant.id, kind);
        for record in records {
            self.log.append(&topic, vec![record.clone()]).wait().unwrap();
        }
    }

    fn recorded(&self) -> Vec<NewRecord> {
        let topic = Topic::new(&self.tenant.id, TopicKind::Triggers);
        let records = scan(self.log.as_ref(), &topic, 0..u64::MAX).unwrap().map(Result::unwrap);
        records.map(|record| NewRecord { key: record.key, value: record.value }).collect()
    }

    fn triggers(&self) -> Vec<TriggerFired> {
        let fired = |record: NewRecord| match codec::decode_outcome(&record.value).unwrap() {
            Outcome::Fired(trigger) => Some(trigger),
            Outcome::Status(_) => None,
        };
        self.recorded().into_iter().filter_map(fired).collect()
    }

    fn compare(&self, alerts: &str, [from, to]: [Option<Boundary>; 2]) -> Finished {
        let (log, tenant) = (self.log.as_ref(), self.tenant.id.clone());
        let file = self.dir.path().join("alerts.json");
        std::fs::write(&file, alerts).unwrap();
        let alerts = alerts::read(&file, &[]).unwrap();
        let journal = Journal { log, tenant: tenant.clone(), from, to };
        let outputs = Outputs::open(None, None, None).unwrap();
        let run = Run::new(tenant, &alerts, journal.from_time(), outputs, Some(Study::new(&alerts)));
        let run = run.compared(Comparing::new(&journal, &alerts).unwrap());
        let mut watch = Watch { shutdown: Shutdown::new(), progress: &mut |_| {} };
        let finished = fold(&journal, run, &mut watch).unwrap();
        page(&self.dir.path().join("report.html"), &alerts, &finished);
        finished
    }

    fn compared(&self, planted: Planted, range: [Option<Boundary>; 2]) -> Compared {
        self.compare(&file(planted), range).summary.compared.unwrap()
    }

    fn page(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("report.html")).unwrap()
    }
}

fn page(file: &Path, alerts: &[alerts::Alert], finished: &Finished) {
    let provenance =
        Provenance { command: String::new(), sources: Vec::new(), version: String::new(), engine: 1 };
    let (summary, study) = (&finished.summary, finished.study.as_ref().unwrap());
    report::write(file, &Contents { alerts, summary, study, provenance: &provenance }).unwrap();
}

const WHOLE: [Option<Boundary>; 2] = [None, None];

/// What a trigger is, whoever computed it.
fn facts(triggers: &[TriggerFired]) -> BTreeSet<(AlertId, String, Timestamp, &'static str)> {
    let fact = |trigger: &TriggerFired| {
        let symbol = trigger.symbol.as_ref().unwrap().to_string();
        (trigger.alert_id, symbol, trigger.close_time, trigger.condition.name())
    };
    triggers.iter().filter(|trigger| trigger.alert_id != id(5)).map(fact).collect()
}

/// The differences are those between the two sets.
fn is_between(compared: &Compared, recorded: &[TriggerFired], other: &[TriggerFired]) {
    let (recorded, other) = (facts(recorded), facts(other));
    let Counts { matching, missing, extra, drifted, .. } = compared.counts;
    let sizes = [
        recorded.intersection(&other).count(),
        recorded.difference(&other).count(),
        other.difference(&recorded).count(),
    ]
    .map(|count| count as u64);
    assert_eq!([matching, missing + drifted, extra + drifted], sizes, "{compared:#?}");
    assert!(sizes[0] > 20 && sizes[1] + sizes[2] > 2, "something was planted: {sizes:?}");
    let mut gone: BTreeSet<_> = BTreeSet::new();
    let mut new: BTreeSet<_> = BTreeSet::new();
    for one in compared.differences.iter().filter(|one| one.what != What::Altered) {
        let Difference { alert, subject, condition, recorded, run, .. } = one;
        let fact = |at| (*alert, subject.clone(), at, condition.name());
        gone.extend(recorded.as_ref().map(|told| fact(told.at)));
        new.extend(run.as_ref().map(|told| fact(told.at)));
    }
    assert_eq!(gone, recorded.difference(&other).cloned().collect());
    assert_eq!(new, other.difference(&recorded).cloned().collect());
}

#[test]
fn alerts_as_they_are_give_what_was_recorded_in_any_range() {
    let world = World::worked(Planted::default());
    let fired = facts(&world.triggers());
    let whole = world.compared(Planted::default(), WHOLE);
    assert!(whole.same && whole.differences.is_empty() && whole.pending == 0, "{whole:#?}");
    assert_eq!(whole.counts.matching, fired.len() as u64);
    assert!(whole.of_others > 10 && whole.alerts.iter().all(|alert| alert.known), "{whole:#?}");
    assert_eq!(whole.alerts.len(), 4, "each fired: {whole:#?}");
    assert!(world.page().contains("The same as recorded: "));
    // In the middle of what one is paused for, of a cooldown, behind what fired once.
    for (from, to) in [(70, 100), (100, 120), (101, 160)] {
        let [from, to] = [from, to].map(|bar| Timestamp(bar * BAR));
        let within = fired.iter().filter(|(alert, _, at, _)| {
            let ends = if *alert == id(3) || *alert == id(4) { *at < to } else { *at <= to };
            *at >= from && ends
        });
        let found = world.compared(Planted::default(), [from, to].map(|time| Some(Boundary::Time(time))));
        assert_eq!(
            (found.same, found.counts.matching),
            (true, within.count() as u64),
            "{from} {to}: {found:#?}"
        );
    }
    let offsets = [200, 400].map(|offset| Some(Boundary::Offset(offset)));
    let of_offsets = world
        .triggers()
        .into_iter()
        .filter(|trigger| (200..400).contains(&trigger.cause.offset) && trigger.alert_id != id(5));
    let found = world.compared(Planted::default(), offsets);
    assert_eq!((found.same, found.counts.matching), (true, of_offsets.count() as u64), "{found:#?}");
}

#[test]
fn another_line_is_found_with_each_trigger_that_hangs_on_it_and_nothing_else() {
    let planted = Planted { line: Some(66), ..Planted::default() };
    let (world, other) = (World::worked(Planted::default()), World::worked(planted));
    let found = world.compared(planted, WHOLE);
    is_between(&found, &world.triggers(), &other.triggers());
    assert!(found.differences.iter().all(|one| one.alert == id(1)), "{found:#?}");
    let [first, others @ ..] = &found.alerts[..] else { panic!("{found:#?}") };
    assert!(!first.counts.is_same() && others.iter().all(|alert| alert.counts.is_same()), "{found:#?}");
    let altered: Vec<&Difference> =
        found.differences.iter().filter(|one| one.what == What::Altered).collect();
    assert!(!altered.is_empty(), "those of the second symbol reach both lines at one bar: {found:#?}");
    for one in altered {
        assert_eq!(one.fields, ["detail", "threshold"], "{one:?}");
        assert_eq!(
            (one.recorded.as_ref().unwrap().threshold, one.run.as_ref().unwrap().threshold),
            (Some(60.0), Some(66.0))
        );
    }
    let page = world.page();
    assert!(page.contains("match what was recorded") && page.contains("<td>rsi 1</td>"), "the report has it");
    assert!(!page.contains("<td>rsi 2</td><td>EURUSD"), "and nothing of what is the same");
}

#[test]
fn another_bar_is_found_from_there_on_in_its_symbol_and_nothing_else() {
    let planted = Planted { bar: 400, ..Planted::default() };
    let (recorded, world) = (World::worked(Planted::default()), World::worked(planted));
    let other = World::new(&journal(&tenant(), planted));
    other.append(TopicKind::Triggers, &recorded.recorded());
    let found = other.compared(planted, WHOLE);
    is_between(&found, &recorded.triggers(), &world.triggers());
    for one in &found.differences {
        assert!(one.subject.starts_with("EURUSD"), "{one:?}");
        assert!(one.at().unwrap() >= Timestamp(OTHER_BAR * BAR), "{one:?}");
    }
    assert!(found.differences.iter().any(|one| one.what == What::Altered), "an RSI remembers: {found:#?}");
}

#[test]
fn an_alert_that_the_tenant_never_had_is_extra_and_what_nobody_worked_on_is_not_held_against_it() {
    let world = World::worked(Planted::default());
    let new = file(Planted::default()).replace(&id(1).to_string(), &id(77).to_string());
    let found = world.compare(&new, WHOLE).summary.compared.unwrap();
    let [first, others @ ..] = &found.alerts[..] else { panic!("{found:#?}") };
    assert!(!first.known && first.counts.extra > 10 && first.counts.matching == 0, "{found:#?}");
    assert!(others.iter().all(|alert| alert.known && alert.counts.is_same()), "{found:#?}");

    let half = World::new(&journal(&tenant(), Planted::default()));
    let records = world.recorded();
    half.append(TopicKind::Triggers, &records[..records.len() / 2]);
    let found = half.compared(Planted::default(), WHOLE);
    let all = facts(&world.triggers()).len() as u64;
    assert!(found.same && found.pending > 5, "{found:#?}");
    assert_eq!(found.counts.matching + found.pending, all);
}

#[test]
fn of_a_journal_that_was_cut_what_the_rest_gives_is_compared() {
    let (tenant, records) = (tenant(), journal(&tenant(), Planted::default()));
    let (first, rest) = records.split_at(records.len() / 2);
    let world = World::to_be_cut(first);
    // Which leaves a base behind.
    work(&world.log, &tenant);
    world.append(TopicKind::Journal, rest);
    work(&world.log, &tenant);
    world.log.cut(&Topic::new(&tenant.id, TopicKind::Journal), first.len() as u64 - 1).unwrap();
    let from = [Some(Boundary::Offset(first.len() as u64)), None];
    let same = world.compared(Planted::default(), from);
    assert!(same.same && same.counts.matching > 20, "what fired once is spent: {same:#?}");
    let planted = Planted { line: Some(66), ..Planted::default() };
    let other = world.compared(planted, from);
    assert!(!other.same && other.differences.iter().all(|one| one.alert == id(1)), "{other:#?}");
}
