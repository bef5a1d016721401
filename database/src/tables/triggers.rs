//! Tables of what fired.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::TriggerFired;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use super::{KindTables, column};
use crate::statements::{Query, Statements};

/// One kind's table of triggers.
#[derive(Debug)]
pub struct TriggerTable {
    /// Its name in schema `public`.
    pub name: &'static str,
    /// Inserts what is not there; see `insert_triggers!`.
    pub(super) insert: &'static str,
    /// Binds the kind's own columns to it, behind those that every kind has.
    pub(super) bind: for<'q> fn(Query<'q>, &[&TriggerFired]) -> Query<'q>,
    /// The newest rows as [`TriggerRow`]; `$1` is how many at most.
    pub(super) recent: &'static str,
    /// How many rows there are.
    pub(super) count: &'static str,
    /// When the row of the trigger `$1` was written.
    pub(super) written: &'static str,
}

#[cfg(test)]
impl TriggerTable {
    pub(super) const fn statements(&self) -> [&'static str; 4] {
        [self.insert, self.recent, self.count, self.written]
    }
}

/// A trigger's row, as pages show it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct TriggerRow {
    /// Name of the kind whose table it is in.
    pub kind: String,
    /// Derived from the cause.
    pub id: Uuid,
    /// The alert that fired; its row may be gone.
    pub alert_id: Uuid,
    /// Whose alert it is.
    pub user_id: Uuid,
    /// When the bar closed, or the tick came.
    pub triggered_at: DateTime<Utc>,
    /// When the row was written.
    pub created_at: DateTime<Utc>,
    /// Symbol, pair or currency, as the tenant spells it.
    pub symbol: String,
    /// Code of the bar's length, as `1H`.
    pub timeframe: String,
    /// What was reached, in the kind's own word: `overbought`, `sell`, `above` …
    pub condition: String,
    /// The reading that reached it, as the table rounds it.
    pub value: Option<f64>,
    /// The price at that moment.
    pub price: Option<f64>,
    /// The trigger's sentence, without its symbol.
    pub text: String,
}

impl KindTables {
    /// Inserts the triggers, all of this kind, that are not there; those that were new.
    ///
    /// # Errors
    /// The database said no: then nothing may be committed.
    pub async fn write_triggers<'a>(
        &self,
        connection: &mut PgConnection,
        statements: Statements<'_>,
        triggers: &[&'a TriggerFired],
    ) -> sqlx::Result<Vec<&'a TriggerFired>> {
        let query = statements
            .query(self.triggers.insert)
            .bind(column(triggers, |t| t.id.0))
            .bind(column(triggers, |t| t.alert_id.0))
            .bind(column(triggers, |t| t.user_id.0))
            .bind(column(triggers, |t| t.alert_version))
            .bind(column(triggers, |t| t.close_time.utc()))
            .bind(column(triggers, |t| t.price))
            .bind(column(triggers, |t| t.detail.as_str().to_owned()));
        let row = (self.triggers.bind)(query, triggers).fetch_one(connection).await?;
        let new: Option<Vec<Uuid>> = row.try_get(0)?;
        Ok(new.map_or_else(|| triggers.to_vec(), |new| only(triggers, new)))
    }
}

/// The triggers with these ids, each once.
fn only<'a>(triggers: &[&'a TriggerFired], ids: Vec<Uuid>) -> Vec<&'a TriggerFired> {
    let mut ids: HashSet<Uuid> = ids.into_iter().collect();
    triggers.iter().copied().filter(|trigger| ids.remove(&trigger.id.0)).collect()
}

/// The newest rows of all kinds, at most `most`.
///
/// # Errors
/// The database said no.
pub async fn recent(pool: &PgPool, most: u32) -> sqlx::Result<Vec<TriggerRow>> {
    let mut rows: Vec<TriggerRow> = Vec::new();
    for tables in super::all() {
        let query = sqlx::query_as(tables.triggers.recent).persistent(false).bind(i64::from(most));
        rows.extend(query.fetch_all(pool).await?);
    }
    rows.sort_by_key(|row| (Reverse(row.triggered_at), row.id));
    rows.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(rows)
}

/// How many rows there are of each kind.
///
/// # Errors
/// As [`recent`].
pub async fn count_by_kind(pool: &PgPool) -> sqlx::Result<BTreeMap<AlertKind, u64>> {
    let mut rows = BTreeMap::new();
    for tables in super::all() {
        let count: i64 = sqlx::query_scalar(tables.triggers.count).persistent(false).fetch_one(pool).await?;
        rows.insert(tables.kind, count.unsigned_abs());
    }
    Ok(rows)
}

/// How many rows there are of all kinds.
///
/// # Errors
/// As [`recent`].
pub async fn count(pool: &PgPool) -> sqlx::Result<u64> {
    Ok(count_by_kind(pool).await?.values().sum())
}

/// When the row of that trigger was written; none where it is not there.
///
/// # Errors
/// As [`recent`].
pub async fn written_at(
    pool: &PgPool,
    kind: AlertKind,
    trigger: Uuid,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar(super::of(kind).triggers.written)
        .persistent(false)
        .bind(trigger)
        .fetch_optional(pool)
        .await
}
