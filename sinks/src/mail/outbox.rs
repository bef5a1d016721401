//! `bellwether.mail_outbox` of one tenant: every statement that touches it.
//!
//! `pending → claimed (lease, fence) → data_started → sent | failed | ambiguous`; back to `pending` to be tried
//! again. Who claims raises the fence; whoever holds an older one changes nothing any more. All times are the
//! database's. A transaction never waits for anything but the database.

use std::time::Duration;

use bellwether_schemas::ids::UserId;
use bellwether_schemas::triggers::Cause;
use bellwether_schemas::{TenantId, Timestamp};
use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::SINK;
use super::decide::{Owed, People};
use super::group::{Group, Position};
use crate::database;

/// How long a claim holds; longer than the longest a server may take for one mail.
const LEASE: Duration = Duration::from_secs(900);

type Result<T> = std::result::Result<T, sqlx::Error>;

/// One tenant's outbox.
#[derive(Debug, Clone)]
pub struct Outbox {
    pool: PgPool,
    tenant: TenantId,
}

/// A mail that is ours to send until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Claimed {
    /// Which.
    pub occurrence: String,
    /// Whose claim: rises with each.
    pub fence: i64,
    /// Counting this one.
    pub attempts: i32,
    /// The user's address.
    pub recipient: Option<String>,
    /// The whole message.
    pub content: Option<Vec<u8>>,
    /// When its triggers were appended: the order among mails due at once.
    pub appended_at: Option<DateTime<Utc>>,
}

/// How a claim ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// The server has it; its words.
    Sent(String),
    /// Again after this long, unless a day has passed since it was composed.
    Retry(Duration, String),
    /// No content left: as if it had not been claimed, but not before this long.
    Release(Duration),
    /// Never.
    Failed(String),
    /// Never, and nothing else to that address.
    Refused(String),
    /// The server may have it. Once more after this long; the second time it stays so.
    Ambiguous(Duration, String),
}

impl Outbox {
    /// The outbox of that tenant, in its own database.
    #[must_use]
    pub const fn new(pool: PgPool, tenant: TenantId) -> Self {
        Self { pool, tenant }
    }

    /// Where reading goes on.
    ///
    /// # Errors
    /// The database said no.
    pub async fn position(&self) -> Result<Position> {
        let mut transaction = self.begin().await?;
        let position = self.lock_cursor(&mut transaction).await?;
        transaction.commit().await?;
        Ok(position)
    }

    /// In one transaction: decides about the groups by what the database says now, adds what is not there yet, and
    /// moves the cursor on where a position is given. How many mails are new.
    ///
    /// # Errors
    /// The database said no; whether it was committed is open, and the same call may be made again.
    pub(super) async fn fill(
        &self,
        groups: &[Group],
        decide: impl Fn(&People) -> Vec<Owed>,
        position: Option<Position>,
    ) -> Result<u64> {
        let mut transaction = self.begin().await?;
        let cursor = self.lock_cursor(&mut transaction).await?;
        let mut fresh = 0;
        if !groups.is_empty() {
            let people = self.people(&mut transaction, groups).await?;
            fresh = self.insert(&mut transaction, &decide(&people)).await?;
        }
        if let Some(position) = position.filter(|position| position.cause >= cursor.cause) {
            self.move_cursor(&mut transaction, position).await?;
        }
        transaction.commit().await?;
        Ok(fresh)
    }

    /// Takes up to `most` mails that are due. Claims whose worker is gone are due too; content that had begun to
    /// leave when its worker went is ambiguous first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn claim(&self, most: i64) -> Result<Vec<Claimed>> {
        let mut transaction = self.begin().await?;
        let abandoned: Vec<Claimed> = sqlx::query_as(
            "select occurrence, fence, attempts, recipient, null::bytea as content, appended_at
             from bellwether.mail_outbox
             where tenant_id = $1 and state = 'data_started' and lease_until < now()
             order by due_at limit $2 for update skip locked",
        )
        .bind(self.tenant.as_str())
        .bind(most)
        .fetch_all(&mut *transaction)
        .await?;
        for mail in &abandoned {
            let reason = "its worker was lost after the content had begun to leave";
            self.settle_in(&mut transaction, mail, &Settlement::Ambiguous(Duration::ZERO, reason.into()))
                .await?;
        }
        let mut claimed = self.claim_due(&mut transaction, most).await?;
        transaction.commit().await?;
        claimed.sort_by_key(|mail| mail.appended_at);
        Ok(claimed)
    }

    /// Notes that content is about to leave. False when the claim is not ours any more: nothing may leave.
    ///
    /// # Errors
    /// The database said no: nothing may leave either.
    pub async fn data_started(&self, mail: &Claimed) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let rows = sqlx::query(
            "update bellwether.mail_outbox
             set state = 'data_started', lease_until = now() + make_interval(secs => $4)
             where tenant_id = $1 and occurrence = $2 and fence = $3 and state = 'claimed' and lease_until > now()",
        )
        .bind(self.tenant.as_str())
        .bind(&mail.occurrence)
        .bind(mail.fence)
        .bind(LEASE.as_secs_f64())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(rows.rows_affected() == 1)
    }

    /// Ends a claim. False when it was not ours any more: nothing was changed.
    ///
    /// # Errors
    /// The database said no.
    pub async fn settle(&self, mail: &Claimed, settlement: &Settlement) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let ours = self.settle_in(&mut transaction, mail, settlement).await?;
        transaction.commit().await?;
        Ok(ours)
    }

    async fn begin(&self) -> Result<Transaction<'static, Postgres>> {
        database::begin(&self.pool, &self.tenant).await
    }

    async fn lock_cursor(&self, transaction: &mut Transaction<'_, Postgres>) -> Result<Position> {
        sqlx::query(
            "insert into bellwether.sink_cursor (tenant_id, sink) values ($1, $2) on conflict do nothing",
        )
        .bind(self.tenant.as_str())
        .bind(SINK)
        .execute(&mut **transaction)
        .await?;
        let (offset, index, next_offset): (i64, i32, i64) = sqlx::query_as(
            "select cause_offset, cause_index, next_offset from bellwether.sink_cursor
             where tenant_id = $1 and sink = $2 for update",
        )
        .bind(self.tenant.as_str())
        .bind(SINK)
        .fetch_one(&mut **transaction)
        .await?;
        Ok(Position { cause: Cause { offset, index }, next_offset: u64::try_from(next_offset).unwrap_or(0) })
    }

    async fn move_cursor(&self, transaction: &mut Transaction<'_, Postgres>, to: Position) -> Result<()> {
        let rows = sqlx::query(
            "update bellwether.sink_cursor
             set cause_offset = $3, cause_index = $4, next_offset = greatest(next_offset, $5), updated_at = now()
             where tenant_id = $1 and sink = $2",
        )
        .bind(self.tenant.as_str())
        .bind(SINK)
        .bind(to.cause.offset)
        .bind(to.cause.index)
        .bind(i64::try_from(to.next_offset).unwrap_or(i64::MAX))
        .execute(&mut **transaction)
        .await?;
        if rows.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
    }

    async fn people(&self, transaction: &mut Transaction<'_, Postgres>, groups: &[Group]) -> Result<People> {
        let mut users: Vec<Uuid> =
            groups.iter().filter_map(|group| group.triggers.first()).map(|first| first.user_id.0).collect();
        users.sort_unstable();
        users.dedup();
        let addresses: Vec<(Uuid, String)> =
            sqlx::query_as("select user_id, email from bellwether.recipients where user_id = any($1)")
                .bind(&users)
                .fetch_all(&mut **transaction)
                .await?;
        let switched_off: Vec<(Uuid, String)> = sqlx::query_as(
            "select user_id, kind from public.notification_preferences
             where tenant_id = $1 and user_id = any($2) and not email",
        )
        .bind(self.tenant.as_str())
        .bind(&users)
        .fetch_all(&mut **transaction)
        .await?;
        let lower: Vec<String> = addresses.iter().map(|(_, address)| address.to_lowercase()).collect();
        let suppressed: Vec<(String, String)> = sqlx::query_as(
            "select address, reason from bellwether.mail_suppression where tenant_id = $1 and address = any($2)",
        )
        .bind(self.tenant.as_str())
        .bind(&lower)
        .fetch_all(&mut **transaction)
        .await?;
        Ok(People {
            addresses: addresses.into_iter().map(|(user, address)| (UserId(user), address)).collect(),
            switched_off: switched_off.into_iter().map(|(user, kind)| (UserId(user), kind)).collect(),
            suppressed: suppressed.into_iter().collect(),
        })
    }

    /// One mail an occurrence: what is there already stays as it is.
    async fn insert(&self, transaction: &mut Transaction<'_, Postgres>, owed: &[Owed]) -> Result<u64> {
        let column = |of: fn(&Owed) -> Option<&str>| -> Vec<Option<&str>> { owed.iter().map(of).collect() };
        let users: Vec<Uuid> = owed.iter().map(|owed| owed.user.0).collect();
        let contents: Vec<Option<&[u8]>> =
            owed.iter().map(|owed| owed.mail.as_ref().map(|mail| mail.content.as_slice())).collect();
        let appended: Vec<DateTime<Utc>> = owed.iter().map(|owed| Timestamp::utc(owed.appended_at)).collect();
        let rows = sqlx::query(
            "insert into bellwether.mail_outbox
               (tenant_id, occurrence, kind, message_id, user_id, recipient, subject, content, state, reason, appended_at)
             select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[],
                                      $8::bytea[], $9::text[], $10::text[], $11::timestamptz[])
             on conflict (tenant_id, occurrence) do nothing",
        )
        .bind(self.tenant.as_str())
        .bind(column(|owed| Some(&owed.occurrence)))
        .bind(column(|owed| Some(owed.kind)))
        .bind(column(|owed| Some(&owed.message_id)))
        .bind(users)
        .bind(column(|owed| owed.recipient.as_deref()))
        .bind(column(|owed| owed.mail.as_ref().map(|mail| mail.subject.as_str())))
        .bind(contents)
        .bind(column(|owed| Some(owed.state.name())))
        .bind(column(|owed| owed.reason.as_deref()))
        .bind(appended)
        .execute(&mut **transaction)
        .await?;
        Ok(rows.rows_affected())
    }

    async fn claim_due(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        most: i64,
    ) -> Result<Vec<Claimed>> {
        sqlx::query_as(
            "update bellwether.mail_outbox as mail
             set state = 'claimed', fence = mail.fence + 1, attempts = mail.attempts + 1,
                 lease_until = now() + make_interval(secs => $3)
             from (select occurrence from bellwether.mail_outbox
                   where tenant_id = $1
                     and ((state in ('pending', 'ambiguous') and due_at <= now())
                          or (state = 'claimed' and lease_until < now()))
                   order by due_at, appended_at limit $2 for update skip locked) as due
             where mail.tenant_id = $1 and mail.occurrence = due.occurrence
             returning mail.occurrence, mail.fence, mail.attempts, mail.recipient, mail.content,
               mail.appended_at",
        )
        .bind(self.tenant.as_str())
        .bind(most)
        .bind(LEASE.as_secs_f64())
        .fetch_all(&mut **transaction)
        .await
    }

    async fn settle_in(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        mail: &Claimed,
        settlement: &Settlement,
    ) -> Result<bool> {
        let (statement, event, wait, words) = parts(settlement);
        let rows = sqlx::query(statement)
            .bind(self.tenant.as_str())
            .bind(&mail.occurrence)
            .bind(mail.fence)
            .bind(wait.as_secs_f64())
            .bind(words)
            .execute(&mut **transaction)
            .await?;
        if rows.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("insert into bellwether.mail_event (tenant_id, occurrence, event, detail) values ($1, $2, $3, $4)")
            .bind(self.tenant.as_str())
            .bind(&mail.occurrence)
            .bind(event)
            .bind(words)
            .execute(&mut **transaction)
            .await?;
        if let (Settlement::Refused(reason), Some(address)) = (settlement, &mail.recipient) {
            self.suppress(transaction, address, reason).await?;
        }
        Ok(true)
    }

    async fn suppress(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        address: &str,
        reason: &str,
    ) -> Result<()> {
        sqlx::query(
            "insert into bellwether.mail_suppression (tenant_id, address, reason) values ($1, $2, $3)
             on conflict (tenant_id, address) do nothing",
        )
        .bind(self.tenant.as_str())
        .bind(address.to_lowercase())
        .bind(reason)
        .execute(&mut **transaction)
        .await
        .map(|_| ())
    }
}

/// The parts of a settlement: statement, event, how long to wait, the words kept.
///
/// Every statement binds the same five: tenant, occurrence, fence, seconds, words.
fn parts(settlement: &Settlement) -> (&'static str, &'static str, Duration, &str) {
    match settlement {
        Settlement::Sent(reply) => (SENT, "sent", Duration::ZERO, reply),
        Settlement::Retry(wait, reason) => (RETRY, "retry", *wait, reason),
        Settlement::Release(wait) => (RELEASE, "released", *wait, "not tried"),
        Settlement::Failed(reason) | Settlement::Refused(reason) => {
            (FAILED, "failed", Duration::ZERO, reason)
        }
        Settlement::Ambiguous(wait, reason) => (AMBIGUOUS, "ambiguous", *wait, reason),
    }
}

const SENT: &str = "update bellwether.mail_outbox
    set state = 'sent', sent_at = now(), reply = $5, reason = null, lease_until = null,
        due_at = due_at + make_interval(secs => $4)
    where tenant_id = $1 and occurrence = $2 and fence = $3 and state in ('claimed', 'data_started')";

const RETRY: &str = "update bellwether.mail_outbox
    set state = case when now() + make_interval(secs => $4) > created_at + interval '24 hours'
                     then 'failed' else 'pending' end,
        reason = case when now() + make_interval(secs => $4) > created_at + interval '24 hours'
                      then 'gave up after 24 hours: ' || $5 else $5 end,
        due_at = now() + make_interval(secs => $4), lease_until = null
    where tenant_id = $1 and occurrence = $2 and fence = $3 and state in ('claimed', 'data_started')";

const RELEASE: &str = "update bellwether.mail_outbox
    set state = 'pending', attempts = attempts - 1, reason = coalesce(reason, $5),
        due_at = now() + make_interval(secs => $4), lease_until = null
    where tenant_id = $1 and occurrence = $2 and fence = $3 and state in ('claimed', 'data_started')";

const FAILED: &str = "update bellwether.mail_outbox
    set state = 'failed', reason = $5, due_at = due_at + make_interval(secs => $4), lease_until = null
    where tenant_id = $1 and occurrence = $2 and fence = $3 and state in ('claimed', 'data_started')";

/// An alert that may have arrived goes out once more with the same bytes. The second time it stays as it is: never
/// due again.
const AMBIGUOUS: &str = "update bellwether.mail_outbox as mail
    set state = 'ambiguous', reason = $5, lease_until = null,
        due_at = case when exists (select from bellwether.mail_event event
                                   where event.tenant_id = $1 and event.occurrence = $2
                                     and event.event = 'ambiguous')
                      then 'infinity' else now() + make_interval(secs => $4) end
    where mail.tenant_id = $1 and mail.occurrence = $2 and mail.fence = $3
      and mail.state in ('claimed', 'data_started')";
