//! What stands in the tenants' databases: rows, alerts and mails, for the page, the summary, and whoever waits for them.

use std::collections::BTreeMap;

use bellwether_database::tables::{alert_status, alerts, triggers};
use bellwether_gateway::demo::view::{MailCounts, RowLine, StatusLine};
use bellwether_gateway::live::ROWS;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::{Symbol, Timestamp};
use sqlx::PgPool;

use super::{DemoError, Member, Result};

/// Between the symbols of a pair, as mails write it.
const BETWEEN: &str = "–";
/// What the page keeps of rows and alerts.
const SHOWN: u32 = 50;

/// What a tenant's database holds.
pub(super) struct Stored {
    pub(super) rows_by_kind: BTreeMap<AlertKind, u64>,
    /// Those of triggers alone: what the clock owes is no trigger's.
    pub(super) mails: MailCounts,
    /// By the kind's name: mails that were owed, and those that were sent.
    pub(super) mails_by_kind: BTreeMap<String, (u64, u64)>,
}

/// Rows and alerts, newest first, as the page shows them.
pub(super) struct Looked {
    pub(super) rows: Vec<RowLine>,
    pub(super) statuses: Vec<StatusLine>,
    pub(super) stored: Stored,
}

/// As the tenant's pipeline role sees it.
pub(super) async fn look(pool: &PgPool, member: &Member) -> sqlx::Result<Looked> {
    const { assert!(ROWS == SHOWN as usize) };
    let suffix = member.tenant.settings.symbol_suffix.as_str();
    let rows = triggers::recent(pool, SHOWN).await?;
    let statuses = alert_status::latest(pool, SHOWN).await?;
    Ok(Looked {
        rows: rows.into_iter().map(|row| row_line(row, suffix)).collect(),
        statuses: statuses.into_iter().map(|row| status_line(row, member)).collect(),
        stored: count(pool).await?,
    })
}

fn row_line(row: triggers::TriggerRow, suffix: &str) -> RowLine {
    RowLine {
        id: row.id.to_string(),
        kind: row.kind,
        at: Timestamp::from(row.triggered_at).into(),
        symbol: displayed(&row.symbol, suffix),
        condition: row.condition.replace('_', " "),
        text: row.text,
        price: row.price,
    }
}

/// A symbol, both symbols of a pair, or a currency, as people read them.
fn displayed(name: &str, suffix: &str) -> String {
    let one =
        |name: &str| name.parse::<Symbol>().map_or_else(|_| name.to_owned(), |symbol| symbol.display(suffix));
    match name.split_once('-') {
        Some((first, second)) => [one(first), one(second)].join(BETWEEN),
        None => one(name),
    }
}

/// Sample users by the name in their address, others by the beginning of their id.
fn status_line(row: alert_status::StatusRow, member: &Member) -> StatusLine {
    let user = member.users.iter().find(|user| user.id.0 == row.user_id);
    let name = user.and_then(|user| user.email.split_once('@')).map(|(name, _)| name.to_owned());
    StatusLine {
        id: row.alert_id.to_string(),
        kind: row.kind,
        user: name.unwrap_or_else(|| row.user_id.to_string().chars().take(8).collect()),
        state: row.state,
        reason: row.reason,
        last: row.last_triggered_at.map(|time| Timestamp::from(time).into()),
        triggers: row.trigger_count.unsigned_abs(),
    }
}

/// The tenant's rows and mails as they stand.
pub(super) async fn read(member: &Member) -> Result<Stored> {
    let pool = admin(member).await?;
    count(&pool).await.map_err(|source| failed(member, source))
}

async fn count(pool: &PgPool) -> sqlx::Result<Stored> {
    let outbox: Vec<(String, String, bool, i64)> = sqlx::query_as(
        "select kind, state, schedule is not null as is_scheduled, count(*) from bellwether.mail_outbox
         group by kind, state, is_scheduled",
    )
    .fetch_all(pool)
    .await?;
    let (mut mails, mut mails_by_kind) = (MailCounts::default(), BTreeMap::<String, (u64, u64)>::new());
    for (kind, state, is_scheduled, count) in outbox {
        let count = count.unsigned_abs();
        let (owed, sent) = mails_by_kind.entry(kind).or_default();
        *owed += count;
        *sent += if state == "sent" { count } else { 0 };
        if is_scheduled {
            continue;
        }
        match state.as_str() {
            "sent" => mails.sent += count,
            "failed" => mails.failed += count,
            "suppressed" => mails.suppressed += count,
            _ => mails.held += count,
        }
    }
    Ok(Stored { rows_by_kind: triggers::count_by_kind(pool).await?, mails, mails_by_kind })
}

/// Mails that are still to be tried now.
pub(super) async fn mails_due(member: &Member) -> Result<i64> {
    let pool = admin(member).await?;
    let due = sqlx::query_scalar(
        "select count(*) from bellwether.mail_outbox
         where state in ('pending', 'claimed', 'data_started') and attempts = 0 or state in ('claimed', 'data_started')",
    );
    due.fetch_one(&pool).await.map_err(|source| failed(member, source))
}

/// Ends the leases that a killed demo left: this process holds the log's lock, so nobody else can be at work on them.
pub(super) async fn release_claims(member: &Member) -> Result<()> {
    let pool = admin(member).await?;
    let release = sqlx::query(
        "update bellwether.mail_outbox set lease_until = now() - interval '1 second'
         where state in ('claimed', 'data_started')",
    );
    release.execute(&pool).await.map(drop).map_err(|source| failed(member, source))
}

/// Alerts that are switched on.
pub(super) async fn count_alerts(member: &Member) -> Result<usize> {
    let pool = admin(member).await?;
    let count = alerts::count_active(&pool).await.map_err(|source| failed(member, source))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

async fn admin(member: &Member) -> Result<PgPool> {
    PgPool::connect(member.seeded.admin.reveal()).await.map_err(|source| failed(member, source))
}

fn failed(member: &Member, source: sqlx::Error) -> DemoError {
    DemoError::Database { tenant: member.tenant.id.to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_is_about_is_shown_as_people_read_it() {
        assert_eq!(displayed("EURUSDm", "m"), "EUR/USD");
        assert_eq!(displayed("EURUSD-GBPUSD", "m"), "EUR/USD–GBP/USD");
        assert_eq!(displayed("JPY", "m"), "JPY");
    }
}
