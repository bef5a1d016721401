//! The worker's core in a simulated world: a log that answers late, loses what it did not acknowledge, and a process
//! that dies at any moment. Whatever happens, the triggers topic ends as one straight fold would have written it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, VecDeque};

use bellwether_engine::{ENGINE_VERSION, Effect, Engine};
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::journal::{Entry, Heartbeat, Origin};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::{AlertId, TenantId, Timeframe, Timestamp, TopicKind, UserId, codec};
use bellwether_worker::core::{AppendId, Core, Input, Output, Recovered};
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
            symbols: names.map(|name| BlockSymbol { name: name.into(), scale: 5 }).to_vec(),
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
        symbols: vec![BlockSymbol { name: "NOSUCH".into(), scale: 0 }],
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
    read: u64,
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
            topics: BTreeMap::new(),
            committed: 0,
            core: Core::new(),
            read: 0,
            in_flight: VecDeque::new(),
            paused: false,
        };
        world.start();
        world
    }

    fn start(&mut self) {
        let last = self.topics.entry(TopicKind::Triggers).or_default().last();
        let last_cause = last.map(|record| codec::decode_outcome(&record.value).unwrap().cause());
        self.core = Core::new();
        (self.read, self.paused) = (0, false);
        let recovered = Recovered { last_cause, committed: self.committed };
        self.input(Input::Assigned(tenant(), recovered));
    }

    fn input(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.core.step(input, &mut outputs);
        for output in outputs {
            match output {
                Output::Append(_, id, kind, records) => self.in_flight.push_back((id, kind, records)),
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
        if self.paused {
            return;
        }
        let end = (self.read + count).min(self.journal.len() as u64);
        let record = |offset: u64| Record {
            offset,
            appended_at: Timestamp(0),
            key: self.key.to_vec(),
            headers: Vec::new(),
            value: self.journal[usize::try_from(offset).unwrap()].clone(),
        };
        let records: Vec<Record> = (self.read..end).map(record).collect();
        self.read = end;
        if !records.is_empty() {
            self.input(Input::Records(tenant(), records));
        }
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
        while self.read < self.journal.len() as u64 || !self.in_flight.is_empty() {
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
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1u64..40).prop_map(Act::Read),
        6 => (0usize..6).prop_map(Act::Acknowledge),
        1 => (0usize..5).prop_map(Act::Crash),
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
