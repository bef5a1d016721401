//! A member of a sink's group: begins where the group stands, reads its tenant's triggers, and does what its core says.
//! It dies, stands still while another goes on in its place, and is told at last.

use std::collections::VecDeque;
use std::time::Duration;

use bellwether_schemas::{Timestamp, TopicKind};

use super::super::faults::{Fault, Kind};
use super::super::seats::Group;
use super::super::world::Around;
use super::Party;
use crate::feed::Batch;

/// A sink around its core.
pub(super) trait Sink: Sized {
    type Core;
    type Input;
    type Output: Clone;

    const GROUP: Group;

    /// The core of a new process, and what it asks first.
    fn begin(seed: u64) -> (Self::Core, Self::Output);

    /// What kind of output it is to whoever waits for it.
    fn ask(output: &Self::Output) -> Ask;

    /// The time is over that an output asked to wait.
    fn woke() -> Self::Input;

    fn of_batch(batch: Batch) -> Self::Input;

    /// In words behind a name.
    fn told(core: &Self::Core, output: &Self::Output) -> String;

    /// Does what is asked of the database, in one transaction, or of the dead letters.
    fn transact(
        core: &Self::Core,
        output: &Self::Output,
        tenant: usize,
        around: &mut Around,
        fault: Option<Kind>,
    ) -> Self::Input;

    fn step(core: &mut Self::Core, now: Timestamp, input: Self::Input, outputs: &mut Vec<Self::Output>);
}

/// What an output asks of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// The next records of the topic.
    Receive,
    /// Time.
    Wait(Duration),
    /// The group's position.
    Commit(u64),
    /// To read the topic again from there.
    Rewind(u64),
    /// The database.
    Database,
    /// To put a record among the dead letters.
    Keep,
    /// Nobody: it is only said.
    Nothing,
}

/// Most records of a batch.
const BATCH: u64 = 9;

/// A member, up or down.
pub(super) struct Member<S: Sink> {
    tenant: usize,
    number: usize,
    /// Before that it does nothing.
    stirs_at: Timestamp,
    process: Option<Process<S>>,
}

struct Process<S: Sink> {
    /// In which it was given the tenant.
    term: u64,
    core: S::Core,
    outputs: VecDeque<S::Output>,
    /// The next record to be read.
    position: u64,
    /// When the wait is over that it is in.
    waits_until: Option<Timestamp>,
}

impl<S: Sink> Member<S> {
    pub(super) const fn new(tenant: usize, number: usize) -> Self {
        Self { tenant, number, stirs_at: Timestamp(0), process: None }
    }

    fn name(&self, around: &Around) -> String {
        format!("{} {} of {}", S::GROUP.name(), self.number, around.databases[self.tenant].tenant)
    }

    /// The term in which the tenant is to be its own.
    fn offered(&self, around: &Around) -> Option<u64> {
        around.seats.offered(S::GROUP, self.tenant, self.number)
    }

    fn begin(&mut self, around: &mut Around) {
        let Some(term) = self.offered(around) else { return };
        let topic = around.topic(self.tenant, TopicKind::Triggers);
        let position = around.log.position(S::GROUP.name(), &topic);
        around.about_to(&self.name(around), format!("begins at {position}"), &[]);
        let (core, first) = S::begin(around.below(u64::MAX));
        let outputs = VecDeque::from([first]);
        self.process = Some(Process { term, core, outputs, position, waits_until: None });
    }

    fn end(&mut self, around: &mut Around) {
        around.about_to(&self.name(around), "is told that the tenant is another's".into(), &[]);
        self.give_up(around);
    }

    fn give_up(&mut self, around: &mut Around) {
        if let Some(process) = self.process.take() {
            around.seats.given_up(S::GROUP, self.tenant, self.number, process.term);
        }
    }

    /// It died, or stands still: who is next, and when it stirs again.
    fn befalls(&mut self, fault: Fault, around: &mut Around) {
        let seconds = 1 + fault.below(40).cast_signed();
        self.stirs_at = around.now.plus(seconds * 1_000_000);
        if fault.kind == Kind::Dies {
            self.give_up(around);
        }
        if fault.kind == Kind::StandsStill || fault.below(2) == 0 {
            around.seats.take_away(S::GROUP, self.tenant, self.number);
        }
    }

    fn faults(ask: Ask) -> &'static [Kind] {
        match ask {
            Ask::Receive => &[Kind::Dies, Kind::StandsStill, Kind::Moves],
            Ask::Commit(_) => &[Kind::Dies, Kind::PositionLost],
            Ask::Database => &[Kind::Dies, Kind::StandsStill, Kind::DatabaseAway, Kind::AnswerLost],
            Ask::Keep => &[Kind::Dies, Kind::StandsStill, Kind::LogAway],
            Ask::Wait(_) | Ask::Rewind(_) | Ask::Nothing => &[],
        }
    }

    /// What comes of the output that is next.
    fn perform(
        process: &mut Process<S>,
        tenant: usize,
        is_owner: bool,
        around: &mut Around,
        fault: Option<Kind>,
    ) -> Option<S::Input> {
        let output = process.outputs.pop_front()?;
        let topic = around.topic(tenant, TopicKind::Triggers);
        match S::ask(&output) {
            Ask::Receive => {
                let batch = batch(process.position, tenant, around);
                process.position = batch.next_offset;
                return Some(S::of_batch(batch));
            }
            Ask::Wait(_) => {
                process.waits_until = None;
                return Some(S::woke());
            }
            Ask::Commit(_) if fault.is_some() => around.log.forget_position(S::GROUP.name(), &topic),
            Ask::Commit(next) if is_owner => around.log.commit(S::GROUP.name(), &topic, next),
            Ask::Rewind(to) => process.position = to,
            Ask::Database | Ask::Keep => {
                return Some(S::transact(&process.core, &output, tenant, around, fault));
            }
            Ask::Commit(_) | Ask::Nothing => {}
        }
        None
    }
}

fn batch(from: u64, tenant: usize, around: &mut Around) -> Batch {
    let topic = around.topic(tenant, TopicKind::Triggers);
    let most = 1 + around.below(BATCH);
    let records = around.log.outcomes(&topic, from, most);
    let next_offset = records.last().map_or(from, |last| last.offset + 1);
    let tenant = topic.tenant;
    Batch { tenant, records, from, next_offset, mark: None, epoch: 0 }
}

impl<S: Sink> Party for Member<S> {
    fn ready_at(&self, around: &Around) -> Option<Timestamp> {
        let Some(process) = &self.process else {
            return self.offered(around).map(|_| self.stirs_at);
        };
        if self.offered(around) != Some(process.term) {
            return Some(self.stirs_at);
        }
        let at = match S::ask(process.outputs.front()?) {
            Ask::Receive => {
                let end = around.log.end(&around.topic(self.tenant, TopicKind::Triggers));
                (end > process.position).then_some(self.stirs_at)?
            }
            Ask::Wait(_) => process.waits_until.unwrap_or(self.stirs_at),
            _ => self.stirs_at,
        };
        Some(at.max(self.stirs_at))
    }

    fn act(&mut self, around: &mut Around) {
        let (name, offered) = (self.name(around), self.offered(around));
        let Some(process) = &mut self.process else { return self.begin(around) };
        let is_owner = around.seats.is_owner(S::GROUP, self.tenant, self.number, process.term);
        let is_to_go = offered != Some(process.term);
        let Some(next) = process.outputs.front() else { return self.end(around) };
        let ask = S::ask(next);
        let waits = matches!(ask, Ask::Receive | Ask::Wait(_));
        if is_to_go && (waits || around.below(4) == 0) {
            return self.end(around);
        }
        if let (Ask::Wait(time), None) = (ask, process.waits_until) {
            process.waits_until = Some(around.now.plus(i64::try_from(time.as_micros()).unwrap()));
            return;
        }
        let what = S::told(&process.core, next);
        let fault = around.about_to(&name, what, Self::faults(ask));
        match fault {
            Some(fault) if matches!(fault.kind, Kind::Dies | Kind::StandsStill) => {
                return self.befalls(fault, around);
            }
            Some(Fault { kind: Kind::Moves, .. }) => {
                let term = process.term;
                return around.seats.ask_to_move(S::GROUP, self.tenant, self.number, term);
            }
            _ => {}
        }
        let fault = fault.map(|fault| fault.kind);
        if let Some(input) = Self::perform(process, self.tenant, is_owner, around, fault) {
            let mut outputs = Vec::new();
            S::step(&mut process.core, around.now, input, &mut outputs);
            process.outputs.extend(outputs);
        }
    }
}
