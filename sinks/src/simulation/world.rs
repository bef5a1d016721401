//! The one world: who acts next, what time it is, what goes wrong meanwhile, and what all of that is told as.

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bellwether_schemas::time::{HOUR, MINUTE, SECOND};
use bellwether_schemas::triggers::Cause;
use bellwether_schemas::{Timestamp, Topic, TopicKind};

use super::database::Database;
use super::faults::{Act, Fault, Kind, Plan};
use super::judge::{Finding, Verdict, Wrong, judge};
use super::log::SimulatedLog;
use super::market::tenant;
use super::parties::{Party, all_parties};
use super::seats::Seats;
use super::server::Server;
use crate::simulated::Random;

/// Nothing goes wrong any more so long after the last record was appended to a journal, or after so many steps.
const HEALS_AFTER: i64 = 5 * MINUTE;
const FAULTY_STEPS: u64 = 2_500;
/// What is not done so long after all was healed never will be: longer than the longest waits in a row.
const DRAIN: i64 = 5 * HOUR;
/// A run that takes more makes no progress.
const MOST_STEPS: u64 = 12_000;
/// A tenant's constraint refuses one trigger in so many, where it has one.
const REFUSED: u128 = 5;
/// Most acts take less, microseconds.
const ACT: u64 = 40_000;
/// One of so many takes longer, but less than that.
const SLOW: (u64, u64) = (24, 3_000_000);

/// What all parties share.
pub(super) struct Around {
    plan: Plan,
    pub(super) now: Timestamp,
    step: u64,
    /// Of what is done in this step, and until then of what the same party did before.
    pub(super) random: Random,
    pub(super) log: SimulatedLog,
    pub(super) databases: [Database; 2],
    pub(super) server: Server,
    /// By tenant: what of its triggers the rows sink put among the dead letters.
    pub(super) kept: [BTreeSet<Cause>; 2],
    pub(super) seats: Seats,
    /// Since when a tenant stands, as an operator is told.
    pub(super) standing: [Option<Timestamp>; 2],
    /// How many of the journals' records are still to come.
    pub(super) to_come: [usize; 2],
    /// When the last of them was appended.
    complete_at: Option<Timestamp>,
    healed_at: Option<Timestamp>,
    /// How often each thing was about to be done.
    times: HashMap<Act, u64>,
    faults: Vec<(Act, Fault)>,
    told: Vec<Told>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) step: u64,
    pub(super) at: Timestamp,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) fault: Option<Fault>,
}

/// A run that is over.
pub(super) struct Ran {
    pub(super) verdict: Verdict,
    pub(super) faults: Vec<(Act, Fault)>,
    pub(super) told: Vec<Told>,
    /// Records of triggers that were there before.
    pub(super) repeats: usize,
    /// Triggers whose rows a database refused for good.
    pub(super) refused: usize,
}

impl Around {
    fn new(plan: Plan) -> Self {
        let mut random = plan.beginning();
        // Some time before the briefs of both tenants are due.
        let start: Timestamp = "2026-03-04T02:20:00Z".parse().unwrap();
        let now = start.plus(random.below(90).cast_signed() * MINUTE);
        let tenants = [0, 1].map(tenant);
        Self {
            plan,
            now,
            step: 0,
            log: SimulatedLog::new(&tenants),
            databases: tenants.map(|tenant| {
                let mut database = Database::new(tenant);
                database.refuses = (random.below(2) == 0).then_some(REFUSED);
                database
            }),
            server: Server::default(),
            kept: [BTreeSet::new(), BTreeSet::new()],
            random,
            seats: Seats::default(),
            standing: [None; 2],
            to_come: [1; 2],
            complete_at: None,
            healed_at: None,
            times: HashMap::new(),
            faults: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Tells what a party is about to do, and says what goes wrong with it. The same words are the same act in every run
    /// of a seed: they say nothing that follows from what others did, where that can be left out.
    pub(super) fn about_to(&mut self, who: &str, what: String, possible: &[Kind]) -> Option<Fault> {
        let act = Act::of(who, &what);
        let times = self.times.entry(act).or_default();
        let act = act.after(*times);
        *times += 1;
        self.random = self.plan.choices(self.step, act);
        let fault = if self.healed_at.is_none() { self.plan.fault(self.step, act, possible) } else { None };
        self.faults.extend(fault.map(|fault| (act, fault)));
        let (step, at, who) = (self.step, self.now, who.into());
        self.told.push(Told { step, at, who, what, fault });
        fault
    }

    /// A number below `end`, of this step.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        self.random.below(end)
    }

    /// A time of at least the one and less than the other, in seconds.
    pub(super) fn in_seconds(&mut self, from: i64, to: i64) -> Timestamp {
        let micros = self.below((to - from).unsigned_abs() * 1_000_000).cast_signed();
        self.now.plus(from * SECOND + micros)
    }

    pub(super) fn topic(&self, number: usize, kind: TopicKind) -> Topic {
        Topic::new(&self.databases[number].tenant, kind)
    }

    /// When nothing went wrong, and nothing was appended to a journal, any more.
    pub(super) fn quiet_at(&self) -> Option<Timestamp> {
        Some(self.healed_at?.max(self.complete_at?))
    }
}

/// A party, and when its turn is.
struct Turn {
    party: Box<dyn Party>,
    /// What it decides by until it is about to do the next thing.
    random: Random,
    /// How long after it could it does something.
    delay: i64,
    due: Option<Timestamp>,
}

impl Turn {
    fn new(party: Box<dyn Party>, random: Random) -> Self {
        let mut turn = Self { party, random: random.clone(), delay: 0, due: None };
        turn.decide(random);
        turn
    }

    /// What it did, or nothing yet, decides how soon it does the next thing.
    fn decide(&mut self, mut random: Random) {
        let most = if random.below(SLOW.0) == 0 { SLOW.1 } else { ACT };
        (self.delay, self.due) = (random.below(most).cast_signed(), None);
        self.random = random;
    }

    /// When it could act was another time before somebody else did.
    fn look(&mut self, around: &Around) {
        let now = around.now;
        self.due = match self.party.ready_at(around) {
            Some(at) if at > now => Some(at.plus(self.delay)),
            Some(_) => {
                let soon = now.plus(self.delay);
                Some(self.due.map_or(soon, |due| due.min(soon)))
            }
            None => None,
        };
    }
}

/// All parties and what is around them.
struct World {
    around: Around,
    turns: Vec<Turn>,
}

impl World {
    fn new(plan: Plan) -> Self {
        let mut around = Around::new(plan);
        let parties = all_parties(&mut around).into_iter().enumerate();
        let turn = |(place, party)| Turn::new(party, around.plan.first_choices(0, place));
        let turns = parties.map(turn).collect();
        Self { around, turns }
    }

    /// Whoever is next acts. False at the end.
    fn step(&mut self) -> bool {
        self.around.step += 1;
        self.heal();
        self.turn_aside();
        self.turns.iter_mut().for_each(|turn| turn.look(&self.around));
        let due = self.turns.iter().enumerate().filter_map(|(place, turn)| Some((turn.due?, place)));
        let Some((next, place)) = due.min() else { return false };
        let end = self.around.quiet_at().map(|at| at.plus(DRAIN));
        if end.is_some_and(|end| next > end) || self.around.step > MOST_STEPS {
            return false;
        }
        self.pass(next);
        let (turn, around) = (&mut self.turns[place], &mut self.around);
        around.random = turn.random.clone();
        turn.party.act(around);
        turn.decide(around.random.clone());
        true
    }

    /// From here on the plan may be another: then nobody does what was decided before.
    fn turn_aside(&mut self) {
        let Around { plan, step, .. } = &self.around;
        if plan.turns_at(*step) {
            for (place, turn) in self.turns.iter_mut().enumerate() {
                turn.decide(plan.first_choices(*step, place));
            }
        }
    }

    fn pass(&mut self, to: Timestamp) {
        if to > self.around.now {
            self.turns.iter_mut().for_each(|turn| turn.party.pass(to, &mut self.around));
            self.around.now = to;
            self.around.log.set_time(to);
        }
    }

    fn heal(&mut self) {
        let around = &mut self.around;
        if around.to_come == [0; 2] {
            around.complete_at.get_or_insert(around.now);
        }
        let is_complete = around.complete_at.is_some_and(|at| around.now >= at.plus(HEALS_AFTER));
        if around.healed_at.is_none() && (is_complete || around.step > FAULTY_STEPS) {
            around.healed_at = Some(around.now);
            around.databases.iter_mut().for_each(|database| database.set_clock(0, around.now));
        }
    }
}

/// Lets one world go on until it is done with everything, and judges it.
pub(super) fn run(plan: &Plan) -> Ran {
    let mut world = World::new(plan.clone());
    // A core that panics has broken its promise, too, and how it came to that is told as anything else is.
    let ended = catch_unwind(AssertUnwindSafe(|| while world.step() {}));
    let around = world.around;
    let (mut verdict, repeats) = judge(&around, around.step > MOST_STEPS);
    if let Err(panicked) = ended {
        verdict.0.insert(0, Finding { wrong: Wrong::Mismatch, what: format!("panic: {}", said(&*panicked)) });
    }
    let refused = around.kept.iter().map(BTreeSet::len).sum();
    Ran { verdict, faults: around.faults, told: around.told, repeats, refused }
}

/// Up to the first number: the same assertion says others in other runs.
fn said(panicked: &(dyn Any + Send)) -> String {
    let text = panicked.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panicked.downcast_ref::<&str>().copied()).unwrap_or_default();
    text.split(|character: char| character.is_ascii_digit()).next().unwrap_or_default().into()
}
