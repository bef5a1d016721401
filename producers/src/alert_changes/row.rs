//! An alert's row as the database gives it, and the record it becomes.

use bellwether_database::tables::alerts::AlertRow;
use bellwether_schemas::alerts::{AlertChanged, AlertKind, AlertParameters};
use bellwether_schemas::{AlertId, Origin, UserId};

/// The record a row becomes; where it cannot be read, why.
pub(super) fn change(row: &AlertRow, origin: Origin) -> Result<AlertChanged, String> {
    Ok(AlertChanged {
        origin,
        alert_id: AlertId(row.alert_id),
        user_id: UserId(row.user_id),
        version: row.version,
        active: row.active,
        deleted: row.deleted,
        parameters: parameters(row)?,
    })
}

fn parameters(row: &AlertRow) -> Result<AlertParameters, String> {
    let kind = row.kind.parse::<AlertKind>().map_err(|error| error.to_string())?;
    AlertParameters::from_columns(kind, &row.parameters).map_err(|error| error.to_string())
}
