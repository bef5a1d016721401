//! History for a journal's beginning: closed bars of the same market whose ticks follow.

use std::vec::IntoIter;

use bellwether_schemas::bars::{HistoryBar, MAX_BARS};
use bellwether_schemas::settings::Settings;
use bellwether_schemas::time::{DAY, MINUTE};
use bellwether_schemas::{SessionAnchor, Timeframe, Timestamp};

use crate::resume::Found;
use crate::sources::synthetic::{Market, Minutes, Shape};

/// One-minute bars from the beginning of a week on, so that 5M to 1W are built of them, and at least so many: any
/// RSI of 30M (51 bars) has its value by then.
const MINUTES_AT_LEAST: i64 = 2 * DAY;
/// Before those, bars of the long timeframes as such: enough for any RSI (51 bars) and its settling.
const DEEP: [(Timeframe, i64); 3] = [(Timeframe::H1, 10), (Timeframe::H4, 35), (Timeframe::D1, 70)];

/// The bars of the market up to `end`, an instant at a time.
pub struct History {
    minutes: Minutes,
    symbols: Vec<Series>,
    end: Timestamp,
}

impl History {
    /// Everything that ends at or before `end`, which lies at a full minute.
    #[must_use]
    pub fn new(market: &Market, settings: &Settings, end: Timestamp) -> Self {
        let series = |symbol: &bellwether_schemas::settings::SymbolSettings| {
            let anchor = if symbol.always_open { SessionAnchor::UTC } else { settings.session_anchor };
            Series::new(symbol.name.to_string(), anchor, end)
        };
        let symbols: Vec<Series> = settings.symbols.iter().map(series).collect();
        let first = symbols.iter().map(Series::first).min().unwrap_or(end);
        Self { minutes: market.minutes(first), symbols, end: end.floor(MINUTE) }
    }
}

impl Iterator for History {
    type Item = Vec<HistoryBar>;

    /// The bars of the next instant at which any ends: in the order of the symbols, short to long.
    fn next(&mut self) -> Option<Vec<HistoryBar>> {
        loop {
            let (start, shapes) = self.minutes.next_minute();
            if start >= self.end {
                return None;
            }
            let mut bars = Vec::new();
            for (series, shape) in self.symbols.iter_mut().zip(&shapes) {
                series.add(start, shape, &mut bars);
            }
            if !bars.is_empty() {
                return Some(bars);
            }
        }
    }
}

/// One symbol's bars in the making.
struct Series {
    name: String,
    anchor: SessionAnchor,
    /// From here on one-minute bars.
    minutes_from: Timestamp,
    deep: [(Timeframe, Timestamp, Option<HistoryBar>); DEEP.len()],
}

impl Series {
    fn new(name: String, anchor: SessionAnchor, end: Timestamp) -> Self {
        let minutes_from = anchor.span(Timeframe::W1, end.plus(-MINUTES_AT_LEAST)).open;
        let from = |timeframe, days: i64| anchor.span(timeframe, minutes_from.plus(-days * DAY)).open;
        let deep = DEEP.map(|(timeframe, days)| (timeframe, from(timeframe, days), None));
        Self { name, anchor, minutes_from, deep }
    }

    fn first(&self) -> Timestamp {
        self.deep.iter().map(|(_, from, _)| *from).fold(self.minutes_from, Timestamp::min)
    }

    /// Takes in a minute; bars that end with it come out.
    fn add(&mut self, start: Timestamp, shape: &Shape, closed: &mut Vec<HistoryBar>) {
        let end = start.plus(MINUTE);
        if start >= self.minutes_from {
            closed.push(bar(&self.name, Timeframe::M1, (start, end), shape));
            return;
        }
        for (timeframe, from, open) in &mut self.deep {
            if start < *from {
                continue;
            }
            match open {
                Some(open) => join(open, shape),
                None => {
                    let span = self.anchor.span(*timeframe, start);
                    *open = Some(bar(&self.name, *timeframe, (span.open, span.close), shape));
                }
            }
            closed.extend(open.take_if(|open| open.close_time == end));
        }
    }
}

fn bar(
    name: &str,
    timeframe: Timeframe,
    (open_time, close_time): (Timestamp, Timestamp),
    shape: &Shape,
) -> HistoryBar {
    let Shape { scale, open, high, low, close, ticks, .. } = *shape;
    let symbol = name.to_owned();
    HistoryBar {
        symbol,
        timeframe,
        open_time,
        close_time,
        scale,
        open,
        high,
        low,
        close,
        ticks: ticks.into(),
    }
}

fn join(bar: &mut HistoryBar, shape: &Shape) {
    bar.high = bar.high.max(shape.high);
    bar.low = bar.low.min(shape.low);
    bar.close = shape.close;
    bar.ticks += i64::from(shape.ticks);
}

/// Bars in blocks that hold whole instants wherever one fits, so that all bars of an instant are known when it is
/// processed. What the journal has, and symbols that have ticks already, are left out.
pub struct BarBlocks<I> {
    instants: I,
    found: Found,
    filled: Vec<HistoryBar>,
    rest: IntoIter<HistoryBar>,
}

impl<I: Iterator<Item = Vec<HistoryBar>>> BarBlocks<I> {
    /// The blocks that this journal still lacks.
    pub fn new(instants: I, found: Found) -> Self {
        Self { instants, found, filled: Vec::with_capacity(MAX_BARS), rest: Vec::new().into_iter() }
    }

    fn lacks(&self, bar: &HistoryBar) -> bool {
        let last = self.found.bars.get(&(bar.symbol.clone(), bar.timeframe));
        !self.found.ticked.contains(&bar.symbol) && last.is_none_or(|last| *last < bar.open_time)
    }
}

impl<I: Iterator<Item = Vec<HistoryBar>>> Iterator for BarBlocks<I> {
    type Item = Vec<HistoryBar>;

    fn next(&mut self) -> Option<Vec<HistoryBar>> {
        loop {
            let room = MAX_BARS - self.filled.len();
            if self.rest.len() > room && !self.filled.is_empty() {
                return Some(std::mem::take(&mut self.filled));
            }
            self.filled.extend(self.rest.by_ref().take(room));
            if self.filled.len() == MAX_BARS {
                return Some(std::mem::take(&mut self.filled));
            }
            let Some(mut instant) = self.instants.next() else {
                let last = std::mem::take(&mut self.filled);
                return (!last.is_empty()).then_some(last);
            };
            instant.retain(|bar| self.lacks(bar));
            self.rest = instant.into_iter();
        }
    }
}
