//! What people do with the outbox by hand: look, send again, say what became of a mail, stop it all. Each leaves a
//! `mail_event` that says who did it.

use bellwether_schemas::Timestamp;
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{Outbox, Result};
use crate::mail::bounce::COMPLAINED;

/// Which mails are looked for; what is left out is no condition.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// In this state.
    pub state: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Of this user.
    pub user: Option<Uuid>,
    /// Owed at this instant or later.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub most: u16,
}

/// A mail as people see it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Listed {
    /// What it is about.
    pub occurrence: String,
    /// Its kind's name.
    pub kind: String,
    /// Whose it is.
    pub user_id: Uuid,
    /// The user's address.
    pub recipient: Option<String>,
    /// Its subject, once it was composed.
    pub subject: Option<String>,
    /// Its Message-ID.
    pub message_id: String,
    /// Where it stands.
    pub state: String,
    /// Why it stands there.
    pub reason: Option<String>,
    /// How often it was claimed.
    pub attempts: i32,
    /// When it is tried next; none where it never is by itself.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was owed.
    pub created_at: DateTime<Utc>,
    /// When its server took it.
    pub sent_at: Option<DateTime<Utc>>,
    /// The server's words then.
    pub reply: Option<String>,
    /// The schedule that owes it.
    pub schedule: Option<String>,
    /// The day or the item that the schedule ran for.
    pub run_key: Option<String>,
}

/// What happened to a mail.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Happened {
    /// When, by the database's clock.
    pub at: DateTime<Utc>,
    /// What, in one word.
    pub event: String,
    /// The server's or the person's words.
    pub detail: Option<String>,
}

/// What a tenant's database says of where its mail went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Mails of the last day by the domain of their recipients.
    pub by_domain: Vec<(String, i64)>,
    /// Mails of the last 30 days.
    pub sent: i64,
    /// Addresses that complained in that time.
    pub complaints: i64,
    /// Addresses that were given up in that time for another reason.
    pub bounces: i64,
    /// Since when, and why, mail is paused.
    pub paused: Option<(DateTime<Utc>, Option<String>)>,
}

/// What a person says became of a mail that may have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrived.
    Sent,
    /// It did not, and is not to be sent.
    Failed,
}

/// What came of a person's wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It is as they wish.
    Yes,
    /// There is no such mail.
    Unknown,
    /// It cannot be done, for this reason.
    No(String),
}

/// What sending again depends on.
#[derive(sqlx::FromRow)]
struct Standing {
    state: String,
    can_be_written: bool,
    suppressed: Option<String>,
}

impl Outbox {
    /// The newest of the mails that are wanted, oldest first.
    ///
    /// # Errors
    /// The database said no.
    pub async fn list(&self, wanted: &Wanted) -> Result<Vec<Listed>> {
        let mut transaction = self.begin().await?;
        let mut mails: Vec<Listed> = sqlx::query_as(
            "select occurrence, kind, user_id, recipient, subject, message_id, state, reason, attempts,
                    case when state in ('sent', 'failed', 'suppressed') or due_at = 'infinity' then null
                         else due_at end as due_at,
                    created_at, sent_at, reply, schedule, run_key
             from bellwether.mail_outbox
             where tenant_id = $1 and ($2::text is null or state = $2) and ($3::text is null or kind = $3)
               and ($4::uuid is null or user_id = $4) and ($5::timestamptz is null or created_at >= $5)
             order by created_at desc, occurrence desc limit $6",
        )
        .bind(self.tenant.as_str())
        .bind(&wanted.state)
        .bind(&wanted.kind)
        .bind(wanted.user)
        .bind(wanted.since.map(Timestamp::utc))
        .bind(i64::from(wanted.most))
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        mails.reverse();
        Ok(mails)
    }

    /// One mail and what happened to it, in order; none where there is no such mail.
    ///
    /// # Errors
    /// The database said no.
    pub async fn show(&self, occurrence: &str) -> Result<Option<(Listed, Vec<Happened>)>> {
        let mut transaction = self.begin().await?;
        let mail: Option<Listed> = sqlx::query_as(
            "select occurrence, kind, user_id, recipient, subject, message_id, state, reason, attempts,
                    case when state in ('sent', 'failed', 'suppressed') or due_at = 'infinity' then null
                         else due_at end as due_at,
                    created_at, sent_at, reply, schedule, run_key
             from bellwether.mail_outbox where tenant_id = $1 and occurrence = $2",
        )
        .bind(self.tenant.as_str())
        .bind(occurrence)
        .fetch_optional(&mut *transaction)
        .await?;
        let events = sqlx::query_as(
            "select at, event, detail from bellwether.mail_event
             where tenant_id = $1 and occurrence = $2 order by id",
        )
        .bind(self.tenant.as_str())
        .bind(occurrence)
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(mail.map(|mail| (mail, events)))
    }

    /// Has a mail that failed, or may have arrived, sent again from now on, as if it were owed now. A provider that
    /// knows mails is to take one that failed for another; one that may have arrived keeps what it knows it by.
    ///
    /// # Errors
    /// The database said no.
    pub async fn send_again(&self, occurrence: &str, who: &str) -> Result<Done> {
        let mut transaction = self.begin().await?;
        let Some(standing) = self.standing(&mut transaction, occurrence).await? else {
            return Ok(Done::Unknown);
        };
        if let Some(reason) = standing.against_sending() {
            return Ok(Done::No(reason));
        }
        sqlx::query(
            "update bellwether.mail_outbox
             set state = 'pending', due_at = now(), released_at = now(), lease_until = null, fence = fence + 1,
                 retries = retries + case when state = 'failed' then 1 else 0 end,
                 idempotent_until = case when state = 'failed' then null else idempotent_until end
             where tenant_id = $1 and occurrence = $2 and state in ('failed', 'ambiguous')",
        )
        .bind(self.tenant.as_str())
        .bind(occurrence)
        .execute(&mut *transaction)
        .await?;
        self.happened(&mut transaction, occurrence, "retried by hand", who).await?;
        transaction.commit().await?;
        Ok(Done::Yes)
    }

    /// Writes down what became of a mail that may have arrived, as somebody found out.
    ///
    /// # Errors
    /// The database said no.
    pub async fn resolve(&self, occurrence: &str, fate: Fate, who: &str) -> Result<Done> {
        let mut transaction = self.begin().await?;
        let Some(Standing { state, .. }) = self.standing(&mut transaction, occurrence).await? else {
            return Ok(Done::Unknown);
        };
        if state != "ambiguous" {
            return Ok(Done::No(format!("it is {state}: only what may have arrived is resolved")));
        }
        let (now, event) = match fate {
            Fate::Sent => ("sent", "resolved as sent"),
            Fate::Failed => ("failed", "resolved as failed"),
        };
        sqlx::query(
            "update bellwether.mail_outbox
             set state = $3, reason = $4, lease_until = null, fence = fence + 1,
                 sent_at = case when $3 = 'sent' then now() end,
                 content = case when $3 = 'sent' and schedule is not null then null else content end
             where tenant_id = $1 and occurrence = $2 and state = 'ambiguous'",
        )
        .bind(self.tenant.as_str())
        .bind(occurrence)
        .bind(now)
        .bind(format!("{event}: {who}"))
        .execute(&mut *transaction)
        .await?;
        self.happened(&mut transaction, occurrence, event, who).await?;
        transaction.commit().await?;
        Ok(Done::Yes)
    }

    /// Lets no mail be claimed until [`Outbox::resume`]. False where it was paused before; then it stays as it was.
    ///
    /// # Errors
    /// The database said no.
    pub async fn pause(&self, reason: Option<&str>) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let rows = sqlx::query(
            "insert into bellwether.mail_pause (tenant_id, reason) values ($1, $2) on conflict do nothing",
        )
        .bind(self.tenant.as_str())
        .bind(reason)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(rows.rows_affected() == 1)
    }

    /// Lets mails be claimed again. False where they were not paused.
    ///
    /// # Errors
    /// The database said no.
    pub async fn resume(&self) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let rows = sqlx::query("delete from bellwether.mail_pause where tenant_id = $1")
            .bind(self.tenant.as_str())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(rows.rows_affected() == 1)
    }

    /// Since when, and why, the tenant's mail is paused; none where it is not.
    ///
    /// # Errors
    /// The database said no.
    pub async fn paused(&self) -> Result<Option<(DateTime<Utc>, Option<String>)>> {
        let mut transaction = self.begin().await?;
        let paused =
            sqlx::query_as("select paused_at, reason from bellwether.mail_pause where tenant_id = $1")
                .bind(self.tenant.as_str())
                .fetch_optional(&mut *transaction)
                .await?;
        transaction.commit().await?;
        Ok(paused)
    }

    /// Where mail went, and whether it goes out.
    ///
    /// # Errors
    /// The database said no.
    pub async fn numbers(&self) -> Result<Numbers> {
        let mut transaction = self.begin().await?;
        let by_domain = sqlx::query_as(
            "select lower(split_part(recipient, '@', 2)), count(*) from bellwether.mail_outbox
             where tenant_id = $1 and state = 'sent' and sent_at > now() - interval '1 day'
             group by 1 order by 2 desc limit 100",
        )
        .bind(self.tenant.as_str())
        .fetch_all(&mut *transaction)
        .await?;
        let (sent, complaints, bounces): (i64, i64, i64) = sqlx::query_as(
            "select (select count(*) from bellwether.mail_outbox
                     where tenant_id = $1 and state = 'sent' and sent_at > now() - interval '30 days'),
                    count(*) filter (where starts_with(reason, $2)),
                    count(*) filter (where not starts_with(reason, $2))
             from bellwether.mail_suppression where tenant_id = $1 and at > now() - interval '30 days'",
        )
        .bind(self.tenant.as_str())
        .bind(COMPLAINED)
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Numbers { by_domain, sent, complaints, bounces, paused: self.paused().await? })
    }

    /// Locked, so that nobody claims it meanwhile.
    async fn standing(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        occurrence: &str,
    ) -> Result<Option<Standing>> {
        sqlx::query_as(
            "select mail.state,
                    mail.recipient is not null and (mail.content is not null or mail.schedule is not null)
                      as can_be_written,
                    (select reason from bellwether.mail_suppression
                     where tenant_id = $1 and address = lower(mail.recipient)) as suppressed
             from bellwether.mail_outbox mail where tenant_id = $1 and occurrence = $2 for update",
        )
        .bind(self.tenant.as_str())
        .bind(occurrence)
        .fetch_optional(&mut **transaction)
        .await
    }

    async fn happened(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        occurrence: &str,
        event: &str,
        detail: &str,
    ) -> Result<()> {
        sqlx::query(
            "insert into bellwether.mail_event (tenant_id, occurrence, event, detail) values ($1, $2, $3, $4)",
        )
        .bind(self.tenant.as_str())
        .bind(occurrence)
        .bind(event)
        .bind(detail)
        .execute(&mut **transaction)
        .await
        .map(drop)
    }
}

impl Standing {
    /// Why it cannot be sent again.
    fn against_sending(&self) -> Option<String> {
        if !matches!(self.state.as_str(), "failed" | "ambiguous") {
            return Some(format!("it is {}: only what failed or may have arrived is sent again", self.state));
        }
        if !self.can_be_written {
            return Some("it never had an address or a content".into());
        }
        self.suppressed.as_ref().map(|reason| {
            format!("its address is suppressed ({reason}): take it out of bellwether.mail_suppression first")
        })
    }
}
