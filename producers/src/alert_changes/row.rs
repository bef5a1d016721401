//! An alert's row as the database gives it, the record it becomes, and what its user is told where it becomes none.

use bellwether_database::tables::alert_status::Standing;
use bellwether_database::tables::alerts::AlertRow;
use bellwether_schemas::alerts::{AlertChanged, AlertKind, AlertParameters};
use bellwether_schemas::{AlertId, Origin, UserId};
use serde_json::{Map, Value};

/// Most characters of a column that a reason repeats.
const SHOWN: usize = 64;

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

/// What the row's user is told without an engine; none where the engine has it.
pub(super) fn standing(row: &AlertRow) -> Option<Standing> {
    if row.deleted || !row.active {
        return Some(Standing::Inactive);
    }
    parameters(row).err().map(Standing::Refused)
}

fn parameters(row: &AlertRow) -> Result<AlertParameters, String> {
    let kind = row.kind.parse::<AlertKind>().map_err(|error| error.to_string())?;
    AlertParameters::from_columns(kind, &row.parameters)
        .map_err(|error| unreadable(kind, &row.parameters).unwrap_or_else(|| error.to_string()))
}

/// The first column that cannot be read by itself, as its user knows it.
fn unreadable(kind: AlertKind, columns: &Value) -> Option<String> {
    columns.as_object()?.iter().find_map(|(name, value)| {
        let alone = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        AlertParameters::from_columns(kind, &alone).err()?;
        let shown: String = value.to_string().chars().take(SHOWN).collect();
        Some(format!("{name} is {shown}, it must be {}", must_be(name)))
    })
}

fn must_be(column: &str) -> &'static str {
    match column {
        "timeframe" | "on_close" => "one of 5M, 15M, 30M, 1H, 4H, 1D, 1W",
        "pairs" => "a list of symbols",
        "above" | "below" => "a price",
        "expires_at" => "a time",
        "symbol" | "mode" | "trading_style" | "indicator" | "fires" => "a word",
        _ => "a whole number",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn row(kind: AlertKind, parameters: Value) -> AlertRow {
        let (alert_id, user_id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let kind = kind.name().into();
        AlertRow { alert_id, kind, user_id, version: 1, active: true, deleted: false, parameters }
    }

    fn reason(kind: AlertKind, parameters: Value) -> String {
        match standing(&row(kind, parameters)) {
            Some(Standing::Refused(reason)) => reason,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_user_is_told_the_column_what_it_holds_and_what_it_must_be() {
        let pairs = json!({"pairs": ["EURUSD", 1], "timeframe": "1H", "indicator": "RSI"});
        assert_eq!(
            reason(AlertKind::HeatmapIndicatorTracker, pairs),
            "pairs is [\"EURUSD\",1], it must be a list of symbols"
        );
        assert_eq!(
            reason(AlertKind::RsiTracker, json!({"timeframe": "7H", "rsi_period": 14})),
            "timeframe is \"7H\", it must be one of 5M, 15M, 30M, 1H, 4H, 1D, 1W"
        );
        assert_eq!(
            reason(AlertKind::PriceAlert, json!({"symbol": "EURUSD", "expires_at": "infinity"})),
            "expires_at is \"infinity\", it must be a time"
        );
        let long = reason(AlertKind::PriceAlert, json!({"above": "9".repeat(70) + "x"}));
        assert!(long.ends_with("999, it must be a price") && long.len() < 100, "{long}");
    }

    #[test]
    fn a_row_that_is_switched_off_or_gone_is_inactive_whatever_it_holds() {
        let bad = || row(AlertKind::RsiTracker, json!({"timeframe": "7H"}));
        assert_eq!(standing(&AlertRow { active: false, ..bad() }), Some(Standing::Inactive));
        assert_eq!(standing(&AlertRow { deleted: true, ..bad() }), Some(Standing::Inactive));
        assert_eq!(standing(&row(AlertKind::RsiTracker, json!({}))), None);
    }
}
