//! The core over a simulated topic and outbox: whatever fails, is restored, repeated or late, each group becomes one
//! row, and the cursor never passes a group that has none.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_database::cursor::Cursor;
use bellwether_schemas::ids::GroupId;
use bellwether_schemas::triggers::{Cause, Outcome, TriggerFired};
use bellwether_schemas::{TenantId, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::core::{Core, Input, MAILS, Output, Part};
use crate::feed::{Batch, Delivered};
use crate::mail::group::Group;
use crate::mail::samples;

/// After so many turns nothing fails any more: then everything has to come right.
const FAULTY_TURNS: u32 = 2_000;
/// A run that takes longer makes no progress.
const MAX_TURNS: u32 = 20_000;

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

fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
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
    topic: Vec<Outcome>,
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
    committed: u64,
    position: u64,
    random: u64,
    turns: u32,
}

/// The topic: the triggers of a journal record in the order of their effects, those of its groups between each other.
fn topic(case: &Case, mut random: impl FnMut(u64) -> u64) -> Vec<TriggerFired> {
    let sample = samples::triggers("fxlabs").remove(0);
    let (mut topic, mut groups) = (Vec::new(), 0);
    for (journal_offset, sizes) in case.journal.iter().enumerate() {
        let mut left: Vec<(usize, i32, i32)> =
            sizes.iter().enumerate().map(|(n, size)| (groups + n, 0, i32::from(*size))).collect();
        groups += sizes.len();
        let mut index = 0;
        while !left.is_empty() {
            let pick = usize::try_from(random(left.len() as u64)).unwrap();
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

fn next_random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % below
}

impl World {
    fn new(case: Case) -> Self {
        let mut random = case.seed;
        let mut triggers = topic(&case, |below| next_random(&mut random, below));
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
        let mut topic: Vec<Outcome> = triggers.into_iter().map(Outcome::Fired).collect();
        for &(at, many) in &case.repeats {
            let at = at.min(topic.len());
            let repeated: Vec<Outcome> = topic[at.saturating_sub(many)..at].to_vec();
            topic.splice(at..at, repeated);
        }
        Self {
            case,
            topic,
            expected,
            database: Database { cursor: Cursor::START, rows: BTreeMap::new() },
            backup: None,
            disconnected: false,
            was_restored: false,
            passed: BTreeSet::new(),
            stale: Vec::new(),
            committed: 0,
            position: 0,
            random,
            turns: 0,
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        next_random(&mut self.random, below)
    }

    fn is_faulty(&self) -> bool {
        self.turns < FAULTY_TURNS
    }

    fn fails(&mut self) -> bool {
        self.is_faulty() && self.random(100) < self.case.faults
    }

    fn batch(&mut self) -> Option<Batch> {
        let most = if self.random(3) == 0 { 6 * MAILS as u64 } else { 30 };
        let size = 1 + self.random(most);
        let next_offset = (self.position + size).min(self.topic.len() as u64);
        let delivered = |offset: u64| Delivered {
            offset,
            appended_at: Timestamp(0),
            outcome: self.topic[offset as usize].clone(),
        };
        let records: Vec<Delivered> = (self.position..next_offset).map(delivered).collect();
        let from = std::mem::replace(&mut self.position, next_offset);
        (!records.is_empty()).then(|| Batch { tenant: tenant(), records, from, next_offset, epoch: 0 })
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
        let passed = self.topic.iter().filter(|outcome| outcome.cause() <= self.database.cursor.cause);
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
        if std::mem::take(&mut self.disconnected) || self.fails() {
            return Input::NotFilled;
        }
        if self.is_faulty() && self.random(20) == 0 {
            return Input::Changed;
        }
        let input = self.transact(part);
        if self.fails() { Input::NotFilled } else { input }
    }

    /// What befalls a database between two transactions.
    fn befall(&mut self) {
        if self.is_faulty() && self.random(5) == 0 && !self.stale.is_empty() {
            let at = self.random(self.stale.len() as u64) as usize;
            let Stale { groups, stands, ends, last, held_below } = self.stale.remove(at);
            self.transact(Part { groups: &groups, stands, ends, last, held_below });
        }
        if self.case.restored && self.is_faulty() && self.random(25) == 0 {
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

    fn perform(&mut self, core: &Core, output: Output) -> Option<Input> {
        match output {
            Output::Open if self.fails() => Some(Input::NotOpened),
            Output::Open => Some(Input::Opened(self.database.cursor)),
            Output::Receive if self.is_faulty() && self.random(20) == 0 => Some(Input::Changed),
            Output::Receive => self.batch().map(Input::Batch),
            Output::Fill => Some(self.fill(core)),
            Output::Locate if self.fails() => Some(Input::NotFilled),
            Output::Locate => Some(Input::Stands(self.database.cursor)),
            Output::Wait(time) => {
                assert!(!time.is_zero());
                Some(Input::Woke)
            }
            Output::Commit(next_offset) => {
                assert!(next_offset <= self.database.cursor.next_offset, "committed before it was filled");
                self.committed = self.committed.max(next_offset);
                self.passed.extend(self.below_cursor());
                None
            }
            Output::Restored { .. } => {
                assert!(self.was_restored);
                None
            }
            Output::Rewind(to) => {
                self.position = to;
                None
            }
        }
    }

    /// A process ends between two steps; what it was about to write may still be on its way.
    fn crash(&mut self, core: &Core, outputs: &[Output]) {
        let Some(part) = core.part().filter(|_| self.case.stale && outputs.contains(&Output::Fill)) else {
            return;
        };
        let Part { groups, stands, ends, last, held_below } = part;
        self.stale.push(Stale { groups: groups.to_vec(), stands, ends, last, held_below });
    }

    /// One process, until the end of the topic or a crash. True at the end.
    fn process(&mut self) -> bool {
        let mut core = Core::new();
        let mut outputs = vec![Output::Open];
        loop {
            let mut next = None;
            for output in std::mem::take(&mut outputs) {
                next = self.perform(&core, output);
            }
            let Some(input) = next else { return true };
            core.step(input, &mut outputs);
            self.turns += 1;
            assert!(self.turns < MAX_TURNS, "no progress");
            if self.case.crashes && self.is_faulty() && self.random(40) == 0 {
                self.crash(&core, &outputs);
                return false;
            }
        }
    }

    fn run(&mut self) {
        loop {
            self.turns += 1;
            assert!(self.turns < MAX_TURNS, "the end of the topic, and the database is behind it");
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
