//! The heatmap ("Quantum Analysis"): seven cells a timeframe, their score, and the styles that weigh timeframes.

mod cells;
mod events;
mod quiet;
mod score;
mod styles;

pub use bellwether_schemas::heatmap::{CellName, Style};
use bellwether_schemas::readings::Signal;

use crate::indicators::{Cloud, MacdValue, Mode, Stops};

pub use cells::Cells;
pub(crate) use cells::{CloudPlace, RsiZone};
pub(crate) use events::CrossSide;
pub use score::TimeframeScore;
pub use styles::{StyleScore, style_reading, weights};

/// One cell at one bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Which way it points.
    pub signal: Signal,
    /// Its event lies at this bar or one of the two before.
    pub is_new: bool,
    /// Its score times eight, −10 to 10.
    pub eighths: i8,
    /// Why, a short phrase.
    pub reason: &'static str,
}

/// What an alert on one indicator sees at one bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// Where it turned; neutral at a bar that says nothing.
    pub signal: Signal,
    /// The value that crossed: a close, a line or an RSI.
    pub value: Option<f64>,
    /// The same one bar earlier.
    pub previous: Option<f64>,
    /// What was crossed: an average, a signal line, 50 or a stop.
    pub threshold: Option<f64>,
}

/// The indicators of one bar, as the cells see them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) close: f64,
    pub(crate) emas: [Option<f64>; 3],
    pub(crate) macd: Option<MacdValue>,
    pub(crate) rsi: Option<f64>,
    pub(crate) stops: Option<Stops>,
    pub(crate) mode: Mode,
    /// Tenkan and Kijun of this bar.
    pub(crate) lines: Option<(f64, f64)>,
    pub(crate) cloud: Option<Cloud>,
}

/// What crosses, one bar earlier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    pub(crate) close: Option<f64>,
    pub(crate) macd_line: Option<f64>,
    pub(crate) rsi: Option<f64>,
}
