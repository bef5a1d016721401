//! What is owed: cursor and mails in one transaction.

use bellwether_database::cursor::{self, Cursor};
use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{Outbox, Result, RunKey};
use crate::mail::SINK;
use crate::mail::decide::{Owed, People};
use crate::mail::group::Group;

/// What came of a part of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) enum Fill {
    /// It is in the outbox; so many mails are new.
    Added(u64),
    /// Nothing was done: the cursor stands there.
    Elsewhere(Cursor),
}

impl Outbox {
    /// Where reading goes on.
    ///
    /// # Errors
    /// The database said no.
    pub async fn position(&self) -> Result<Cursor> {
        let mut transaction = self.begin().await?;
        let position = cursor::lock(&mut transaction, self.statements(), SINK).await?;
        transaction.commit().await?;
        Ok(position)
    }

    /// In one transaction: decides about the groups by what the database says now, adds what is not there yet, and
    /// moves the cursor on where a place is given. A cursor that does not stand where the caller knows it to stand is
    /// somebody else's, or the database was restored: then nothing is done.
    ///
    /// # Errors
    /// The database said no; whether it was committed is open, and the same call may be made again.
    pub(in crate::mail) async fn fill(
        &self,
        groups: &[Group],
        decide: impl Fn(&People) -> Vec<Owed>,
        stands: Cursor,
        ends: Option<Cursor>,
    ) -> Result<Fill> {
        let mut transaction = self.begin().await?;
        let found = cursor::lock(&mut transaction, self.statements(), SINK).await?;
        if found != stands {
            transaction.rollback().await?;
            return Ok(Fill::Elsewhere(found));
        }
        let mut fresh = 0;
        if !groups.is_empty() {
            let people = self.people(&mut transaction, groups).await?;
            fresh = self.insert(&mut transaction, &decide(&people), None).await?;
        }
        if let Some(ends) = ends {
            cursor::advance(&mut transaction, self.statements(), SINK, ends).await?;
        }
        transaction.commit().await?;
        Ok(Fill::Added(fresh))
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
            // A row of a kind that this version has no mail of stops none.
            switched_off: switched_off
                .into_iter()
                .filter_map(|(user, kind)| Some((UserId(user), kind.parse().ok()?)))
                .collect(),
            suppressed: suppressed.into_iter().collect(),
        })
    }

    /// One mail an occurrence: what is there already stays as it is. `run`: the run that owes them.
    pub(super) async fn insert(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        owed: &[Owed],
        run: Option<RunKey<'_>>,
    ) -> Result<u64> {
        let column = |of: fn(&Owed) -> Option<&str>| -> Vec<Option<&str>> { owed.iter().map(of).collect() };
        let users: Vec<Uuid> = owed.iter().map(|owed| owed.user.0).collect();
        let contents: Vec<Option<&[u8]>> =
            owed.iter().map(|owed| owed.mail.as_ref().map(|mail| mail.content.as_slice())).collect();
        let appended: Vec<DateTime<Utc>> = owed.iter().map(|owed| Timestamp::utc(owed.appended_at)).collect();
        let rows = sqlx::query(
            "insert into bellwether.mail_outbox
               (tenant_id, schedule, run_key, occurrence, kind, message_id, user_id, recipient, subject, content, state,
                reason, appended_at)
             select $1, $12, $13, * from unnest($2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[],
                                      $8::bytea[], $9::text[], $10::text[], $11::timestamptz[])
             on conflict (tenant_id, occurrence) do nothing",
        )
        .bind(self.tenant.as_str())
        .bind(column(|owed| Some(&owed.occurrence)))
        .bind(column(|owed| Some(owed.kind.name())))
        .bind(column(|owed| Some(&owed.message_id)))
        .bind(users)
        .bind(column(|owed| owed.recipient.as_deref()))
        .bind(column(|owed| owed.mail.as_ref().map(|mail| mail.subject.as_str())))
        .bind(contents)
        .bind(column(|owed| Some(owed.state.name())))
        .bind(column(|owed| owed.reason.as_deref()))
        .bind(appended)
        .bind(run.map(|run| run.schedule))
        .bind(run.map(|run| run.key))
        .execute(&mut **transaction)
        .await?;
        Ok(rows.rows_affected())
    }
}
