//! The two tables of each alert kind: the one in which users configure its alerts, and the one of its triggers.
//!
//! A kind's file holds all that is particular to them: their names, their columns, and the text of every statement.
//! [`of`] is the one place that knows which kinds there are; what is asked of every kind goes through it.

mod statements;

pub mod alert_status;
pub mod alerts;
mod currency_strength_tracker;
pub mod forgotten;
mod heatmap_indicator_tracker;
mod heatmap_tracker;
mod price_alert;
pub mod retention;
mod rsi_correlation_tracker;
mod rsi_tracker;
pub mod triggers;
pub mod user_events;
pub mod user_followed;
pub mod would_have;

use bellwether_schemas::Timeframe;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::TriggerFired;

use alerts::AlertTable;
use triggers::TriggerTable;

/// Tables of ours that users see, whatever the kinds of their alerts.
const SHARED: [&str; 4] =
    [alert_status::NAME, "notification_preferences", user_events::LINE, user_events::NAME];

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

/// The kind's tables.
#[must_use]
pub const fn of(kind: AlertKind) -> &'static KindTables {
    match kind {
        AlertKind::RsiTracker => &rsi_tracker::TABLES,
        AlertKind::RsiCorrelationTracker => &rsi_correlation_tracker::TABLES,
        AlertKind::HeatmapTracker => &heatmap_tracker::TABLES,
        AlertKind::HeatmapIndicatorTracker => &heatmap_indicator_tracker::TABLES,
        AlertKind::CurrencyStrengthTracker => &currency_strength_tracker::TABLES,
        AlertKind::PriceAlert => &price_alert::TABLES,
    }
}

/// The tables of every kind.
pub fn all() -> impl Iterator<Item = &'static KindTables> {
    AlertKind::ALL.into_iter().map(of)
}

/// Every table of ours in schema `public`, by its name there.
pub(crate) fn public() -> impl Iterator<Item = &'static str> {
    all().flat_map(|tables| [tables.alerts.name, tables.triggers.name]).chain(SHARED)
}

/// One column of what is written, to be bound as an array.
fn column<R, T>(rows: &[&R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}

/// The trigger's symbol, for a column of that name.
fn symbol(trigger: &TriggerFired) -> Option<String> {
    trigger.symbol.as_ref().map(|symbol| symbol.as_str().to_owned())
}

/// Code of the trigger's timeframe, for a column of that name.
fn timeframe(trigger: &TriggerFired) -> Option<&'static str> {
    trigger.timeframe.map(Timeframe::code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_of_a_kind_names_its_own_table() {
        assert!(all().map(|tables| tables.kind).eq(AlertKind::ALL));
        for tables in all() {
            for (name, statements) in [
                (tables.alerts.name, tables.alerts.statements().as_slice()),
                (tables.triggers.name, tables.triggers.statements().as_slice()),
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
