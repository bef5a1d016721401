//! The core over a simulated topic and outbox: whatever fails, is restored, repeated or late, each group becomes one
//! row, and the cursor never passes a group that has none.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_database::cursor::Cursor;
use bellwether_schemas::ids::GroupId;
use bellwether_schemas::triggers::{Cause, Outcome, TriggerFired};
use proptest::prelude::*;
use uuid::Uuid;

use super::core::{Core, Input, MAILS, Output, Part};
use crate::feed::Batch;
use crate::mail::group::Group;
use crate::mail::samples;
use crate::simulated::{Random, Simulated, Surroundings, repeated};

/// What a run is made of.
#[derive(Debug, Clone)]
struct Case {
    seed: u64,
    /// Sizes of the groups of each journal record.
    journal: Vec<Vec<u8>>,
    /// Where a worker that did not know it was replaced repeated how many records.
    repeats: Vec<(usize, usize)>,
    /// Triggers that never came: groups that stay without one.
    lost: BTreeSet<usize>,
    /// Percent of what is tried.
    faults: u64,
    crashes: bool,
    restored: bool,
    /// A process that crashed may have left a transaction on its way.
    stale: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let record = prop::collection::vec(1..4_u8, 1..4);
    // Now and then one record's groups fill many parts.
    let journal = prop_oneof![
        4 => prop::collection::vec(record, 1..25),
        1 => prop::collection::vec(prop::collection::vec(1..3_u8, 1..3 * MAILS), 1..3),
    ];
    let repeats = prop::collection::vec((0..80_usize, 1..20_usize), 0..3);
    let lost = prop::collection::btree_set(0..60_usize, 0..3);
    let chances = (0..50_u64, any::<bool>(), any::<bool>(), any::<bool>());
    (any::<u64>(), journal, repeats, lost, chances).prop_map(
        |(seed, journal, repeats, lost, (faults, crashes, restored, stale))| Case {
            seed,
            journal,
            repeats,
            lost,
            faults,
            crashes,
            restored,
            stale,
        },
    )
}

fn group_id(number: usize) -> GroupId {
    GroupId(Uuid::from_u128(number as u128))
}

/// A mail of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    triggers: Vec<i32>,
    /// Not sent: it may have been, out of a database that knew more.
    held: bool,
}

/// A tenant's database: what survives everything but being restored.
#[derive(Debug, Clone)]
struct Database {
    cursor: Cursor,
    rows: BTreeMap<GroupId, Row>,
}

/// A transaction that its process did not live to see the end of.
#[derive(Debug, Clone)]
struct Stale {
    groups: Vec<Group>,
    stands: Cursor,
    ends: Cursor,
    last: bool,
    held_below: u64,
}

struct World {
    case: Case,
    around: Surroundings,
    /// Triggers of each group that are on the topic, and how many there should be.
    expected: BTreeMap<GroupId, Vec<i32>>,
    database: Database,
    backup: Option<Database>,
    /// A restored database has lost its connections.
    disconnected: bool,
    was_restored: bool,
    /// Groups that a process knows the cursor to have passed: their mails may have left.
    passed: BTreeSet<GroupId>,
    stale: Vec<Stale>,
}

/// The topic: the triggers of a journal record in the order of their effects, those of its groups between each other.
fn topic(case: &Case, random: &mut Random) -> Vec<TriggerFired> {
    let sample = samples::triggers("fxlabs").remove(0);
    let (mut topic, mut groups) = (Vec::new(), 0);
    for (journal_offset, sizes) in case.journal.iter().enumerate() {
        let mut left: Vec<(usize, i32, i32)> =
            sizes.iter().enumerate().map(|(n, size)| (groups + n, 0, i32::from(*size))).collect();
        groups += sizes.len();
        let mut index = 0;
        while !left.is_empty() {
            let pick = usize::try_from(random.below(left.len() as u64)).unwrap();
            let (number, at, size) = &mut left[pick];
            let mut trigger = sample.clone();
            trigger.cause = Cause { offset: journal_offset as i64, index };
            trigger.group.id = group_id(*number);
            (trigger.group.index, trigger.group.size) = (*at, *size);
            (*at, index) = (*at + 1, index + 1);
            if at == size {
                left.remove(pick);
            }
            topic.push(trigger);
        }
    }
    topic
}

impl World {
    fn new(case: Case) -> Self {
        let mut random = Random::new(case.seed);
        let mut triggers = topic(&case, &mut random);
        // The last trigger stays: it is what shows that the others of its record will not come.
        let last = triggers.pop();
        let mut number = 0;
        triggers.retain(|_| {
            number += 1;
            !case.lost.contains(&(number - 1))
        });
        triggers.extend(last);
        let mut expected: BTreeMap<GroupId, Vec<i32>> = BTreeMap::new();
        for trigger in &triggers {
            expected.entry(trigger.group.id).or_default().push(trigger.group.index);
        }
        // Behind all of it a record of its own, so that what lost a trigger goes too.
        let mut end = samples::triggers("fxlabs").remove(0);
        end.cause = Cause { offset: case.journal.len() as i64, index: 0 };
        end.group = bellwether_schemas::triggers::Group { id: group_id(1_000_000), index: 0, size: 1 };
        expected.insert(end.group.id, vec![0]);
        triggers.push(end);
        let outcomes = triggers.into_iter().map(Outcome::Fired).collect();
        let around = Surroundings::new(repeated(outcomes, &case.repeats), random, case.faults);
        Self {
            case,
            around,
            expected,
            database: Database { cursor: Cursor::START, rows: BTreeMap::new() },
            backup: None,
            disconnected: false,
            was_restored: false,
            passed: BTreeSet::new(),
            stale: Vec::new(),
        }
    }

    fn batch(&mut self) -> Option<Batch> {
        let most = if self.around.random(3) == 0 { 6 * MAILS as u64 } else { 30 };
        self.around.batch(most)
    }

    /// One transaction, as [`super::super::outbox::Outbox`] has it.
    fn transact(&mut self, part: Part<'_>) -> Input {
        let cursor = self.database.cursor;
        if cursor != part.stands {
            return Input::Stands(cursor);
        }
        for group in part.groups {
            let id = group.triggers[0].group.id;
            let held = group.offset < part.held_below;
            let triggers = group.triggers.iter().map(|trigger| trigger.group.index).collect();
            if self.database.rows.contains_key(&id) {
                continue;
            }
            assert!(!held || self.was_restored, "group {id} is held and nothing was restored");
            let again = self.passed.contains(&id) && !held && !self.case.crashes && !self.case.stale;
            assert!(!again, "group {id} may be mailed twice");
            self.database.rows.insert(id, Row { triggers, held });
        }
        if part.last {
            assert!(cursor.cause <= part.ends.cause && cursor.next_offset <= part.ends.next_offset);
            self.database.cursor = part.ends;
            self.check_cursor();
        }
        Input::Filled
    }

    /// Whatever the cursor has passed has its row.
    fn check_cursor(&self) {
        for id in self.below_cursor() {
            assert!(self.database.rows.contains_key(&id), "the cursor passed group {id}, which has no row");
        }
    }

    fn below_cursor(&self) -> BTreeSet<GroupId> {
        let passed = self.around.topic.iter().filter(|outcome| outcome.cause() <= self.database.cursor.cause);
        let group = |outcome: &Outcome| match outcome {
            Outcome::Fired(trigger) => Some(trigger.group.id),
            Outcome::Status(_) => None,
        };
        passed.filter_map(group).collect()
    }

    fn fill(&mut self, core: &Core) -> Input {
        self.befall();
        let part = core.part().expect("a fill has a part");
        assert!(part.groups.len() <= MAILS);
        if std::mem::take(&mut self.disconnected) || self.around.fails() {
            return Input::NotFilled;
        }
        if self.around.befalls_once_in(20) {
            return Input::Changed;
        }
        // A cursor that is emptied then would say that somebody has made the topic anew.
        if self.database.cursor != Cursor::START && self.around.befalls_once_in(20) {
            return Input::OtherTopic;
        }
        let input = self.transact(part);
        if self.around.fails() { Input::NotFilled } else { input }
    }

    /// What befalls a database between two transactions.
    fn befall(&mut self) {
        if self.around.befalls_once_in(5) && !self.stale.is_empty() {
            let at = self.around.random(self.stale.len() as u64) as usize;
            let Stale { groups, stands, ends, last, held_below } = self.stale.remove(at);
            self.transact(Part { groups: &groups, stands, ends, mark: None, last, held_below });
        }
        if self.case.restored && self.around.befalls_once_in(25) {
            match self.backup.take() {
                Some(backup) => {
                    (self.database, self.disconnected, self.was_restored) = (backup, true, true);
                    // Whatever was on its way was on its way to the database that is gone.
                    self.stale.clear();
                }
                None => self.backup = Some(self.database.clone()),
            }
        }
    }

    /// What a process that dies was about to write may still be on its way.
    fn leave(&mut self, core: &Core, outputs: &[Output]) {
        let Some(part) = core.part().filter(|_| self.case.stale && outputs.contains(&Output::Fill)) else {
            return;
        };
        let Part { groups, stands, ends, last, held_below, .. } = part;
        self.stale.push(Stale { groups: groups.to_vec(), stands, ends, last, held_below });
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
        (Core::new(), Output::Open)
    }

    fn perform(&mut self, core: &Core, output: Output) -> Option<Input> {
        match output {
            Output::Open if self.around.fails() => Some(Input::NotOpened),
            Output::Open => Some(Input::Opened(self.database.cursor)),
            Output::Receive if self.around.befalls_once_in(20) => Some(Input::Changed),
            Output::Receive => self.batch().map(Input::Batch),
            Output::Fill => Some(self.fill(core)),
            Output::Locate if self.around.fails() => Some(Input::NotFilled),
            Output::Locate => Some(Input::Stands(self.database.cursor)),
            Output::Wait(time) => {
                assert!(!time.is_zero());
                Some(Input::Woke)
            }
            Output::Commit(next_offset) => {
                assert!(next_offset <= self.database.cursor.next_offset, "committed before it was filled");
                self.around.committed = self.around.committed.max(next_offset);
                self.passed.extend(self.below_cursor());
                None
            }
            Output::Restored { .. } => {
                assert!(self.was_restored);
                None
            }
            Output::Rewind(to) => {
                self.around.position = to;
                None
            }
        }
    }

    fn step(&self, core: &mut Core, input: Input, outputs: &mut Vec<Output>) {
        core.step(input, outputs);
    }

    fn dies(&mut self, core: &Core, outputs: &[Output]) -> bool {
        let dies = self.case.crashes && self.around.befalls_once_in(40);
        if dies {
            self.leave(core, outputs);
        }
        dies
    }

    fn cursor(&self) -> u64 {
        self.database.cursor.next_offset
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_fails_each_group_becomes_one_row_and_the_cursor_passes_none_without(case in case()) {
        let mut world = World::new(case);
        world.run();
        let rows = world.database.rows;
        prop_assert_eq!(rows.len(), world.expected.len());
        for (id, mut expected) in world.expected {
            expected.sort_unstable();
            let row = rows.get(&id);
            prop_assert!(row.is_some_and(|row| row.triggers == expected), "group {}: {:?}", id, row);
            prop_assert!(world.was_restored || row.is_some_and(|row| !row.held), "group {} is held", id);
        }
    }
}
