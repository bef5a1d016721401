//! The file of alerts, read strictly: a JSON array, a table with a header, or the rows of a SQL dump. What is unknown
//! in it, or cannot be, is an error with its place.
//!
//! | File | Reads |
//! |---|---|
//! | `json.rs`, `table.rs`, `dump.rs` (its words: `sql.rs`) | one form each, into the rows of `row.rs` |
//! | `columns.rs` | which columns there are, and how their values are written |
//! | `draft.rs` | one row, checked |
//! | `faults.rs` | what is wrong, all of it at once |

mod columns;
mod draft;
mod dump;
mod faults;
mod json;
mod row;
mod sql;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use bellwether_producers::InputError;
use bellwether_schemas::alerts::{AlertChanged, AlertKind, AlertParameters};
use bellwether_schemas::ids::derive;
use bellwether_schemas::{AlertId, Origin, UserId};
use serde_json::Value;

use crate::BacktestError;
use crate::study::Direction;
use crate::sweep::{Axis, Setting, combinations};
use columns::columns_of;
use draft::Draft;
use faults::Faults;
use row::Row;

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
    /// Whether it watches at all: what `is_active` says.
    pub active: bool,
    /// What it watches.
    pub parameters: AlertParameters,
}

impl Alert {
    /// The record that switches it on; none of an alert that is switched off.
    #[must_use]
    pub fn change(&self, origin: &Origin) -> Option<AlertChanged> {
        self.active.then(|| AlertChanged {
            origin: origin.clone(),
            alert_id: self.id,
            user_id: self.user_id,
            version: 1,
            active: true,
            deleted: false,
            parameters: self.parameters.clone(),
        })
    }

    /// The side whose line is all that a sweep has set: the triggers of the other are the same in every setting.
    #[must_use]
    pub fn swept_side(&self) -> Option<Direction> {
        let [setting] = self.settings.as_slice() else { return None };
        match (self.parameters.kind(), setting.column.as_str()) {
            (AlertKind::RsiTracker, "rsi_overbought")
            | (AlertKind::HeatmapTracker, "sell_threshold")
            | (AlertKind::PriceAlert, "below") => Some(Direction::Down),
            (AlertKind::RsiTracker, "rsi_oversold")
            | (AlertKind::HeatmapTracker, "buy_threshold")
            | (AlertKind::PriceAlert, "above") => Some(Direction::Up),
            _ => None,
        }
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
/// The file is missing or of no known form; a column, kind or value in it is unknown or impossible; a sweep names a
/// column that no alert has, sets one to what it cannot be, or is too large.
pub fn read(file: &Path, sweep: &[Axis]) -> Result<Vec<Alert>, BacktestError> {
    let wrong = |reason| BacktestError::Alerts { file: file.into(), reason };
    let text = text_of(file)?;
    let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    parse(&text, kind_in(&name), sweep).map_err(wrong)
}

fn text_of(file: &Path) -> Result<String, BacktestError> {
    let failed = |error: &std::io::Error| match error.kind() {
        ErrorKind::NotFound => BacktestError::Input(InputError::Missing { file: file.into() }),
        _ => BacktestError::Io { file: file.into(), reason: error.to_string() },
    };
    let wrong = |reason| BacktestError::Alerts { file: file.into(), reason };
    let size = std::fs::metadata(file).map_err(|error| failed(&error))?.len();
    if size > MAX_BYTES {
        return Err(wrong(format!("has {size} bytes, at most {MAX_BYTES} are read")));
    }
    let bytes = std::fs::read(file).map_err(|error| failed(&error))?;
    decoded(&bytes).ok_or_else(|| wrong("is no text: save it as UTF-8".into()))
}

/// UTF-8, or UTF-16 where its mark says so; without the mark.
fn decoded(bytes: &[u8]) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16(&units).ok()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.into()).ok(),
        bytes => String::from_utf8(bytes.into()).ok(),
    }
}

/// The kind that a file's name has in it, as the exports of a table have.
fn kind_in(name: &str) -> Option<AlertKind> {
    let name = name.to_lowercase().replace(['-', ' '], "_");
    AlertKind::ALL.into_iter().find(|kind| name.contains(kind.name()))
}

fn parse(text: &str, named: Option<AlertKind>, sweep: &[Axis]) -> Result<Vec<Alert>, String> {
    let mut faults = Faults::default();
    let rows = match text.trim_start().chars().next() {
        None => return Err("is empty".into()),
        Some('[' | '{') => json::rows(text, &mut faults)?,
        Some(_) if dump::is_sql(text) => dump::rows(text)?,
        Some(_) => table::rows(text, &mut faults)?,
    };
    let drafts: Vec<Option<Draft>> = rows.iter().map(|row| Draft::of(row, named, &mut faults)).collect();
    refuse_repeated(&rows, &drafts, &mut faults);
    let drafts = faults.or(drafts)?;
    in_every_setting(&drafts.into_iter().flatten().collect::<Vec<_>>(), sweep)
}

/// One id, one alert: another one under the same id would silently replace nothing.
fn refuse_repeated(rows: &[Row], drafts: &[Option<Draft>], faults: &mut Faults) {
    let mut seen = BTreeMap::new();
    for (row, draft) in rows.iter().zip(drafts) {
        let Some(id) = draft.as_ref().and_then(|draft| draft.id) else { continue };
        let first = *seen.entry(id).or_insert(row.spot);
        if first != row.spot {
            faults.add(row.spot, format!("id {id} is that of {first}"));
        }
    }
}

fn in_every_setting(drafts: &[Draft], sweep: &[Axis]) -> Result<Vec<Alert>, String> {
    let mut alerts = Vec::with_capacity(drafts.len());
    let mut swept = BTreeSet::new();
    for (place, draft) in (1..).zip(drafts) {
        let columns = columns_of(draft.kind);
        let settings = combinations(sweep, &columns)?.into_iter();
        let every = settings.map(|settings| alert(place, draft, settings)).collect::<Result<Vec<_>, _>>()?;
        alerts.extend(without_impossible(every, sweep));
        if alerts.len() > MAX_ALERTS {
            return Err(format!("gives more than {MAX_ALERTS} alerts, those of the sweep among them"));
        }
        swept.extend(columns);
    }
    match sweep.iter().find(|axis| !swept.contains(&axis.column)) {
        Some(axis) => Err(format!("--sweep {}: no alert has such a column", axis.column)),
        None => Ok(alerts),
    }
}

/// Without what no alert can be set to, where a range goes beyond it. All of them where none can be: then it is the alert
/// itself that is refused, and says why.
fn without_impossible(every: Vec<Alert>, sweep: &[Axis]) -> Vec<Alert> {
    let in_range =
        |setting: &Setting| sweep.iter().any(|axis| axis.is_range && axis.column == setting.column);
    let can_be = |alert: &Alert| {
        !alert.settings.iter().any(in_range) || bellwether_engine::check_columns(&alert.parameters).is_ok()
    };
    if !every.iter().any(can_be) {
        return every;
    }
    every.into_iter().filter(can_be).collect()
}

/// What of a sweep's ranges no alert can be set to, a line for people each.
#[must_use]
pub fn left_out(alerts: &[Alert], sweep: &[Axis]) -> Vec<String> {
    let line = |axis: &Axis| {
        let settings = alerts.iter().flat_map(|alert| &alert.settings);
        let set: Vec<&Value> =
            settings.filter(|setting| setting.column == axis.column).map(|setting| &setting.value).collect();
        let missing: Vec<String> =
            axis.values.iter().filter(|value| !set.contains(value)).map(ToString::to_string).collect();
        let all = axis.values.len();
        (!missing.is_empty()).then(|| {
            let (count, named) = (missing.len(), spans(&missing, &axis.values));
            format!(
                "--sweep {}: {count} of {all} values are left out, no alert can have them: {named}",
                axis.column
            )
        })
    };
    sweep.iter().filter(|axis| axis.is_range).filter_map(line).collect()
}

/// `50 to 59, 91 to 95`: neighbours among all values as one span.
fn spans(missing: &[String], all: &[Value]) -> String {
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    let runs = all.chunk_by(|one, next| missing.contains(one) == missing.contains(next));
    let span = |run: &[String]| match run {
        [first, .., last] => format!("{first} to {last}"),
        run => run.concat(),
    };
    runs.filter(|run| missing.contains(&run[0])).map(span).collect::<Vec<_>>().join(", ")
}

fn alert(place: usize, draft: &Draft, settings: Vec<Setting>) -> Result<Alert, String> {
    let mut draft = draft.clone();
    for setting in &settings {
        draft.columns.insert(setting.column.clone(), setting.value.clone());
    }
    let texts: Vec<String> = settings.iter().map(ToString::to_string).collect();
    let parameters = draft.parameters().map_err(|fault| format!("--sweep {}: {fault}", texts.join(" ")))?;
    let derived = |what| derive(&format!("backtest|{what}|{place}"));
    let own = AlertId(draft.id.unwrap_or_else(|| derived("alert")));
    Ok(Alert {
        place,
        name: draft.name.unwrap_or_else(|| format!("{place} {}", draft.kind)),
        id: varied(own, &texts),
        user_id: UserId(draft.user_id.unwrap_or_else(|| derived("user"))),
        settings,
        active: draft.active,
        parameters,
    })
}

/// A setting of a sweep is an alert of its own.
fn varied(id: AlertId, settings: &[String]) -> AlertId {
    if settings.is_empty() {
        return id;
    }
    AlertId(derive(&format!("backtest|sweep|{id}|{}", settings.join("|"))))
}

#[cfg(test)]
mod tests;
