//! An alert's row as the database gives it, and the record it becomes.

use bellwether_schemas::alerts::{AlertChanged, AlertKind, AlertParameters};
use bellwether_schemas::{AlertId, Origin, TenantId, UserId};
use sqlx::types::JsonValue;
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

/// What queue and tables have in common.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(super) struct AlertRow {
    pub(super) alert_id: Uuid,
    pub(super) kind: String,
    pub(super) user_id: Uuid,
    pub(super) version: i64,
    pub(super) active: bool,
    pub(super) deleted: bool,
    pub(super) parameters: JsonValue,
}

impl AlertRow {
    /// The record it becomes; where it cannot be read, why.
    pub(super) fn change(&self, origin: Origin) -> Result<AlertChanged, String> {
        Ok(AlertChanged {
            origin,
            alert_id: AlertId(self.alert_id),
            user_id: UserId(self.user_id),
            version: self.version,
            active: self.active,
            deleted: self.deleted,
            parameters: self.parameters()?,
        })
    }

    fn parameters(&self) -> Result<AlertParameters, String> {
        let kind = self.kind.parse::<AlertKind>().map_err(|error| error.to_string())?;
        AlertParameters::from_columns(kind, &self.parameters).map_err(|error| error.to_string())
    }
}

/// Begins with the tenant known to row security, whatever stands between us and the server.
pub(super) async fn begin(
    pool: &PgPool,
    tenant: &TenantId,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    settled(pool.begin().await?, tenant).await
}

/// As [`begin`], and every statement sees the same moment.
pub(super) async fn begin_snapshot(
    pool: &PgPool,
    tenant: &TenantId,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    settled(pool.begin_with("begin isolation level repeatable read read only").await?, tenant).await
}

async fn settled(
    mut transaction: Transaction<'static, Postgres>,
    tenant: &TenantId,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    sqlx::query("select set_config('app.tenant_id', $1, true), set_config('statement_timeout', '30s', true)")
        .bind(tenant.as_str())
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}
