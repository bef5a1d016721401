//! The worker's core in a simulated world: a log that answers late, loses what it did not acknowledge, and a process
//! that dies, loses its tenant or cannot recover it at any moment. Whatever happens, the triggers topic ends as one
//! straight fold would have written it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bellwether_engine::{ENGINE_VERSION, Effect, Engine};
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::journal::{Entry, Heartbeat, Origin};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::{AlertId, TenantId, Timeframe, Timestamp, TopicKind, UserId, codec};
use bellwether_worker::core::{AppendId, Core, Input, NotRecovered, Output, Recovered, RecoveryId};
use proptest::prelude::*;
use uuid::Uuid;

fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
}

fn origin() -> Origin {
    Origin {
        tenant: tenant(),
        source: "sim".into(),
        session: "s".into(),
        played: true,
        appended_at: Timestamp(0),
    }
}

/// Random walks of two symbols with alerts on short RSI, one tick a symbol and five minutes, and two records for the
/// dead letters: one that nobody can read, and ticks of a symbol that the tenant does not have.
fn journal(steps: &[(i64, i64)]) -> Vec<Vec<u8>> {
    let names = ["EURUSDm", "GBPUSDm"];
    let settings = Settings::with_symbols(names.map(|name| name.parse().unwrap()).to_vec(), "m");
    let change = SettingsChanged { origin: origin(), revision: 1, engine_version: ENGINE_VERSION, settings };
    let mut entries = vec![Entry::Settings(change)];
    entries.extend((1..=3).map(alert));
    let mut prices = [100_000i64, 100_000];
    for (number, (a, b)) in (0..).zip(steps) {
        prices = [(prices[0] + a).max(50_000), (prices[1] + b).max(50_000)];
        let ts = Timestamp(number * 300_000_000);
        let tick = |symbol: u16| {
            let bid = prices[usize::from(symbol)];
            Tick { ts, symbol, bid, ask: bid + 1 }
        };
        entries.push(Entry::Ticks(TickBlock {
            origin: origin(),
            ingested_at: ts,
            first_seq: Some(number.cast_unsigned() * 2),
            symbols: names.map(|name| BlockSymbol::of_quotes(name, 5)).to_vec(),
            ticks: vec![tick(0), tick(1)],
            volumes: Vec::new(),
        }));
        entries.push(Entry::Heartbeat(Heartbeat { origin: origin(), ts: ts.plus(301_000_000) }));
    }
    let mut records: Vec<Vec<u8>> = entries.iter().map(|entry| codec::encode_entry(entry).unwrap()).collect();
    records.insert(records.len() / 2, b"nobody can read this".to_vec());
    records.insert(records.len() / 3, codec::encode_entry(&Entry::Ticks(unknown())).unwrap());
    records
}

fn unknown() -> TickBlock {
    TickBlock {
        origin: origin(),
        ingested_at: Timestamp(0),
        first_seq: None,
        symbols: vec![BlockSymbol::of_quotes("NOSUCH", 0)],
        ticks: vec![Tick { ts: Timestamp(0), symbol: 0, bid: 1, ask: 1 }; 3],
        volumes: Vec::new(),
    }
}

fn alert(number: u128) -> Entry {
    Entry::Alert(AlertChanged {
        origin: origin(),
        alert_id: AlertId(Uuid::from_u128(number)),
        user_id: UserId(Uuid::from_u128(number)),
        version: 1,
        active: true,
        deleted: false,
        parameters: AlertParameters::RsiTracker(RsiTracker {
            timeframe: Timeframe::M5,
            rsi_period: 5,
            rsi_overbought: 60 + i32::try_from(number).unwrap(),
            rsi_oversold: 40,
        }),
    })
}

/// What a straight fold gives for the triggers topic.
fn straight(journal: &[Vec<u8>]) -> Vec<NewRecord> {
    let mut engine = Engine::new(tenant());
    let mut effects = Vec::new();
    for (offset, bytes) in (0..).zip(journal) {
        match codec::decode_entry(bytes) {
            Ok(entry) if entry.origin().tenant == tenant() => engine.apply(offset, &entry, &mut effects),
            _ => {}
        }
    }
    let record = |effect: Effect| match effect {
        Effect::Outcome(outcome) => Some(NewRecord {
            key: outcome.key().into_bytes(),
            value: codec::encode_outcome(&outcome).unwrap(),
        }),
        _ => None,
    };
    effects.into_iter().filter_map(record).collect()
}

struct World {
    journal: Vec<Vec<u8>>,
    /// Of every journal record.
    key: &'static [u8],
    expected: Vec<NewRecord>,
    topics: BTreeMap<TopicKind, Vec<NewRecord>>,
    committed: u64,
    core: Core,
    /// The recovery that was asked for and has no answer yet, and how long each try was to wait.
    recovery: Option<RecoveryId>,
    waits: Vec<Duration>,
    /// Answers to recoveries of assignments that are over: what the log said then.
    late: Vec<(RecoveryId, Recovered)>,
    /// The next journal offset to read; none until the core says from where.
    read: Option<u64>,
    /// Appends on their way: written, in order, when they are acknowledged or when luck has it at a crash.
    in_flight: VecDeque<(AppendId, TopicKind, Vec<NewRecord>)>,
    paused: bool,
}

impl World {
    fn new(journal: Vec<Vec<u8>>) -> Self {
        let mut world = Self {
            expected: straight(&journal),
            journal,
            key: b"",
            topics: BTreeMap::from([(TopicKind::Triggers, Vec::new())]),
            committed: 0,
            core: Core::new(),
            recovery: None,
            waits: Vec::new(),
            late: Vec::new(),
            read: None,
            in_flight: VecDeque::new(),
            paused: false,
        };
        world.start();
        world
    }

    /// A new process.
    fn start(&mut self) {
        self.core = Core::new();
        self.late.clear();
        self.assign();
    }

    fn assign(&mut self) {
        (self.read, self.paused, self.recovery) = (None, false, None);
        self.input(Input::Assigned(tenant()));
    }

    /// What the log says now of the owner before.
    fn left_behind(&self) -> Recovered {
        let last = self.topics[&TopicKind::Triggers].last();
        let last_cause = last.map(|record| codec::decode_outcome(&record.value).unwrap().cause());
        Recovered { last_cause, committed: self.committed, fold_from: 0 }
    }

    /// The recovery under way has its answer.
    fn recover(&mut self, reached: bool) {
        let Some(id) = self.recovery.take() else { return };
        let away = || NotRecovered::Unavailable("no broker".into());
        let found = if reached { Ok(self.left_behind()) } else { Err(away()) };
        self.input(Input::Recovered(tenant(), id, found));
        assert_eq!(self.read.is_some(), reached, "it folds once it is recovered, and tries again else");
    }

    /// An answer to a recovery of an assignment that is over.
    fn recover_late(&mut self) {
        if let Some((id, found)) = self.late.pop() {
            let reading = self.read;
            self.input(Input::Recovered(tenant(), id, Ok(found)));
            assert_eq!(self.read, reading, "nobody waits for it");
        }
    }

    /// Records that were on their way when the tenant was assigned.
    fn stray(&mut self, count: u64) {
        if self.read.is_none() {
            self.input(Input::Records(tenant(), self.records(0, count)));
        }
    }

    /// The tenant goes to another worker and comes back. Of the appends on their way the first ones are waited for, and
    /// some more are written all the same.
    fn revoke(&mut self, waited_for: usize, written: usize) {
        self.acknowledge(waited_for);
        self.late.extend(self.recovery.take().map(|id| (id, self.left_behind())));
        for (_, kind, records) in self.in_flight.drain(..).take(written) {
            self.topics.entry(kind).or_default().extend(records);
        }
        self.input(Input::Revoked(tenant()));
        self.assign();
    }

    fn input(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.core.step(input, &mut outputs);
        for output in outputs {
            match output {
                Output::Recover(_, id, wait) => {
                    assert_eq!(self.recovery.replace(id), None, "one at a time");
                    (self.read, self.waits) = (None, [&self.waits[..], &[wait]].concat());
                }
                Output::ReadFrom(_, _, offset) => self.read = Some(offset),
                Output::Append(_, id, kind, records) => {
                    assert!(self.read.is_some(), "appended before it was recovered");
                    self.in_flight.push_back((id, kind, records));
                }
                Output::Commit(_, next) => {
                    assert!(next > self.committed, "a commit never goes back");
                    self.committed = next;
                    self.assert_nothing_committed_is_missing();
                }
                Output::Pause(_) => self.paused = true,
                Output::Resume(_) => self.paused = false,
                Output::Halt(_, reason) => panic!("halted: {reason}"),
            }
        }
    }

    /// Every effect from before the committed offset is on its topic.
    fn assert_nothing_committed_is_missing(&self) {
        let caused_before = |record: &&NewRecord| {
            codec::decode_outcome(&record.value).unwrap().cause().offset.cast_unsigned() < self.committed
        };
        let due = self.expected.iter().take_while(caused_before).count();
        let written = self.topics[&TopicKind::Triggers].len();
        assert!(
            written >= due,
            "offset {} is committed before its triggers are acknowledged",
            self.committed
        );
    }

    fn read(&mut self, count: u64) {
        let Some(from) = self.read.filter(|_| !self.paused) else { return };
        let records = self.records(from, count);
        self.read = Some(from + records.len() as u64);
        if !records.is_empty() {
            self.input(Input::Records(tenant(), records));
        }
    }

    fn records(&self, from: u64, count: u64) -> Vec<Record> {
        let end = (from + count).min(self.journal.len() as u64);
        let record = |offset: u64| Record {
            offset,
            appended_at: Timestamp(0),
            key: self.key.to_vec(),
            headers: Vec::new(),
            value: self.journal[usize::try_from(offset).unwrap()].clone(),
        };
        (from..end).map(record).collect()
    }

    fn acknowledge(&mut self, count: usize) {
        for _ in 0..count {
            let Some((id, kind, records)) = self.in_flight.pop_front() else { return };
            self.topics.entry(kind).or_default().extend(records);
            self.input(Input::Acknowledged(tenant(), id));
        }
    }

    /// Some of what was on its way was written all the same; nobody was told.
    fn crash(&mut self, written: usize) {
        for (_, kind, records) in self.in_flight.drain(..).take(written) {
            self.topics.entry(kind).or_default().extend(records);
        }
        self.start();
    }

    fn finish(&mut self) {
        while self.read != Some(self.journal.len() as u64) || !self.in_flight.is_empty() {
            self.recover(true);
            self.read(7);
            self.acknowledge(3);
        }
    }
}

#[derive(Debug, Clone)]
enum Act {
    Read(u64),
    Acknowledge(usize),
    Crash(usize),
    Revoke(usize, usize),
    Recover(bool),
    RecoverLate,
    Stray(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1u64..40).prop_map(Act::Read),
        6 => (0usize..6).prop_map(Act::Acknowledge),
        1 => (0usize..5).prop_map(Act::Crash),
        1 => (0usize..5, 0usize..3).prop_map(|(waited_for, written)| Act::Revoke(waited_for, written)),
        4 => any::<bool>().prop_map(Act::Recover),
        1 => Just(Act::RecoverLate),
        1 => (1u64..40).prop_map(Act::Stray),
    ];
    prop::collection::vec(act, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_happens_the_triggers_are_those_of_one_straight_fold(
        steps in prop::collection::vec((-3000i64..3000, -3000i64..3000), 20..60),
        acts in acts(),
    ) {
        let mut world = World::new(journal(&steps));
        for act in acts {
            match act {
                Act::Read(count) => world.read(count),
                Act::Acknowledge(count) => world.acknowledge(count),
                Act::Crash(written) => world.crash(written),
                Act::Revoke(waited_for, written) => world.revoke(waited_for, written),
                Act::Recover(reached) => world.recover(reached),
                Act::RecoverLate => world.recover_late(),
                Act::Stray(count) => world.stray(count),
            }
        }
        world.finish();
        prop_assert_eq!(&world.topics[&TopicKind::Triggers], &world.expected);
        prop_assert_eq!(world.committed, world.journal.len() as u64);
        let mut undisturbed = World::new(journal(&steps));
        undisturbed.finish();
        prop_assert_eq!(letters(&world)?, letters(&undisturbed)?, "however often they were written");
    }
}

/// Dead letters by key. What is written again under a key is the same.
fn letters(world: &World) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, TestCaseError> {
    let mut letters = BTreeMap::new();
    for NewRecord { key, value } in &world.topics[&TopicKind::DeadLetters] {
        prop_assert_eq!(letters.entry(key.clone()).or_insert_with(|| value.clone()), value);
    }
    Ok(letters)
}

#[test]
fn each_refused_tick_has_its_letter_and_the_first_of_a_record_holds_its_bytes() {
    let mut world = World::new(journal(&[(100, -100); 20]));
    let unknown = codec::encode_entry(&Entry::Ticks(unknown())).unwrap();
    world.finish();
    let letters: Vec<_> = world.topics[&TopicKind::DeadLetters]
        .iter()
        .map(|record| {
            (
                String::from_utf8(record.key.clone()).unwrap(),
                codec::decode_dead_letter(&record.value).unwrap(),
            )
        })
        .filter(|(_, letter)| letter.reason == "unknown_symbol")
        .collect();
    let at = world.journal.iter().position(|record| *record == unknown).unwrap();
    let keys: Vec<_> = letters.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, [0, 1, 2].map(|index| format!("{at}/{index}/unknown_symbol")));
    let originals: Vec<_> = letters.iter().map(|(_, letter)| (&letter.original[..], letter.size)).collect();
    let size = i64::try_from(unknown.len()).unwrap();
    assert_eq!(originals, [(&unknown[..], Some(size)), (&[], None), (&[], None)]);
}

#[test]
fn the_walks_do_fire() {
    let steps: Vec<(i64, i64)> =
        (0..60).map(|i| if i / 8 % 2 == 0 { (900, -700) } else { (-800, 950) }).collect();
    assert!(straight(&journal(&steps)).len() > 20);
}

#[test]
fn a_journal_far_ahead_of_its_acknowledgements_is_paused_and_read_on() {
    let mut world = World::new(journal(&vec![(100, -100); 200]));
    world.recover(true);
    for _ in 0..200 {
        world.read(1);
    }
    assert!(world.paused);
    world.acknowledge(usize::MAX);
    assert!(!world.paused);
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
}

#[test]
fn a_recovery_that_fails_is_tried_again_after_longer_and_longer_waits_until_it_succeeds() {
    let mut world = World::new(journal(&[(100, -100); 20]));
    for _ in 0..12 {
        world.recover(false);
        world.stray(5);
    }
    assert_eq!(world.waits[0], Duration::ZERO, "at once");
    assert!(world.waits[1] > Duration::ZERO && world.waits.is_sorted(), "{:?}", world.waits);
    assert!(world.waits[11] <= Duration::from_secs(30), "{:?}", world.waits);
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
}

#[test]
fn a_journal_that_could_not_be_read_from_where_it_was_to_be_is_recovered_again() {
    let mut world = World::new(journal(&[(100, -100); 20]));
    let id = world.recovery.unwrap();
    world.recover(true);
    let away = NotRecovered::Unavailable("no broker to seek at".into());
    world.input(Input::Recovered(tenant(), id, Err(away)));
    assert!(world.read.is_none() && world.recovery.is_some());
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
}

#[test]
fn a_tenant_that_no_fold_can_begin_with_stops_and_stays_so() {
    let mut core = Core::new();
    let mut outputs = Vec::new();
    core.step(Input::Assigned(tenant()), &mut outputs);
    let [Output::Recover(_, id, _)] = outputs[..] else { panic!("{outputs:?}") };
    let cut = || Err(NotRecovered::Refused("its front is gone".into()));
    for (input, stops) in [
        (Input::Recovered(tenant(), id, cut()), true),
        (Input::Recovered(tenant(), id, cut()), false),
        (Input::Recovered(tenant(), id, Ok(Recovered::default())), false),
        (Input::Failed(tenant(), "again".into()), false),
    ] {
        outputs.clear();
        core.step(input, &mut outputs);
        let halted = [Output::Halt(tenant(), "its front is gone".into())];
        assert_eq!(outputs, if stops { &halted[..] } else { &[] });
    }
}

#[test]
fn a_record_under_another_tenants_key_is_put_aside() {
    for (key, letters) in [(&b"fxlabs"[..], 0), (b"hextech", 2)] {
        let mut world = World::new(journal(&[]));
        world.key = key;
        if letters > 0 {
            world.expected.clear();
        }
        world.finish();
        let kept = world.topics.get(&TopicKind::DeadLetters).map_or(&[][..], Vec::as_slice);
        let reasons = kept.iter().map(|record| codec::decode_dead_letter(&record.value).unwrap().reason);
        let reasons: Vec<String> = reasons.filter(|reason| reason == "misrouted").collect();
        assert_eq!(reasons.len().min(letters), letters, "{reasons:?}");
        assert!(letters > 0 || reasons.is_empty(), "{reasons:?}");
    }
}

#[test]
fn a_record_of_another_tenant_is_put_aside_and_folded_under_neither() {
    let mut foreign = codec::decode_entry(&journal(&[(0, 0)])[1]).unwrap();
    let Entry::Alert(change) = &mut foreign else { panic!("the second record is an alert") };
    change.origin.tenant = "hextech".parse().unwrap();
    let mut world = World::new(vec![codec::encode_entry(&foreign).unwrap()]);
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], []);
    let letter = codec::decode_dead_letter(&world.topics[&TopicKind::DeadLetters][0].value).unwrap();
    assert_eq!((letter.reason.as_str(), letter.tenant), ("misrouted", tenant()));
}
