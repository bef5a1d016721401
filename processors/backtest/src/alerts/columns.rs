//! Columns of the alert tables, how their values are written, and what a wrong one should have been.

use std::collections::BTreeSet;

use bellwether_schemas::alerts::{
    AlertKind, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert,
    RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::{AlertId, Timeframe};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Number, Value};

use super::row::Cell;

/// What an alert of any kind may say of itself.
pub(super) const COMMON: [&str; 5] = ["kind", "id", "user_id", "name", "is_active"];
/// What tables keep for purposes that a backtest has nothing to do with.
pub(super) const PASSED_OVER: [&str; 4] = ["tenant_id", "user_email", "created_at", "updated_at"];

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Whole,
    Decimal,
    Flag,
    List,
    Timeframe,
    Time,
    Id,
    Text,
}

const fn type_of(column: &str) -> Type {
    match column.as_bytes() {
        b"rsi_period"
        | b"rsi_overbought"
        | b"rsi_oversold"
        | b"correlation_window"
        | b"buy_threshold"
        | b"sell_threshold" => Type::Whole,
        b"above" | b"below" => Type::Decimal,
        b"is_active" => Type::Flag,
        b"pairs" => Type::List,
        b"timeframe" | b"on_close" => Type::Timeframe,
        b"expires_at" => Type::Time,
        b"id" | b"user_id" => Type::Id,
        _ => Type::Text,
    }
}

/// The columns that change what an alert of this kind does.
pub(super) fn columns_of(kind: AlertKind) -> Vec<String> {
    let defaults = match kind {
        AlertKind::RsiTracker => serde_json::to_value(RsiTracker::default()),
        AlertKind::RsiCorrelationTracker => serde_json::to_value(RsiCorrelationTracker::default()),
        AlertKind::HeatmapTracker => serde_json::to_value(HeatmapTracker::default()),
        AlertKind::HeatmapIndicatorTracker => serde_json::to_value(HeatmapIndicatorTracker::default()),
        AlertKind::CurrencyStrengthTracker => serde_json::to_value(CurrencyStrengthTracker::default()),
        AlertKind::PriceAlert => serde_json::to_value(PriceAlert::default()),
    };
    let names = defaults.ok().and_then(|defaults| Some(defaults.as_object()?.keys().cloned().collect()));
    names.unwrap_or_default()
}

/// The kind that a table with these columns must be of: the only one that has just its own, or the only one that has
/// them all.
pub(super) fn kind_of(columns: &BTreeSet<&str>) -> Option<AlertKind> {
    let passed_over = |column: &&str| COMMON.contains(column) || PASSED_OVER.contains(column);
    let own: BTreeSet<&str> = columns.iter().copied().filter(|column| !passed_over(column)).collect();
    let only = |fits: &dyn Fn(&BTreeSet<&str>) -> bool| {
        let has = |kind: &AlertKind| fits(&columns_of(*kind).iter().map(String::as_str).collect());
        let mut found = AlertKind::ALL.into_iter().filter(has);
        found.next().filter(|_| found.next().is_none())
    };
    only(&|all| *all == own).or_else(|| only(&|all| all.is_superset(&own)))
}

/// The value of a cell in this column, as JSON has it. What cannot be is given as it stands, for an error to show.
///
/// # Errors
/// The cell is SQL that would have to be computed.
pub(super) fn value_of(column: &str, cell: &Cell) -> Result<Value, String> {
    match cell {
        Cell::Null => Ok(Value::Null),
        Cell::Json(Value::String(text)) if type_of(column) == Type::Time => Ok(time(text).into()),
        Cell::Json(value) => Ok(value.clone()),
        Cell::Text(text) => Ok(from_text(type_of(column), text)),
        Cell::Expression(sql) => {
            Err(format!("{column} is {sql}, it must be a value: nothing is computed here"))
        }
    }
}

/// Whether the value can be one of a column that all kinds have; the others are for their kind to judge.
pub(super) fn fits_common(column: &str, value: &Value) -> bool {
    match type_of(column) {
        Type::Flag => value.is_boolean(),
        Type::Id => value.as_str().is_some_and(|text| text.parse::<AlertId>().is_ok()),
        _ => value.is_string(),
    }
}

/// What a value of this column must be.
pub(super) fn expected(column: &str) -> String {
    match type_of(column) {
        Type::Whole => "a whole number".into(),
        Type::Decimal => "a number such as 1.25".into(),
        Type::Flag => "true or false".into(),
        Type::List => r#"a list of symbols such as ["EURUSD","GBPUSD"] or {EURUSD,GBPUSD}"#.into(),
        Type::Timeframe => format!("one of {}", Timeframe::ALL.map(Timeframe::code).join(", ")),
        Type::Time => "a time with its offset such as 2026-05-01T00:00:00Z".into(),
        Type::Id => "a UUID".into(),
        Type::Text => "a text".into(),
    }
}

fn from_text(of: Type, text: &str) -> Value {
    let plain = text.trim();
    let parsed = match of {
        Type::Whole => plain.parse().ok().and_then(Number::from_f64).map(Value::Number),
        Type::Decimal => Some(point(plain).into()),
        Type::Flag => flag(plain).map(Value::Bool),
        Type::List => list(plain),
        Type::Time => Some(time(plain).into()),
        Type::Timeframe | Type::Id => Some(plain.into()),
        Type::Text => Some(text.into()),
    };
    parsed.unwrap_or_else(|| text.into())
}

/// Postgres' words, in any letter case.
fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "t" | "true" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// A decimal comma becomes a point, unless it may as well part thousands.
fn point(text: &str) -> String {
    match text.split_once(',') {
        Some((_, behind)) if behind.len() != 3 && !text.contains('.') => text.replacen(',', ".", 1),
        _ => text.into(),
    }
}

/// RFC 3339 of what Postgres writes, `2026-05-01 12:00:00+00`; anything else as it is.
fn time(text: &str) -> String {
    let read = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z");
    read.map_or_else(
        |_| text.into(),
        |time| time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::AutoSi, true),
    )
}

/// JSON's list, Postgres' array, or names as people write them side by side.
fn list(text: &str) -> Option<Value> {
    if text.starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    let names = match text.strip_prefix('{') {
        Some(rest) => array(rest.strip_suffix('}')?)?,
        None => text
            .split([',', ';', '|', ' '])
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(Into::into)
            .collect(),
    };
    Some(names.into_iter().map(Value::String).collect())
}

/// The elements of a Postgres array of texts, without its braces.
fn array(text: &str) -> Option<Vec<String>> {
    let (mut names, mut name, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => name.push(chars.next()?),
            ',' if !quoted => names.push(std::mem::take(&mut name)),
            '{' | '}' if !quoted => return None,
            c => name.push(c),
        }
    }
    if !text.is_empty() {
        names.push(name);
    }
    (!quoted).then_some(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(column: &str, text: &str) -> Value {
        value_of(column, &Cell::Text(text.into())).unwrap()
    }

    #[test]
    fn text_becomes_what_its_column_holds() {
        for list in
            [r#"["EURUSD","BTC/USD"]"#, "{EURUSD,BTC/USD}", r#"{"EURUSD","BTC/USD"}"#, "EURUSD; BTC/USD"]
        {
            assert_eq!(value("pairs", list), json!(["EURUSD", "BTC/USD"]), "{list}");
        }
        assert_eq!(value("pairs", r#"{"a\"b,c"}"#), json!(["a\"b,c"]));
        assert_eq!((value("pairs", "{}"), value("pairs", "[]")), (json!([]), json!([])));
        assert_eq!((value("is_active", "t"), value("is_active", "FALSE")), (json!(true), json!(false)));
        assert_eq!((value("rsi_period", " 14 "), value("rsi_period", "nan")), (json!(14.0), json!("nan")));
        assert_eq!((value("above", "1,25"), value("above", "65,000")), (json!("1.25"), json!("65,000")));
        assert_eq!(value("expires_at", "2026-05-01 12:00:00.5+05:30"), json!("2026-05-01T06:30:00.500Z"));
        assert_eq!(value("expires_at", "2026-05-01 12:00:00+00"), json!("2026-05-01T12:00:00Z"));
    }

    #[test]
    fn text_that_cannot_be_is_left_for_an_error_to_show() {
        for (column, text) in
            [("pairs", "{a"), ("pairs", "[1"), ("is_active", "maybe"), ("rsi_period", "many")]
        {
            assert_eq!(value(column, text), json!(text));
        }
    }

    #[test]
    fn a_tables_columns_tell_its_kind_where_only_one_has_them() {
        let of = |columns: &[&str]| kind_of(&columns.iter().copied().collect());
        for kind in AlertKind::ALL {
            let own = columns_of(kind);
            let all: BTreeSet<&str> =
                own.iter().map(String::as_str).chain(COMMON).chain(PASSED_OVER).collect();
            assert_eq!(kind_of(&all), Some(kind));
        }
        assert_eq!(of(&["id", "mode"]), Some(AlertKind::RsiCorrelationTracker));
        assert_eq!((of(&["id", "rsi_period"]), of(&["id", "moon"])), (None, None));
    }
}
