//! `public.alert_status`: where the pipeline stands with an alert, as a front end shows it beside the form.

use bellwether_schemas::Timestamp;
use bellwether_schemas::triggers::AlertStatus;
use sqlx::PgConnection;

use super::column;
use crate::statements::{Statements, touched};

/// Its name in schema `public`.
pub const NAME: &str = "alert_status";

const UPSERT: &str = "insert into public.alert_status as s
        (tenant_id, alert_id, kind, user_id, version, state, reason, effective_at)
    select $1, * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[],
                             $8::timestamptz[])
    on conflict (tenant_id, alert_id) do update set kind = excluded.kind, user_id = excluded.user_id,
        version = excluded.version, state = excluded.state, reason = excluded.reason,
        effective_at = excluded.effective_at";

/// Sets the state of alerts as the engine sees it; each alert at most once.
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
