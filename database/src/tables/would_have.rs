//! `public.alert_status.would_have`: how often the version that the row speaks of would have fired before it was there.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::previews::{AlertPreview, Followed, PreviewState, WouldHaveFired};
use bellwether_schemas::{AlertId, Timestamp};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::column;
use super::user_events::{self, Event};
use crate::statements::Statements;

/// Which versions the rows speak of, locked until the transaction ends: in the order in which everybody locks several.
const VERSIONS: &str = "select alert_id, version from public.alert_status
    where tenant_id = $1 and alert_id = any($2) order by alert_id for update";

/// Of another version nothing is said, and what is said already is not said again.
const WRITE: &str = "update public.alert_status as s set would_have = t.would_have::jsonb
    from unnest($2::uuid[], $3::bigint[], $4::text[]) as t (alert_id, version, would_have)
    where s.tenant_id = $1 and s.alert_id = t.alert_id and s.version = t.version
        and s.would_have is distinct from t.would_have::jsonb
    returning s.alert_id, s.user_id, s.kind, s.version, s.state, s.reason, s.effective_at";

/// What a front end shows beside the form.
#[derive(Debug, Serialize)]
pub(super) struct WouldHave<'a> {
    version: i64,
    state: PreviewState,
    by_minutes: bool,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    times: i64,
    per_week: Option<f64>,
    last: &'a [WouldHaveFired],
    followed: &'a [Followed],
}

impl<'a> From<&'a AlertPreview> for WouldHave<'a> {
    fn from(preview: &'a AlertPreview) -> Self {
        let AlertPreview { version, state, by_minutes, from, to, times, per_week, last, followed, .. } =
            preview;
        Self {
            version: *version,
            state: *state,
            by_minutes: *by_minutes,
            from: *from,
            to: *to,
            times: *times,
            per_week: *per_week,
            last,
            followed,
        }
    }
}

/// A row that was changed.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Changed {
    pub(super) alert_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) kind: String,
    pub(super) version: i64,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    pub(super) effective_at: Option<DateTime<Utc>>,
}

/// What became of previews.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Rows that say something else now.
    pub changed: usize,
    /// Alerts whose rows speak of this version, or of a newer one already: there is nothing left to do for them.
    pub settled: BTreeSet<AlertId>,
}

/// Stores previews, each of another alert, beside the status of their version, and tells the users of what changed. One
/// whose row speaks of an older version, or is not there, waits.
///
/// # Errors
/// The database said no: then nothing may be committed.
pub async fn write(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    previews: &[&AlertPreview],
) -> sqlx::Result<Stored> {
    let query = statements.query_as(VERSIONS).bind(column(previews, |preview| preview.alert_id.0));
    let versions: Vec<(Uuid, i64)> = query.fetch_all(&mut *connection).await?;
    let versions: BTreeMap<AlertId, i64> =
        versions.into_iter().map(|(alert, version)| (AlertId(alert), version)).collect();
    let version = |preview: &AlertPreview| versions.get(&preview.alert_id).copied();
    let settled = previews.iter().filter(|preview| version(preview) >= Some(preview.version));
    let settled: BTreeSet<AlertId> = settled.map(|preview| preview.alert_id).collect();
    let due: Vec<&AlertPreview> =
        previews.iter().copied().filter(|preview| version(preview) == Some(preview.version)).collect();
    if due.is_empty() {
        return Ok(Stored { changed: 0, settled });
    }
    let query = statements
        .query_as(WRITE)
        .bind(column(&due, |preview| preview.alert_id.0))
        .bind(column(&due, |preview| preview.version))
        .bind(column(&due, |preview| user_events::json(&WouldHave::from(preview))));
    let changed: Vec<Changed> = query.fetch_all(&mut *connection).await?;
    let by_alert: BTreeMap<Uuid, &AlertPreview> =
        due.iter().map(|preview| (preview.alert_id.0, *preview)).collect();
    let event =
        |row: &Changed| Some(Event::of_would_have(row, WouldHave::from(*by_alert.get(&row.alert_id)?)));
    let events: Vec<Event> = changed.iter().filter_map(event).collect();
    if !events.is_empty() {
        user_events::append(connection, statements, &events).await?;
    }
    Ok(Stored { changed: changed.len(), settled })
}
