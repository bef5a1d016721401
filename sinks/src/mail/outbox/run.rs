//! Mails of a schedule's run: rows without content in the run's own transaction, content at the first claim.

use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::{Claimed, Outbox, Result};
use crate::mail::brand::Look;
use crate::mail::compose::{Composed, message_id};
use crate::mail::decide::{Owed, State};
use crate::mail::kind::MailKind;
use crate::mail::occurrence::Occurrence;
use crate::mail::scheduled::Content;

/// Names one run of a tenant's schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RunKey<'a> {
    /// What the schedule is called.
    pub(crate) schedule: &'a str,
    /// The day or the item it ran for.
    pub(crate) key: &'a str,
}

/// What the mails of a run say, and when it was due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredRun {
    pub(crate) content: Content,
    pub(crate) due: Timestamp,
    pub(crate) delayed: bool,
}

/// Mails that a run owes, but for whom.
pub(crate) struct Circular<'a> {
    pub(crate) run: RunKey<'a>,
    pub(crate) kind: MailKind,
    pub(crate) due: Timestamp,
    pub(crate) look: &'a Look,
    /// The tenant has a server to send through.
    pub(crate) configured: bool,
}

/// A user who may get mail, and what stands against it.
#[derive(sqlx::FromRow)]
struct Reader {
    user_id: Uuid,
    email: String,
    switched_off: bool,
    suppressed: Option<String>,
}

impl Outbox {
    /// A transaction in the tenant's database.
    pub(crate) async fn transaction(&self) -> Result<Transaction<'static, Postgres>> {
        self.begin().await
    }

    /// Adds a mail without content for every user the tenant has, or the reason why there is none; how many are new.
    pub(crate) async fn owe_everybody(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        circular: &Circular<'_>,
        occurrence: impl Fn(UserId) -> Occurrence,
    ) -> Result<u64> {
        let readers = self.readers(transaction, circular.kind).await?;
        let owed: Vec<Owed> = readers
            .into_iter()
            .map(|reader| {
                let occurrence = occurrence(UserId(reader.user_id));
                owed(reader, circular, &occurrence)
            })
            .collect();
        self.insert(transaction, &owed, Some(circular.run)).await
    }

    async fn readers(&self, connection: &mut PgConnection, kind: MailKind) -> Result<Vec<Reader>> {
        sqlx::query_as(
            "select reader.user_id, reader.email,
                    exists (select from public.notification_preferences wish
                            where wish.tenant_id = $1 and wish.user_id = reader.user_id and wish.kind = $2
                              and not wish.email) as switched_off,
                    (select reason from bellwether.mail_suppression
                     where tenant_id = $1 and address = lower(reader.email)) as suppressed
             from bellwether.recipients reader order by reader.user_id",
        )
        .bind(self.tenant.as_str())
        .bind(kind.name())
        .fetch_all(connection)
        .await
    }

    /// What the mails of a run say; none where there is no such run, or nothing of it is owed.
    pub(crate) async fn run(&self, run: RunKey<'_>) -> Result<Option<StoredRun>> {
        let mut transaction = self.begin().await?;
        let row: Option<(Json<Content>, DateTime<Utc>, bool)> = sqlx::query_as(
            "select content, due_at, delayed from bellwether.schedule_run
             where tenant_id = $1 and schedule = $2 and key = $3 and content is not null",
        )
        .bind(self.tenant.as_str())
        .bind(run.schedule)
        .bind(run.key)
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(row.map(|(Json(content), due, delayed)| StoredRun { content, due: due.into(), delayed }))
    }

    /// Keeps what a claimed mail says, so that whoever tries again sends the same bytes. False when the claim is not
    /// ours any more.
    pub(crate) async fn keep(&self, mail: &Claimed, composed: &Composed) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let rows = sqlx::query(
            "update bellwether.mail_outbox
             set content = $4, subject = $5, content_sha256 = sha256($4)
             where tenant_id = $1 and occurrence = $2 and fence = $3 and state = 'claimed' and content is null",
        )
        .bind(self.tenant.as_str())
        .bind(&mail.occurrence)
        .bind(mail.fence)
        .bind(&composed.content)
        .bind(&composed.subject)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(rows.rows_affected() == 1)
    }
}

fn owed(reader: Reader, circular: &Circular<'_>, occurrence: &Occurrence) -> Owed {
    let (state, reason) = match (reader.switched_off, reader.suppressed, circular.configured) {
        (true, _, _) => (State::Suppressed, Some("switched off by the user".into())),
        (_, Some(reason), _) => (State::Suppressed, Some(format!("the address is suppressed: {reason}"))),
        (_, _, false) => (State::Failed, Some("not configured: the tenant's file has no mail.smtp".into())),
        _ => (State::Pending, None),
    };
    Owed {
        occurrence: occurrence.text(&circular.look.tenant),
        kind: circular.kind,
        user: UserId(reader.user_id),
        message_id: message_id(circular.look, occurrence),
        appended_at: circular.due,
        recipient: Some(reader.email),
        state,
        reason,
        mail: None,
    }
}
