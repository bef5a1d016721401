//! What a decision asks the tenant's database: its clock, who may get mail and what they wish, and what the last hour
//! held.

use std::collections::{HashMap, HashSet};

use bellwether_schemas::Timestamp;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::ids::{UserId, match_key};
use bellwether_schemas::time::parse_zone;
use chrono::{DateTime, NaiveTime, Utc};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::{Outbox, Result};
use crate::mail::decide::People;
use crate::mail::events::ZonesUnread;
use crate::mail::kind::MailKind;
use crate::mail::limits::{Caps, Hours, Quiet, QuietAction, Wish, Wishes};

/// A row of `public.notification_preferences`.
#[derive(sqlx::FromRow)]
struct Row {
    user_id: Uuid,
    kind: String,
    email: bool,
    quiet_from: Option<NaiveTime>,
    quiet_to: Option<NaiveTime>,
    quiet_zone: Option<String>,
    quiet_action: String,
    digest: bool,
    muted_symbols: Option<Vec<String>>,
    news_currencies: Option<Vec<String>>,
}

impl Outbox {
    /// What is known of those users, or of everybody: not yet of what the last hour held.
    pub(super) async fn people(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        users: Option<&[Uuid]>,
    ) -> Result<People> {
        // Not `now()`, which is when the transaction began: it may have waited for the lock.
        let now: DateTime<Utc> =
            sqlx::query_scalar("select clock_timestamp()").fetch_one(&mut **transaction).await?;
        let addresses = addresses(transaction, users).await?;
        let lower: Vec<String> = addresses.values().map(|address| address.to_lowercase()).collect();
        let suppressed: Vec<(String, String)> = sqlx::query_as(
            "select address, reason from bellwether.mail_suppression where tenant_id = $1 and address = any($2)",
        )
        .bind(self.tenant.as_str())
        .bind(&lower)
        .fetch_all(&mut **transaction)
        .await?;
        Ok(People {
            now: now.into(),
            known: HashSet::new(),
            addresses,
            wishes: self.wishes(transaction, users).await?,
            suppressed: suppressed.into_iter().collect(),
            hours: Hours::default(),
        })
    }

    async fn wishes(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        users: Option<&[Uuid]>,
    ) -> Result<HashMap<UserId, Wishes>> {
        let rows: Vec<Row> = sqlx::query_as(
            "select user_id, kind, email, quiet_from, quiet_to, quiet_zone, quiet_action, digest, muted_symbols,
               news_currencies
             from public.notification_preferences
             where tenant_id = $1 and ($2::uuid[] is null or user_id = any($2))",
        )
        .bind(self.tenant.as_str())
        .bind(users)
        .fetch_all(&mut **transaction)
        .await?;
        let unread = rows.iter().filter(|row| zone_of(row).is_err()).count();
        ZonesUnread { tenant: &self.tenant, unread }.emit();
        let mut wishes: HashMap<UserId, Wishes> = HashMap::new();
        for row in rows {
            add(wishes.entry(UserId(row.user_id)).or_default(), row);
        }
        Ok(wishes)
    }

    /// Those of the occurrences that are in the outbox already.
    pub(super) async fn known(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        occurrences: &[String],
    ) -> Result<HashSet<String>> {
        let known: Vec<String> = sqlx::query_scalar(
            "select occurrence from bellwether.mail_outbox where tenant_id = $1 and occurrence = any($2)",
        )
        .bind(self.tenant.as_str())
        .bind(occurrences)
        .fetch_all(&mut **transaction)
        .await?;
        Ok(known.into_iter().collect())
    }

    /// What the hour before `now` held of alert mails, and what waits for digests.
    pub(super) async fn hours(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        users: &[Uuid],
        caps: Caps,
        now: Timestamp,
    ) -> Result<Hours> {
        let mut hours = Hours::default();
        for (user, sent) in self.alert_mails(transaction, users, now).await? {
            hours.add(UserId(user), sent.map(Timestamp::from));
        }
        for (user, due) in self.digests_to_come(transaction, users, now).await? {
            hours.digest(UserId(user), due.into());
        }
        hours.tenant = self.alert_mails_of_all(transaction, caps, now).await?;
        Ok(hours)
    }

    /// Each alert mail of the users that left within the hour, and when, or that may leave any moment. One that may have
    /// arrived and is not tried again left when that was noted.
    async fn alert_mails(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        users: &[Uuid],
        now: Timestamp,
    ) -> Result<Vec<(Uuid, Option<DateTime<Utc>>)>> {
        sqlx::query_as(
            "select user_id, null::timestamptz from bellwether.mail_outbox
             where tenant_id = $1 and user_id = any($2) and kind = any($3)
               and (state in ('pending', 'claimed', 'data_started') or state = 'ambiguous' and due_at < 'infinity')
             union all
             select user_id, sent_at from bellwether.mail_outbox
             where tenant_id = $1 and user_id = any($2) and kind = any($3)
               and state = 'sent' and sent_at > $4 - interval '1 hour'
             union all
             select mail.user_id, event.at
             from bellwether.mail_outbox mail join bellwether.mail_event event using (tenant_id, occurrence)
             where tenant_id = $1 and mail.user_id = any($2) and mail.kind = any($3)
               and mail.state = 'ambiguous' and mail.due_at = 'infinity'
               and event.event = 'ambiguous' and event.at > $4 - interval '1 hour'",
        )
        .bind(self.tenant.as_str())
        .bind(users)
        .bind(alert_kinds())
        .bind(now.utc())
        .fetch_all(&mut **transaction)
        .await
    }

    /// When the digest of each of the users is due that waits for one; of those in quiet hours not.
    async fn digests_to_come(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        users: &[Uuid],
        now: Timestamp,
    ) -> Result<Vec<(Uuid, DateTime<Utc>)>> {
        sqlx::query_as(
            "select user_id, min(hold_until) from bellwether.mail_outbox
             where tenant_id = $1 and user_id = any($2) and state = 'held' and hold_until > $3
               and hold_reason in ('limit', 'wish', 'flood')
             group by user_id",
        )
        .bind(self.tenant.as_str())
        .bind(users)
        .bind(now.utc())
        .fetch_all(&mut **transaction)
        .await
    }

    /// How many alert mails all users got within the hour or are to get, counted up to the cap.
    async fn alert_mails_of_all(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        caps: Caps,
        now: Timestamp,
    ) -> Result<u64> {
        let count: i64 = sqlx::query_scalar(
            "select count(*) from (
               select from bellwether.mail_outbox
               where tenant_id = $1 and kind = any($2) and state in ('pending', 'claimed', 'data_started', 'ambiguous')
                 and due_at < 'infinity'
               union all
               select from bellwether.mail_outbox
               where tenant_id = $1 and kind = any($2) and state = 'sent' and sent_at > $3 - interval '1 hour'
               limit $4) mail",
        )
        .bind(self.tenant.as_str())
        .bind(alert_kinds())
        .bind(now.utc())
        .bind(i64::from(caps.tenant.get()))
        .fetch_one(&mut **transaction)
        .await?;
        Ok(count.unsigned_abs())
    }
}

/// Who may get mail, of those users or of everybody: the one place that asks where addresses come from.
async fn addresses(
    transaction: &mut Transaction<'_, Postgres>,
    users: Option<&[Uuid]>,
) -> Result<HashMap<UserId, String>> {
    let addresses: Vec<(Uuid, String)> = sqlx::query_as(
        "select user_id, email from bellwether.recipients where $1::uuid[] is null or user_id = any($1)",
    )
    .bind(users)
    .fetch_all(&mut **transaction)
    .await?;
    Ok(addresses.into_iter().map(|(user, address)| (UserId(user), address)).collect())
}

fn alert_kinds() -> Vec<&'static str> {
    AlertKind::ALL.iter().map(|kind| kind.name()).collect()
}

/// The zone of a row's quiet hours. Names that this version's zone data does not have are nobody's fault: the tenant's
/// zone holds.
fn zone_of(row: &Row) -> std::result::Result<Option<chrono_tz::Tz>, bellwether_schemas::time::TimeError> {
    row.quiet_zone.as_deref().map(parse_zone).transpose()
}

fn add(wishes: &mut Wishes, row: Row) {
    let zone = zone_of(&row).ok().flatten();
    let action = QuietAction::of(&row.quiet_action);
    let quiet = row.quiet_from.zip(row.quiet_to).map(|(from, to)| Quiet { from, to, zone, action });
    let wish = Wish { email: row.email, digest: row.digest, quiet };
    if row.kind == "all" {
        wishes.all = Some(wish);
        wishes.muted = row.muted_symbols.unwrap_or_default().iter().map(|name| match_key(name)).collect();
        wishes.currencies = row.news_currencies.unwrap_or_default();
    } else if let Ok(kind) = row.kind.parse::<MailKind>() {
        wishes.own.insert(kind, wish);
    }
    // A row of a kind that this version has no mail of stops none.
}
