//! The core over a simulated topic and database: whatever fails, in whatever order, each outcome is written once.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_database::cursor::Cursor;
use bellwether_database::tables::alert_status::{self, Stand};
use bellwether_database::tables::user_events::Event;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{
    AlertState, AlertStatus, Cause, Condition, Group, Outcome, TriggerFired, group_id,
};
use bellwether_schemas::{AlertId, Timeframe, Timestamp, TriggerId, UserId};
use proptest::prelude::*;
use uuid::Uuid;

use super::core::{Core, FailureClass, Input, Output, WriteFailure};
use super::piece::Piece;
use super::plan::{Changed, plan};
use crate::simulated::{Random, Simulated, Surroundings, repeated, tenant};

fn uuid(number: usize) -> Uuid {
    Uuid::from_u128(number as u128)
}

pub(crate) fn trigger(number: usize, user: usize) -> Outcome {
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

const fn is_status(number: usize) -> bool {
    number % 7 == 3
}

/// Some statuses say what was said before.
const fn version(number: usize) -> i64 {
    (number / 50) as i64
}

fn status(number: usize, user: usize) -> Outcome {
    Outcome::Status(AlertStatus {
        tenant: tenant(),
        kind: AlertKind::RsiTracker,
        alert_id: AlertId(uuid(user)),
        user_id: UserId(uuid(user)),
        version: version(number),
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
    statuses: BTreeMap<AlertId, Stand>,
    /// What each user was told, number 1 first.
    lines: BTreeMap<UserId, Vec<Event>>,
}

struct World {
    case: Case,
    around: Surroundings,
    database: Database,
    backup: Option<Database>,
    dead_letters: BTreeSet<u64>,
    now: Timestamp,
    /// For so many writes more the table refuses everybody.
    broken: u64,
    broken_at: u32,
}

impl World {
    fn new(case: Case) -> Self {
        let outcomes = (0..case.outcomes)
            .map(|n| if is_status(n) { status(n, n % 6) } else { trigger(n, n % 6) })
            .collect();
        let database = Database {
            cursor: Cursor::START,
            rows: BTreeSet::new(),
            inserted: BTreeMap::new(),
            statuses: BTreeMap::new(),
            lines: BTreeMap::new(),
        };
        let topic = repeated(outcomes, &case.repeats);
        let around = Surroundings::new(topic, Random::new(case.seed), case.faults);
        Self {
            case,
            around,
            database,
            backup: None,
            dead_letters: BTreeSet::new(),
            now: Timestamp(0),
            broken: 0,
            broken_at: 0,
        }
    }

    fn write(&mut self, piece: &Piece) -> Input {
        let failed =
            |class| Input::Failed(WriteFailure { class, code: String::new(), message: String::new() });
        if self.around.fails() {
            return failed(FailureClass::Transient);
        }
        if self.broken > 0 {
            (self.broken, self.broken_at) = (self.broken - 1, self.around.turns());
            return failed(FailureClass::Refused);
        }
        if self.database.cursor.next_offset < piece.from {
            return Input::Behind(self.database.cursor.next_offset);
        }
        let plan = plan(piece, self.database.cursor);
        let number = |t: &TriggerFired| t.cause.offset as usize;
        if plan.triggers().any(|t| self.case.gone.contains(&(number(t) % 6))) {
            return failed(FailureClass::UserGone);
        }
        if plan.triggers().any(|t| self.case.poison.contains(&number(t))) {
            return failed(FailureClass::Refused);
        }
        let mut changed = Changed::default();
        for trigger in plan.triggers() {
            if self.database.rows.insert(trigger.id) {
                *self.database.inserted.entry(trigger.id).or_default() += 1;
                changed.rows.insert(trigger.id);
            }
        }
        let changes = alert_status::changes(&mut self.database.statuses, &plan.statuses());
        changed.statuses.extend(changes.iter().map(|status| status.cause));
        for event in plan.told(plan.events(), &changed) {
            self.database.lines.entry(event.user_id).or_default().push(event);
        }
        self.database.cursor = plan.cursor;
        if self.around.fails() { failed(FailureClass::Transient) } else { Input::Written }
    }

    /// What befalls a database between two transactions.
    fn befall(&mut self) {
        if self.around.random(4) == 0 {
            // A user tidies up.
            let first = self.database.rows.pop_first();
            assert!(first.is_none_or(|id| self.database.inserted[&id] == 1));
        }
        // Breaks lie apart: a table that refuses every other write cannot be told from a record that is refused.
        let is_due = self.broken == 0 && self.around.turns() > self.broken_at + 20;
        if is_due && self.around.befalls_once_in(30) {
            self.broken = 1 + self.around.random(12);
        }
        if self.case.restored && self.around.befalls_once_in(40) {
            match self.backup.take() {
                Some(backup) => self.database = backup,
                None => self.backup = Some(self.database.clone()),
            }
        }
    }
}

impl Simulated for World {
    type Core = Core;
    type Input = Input;
    type Output = Output;

    fn surroundings(&mut self) -> &mut Surroundings {
        &mut self.around
    }

    fn begin(&self) -> (Core, Output) {
        (Core::new(self.case.seed), Output::Receive)
    }

    fn perform(&mut self, core: &Core, output: Output) -> Option<Input> {
        match output {
            Output::Receive => self.around.batch(20).map(Input::Batch),
            Output::Write => {
                self.befall();
                let piece = core.piece().expect("a write has a piece").clone();
                Some(self.write(&piece))
            }
            Output::Keep(_) => {
                let piece = core.piece().expect("a dead letter has a record");
                assert_eq!(piece.records.len(), 1);
                let kept = !self.around.fails();
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
                self.around.committed = self.around.committed.max(next_offset);
                None
            }
            Output::Rewind(offset) => {
                self.around.position = offset;
                None
            }
            Output::Parked(_) | Output::Resumed | Output::Dropped(_) => None,
        }
    }

    fn step(&self, core: &mut Core, input: Input, outputs: &mut Vec<Output>) {
        core.step(self.now, input, outputs);
    }

    fn dies(&mut self, _core: &Core, _outputs: &[Output]) -> bool {
        self.around.befalls_once_in(50)
    }

    fn cursor(&self) -> u64 {
        self.database.cursor.next_offset
    }
}

/// What a user is told, whatever fails and wherever the topic is cut into pieces.
fn told(case: &Case, user: usize) -> Vec<Event> {
    let (mut told, mut last) = (Vec::new(), None);
    for number in (0..case.outcomes).filter(|number| number % 6 == user) {
        let outcome = if is_status(number) { status(number, user) } else { trigger(number, user) };
        let tells = if is_status(number) {
            last.replace(version(number)) != Some(version(number))
        } else {
            !case.poison.contains(&number)
        };
        if tells {
            told.push(Event::of(&outcome));
        }
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_each_outcome_is_written_once_and_nothing_is_committed_before(case in case()) {
        let mut world = World::new(case);
        world.run();
        let World { case, database, dead_letters, .. } = world;
        for number in (0..case.outcomes).filter(|n| !is_status(*n)) {
            let gone = case.gone.contains(&(number % 6));
            let poison = case.poison.contains(&number);
            let times = database.inserted.get(&TriggerId(uuid(number))).copied().unwrap_or_default();
            prop_assert_eq!(times, u32::from(!gone && !poison), "trigger {}", number);
            prop_assert_eq!(dead_letters.contains(&(number as u64)), poison && !gone, "dead letter {}", number);
        }
        for user in (0..6).filter(|user| !case.gone.contains(user)) {
            let last = (0..case.outcomes).rfind(|n| is_status(*n) && n % 6 == user).map(|n| status(n, user));
            let last = last.map(|outcome| match outcome {
                Outcome::Status(status) => Stand::from(&status).version,
                Outcome::Fired(_) => unreachable!(),
            });
            let stands = database.statuses.get(&AlertId(uuid(user))).map(|stand| stand.version);
            prop_assert_eq!(stands, last, "status of {}", user);
            let line = database.lines.get(&UserId(uuid(user))).cloned().unwrap_or_default();
            prop_assert_eq!(line, told(&case, user), "line of {}", user);
        }
    }
}
