//! The core over a simulated topic and database: whatever fails, in whatever order, each outcome is written once.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_database::cursor::Cursor;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{
    AlertState, AlertStatus, Cause, Condition, Group, Outcome, TriggerFired, group_id,
};
use bellwether_schemas::{AlertId, TenantId, Timeframe, Timestamp, TriggerId, UserId};
use proptest::prelude::*;
use uuid::Uuid;

use super::core::{Core, FailureClass, Input, Output, PARK_AFTER, WriteFailure};
use super::piece::Piece;
use super::plan::plan;
use crate::feed::{Batch, Delivered};

fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
}

fn uuid(number: usize) -> Uuid {
    Uuid::from_u128(number as u128)
}

fn trigger(number: usize, user: usize) -> Outcome {
    let (alert_id, at) = (AlertId(uuid(user)), Timestamp(number as i64));
    let group =
        Group { id: group_id(&tenant(), AlertKind::RsiTracker, alert_id, 1, at, None), index: 0, size: 1 };
    Outcome::Fired(TriggerFired {
        id: TriggerId(uuid(number)),
        tenant: tenant(),
        kind: AlertKind::RsiTracker,
        alert_id,
        alert_version: 1,
        user_id: UserId(uuid(user)),
        symbol: None,
        pair: None,
        timeframe: Some(Timeframe::M5),
        open_time: at,
        close_time: at,
        condition: Condition::Overbought,
        value: None,
        previous: None,
        threshold: None,
        price: None,
        detail: "{}".into(),
        cause: Cause { offset: number as i64, index: 0 },
        engine_version: 1,
        group,
    })
}

fn status(number: usize, user: usize) -> Outcome {
    Outcome::Status(AlertStatus {
        tenant: tenant(),
        kind: AlertKind::RsiTracker,
        alert_id: AlertId(uuid(user)),
        user_id: UserId(uuid(user)),
        version: number as i64,
        state: AlertState::Active,
        reason: None,
        since: Some(Timestamp(0)),
        cause: Cause { offset: number as i64, index: 0 },
    })
}

/// What a case is made of.
#[derive(Debug, Clone)]
struct Case {
    seed: u64,
    outcomes: usize,
    poison: BTreeSet<usize>,
    gone: BTreeSet<usize>,
    /// Where another worker repeated how many outcomes.
    repeats: Vec<(usize, usize)>,
    /// How many of a hundred writes fail.
    faults: u64,
    restored: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let numbers = |most| prop::collection::btree_set(0..80_usize, 0..most);
    let repeats = prop::collection::vec((0..80_usize, 1..20_usize), 0..4);
    (
        any::<u64>(),
        1..80_usize,
        numbers(5),
        prop::collection::btree_set(0..6_usize, 0..2),
        repeats,
        0..60_u64,
        any::<bool>(),
    )
        .prop_map(|(seed, outcomes, poison, gone, repeats, faults, restored)| Case {
            seed,
            outcomes,
            poison,
            gone,
            repeats,
            faults,
            restored,
        })
}

/// A tenant's database: what survives everything but being restored.
#[derive(Debug, Clone)]
struct Database {
    cursor: Cursor,
    /// Rows that stand; their user may have deleted some.
    rows: BTreeSet<TriggerId>,
    /// How often each row was ever inserted.
    inserted: BTreeMap<TriggerId, u32>,
    statuses: BTreeMap<AlertId, i64>,
}

struct World {
    case: Case,
    topic: Vec<Outcome>,
    database: Database,
    backup: Option<Database>,
    dead_letters: BTreeSet<u64>,
    committed: u64,
    position: u64,
    now: Timestamp,
    random: u64,
    turns: u32,
    /// For so many writes more the table refuses everybody.
    broken: u64,
    broken_at: u32,
}

impl World {
    fn new(case: Case) -> Self {
        let all: Vec<Outcome> = (0..case.outcomes)
            .map(|n| if n % 7 == 3 { status(n, n % 6) } else { trigger(n, n % 6) })
            .collect();
        let mut topic = all.clone();
        for &(at, many) in &case.repeats {
            // A zombie repeats what is on the topic already: it lies behind what comes after it.
            let at = at.min(topic.len());
            let repeated: Vec<Outcome> = topic[at.saturating_sub(many)..at].to_vec();
            topic.splice(at..at, repeated);
        }
        let database = Database {
            cursor: Cursor::START,
            rows: BTreeSet::new(),
            inserted: BTreeMap::new(),
            statuses: BTreeMap::new(),
        };
        let random = case.seed;
        Self {
            case,
            topic,
            database,
            backup: None,
            dead_letters: BTreeSet::new(),
            committed: 0,
            position: 0,
            now: Timestamp(0),
            random,
            turns: 0,
            broken: 0,
            broken_at: 0,
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    /// Faults end at some time: then everything has to come right.
    fn fails(&mut self) -> bool {
        self.turns < 3000 && self.random(100) < self.case.faults
    }

    fn batch(&mut self) -> Option<Batch> {
        let size = 1 + self.random(20);
        let next_offset = (self.position + size).min(self.topic.len() as u64);
        let range = self.position as usize..next_offset as usize;
        let delivered = |offset: usize| Delivered {
            offset: offset as u64,
            appended_at: Timestamp(0),
            outcome: self.topic[offset].clone(),
        };
        let records: Vec<Delivered> = range.map(delivered).collect();
        let from = std::mem::replace(&mut self.position, next_offset);
        (!records.is_empty()).then(|| Batch { tenant: tenant(), records, from, next_offset, epoch: 0 })
    }

    fn write(&mut self, piece: &Piece) -> Input {
        let failed =
            |class| Input::Failed(WriteFailure { class, code: String::new(), message: String::new() });
        if self.fails() {
            return failed(FailureClass::Transient);
        }
        if self.broken > 0 {
            (self.broken, self.broken_at) = (self.broken - 1, self.turns);
            return failed(FailureClass::Refused);
        }
        if self.database.cursor.next_offset < piece.from {
            return Input::Behind(self.database.cursor.next_offset);
        }
        let plan = plan(piece, self.database.cursor);
        let number = |t: &&TriggerFired| t.cause.offset as usize;
        if plan.triggers.iter().any(|t| self.case.gone.contains(&(number(t) % 6))) {
            return failed(FailureClass::UserGone);
        }
        if plan.triggers.iter().any(|t| self.case.poison.contains(&number(t))) {
            return failed(FailureClass::Refused);
        }
        for trigger in plan.triggers {
            if self.database.rows.insert(trigger.id) {
                *self.database.inserted.entry(trigger.id).or_default() += 1;
            }
        }
        self.database.statuses.extend(plan.statuses.iter().map(|s| (s.alert_id, s.version)));
        self.database.cursor = plan.cursor;
        if self.fails() { failed(FailureClass::Transient) } else { Input::Written }
    }

    /// What befalls a database between two transactions.
    fn befall(&mut self) {
        if self.random(4) == 0 {
            // A user tidies up.
            let first = self.database.rows.pop_first();
            assert!(first.is_none_or(|id| self.database.inserted[&id] == 1));
        }
        // Breaks lie apart: a table that refuses every other write cannot be told from a record that is refused.
        if self.broken == 0 && self.turns < 3000 && self.turns > self.broken_at + 20 && self.random(30) == 0 {
            self.broken = 1 + self.random(12);
        }
        if self.case.restored && self.turns < 3000 && self.random(40) == 0 {
            match self.backup.take() {
                Some(backup) => self.database = backup,
                None => self.backup = Some(self.database.clone()),
            }
        }
    }

    fn perform(&mut self, core: &Core, output: Output) -> Option<Input> {
        match output {
            Output::Receive => self.batch().map(Input::Batch),
            Output::Write => {
                self.befall();
                let piece = core.piece().expect("a write has a piece").clone();
                Some(self.write(&piece))
            }
            Output::Keep(_) => {
                let piece = core.piece().expect("a dead letter has a record");
                assert_eq!(piece.records.len(), 1);
                let kept = !self.fails();
                if kept {
                    self.dead_letters.insert(piece.records[0].outcome.cause().offset as u64);
                }
                Some(Input::Kept(kept))
            }
            Output::Wait(time) => {
                assert!(!time.is_zero());
                self.now = self.now.plus(time.as_micros() as i64);
                Some(Input::Woke)
            }
            Output::Commit(next_offset) => {
                assert!(next_offset <= self.database.cursor.next_offset);
                self.committed = self.committed.max(next_offset);
                None
            }
            Output::Rewind(offset) => {
                self.position = offset;
                None
            }
            Output::Parked(_) | Output::Resumed | Output::Dropped(_) => None,
        }
    }

    /// One process, until the end of the topic or a crash. True at the end.
    fn process(&mut self) -> bool {
        let mut core = Core::new(self.case.seed);
        let mut outputs = vec![Output::Receive];
        loop {
            let mut next = None;
            for output in std::mem::take(&mut outputs) {
                next = self.perform(&core, output);
            }
            let Some(input) = next else { return true };
            core.step(self.now, input, &mut outputs);
            self.turns += 1;
            assert!(self.turns < 20_000, "no progress");
            if self.turns < 3000 && self.random(50) == 0 {
                return false;
            }
        }
    }

    fn run(&mut self) {
        loop {
            self.turns += 1;
            assert!(self.turns < 20_000, "the end of the topic, and the database is behind it");
            self.position = self.committed;
            if self.process() && self.database.cursor.next_offset == self.topic.len() as u64 {
                return;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_each_outcome_is_written_once_and_nothing_is_committed_before(case in case()) {
        let mut world = World::new(case);
        world.run();
        let World { case, database, dead_letters, .. } = world;
        for number in (0..case.outcomes).filter(|n| n % 7 != 3) {
            let gone = case.gone.contains(&(number % 6));
            let poison = case.poison.contains(&number);
            let times = database.inserted.get(&TriggerId(uuid(number))).copied().unwrap_or_default();
            prop_assert_eq!(times, u32::from(!gone && !poison), "trigger {}", number);
            prop_assert_eq!(dead_letters.contains(&(number as u64)), poison && !gone, "dead letter {}", number);
        }
        for user in (0..6).filter(|user| !case.gone.contains(user)) {
            let last = (0..case.outcomes).rfind(|n| n % 7 == 3 && n % 6 == user);
            let stands = database.statuses.get(&AlertId(uuid(user))).copied();
            prop_assert_eq!(stands, last.map(|n| n as i64), "status of {}", user);
        }
    }
}

fn transient() -> Input {
    let failure =
        WriteFailure { class: FailureClass::Transient, code: "08006".into(), message: "gone".into() };
    Input::Failed(failure)
}

fn batch(many: usize) -> Input {
    let record = |n| Delivered { offset: n as u64, appended_at: Timestamp(0), outcome: trigger(n, n) };
    let records = (0..many).map(record).collect();
    Input::Batch(Batch { tenant: tenant(), records, from: 0, next_offset: many as u64, epoch: 0 })
}

#[test]
fn a_tenant_is_parked_once_after_thirty_seconds_and_resumes_with_its_first_write() {
    let (mut core, mut now, mut parked, mut tries) = (Core::new(1), Timestamp(0), 0, 0);
    let mut outputs = Vec::new();
    core.step(now, batch(1), &mut outputs);
    while now < Timestamp(120_000_000) {
        outputs.clear();
        core.step(now, transient(), &mut outputs);
        tries += 1;
        for output in &outputs {
            match output {
                Output::Parked(_) => {
                    parked += 1;
                    assert!(now.0 >= PARK_AFTER.as_micros() as i64);
                }
                Output::Wait(time) => now = now.plus(time.as_micros() as i64),
                other => panic!("{other:?}"),
            }
        }
        core.step(now, Input::Woke, &mut Vec::new());
    }
    assert_eq!(parked, 1);
    assert!(tries < 70, "{tries} tries in two minutes");
    outputs.clear();
    core.step(now, Input::Written, &mut outputs);
    assert_eq!(outputs, [Output::Resumed, Output::Commit(1), Output::Receive]);
}

#[test]
fn refused_credentials_are_not_tried_more_than_twice_a_minute() {
    let (mut core, mut outputs) = (Core::new(1), Vec::new());
    core.step(Timestamp(0), batch(1), &mut outputs);
    for _ in 0..20 {
        outputs.clear();
        let (class, code) = (FailureClass::Denied, "28P01".into());
        core.step(
            Timestamp(0),
            Input::Failed(WriteFailure { class, code, message: String::new() }),
            &mut outputs,
        );
        assert!(matches!(outputs[..], [Output::Wait(time)] if time.as_secs() >= 30), "{outputs:?}");
        core.step(Timestamp(0), Input::Woke, &mut outputs);
    }
}

#[test]
fn a_table_that_refuses_even_nothing_is_waited_for() {
    let (mut core, mut outputs) = (Core::new(1), Vec::new());
    let refused = || {
        let (class, code) = (FailureClass::Refused, "42P01".into());
        Input::Failed(WriteFailure { class, code, message: String::new() })
    };
    core.step(Timestamp(0), batch(3), &mut outputs);
    outputs.clear();
    core.step(Timestamp(0), refused(), &mut outputs);
    assert_eq!(outputs, [Output::Write]);
    assert!(core.piece().unwrap().records.is_empty());
    outputs.clear();
    core.step(Timestamp(0), refused(), &mut outputs);
    assert!(matches!(outputs[..], [Output::Wait(_)]), "{outputs:?}");
}

#[test]
fn a_repeat_moves_the_cursor_back_nowhere() {
    let Input::Batch(batch) = batch(3) else { unreachable!() };
    let cursor = Cursor { cause: Cause { offset: 7, index: 0 }, next_offset: 8 };
    let piece = Piece::from(batch);
    let plan = plan(&piece, cursor);
    assert_eq!((plan.cursor, plan.repeats, plan.triggers.len()), (cursor, 3, 0));
}

#[test]
fn the_cursor_passes_what_was_dropped_or_is_among_the_dead_letters() {
    let through = Cause { offset: 4, index: 2 };
    let piece = Piece { records: Vec::new(), from: 3, next_offset: 5, through: Some(through) };
    let plan = plan(&piece, Cursor { cause: Cause { offset: 2, index: 0 }, next_offset: 3 });
    assert_eq!(plan.cursor, Cursor { cause: through, next_offset: 5 });
}

#[test]
fn one_poison_record_of_500_costs_twice_its_depth_in_writes() {
    let (mut core, mut outputs) = (Core::new(1), Vec::new());
    let (mut writes, mut written, mut kept, mut stands) = (0, 0, 0, 0);
    let mut input = batch(500);
    loop {
        core.step(Timestamp(0), input, &mut outputs);
        let Some(output) = outputs.pop() else { break };
        outputs.clear();
        input = match output {
            Output::Write => {
                writes += 1;
                let records = &core.piece().unwrap().records;
                if records.iter().any(|record| record.offset == 321) {
                    let class = FailureClass::Refused;
                    Input::Failed(WriteFailure { class, code: "23514".into(), message: "check".into() })
                } else {
                    assert_eq!(core.piece().unwrap().from, stands, "pieces are written in order");
                    stands = core.piece().unwrap().next_offset;
                    written += records.len();
                    Input::Written
                }
            }
            Output::Keep(_) => {
                kept += 1;
                Input::Kept(true)
            }
            _ => break,
        };
    }
    assert_eq!((written, kept), (499, 1));
    assert!(writes <= 24, "{writes} writes");
}
