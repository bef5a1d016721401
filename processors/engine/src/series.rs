//! What is kept of one symbol: its open bars and, by timeframe, what its closed bars left behind.

use std::collections::VecDeque;

use bellwether_schemas::settings::{Settings, SymbolSettings};
use bellwether_schemas::time::{MINUTE, Span};
use bellwether_schemas::{SessionAnchor, Symbol, Timeframe, Timestamp};

use crate::Version;
use crate::admission::PriceBand;
use crate::alerts::Turns;
use crate::bars::{OpenBar, is_price};
use crate::effect::RefusalReason;
use crate::heatmap::{CellName, Style};
use crate::indicators::{Indicators, Ohlc};
use crate::rows::RowBand;
use crate::same_time::SameTime;
use crate::snapshot::{Code, Misfit, Stored, each, stored};

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
    /// What the next bar of history is judged by.
    rows: RowBand,
    pub(crate) indicators: Indicators,
    /// By cell: how far its turns were evaluated.
    pub(crate) turns: [Turns; CellName::ALL.len()],
}

/// Ticks of one minute, as the timeframes from one on see them: up to where the next entry of the same minute begins,
/// which has in it what longer bars' ticks add. Nearly always there is one entry, for all timeframes.
#[derive(Debug, Clone, Copy)]
struct Minute {
    from: Timeframe,
    bar: OpenBar,
}

impl Minute {
    const fn key(&self) -> (Timestamp, Timeframe) {
        (self.bar.span.open, self.from)
    }
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
    /// Minutes that can still change, by time and then by what they make. Lateness keeps more than one of them open.
    minutes: VecDeque<Minute>,
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

impl Stored for SymbolState {
    type Body = stored::SymbolState;

    fn body(&self) -> stored::SymbolState {
        self.store()
    }
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

    /// Takes an accepted tick in, for that timeframe and all longer ones.
    #[inline]
    pub(crate) fn join(&mut self, from: Timeframe, ts: Timestamp, price: f64) {
        match self.minutes.back_mut() {
            // Of its minute it is the entry for the longest timeframes.
            Some(minute) if minute.from == from && minute.bar.holds(ts) => minute.bar.join_tick(ts, price),
            _ => self.join_elsewhere(from, ts, price),
        }
    }

    fn join_elsewhere(&mut self, from: Timeframe, ts: Timestamp, price: f64) {
        let open = ts.floor(MINUTE);
        let place = self.minutes.partition_point(|minute| minute.key() < (open, from));
        let is_there = self.minutes.get(place).is_some_and(|minute| minute.key() == (open, from));
        if !is_there {
            let bar = self.begun_minute(place, open, ts, price);
            self.minutes.insert(place, Minute { from, bar });
            self.next_end = self.next_end.min(bar.span.close);
        }
        let others = self.minutes.range_mut(place + usize::from(!is_there)..);
        for minute in others.take_while(|minute| minute.bar.span.open == open) {
            minute.bar.join_tick(ts, price);
        }
    }

    /// What longer timeframes see of a minute once they see more of it than the shorter ones before `place` do.
    fn begun_minute(&self, place: usize, open: Timestamp, ts: Timestamp, price: f64) -> OpenBar {
        let shorter = place.checked_sub(1).and_then(|before| self.minutes.get(before));
        match shorter.filter(|minute| minute.bar.span.open == open) {
            Some(Minute { bar, .. }) => {
                let mut bar = *bar;
                bar.join_tick(ts, price);
                bar
            }
            None => OpenBar::of_tick(Span { open, close: open.plus(MINUTE) }, ts, price),
        }
    }

    /// Takes a closed minute in, which ends after all that were taken in before.
    pub(crate) fn join_minute(&mut self, bar: OpenBar) {
        self.minutes.push_back(Minute { from: Timeframe::M1, bar });
        self.next_end = self.next_end.min(bar.span.close);
    }

    /// The minutes that can still change are forgotten, as if their ticks had not come.
    pub(crate) fn drop_open_minutes(&mut self) {
        self.minutes.clear();
        self.next_end = self.smallest_end();
    }

    /// Takes a bar of the past in, judged by `band` where rows are judged. It is refused when there is a bar already, at
    /// the same place or later, or an earlier one that is not closed, as it is while another source holds the watermark.
    pub(crate) fn join_history(
        &mut self,
        timeframe: Timeframe,
        bar: OpenBar,
        band: Option<f64>,
    ) -> Result<(), RefusalReason> {
        if !self.has_room(timeframe, &bar) {
            return Err(RefusalReason::BarExists);
        }
        let series = &mut self.series[timeframe.index()];
        let mut admits =
            |band| series.rows.admit(bar.span.open, bar.close, timeframe.nominal(), band).is_ok();
        if band.is_some_and(|band| !admits(band)) {
            return Err(RefusalReason::Absurd);
        }
        match timeframe {
            Timeframe::M1 => self.minutes.push_back(Minute { from: timeframe, bar }),
            _ => series.filling = Some(bar),
        }
        self.next_end = self.next_end.min(bar.span.close);
        Ok(())
    }

    fn has_room(&self, timeframe: Timeframe, bar: &OpenBar) -> bool {
        let series = &self.series[timeframe.index()];
        let newest_open = match timeframe {
            Timeframe::M1 => self.minutes.back().map(|minute| minute.bar.span.open),
            _ => series.filling.map(|filling| filling.span.open),
        };
        let is_newest = newest_open.max(series.last_open).is_none_or(|open| open < bar.span.open);
        let is_open = series.filling.is_some() || !self.minutes.is_empty();
        is_newest && (timeframe == Timeframe::M1 || !is_open)
    }

    /// Closes every bar that ends at `instant`, short to long: by the record at that offset and the rules in force.
    pub(crate) fn close_at(
        &mut self,
        instant: Timestamp,
        symbol: usize,
        by: (u64, Version),
        closed: &mut Vec<Closed>,
    ) {
        while let Some(minute) = self.minutes.pop_front_if(|minute| minute.bar.span.close == instant) {
            self.widen(&minute);
            if minute.from == Timeframe::M1 {
                closed.push(self.series[0].close(symbol, Timeframe::M1, minute.bar, by));
            }
        }
        for timeframe in &Timeframe::ALL[1..] {
            let series = &mut self.series[timeframe.index()];
            if let Some(bar) = series.filling.take_if(|bar| bar.span.close == instant) {
                closed.push(series.close(symbol, *timeframe, bar, by));
            }
        }
        self.next_end = self.smallest_end();
    }

    /// Longer bars take the minute in, up to the timeframes that have an entry of their own for it.
    fn widen(&mut self, Minute { from, bar: minute }: &Minute) {
        let next = self.minutes.front().filter(|next| next.bar.span.open == minute.span.open);
        let until = next.map(|next| next.from);
        let sees = |timeframe: Timeframe| timeframe >= *from && until.is_none_or(|until| timeframe < until);
        for timeframe in Timeframe::ALL[1..].iter().filter(|timeframe| sees(**timeframe)) {
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
        let minute = self.minutes.front().map(|minute| minute.bar.span.close);
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
    fn close(
        &mut self,
        symbol: usize,
        timeframe: Timeframe,
        bar: OpenBar,
        (offset, version): (u64, Version),
    ) -> Closed {
        self.last_open = Some(bar.span.open);
        let OpenBar { open, high, low, close, .. } = bar;
        self.indicators.update(&Ohlc { open, high, low, close }, version);
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
            minutes: minutes.iter().map(Minute::store).collect(),
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
        let in_order =
            |a: &stored::Minute, b: &stored::Minute| (a.bar.begin, a.from.0) < (b.bar.begin, b.from.0);
        Misfit::unless(minutes.is_sorted_by(in_order), "open minutes are not in order")?;
        let are_percent = styles.iter().flatten().all(|seen| (0.0..=100.0).contains(&seen.value));
        Misfit::unless(are_percent, "a style's Buy% is no percentage")?;
        Misfit::unless(tick.is_none_or(|seen| is_price(seen.value)), "the last tick is no price")?;
        let minutes = minutes.iter().map(Minute::restore).collect::<Result<_, _>>()?;
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

impl Minute {
    const fn store(&self) -> stored::Minute {
        let Self { from, bar } = self;
        stored::Minute { from: Code(*from), bar: bar.store() }
    }

    fn restore(stored: &stored::Minute) -> Result<Self, Misfit> {
        let stored::Minute { from: Code(from), bar } = stored;
        Ok(Self { from: *from, bar: OpenBar::restore(bar)? })
    }
}

impl Series {
    fn store(&self) -> stored::Series {
        let Self { filling, last_open, evaluated, rows, indicators, turns } = self;
        stored::Series {
            filling: filling.as_ref().map(OpenBar::store),
            last_open: last_open.map(|time| time.0),
            evaluated: *evaluated,
            rows: rows.store(),
            turns: turns.each_ref().map(Turns::store),
            indicators: (indicators.bars() > 0).then(|| indicators.store()),
        }
    }

    fn restore(stored: stored::Series) -> Result<Self, Misfit> {
        let stored::Series { filling, last_open, evaluated, rows, turns, indicators } = stored;
        let indicators = indicators.as_ref().map(Indicators::restore).transpose()?;
        Ok(Self {
            filling: filling.as_ref().map(OpenBar::restore).transpose()?,
            last_open: last_open.map(Timestamp),
            evaluated,
            rows: RowBand::restore(rows)?,
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
