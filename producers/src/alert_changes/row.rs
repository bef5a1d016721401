//! An alert's row as the database gives it, and the record it becomes.

use bellwether_schemas::alerts::{AlertChanged, AlertKind, AlertParameters};
use bellwether_schemas::{AlertId, Origin, UserId};
use sqlx::types::JsonValue;
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
