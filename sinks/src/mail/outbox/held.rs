//! Mails that wait (`held`): they become `pending`, `digested` in a digest's own row, `suppressed`, or wait once more, all
//! whose wait is over in one transaction under the lock that filling the outbox takes.

use bellwether_database::{self as database, cursor};
use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{Outbox, Result};
use crate::mail::SINK;
use crate::mail::decide::Owed;
use crate::mail::kind::MailKind;
use crate::mail::limits::{Caps, Wait};
use crate::mail::release::{DueDigest, Plan, Waiting, plan};
use crate::mail::render::Gist;

/// Most users whose mails one transaction releases.
const USERS: i64 = 50;
/// Most of their mails; the others of a user are told in the next digest.
const MAILS: i64 = 50_000;

/// How many mails a look released, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::mail) struct Released {
    /// Due by themselves.
    pub(in crate::mail) sent: u64,
    pub(in crate::mail) digests: u64,
    /// Told in these.
    pub(in crate::mail) told: u64,
    pub(in crate::mail) suppressed: u64,
    /// They wait once more.
    pub(in crate::mail) waiting: u64,
    /// Some wait, or did until now, since all users together had the most of an hour.
    pub(in crate::mail) flooding: bool,
}

impl Released {
    fn of(plan: &Plan) -> Self {
        Self {
            sent: plan.sent.len() as u64,
            digests: plan.digests.len() as u64,
            told: plan.digests.iter().map(|digest| digest.told.len() as u64).sum(),
            suppressed: plan.suppressed.len() as u64,
            waiting: plan.waits.len() as u64,
            flooding: false,
        }
    }

    /// Others may be due beside these.
    pub(in crate::mail) const fn waits_for_more(self) -> bool {
        self.sent + self.told + self.suppressed + self.waiting >= USERS.unsigned_abs()
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    occurrence: String,
    kind: String,
    user_id: Uuid,
    hold_reason: String,
    hold_until: DateTime<Utc>,
    what: Option<String>,
    about_at: Option<DateTime<Utc>>,
    appended_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl Outbox {
    /// Releases mails whose wait is over, of some users. `compose` writes a digest's own row.
    ///
    /// # Errors
    /// The database said no: whether it was committed is open, and the same call may be made again.
    pub(in crate::mail) async fn release(
        &self,
        caps: Caps,
        compose: impl Fn(&DueDigest, Timestamp) -> Owed,
    ) -> Result<Released> {
        let mut transaction = self.begin().await?;
        let (due, flooding) = self.is_any_due(&mut transaction).await?;
        if !due {
            transaction.commit().await?;
            return Ok(Released { flooding, ..Released::default() });
        }
        cursor::lock(&mut transaction, self.statements(), SINK).await?;
        let waiting = self.waiting(&mut transaction).await?;
        let mut users: Vec<Uuid> = waiting.iter().map(|mail| mail.user.0).collect();
        users.dedup();
        let mut people = self.people(&mut transaction, Some(&users)).await?;
        people.hours = self.hours(&mut transaction, &users, caps, people.now).await?;
        let plan = plan(waiting, &people, caps);
        let digests: Vec<Owed> = plan.digests.iter().map(|digest| compose(digest, people.now)).collect();
        self.apply(&mut transaction, &plan, &digests).await?;
        transaction.commit().await?;
        Ok(Released { flooding, ..Released::of(&plan) })
    }

    /// Whether a wait is over, and whether a flood makes anything wait. Asked without the lock, which others may wait
    /// for.
    async fn is_any_due(&self, transaction: &mut Transaction<'_, Postgres>) -> Result<(bool, bool)> {
        sqlx::query_as(
            "select exists (select from bellwether.mail_outbox
                            where tenant_id = $1 and state = 'held' and hold_until <= clock_timestamp()
                              and kind = any($2)),
                    exists (select from bellwether.mail_outbox
                            where tenant_id = $1 and state = 'held' and hold_reason = 'flood')",
        )
        .bind(self.tenant.as_str())
        .bind(kinds())
        .fetch_one(&mut **transaction)
        .await
    }

    /// All of a user's at once, so that one digest tells them; by user. What a newer version holds for its own reasons
    /// waits for that version.
    async fn waiting(&self, transaction: &mut Transaction<'_, Postgres>) -> Result<Vec<Waiting>> {
        let rows: Vec<Row> = sqlx::query_as(
            "select occurrence, kind, user_id, hold_reason, hold_until, what, about_at, appended_at, created_at
             from bellwether.mail_outbox
             where tenant_id = $1 and state = 'held' and hold_until <= clock_timestamp() and kind = any($2)
               and user_id in (select user_id from bellwether.mail_outbox
                               where tenant_id = $1 and state = 'held' and hold_until <= clock_timestamp()
                                 and kind = any($2)
                               group by user_id order by min(hold_until) limit $3)
             order by user_id, hold_until, created_at limit $4",
        )
        .bind(self.tenant.as_str())
        .bind(kinds())
        .bind(USERS)
        .bind(MAILS)
        .fetch_all(&mut **transaction)
        .await?;
        Ok(rows.into_iter().filter_map(waiting).collect())
    }

    async fn apply(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        plan: &Plan,
        digests: &[Owed],
    ) -> Result<()> {
        self.send(transaction, &plan.sent).await?;
        self.wait(transaction, &plan.waits).await?;
        self.suppress_held(transaction, &plan.suppressed).await?;
        for (due, digest) in plan.digests.iter().zip(digests) {
            self.tell(transaction, due, digest).await?;
        }
        let fresh = self.insert(transaction, digests, None).await?;
        database::touched(fresh, digests.len())
    }

    async fn send(&self, transaction: &mut Transaction<'_, Postgres>, mails: &[String]) -> Result<()> {
        let update = sqlx::query(
            "update bellwether.mail_outbox
             set state = 'pending', reason = null, due_at = clock_timestamp(), released_at = clock_timestamp()
             where tenant_id = $1 and occurrence = any($2) and state = 'held'",
        );
        touched(transaction, update.bind(self.tenant.as_str()).bind(mails), mails.len()).await
    }

    async fn wait(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        waits: &[(String, Wait)],
    ) -> Result<()> {
        let occurrences: Vec<&str> = waits.iter().map(|(occurrence, _)| occurrence.as_str()).collect();
        let untils: Vec<DateTime<Utc>> = waits.iter().map(|(_, wait)| wait.until.utc()).collect();
        let whys: Vec<&str> = waits.iter().map(|(_, wait)| wait.why.name()).collect();
        let reasons: Vec<&str> = waits.iter().map(|(_, wait)| wait.why.told()).collect();
        let update = sqlx::query(
            "update bellwether.mail_outbox mail
             set hold_until = once.until, hold_reason = once.why, reason = once.reason,
                 content = case when once.why = 'quiet_hours' then mail.content end
             from unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[]) as once (occurrence, until, why, reason)
             where mail.tenant_id = $1 and mail.occurrence = once.occurrence and mail.state = 'held'",
        );
        let update =
            update.bind(self.tenant.as_str()).bind(occurrences).bind(untils).bind(whys).bind(reasons);
        touched(transaction, update, waits.len()).await
    }

    async fn suppress_held(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        suppressed: &[(String, String)],
    ) -> Result<()> {
        let (occurrences, reasons): (Vec<&str>, Vec<&str>) =
            suppressed.iter().map(|(occurrence, reason)| (occurrence.as_str(), reason.as_str())).unzip();
        let update = sqlx::query(
            "update bellwether.mail_outbox mail set state = 'suppressed', reason = dropped.reason, content = null
             from unnest($2::text[], $3::text[]) as dropped (occurrence, reason)
             where mail.tenant_id = $1 and mail.occurrence = dropped.occurrence and mail.state = 'held'",
        );
        let update = update.bind(self.tenant.as_str()).bind(occurrences).bind(reasons);
        touched(transaction, update, suppressed.len()).await
    }

    async fn tell(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        due: &DueDigest,
        digest: &Owed,
    ) -> Result<()> {
        let told: Vec<&str> = due.told.iter().map(|mail| mail.occurrence.as_str()).collect();
        let update = sqlx::query(
            "update bellwether.mail_outbox
             set state = 'digested', digest_occurrence = $3, content = null, released_at = clock_timestamp()
             where tenant_id = $1 and occurrence = any($2) and state = 'held'",
        );
        let update = update.bind(self.tenant.as_str()).bind(told).bind(&digest.occurrence);
        touched(transaction, update, due.told.len()).await
    }
}

/// Under the lock nobody else changes what is held: fewer rows are a mistake, and nothing is committed.
async fn touched(
    transaction: &mut Transaction<'_, Postgres>,
    update: Query<'_, Postgres, PgArguments>,
    expected: usize,
) -> Result<()> {
    if expected == 0 {
        return Ok(());
    }
    database::touched(update.execute(&mut **transaction).await?.rows_affected(), expected)
}

fn kinds() -> Vec<&'static str> {
    MailKind::all().map(MailKind::name).collect()
}

/// None: a newer version holds it.
fn waiting(row: Row) -> Option<Waiting> {
    let held_at = Timestamp::from(row.created_at);
    let kind: MailKind = row.kind.parse().ok()?;
    let wait = Wait { why: row.hold_reason.parse().ok()?, until: row.hold_until.into() };
    let appended_at = row.appended_at.map_or(held_at, Timestamp::from);
    let at = row.about_at.map_or(appended_at, Timestamp::from);
    let gist = Gist { what: row.what.unwrap_or_else(|| kind.name().into()), at };
    Some(Waiting {
        occurrence: row.occurrence,
        kind,
        user: UserId(row.user_id),
        wait,
        gist,
        appended_at,
        held_at,
    })
}
