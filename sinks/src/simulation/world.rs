//! The one world: who acts next, what time it is, what goes wrong meanwhile, and what all of that is told as.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bellwether_schemas::time::{HOUR, MINUTE, SECOND};
use bellwether_schemas::{Timestamp, Topic, TopicKind};

use super::database::Database;
use super::faults::{Fault, Kind, Plan};
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
/// An act takes less.
const ACT: u64 = 40_000;

/// What all parties share.
pub(super) struct Around {
    plan: Plan,
    pub(super) now: Timestamp,
    step: u64,
    /// Of this step.
    pub(super) random: Random,
    pub(super) log: SimulatedLog,
    pub(super) databases: [Database; 2],
    pub(super) server: Server,
    pub(super) seats: Seats,
    /// Since when a tenant stands, as an operator is told.
    pub(super) standing: [Option<Timestamp>; 2],
    /// How many of the journals' records are still to come.
    pub(super) to_come: [usize; 2],
    /// When the last of them was appended.
    complete_at: Option<Timestamp>,
    healed_at: Option<Timestamp>,
    faults: Vec<(u64, Fault)>,
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
    pub(super) faults: Vec<(u64, Fault)>,
    pub(super) told: Vec<Told>,
    /// Records of triggers that were there before.
    pub(super) repeats: usize,
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
            random,
            log: SimulatedLog::new(&tenants),
            databases: tenants.map(Database::new),
            server: Server::default(),
            seats: Seats::default(),
            standing: [None; 2],
            to_come: [1; 2],
            complete_at: None,
            healed_at: None,
            faults: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Tells what a party is about to do, and says what goes wrong with it.
    pub(super) fn about_to(&mut self, who: &str, what: String, possible: &[Kind]) -> Option<Fault> {
        let place = u64::from(self.told.last().is_some_and(|told| told.step == self.step));
        let fault = if self.healed_at.is_none() { self.plan.fault(self.step, place, possible) } else { None };
        self.faults.extend(fault.map(|fault| (self.step, fault)));
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

/// All parties and what is around them.
struct World {
    around: Around,
    parties: Vec<Box<dyn Party>>,
}

impl World {
    fn new(plan: Plan) -> Self {
        let mut around = Around::new(plan);
        let parties = all_parties(&mut around);
        Self { around, parties }
    }

    /// One party acts. False at the end.
    fn step(&mut self) -> bool {
        self.around.step += 1;
        self.heal();
        let end = self.around.quiet_at().map(|at| at.plus(DRAIN));
        let ready: Vec<Option<Timestamp>> =
            self.parties.iter().map(|party| party.ready_at(&self.around)).collect();
        let Some(next) = ready.iter().flatten().min().copied() else { return false };
        if end.is_some_and(|end| next > end) || self.around.step > MOST_STEPS {
            return false;
        }
        self.pass(next);
        self.around.random = self.around.plan.choices(self.around.step);
        let is_ready = |place: &usize| ready[*place].is_some_and(|at| at <= self.around.now);
        let ready: Vec<usize> = (0..ready.len()).filter(is_ready).collect();
        let place = ready[usize::try_from(self.around.below(ready.len() as u64)).unwrap()];
        self.parties[place].act(&mut self.around);
        let took = self.around.below(ACT).cast_signed();
        self.pass(self.around.now.plus(took));
        true
    }

    fn pass(&mut self, to: Timestamp) {
        if to > self.around.now {
            self.parties.iter_mut().for_each(|party| party.pass(to, &mut self.around));
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
    Ran { verdict, faults: around.faults, told: around.told, repeats }
}

fn said(panicked: &(dyn Any + Send)) -> String {
    let text = panicked.downcast_ref::<String>().cloned();
    text.or_else(|| panicked.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}
