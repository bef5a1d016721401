//! `bellwether.mail_outbox` of one tenant: every statement that touches it.
//!
//! `pending → claimed (lease, fence) → data_started → sent | failed | ambiguous`; back to `pending` to be tried
//! again. Who claims raises the fence; whoever holds an older one changes nothing any more. All times are the
//! database's. A transaction never waits for anything but the database.

pub mod by_hand;
mod fill;
mod run;
mod settle;

use std::time::Duration;

pub(super) use fill::Fill;
pub(crate) use run::{Circular, RunKey, StoredRun};

use bellwether_database::{self as database, Statements};
use bellwether_schemas::TenantId;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::kind::{MailKind, WhenAmbiguous};

/// How long a claim holds: what a crash delays its mails by. One that runs out while its mail waits for its turn is
/// noticed before any content leaves, and the mail is claimed anew.
const CLAIM_LEASE: Duration = Duration::from_secs(60);
/// How long it holds once content leaves; longer than the longest a server may take for one mail.
const LEASE: Duration = Duration::from_secs(900);

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The mails one tenant owes, in its database.
#[derive(Debug, Clone)]
pub struct Outbox {
    pool: PgPool,
    tenant: TenantId,
}

/// A mail that is ours to send until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Claimed {
    /// What it is about.
    pub occurrence: String,
    /// Its kind's name. A newer version may have written one that this version does not know.
    pub kind: String,
    /// Whose claim: rises with each.
    pub fence: i64,
    /// How often it was claimed, this claim included.
    pub attempts: i32,
    /// Whose mail it is.
    pub user_id: Uuid,
    /// The user's address; none for a mail that never had one.
    pub recipient: Option<String>,
    /// The whole message; none for a mail that was not composed.
    pub content: Option<Vec<u8>>,
    /// The schedule that owes it, and the run's key: it is composed when it is claimed first.
    pub schedule: Option<String>,
    /// The day or the item that the schedule ran for.
    pub run_key: Option<String>,
    /// When its triggers were appended: the order among mails due at once.
    pub appended_at: Option<DateTime<Utc>>,
}

impl Claimed {
    /// What becomes of it should the server have it or not. Of an unknown kind no second mail goes out.
    fn when_ambiguous(&self) -> WhenAmbiguous {
        self.kind.parse::<MailKind>().map_or(WhenAmbiguous::Hold, MailKind::when_ambiguous)
    }
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
    /// It can never be sent, for this reason.
    Failed(String),
    /// Never, and nothing else to that address.
    Refused(String),
    /// The server may have it: held, or, where its kind is sent once more, due after this long; a second time it is
    /// held too.
    Ambiguous(Duration, String),
}

impl Outbox {
    /// The outbox of that tenant, in its own database.
    #[must_use]
    pub const fn new(pool: PgPool, tenant: TenantId) -> Self {
        Self { pool, tenant }
    }

    /// Takes up to `most` mails that are due, none while the tenant's mail is paused; those of no schedule first: what is told to everybody does not keep an
    /// alert waiting. Claims whose worker is gone are due too; content that had begun to
    /// leave when its worker went is ambiguous first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn claim(&self, most: i64) -> Result<Vec<Claimed>> {
        let mut transaction = self.begin().await?;
        let abandoned: Vec<Claimed> = sqlx::query_as(
            "select occurrence, kind, fence, attempts, user_id, recipient, null::bytea as content, schedule, run_key,
               appended_at
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
        claimed.sort_by_key(|mail| (mail.schedule.is_some(), mail.appended_at));
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

    fn statements(&self) -> Statements<'_> {
        Statements::unnamed(&self.tenant)
    }

    async fn begin(&self) -> Result<Transaction<'static, Postgres>> {
        database::begin(&self.pool, &self.tenant).await
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
                     and not exists (select from bellwether.mail_pause where tenant_id = $1)
                   order by schedule is not null, due_at, appended_at limit $2 for update skip locked) as due
             where mail.tenant_id = $1 and mail.occurrence = due.occurrence
             returning mail.occurrence, mail.kind, mail.fence, mail.attempts, mail.user_id, mail.recipient,
               mail.content, mail.schedule, mail.run_key, mail.appended_at",
        )
        .bind(self.tenant.as_str())
        .bind(most)
        .bind(CLAIM_LEASE.as_secs_f64())
        .fetch_all(&mut **transaction)
        .await
    }
}
