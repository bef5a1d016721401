//! `public.alert_status`: where the pipeline stands with an alert, as a front end shows it beside the form.

use bellwether_schemas::Timestamp;
use bellwether_schemas::triggers::AlertStatus;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::alerts::AlertRow;
use super::column;
use crate::statements::{Statements, touched};

/// Its name in schema `public`.
pub const NAME: &str = "alert_status";

const UPSERT: &str = "insert into public.alert_status as s
        (tenant_id, alert_id, kind, user_id, version, state, reason, effective_at)
    select $1, * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[],
                             $8::timestamptz[])
    on conflict (tenant_id, alert_id) do update set kind = excluded.kind, user_id = excluded.user_id,
        version = greatest(s.version, excluded.version),
        state = case when excluded.version >= s.version then excluded.state else s.state end,
        reason = case when excluded.version >= s.version then excluded.reason else s.reason end,
        effective_at = case when excluded.version >= s.version then excluded.effective_at else s.effective_at end";

const TELL: &str = "insert into public.alert_status as s
        (tenant_id, alert_id, kind, user_id, version, state, reason, effective_at)
    values ($1, $2, $3, $4, $5, $6, $7, now())
    on conflict (tenant_id, alert_id) do update set kind = excluded.kind, user_id = excluded.user_id,
        version = excluded.version, state = excluded.state, reason = excluded.reason,
        effective_at = excluded.effective_at
    where s.version < excluded.version
        or (s.version = excluded.version and (s.state, s.reason) is distinct from (excluded.state, excluded.reason))";

/// Alerts that need a look from their users come first.
const LATEST: &str = "select alert_id, kind, user_id, state, reason, last_triggered_at, trigger_count
    from public.alert_status
    order by state <> 'refused', last_triggered_at desc nulls last, kind, alert_id limit $1";

/// A row of the table, as pages show it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StatusRow {
    /// The alert, whose row may be gone.
    pub alert_id: Uuid,
    /// Name of its kind.
    pub kind: String,
    /// Whose alert it is.
    pub user_id: Uuid,
    /// Where it stands, in the table's word.
    pub state: String,
    /// Why it stands there, for its user.
    pub reason: Option<String>,
    /// Close of the bar that fired last, or that tick's time.
    pub last_triggered_at: Option<DateTime<Utc>>,
    /// How often it fired, all versions together.
    pub trigger_count: i64,
}

/// What can be said of an alert's row without an engine: it cannot be read, or nobody is to watch it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It cannot be read, for this reason; the version before goes on, if there is one.
    Refused(String),
    /// Switched off by its user.
    Inactive,
}

/// Tells the user of one row where it stands; repeats and older versions change nothing.
///
/// # Errors
/// The database said no: the user may be gone.
pub async fn tell(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    row: &AlertRow,
    standing: &Standing,
) -> sqlx::Result<()> {
    let (state, reason) = match standing {
        Standing::Refused(reason) => ("refused", Some(reason.clone())),
        Standing::Inactive => ("inactive", None),
    };
    let query = statements.query(TELL).bind(row.alert_id).bind(row.kind.clone()).bind(row.user_id);
    query.bind(row.version).bind(state).bind(reason).execute(connection).await.map(drop)
}

/// The alerts that were refused, then those that fired last, at most `most`.
///
/// # Errors
/// The database said no.
pub async fn latest(pool: &PgPool, most: u32) -> sqlx::Result<Vec<StatusRow>> {
    sqlx::query_as(LATEST).persistent(false).bind(i64::from(most)).fetch_all(pool).await
}

/// Sets the state of alerts as the engine sees it; each alert at most once. A version that its user has changed by
/// now stays behind what is told of the newer one.
///
/// # Errors
/// The database said no, or touched other rows: then nothing may be committed.
pub async fn write(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    statuses: &[&AlertStatus],
) -> sqlx::Result<()> {
    let query = statements
        .query(UPSERT)
        .bind(column(statuses, |s| s.alert_id.0))
        .bind(column(statuses, |s| s.kind.name()))
        .bind(column(statuses, |s| s.user_id.0))
        .bind(column(statuses, |s| s.version))
        .bind(column(statuses, |s| s.state.name()))
        .bind(column(statuses, |s| s.reason.clone()))
        .bind(column(statuses, |s| s.since.map(Timestamp::utc)));
    touched(query.execute(connection).await?.rows_affected(), statuses.len())
}
