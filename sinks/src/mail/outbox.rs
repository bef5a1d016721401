//! `bellwether.mail_outbox` of one tenant: every statement that touches it.
//!
//! `pending → claimed (lease, fence) → data_started → sent | failed | ambiguous`; back to `pending` to be tried
//! again. Who claims raises the fence; whoever holds an older one changes nothing any more. A claim holds while its
//! worker lives, which the worker says every few seconds ([`Outbox::renew`]). All times are the database's. A
//! transaction never waits for anything but the database.

pub mod by_hand;
mod claim;
mod fill;
mod held;
mod measure;
mod people;
#[cfg(test)]
mod plainly;
mod run;
mod settle;
mod traced;
mod worker;

use std::time::Duration;

pub(super) use fill::{Added, Fill};
pub(super) use held::Released;
pub use measure::Measured;
pub(crate) use run::{Circular, RunKey, StoredRun};

use bellwether_database::{self as database, Statements};
use bellwether_runtime::trace::Context;
use bellwether_schemas::TenantId;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgPool;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::core::Verdict;
use super::retry;
use super::terms::Terms;

type Result<T> = std::result::Result<T, sqlx::Error>;

/// The mails one tenant owes, in its database.
#[derive(Debug, Clone)]
pub struct Outbox {
    pool: PgPool,
    tenant: TenantId,
    terms: Terms,
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
    /// The header by which an idempotent provider knows the mail, `NAME: value`: it stands before the content.
    pub idempotency: Option<String>,
    /// The span that composed it, where that was traced and this process records spans.
    #[sqlx(skip)]
    pub trace: Option<Context>,
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
    /// Its user does not want it any more, or its address takes none.
    Suppressed(String),
    /// The server may have it: due again after this long while the provider knows it by its header, and once where
    /// its kind is sent once more; else held.
    Ambiguous(Duration, String),
}

impl Settlement {
    /// What counts and logs call it, and why, in the server's words or ours; empty where there is nothing to say.
    pub(super) fn outcome(&self) -> (&'static str, &str) {
        match self {
            Self::Sent(_) => ("sent", ""),
            Self::Retry(_, reason) => ("retry", reason),
            Self::Release(_) => ("released", ""),
            Self::Failed(reason) | Self::Refused(reason) => ("failed", reason),
            Self::Suppressed(reason) => ("suppressed", reason),
            Self::Ambiguous(_, reason) => ("ambiguous", reason),
        }
    }

    /// How a claim ends by what came of its mail.
    pub(crate) fn of(mail: &Claimed, verdict: Verdict) -> Self {
        let wait = retry::after(mail.attempts, &mail.occurrence);
        match verdict {
            Verdict::Sent(reply) => Self::Sent(reply),
            Verdict::Retry { reason, .. } | Verdict::Limited(reason) | Verdict::AuthRefused(reason) => {
                Self::Retry(wait, reason)
            }
            Verdict::Failed { reason, address: true } => Self::Refused(reason),
            Verdict::Failed { reason, address: false } => Self::Failed(reason),
            Verdict::Ambiguous(reason) => Self::Ambiguous(wait, reason),
        }
    }
}

impl Outbox {
    /// The outbox of that tenant, in its own database.
    #[must_use]
    pub fn new(pool: PgPool, tenant: TenantId) -> Self {
        Self { pool, tenant, terms: Terms::default() }
    }

    /// The same, by what the tenant's file says of mails that may have arrived.
    #[must_use]
    pub fn under(self, terms: Terms) -> Self {
        Self { terms, ..self }
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
}
