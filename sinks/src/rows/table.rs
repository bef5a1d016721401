//! The SQL of the rows sink, beside what it binds: trigger rows, status of alerts.

use std::collections::BTreeMap;

use bellwether_database::cursor::Cursor;
use bellwether_database::{Statements, touched};
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{AlertStatus, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Timestamp};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::bisect::Piece;

/// What of a piece is to be written over a cursor.
#[derive(Debug)]
pub struct Plan<'a> {
    /// New triggers, by cause.
    pub triggers: Vec<&'a TriggerFired>,
    /// The newest status of each alert.
    pub statuses: Vec<&'a AlertStatus>,
    /// Records that lie behind the cursor.
    pub repeats: u64,
    /// Where the cursor stands after.
    pub cursor: Cursor,
}

/// Leaves out what lies behind the cursor, and repeats within the piece.
#[must_use]
pub fn plan(piece: &Piece, mut cursor: Cursor) -> Plan<'_> {
    let mut triggers = Vec::with_capacity(piece.records.len());
    let mut statuses: BTreeMap<AlertId, &AlertStatus> = BTreeMap::new();
    let mut repeats = 0;
    for record in &piece.records {
        let cause = record.outcome.cause();
        if cause <= cursor.cause {
            repeats += 1;
            continue;
        }
        cursor.cause = cause;
        match &record.outcome {
            Outcome::Fired(trigger) => triggers.push(trigger),
            Outcome::Status(status) => drop(statuses.insert(status.alert_id, status)),
        }
    }
    cursor.cause = piece.through.map_or(cursor.cause, |through| through.max(cursor.cause));
    cursor.next_offset = cursor.next_offset.max(piece.next_offset);
    Plan { triggers, statuses: statuses.into_values().collect(), repeats, cursor }
}

/// The first kind in the piece whose triggers have no table: such a record is refused, the others are written.
pub(super) fn kind_without_table(piece: &Piece) -> Option<AlertKind> {
    piece.records.iter().find_map(|record| match &record.outcome {
        Outcome::Fired(trigger) if trigger.kind != AlertKind::RsiTracker => Some(trigger.kind),
        Outcome::Fired(_) | Outcome::Status(_) => None,
    })
}

/// The state of alerts as the engine sees it.
pub(super) async fn write_statuses(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    statuses: &[&AlertStatus],
) -> sqlx::Result<()> {
    let upsert = "insert into public.alert_status as s
            (tenant_id, alert_id, kind, user_id, version, state, reason, effective_at)
        select $1, * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::text[],
                                 $8::timestamptz[])
        on conflict (tenant_id, alert_id) do update set kind = excluded.kind, user_id = excluded.user_id,
            version = excluded.version, state = excluded.state, reason = excluded.reason,
            effective_at = excluded.effective_at";
    let query = statements
        .query(upsert)
        .bind(column(statuses, |s| s.alert_id.0))
        .bind(column(statuses, |s| s.kind.name()))
        .bind(column(statuses, |s| s.user_id.0))
        .bind(column(statuses, |s| s.version))
        .bind(column(statuses, |s| s.state.name()))
        .bind(column(statuses, |s| s.reason.clone()))
        .bind(column(statuses, |s| s.since.map(Timestamp::utc)));
    touched(query.execute(connection).await?.rows_affected(), statuses.len())
}

/// Inserts the triggers that are not there and counts them at their alerts; how many were new.
pub(super) async fn write_rsi_triggers(
    connection: &mut PgConnection,
    statements: Statements<'_>,
    triggers: &[&TriggerFired],
) -> sqlx::Result<u64> {
    let query = statements
        .query(INSERT_RSI)
        .bind(column(triggers, |t| t.id.0))
        .bind(column(triggers, |t| t.alert_id.0))
        .bind(column(triggers, |t| t.user_id.0))
        .bind(column(triggers, |t| t.alert_version))
        .bind(column(triggers, |t| t.close_time.utc()))
        .bind(column(triggers, |t| t.symbol.as_ref().map(|symbol| symbol.as_str().to_owned())))
        .bind(column(triggers, |t| t.timeframe.map(|timeframe| timeframe.code().to_owned())))
        .bind(column(triggers, |t| t.condition.name()))
        .bind(column(triggers, |t| t.value))
        .bind(column(triggers, |t| t.price))
        .bind(column(triggers, |t| t.detail.as_str().to_owned()));
    let row = query.fetch_one(connection).await?;
    let [written, alerts, counted]: [i64; 3] =
        [sqlx::Row::try_get(&row, 0)?, sqlx::Row::try_get(&row, 1)?, sqlx::Row::try_get(&row, 2)?];
    touched(counted.unsigned_abs(), usize::try_from(alerts).unwrap_or(usize::MAX))?;
    Ok(written.unsigned_abs())
}

/// One round trip: rows, and what they add to their alerts' counts. `triggered_at` is the bar's close.
const INSERT_RSI: &str = "
    with written as (
        insert into public.rsi_tracker_alert_triggers (tenant_id, id, alert_id, user_id, alert_version, triggered_at,
            symbol, timeframe, trigger_condition, rsi_value, price, detail)
        select $1, id, alert_id, user_id, alert_version, triggered_at, symbol, timeframe, trigger_condition,
            rsi_value::numeric(5,2), price::numeric, detail::jsonb
        from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::timestamptz[], $7::text[], $8::text[],
                    $9::text[], $10::float8[], $11::float8[], $12::text[])
            as t (id, alert_id, user_id, alert_version, triggered_at, symbol, timeframe, trigger_condition,
                  rsi_value, price, detail)
        on conflict (tenant_id, id) do nothing
        returning alert_id, user_id, alert_version, triggered_at
    ), counted as (
        insert into public.alert_status as s
            (tenant_id, alert_id, kind, user_id, version, state, effective_at, last_triggered_at, trigger_count)
        select $1, alert_id, 'rsi_tracker', (array_agg(user_id order by triggered_at desc))[1], max(alert_version),
            'active', min(triggered_at), max(triggered_at), count(*)
        from written group by alert_id
        on conflict (tenant_id, alert_id) do update set
            last_triggered_at = greatest(s.last_triggered_at, excluded.last_triggered_at),
            trigger_count = s.trigger_count + excluded.trigger_count
        returning 1
    )
    select (select count(*) from written), (select count(distinct alert_id) from written),
        (select count(*) from counted)";

fn column<R, T>(rows: &[&R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}

/// A trigger's row, as pages show it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct TriggerRow {
    /// Derived from the cause.
    pub id: Uuid,
    /// Which alert.
    pub alert_id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// The bar's close.
    pub triggered_at: DateTime<Utc>,
    /// When the row was written.
    pub created_at: DateTime<Utc>,
    /// As the tenant spells it.
    pub symbol: String,
    /// Bar length.
    pub timeframe: String,
    /// `overbought` or `oversold`.
    pub trigger_condition: String,
    /// Rounded to two decimals.
    pub rsi_value: Option<f64>,
    /// The price at the close.
    pub price: Option<f64>,
}

/// The newest rows by bar close, at most `most`.
///
/// # Errors
/// The database is out of reach or refuses.
pub async fn recent(pool: &PgPool, most: u32) -> sqlx::Result<Vec<TriggerRow>> {
    let select =
        "select id, alert_id, user_id, triggered_at, created_at, symbol, timeframe, trigger_condition,
            rsi_value::float8 as rsi_value, price::float8 as price
        from public.rsi_tracker_alert_triggers order by triggered_at desc, id limit $1";
    sqlx::query_as(select).persistent(false).bind(i64::from(most)).fetch_all(pool).await
}

/// How many rows there are.
///
/// # Errors
/// As [`recent`].
pub async fn count(pool: &PgPool) -> sqlx::Result<u64> {
    let select = "select count(*) from public.rsi_tracker_alert_triggers";
    let count: i64 = sqlx::query_scalar(select).persistent(false).fetch_one(pool).await?;
    Ok(count.unsigned_abs())
}
