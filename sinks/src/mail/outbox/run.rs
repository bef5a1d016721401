//! Mails of a schedule's run: rows without content in the run's own transaction, content at the first claim.

use bellwether_database::tables::user_followed;
use bellwether_schemas::Timestamp;
use bellwether_schemas::calendar::CalendarItem;
use bellwether_schemas::ids::UserId;
use bellwether_schemas::previews::UserFollowed;
use chrono::{DateTime, Utc};
use sqlx::types::Json;
use sqlx::{Postgres, Transaction};

use super::{Claimed, Outbox, Result};
use crate::mail::brand::Look;
use crate::mail::compose::{Composed, message_id};
use crate::mail::decide::{Owed, People, State};
use crate::mail::kind::MailKind;
use crate::mail::limits::{Asked, Caps, Course, Wait};
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
    /// The item of the news calendar that they are about.
    pub(crate) item: Option<&'a CalendarItem>,
    pub(crate) caps: Caps,
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
        let people = self.people(transaction, None).await?;
        let mut readers: Vec<UserId> = people.addresses.keys().copied().collect();
        readers.sort_unstable();
        let owed: Vec<Owed> =
            readers.into_iter().map(|user| owed(&people, user, circular, &occurrence(user))).collect();
        self.insert(transaction, &owed, Some(circular.run)).await
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

    /// What followed a user's own triggers; none where nothing is known of that.
    pub(crate) async fn followed(&self, user: UserId) -> Result<Option<UserFollowed>> {
        let mut transaction = self.begin().await?;
        let followed = user_followed::read(&mut transaction, self.statements(), user).await?;
        transaction.commit().await?;
        Ok(followed)
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

fn owed(people: &People, user: UserId, circular: &Circular<'_>, occurrence: &Occurrence) -> Owed {
    let (state, reason, wait) = match course(people, user, circular) {
        Err(reason) => (State::Suppressed, Some(reason), None),
        Ok(_) if !circular.configured => {
            (State::Failed, Some("not configured: the tenant's file has no mail.smtp".into()), None)
        }
        Ok(wait) => {
            let state = if wait.is_some() { State::Held } else { State::Pending };
            (state, wait.map(|wait| wait.why.told().into()), wait)
        }
    };
    Owed {
        occurrence: occurrence.text(&circular.look.tenant),
        kind: circular.kind,
        user,
        message_id: message_id(circular.look, occurrence),
        appended_at: circular.due,
        recipient: people.addresses.get(&user).cloned(),
        state,
        reason,
        mail: None,
        wait,
    }
}

/// For what the mail waits; else why the user gets none.
fn course(
    people: &People,
    user: UserId,
    circular: &Circular<'_>,
) -> std::result::Result<Option<Wait>, String> {
    let Circular { kind, item, caps, .. } = *circular;
    people.recipient(user, kind)?;
    let wishes = people.wishes(user);
    if let Some(item) = item.filter(|item| !wishes.hears_of(&item.currency)) {
        return Err(format!("the user wants no news of {}", item.currency));
    }
    let asked = Asked { kind, user, wishes, useful_until: item.map(|item| item.time) };
    match people.hours.course(asked, caps, people.now) {
        Course::Send => Ok(None),
        Course::Wait(wait) => Ok(Some(wait)),
        Course::Drop(reason) => Err(reason.into()),
    }
}
