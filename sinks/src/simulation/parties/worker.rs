//! A worker around its core. What it recovers from and stores is read and written by the worker's own code over the
//! simulated log; everything else of `drive` is done here, one thing a step, in any order that threads could have.

mod doing;

use std::collections::VecDeque;
use std::time::Duration;

use bellwether_runtime::log::NewRecord;
use bellwether_schemas::time::{MINUTE, SECOND};
use bellwether_schemas::{Timestamp, TopicKind};
use bellwether_worker::core::{AppendId, Core, Input, Output, RecoveryId, SnapshotId};
use bellwether_worker::snapshots::Snapshot;

use super::super::faults::{Fault, Kind};
use super::super::market::tenant;
use super::super::seats::Group;
use super::super::world::Around;
use super::Party;

/// Between two times that a worker with nothing to do is told the time; in life it is a second.
const IDLE: i64 = 10 * MINUTE;

/// A worker, up or down.
pub(super) struct Worker {
    number: usize,
    /// How many processes there were.
    incarnation: u32,
    /// Before that it does nothing.
    stirs_at: Timestamp,
    process: Process,
}

/// What a process knows that dies with it.
struct Process {
    core: Core,
    begun: Timestamp,
    /// When it was told the time last.
    told_at: Timestamp,
    /// By tenant: the term in which it was given it; none: the core has it not.
    mine: [Option<u64>; 2],
    /// By tenant: the next journal offset to read.
    reading: [Option<u64>; 2],
    paused: [bool; 2],
    /// Not written yet, in the order of their calls.
    appends: VecDeque<Append>,
    /// Written, and nobody was told.
    written: VecDeque<(usize, AppendId)>,
    recoveries: Vec<(usize, RecoveryId, Timestamp)>,
    stores: VecDeque<(usize, SnapshotId, Box<Snapshot>)>,
    looks: VecDeque<(usize, u64)>,
}

struct Append {
    tenant: usize,
    id: AppendId,
    kind: TopicKind,
    records: Vec<NewRecord>,
    /// Its tenant was given up: nobody waits for it any more.
    is_stray: bool,
}

/// What a worker can do next.
#[derive(Debug, Clone, Copy)]
enum Doing {
    Write,
    Acknowledge,
    Read(usize),
    Recover(usize),
    Store,
    Turn,
    Look,
    Meet(usize),
    Pass,
}

impl Worker {
    pub(super) fn new(number: usize, now: Timestamp) -> Self {
        Self { number, incarnation: 0, stirs_at: now, process: Process::new(number, 0, now) }
    }

    fn begin_anew(&mut self, at: Timestamp) {
        (self.stirs_at, self.incarnation) = (at, self.incarnation + 1);
        self.process = Process::new(self.number, self.incarnation, at);
    }

    fn possible(&self, around: &Around) -> Vec<Doing> {
        let process = &self.process;
        let offered = |tenant: &usize| around.seats.offered(Group::Workers, *tenant, self.number);
        let mut possible: Vec<Doing> =
            (0..2).filter(|tenant| process.mine[*tenant] != offered(tenant)).map(Doing::Meet).collect();
        possible.extend((0..2).filter(|tenant| process.has_more(*tenant, around)).map(Doing::Read));
        let due = |place: &usize| process.recoveries[*place].2 <= around.now;
        possible.extend((0..process.recoveries.len()).filter(due).map(Doing::Recover));
        for (is_possible, doing) in [
            (!process.appends.is_empty(), Doing::Write),
            (!process.written.is_empty(), Doing::Acknowledge),
            (!process.stores.is_empty(), Doing::Store),
            (!process.looks.is_empty(), Doing::Look),
            (process.core.is_taking(), Doing::Turn),
        ] {
            possible.extend(is_possible.then_some(doing));
        }
        let told = around.now.since(process.told_at);
        if told >= IDLE || (told >= SECOND && !possible.is_empty()) {
            possible.push(Doing::Pass);
        }
        possible
    }

    /// It dies or stands still: what of it arrives, and who is next.
    fn befalls(&mut self, fault: Fault, around: &mut Around) {
        let at = around.now.plus((1 + fault.below(60).cast_signed()) * SECOND);
        if fault.kind == Kind::Dies {
            // Nobody waits for its word where a tenant was to move.
            (0..2).for_each(|tenant| self.let_go(tenant, around));
        }
        match fault.kind {
            Kind::StandsStill => self.stirs_at = at,
            _ if fault.below(4) == 0 => {
                self.process.end(around);
                self.begin_anew(at);
            }
            _ => {
                let arrives = usize::try_from(fault.below(5)).unwrap();
                for append in self.process.appends.drain(..).take(arrives) {
                    around.log.write(&around.topic(append.tenant, append.kind), append.records);
                }
                self.begin_anew(at);
            }
        }
        if fault.kind == Kind::StandsStill || fault.below(2) == 0 {
            (0..2).for_each(|tenant| around.seats.take_away(Group::Workers, tenant, self.number));
        }
    }

    /// The tenant is not its own any more.
    fn let_go(&mut self, tenant: usize, around: &mut Around) {
        if let Some(term) = self.process.mine[tenant].take() {
            around.seats.given_up(Group::Workers, tenant, self.number, term);
        }
    }
}

impl Process {
    fn new(number: usize, incarnation: u32, now: Timestamp) -> Self {
        Self {
            core: Core::new().named(format!("worker {number}.{incarnation}")),
            begun: now,
            told_at: now,
            mine: [None; 2],
            reading: [None; 2],
            paused: [false; 2],
            appends: VecDeque::new(),
            written: VecDeque::new(),
            recoveries: Vec::new(),
            stores: VecDeque::new(),
            looks: VecDeque::new(),
        }
    }

    fn has_more(&self, tenant: usize, around: &Around) -> bool {
        let end = || around.log.end(&around.topic(tenant, TopicKind::Journal));
        !self.paused[tenant] && self.reading[tenant].is_some_and(|next| next < end())
    }

    fn input(&mut self, input: Input, number: usize, around: &mut Around) {
        let mut outputs = Vec::new();
        self.core.step(input, &mut outputs);
        outputs.into_iter().for_each(|output| self.perform(output, number, around));
    }

    fn perform(&mut self, output: Output, number: usize, around: &mut Around) {
        match output {
            Output::Recover(of, id, wait) => {
                let of = place(&of);
                self.reading[of] = None;
                let wait = i64::try_from(wait.as_micros()).unwrap();
                self.recoveries.push((of, id, around.now.plus(wait)));
            }
            Output::ReadFrom(of, _, offset) => {
                let of = place(&of);
                (self.reading[of], self.paused[of]) = (Some(offset), false);
            }
            Output::Append(of, id, kind, records) => {
                let append = Append { tenant: place(&of), id, kind, records, is_stray: false };
                self.appends.push_back(append);
            }
            Output::Commit(of, next) => {
                let is_owner = |term| around.seats.is_owner(Group::Workers, place(&of), number, term);
                if self.mine[place(&of)].is_some_and(is_owner) {
                    let journal = around.topic(place(&of), TopicKind::Journal);
                    around.log.commit(Group::Workers.name(), &journal, next);
                }
            }
            Output::Store(of, id, snapshot) => self.stores.push_back((place(&of), id, snapshot)),
            Output::Pause(of) => self.paused[place(&of)] = true,
            Output::Resume(of) => self.paused[place(&of)] = false,
            Output::Halt(of, _) => {
                self.paused[place(&of)] = true;
                around.standing[place(&of)].get_or_insert(around.now);
            }
            Output::Look(of, from) => self.looks.push_back((place(&of), from)),
        }
    }

    /// It ends on an error, and says so: that is no death.
    fn end(&mut self, around: &Around) {
        let mut outputs = Vec::new();
        self.core.end(&mut outputs);
        for output in outputs {
            if let Output::Append(of, _, kind, records) = output {
                around.log.write(&around.topic(place(&of), kind), records);
            }
        }
    }

    fn since_begun(&self, now: Timestamp) -> Duration {
        Duration::from_micros(now.since(self.begun).unsigned_abs())
    }
}

fn place(of: &bellwether_schemas::TenantId) -> usize {
    usize::from(*of != tenant(0))
}

impl Party for Worker {
    fn ready_at(&self, around: &Around) -> Option<Timestamp> {
        let at = if self.possible(around).is_empty() {
            let due = self.process.recoveries.iter().map(|(.., due)| *due);
            due.chain([self.process.told_at.plus(IDLE)]).min()?
        } else {
            around.now
        };
        Some(at.max(self.stirs_at))
    }

    fn act(&mut self, around: &mut Around) {
        let possible = self.possible(around);
        let doing = possible[usize::try_from(around.below(possible.len() as u64)).unwrap()];
        self.act_on(doing, around);
    }
}
