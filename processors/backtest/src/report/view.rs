//! What the template fills in: plain values, written as they are shown.

use serde::Serialize;

use super::calendar::{Calendar, Cell};
use super::chart::Chart;
use super::provenance::Provenance;
use super::recorded::Recorded;

#[derive(Serialize)]
pub(super) struct Page<'a> {
    pub(super) style: &'static str,
    pub(super) script: &'static str,
    pub(super) span: String,
    pub(super) tiles: Vec<Tile>,
    pub(super) overview: Vec<Overview>,
    /// How many sides of alerts were looked at, in words.
    pub(super) looks: String,
    pub(super) recorded: Option<Recorded>,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) sections: Vec<Section>,
    pub(super) left_out: usize,
    pub(super) refused_alerts: Vec<(String, String)>,
    pub(super) refused_ticks: Vec<(&'static str, String)>,
    pub(super) unreadable: String,
    pub(super) unreadable_lines: &'a [String],
    pub(super) notices: &'a [String],
    pub(super) stopped: bool,
    pub(super) provenance: &'a Provenance,
}

#[derive(Serialize)]
pub(super) struct Tile {
    pub(super) value: String,
    pub(super) label: &'static str,
}

/// An alert in one line.
#[derive(Serialize)]
pub(super) struct Overview {
    pub(super) place: usize,
    pub(super) has_section: bool,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) state: &'static str,
    pub(super) fired: u64,
    pub(super) fired_text: String,
    pub(super) move_: Moved,
}

/// The settings of one alert side by side.
#[derive(Serialize)]
pub(super) struct Comparison {
    pub(super) name: String,
    /// The side that is counted, where the setting is its line; else empty.
    pub(super) side: &'static str,
    /// How many settings were looked at, in words.
    pub(super) looks: String,
    pub(super) has_beside: bool,
    pub(super) chart: Option<Chart>,
    pub(super) rows: Vec<Compared>,
}

#[derive(Serialize)]
pub(super) struct Compared {
    pub(super) settings: String,
    pub(super) fired: u64,
    pub(super) fired_text: String,
    pub(super) width: u64,
    pub(super) moves: Vec<Moved>,
    pub(super) beside: Option<Beside>,
}

/// The median move beside that of random bars.
#[derive(Serialize)]
pub(super) struct Beside {
    pub(super) bars: u32,
    pub(super) median: String,
    pub(super) median_value: f64,
    pub(super) random: String,
    pub(super) random_value: f64,
    pub(super) is_apart: bool,
}

/// What the price did around the triggers of one side.
#[derive(Serialize)]
pub(super) struct Around {
    pub(super) way: &'static str,
    pub(super) title: String,
    pub(super) chart: Chart,
    pub(super) says: String,
    pub(super) is_apart: bool,
    pub(super) checks: Vec<Check>,
}

/// A look for what a trigger should not have known.
#[derive(Serialize)]
pub(super) struct Check {
    pub(super) is_fine: bool,
    pub(super) text: String,
}

/// The moves of one horizon.
#[derive(Serialize)]
pub(super) struct Moved {
    pub(super) bars: u32,
    pub(super) count: usize,
    pub(super) mean: String,
    pub(super) mean_value: f64,
    pub(super) median: String,
    pub(super) median_value: f64,
    pub(super) share: Option<Shown>,
}

/// A share with its interval, in percent.
#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) interval: String,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) width: f64,
}

#[derive(Serialize)]
pub(super) struct Section {
    pub(super) place: usize,
    pub(super) name: String,
    pub(super) what: String,
    pub(super) fired: u64,
    pub(super) fired_text: String,
    pub(super) state: &'static str,
    pub(super) subjects: Vec<(String, String)>,
    pub(super) charts: Vec<Chart>,
    pub(super) calendar: Calendar,
    pub(super) hours: Vec<Cell>,
    pub(super) around: Vec<Around>,
    pub(super) has_direction: bool,
    pub(super) has_moves: bool,
    pub(super) moves: Vec<Moved>,
    pub(super) rows: Vec<RowView>,
    pub(super) rows_left_out: String,
}

#[derive(Serialize)]
pub(super) struct RowView {
    pub(super) at: String,
    pub(super) at_value: i64,
    pub(super) subject: String,
    pub(super) condition: String,
    pub(super) way: &'static str,
    pub(super) text: String,
    pub(super) value: String,
    pub(super) price: String,
    pub(super) moves: Vec<(String, f64)>,
}
