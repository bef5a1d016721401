//! One symbol: its bars, and what its closed bars left behind.

use bellwether_schemas::Timeframe;
use bellwether_schemas::readings::Signal;
use serde::{Deserialize, Serialize};

use super::{FRAMES, Indicators};
use crate::snapshot::Code;

/// The part `symbol/<place>`: what is kept of one symbol, by its place in the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SymbolState {
    /// As the settings spell it.
    pub(crate) name: String,
    pub(crate) band: PriceBand,
    /// Minutes that can still change, by time, those of one time by timeframe.
    pub(crate) minutes: Vec<Minute>,
    pub(crate) series: [Series; FRAMES],
    /// Buy% (0 to 100) of the last reading of each style: scalper, swing trader.
    pub(crate) styles: [Option<Seen>; 2],
    /// The price of the last tick.
    pub(crate) tick: Option<Seen>,
    pub(crate) same_time: SameTime,
    /// Percent against the day's first price, at the last minute's close.
    pub(crate) daily_change: Option<f64>,
}

/// Ticks of one minute as that timeframe and longer ones see them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Minute {
    /// Up to that of the next entry of the same minute.
    pub(crate) from: Code<Timeframe>,
    pub(crate) bar: Bar,
}

/// What the next bid is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PriceBand {
    /// Time and bid of the last one that was believed.
    pub(crate) last: Option<(i64, f64)>,
    /// Times of the absurd ones since, as they were read.
    pub(crate) absurd: Vec<i64>,
}

/// A bar that can still change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bar {
    /// First instant of the open bar, microseconds since 1970.
    pub(crate) begin: i64,
    /// The first instant after it.
    pub(crate) end: i64,
    /// The smallest time of a tick in it.
    pub(crate) first: i64,
    /// Largest time of its ticks, microseconds since 1970.
    pub(crate) last: i64,
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) ticks: i64,
    /// Nothing but history is in it.
    pub(crate) history: bool,
}

/// One timeframe of a symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Series {
    /// The bar that fills; none for minutes, which the symbol holds.
    pub(crate) filling: Option<Bar>,
    /// When the last bar that closed began.
    pub(crate) last_open: Option<i64>,
    /// Offset of the record that closed it.
    pub(crate) evaluated: Option<u64>,
    pub(crate) rows: RowBand,
    /// EMA21, EMA50, EMA200, MACD, RSI, UTBOT, Ichimoku.
    pub(crate) turns: [Turns; 7],
    /// None before the first bar closes.
    pub(crate) indicators: Option<Indicators>,
}

/// What the next bar of history is judged by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct RowBand {
    /// The close that it is compared with.
    pub(crate) measure: Option<f64>,
    /// When the bar before began, refused or not.
    pub(crate) before: Option<i64>,
    /// Refused ones since the last that was accepted or believed.
    pub(crate) refused: u8,
}

/// A value at an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) value: f64,
    pub(crate) offset: u64,
}

/// How far the turns of one cell were evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Turns {
    /// Offset of the last evaluation at which the cell existed.
    pub(crate) evaluated: Option<u64>,
    /// The last buy or sell, and the offset of its evaluation.
    pub(crate) last: Option<(Code<Signal>, u64)>,
}

/// How many further ticks there were of each time: of the newest, and of older ones in ascending order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SameTime {
    pub(crate) newest: Option<(i64, u32)>,
    pub(crate) older: Vec<(i64, u32)>,
}
