//! The indicators of one series. Lists run from the oldest bar to the newest unless said otherwise, and are as long as
//! there is something to say: a series of three bars is small.

use serde::{Deserialize, Serialize};

use crate::heatmap::{CloudPlace, CrossSide, RsiZone};
use crate::indicators::Mode;
use crate::snapshot::Code;

/// Indicators of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Indicators {
    /// How many bars of the series have closed.
    pub(crate) bars: u64,
    /// Of the last bar.
    pub(crate) close: Option<f64>,
    /// Of the bar before.
    pub(crate) previous_close: Option<f64>,
    pub(crate) rsi: Rsi,
    pub(crate) ema21: Ema,
    pub(crate) ema50: Ema,
    pub(crate) ema200: Ema,
    pub(crate) macd: Macd,
    pub(crate) atr: Atr,
    pub(crate) utbot: UtBot,
    pub(crate) ichimoku: Ichimoku,
    pub(crate) cells: Cells,
}

/// Wilder's averages for the periods from 5 on, as many as have a value, each of gains and of losses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rsi {
    pub(crate) last_close: Option<f64>,
    /// Closes that had one before them.
    pub(crate) changes: u64,
    /// Sums of the first 50 gains and losses.
    pub(crate) sum: (f64, f64),
    /// Average gain and loss by period, at the last close.
    pub(crate) now: Vec<(f64, f64)>,
    /// Average gain and loss by period, one close earlier; none while closes stand still.
    pub(crate) before: Vec<(f64, f64)>,
    /// Those of the last close that moved, or of a first value that came later; none unless a flag below is set.
    pub(crate) moved: Vec<(f64, f64)>,
    /// The last close kept the value of the one before.
    pub(crate) stands: bool,
    /// The close before it did.
    pub(crate) stood: bool,
}

/// An exponential average, whose period is known from its place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ema {
    /// Inputs, counted up to the period.
    pub(crate) seen: u32,
    /// The sum of the inputs until there are as many as the period, then the average.
    pub(crate) value: f64,
}

/// MACD of 12 and 26 closes with a signal of 9.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Macd {
    pub(crate) fast: Ema,
    pub(crate) slow: Ema,
    pub(crate) signal: Ema,
    pub(crate) line: f64,
    /// The value one close earlier.
    pub(crate) before: Option<MacdValue>,
}

/// Line and signal at one close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct MacdValue {
    pub(crate) line: f64,
    pub(crate) signal: f64,
}

/// Average true range of 10 bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Atr {
    /// Ranges, counted up to 10.
    pub(crate) seen: u32,
    pub(crate) previous_close: Option<f64>,
    /// The sum of the ranges until there are ten, then the average.
    pub(crate) value: f64,
}

/// Trailing stops three ATRs around EMA50.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UtBot {
    pub(crate) mode: Code<Mode>,
    /// The long stop and the short stop, prices.
    pub(crate) stops: Option<(f64, f64)>,
}

/// Ichimoku's lines over 9, 26 and 52 bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ichimoku {
    /// Closed bars, counted up to 78.
    pub(crate) bars: u32,
    /// Highs and lows of 9 bars.
    pub(crate) tenkan: Middle,
    /// Highs and lows of 26 bars.
    pub(crate) kijun: Middle,
    /// Highs and lows of 52 bars.
    pub(crate) base: Middle,
    /// What the last 26 bars threw ahead.
    pub(crate) ahead: Vec<Cloud>,
    /// The cloud at this bar: what was thrown ahead 26 bars ago.
    pub(crate) cloud: Cloud,
}

/// Both edges of a cloud.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cloud {
    pub(crate) a: f64,
    pub(crate) b: f64,
}

/// The middle of a window of n bars. The lists say of 1, 2, … n − 1 last bars the largest value among them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Middle {
    pub(crate) highs: Vec<f64>,
    /// Of the lows with their signs turned.
    pub(crate) negated_lows: Vec<f64>,
    pub(crate) value: f64,
}

/// What the heatmap remembers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cells {
    /// Of the close over EMA21, EMA50 and EMA200.
    pub(crate) emas: [Crosses; 3],
    /// Of the line over its signal.
    pub(crate) macd: Crosses,
    pub(crate) rsi: RsiCell,
    pub(crate) utbot: UtbotCell,
    pub(crate) ichimoku: IchimokuCell,
    /// The last 200 average true ranges.
    pub(crate) ranges: Vec<f64>,
    /// The sum of the cells, in eighths.
    pub(crate) eighths: i32,
}

/// Crosses of one value over another. What happened is a bit a bar: 1 at this bar, 2 at the one before, 4 at the one
/// before that.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Crosses {
    pub(crate) side: Code<CrossSide>,
    pub(crate) up: u8,
    pub(crate) down: u8,
}

/// RSI14 against 50 and its ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RsiCell {
    pub(crate) middle: Crosses,
    pub(crate) zone: Option<Code<RsiZone>>,
    /// Bars at which an end was entered or left.
    pub(crate) edges: u8,
}

/// The close against its stops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct UtbotCell {
    pub(crate) mode: Code<Mode>,
    /// Bars at which the mode changed.
    pub(crate) flips: u8,
}

/// The close against the cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IchimokuCell {
    /// Of Tenkan over Kijun.
    pub(crate) lines: Crosses,
    pub(crate) place: Option<Code<CloudPlace>>,
    /// Bars at which the close left the cloud.
    pub(crate) breakouts: u8,
}
