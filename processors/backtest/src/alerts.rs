//! The file of alerts: a JSON array, one object an alert with its `kind` and the columns of that kind's table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bellwether_schemas::alerts::{
    AlertChanged, AlertKind, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker,
    HeatmapTracker, PriceAlert, RsiCorrelationTracker, RsiTracker,
};
use bellwether_schemas::ids::derive;
use bellwether_schemas::{AlertId, Origin, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::BacktestError;
use crate::sweep::{Axis, Setting, combinations};

/// Most alerts of a run, those of a sweep among them.
pub const MAX_ALERTS: usize = 100_000;
/// Most bytes of the file.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// One alert of the file; with a sweep, one setting of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its place in the file, from 1.
    pub place: usize,
    /// What the report calls it.
    pub name: String,
    /// What a sweep has set.
    pub settings: Vec<Setting>,
    /// Given, or derived from place and settings.
    pub id: AlertId,
    /// Given, or derived from the place.
    pub user_id: UserId,
    /// What it watches; where it cannot be read, why.
    pub parameters: Result<AlertParameters, String>,
}

impl Alert {
    /// The record that switches it on.
    #[must_use]
    pub fn change(&self, origin: &Origin) -> Option<AlertChanged> {
        Some(AlertChanged {
            origin: origin.clone(),
            alert_id: self.id,
            user_id: self.user_id,
            version: 1,
            active: true,
            deleted: false,
            parameters: self.parameters.as_ref().ok()?.clone(),
        })
    }

    /// The name with what a sweep has set.
    #[must_use]
    pub fn title(&self) -> String {
        let settings: Vec<String> = self.settings.iter().map(ToString::to_string).collect();
        if settings.is_empty() {
            self.name.clone()
        } else {
            format!("{} [{}]", self.name, settings.join(" "))
        }
    }
}

/// Reads the file, each alert in every setting of the sweep.
///
/// # Errors
/// The file is missing or no JSON array; a sweep names a column that no alert has, or is too large.
pub fn read(file: &Path, sweep: &[Axis]) -> Result<Vec<Alert>, BacktestError> {
    let wrong = |reason| BacktestError::Alerts { file: file.into(), reason };
    let objects: Vec<Value> = serde_json::from_str(&text_of(file)?)
        .map_err(|error| wrong(format!("is no JSON array of alerts: {error}")))?;
    parse(&objects, sweep).map_err(wrong)
}

fn text_of(file: &Path) -> Result<String, BacktestError> {
    use bellwether_producers::InputError;
    let failed = |error: &std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => BacktestError::Input(InputError::Missing { file: file.into() }),
        _ => BacktestError::Io { file: file.into(), reason: error.to_string() },
    };
    let size = std::fs::metadata(file).map_err(|error| failed(&error))?.len();
    if size > MAX_BYTES {
        let reason = format!("has {size} bytes, at most {MAX_BYTES} are read");
        return Err(BacktestError::Alerts { file: file.into(), reason });
    }
    std::fs::read_to_string(file).map_err(|error| failed(&error))
}

fn parse(objects: &[Value], sweep: &[Axis]) -> Result<Vec<Alert>, String> {
    let mut alerts = Vec::with_capacity(objects.len());
    let mut swept = BTreeSet::new();
    for (place, object) in (1..).zip(objects) {
        let columns =
            object["kind"].as_str().and_then(|kind| kind.parse().ok()).map(columns_of).unwrap_or_default();
        swept.extend(columns.iter().cloned());
        for settings in combinations(sweep, &columns)? {
            alerts.push(alert(place, object, settings));
        }
        if alerts.len() > MAX_ALERTS {
            return Err(format!("gives more than {MAX_ALERTS} alerts, those of the sweep among them"));
        }
    }
    if let Some(axis) = sweep.iter().find(|axis| !swept.contains(&axis.column)) {
        return Err(format!("--sweep {}: no alert has such a column", axis.column));
    }
    refuse_repeated(&mut alerts);
    Ok(alerts)
}

fn alert(place: usize, object: &Value, settings: Vec<Setting>) -> Alert {
    let mut object = object.clone();
    for setting in &settings {
        object[&setting.column] = setting.value.clone();
    }
    let derived = |what| derive(&format!("backtest|{what}|{place}"));
    let (id, user_id) = (given_id(&object, "id"), given_id(&object, "user_id"));
    let refused = id.as_ref().err().or(user_id.as_ref().err()).cloned();
    let own = AlertId(id.ok().flatten().unwrap_or_else(|| derived("alert")));
    Alert {
        place,
        name: object["name"].as_str().map_or_else(|| default_name(place, &object), String::from),
        id: varied(own, &settings),
        user_id: UserId(user_id.ok().flatten().unwrap_or_else(|| derived("user"))),
        settings,
        parameters: refused.map_or_else(|| parameters(&object), Err),
    }
}

fn default_name(place: usize, object: &Value) -> String {
    format!("{place} {}", object["kind"].as_str().unwrap_or("alert"))
}

/// A setting of a sweep is an alert of its own.
fn varied(id: AlertId, settings: &[Setting]) -> AlertId {
    let text: Vec<String> = settings.iter().map(ToString::to_string).collect();
    if text.is_empty() { id } else { AlertId(derive(&format!("backtest|sweep|{id}|{}", text.join("|")))) }
}

fn given_id(object: &Value, key: &str) -> Result<Option<Uuid>, String> {
    match &object[key] {
        Value::Null => Ok(None),
        Value::String(text) => {
            let id = text.parse::<AlertId>().map_err(|error| format!("{key}: {error}"))?;
            Ok(Some(id.0))
        }
        other => Err(format!("{key}: {other} is not a UUID")),
    }
}

fn parameters(object: &Value) -> Result<AlertParameters, String> {
    let kind = match &object["kind"] {
        Value::String(kind) => kind.parse::<AlertKind>().map_err(|error| error.to_string())?,
        _ => return Err("has no kind".into()),
    };
    AlertParameters::from_columns(kind, object).map_err(|error| error.to_string())
}

/// One id, one alert: another one under the same id would silently replace nothing.
fn refuse_repeated(alerts: &mut [Alert]) {
    let mut seen = BTreeMap::new();
    for alert in alerts {
        let first = *seen.entry(alert.id).or_insert(alert.place);
        if first != alert.place && alert.parameters.is_ok() {
            alert.parameters = Err(format!("id: is that of alert {first}"));
        }
    }
}

/// The columns that change what an alert of this kind does.
fn columns_of(kind: AlertKind) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(objects: &Value, sweep: &[&str]) -> Vec<Alert> {
        let sweep: Vec<Axis> = sweep.iter().map(|axis| axis.parse().unwrap()).collect();
        parse(objects.as_array().unwrap(), &sweep).unwrap()
    }

    #[test]
    fn ids_that_are_missing_follow_from_the_place_and_stay_the_same() {
        let given = "00000000-0000-4000-8000-000000000001";
        let objects = json!([{"kind": "rsi_tracker"}, {"kind": "rsi_tracker", "id": given, "name": "mine"}]);
        let [first, second] = parsed(&objects, &[]).try_into().unwrap();
        // Python: uuid.uuid5(uuid.UUID("64a1b937-bfe8-5204-bbd3-75bb08ade502"), "backtest|alert|1")
        assert_eq!(first.id, AlertId(derive("backtest|alert|1")));
        assert_ne!(first.id.0, first.user_id.0);
        assert_ne!(first.user_id, second.user_id);
        assert_eq!((second.id.to_string().as_str(), second.name.as_str()), (given, "mine"));
        assert_eq!(first.name, "1 rsi_tracker");
    }

    #[test]
    fn an_alert_that_cannot_be_read_says_why_and_stops_no_other() {
        let objects = json!([
            {"kind": "moon_phase"}, {"kind": "rsi_tracker", "id": "x"}, {"kind": "rsi_tracker", "rsi_period": "many"},
            3, {"kind": "rsi_tracker", "id": "00000000-0000-4000-8000-000000000001"},
            {"kind": "rsi_tracker", "id": "00000000-0000-4000-8000-000000000001"}, {"kind": "rsi_tracker"}
        ]);
        let alerts = parsed(&objects, &[]);
        let reasons: Vec<&str> =
            alerts.iter().map(|alert| alert.parameters.as_ref().err().map_or("", String::as_str)).collect();
        assert_eq!(reasons[0], "\"moon_phase\" is not an alert kind this version knows");
        assert_eq!(reasons[1], "id: \"x\" is not a UUID");
        assert!(reasons[2].starts_with("invalid type: string \"many\""), "{}", reasons[2]);
        assert_eq!(reasons[3..], ["has no kind", "", "id: is that of alert 5", ""]);
    }

    #[test]
    fn a_sweep_makes_alerts_of_their_own_out_of_those_that_have_the_column() {
        let objects = json!([{"kind": "rsi_tracker"}, {"kind": "price_alert", "symbol": "EURUSD"}]);
        let alerts = parsed(&objects, &["rsi_overbought=65,75"]);
        let titles: Vec<String> = alerts.iter().map(Alert::title).collect();
        assert_eq!(
            titles,
            ["1 rsi_tracker [rsi_overbought=65]", "1 rsi_tracker [rsi_overbought=75]", "2 price_alert"]
        );
        assert!(
            matches!(&alerts[1].parameters, Ok(AlertParameters::RsiTracker(rsi)) if rsi.rsi_overbought == 75)
        );
        assert_ne!(alerts[0].id, alerts[1].id);
        assert_eq!(alerts[0].user_id, alerts[1].user_id);
        let none = parse(objects.as_array().unwrap(), &["buy_threshold=1".parse().unwrap()]).unwrap_err();
        assert_eq!(none, "--sweep buy_threshold: no alert has such a column");
    }
}
