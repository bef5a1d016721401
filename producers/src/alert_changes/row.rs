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
        "pairs" => "a list of symbols such as EURUSD",
        "symbol" => "a symbol such as EURUSD",
        "above" | "below" => "a price",
        "expires_at" => "a time such as 2030-01-31T18:00:00Z",
        "mode" => "one of rsi_threshold, real_correlation",
        "trading_style" => "one of scalper, swingTrader",
        "indicator" => "one of EMA21, EMA50, EMA200, MACD, RSI, UTBOT, IchimokuClone",
        "fires" => "one of once, every",
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
            "pairs is [\"EURUSD\",1], it must be a list of symbols such as EURUSD"
        );
        assert_eq!(
            reason(AlertKind::RsiTracker, json!({"timeframe": "7H", "rsi_period": 14})),
            "timeframe is \"7H\", it must be one of 5M, 15M, 30M, 1H, 4H, 1D, 1W"
        );
        assert_eq!(
            reason(AlertKind::PriceAlert, json!({"symbol": "EURUSD", "expires_at": "infinity"})),
            "expires_at is \"infinity\", it must be a time such as 2030-01-31T18:00:00Z"
        );
        let long = reason(AlertKind::PriceAlert, json!({"above": "9".repeat(70) + "x"}));
        assert!(long.ends_with("999, it must be a price") && long.len() < 100, "{long}");
    }

    /// A column of each kind that cannot be read, and the end of what its user is told.
    #[test]
    fn for_every_column_a_user_is_told_what_would_do() {
        use AlertKind::{
            CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert,
            RsiCorrelationTracker, RsiTracker,
        };
        for (kind, column, value, must_be) in [
            (RsiTracker, "timeframe", json!(5), "one of 5M, 15M, 30M, 1H, 4H, 1D, 1W"),
            (RsiTracker, "rsi_period", json!("x"), "a whole number"),
            (RsiTracker, "rsi_overbought", json!(70.5), "a whole number"),
            (RsiCorrelationTracker, "mode", json!(1), "one of rsi_threshold, real_correlation"),
            (RsiCorrelationTracker, "correlation_window", json!([]), "a whole number"),
            (HeatmapTracker, "pairs", json!("EURUSD,"), "a list of symbols such as EURUSD"),
            (HeatmapTracker, "trading_style", json!(1), "one of scalper, swingTrader"),
            (HeatmapTracker, "buy_threshold", json!(true), "a whole number"),
            (
                HeatmapIndicatorTracker,
                "indicator",
                json!({}),
                "one of EMA21, EMA50, EMA200, MACD, RSI, UTBOT, IchimokuClone",
            ),
            (CurrencyStrengthTracker, "timeframe", json!("2H"), "one of 5M, 15M, 30M, 1H, 4H, 1D, 1W"),
            (PriceAlert, "symbol", json!(1), "a symbol such as EURUSD"),
            (PriceAlert, "above", json!("high"), "a price"),
            (PriceAlert, "on_close", json!("2H"), "one of 5M, 15M, 30M, 1H, 4H, 1D, 1W"),
            (PriceAlert, "fires", json!(2), "one of once, every"),
            (PriceAlert, "expires_at", json!("soon"), "a time such as 2030-01-31T18:00:00Z"),
        ] {
            let told = reason(kind, json!({ column: value.clone() }));
            assert_eq!(told, format!("{column} is {value}, it must be {must_be}"), "{kind}");
        }
    }

    #[test]
    fn a_row_that_is_switched_off_or_gone_is_inactive_whatever_it_holds() {
        let bad = || row(AlertKind::RsiTracker, json!({"timeframe": "7H"}));
        assert_eq!(standing(&AlertRow { active: false, ..bad() }), Some(Standing::Inactive));
        assert_eq!(standing(&AlertRow { deleted: true, ..bad() }), Some(Standing::Inactive));
        assert_eq!(standing(&row(AlertKind::RsiTracker, json!({}))), None);
    }
}
