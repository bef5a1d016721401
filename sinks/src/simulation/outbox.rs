//! `bellwether.mail_outbox` and `mail_worker`, as their statements in `mail::outbox` leave them.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bellwether_runtime::config::WhenAmbiguous;
use bellwether_schemas::time::HOUR;
use bellwether_schemas::{TenantId, Timestamp, UserId};
use chrono::NaiveDate;
use uuid::Uuid;

use crate::mail::group::Group;
use crate::mail::kind::MailKind;
use crate::mail::occurrence::Occurrence;
use crate::mail::outbox::{Claimed, Settlement};
use crate::mail::terms::Terms;

/// As `mail::outbox::claim` has it.
const CLAIM_LEASE: i64 = 60_000_000;
const LEASE: i64 = 900_000_000;
/// Never due.
const INFINITY: Timestamp = Timestamp(i64::MAX);

/// In what state a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Claimed,
    DataStarted,
    Sent,
    Failed,
    Suppressed,
    Ambiguous,
}

impl State {
    /// In the table's word.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Claimed => "claimed",
            Self::DataStarted => "data_started",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
            Self::Ambiguous => "ambiguous",
        }
    }
}

/// A row of the outbox.
#[derive(Debug, Clone)]
pub(super) struct Mail {
    pub(super) kind: MailKind,
    pub(super) user: UserId,
    pub(super) recipient: String,
    pub(super) content: Vec<u8>,
    pub(super) state: State,
    pub(super) fence: i64,
    pub(super) attempts: i32,
    worker: Option<Uuid>,
    due_at: Timestamp,
    lease_until: Option<Timestamp>,
    is_scheduled: bool,
    appended_at: Timestamp,
    created_at: Timestamp,
    pub(super) events: Vec<&'static str>,
}

/// All mails of a tenant, who is at work on them, and whom nothing is sent to.
#[derive(Debug, Clone, Default)]
pub(super) struct Outbox {
    pub(super) mails: BTreeMap<String, Mail>,
    workers: BTreeMap<Uuid, Timestamp>,
    pub(super) suppressed: BTreeSet<String>,
    /// What [`Self::next_due`] found, until something is changed.
    next_due: Cell<Option<Option<Timestamp>>>,
}

impl Outbox {
    /// One mail an occurrence: what is there stays as it is. Whether it is new.
    pub(super) fn owe_group(
        &mut self,
        tenant: &TenantId,
        group: &Group,
        content: Vec<u8>,
        held: bool,
        now: Timestamp,
    ) -> bool {
        let first = &group.triggers[0];
        let occurrence = Occurrence::AlertGroup(first.group.id).text(tenant);
        let state = if held { State::Suppressed } else { State::Pending };
        let kind = MailKind::Alert(first.kind);
        let mail = Mail { state, ..Mail::new(tenant, kind, first.user_id, content, now) };
        self.owe(occurrence, Mail { appended_at: group.appended_at, ..mail })
    }

    pub(super) fn owe_brief(&mut self, tenant: &TenantId, date: NaiveDate, user: UserId, now: Timestamp) {
        let content = brief(date, user);
        let mail = Mail { is_scheduled: true, ..Mail::new(tenant, MailKind::Brief, user, content, now) };
        self.owe(brief_occurrence(tenant, date, user), mail);
    }

    pub(super) fn owe(&mut self, occurrence: String, mail: Mail) -> bool {
        let is_new = !self.mails.contains_key(&occurrence);
        if is_new {
            self.next_due.take();
            self.mails.insert(occurrence, mail);
        }
        is_new
    }

    /// A worker begins, or says that it lives.
    pub(super) fn renew(&mut self, worker: Uuid, lease: Duration, now: Timestamp) {
        self.next_due.take();
        self.workers.insert(worker, now.plus(micros(lease)));
    }

    pub(super) fn leave(&mut self, worker: Uuid) {
        self.next_due.take();
        self.workers.remove(&worker);
    }

    /// When there may be something to claim next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let found = self.next_due.get().unwrap_or_else(|| self.look_for_due());
        self.next_due.set(Some(found));
        found
    }

    fn look_for_due(&self) -> Option<Timestamp> {
        let due = |mail: &Mail| match mail.state {
            State::Pending | State::Ambiguous => Some(mail.due_at).filter(|due| *due < INFINITY),
            State::Claimed | State::DataStarted => {
                let of_worker = mail.worker.and_then(|worker| self.workers.get(&worker)).copied();
                mail.lease_until.map(|until| until.min(of_worker.unwrap_or(until)).plus(1))
            }
            State::Sent | State::Failed | State::Suppressed => None,
        };
        self.mails.values().filter_map(due).min()
    }

    pub(super) fn claim(&mut self, worker: Uuid, most: usize, now: Timestamp) -> Vec<Claimed> {
        self.next_due.take();
        for mail in self.abandoned(worker, most, now) {
            let reason = "its worker was lost after the content had begun to leave".into();
            self.settle(&mail, &Settlement::Ambiguous(Duration::ZERO, reason), now);
        }
        let mut due: Vec<(bool, Timestamp, Timestamp, String)> = self
            .mails
            .iter()
            .filter(|(_, mail)| self.is_due(mail, worker, now))
            .map(|(of, mail)| (mail.is_scheduled, mail.due_at, mail.appended_at, of.clone()))
            .collect();
        due.sort();
        due.truncate(most);
        let claimed: Vec<Claimed> = due
            .into_iter()
            .filter_map(|(.., occurrence)| {
                let mail = self.mails.get_mut(&occurrence)?;
                (mail.state, mail.worker) = (State::Claimed, Some(worker));
                (mail.fence, mail.attempts) = (mail.fence + 1, mail.attempts + 1);
                mail.lease_until = Some(now.plus(CLAIM_LEASE));
                Some(mail.claimed(occurrence))
            })
            .collect();
        let (unwanted, mut wanted): (Vec<Claimed>, Vec<Claimed>) =
            claimed.into_iter().partition(|mail| self.is_suppressed(mail));
        for mail in unwanted {
            self.settle(&mail, &Settlement::Suppressed("the address is suppressed".into()), now);
        }
        wanted.sort_by_key(|mail| (mail.schedule.is_some(), mail.appended_at));
        wanted
    }

    /// Whether the claim is still the caller's.
    pub(super) fn data_started(&mut self, claimed: &Claimed, now: Timestamp) -> bool {
        self.next_due.take();
        let Self { mails, workers, .. } = self;
        let Some(mail) = mails.get_mut(&claimed.occurrence) else { return false };
        let lives = mail.worker.and_then(|worker| workers.get(&worker)).is_some_and(|until| *until > now);
        let holds = mail.lease_until.is_some_and(|until| until > now);
        let is_ours = mail.fence == claimed.fence && mail.state == State::Claimed && holds && lives;
        if is_ours {
            (mail.state, mail.lease_until) = (State::DataStarted, Some(now.plus(LEASE)));
        }
        is_ours
    }

    /// Whether the claim was still the caller's.
    pub(super) fn settle(&mut self, claimed: &Claimed, settlement: &Settlement, now: Timestamp) -> bool {
        self.next_due.take();
        let Some(mail) = self.mails.get_mut(&claimed.occurrence) else { return false };
        let is_under_way = matches!(mail.state, State::Claimed | State::DataStarted);
        let may_be = match settlement {
            Settlement::Sent(_) => is_under_way || mail.state == State::Ambiguous,
            Settlement::Suppressed(_) => mail.state == State::Claimed,
            _ => is_under_way,
        };
        if mail.fence != claimed.fence || !may_be {
            return false;
        }
        mail.lease_until = None;
        let event = mail.end(settlement, now);
        mail.events.push(event);
        if matches!(settlement, Settlement::Refused(_)) {
            self.suppressed.insert(mail.recipient.to_lowercase());
        }
        true
    }

    fn abandoned(&self, worker: Uuid, most: usize, now: Timestamp) -> Vec<Claimed> {
        let is_abandoned =
            |mail: &Mail| mail.state == State::DataStarted && self.is_given_up(mail, worker, now);
        let mut abandoned: Vec<(Timestamp, Claimed)> = self
            .mails
            .iter()
            .filter(|(_, mail)| is_abandoned(mail))
            .map(|(of, mail)| (mail.due_at, mail.claimed(of.clone())))
            .collect();
        abandoned.sort_by_key(|(due, _)| *due);
        abandoned.into_iter().take(most).map(|(_, mail)| mail).collect()
    }

    fn is_due(&self, mail: &Mail, worker: Uuid, now: Timestamp) -> bool {
        match mail.state {
            State::Pending | State::Ambiguous => mail.due_at <= now,
            State::Claimed => self.is_given_up(mail, worker, now),
            _ => false,
        }
    }

    /// Its lease ended, or that of whoever has it.
    fn is_given_up(&self, mail: &Mail, worker: Uuid, now: Timestamp) -> bool {
        let lives = |of: Uuid| self.workers.get(&of).is_some_and(|until| *until > now);
        let is_anothers = mail.worker.is_some_and(|other| other != worker && !lives(other));
        mail.lease_until.is_some_and(|until| until < now) || is_anothers
    }

    fn is_suppressed(&self, mail: &Claimed) -> bool {
        mail.recipient.as_ref().is_some_and(|to| self.suppressed.contains(&to.to_lowercase()))
    }
}

impl Mail {
    pub(super) fn new(
        tenant: &TenantId,
        kind: MailKind,
        user: UserId,
        content: Vec<u8>,
        now: Timestamp,
    ) -> Self {
        Self {
            kind,
            user,
            recipient: address(tenant, user),
            content,
            state: State::Pending,
            fence: 0,
            attempts: 0,
            worker: None,
            due_at: now,
            lease_until: None,
            is_scheduled: false,
            appended_at: now,
            created_at: now,
            events: Vec::new(),
        }
    }

    /// When it was composed.
    pub(super) const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.due_at <= now
    }

    /// It may be tried again.
    pub(super) fn is_due_again(&self) -> bool {
        self.due_at < INFINITY
    }

    fn claimed(&self, occurrence: String) -> Claimed {
        Claimed {
            occurrence,
            kind: self.kind.name().into(),
            fence: self.fence,
            attempts: self.attempts,
            user_id: self.user.0,
            recipient: Some(self.recipient.clone()),
            content: Some(self.content.clone()),
            schedule: self.is_scheduled.then(|| self.kind.name().into()),
            run_key: None,
            appended_at: Some(self.appended_at.utc()),
            idempotency: None,
            trace: None,
        }
    }

    /// Does what the settlement's statement does, and says what its event is called.
    fn end(&mut self, settlement: &Settlement, now: Timestamp) -> &'static str {
        match settlement {
            Settlement::Sent(_) => self.state = State::Sent,
            Settlement::Retry(wait, _) => {
                self.due_at = now.plus(micros(*wait));
                let is_over = self.due_at > self.created_at.plus(24 * HOUR);
                self.state = if is_over { State::Failed } else { State::Pending };
            }
            Settlement::Release(wait) => {
                (self.state, self.attempts) = (State::Pending, self.attempts - 1);
                self.due_at = now.plus(micros(*wait));
            }
            Settlement::Failed(_) | Settlement::Refused(_) => self.state = State::Failed,
            Settlement::Suppressed(_) => self.state = State::Suppressed,
            Settlement::Ambiguous(wait, _) => {
                let once_more = Terms::default().when_ambiguous(self.kind.name());
                let again = once_more == WhenAmbiguous::SendOnceMore && !self.events.contains(&"ambiguous");
                self.state = State::Ambiguous;
                self.due_at = if again { now.plus(micros(*wait)) } else { INFINITY };
            }
        }
        match settlement {
            Settlement::Sent(_) => "sent",
            Settlement::Retry(..) => "retry",
            Settlement::Release(_) => "released",
            Settlement::Failed(_) | Settlement::Refused(_) => "failed",
            Settlement::Suppressed(_) => "suppressed",
            Settlement::Ambiguous(..) => "ambiguous",
        }
    }
}

/// Where a tenant's user gets mail.
pub(super) fn address(tenant: &TenantId, user: UserId) -> String {
    format!("{user}@{tenant}.example")
}

pub(super) fn brief_occurrence(tenant: &TenantId, date: NaiveDate, user: UserId) -> String {
    let schedule = MailKind::Brief.name().into();
    Occurrence::Scheduled { schedule, date, user }.text(tenant)
}

/// What the brief of a day says to a user.
pub(super) fn brief(date: NaiveDate, user: UserId) -> Vec<u8> {
    format!("brief of {date} for {user}").into_bytes()
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap()
}
