//! `public.alert_status`: where the pipeline stands with an alert, as a front end shows it beside the form.

use std::collections::BTreeMap;

use bellwether_schemas::triggers::{AlertStatus, TriggerFired};
use bellwether_schemas::{AlertId, Timestamp, UserId};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::alerts::AlertRow;
use super::column;
use super::forgotten;
use super::user_events::{self, Event};
use crate::statements::{Statements, touched};

/// Its name in schema `public`.
pub const NAME: &str = "alert_status";

/// Where alerts stand, locked until the transaction ends, so that what is found to change does.
const STANDS: &str = "select alert_id, version, state, reason, effective_at from public.alert_status
    where tenant_id = $1 and alert_id = any($2) order by alert_id for update";

/// A row of a newer version that came to be since [`STANDS`] looked is not touched: then all is tried again.
const UPSERT: &str = "insert into public.alert_status as s
        (tenant_id, alert_id, kind, user_id, version, state, reason, effective_at)
    select $1, * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[],
                             $8::timestamptz[])
    on conflict (tenant_id, alert_id) do update set kind = excluded.kind, user_id = excluded.user_id,
        version = excluded.version, state = excluded.state, reason = excluded.reason,
        effective_at = excluded.effective_at,
        would_have = case when s.version = excluded.version then s.would_have end
    where s.version <= excluded.version";

/// What fired is counted at its alert. One that no status was told of is active all the same.
const COUNT: &str = "insert into public.alert_status as s
        (tenant_id, alert_id, kind, user_id, version, state, effective_at, last_triggered_at, trigger_count)
    select $1, alert_id, kind, user_id, version, 'active', since, latest, fired
    from unnest($2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::bigint[])
        as t (alert_id, kind, user_id, version, since, latest, fired)
    on conflict (tenant_id, alert_id) do update set
        last_triggered_at = greatest(s.last_triggered_at, excluded.last_triggered_at),
        trigger_count = s.trigger_count + excluded.trigger_count";

/// Rows come sorted by alert, as whoever else locks several.
const TELL: &str = "insert into public.alert_status as s
        (tenant_id, alert_id, kind, user_id, version, state, reason, effective_at)
    select $1, alert_id, kind, user_id, version, state, reason, now()
    from unnest($2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[])
        as t (alert_id, kind, user_id, version, state, reason)
    order by alert_id
    on conflict (tenant_id, alert_id) do update set kind = excluded.kind, user_id = excluded.user_id,
        version = excluded.version, state = excluded.state, reason = excluded.reason,
        effective_at = excluded.effective_at,
        would_have = case when s.version = excluded.version then s.would_have end
    where s.version < excluded.version
        or (s.version = excluded.version and (s.state, s.reason) is distinct from (excluded.state, excluded.reason))
    returning alert_id, effective_at";

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

impl Standing {
    fn state(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Inactive => "inactive",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused(reason) => Some(reason),
            Self::Inactive => None,
        }
    }
}

/// Tells users of these rows, each another alert's, where they stand: in their status and in the users' lines. Repeats
/// and older versions change nothing, and nothing is told of users who were forgotten.
///
/// # Errors
/// The database said no: a user may be gone. Then nothing may be committed.
pub async fn tell(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    rows: &[(AlertRow, Standing)],
) -> sqlx::Result<()> {
    let users = rows.iter().map(|(row, _)| UserId(row.user_id)).collect();
    let gone = forgotten::among(connection, statements, &users).await?;
    let rows: Vec<&(AlertRow, Standing)> =
        rows.iter().filter(|(row, _)| !gone.contains(&UserId(row.user_id))).collect();
    let query = statements
        .query_as(TELL)
        .bind(column(&rows, |(row, _)| row.alert_id))
        .bind(column(&rows, |(row, _)| row.kind.clone()))
        .bind(column(&rows, |(row, _)| row.user_id))
        .bind(column(&rows, |(row, _)| row.version))
        .bind(column(&rows, |(_, standing)| standing.state()))
        .bind(column(&rows, |(_, standing)| standing.reason().map(str::to_owned)));
    let changed: Vec<(Uuid, DateTime<Utc>)> = query.fetch_all(&mut *connection).await?;
    let since: BTreeMap<Uuid, DateTime<Utc>> = changed.into_iter().collect();
    let events = rows.iter().filter_map(|(row, standing)| {
        let since = since.get(&row.alert_id)?;
        Some(Event::of_row(row, standing.state(), standing.reason(), *since))
    });
    let events: Vec<Event> = events.collect();
    if events.is_empty() {
        return Ok(());
    }
    user_events::append(connection, statements, &events).await
}

/// The alerts that were refused, then those that fired last, at most `most`.
///
/// # Errors
/// The database said no.
pub async fn latest(pool: &PgPool, most: u32) -> sqlx::Result<Vec<StatusRow>> {
    sqlx::query_as(LATEST).persistent(false).bind(i64::from(most)).fetch_all(pool).await
}

/// What a row of `alert_status` says of its alert's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stand {
    /// The version that the rest speaks of.
    pub version: i64,
    state: String,
    reason: Option<String>,
    effective_at: Option<DateTime<Utc>>,
}

impl From<&AlertStatus> for Stand {
    fn from(status: &AlertStatus) -> Self {
        Self {
            version: status.version,
            state: status.state.name().into(),
            reason: status.reason.clone(),
            effective_at: status.since.map(Timestamp::utc),
        }
    }
}

/// Which of these statuses, one after the other, change where their alerts stand. An older version changes nothing, nor
/// does what is said already.
pub fn changes<'a>(
    stands: &mut BTreeMap<AlertId, Stand>,
    statuses: &[&'a AlertStatus],
) -> Vec<&'a AlertStatus> {
    let mut changes = |status: &&AlertStatus| {
        let next = Stand::from(*status);
        let stands_so = stands.get(&status.alert_id);
        let changes = stands_so.is_none_or(|stand| next.version >= stand.version && next != *stand);
        if changes {
            stands.insert(status.alert_id, next);
        }
        changes
    };
    statuses.iter().copied().filter(|status| changes(status)).collect()
}

/// Sets the state of alerts as the engine sees it, and answers which of the statuses, in their order, changed it. A
/// version that its user has changed by now stays behind what is told of the newer one.
///
/// # Errors
/// The database said no, or touched other rows: then nothing may be committed.
pub async fn write<'a>(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    statuses: &[&'a AlertStatus],
) -> sqlx::Result<Vec<&'a AlertStatus>> {
    let mut stands = stands(connection, statements, statuses).await?;
    let changes = changes(&mut stands, statuses);
    let last: BTreeMap<AlertId, &AlertStatus> =
        changes.iter().map(|status| (status.alert_id, *status)).collect();
    let last: Vec<&AlertStatus> = last.into_values().collect();
    let query = statements
        .query(UPSERT)
        .bind(column(&last, |s| s.alert_id.0))
        .bind(column(&last, |s| s.kind.name()))
        .bind(column(&last, |s| s.user_id.0))
        .bind(column(&last, |s| s.version))
        .bind(column(&last, |s| s.state.name()))
        .bind(column(&last, |s| s.reason.clone()))
        .bind(column(&last, |s| s.since.map(Timestamp::utc)));
    touched(query.execute(connection).await?.rows_affected(), last.len())?;
    Ok(changes)
}

/// How often an alert fired, and which of its triggers came last.
struct Fired<'a> {
    latest: &'a TriggerFired,
    version: i64,
    since: Timestamp,
    count: i64,
}

impl<'a> Fired<'a> {
    const fn new(trigger: &'a TriggerFired) -> Self {
        Self { latest: trigger, version: trigger.alert_version, since: trigger.close_time, count: 0 }
    }

    fn add(&mut self, trigger: &'a TriggerFired) {
        if trigger.close_time > self.latest.close_time {
            self.latest = trigger;
        }
        self.version = self.version.max(trigger.alert_version);
        self.since = self.since.min(trigger.close_time);
        self.count += 1;
    }
}

/// Counts triggers, of whatever kinds, at their alerts. Alerts come sorted, so that whoever counts locks them in one
/// order.
///
/// # Errors
/// The database said no, or counted other alerts: then nothing may be committed.
pub async fn count(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    triggers: &[&TriggerFired],
) -> sqlx::Result<()> {
    let mut fired: BTreeMap<AlertId, Fired<'_>> = BTreeMap::new();
    for trigger in triggers {
        fired.entry(trigger.alert_id).or_insert_with(|| Fired::new(trigger)).add(trigger);
    }
    let fired: Vec<&Fired<'_>> = fired.values().collect();
    let query = statements
        .query(COUNT)
        .bind(column(&fired, |f| f.latest.alert_id.0))
        .bind(column(&fired, |f| f.latest.kind.name()))
        .bind(column(&fired, |f| f.latest.user_id.0))
        .bind(column(&fired, |f| f.version))
        .bind(column(&fired, |f| f.since.utc()))
        .bind(column(&fired, |f| f.latest.close_time.utc()))
        .bind(column(&fired, |f| f.count));
    touched(query.execute(connection).await?.rows_affected(), fired.len())
}

async fn stands(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    statuses: &[&AlertStatus],
) -> sqlx::Result<BTreeMap<AlertId, Stand>> {
    type Row = (Uuid, i64, String, Option<String>, Option<DateTime<Utc>>);
    let query = statements.query_as(STANDS).bind(column(statuses, |status| status.alert_id.0));
    let rows: Vec<Row> = query.fetch_all(connection).await?;
    let stand = |(alert, version, state, reason, effective_at)| {
        (AlertId(alert), Stand { version, state, reason, effective_at })
    };
    Ok(rows.into_iter().map(stand).collect())
}
