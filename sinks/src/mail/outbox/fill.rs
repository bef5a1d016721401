//! What is owed: cursor and mails in one transaction.

use bellwether_database::cursor::{self, Cursor, Mark, Reached};
use bellwether_runtime::crash::{CrashPoint, reach};
use bellwether_runtime::trace::Context;
use bellwether_schemas::Timestamp;
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{Outbox, Result, RunKey};
use crate::mail::SINK;
use crate::mail::decide::{Owed, People};
use crate::mail::group::Group;
use crate::mail::limits::{Caps, Why};
use crate::mail::occurrence::Occurrence;
use crate::mail::render::Gist;

/// What came of a part of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) enum Fill {
    /// It is in the outbox.
    Added(Added),
    /// Nothing was done: the cursor stands there.
    Elsewhere(Cursor),
}

/// Mails that are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::mail) struct Added {
    pub(in crate::mail) mails: u64,
    /// How many of them wait for their user's sake.
    pub(in crate::mail) held: u64,
    /// How many wait since all users together had the most of an hour.
    pub(in crate::mail) flooding: u64,
}

impl Added {
    fn of(owed: &[Owed]) -> Self {
        let waits = |floods: bool| {
            let wait = |owed: &&Owed| owed.wait.is_some_and(|wait| (wait.why == Why::Flood) == floods);
            owed.iter().filter(wait).count() as u64
        };
        Self { mails: owed.len() as u64, held: waits(false), flooding: waits(true) }
    }
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

    /// How far each sink has got, as this database says.
    ///
    /// # Errors
    /// The database said no.
    pub(in crate::mail) async fn reached(&self) -> Result<Vec<Reached>> {
        let mut transaction = self.begin().await?;
        let reached = cursor::all(&mut transaction, self.statements()).await?;
        transaction.rollback().await?;
        Ok(reached)
    }

    /// In one transaction: decides about the groups by what the database says now, adds what is not there yet, and
    /// moves the cursor on where a place is given; of mails that are `traced`, by occurrence, it notes by which span. A
    /// cursor that does not stand where the caller knows it to stand is somebody else's, or the database was restored: then
    /// nothing is done.
    ///
    /// # Errors
    /// The database said no; whether it was committed is open, and the same call may be made again.
    pub(in crate::mail) async fn fill(
        &self,
        groups: &[Group],
        caps: Caps,
        decide: impl Fn(&People) -> Vec<Owed>,
        stands: Cursor,
        ends: Option<(Cursor, Option<Mark>)>,
        traced: &[(String, Context)],
    ) -> Result<Fill> {
        let mut transaction = self.begin().await?;
        let found = cursor::lock(&mut transaction, self.statements(), SINK).await?;
        if found != stands {
            transaction.rollback().await?;
            return Ok(Fill::Elsewhere(found));
        }
        let mut added = Added::default();
        if !groups.is_empty() {
            let owed = decide(&self.people_of(&mut transaction, groups, caps).await?);
            self.insert(&mut transaction, &owed, None).await?;
            self.note_traces(&mut transaction, traced).await?;
            added = Added::of(&owed);
        }
        if let Some((ends, mark)) = ends {
            cursor::advance(&mut transaction, self.statements(), SINK, ends, mark).await?;
        }
        reach(CrashPoint::MailsInserted);
        transaction.commit().await?;
        reach(CrashPoint::MailsOwed);
        Ok(Fill::Added(added))
    }

    async fn people_of(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        groups: &[Group],
        caps: Caps,
    ) -> Result<People> {
        let first = || groups.iter().filter_map(|group| group.triggers.first());
        let mut users: Vec<Uuid> = first().map(|first| first.user_id.0).collect();
        users.sort_unstable();
        users.dedup();
        let occurrences: Vec<String> =
            first().map(|first| Occurrence::AlertGroup(first.group.id).text(&self.tenant)).collect();
        let mut people = self.people(transaction, Some(&users)).await?;
        people.known = self.known(transaction, &occurrences).await?;
        people.hours = self.hours(transaction, &users, caps, people.now).await?;
        Ok(people)
    }

    /// One mail an occurrence: what is there already stays as it is. `run`: the run that owes them.
    pub(super) async fn insert(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        owed: &[Owed],
        run: Option<RunKey<'_>>,
    ) -> Result<u64> {
        let column = |of: fn(&Owed) -> Option<&str>| -> Vec<Option<&str>> { owed.iter().map(of).collect() };
        let gists: Vec<Option<&Gist>> = owed.iter().map(gist).collect();
        let users: Vec<Uuid> = owed.iter().map(|owed| owed.user.0).collect();
        let contents: Vec<Option<&[u8]>> = owed.iter().map(content).collect();
        let appended: Vec<DateTime<Utc>> = owed.iter().map(|owed| Timestamp::utc(owed.appended_at)).collect();
        let rows = sqlx::query(
            "insert into bellwether.mail_outbox
               (tenant_id, schedule, run_key, occurrence, kind, message_id, user_id, recipient, subject, content, state,
                reason, appended_at, hold_until, hold_reason, what, about_at)
             select $1, $12, $13, * from unnest($2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::text[],
                                      $8::bytea[], $9::text[], $10::text[], $11::timestamptz[],
                                      $14::timestamptz[], $15::text[], $16::text[], $17::timestamptz[])
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
        .bind(owed.iter().map(|owed| Some(owed.wait?.until.utc())).collect::<Vec<_>>())
        .bind(column(|owed| Some(owed.wait?.why.name())))
        .bind(gists.iter().map(|gist| Some(gist.as_ref()?.what.as_str())).collect::<Vec<_>>())
        .bind(gists.iter().map(|gist| Some(gist.as_ref()?.at.utc())).collect::<Vec<_>>())
        .execute(&mut **transaction)
        .await?;
        Ok(rows.rows_affected())
    }
}

/// Of a held mail a digest may have to tell.
fn gist(owed: &Owed) -> Option<&Gist> {
    owed.wait.and(owed.mail.as_ref()).map(|mail| &mail.gist)
}

/// What is only told in a digest has none.
fn content(owed: &Owed) -> Option<&[u8]> {
    let told = owed.wait.is_some_and(|wait| wait.why.is_for_digest());
    owed.mail.as_ref().filter(|_| !told).map(|mail| mail.content.as_slice())
}
