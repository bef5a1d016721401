//! The things that a worker does, one a step.

use bellwether_runtime::decisions::Decisions;
use bellwether_schemas::{TenantId, TopicKind};
use bellwether_worker::core::{Input, LastAsked, NotRecovered, Output};
use bellwether_worker::recovery::recover;
use bellwether_worker::snapshots::{Shelf, store_snapshot};

use super::super::super::faults::{Fault, Kind};
use super::super::super::market;
use super::super::super::seats::Group;
use super::super::super::world::Around;
use super::{Doing, Worker};

/// What can befall a worker at any time.
const ANY_TIME: [Kind; 2] = [Kind::Dies, Kind::StandsStill];
/// Most records that come at once.
const READ: u64 = 7;

impl Worker {
    pub(super) fn act_on(&mut self, doing: Doing, around: &mut Around) {
        let (what, more) = self.told(doing, around);
        let possible = [&ANY_TIME[..], more].concat();
        let fault = around.about_to(&format!("worker {}", self.number), what, &possible);
        match fault {
            Some(fault) if ANY_TIME.contains(&fault.kind) => self.befalls(fault, around),
            fault => self.perform(doing, fault, around),
        }
    }

    /// What it is about to do, and what can go wrong with that.
    fn told(&self, doing: Doing, around: &Around) -> (String, &'static [Kind]) {
        let (process, name) = (&self.process, |tenant: usize| market::tenant(tenant));
        match doing {
            Doing::Write => {
                let append = &process.appends[0];
                let (tenant, many) = (name(append.tenant), append.records.len());
                let end = around.log.end(&around.topic(append.tenant, append.kind));
                let kind = format!("{:?}", append.kind).to_lowercase();
                let what = format!("has {many} records of {kind} of {tenant} written at {end}");
                (what, &[Kind::WrittenTwice, Kind::LogAway])
            }
            Doing::Acknowledge => {
                let (tenant, id) = process.written[0];
                (format!("is told that append {id} of {} is there", name(tenant)), &[Kind::Overtakes])
            }
            Doing::Read(tenant) => {
                let from = process.reading[tenant].unwrap_or(0);
                (format!("folds records of {} from {from} on", name(tenant)), &[Kind::Moves])
            }
            Doing::Recover(place) => {
                let what = format!("recovers {}", name(process.recoveries[place].0));
                (what, &[Kind::LogAway, Kind::SnapshotsDeleted, Kind::PositionLost])
            }
            Doing::Store => {
                let (tenant, _, snapshot) = &process.stores[0];
                let what = format!("stores a snapshot of {} at {}", name(*tenant), snapshot.next_offset);
                (what, &[Kind::Torn, Kind::LogAway, Kind::SnapshotsDeleted])
            }
            Doing::Turn => ("copies some of a state".into(), &[]),
            Doing::Look => {
                (format!("looks for decisions about {}", name(process.looks[0].0)), &[Kind::LogAway])
            }
            Doing::Meet(tenant) if process.mine[tenant].is_some() => {
                (format!("is told that {} is another's", name(tenant)), &[])
            }
            Doing::Meet(tenant) => (format!("is given {}", name(tenant)), &[]),
            Doing::Pass => ("is told the time".into(), &[]),
        }
    }

    fn perform(&mut self, doing: Doing, fault: Option<Fault>, around: &mut Around) {
        let kind = fault.map(|fault| fault.kind);
        match doing {
            Doing::Write => self.write(kind, around),
            Doing::Acknowledge => self.acknowledge(fault, around),
            Doing::Read(tenant) if kind.is_some() => {
                if let Some(term) = self.process.mine[tenant] {
                    around.seats.ask_to_move(Group::Workers, tenant, self.number, term);
                }
            }
            Doing::Read(tenant) => self.read(tenant, around),
            Doing::Recover(place) => self.recover(place, kind, around),
            Doing::Store => self.store(fault, around),
            Doing::Turn => self.process.input(Input::Turned, self.number, around),
            Doing::Look => self.look(kind, around),
            Doing::Meet(tenant) if self.process.mine[tenant].is_some() => self.give_up(tenant, around),
            Doing::Meet(tenant) => {
                self.process.mine[tenant] = around.seats.offered(Group::Workers, tenant, self.number);
                let assigned = Input::Assigned(market::tenant(tenant));
                self.process.input(assigned, self.number, around);
            }
            Doing::Pass => {
                self.process.told_at = around.now;
                let passed = Input::Passed(self.process.since_begun(around.now));
                self.process.input(passed, self.number, around);
            }
        }
    }

    fn write(&mut self, fault: Option<Kind>, around: &mut Around) {
        if fault == Some(Kind::LogAway) {
            return;
        }
        let Some(append) = self.process.appends.pop_front() else { return };
        let topic = around.topic(append.tenant, append.kind);
        if fault.is_some() {
            around.log.write(&topic, append.records.clone());
        }
        around.log.write(&topic, append.records);
        if !append.is_stray {
            self.process.written.push_back((append.tenant, append.id));
        }
    }

    fn acknowledge(&mut self, fault: Option<Fault>, around: &mut Around) {
        let many = self.process.written.len() as u64;
        let place = fault.map_or(0, |fault| usize::try_from(fault.below(many)).unwrap());
        let Some((tenant, id)) = self.process.written.remove(place) else { return };
        self.process.input(Input::Acknowledged(market::tenant(tenant), id), self.number, around);
    }

    fn read(&mut self, tenant: usize, around: &mut Around) {
        let Some(from) = self.process.reading[tenant] else { return };
        let most = 1 + around.below(READ);
        let records = around.log.read(&around.topic(tenant, TopicKind::Journal), from, most);
        self.process.reading[tenant] = records.last().map(|last| last.offset + 1);
        self.process.input(Input::Records(market::tenant(tenant), records), self.number, around);
    }

    fn recover(&mut self, place: usize, fault: Option<Kind>, around: &mut Around) {
        let (tenant, id, _) = self.process.recoveries.remove(place);
        let name = market::tenant(tenant);
        match fault {
            Some(Kind::SnapshotsDeleted) => around.log.delete_snapshots(&name),
            Some(Kind::PositionLost) => {
                let journal = around.topic(tenant, TopicKind::Journal);
                around.log.forget_position(Group::Workers.name(), &journal);
            }
            _ => {}
        }
        let found = match fault {
            Some(Kind::LogAway) => Err(NotRecovered::Unavailable("it does not answer".into())),
            _ => recover(&around.log, &name).map_err(NotRecovered::from),
        };
        self.process.input(Input::Recovered(name, id, found), self.number, around);
    }

    fn store(&mut self, fault: Option<Fault>, around: &mut Around) {
        let Some((tenant, id, snapshot)) = self.process.stores.pop_front() else { return };
        let name = market::tenant(tenant);
        match fault.map(|fault| (fault.kind, fault)) {
            Some((Kind::Torn, fault)) => around.log.tear_after(Some(fault.below(9))),
            Some((Kind::SnapshotsDeleted, _)) => around.log.delete_snapshots(&name),
            _ => {}
        }
        let is_away = fault.is_some_and(|fault| fault.kind == Kind::LogAway);
        let is_stored = !is_away && store_snapshot(&around.log, &mut Shelf::new(&name), &snapshot).is_ok();
        around.log.tear_after(None);
        self.process.input(Input::Stored(name, id, is_stored), self.number, around);
    }

    fn look(&mut self, fault: Option<Kind>, around: &mut Around) {
        let Some((tenant, from)) = self.process.looks.pop_front() else { return };
        let name = market::tenant(tenant);
        let found = match fault {
            Some(_) => None,
            None => Decisions::collect(&around.log, &name, from).ok(),
        };
        let (to, is_decided) = found.map_or((from, false), |it| (it.read_to(), !it.is_empty()));
        self.process.input(Input::Looked(name, to, is_decided), self.number, around);
    }

    /// The brokers answer what is on its way, or do not; then its last words are put in the log.
    fn give_up(&mut self, tenant: usize, around: &mut Around) {
        let name = market::tenant(tenant);
        let is_answered = around.below(3) > 0;
        self.answer_last(tenant, is_answered, around);
        let process = &mut self.process;
        process.reading[tenant] = None;
        process.recoveries.retain(|(of, ..)| *of != tenant);
        process.looks.retain(|(of, _)| *of != tenant);
        let mut outputs = Vec::new();
        process.core.step(Input::Revoked(name.clone()), &mut outputs);
        process.stores.retain(|(of, ..)| *of != tenant);
        let LastAsked { commit, words, others } = LastAsked::of(&name, outputs);
        for other in others {
            match other {
                Output::Store(_, _, snapshot) if is_answered => store_last(&name, &snapshot, around),
                Output::Store(..) => {}
                other => process.perform(other, self.number, around),
            }
        }
        if let Some(next) = commit {
            process.perform(Output::Commit(name, next), self.number, around);
        }
        for (kind, records) in words {
            around.log.write(&around.topic(tenant, kind), records);
        }
        self.let_go(tenant, around);
    }

    /// What is not answered may be written later, and nobody waits for it.
    fn answer_last(&mut self, tenant: usize, is_answered: bool, around: &mut Around) {
        let of = |append: &super::Append| append.tenant == tenant && !append.is_stray;
        if !is_answered {
            let strays = self.process.appends.iter_mut().filter(|append| of(append));
            strays.for_each(|append| append.is_stray = true);
            self.process.written.retain(|(of, _)| *of != tenant);
            return;
        }
        // One producer writes in the order of its calls: what lies before goes, too.
        while self.process.appends.iter().any(of) {
            self.write(None, around);
        }
        let written = std::mem::take(&mut self.process.written);
        let (told, others): (Vec<_>, Vec<_>) = written.into_iter().partition(|(of, _)| *of == tenant);
        self.process.written = others.into();
        for (_, id) in told {
            let acknowledged = Input::Acknowledged(market::tenant(tenant), id);
            self.process.input(acknowledged, self.number, around);
        }
    }
}

fn store_last(name: &TenantId, snapshot: &bellwether_worker::snapshots::Snapshot, around: &Around) {
    // What does not get there is as good as never taken.
    let _ = store_snapshot(&around.log, &mut Shelf::new(name), snapshot);
}
