//! Tables in which users configure alerts.

use bellwether_schemas::alerts::AlertParameters;
use bellwether_schemas::{AlertId, UserId};
use sqlx::types::JsonValue;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::KindTables;
use crate::statements::Statements;

/// One kind's table of alerts.
#[derive(Debug)]
pub struct AlertTable {
    /// Its name in schema `public`.
    pub name: &'static str,
    /// Its own columns that can change a result: what the capture triggers watch and the journal gets.
    pub captured: &'static [&'static str],
    /// Every alert as [`AlertRow`]; `$1` is the tenant, `$2` the kind.
    pub(super) select: &'static str,
    /// Adds one; `$1` is its id, `$2` the user's, `$3` an object of the captured columns. What the user has stays.
    pub(super) insert: &'static str,
    /// How many are switched on.
    pub(super) count_active: &'static str,
}

#[cfg(test)]
impl AlertTable {
    pub(super) const fn statements(&self) -> [&'static str; 3] {
        [self.select, self.insert, self.count_active]
    }
}

/// An alert as its table and the queue of changes give it.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct AlertRow {
    /// The id of the alert's row.
    pub alert_id: Uuid,
    /// Name of the alert's kind, as the queue of changes holds it.
    pub kind: String,
    /// The user whose row it is.
    pub user_id: Uuid,
    /// Its counter; 0 where nothing has counted yet.
    pub version: i64,
    /// Whether it is switched on.
    pub active: bool,
    /// The row is gone.
    pub deleted: bool,
    /// The kind's captured columns as an object.
    pub parameters: JsonValue,
}

impl KindTables {
    /// Every alert of the kind that the tenant's users have.
    ///
    /// # Errors
    /// The database said no.
    pub async fn alerts(
        &self,
        connection: &mut PgConnection,
        statements: Statements<'_>,
    ) -> sqlx::Result<Vec<AlertRow>> {
        statements.query_as(self.alerts.select).bind(self.kind.name()).fetch_all(connection).await
    }

    /// Adds an alert as its user would. A user who has one of a kind of which each has one keeps it.
    ///
    /// # Errors
    /// The database refuses: a user or a parameter is not as it must be.
    pub async fn add_alert(
        &self,
        connection: &mut PgConnection,
        id: AlertId,
        user: UserId,
        parameters: &AlertParameters,
    ) -> sqlx::Result<()> {
        let columns = parameters.columns().map_err(|error| sqlx::Error::Encode(error.into()))?;
        let query = sqlx::query(self.alerts.insert).bind(id.0).bind(user.0).bind(columns);
        query.execute(connection).await.map(drop)
    }
}

/// Alerts of all kinds that are switched on.
///
/// # Errors
/// The database said no.
pub async fn count_active(pool: &PgPool) -> sqlx::Result<u64> {
    let mut active = 0;
    for tables in super::all() {
        let count: i64 =
            sqlx::query_scalar(tables.alerts.count_active).persistent(false).fetch_one(pool).await?;
        active += count.unsigned_abs();
    }
    Ok(active)
}
