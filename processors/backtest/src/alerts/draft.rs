//! One row, checked: nothing it says may be unknown, doubled or impossible.

use std::collections::BTreeSet;

use bellwether_engine::check_columns;
use bellwether_schemas::alerts::{
    AlertKind, AlertParameters, HeatmapTracker, PriceAlert, RsiCorrelationTracker, RsiTracker,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::columns::{COMMON, PASSED_OVER, columns_of, expected, fits_common, kind_of, value_of};
use super::faults::{Faults, cut, did_you_mean};
use super::row::{Cell, Row};

/// An alert as its row has it, before a sweep sets any of its columns.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) kind: AlertKind,
    /// Values of the kind's own columns.
    pub(super) columns: Map<String, Value>,
    pub(super) id: Option<Uuid>,
    pub(super) user_id: Option<Uuid>,
    pub(super) name: Option<String>,
    pub(super) active: bool,
}

/// A kind, and what says so where it is not the alert itself.
struct Known {
    kind: AlertKind,
    by: &'static str,
}

impl Draft {
    /// What the row says; whatever is wrong with it is a fault, and then there is none. `named` is the kind that the
    /// file's name says.
    pub(super) fn of(row: &Row, named: Option<AlertKind>, faults: &mut Faults) -> Option<Self> {
        let known = match kind(row, named) {
            Ok(known) => known,
            Err(fault) => {
                faults.add(row.spot, fault);
                return None;
            }
        };
        let mut checked =
            Checked { known, own: Map::new(), common: Map::new(), is_whole: true, faults: Vec::new() };
        let mut seen = BTreeSet::new();
        for (column, cell) in &row.cells {
            if seen.insert(column) {
                checked.cell(column, cell);
            } else {
                checked.faults.push(format!("{column} stands there twice"));
            }
        }
        checked.draft().map_err(|found| found.into_iter().for_each(|fault| faults.add(row.spot, fault))).ok()
    }

    /// The parameters, with the columns as they are.
    ///
    /// # Errors
    /// A value of the wrong type, or a word that no column has.
    pub(super) fn parameters(&self) -> Result<AlertParameters, String> {
        parameters(self.kind, &self.columns)
    }
}

fn parameters(kind: AlertKind, columns: &Map<String, Value>) -> Result<AlertParameters, String> {
    let whole = Value::Object(columns.clone());
    let parameters = AlertParameters::from_columns(kind, &whole).map_err(|error| {
        // Which column it is, is found by looking at each alone.
        let wrong = columns.iter().find(|(column, value)| !can_be(kind, column, value));
        wrong.map_or_else(|| error.to_string(), |(column, value)| is_not(column, value))
    })?;
    check_columns(&with_usual_numbers(&parameters)).map(|()| parameters)
}

/// A number out of its range is the engine's to refuse, as that of a live alert is: it stops no other alert.
fn with_usual_numbers(parameters: &AlertParameters) -> AlertParameters {
    match parameters.clone() {
        AlertParameters::RsiTracker(_) => AlertParameters::RsiTracker(RsiTracker::default()),
        AlertParameters::RsiCorrelationTracker(RsiCorrelationTracker { mode, .. }) => {
            AlertParameters::RsiCorrelationTracker(RsiCorrelationTracker { mode, ..Default::default() })
        }
        AlertParameters::HeatmapTracker(HeatmapTracker { pairs, trading_style, .. }) => {
            AlertParameters::HeatmapTracker(HeatmapTracker { pairs, trading_style, ..Default::default() })
        }
        AlertParameters::PriceAlert(PriceAlert { symbol, fires, .. }) => {
            AlertParameters::PriceAlert(PriceAlert { symbol, fires, above: Some(1.0), ..Default::default() })
        }
        other => other,
    }
}

fn can_be(kind: AlertKind, column: &str, value: &Value) -> bool {
    let alone = Value::Object([(column.to_owned(), value.clone())].into_iter().collect());
    AlertParameters::from_columns(kind, &alone).is_ok()
}

fn is_not(column: &str, value: &Value) -> String {
    format!("{column} is {}, it must be {}", cut(&value.to_string()), expected(column))
}

/// What the row itself says, else its table, the file's name, or, of a table's row, the columns.
fn kind(row: &Row, named: Option<AlertKind>) -> Result<Known, String> {
    let text = match row.get("kind") {
        Cell::Null => None,
        Cell::Text(text) | Cell::Json(Value::String(text)) => Some(text.trim()),
        other => return Err(format!("kind is {other:?}, it must be {}", kinds())),
    };
    if let Some(text) = text {
        let kind = text.parse().map_err(|_| {
            let meant = did_you_mean(text, AlertKind::ALL.map(AlertKind::name));
            format!("kind is {:?}{meant}, it must be {}", cut(text), kinds())
        })?;
        return Ok(Known { kind, by: "" });
    }
    let columns: BTreeSet<&str> = row.cells.iter().map(|(column, _)| column.as_str()).collect();
    let guessed = if row.has("id") { kind_of(&columns) } else { None };
    let by = |kind: Option<AlertKind>, by| kind.map(|kind| Known { kind, by });
    by(row.table, ", whose table this is")
        .or_else(|| by(named, ", the kind that the file's name says"))
        .or_else(|| by(guessed, ", whose columns these are"))
        .ok_or_else(|| format!("has no kind: give it one of its own, or call the file after {}", kinds()))
}

fn kinds() -> String {
    format!("one of {}", AlertKind::ALL.map(AlertKind::name).join(", "))
}

/// What was found in a row so far.
struct Checked {
    known: Known,
    own: Map<String, Value>,
    common: Map<String, Value>,
    /// Every one of its own columns had a value to judge.
    is_whole: bool,
    faults: Vec<String>,
}

impl Checked {
    fn cell(&mut self, column: &str, cell: &Cell) {
        let own = columns_of(self.known.kind);
        let is_own = own.iter().any(|own| own == column);
        if PASSED_OVER.contains(&column) || column == "kind" {
            return;
        }
        if !is_own && !COMMON.contains(&column) {
            // One table may hold several kinds; what is not this one's is to be empty.
            let another =
                || AlertKind::ALL.into_iter().any(|kind| columns_of(kind).iter().any(|own| own == column));
            if *cell != Cell::Null || !another() {
                self.faults.push(self.unknown(column, &own));
            }
            return;
        }
        match value_of(column, cell) {
            Ok(Value::Null) => {}
            Ok(value) if is_own => drop(self.own.insert(column.into(), value)),
            Ok(value) if fits_common(column, &value) => drop(self.common.insert(column.into(), value)),
            Ok(value) => self.faults.push(is_not(column, &value)),
            Err(fault) => {
                self.is_whole &= !is_own;
                self.faults.push(fault);
            }
        }
    }

    fn unknown(&self, column: &str, own: &[String]) -> String {
        let Known { kind, by } = self.known;
        let known = || own.iter().map(String::as_str).chain(COMMON);
        let meant = did_you_mean(column, known());
        let known = known().collect::<Vec<_>>().join(", ");
        format!("{:?} is no column of {kind}{by}{meant}: it has {known}", cut(column))
    }

    fn draft(self) -> Result<Draft, Vec<String>> {
        let Self { known: Known { kind, .. }, own, common, is_whole, mut faults } = self;
        faults.extend(parameters(kind, &own).err().filter(|_| is_whole));
        if !faults.is_empty() {
            return Err(faults);
        }
        let text = |column| common.get(column).and_then(Value::as_str);
        let uuid = |column| text(column).and_then(|text| text.parse().ok());
        Ok(Draft {
            kind,
            id: uuid("id"),
            user_id: uuid("user_id"),
            name: text("name").map(String::from),
            active: common.get("is_active").and_then(Value::as_bool).unwrap_or(true),
            columns: own,
        })
    }
}
