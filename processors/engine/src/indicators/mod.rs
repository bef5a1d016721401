//! Streaming functions of closed bars, one file each. State is carried for ever: never recomputed from a window.

mod atr;
mod correlation;
mod ema;
mod ichimoku;
mod log_return;
mod macd;
mod rolling;
mod rsi;
mod utbot;

use std::collections::BTreeMap;

use bellwether_schemas::readings;
use bellwether_schemas::{Symbol, Timeframe, Timestamp};

use crate::Version;
use crate::bars::is_price;
use crate::heatmap::{Before, Cell, CellName, Cells, Standing, TimeframeScore, Turn};
use crate::snapshot::{Misfit, stored};

pub use atr::Atr;
pub use correlation::{LONGEST_WINDOW, PairReturns, WINDOWS};
pub use ema::Ema;
pub use ichimoku::{Cloud, Ichimoku};
pub use log_return::log_return;
pub use macd::{Macd, MacdValue};
pub use rolling::RollingMax;
pub use rsi::{MAX_PERIOD, MIN_PERIOD, RSI_PERIODS, Rsi, RsiBank};
pub use utbot::{Mode, Stops, UtBot};

/// More bars than any series lives to see: counts of them never overflow.
const MOST_BARS: usize = 1 << 40;

/// RSI of the heatmap.
const HEATMAP_RSI: usize = 14;

/// Prices of a closed bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ohlc {
    /// First price of the bar.
    pub open: f64,
    /// Largest price of the bar.
    pub high: f64,
    /// Smallest price of the bar.
    pub low: f64,
    /// Last price of the bar.
    pub close: f64,
}

/// Every indicator of one series, and the heatmap's cells over them.
#[derive(Debug, Clone)]
pub struct Indicators {
    /// RSI of every period an alert may ask for.
    pub rsi: RsiBank,
    /// EMA of 21 closes.
    pub ema21: Ema,
    /// Exponential average of 50 closes.
    pub ema50: Ema,
    /// Exponential average of 200 closes.
    pub ema200: Ema,
    /// MACD of 12 and 26 closes with a signal of 9.
    pub macd: Macd,
    /// Average true range of 10 bars.
    pub atr: Atr,
    /// Trailing stops three ATRs around EMA50.
    pub utbot: UtBot,
    /// Ichimoku's lines over 9, 26 and 52 bars.
    pub ichimoku: Ichimoku,
    /// What the heatmap remembers between bars.
    pub cells: Cells,
    bars: u64,
    close: Option<f64>,
    previous_close: Option<f64>,
}

impl Default for Indicators {
    fn default() -> Self {
        Self {
            rsi: RsiBank::default(),
            ema21: Ema::new(21),
            ema50: Ema::new(50),
            ema200: Ema::new(200),
            macd: Macd::default(),
            atr: Atr::default(),
            utbot: UtBot::default(),
            ichimoku: Ichimoku::default(),
            cells: Cells::default(),
            bars: 0,
            close: None,
            previous_close: None,
        }
    }
}

impl Indicators {
    /// Takes the next closed bar in, by the rules of that version: all indicators, then the cells.
    pub fn update(&mut self, bar: &Ohlc, version: Version) {
        // Named one by one, so that an indicator that is added does not compile until it is updated.
        let Self {
            rsi,
            ema21,
            ema50,
            ema200,
            macd,
            atr,
            utbot,
            ichimoku,
            cells: _,
            bars,
            close: last,
            previous_close,
        } = self;
        let close = bar.close;
        *bars += 1;
        *previous_close = last.replace(close);
        rsi.update(close, version);
        ema21.update(close);
        ema50.update(close);
        ema200.update(close);
        macd.update(close);
        atr.update(bar);
        utbot.update(close, ema50.value(), atr.value());
        ichimoku.update(bar.high, bar.low);
        let now = self.standing();
        self.cells.update(&now, self.atr.value());
    }

    /// Closed bars so far.
    #[must_use]
    pub const fn bars(&self) -> u64 {
        self.bars
    }

    /// Close of the last bar; none before the first.
    #[must_use]
    pub const fn close(&self) -> Option<f64> {
        self.close
    }

    /// The one before it.
    #[must_use]
    pub const fn previous_close(&self) -> Option<f64> {
        self.previous_close
    }

    /// One cell of the heatmap; none while it is missing.
    #[must_use]
    pub fn cell(&self, which: CellName) -> Option<Cell> {
        self.cells.cell(which, &self.standing())
    }

    /// The range is unusually small: MACD and UTBOT count half.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.cells.is_quiet()
    }

    /// The seven cells together; none before 60 closed bars.
    #[must_use]
    pub fn score(&self) -> Option<TimeframeScore> {
        (self.bars >= TimeframeScore::WARM_UP).then(|| self.cells.score())
    }

    /// What an alert on one indicator sees at this bar; none while the cell is missing.
    #[must_use]
    pub fn turn(&self, which: CellName) -> Option<Turn> {
        self.cells.turn(which, &self.standing(), &self.before())
    }

    /// The line of this bar, with RSI of the periods beside 14 that some alert uses.
    #[must_use]
    pub fn reading(
        &self,
        symbol: &Symbol,
        timeframe: Timeframe,
        close_time: Timestamp,
        periods: &[usize],
    ) -> readings::Indicators {
        // Named one by one, so that an indicator that is added does not compile until it is shown, or said not to be.
        let Self {
            rsi: _,
            ema21,
            ema50,
            ema200,
            macd,
            atr,
            utbot,
            ichimoku,
            cells,
            bars: _,
            close: _,
            previous_close: _,
        } = self;
        let now = self.standing();
        let macd = macd.value();
        let stops = utbot.stops();
        let score = self.score();
        readings::Indicators {
            symbol: symbol.clone(),
            timeframe,
            close_time,
            rsi14: now.rsi,
            ema21: ema21.value(),
            ema50: ema50.value(),
            ema200: ema200.value(),
            macd: macd.map(|macd| macd.line),
            macd_signal: macd.map(|macd| macd.signal),
            macd_histogram: macd.map(|macd| macd.histogram()),
            atr10: atr.value(),
            utbot_long_stop: stops.map(|stops| stops.long),
            utbot_short_stop: stops.map(|stops| stops.short),
            tenkan: ichimoku.tenkan(),
            kijun: ichimoku.kijun(),
            senkou_a: ichimoku.senkou_a(),
            senkou_b: ichimoku.senkou_b(),
            cells: cells.reading(&now),
            quiet: self.is_quiet(),
            raw: score.map(TimeframeScore::raw),
            r#final: score.map(TimeframeScore::final_),
            buy_percent: score.map(TimeframeScore::buy_percent),
            other_rsi: self.other_rsi(periods),
        }
    }

    fn other_rsi(&self, periods: &[usize]) -> BTreeMap<String, Option<f64>> {
        let others = periods.iter().filter(|period| **period != HEATMAP_RSI);
        others.map(|period| (format!("rsi{period}"), self.rsi.value(*period))).collect()
    }

    /// What the cells look at.
    #[inline]
    fn standing(&self) -> Standing {
        Standing {
            close: self.close.unwrap_or_default(),
            emas: [self.ema21.value(), self.ema50.value(), self.ema200.value()],
            macd: self.macd.value(),
            rsi: self.rsi.value(HEATMAP_RSI),
            stops: self.utbot.stops(),
            mode: self.utbot.mode(),
            lines: self.ichimoku.tenkan().zip(self.ichimoku.kijun()),
            cloud: self.ichimoku.cloud(),
        }
    }

    fn before(&self) -> Before {
        Before {
            close: self.previous_close,
            macd_line: self.macd.previous().map(|macd| macd.line),
            rsi: self.rsi.previous(HEATMAP_RSI),
        }
    }
}

impl Indicators {
    pub(crate) fn store(&self) -> stored::Indicators {
        let Self {
            rsi,
            ema21,
            ema50,
            ema200,
            macd,
            atr,
            utbot,
            ichimoku,
            cells,
            bars,
            close,
            previous_close,
        } = self;
        stored::Indicators {
            bars: *bars,
            close: *close,
            previous_close: *previous_close,
            rsi: rsi.store(),
            ema21: ema21.store(),
            ema50: ema50.store(),
            ema200: ema200.store(),
            macd: macd.store(),
            atr: atr.store(),
            utbot: utbot.store(),
            ichimoku: ichimoku.store(),
            cells: cells.store(),
        }
    }

    pub(crate) fn restore(stored: &stored::Indicators) -> Result<Self, Misfit> {
        let stored::Indicators { bars, close, previous_close, .. } = *stored;
        Misfit::unless(bars <= MOST_BARS as u64, "a series counts more bars than there can be")?;
        let are_prices = close.into_iter().chain(previous_close).all(is_price);
        Misfit::unless(are_prices, "a close is no price")?;
        Ok(Self {
            rsi: RsiBank::restore(&stored.rsi)?,
            ema21: Ema::restore(21, stored.ema21)?,
            ema50: Ema::restore(50, stored.ema50)?,
            ema200: Ema::restore(200, stored.ema200)?,
            macd: Macd::restore(&stored.macd)?,
            atr: Atr::restore(&stored.atr)?,
            utbot: UtBot::restore(&stored.utbot),
            ichimoku: Ichimoku::restore(&stored.ichimoku)?,
            cells: Cells::restore(&stored.cells)?,
            bars,
            close,
            previous_close,
        })
    }
}
