//! Who sends what an outbox owes: claims, offers one mail after the other, and writes down what came of each. What it
//! asks of the server and what that means is the core's; how its lease stands is the lease's own.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::Duration;

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::SECOND;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::faults::{Fault, Kind};
use super::super::outbox::State;
use super::super::server::Server;
use super::super::world::Around;
use super::Party;
use crate::mail::core::{self, Answer, Next, Sending, Stage, Step, Verdict};
use crate::mail::delivery::lease::Stands;
use crate::mail::outbox::{Claimed, Settlement};

/// As delivery has them by default.
const LEASE: Duration = Duration::from_secs(10);
const RENEWED_EVERY: i64 = 2 * SECOND;
/// Mails claimed at once.
const CLAIM: usize = 4;
/// Before a server that takes nothing, or a database that says nothing, is asked again.
const PAUSE: i64 = 10 * SECOND;

/// The world's time 0 by the clock that leases are counted by.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn instant(at: Timestamp) -> Instant {
    *BEGUN + Duration::from_micros(at.0.unsigned_abs())
}

/// One worker of the outbox.
pub(super) struct Mailer {
    tenant: usize,
    number: usize,
    incarnation: u128,
    lease: Stands,
    claimed: VecDeque<Claimed>,
    doing: Doing,
    /// Before that it does nothing, and says of itself nothing either.
    still_until: Timestamp,
    /// Before that it begins nothing.
    pauses_until: Timestamp,
}

/// What it is at.
#[derive(Clone)]
enum Doing {
    Nothing,
    /// Opens a connection for the mail.
    Opening(Claimed, Stage),
    /// Offers the mail; its lease was in that term when it began.
    Offering(Claimed, Sending, Step, u64),
    /// Writes down what came of it.
    Settling(Claimed, Settlement),
}

impl Mailer {
    pub(super) fn new(tenant: usize, number: usize, now: Timestamp) -> Self {
        let lease = Stands::new(instant(now), Duration::ZERO);
        let (claimed, doing) = (VecDeque::new(), Doing::Nothing);
        let still_until = now;
        Self { tenant, number, incarnation: 0, lease, claimed, doing, still_until, pauses_until: now }
    }

    fn worker(&self) -> Uuid {
        Uuid::from_u128((self.number as u128) << 64 | self.incarnation)
    }

    fn name(&self, around: &Around) -> String {
        format!("mailer {} of {}", self.number, around.databases[self.tenant].tenant)
    }

    /// It says that it lives.
    fn renew(&mut self, at: Timestamp, answered: Timestamp, around: &mut Around) {
        self.lease.renewed(instant(at), instant(answered), LEASE);
        let worker = self.worker();
        let database = &mut around.databases[self.tenant];
        let now = database.now(at);
        database.outbox.renew(worker, LEASE, now);
    }

    fn holds(&self, around: &Around) -> bool {
        self.lease.holds(self.lease.term(), instant(around.now))
    }

    fn befalls(&mut self, fault: Fault, around: &Around) {
        self.still_until = around.now.plus((1 + fault.below(90).cast_signed()) * SECOND);
        if fault.kind == Kind::Dies {
            (self.claimed, self.doing) = (VecDeque::new(), Doing::Nothing);
            self.incarnation += 1;
            self.lease = Stands::new(instant(self.still_until), Duration::ZERO);
        }
    }

    /// Tells what it is about to do, and what goes wrong. None: it does not get to do it.
    fn about_to(&mut self, what: String, more: &[Kind], around: &mut Around) -> Option<Option<Fault>> {
        let possible = [&[Kind::Dies, Kind::StandsStill][..], more].concat();
        let fault = around.about_to(&self.name(around), what, &possible);
        match fault {
            Some(fault) if matches!(fault.kind, Kind::Dies | Kind::StandsStill) => {
                self.befalls(fault, around);
                None
            }
            other => Some(other),
        }
    }

    fn begin(&mut self, around: &mut Around) {
        if let Some(mail) = self.claimed.pop_front() {
            self.doing = Doing::Opening(mail, Stage::Open);
            return;
        }
        let possible = [Kind::DatabaseAway, Kind::AnswerLost];
        let Some(fault) = self.about_to("claims mails".into(), &possible, around) else { return };
        let worker = self.worker();
        if fault.is_some_and(|fault| fault.kind == Kind::DatabaseAway) || !self.holds(around) {
            self.pauses_until = around.now.plus(PAUSE);
            return;
        }
        let (now, database) = (around.now, &mut around.databases[self.tenant]);
        let now = database.now(now);
        let claimed = database.outbox.claim(worker, CLAIM, now);
        match fault {
            None if !claimed.is_empty() => self.claimed.extend(claimed),
            _ => self.pauses_until = around.now.plus(PAUSE),
        }
    }

    fn open(&mut self, mail: Claimed, stage: Stage, around: &mut Around) {
        let what = format!("{stage:?} for mail {}", mail.occurrence).to_lowercase();
        let Some(fault) = self.about_to(what, Server::faults(stage), around) else {
            return;
        };
        let answer = self.ask(stage, &mail, fault, around);
        self.doing = match core::next(stage, answer) {
            Next::Ask(next) => Doing::Opening(mail, next),
            Next::Ready | Next::Note => {
                let (sending, step) = Sending::begin();
                Doing::Offering(mail, sending, step, self.lease.term())
            }
            Next::End(verdict) => self.learnt(mail, Some(verdict), around),
        };
    }

    fn offer(&mut self, mail: Claimed, mut sending: Sending, step: Step, term: u64, around: &mut Around) {
        let what = format!("{step:?} for mail {}", mail.occurrence).to_lowercase();
        let more: &[Kind] = match &step {
            Step::Ask(stage) => Server::faults(*stage),
            Step::Note => &[Kind::DatabaseAway, Kind::AnswerLost],
            Step::Look | Step::End(_) => &[],
        };
        let Some(fault) = self.about_to(what, more, around) else {
            return;
        };
        let next = match step {
            Step::Ask(stage) => sending.answered(self.ask(stage, &mail, fault, around)),
            Step::Note => sending.noted(self.note(&mail, fault, around)),
            Step::Look => {
                let next = sending.looked(self.lease.holds(term, instant(around.now)));
                self.leave_at_once(mail, sending, next, term, around);
                return;
            }
            Step::End(verdict) => {
                self.doing = self.learnt(mail, verdict, around);
                return;
            }
        };
        self.doing = Doing::Offering(mail, sending, next, term);
    }

    /// Between the look at the lease and the first byte there is no time to stand still in.
    fn leave_at_once(
        &mut self,
        mail: Claimed,
        mut sending: Sending,
        step: Step,
        term: u64,
        around: &mut Around,
    ) {
        let Step::Ask(stage) = step else {
            self.doing = Doing::Offering(mail, sending, step, term);
            return;
        };
        let what = format!("sends the content of mail {}", mail.occurrence);
        let possible = [&[Kind::Dies][..], Server::faults(stage)].concat();
        let fault = around.about_to(&self.name(around), what, &possible);
        if let Some(fault) = fault.filter(|fault| fault.kind == Kind::Dies) {
            // The server may have all of it by then.
            if fault.below(2) == 0 {
                self.ask(stage, &mail, None, around);
            }
            return self.befalls(fault, around);
        }
        let answer = self.ask(stage, &mail, fault, around);
        let next = sending.answered(answer);
        self.doing = Doing::Offering(mail, sending, next, term);
    }

    fn ask(&self, stage: Stage, mail: &Claimed, fault: Option<Fault>, around: &mut Around) -> Answer {
        let database = &around.databases[self.tenant];
        let is_sent = database.outbox.mails[&mail.occurrence].state == State::Sent;
        let is_again = is_sent && database.is_steady(around.now);
        around.server.answer(stage, self.tenant, mail, fault, is_again)
    }

    /// Whether it is known to be noted.
    fn note(&self, mail: &Claimed, fault: Option<Fault>, around: &mut Around) -> bool {
        if fault.is_some_and(|fault| fault.kind == Kind::DatabaseAway) {
            return false;
        }
        let (now, database) = (around.now, &mut around.databases[self.tenant]);
        let now = database.now(now);
        database.outbox.data_started(mail, now) && fault.is_none()
    }

    fn learnt(&mut self, mail: Claimed, verdict: Option<Verdict>, around: &Around) -> Doing {
        let is_down = matches!(&verdict, Some(Verdict::Retry { server: true, .. } | Verdict::Limited(_)));
        if is_down {
            self.pauses_until = around.now.plus(PAUSE);
        }
        let settlement = match verdict {
            Some(verdict) => Settlement::of(&mail, verdict),
            None => Settlement::Release(Duration::from_secs(1)),
        };
        Doing::Settling(mail, settlement)
    }

    /// What happened is kept until the database has it.
    fn settle(&mut self, mail: Claimed, settlement: Settlement, around: &mut Around) {
        let what = format!("settles mail {}: {settlement:?}", mail.occurrence);
        let possible = [Kind::DatabaseAway, Kind::AnswerLost];
        let Some(fault) = self.about_to(what, &possible, around) else {
            return;
        };
        let (now, database) = (around.now, &mut around.databases[self.tenant]);
        if fault.is_none_or(|fault| fault.kind != Kind::DatabaseAway) {
            let now = database.now(now);
            database.outbox.settle(&mail, &settlement, now);
        }
        self.doing = match fault {
            Some(_) => Doing::Settling(mail, settlement),
            None => Doing::Nothing,
        };
    }
}

impl Party for Mailer {
    fn ready_at(&self, around: &Around) -> Option<Timestamp> {
        let at = match (&self.doing, self.claimed.is_empty()) {
            (Doing::Nothing, true) => {
                let database = &around.databases[self.tenant];
                let due = database.when(database.outbox.next_due()?);
                due.max(self.pauses_until)
            }
            (Doing::Nothing, false) => self.pauses_until,
            _ => around.now,
        };
        Some(at.max(self.still_until))
    }

    fn act(&mut self, around: &mut Around) {
        match self.doing.clone() {
            Doing::Nothing => self.begin(around),
            Doing::Opening(mail, stage) => self.open(mail, stage, around),
            Doing::Offering(mail, sending, step, term) => self.offer(mail, sending, step, term, around),
            Doing::Settling(mail, settlement) => self.settle(mail, settlement, around),
        }
    }

    /// A task of its own says every so often that it lives; after it stood still that comes first.
    fn pass(&mut self, to: Timestamp, around: &mut Around) {
        let from = self.still_until.max(around.now);
        if from > to {
            return;
        }
        if !self.lease.holds(self.lease.term(), instant(from)) {
            self.renew(from, from, around);
        }
        if !self.lease.holds(self.lease.term(), instant(to.plus(RENEWED_EVERY))) {
            // Whatever lies between was said as often as it takes.
            self.renew(to, from, around);
        }
    }
}
