//! Readings: what stands at a bar's close. Typed where they are made and where they are read; on the topic each is
//! the JSON line that a backtest writes, under a key of which the topic keeps the newest.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::calendar::CalendarItem;
use crate::ids::{Symbol, TenantId};
use crate::time::{Timeframe, Timestamp};

/// Everything of one kind that is known at one place at one instant. Its serialised form is the line of
/// `--readings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Reading {
    /// Open, high, low and close of a bar that closed.
    Bar(Bar),
    /// Where the indicators of a series stand at its bar's close.
    Indicators(Box<Indicators>),
    /// A style's view of a symbol.
    Heatmap(Heatmap),
    /// How a pair moves together.
    Correlation(Correlation),
    /// The currencies against each other.
    Strength(Strength),
    /// A symbol against its day's open.
    DailyChange(DailyChange),
    /// Symbols that moved most today.
    Trending(Trending),
    /// An item of the news calendar, as it is known now.
    Calendar(CalendarItem),
}

/// A closed bar of one symbol and timeframe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// The symbol in the tenant's own spelling.
    pub symbol: Symbol,
    /// Length of the bar.
    pub timeframe: Timeframe,
    /// First instant of the bar.
    pub open_time: Timestamp,
    /// First instant after the bar.
    pub close_time: Timestamp,
    /// First price of the bar.
    pub open: f64,
    /// Largest price of the bar.
    pub high: f64,
    /// Smallest price of the bar.
    pub low: f64,
    /// Last price of the bar.
    pub close: f64,
    /// Accepted ticks in it.
    pub ticks: i64,
}

/// Indicators of one series; what has no value yet is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Indicators {
    /// The symbol in the tenant's own spelling.
    pub symbol: Symbol,
    /// Length of the bars that the indicators are computed from.
    pub timeframe: Timeframe,
    /// End of the bar that closed.
    pub close_time: Timestamp,
    /// RSI of 14 bars, 0–100.
    pub rsi14: Option<f64>,
    /// Exponential average of the close over 21 bars, a price.
    pub ema21: Option<f64>,
    /// Exponential average of the close over 50 bars, a price.
    pub ema50: Option<f64>,
    /// Exponential average of the close over 200 bars, a price.
    pub ema200: Option<f64>,
    /// EMA12 − EMA26, a price difference.
    pub macd: Option<f64>,
    /// Exponential average of `macd` over 9 bars.
    pub macd_signal: Option<f64>,
    /// `macd` less `macd_signal`, a price difference.
    pub macd_histogram: Option<f64>,
    /// Average true range of 10 bars, a price difference.
    pub atr10: Option<f64>,
    /// The trailing stop below, a price.
    pub utbot_long_stop: Option<f64>,
    /// The trailing stop above, a price.
    pub utbot_short_stop: Option<f64>,
    /// Middle between highest high and lowest low of 9 bars.
    pub tenkan: Option<f64>,
    /// Middle between highest high and lowest low of 26 bars.
    pub kijun: Option<f64>,
    /// The cloud at this bar: computed 26 bars ago.
    pub senkou_a: Option<f64>,
    /// The cloud's other edge at this bar, computed 26 bars ago as well.
    pub senkou_b: Option<f64>,
    /// The heatmap's cells by name; one that does not exist yet is `null`.
    pub cells: Cells,
    /// The range is unusually small: MACD and UTBOT count half.
    pub quiet: bool,
    /// Sum of the cells' scores / 7.
    pub raw: Option<f64>,
    /// `raw` scaled to −100 (all sell) to 100 (all buy).
    pub r#final: Option<f64>,
    /// `final` scaled to 0 (all sell) to 100 (all buy).
    pub buy_percent: Option<f64>,
    /// RSI of other periods that some alert uses: `rsi21`.
    #[serde(flatten)]
    pub other_rsi: BTreeMap<String, Option<f64>>,
}

/// Which way a cell points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The price is expected to rise.
    Buy,
    /// The price is expected to fall.
    Sell,
    /// Neither buy nor sell.
    Neutral,
}

impl Signal {
    /// The name in readings and triggers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
            Self::Neutral => "neutral",
        }
    }
}

/// One cell of the heatmap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Which way it points.
    pub signal: Signal,
    /// It turned within the last three bars.
    pub new: bool,
    /// What the cell adds to the timeframe's score, −1.25 to 1.25: positive for buy.
    pub score: f64,
    /// Why, a short phrase.
    pub reason: Cow<'static, str>,
}

/// The heatmap's column of one series.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub struct Cells {
    /// The close above or below EMA21.
    pub ema21: Option<Cell>,
    /// The close above or below EMA50.
    pub ema50: Option<Cell>,
    /// The close above or below EMA200.
    pub ema200: Option<Cell>,
    /// Line against signal and zero.
    pub macd: Option<Cell>,
    /// RSI14 against 30 and 70.
    pub rsi: Option<Cell>,
    /// Close against the trailing stop.
    pub utbot: Option<Cell>,
    /// Close against the cloud.
    pub ichimoku: Option<Cell>,
}

/// A style's view of one symbol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Heatmap {
    /// The symbol in the tenant's own spelling.
    pub symbol: Symbol,
    /// The style's name in records and tables: `scalper` or `swingTrader`.
    pub style: Cow<'static, str>,
    /// The instant at which a bar of one of the style's timeframes closed.
    pub close_time: Timestamp,
    /// Weights of the timeframes that have enough bars, 0.5–1.
    pub coverage: f64,
    /// Weighted mean of the timeframes.
    pub raw: f64,
    /// `raw` scaled to −100 (all sell) to 100 (all buy).
    pub r#final: f64,
    /// `final` scaled to 0 (all sell) to 100 (all buy).
    pub buy_percent: f64,
    /// The sell side's share: 100 − `buy_percent`.
    pub sell_percent: f64,
    /// `buy`, `sell` or `wait`.
    pub label: Cow<'static, str>,
}

/// Pearson's coefficient of a pair's log returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Key of the pair: both names without suffix, such as `EURUSD-GBPUSD`.
    pub pair: Cow<'static, str>,
    /// Length of the bars whose returns are compared.
    pub timeframe: Timeframe,
    /// Returns it is computed from.
    pub window: i32,
    /// The instant at which both symbols closed a bar.
    pub close_time: Timestamp,
    /// −1 to 1; undefined is `null`.
    pub value: Option<f64>,
}

/// The currencies against each other over one bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strength {
    /// Length of the bars whose returns are averaged.
    pub timeframe: Timeframe,
    /// The instant at which the pairs closed their bars.
    pub close_time: Timestamp,
    /// −100 to 100; a currency without a pair is `null`.
    pub scores: BTreeMap<Cow<'static, str>, Option<f64>>,
    /// Mean log return of each currency against the others, before scaling.
    pub average_returns: BTreeMap<Cow<'static, str>, Option<f64>>,
    /// The currency with score +100; of equals the first in the list of currencies.
    pub strongest: Cow<'static, str>,
    /// The currency with score −100; of equals the first in the list of currencies.
    pub weakest: Cow<'static, str>,
}

/// A symbol against the first price of its day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DailyChange {
    /// The symbol in the tenant's own spelling.
    pub symbol: Symbol,
    /// End of the minute whose close is compared.
    pub close_time: Timestamp,
    /// The minute's close less the day's first bid, a price difference.
    pub absolute: f64,
    /// `absolute` as percent of the day's first bid.
    pub percent: f64,
}

/// Symbols whose day moved at least 0.05 %, largest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trending {
    /// The full hour of event time for which the list was made.
    pub close_time: Timestamp,
    /// Symbol and daily change.
    pub symbols: Vec<Mover>,
}

/// One of the trending.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mover {
    /// The symbol in the tenant's own spelling.
    pub symbol: Symbol,
    /// Change against the day's first bid, percent of it.
    pub percent: f64,
}

impl Reading {
    /// The `type` of its line.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Bar(_) => "bar",
            Self::Indicators(_) => "indicators",
            Self::Heatmap(_) => "heatmap",
            Self::Correlation(_) => "correlation",
            Self::Strength(_) => "strength",
            Self::DailyChange(_) => "daily_change",
            Self::Trending(_) => "trending",
            Self::Calendar(_) => "calendar",
        }
    }

    /// The instant it stands for.
    #[must_use]
    pub const fn close_time(&self) -> Timestamp {
        match self {
            Self::Bar(reading) => reading.close_time,
            Self::Indicators(reading) => reading.close_time,
            Self::Heatmap(reading) => reading.close_time,
            Self::Correlation(reading) => reading.close_time,
            Self::Strength(reading) => reading.close_time,
            Self::DailyChange(reading) => reading.close_time,
            Self::Trending(reading) => reading.close_time,
            Self::Calendar(item) => item.time,
        }
    }

    /// Its record key, `bar|EURUSDm|5M`: the topic keeps the newest of each.
    #[must_use]
    pub fn key(&self) -> String {
        let kind = self.kind();
        match self {
            Self::Bar(bar) => format!("{kind}|{}|{}", bar.symbol, bar.timeframe),
            Self::Indicators(reading) => format!("{kind}|{}|{}", reading.symbol, reading.timeframe),
            Self::Heatmap(reading) => format!("{kind}|{}|{}", reading.symbol, reading.style),
            Self::Correlation(reading) => {
                format!("{kind}|{}|{}|{}", reading.pair, reading.timeframe, reading.window)
            }
            Self::Strength(reading) => format!("{kind}|{}", reading.timeframe),
            Self::DailyChange(reading) => format!("{kind}|{}", reading.symbol),
            Self::Trending(_) => kind.into(),
            Self::Calendar(item) => format!("{kind}|{}", item.id),
        }
    }

    /// The line that a backtest writes.
    ///
    /// # Errors
    /// None is known: every field has a JSON form.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

/// A reading as a record of the readings topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "Reading")]
pub struct ReadingRecord {
    /// The tenant whose market this is.
    pub tenant: TenantId,
    /// Record key in the readings topic, from [`Reading::key`]: compaction keeps the newest of each.
    pub key: String,
    /// The instant it stands for.
    pub close_time: Timestamp,
    /// The reading as a JSON line, from [`Reading::to_json`].
    pub body: String,
}

impl ReadingRecord {
    /// The record of that reading.
    ///
    /// # Errors
    /// See [`Reading::to_json`].
    pub fn new(tenant: &TenantId, reading: &Reading) -> serde_json::Result<Self> {
        let (key, close_time, body) = (reading.key(), reading.close_time(), reading.to_json()?);
        Ok(Self { tenant: tenant.clone(), key, close_time, body })
    }

    /// The reading in it.
    ///
    /// # Errors
    /// A body that is none, or of a kind that this version does not know.
    pub fn reading(&self) -> serde_json::Result<Reading> {
        serde_json::from_str(&self.body)
    }
}

/// The first form of the record: values by name.
#[derive(Debug, Deserialize)]
#[serde(rename = "Reading")]
pub(crate) struct ReadingV1 {
    tenant: TenantId,
    kind: String,
    symbol: Symbol,
    timeframe: Timeframe,
    open_time: Timestamp,
    close_time: Timestamp,
    values: Vec<NamedValue>,
}

#[derive(Debug, Deserialize)]
struct NamedValue {
    name: String,
    value: Option<f64>,
}

impl From<ReadingV1> for ReadingRecord {
    fn from(old: ReadingV1) -> Self {
        let ReadingV1 { tenant, kind, symbol, timeframe, open_time, close_time, values } = old;
        let key = format!("{kind}|{symbol}|{timeframe}");
        let mut body = serde_json::json!({
            "type": kind, "symbol": symbol, "timeframe": timeframe,
            "open_time": open_time, "close_time": close_time,
        });
        for NamedValue { name, value } in values {
            body[name] = value.into();
        }
        Self { tenant, key, close_time, body: body.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_the_line_of_a_backtest_and_reads_back() {
        let line = r#"{"type":"daily_change","symbol":"GBPUSD","close_time":"2012-02-01T00:01:00.000000Z","absolute":0.1,"percent":-0.30000000000000004}"#;
        let reading: Reading = serde_json::from_str(line).unwrap();
        assert_eq!(reading.to_json().unwrap(), line);
        assert_eq!(reading.key(), "daily_change|GBPUSD");
    }
}
