//! Closed bars written before live ticks: history that warms indicators and never fires an alert.

use serde::{Deserialize, Serialize};

use crate::journal::Origin;
use crate::time::{Timeframe, Timestamp};

/// Most bars a block may hold.
pub const MAX_BARS: usize = 512;

/// One closed bar of the past. Prices are integers in units of `scale`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryBar {
    /// As the source spells it.
    pub symbol: String,
    /// Length of the bar.
    pub timeframe: Timeframe,
    /// First instant of the bar.
    pub open_time: Timestamp,
    /// First instant after the bar.
    pub close_time: Timestamp,
    /// Decimals of the four prices.
    pub scale: u8,
    /// First bid of the bar, in units of 10^−`scale`.
    pub open: i64,
    /// Largest bid of the bar, in the same units.
    pub high: i64,
    /// Smallest bid of the bar, in the same units.
    pub low: i64,
    /// Last bid of the bar, in the same units.
    pub close: i64,
    /// Quotes it was made of, 0 where the source does not say.
    pub ticks: i64,
}

/// A record of closed bars, merged by close time over all symbols.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarBlock {
    /// The producer that wrote the block, and when.
    pub origin: Origin,
    /// At most [`MAX_BARS`] bars, by close time.
    pub bars: Vec<HistoryBar>,
}
