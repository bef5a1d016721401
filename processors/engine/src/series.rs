//! What is kept of one symbol: its open bars and, by timeframe, what its closed bars left behind.

use std::collections::VecDeque;

use bellwether_schemas::settings::{Settings, SymbolSettings};
use bellwether_schemas::time::{MINUTE, Span};
use bellwether_schemas::{SessionAnchor, Symbol, Timeframe, Timestamp};

use crate::admission::PriceBand;
use crate::alerts::Turns;
use crate::bars::{OpenBar, is_price};
use crate::heatmap::{CellName, Style};
use crate::indicators::{Indicators, Ohlc};
use crate::same_time::SameTime;
use crate::snapshot::{Misfit, each, stored};

/// Timeframes whose bars hang on the session's anchor.
pub(crate) const ANCHORED: [Timeframe; 3] = [Timeframe::H4, Timeframe::D1, Timeframe::W1];

/// When nothing ends. A bar that would end here, at the end of numbers, never does.
pub(crate) const NEVER: Timestamp = Timestamp(i64::MAX);

/// Where the days of a symbol begin.
pub(crate) const fn anchor_of(symbol: &SymbolSettings, settings: &Settings) -> SessionAnchor {
    if symbol.always_open { SessionAnchor::UTC } else { settings.session_anchor }
}

/// A bar that closed at the instant under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closed {
    pub(crate) symbol: usize,
    pub(crate) timeframe: Timeframe,
    pub(crate) bar: OpenBar,
    /// Journal offset at which this series was evaluated last, before this bar.
    pub(crate) evaluated_before: Option<u64>,
}

/// One symbol and timeframe.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    /// The bar that is filling; minutes are kept apart, see [`SymbolState::minutes`].
    filling: Option<OpenBar>,
    last_open: Option<Timestamp>,
    /// Journal offset of the record that closed the last bar.
    evaluated: Option<u64>,
    pub(crate) indicators: Indicators,
    /// By cell: how far its turns were evaluated.
    pub(crate) turns: [Turns; CellName::ALL.len()],
}

/// A value at an evaluation, and its journal offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seen {
    pub(crate) value: f64,
    pub(crate) offset: u64,
}

/// Everything that is kept of one symbol: what its next tick is judged by and joins, and a series a timeframe.
#[derive(Debug, Clone)]
pub(crate) struct SymbolState {
    pub(crate) name: Symbol,
    pub(crate) anchor: SessionAnchor,
    pub(crate) band: PriceBand,
    /// Minutes that can still change, in order. Lateness keeps more than one of them open.
    minutes: VecDeque<OpenBar>,
    pub(crate) series: [Series; Timeframe::ALL.len()],
    /// By style: Buy% of its last reading.
    pub(crate) styles: [Option<Seen>; Style::ALL.len()],
    /// The price of the last tick that was read.
    pub(crate) tick: Option<Seen>,
    pub(crate) same_time: SameTime,
    /// Percent against the day's first price, at the last minute's close.
    pub(crate) daily_change: Option<f64>,
    /// The smallest end of an open bar.
    pub(crate) next_end: Timestamp,
}

impl SymbolState {
    pub(crate) fn new(name: Symbol, anchor: SessionAnchor) -> Self {
        Self {
            name,
            anchor,
            band: PriceBand::default(),
            minutes: VecDeque::new(),
            series: Default::default(),
            styles: [None; Style::ALL.len()],
            tick: None,
            same_time: SameTime::default(),
            daily_change: None,
            next_end: NEVER,
        }
    }

    /// Takes an accepted tick in.
    #[inline]
    pub(crate) fn join(&mut self, ts: Timestamp, price: f64) {
        match self.minutes.back_mut() {
            Some(minute) if minute.span.open <= ts && ts < minute.span.close => minute.join_tick(ts, price),
            _ => self.join_elsewhere(ts, price),
        }
    }

    fn join_elsewhere(&mut self, ts: Timestamp, price: f64) {
        let open = ts.floor(MINUTE);
        let place = self.minutes.partition_point(|minute| minute.span.open < open);
        match self.minutes.get_mut(place) {
            Some(minute) if minute.span.open == open => minute.join_tick(ts, price),
            _ => {
                let span = Span { open, close: open.plus(MINUTE) };
                self.minutes.insert(place, OpenBar::of_tick(span, ts, price));
                self.next_end = self.next_end.min(span.close);
            }
        }
    }

    /// Takes a bar of the past in; false when there is a bar already, at the same place or later, or an earlier one
    /// that is not closed, as it is while another source holds the watermark.
    pub(crate) fn join_history(&mut self, timeframe: Timeframe, bar: OpenBar) -> bool {
        let series = &self.series[timeframe.index()];
        let newest_open = match timeframe {
            Timeframe::M1 => self.minutes.back().map(|minute| minute.span.open),
            _ => series.filling.map(|filling| filling.span.open),
        };
        if newest_open.max(series.last_open).is_some_and(|open| open >= bar.span.open) {
            return false;
        }
        let is_open = series.filling.is_some() || !self.minutes.is_empty();
        match timeframe {
            Timeframe::M1 => self.minutes.push_back(bar),
            _ if is_open => return false,
            _ => self.series[timeframe.index()].filling = Some(bar),
        }
        self.next_end = self.next_end.min(bar.span.close);
        true
    }

    /// Closes every bar that ends at `instant`, short to long.
    pub(crate) fn close_at(
        &mut self,
        instant: Timestamp,
        symbol: usize,
        offset: u64,
        closed: &mut Vec<Closed>,
    ) {
        if self.minutes.front().is_some_and(|minute| minute.span.close == instant)
            && let Some(minute) = self.minutes.pop_front()
        {
            self.widen(&minute);
            closed.push(self.series[0].close(symbol, Timeframe::M1, minute, offset));
        }
        for timeframe in &Timeframe::ALL[1..] {
            let series = &mut self.series[timeframe.index()];
            if let Some(bar) = series.filling.take_if(|bar| bar.span.close == instant) {
                closed.push(series.close(symbol, *timeframe, bar, offset));
            }
        }
        self.next_end = self.smallest_end();
    }

    fn widen(&mut self, minute: &OpenBar) {
        for timeframe in &Timeframe::ALL[1..] {
            match &mut self.series[timeframe.index()].filling {
                // Given as history while a tick of before could still come.
                Some(filling) if filling.span.open > minute.span.open => {}
                Some(filling) => filling.join_minute(minute),
                empty => *empty = Some(minute.widened(self.anchor.span(*timeframe, minute.span.open))),
            }
        }
    }

    /// The first price of the day that holds this closed minute, while that day's bar is open.
    pub(crate) fn day_open(&self, minute: &OpenBar) -> Option<f64> {
        let day = self.series[Timeframe::D1.index()].filling?;
        (day.span.open <= minute.span.open && minute.span.open < day.span.close).then_some(day.open)
    }

    fn smallest_end(&self) -> Timestamp {
        let minute = self.minutes.front().map(|minute| minute.span.close);
        let longer = self.series.iter().filter_map(|series| Some(series.filling?.span.close)).min();
        minute.into_iter().chain(longer).min().unwrap_or(NEVER)
    }

    /// The anchor moved: what hangs on it begins again.
    pub(crate) fn restart_sessions(&mut self, anchor: SessionAnchor) {
        self.anchor = anchor;
        for timeframe in ANCHORED {
            self.series[timeframe.index()] = Series::default();
        }
        self.styles = [None; Style::ALL.len()];
        self.next_end = self.smallest_end();
    }
}

impl Series {
    fn close(&mut self, symbol: usize, timeframe: Timeframe, bar: OpenBar, offset: u64) -> Closed {
        self.last_open = Some(bar.span.open);
        let OpenBar { open, high, low, close, .. } = bar;
        self.indicators.update(&Ohlc { open, high, low, close });
        Closed { symbol, timeframe, bar, evaluated_before: self.evaluated.replace(offset) }
    }
}

impl SymbolState {
    /// Where its sessions begin and what ends next follow from the settings and its bars.
    pub(crate) fn store(&self) -> stored::SymbolState {
        let Self {
            name,
            anchor: _,
            band,
            minutes,
            series,
            styles,
            tick,
            same_time,
            daily_change,
            next_end: _,
        } = self;
        stored::SymbolState {
            name: name.as_str().into(),
            band: band.store(),
            minutes: minutes.iter().map(OpenBar::store).collect(),
            series: series.each_ref().map(Series::store),
            styles: styles.map(|seen| seen.map(Seen::store)),
            tick: tick.map(Seen::store),
            same_time: same_time.store(),
            daily_change: *daily_change,
        }
    }

    /// This symbol as it begins, with what was stored of it.
    pub(crate) fn restore(self, stored: stored::SymbolState) -> Result<Self, Misfit> {
        let stored::SymbolState { name, band, minutes, series, styles, tick, same_time, daily_change } =
            stored;
        Misfit::unless(
            self.name.as_str() == name,
            "this is another symbol than the settings list at its place",
        )?;
        Misfit::unless(minutes.is_sorted_by(|a, b| a.begin < b.begin), "open minutes are not in order")?;
        let are_percent = styles.iter().flatten().all(|seen| (0.0..=100.0).contains(&seen.value));
        Misfit::unless(are_percent, "a style's Buy% is no percentage")?;
        Misfit::unless(tick.is_none_or(|seen| is_price(seen.value)), "the last tick is no price")?;
        let minutes = minutes.iter().map(OpenBar::restore).collect::<Result<_, _>>()?;
        let mut restored = Self {
            band: PriceBand::restore(band)?,
            minutes,
            series: each(series, Series::restore)?,
            styles: styles.map(|seen| seen.map(Seen::restore)),
            tick: tick.map(Seen::restore),
            same_time: SameTime::restore(same_time)?,
            daily_change,
            ..self
        };
        restored.next_end = restored.smallest_end();
        Ok(restored)
    }
}

impl Series {
    fn store(&self) -> stored::Series {
        let Self { filling, last_open, evaluated, indicators, turns } = self;
        stored::Series {
            filling: filling.as_ref().map(OpenBar::store),
            last_open: last_open.map(|time| time.0),
            evaluated: *evaluated,
            turns: turns.each_ref().map(Turns::store),
            indicators: (indicators.bars() > 0).then(|| indicators.store()),
        }
    }

    fn restore(stored: stored::Series) -> Result<Self, Misfit> {
        let stored::Series { filling, last_open, evaluated, turns, indicators } = stored;
        let indicators = indicators.as_ref().map(Indicators::restore).transpose()?;
        Ok(Self {
            filling: filling.as_ref().map(OpenBar::restore).transpose()?,
            last_open: last_open.map(Timestamp),
            evaluated,
            indicators: indicators.unwrap_or_default(),
            turns: turns.map(Turns::restore),
        })
    }
}

impl Seen {
    const fn store(self) -> stored::Seen {
        let Self { value, offset } = self;
        stored::Seen { value, offset }
    }

    const fn restore(stored: stored::Seen) -> Self {
        let stored::Seen { value, offset } = stored;
        Self { value, offset }
    }
}
