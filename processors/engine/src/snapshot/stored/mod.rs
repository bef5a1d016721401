//! What parts hold, as plain data. The order of the fields, and of the variants, is the format.
//!
//! Times are microseconds UTC, offsets those of the journal, prices and averages in the unit of the quote. Eight-element
//! arrays have a place a timeframe, short to long: 1M 5M 15M 30M 1H 4H 1D 1W.

mod alerts;
mod calendar;
mod core;
mod indicators;
mod pair;
mod symbol;
pub(crate) mod v1;

pub(crate) use alerts::{Alert, Bucket, Cooldown, Disabled, Watch, Watched};
pub(crate) use calendar::{Calendar, CalendarItem};
pub(crate) use core::{Core, Sequences, Session, Settings, Watermark};
pub(crate) use indicators::{
    Atr, Cells, Cloud, Crosses, Ema, Ichimoku, IchimokuCell, Indicators, Macd, MacdValue, Middle, Rsi,
    RsiCell, UtBot, UtbotCell,
};
pub(crate) use pair::{Leaders, Pair, PairFrame, PairReturns, PairRsi, Strength};
pub(crate) use symbol::{Bar, Minute, PriceBand, RowBand, SameTime, Seen, Series, SymbolState, Turns};

/// Timeframes in this version of the format.
pub(crate) const FRAMES: usize = 8;
