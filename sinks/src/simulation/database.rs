//! A tenant's database: each function is one transaction of the sinks, statement by statement, and is held to a real
//! Postgres in `beside_postgres`. Nobody waits here: a transaction is whole before the next begins.

use std::collections::BTreeMap;

use bellwether_database::cursor::Cursor;
use bellwether_database::tables::alert_status::{self, Stand};
use bellwether_database::tables::user_events::Event;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::{AlertState, AlertStatus, TriggerFired};
use bellwether_schemas::{AlertId, TenantId, Timestamp, TriggerId, UserId};
use chrono::NaiveDate;

use super::outbox::Outbox;
use crate::mail::composer::core::Part;
use crate::mail::group::Group;
use crate::rows::piece::Piece;
use crate::rows::plan::{Changed, plan};
use crate::schedule::decision::{Run, RunState, Standing, decide};
use crate::schedule::slots::DailyTime;
use crate::{mail, rows};

/// Longer than a mail's lease.
const STEADY: i64 = 20 * MINUTE;

/// What a tenant's database holds.
#[derive(Debug, Clone)]
pub(super) struct Database {
    pub(super) tenant: TenantId,
    /// A constraint of the tenant's own refuses one trigger in so many, whatever is tried; none: it has none.
    pub(super) refuses: Option<u128>,
    /// What its clock is ahead of the world's, microseconds.
    clock: i64,
    /// When it was set last, by the world's clock.
    set_at: Option<Timestamp>,
    cursors: BTreeMap<&'static str, Cursor>,
    /// Rows that stand; their user may have deleted some.
    pub(super) rows: BTreeMap<TriggerId, TriggerFired>,
    /// Every row that was ever inserted.
    pub(super) inserted: BTreeMap<TriggerId, Vec<Inserted>>,
    pub(super) statuses: BTreeMap<AlertId, Status>,
    /// What each user was told, number 1 first.
    pub(super) lines: BTreeMap<UserId, Vec<Event>>,
    pub(super) outbox: Outbox,
    pub(super) runs: BTreeMap<NaiveDate, RunRow>,
    /// When the schedule was looked at, by its clock.
    pub(super) looks: Vec<Timestamp>,
}

/// A row, and when it came.
#[derive(Debug, Clone)]
pub(super) struct Inserted {
    pub(super) row: TriggerFired,
    pub(super) at: Timestamp,
}

/// A row of `alert_status`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Status {
    pub(super) stand: Stand,
    pub(super) count: i64,
}

/// A row of `schedule_run`.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunRow {
    pub(super) run: Run,
    /// When it was written, by the database's clock.
    pub(super) at: Timestamp,
}

/// What a transaction that writes a piece comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrote {
    /// It is committed.
    Piece,
    /// Nothing was written: the cursor stands there, before the piece.
    Behind(u64),
    /// Nothing was written: a constraint refuses one of its rows.
    Refused,
}

/// What a transaction that fills the outbox comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    /// It is in the outbox; so many mails are new.
    Added(usize),
    /// Nothing was done: the cursor stands there.
    Elsewhere(Cursor),
}

impl Database {
    pub(super) fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            refuses: None,
            clock: 0,
            set_at: None,
            cursors: BTreeMap::new(),
            rows: BTreeMap::new(),
            inserted: BTreeMap::new(),
            statuses: BTreeMap::new(),
            lines: BTreeMap::new(),
            outbox: Outbox::default(),
            runs: BTreeMap::new(),
            looks: Vec::new(),
        }
    }

    /// The time by its clock.
    pub(super) const fn now(&self, now: Timestamp) -> Timestamp {
        now.plus(self.clock)
    }

    /// Its clock is set to be so far ahead of the world's.
    pub(super) const fn set_clock(&mut self, ahead: i64, now: Timestamp) {
        (self.clock, self.set_at) = (ahead, Some(now));
    }

    /// Its clock went with the world's for longer than any lease: nobody was taken for dead who was not.
    pub(super) fn is_steady(&self, now: Timestamp) -> bool {
        self.set_at.is_none_or(|set| now.since(set) > STEADY)
    }

    /// By the world's clock, what its own will show then.
    pub(super) const fn when(&self, by_its_clock: Timestamp) -> Timestamp {
        by_its_clock.plus(-self.clock)
    }

    pub(super) fn cursor(&self, sink: &'static str) -> Cursor {
        self.cursors.get(sink).copied().unwrap_or(Cursor::START)
    }

    /// As `rows::writer` does it.
    pub(super) fn write(&mut self, piece: &Piece, now: Timestamp) -> Wrote {
        let cursor = self.cursor(rows::SINK);
        if cursor.next_offset < piece.from {
            return Wrote::Behind(cursor.next_offset);
        }
        let plan = plan(piece, cursor);
        if plan.triggers().any(|trigger| self.is_refused(trigger)) {
            return Wrote::Refused;
        }
        let mut changed = Changed::default();
        let statuses = self.write_statuses(&plan.statuses());
        changed.statuses.extend(statuses.iter().map(|status| status.cause));
        let fired: Vec<&TriggerFired> = plan.triggers().filter(|trigger| self.insert(trigger, now)).collect();
        self.count(&fired);
        changed.rows.extend(fired.iter().map(|trigger| trigger.id));
        for event in plan.told(plan.events(), &changed) {
            self.lines.entry(event.user_id).or_default().push(event);
        }
        if plan.cursor != cursor {
            self.advance(rows::SINK, plan.cursor);
        }
        Wrote::Piece
    }

    /// Whether the tenant's constraint refuses its row.
    pub(super) fn is_refused(&self, trigger: &TriggerFired) -> bool {
        self.refuses.is_some_and(|one_in| trigger.id.0.as_u128().is_multiple_of(one_in))
    }

    /// A user deletes the oldest row; the one it was.
    pub(super) fn tidy(&mut self) -> Option<TriggerId> {
        self.rows.pop_first().map(|(id, _)| id)
    }

    /// As the outbox's `fill` does it, `content` being what the mail of a group says.
    pub(super) fn fill(
        &mut self,
        part: Part<'_>,
        now: Timestamp,
        content: impl Fn(&Group) -> Vec<u8>,
    ) -> Filled {
        let found = self.cursor(mail::SINK);
        if found != part.stands {
            return Filled::Elsewhere(found);
        }
        let now = self.now(now);
        let mut added = 0;
        for group in part.groups {
            let held = group.offset < part.held_below;
            added += usize::from(self.outbox.owe_group(&self.tenant, group, content(group), held, now));
        }
        if part.last {
            self.advance(mail::SINK, part.ends);
        }
        Filled::Added(added)
    }

    /// As the schedule's runs are settled: decided, recorded and owed at once. When the next is due.
    pub(super) fn settle(&mut self, daily: DailyTime, users: &[UserId], now: Timestamp) -> Option<Timestamp> {
        let now = self.now(now);
        self.looks.push(now);
        let latest = self.runs.keys().next_back().copied();
        for run in decide(daily, Standing { now, latest }) {
            let date = run.slot.date;
            if self.runs.contains_key(&date) {
                continue;
            }
            self.runs.insert(date, RunRow { run, at: now });
            if matches!(run.state, RunState::Due { .. }) {
                users.iter().for_each(|user| self.outbox.owe_brief(&self.tenant, date, *user, now));
            }
        }
        daily.next(now).map(|slot| slot.due)
    }

    /// `on conflict do nothing`: whether it is new.
    fn insert(&mut self, trigger: &TriggerFired, at: Timestamp) -> bool {
        if self.rows.contains_key(&trigger.id) {
            return false;
        }
        self.rows.insert(trigger.id, trigger.clone());
        self.inserted.entry(trigger.id).or_default().push(Inserted { row: trigger.clone(), at });
        true
    }

    fn write_statuses<'a>(&mut self, statuses: &[&'a AlertStatus]) -> Vec<&'a AlertStatus> {
        let stands = self.statuses.iter().map(|(alert, status)| (*alert, status.stand.clone()));
        let changes = alert_status::changes(&mut stands.collect(), statuses);
        for status in &changes {
            let count = self.statuses.get(&status.alert_id).map_or(0, |known| known.count);
            self.statuses.insert(status.alert_id, Status { stand: Stand::from(*status), count });
        }
        changes
    }

    /// One that no status was told of is active all the same.
    fn count(&mut self, fired: &[&TriggerFired]) {
        for trigger in fired {
            let unknown = || Status { stand: Stand::from(&active(trigger)), count: 0 };
            self.statuses.entry(trigger.alert_id).or_insert_with(unknown).count += 1;
        }
    }

    /// Never back.
    fn advance(&mut self, sink: &'static str, to: Cursor) {
        let stands = self.cursor(sink);
        assert!(stands.cause <= to.cause, "a cursor goes back from {stands:?} to {to:?}");
        let next_offset = stands.next_offset.max(to.next_offset);
        self.cursors.insert(sink, Cursor { next_offset, ..to });
    }
}

fn active(trigger: &TriggerFired) -> AlertStatus {
    AlertStatus {
        tenant: trigger.tenant.clone(),
        kind: trigger.kind,
        alert_id: trigger.alert_id,
        user_id: trigger.user_id,
        version: trigger.alert_version,
        state: AlertState::Active,
        reason: None,
        since: Some(trigger.close_time),
        cause: trigger.cause,
    }
}
