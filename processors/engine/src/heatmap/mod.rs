//! The heatmap ("Quantum Analysis"): seven cells a timeframe, their score, and the styles that weigh timeframes.

mod cells;
mod events;
mod quiet;
mod score;
mod styles;

use bellwether_schemas::readings::Signal;

use crate::indicators::{Cloud, MacdValue, Mode, Stops};

pub use cells::Cells;
pub(crate) use cells::{CloudPlace, RsiZone};
pub(crate) use events::CrossSide;
pub use score::TimeframeScore;
pub use styles::{Style, StyleScore, style_reading};

/// The seven indicators of the heatmap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CellName {
    /// Close against EMA21.
    Ema21,
    /// Close against EMA50.
    Ema50,
    /// Close against EMA200.
    Ema200,
    /// Line against signal and zero.
    Macd,
    /// RSI14 against 30 and 70.
    Rsi,
    /// Close against the trailing stops.
    Utbot,
    /// Close against the cloud.
    Ichimoku,
}

impl CellName {
    /// In the order of the readings.
    pub const ALL: [Self; 7] =
        [Self::Ema21, Self::Ema50, Self::Ema200, Self::Macd, Self::Rsi, Self::Utbot, Self::Ichimoku];

    /// As readings and triggers spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ema21 => "EMA21",
            Self::Ema50 => "EMA50",
            Self::Ema200 => "EMA200",
            Self::Macd => "MACD",
            Self::Rsi => "RSI",
            Self::Utbot => "UTBOT",
            Self::Ichimoku => "ICHIMOKU",
        }
    }

    /// In any letter case; whatever starts with `ichimoku` is Ichimoku.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let upper = text.trim().to_ascii_uppercase();
        if upper.starts_with(Self::Ichimoku.name()) {
            return Some(Self::Ichimoku);
        }
        Self::ALL.into_iter().find(|cell| cell.name() == upper)
    }
}

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
    /// What crossed.
    pub value: Option<f64>,
    /// The same one bar earlier.
    pub previous: Option<f64>,
    /// What it crossed.
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
    /// Tenkan and Kijun.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_named_in_any_case_and_ichimoku_with_any_ending() {
        assert_eq!(CellName::parse("ema200"), Some(CellName::Ema200));
        assert_eq!(CellName::parse("UtBot"), Some(CellName::Utbot));
        assert_eq!(CellName::parse("ichimokuClone"), Some(CellName::Ichimoku));
        assert_eq!(CellName::parse("EMA20"), None);
        assert_eq!(CellName::parse("clone ichimoku"), None);
        assert!(CellName::ALL.iter().all(|cell| CellName::parse(cell.name()) == Some(*cell)));
    }
}
