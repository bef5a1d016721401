//! What is due, recorded and owed in one transaction: the decision is made in it, by the database's clock and by what
//! is recorded there, under the lock of the tenant's schedule. Whoever comes second finds nothing to do.

use std::collections::BTreeMap;

use bellwether_database::Statements;
use bellwether_database::cursor;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::crash::{CrashPoint, reach};
use bellwether_schemas::Timestamp;
use bellwether_schemas::calendar::{CalendarItem, Impact};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::IANA_TZDB_VERSION;
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};

use super::SINK;
use super::decision::{DELAYED, RunState, Standing, decide};
use super::market::{Known, Market};
use super::reminders::{self, AHEAD, Owed, Told};
use super::slots::{DailyTime, Slot};
use crate::mail::brand::Look;
use crate::mail::kind::MailKind;
use crate::mail::limits::Caps;
use crate::mail::outbox::{Circular, Outbox, RunKey};
use crate::mail::scheduled::{self, Brief, Content, Correction, Occasion, Reminder};

/// One tenant's schedule, with what recording it takes.
pub(super) struct Runs {
    pub(super) tenant: Tenant,
    pub(super) outbox: Outbox,
    pub(super) look: Look,
    /// The tenant has a server to send through.
    pub(super) configured: bool,
}

/// What came of a look at what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// The time by the database's clock.
    pub(super) now: Timestamp,
    /// When the next is due.
    pub(super) next: Option<Timestamp>,
    /// Runs that are new.
    pub(super) due: u64,
    /// Days and items that were missed.
    pub(super) missed: u64,
    /// Mails owed by the new runs.
    pub(super) mails: u64,
}

impl Settled {
    /// Of a look that found nothing due, nothing is half done.
    fn reach(self, point: CrashPoint) {
        if self.due > 0 {
            reach(point);
        }
    }
}

/// A row of `schedule_run` to be.
struct NewRun<'a> {
    kind: MailKind,
    key: &'a str,
    due: Timestamp,
    state: RunState,
    content: Option<Content>,
}

/// A transaction that holds the lock of the tenant's schedule.
struct Settling<'a> {
    runs: &'a Runs,
    transaction: Transaction<'static, Postgres>,
    settled: Settled,
}

impl Runs {
    /// When the tenant wants its brief.
    pub(super) fn daily_brief(&self) -> Option<DailyTime> {
        self.tenant.daily_brief.map(|time| DailyTime { zone: self.tenant.zone, time })
    }

    /// Decides and records what is due. None: the market is not ours any more.
    ///
    /// # Errors
    /// The database said no: whether it was committed is open, and the same call may be made again.
    pub(super) async fn settle(&self, market: &Market) -> sqlx::Result<Option<Settled>> {
        let mut transaction = self.outbox.transaction().await?;
        cursor::lock(&mut transaction, Statements::of(&self.tenant), SINK).await?;
        // Not `now()`, which is when the transaction began: it may have waited for the lock.
        let now: DateTime<Utc> =
            sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut *transaction).await?;
        let settled = Settled { now: now.into(), next: None, due: 0, missed: 0, mails: 0 };
        let mut settling = Settling { runs: self, transaction, settled };
        let whole = settling.brief(market).await? && settling.reminders(market).await?;
        let Settling { transaction, settled, .. } = settling;
        if !whole {
            transaction.rollback().await?;
            return Ok(None);
        }
        settled.reach(CrashPoint::RunOwed);
        transaction.commit().await?;
        settled.reach(CrashPoint::RunCommitted);
        Ok(Some(settled))
    }
}

impl Settling<'_> {
    /// False where the market is not ours any more.
    async fn brief(&mut self, market: &Market) -> sqlx::Result<bool> {
        let Some(daily) = self.runs.daily_brief() else { return Ok(true) };
        let now = self.settled.now;
        for run in decide(daily, Standing { now, latest: self.latest_day().await? }) {
            let content = match run.state {
                RunState::Due { .. } => {
                    let previous = self.previous_brief().await?;
                    let next = daily.next(now).map(|slot| slot.due);
                    let brief = market.look(|known| self.compose(known, run.slot, next, previous.as_ref()));
                    let Some(brief) = brief else { return Ok(false) };
                    Some(Content::Brief(brief))
                }
                RunState::Missed | RunState::Before => None,
            };
            let key = run.slot.date.to_string();
            let new =
                NewRun { kind: MailKind::Brief, key: &key, due: run.slot.due, state: run.state, content };
            self.record(new).await?;
        }
        self.comes(daily.next(now).map(|slot| slot.due));
        Ok(true)
    }

    fn compose(&self, known: &Known, slot: Slot, next: Option<Timestamp>, previous: Option<&Brief>) -> Brief {
        let items: Vec<CalendarItem> = known.calendar.values().cloned().collect();
        let occasion = Occasion { date: slot.date, due: slot.due, now: self.settled.now, next };
        scheduled::brief(&known.readings, &items, &self.runs.tenant, occasion, previous)
    }

    /// False where the market is not ours any more.
    async fn reminders(&mut self, market: &Market) -> sqlx::Result<bool> {
        let high = |known: &Known| -> Vec<CalendarItem> {
            known.calendar.values().filter(|item| item.impact == Impact::High).cloned().collect()
        };
        let Some(items) = market.look(high) else { return Ok(false) };
        if items.is_empty() {
            return Ok(true);
        }
        let (now, told) = (self.settled.now, self.told().await?);
        for item in &items {
            match reminders::decide(item.time, told.get(&item.id).copied(), now) {
                Some(Owed::Reminder { .. }) => self.remind(item).await?,
                Some(Owed::Correction { told, .. }) => self.correct(item, told).await?,
                Some(Owed::Missed { .. }) => self.miss(item).await?,
                None => {}
            }
        }
        self.comes(items.iter().map(|item| reminders::due(item.time)).filter(|due| *due > now).min());
        Ok(true)
    }

    async fn remind(&mut self, item: &CalendarItem) -> sqlx::Result<()> {
        let due = reminders::due(item.time);
        let reminder = Reminder { item: item.clone(), told_at: self.settled.now };
        let content = Some(Content::Reminder(reminder));
        let state = RunState::Due { delayed: self.settled.now.since(due) > DELAYED };
        let new = NewRun { kind: MailKind::Reminder, key: &item.id, due, state, content };
        self.record(new).await
    }

    async fn correct(&mut self, item: &CalendarItem, told: Timestamp) -> sqlx::Result<()> {
        let content = Some(Content::Correction(Correction { item: item.clone(), told }));
        let (due, state) = (self.settled.now, RunState::Due { delayed: false });
        let new = NewRun { kind: MailKind::Correction, key: &item.id, due, state, content };
        self.record(new).await
    }

    async fn miss(&mut self, item: &CalendarItem) -> sqlx::Result<()> {
        let (due, state) = (reminders::due(item.time), RunState::Missed);
        let new = NewRun { kind: MailKind::Reminder, key: &item.id, due, state, content: None };
        self.record(new).await
    }

    /// One row for each day and item, whoever writes it first; its mails with it.
    async fn record(&mut self, new: NewRun<'_>) -> sqlx::Result<()> {
        let NewRun { kind, key, due, state, content } = new;
        let delayed = state == RunState::Due { delayed: true };
        let fresh = sqlx::query(
            "insert into bellwether.schedule_run
               (tenant_id, schedule, key, due_at, state, delayed, zone, zone_data, content)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (tenant_id, schedule, key) do nothing",
        )
        .bind(self.runs.tenant.id.as_str())
        .bind(kind.name())
        .bind(key)
        .bind(due.utc())
        .bind(state.name())
        .bind(delayed)
        .bind(self.runs.tenant.zone.name())
        .bind(IANA_TZDB_VERSION)
        .bind(content.as_ref().map(Json))
        .execute(&mut *self.transaction)
        .await?;
        if fresh.rows_affected() == 0 {
            return Ok(());
        }
        self.settled.missed += u64::from(state == RunState::Missed);
        match &content {
            Some(content) => {
                reach(CrashPoint::RunRecorded);
                self.owe(content, key, due).await
            }
            None => Ok(()),
        }
    }

    async fn owe(&mut self, content: &Content, key: &str, due: Timestamp) -> sqlx::Result<()> {
        let (runs, kind) = (self.runs, content.kind());
        let Runs { outbox, look, configured, tenant } = runs;
        let run = RunKey { schedule: kind.name(), key };
        let (item, caps) = (content.item(), Caps::of(tenant));
        let circular = Circular { run, kind, due, look, configured: *configured, item, caps };
        let occurrence = |user| content.occurrence(user);
        let mails = outbox.owe_everybody(&mut self.transaction, &circular, occurrence).await?;
        sqlx::query(
            "update bellwether.schedule_run set mails = $4 where tenant_id = $1 and schedule = $2 and key = $3",
        )
        .bind(tenant.id.as_str())
        .bind(run.schedule)
        .bind(key)
        .bind(i64::try_from(mails).unwrap_or(i64::MAX))
        .execute(&mut *self.transaction)
        .await?;
        self.settled.due += 1;
        self.settled.mails += mails;
        Ok(())
    }

    async fn latest_day(&mut self) -> sqlx::Result<Option<NaiveDate>> {
        let key: Option<String> = sqlx::query_scalar(
            "select max(key) from bellwether.schedule_run where tenant_id = $1 and schedule = $2",
        )
        .bind(self.runs.tenant.id.as_str())
        .bind(MailKind::Brief.name())
        .fetch_one(&mut *self.transaction)
        .await?;
        let day = |key: String| key.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)));
        key.map(day).transpose()
    }

    async fn previous_brief(&mut self) -> sqlx::Result<Option<Brief>> {
        let content: Option<Json<Content>> = sqlx::query_scalar(
            "select content from bellwether.schedule_run
             where tenant_id = $1 and schedule = $2 and state = 'due' order by key desc limit 1",
        )
        .bind(self.runs.tenant.id.as_str())
        .bind(MailKind::Brief.name())
        .fetch_optional(&mut *self.transaction)
        .await?;
        Ok(content.and_then(|Json(content)| match content {
            Content::Brief(brief) => Some(brief),
            Content::Reminder(_) | Content::Correction(_) | Content::Digest(_) => None,
        }))
    }

    /// What users were told of items that may still matter, by their ids.
    async fn told(&mut self) -> sqlx::Result<BTreeMap<String, Told>> {
        let rows: Vec<(String, String, String, DateTime<Utc>)> = sqlx::query_as(
            "select schedule, key, state, due_at from bellwether.schedule_run
             where tenant_id = $1 and schedule = any($2) and due_at > clock_timestamp() - interval '30 days'",
        )
        .bind(self.runs.tenant.id.as_str())
        .bind([MailKind::Reminder.name(), MailKind::Correction.name()].as_slice())
        .fetch_all(&mut *self.transaction)
        .await?;
        let mut told: BTreeMap<String, Told> = BTreeMap::new();
        for (schedule, key, state, due) in rows {
            let told = told.entry(key).or_insert(Told { time: Timestamp::MIN, corrected: false });
            if schedule == MailKind::Correction.name() {
                told.corrected = true;
            } else {
                told.time = Timestamp::from(due).plus(AHEAD);
                // Of an item that was missed nobody was told, so there is nothing to correct.
                told.corrected |= state != "due";
            }
        }
        Ok(told)
    }

    fn comes(&mut self, next: Option<Timestamp>) {
        self.settled.next = self.settled.next.into_iter().chain(next).min();
    }
}
