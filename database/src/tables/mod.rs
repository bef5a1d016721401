//! The two tables of each alert kind: the one in which users configure its alerts, and the one of its triggers.
//!
//! A kind's file holds all that is particular to them: their names, their columns, and the text of every statement.
//! [`of`] is the one place that knows which kinds there are; what is asked of every kind goes through it.

mod statements;

pub mod alert_status;
pub mod alerts;
mod rsi_tracker;
pub mod triggers;

use bellwether_schemas::alerts::AlertKind;

use alerts::AlertTable;
use triggers::TriggerTable;

/// Tables of ours that users see, whatever the kinds of their alerts.
const SHARED: [&str; 2] = [alert_status::NAME, "notification_preferences"];

/// The tables of one kind.
#[derive(Debug)]
pub struct KindTables {
    /// The kind that both tables belong to.
    pub kind: AlertKind,
    /// The table of what users configured.
    pub alerts: AlertTable,
    /// The table of what fired.
    pub triggers: TriggerTable,
}

/// The kind's tables. None where no migration of this version makes any: then its alerts cannot be configured, and
/// no trigger of it can be written.
#[must_use]
pub const fn of(kind: AlertKind) -> Option<&'static KindTables> {
    match kind {
        AlertKind::RsiTracker => Some(&rsi_tracker::TABLES),
        AlertKind::RsiCorrelationTracker
        | AlertKind::HeatmapTracker
        | AlertKind::HeatmapIndicatorTracker
        | AlertKind::CurrencyStrengthTracker
        | AlertKind::PriceAlert => None,
    }
}

/// The tables of every kind that has some.
pub fn all() -> impl Iterator<Item = &'static KindTables> {
    AlertKind::ALL.into_iter().filter_map(of)
}

/// Every table of ours in schema `public`, by its name there.
pub(crate) fn public() -> impl Iterator<Item = &'static str> {
    all().flat_map(|tables| [tables.alerts.name, tables.triggers.name]).chain(SHARED)
}

/// One column of what is written, to be bound as an array.
fn column<R, T>(rows: &[&R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_of_a_kind_names_its_own_table() {
        assert_eq!(all().next().map(|tables| tables.kind), Some(AlertKind::RsiTracker));
        for tables in all() {
            assert_eq!(of(tables.kind).map(|found| found.alerts.name), Some(tables.alerts.name));
            for (name, statements) in [
                (tables.alerts.name, tables.alerts.statements()),
                (tables.triggers.name, tables.triggers.statements()),
            ] {
                for statement in statements {
                    let mut words = statement.split([' ', '\n', '(', ')']);
                    assert!(words.any(|word| word == format!("public.{name}")), "{name}: {statement}");
                }
            }
        }
    }

    #[test]
    fn every_captured_column_is_read_and_written() {
        for tables in all() {
            let [select, insert, _] = tables.alerts.statements();
            for column in tables.alerts.captured {
                assert!(select.contains(&format!("'{column}', a.{column}")), "{column} is not read");
                assert!(insert.contains(&format!("alert.{column}")), "{column} is not written");
            }
        }
    }
}
