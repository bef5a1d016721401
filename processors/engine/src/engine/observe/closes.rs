//! What alerts see at an instant, asked before they are evaluated: nothing has fired of it yet.

use bellwether_schemas::Timeframe;
use bellwether_schemas::heatmap::CellName;
use bellwether_schemas::readings::Signal;

use super::super::Engine;
use super::super::instant::Instant;
use super::{BOTH, Bar, sides};
use crate::alerts::{
    HeatmapWatch, PriceWatch, Rank, RsiWatch, StrengthStep, StrengthWatch, StyleStep, TurnWatch, Watch, Zone,
};
use crate::heatmap::{TimeframeScore, weights};
use crate::indicators::Indicators;
use crate::series::Closed;
use crate::why::{Held, Look, Seen, Sight};

/// Bars that each cell needs, in the order of [`CellName::ALL`].
const CELL_BARS: [u64; CellName::ALL.len()] = [21, 50, 200, 34, 15, 50, 78];
/// Hundredths of a style's weights that have to be there.
const HALF: i32 = 50;

impl Engine {
    pub(in crate::engine) fn look_at_instant(
        &mut self,
        instant: &Instant,
        styles: &[StyleStep],
        strengths: &[StrengthStep],
        offset: u64,
    ) {
        if self.observed.is_none() {
            return;
        }
        for (rank, alert) in self.observed_alerts() {
            let looks = match &alert.watch {
                Watch::Rsi(watch) => self.rsi_looks(rank, watch, instant),
                // Theirs are noted where pairs are read.
                Watch::Pairs(_) => Vec::new(),
                Watch::Heatmap(watch) => self.heatmap_looks(rank, watch, instant, styles),
                Watch::Turn(watch) => self.turn_looks(rank, watch, instant),
                Watch::Strength(watch) => self.strength_looks(rank, *watch, instant, strengths),
                Watch::Price(watch) => self.price_looks(rank, watch, instant),
            };
            for look in looks {
                self.note(alert.id, offset, instant.at, Sight::Looked(look));
            }
        }
    }

    /// Whether the alert saw the evaluation before, that of the record at that offset, and what of these bars keeps a line
    /// that is reached from firing.
    pub(super) fn may_count(&self, rank: Rank, before: Option<u64>, bars: &[Bar]) -> (bool, Option<Held>) {
        let counted = before.is_some_and(|before| self.alerts.counted_at(rank, before));
        let is_stale = |(timeframe, bar): &Bar| !self.may_fire(*timeframe, bar);
        let held = match () {
            () if bars.iter().any(|(_, bar)| bar.history) => Some(Held::History),
            () if bars.iter().any(is_stale) => Some(Held::Stale),
            () => None,
        };
        (counted, held)
    }

    fn indicators(&self, closed: &Closed) -> &Indicators {
        &self.symbols[closed.symbol].series[closed.timeframe.index()].indicators
    }

    fn look(&self, closed: &Closed, seen: Seen) -> Look {
        Look { subject: self.symbols[closed.symbol].name.to_string(), span: closed.bar.span, seen }
    }

    fn rsi_looks(&self, rank: Rank, watch: &RsiWatch, instant: &Instant) -> Vec<Look> {
        let look = |closed: &Closed| {
            let (timeframe, indicators) = (closed.timeframe, self.indicators(closed));
            let Some(now) = indicators.rsi.value(watch.period) else {
                let bars = missing_rsi(indicators, watch.period);
                return self.look(closed, Seen::Warming { timeframe, bars });
            };
            let (counted, held) = self.may_count(rank, closed.evaluated_before, &[(timeframe, closed.bar)]);
            let before = indicators.rsi.previous(watch.period).filter(|_| counted);
            self.look(closed, Seen::Sides(sides::of_rsi(watch, before, now, held)))
        };
        instant.closed.iter().filter(|closed| closed.timeframe == watch.timeframe).map(look).collect()
    }

    fn price_looks(&self, rank: Rank, watch: &PriceWatch, instant: &Instant) -> Vec<Look> {
        let Some(timeframe) = watch.on_close else { return Vec::new() };
        let place = self.table.find(&watch.symbol);
        let closed = place.and_then(|place| instant.find(place, timeframe));
        let look = |closed: &Closed| {
            let (counted, held) = self.may_count(rank, closed.evaluated_before, &[(timeframe, closed.bar)]);
            let before = self.indicators(closed).previous_close().filter(|_| counted);
            let sides = sides::of_price(watch, before, closed.bar.close, closed.bar.span.close, held);
            self.look(closed, Seen::Sides(sides))
        };
        closed.map(look).into_iter().collect()
    }

    fn turn_looks(&self, rank: Rank, watch: &TurnWatch, instant: &Instant) -> Vec<Look> {
        let places = watch.symbols.iter().filter_map(|name| self.table.find(name));
        let closed = places.filter_map(|place| instant.find(place, watch.timeframe));
        let effective = self.alerts.get(rank).map_or(0, |alert| alert.effective);
        let look = |closed: &Closed| {
            let (timeframe, indicators) = (closed.timeframe, self.indicators(closed));
            let Some(turn) = indicators.turn(watch.cell) else {
                let bars = CELL_BARS[watch.cell as usize].saturating_sub(indicators.bars());
                return self.look(closed, Seen::Warming { timeframe, bars });
            };
            let before = self.symbols[closed.symbol].series[timeframe.index()].turns[watch.cell as usize];
            let (counted, held) = self.may_count(rank, before.evaluated, &[(timeframe, closed.bar)]);
            // Turns from before it counted are none of its own.
            let seen = before.last.filter(|(_, at)| *at > effective).map(|(signal, _): (Signal, u64)| signal);
            let before = counted.then_some(seen);
            self.look(closed, Seen::Sides(sides::of_turn(watch.cell, &turn, before, closed.bar.close, held)))
        };
        closed.map(look).collect()
    }

    fn heatmap_looks(
        &self,
        rank: Rank,
        watch: &HeatmapWatch,
        instant: &Instant,
        styles: &[StyleStep],
    ) -> Vec<Look> {
        let look = |place: usize| {
            let mut timeframes = weights(watch.style).iter().map(|(timeframe, _)| *timeframe);
            let closed = timeframes.find_map(|timeframe| instant.find(place, timeframe))?;
            let step = styles.iter().find(|step| (step.symbol, step.style) == (place, watch.style));
            let seen = match step {
                None => self.missing_style(place, watch),
                Some(step) => Seen::Sides(self.zones(rank, watch, instant, step)),
            };
            Some(self.look(closed, seen))
        };
        watch.symbols.iter().filter_map(|name| self.table.find(name)).filter_map(look).collect()
    }

    fn zones(
        &self,
        rank: Rank,
        watch: &HeatmapWatch,
        instant: &Instant,
        step: &StyleStep,
    ) -> Vec<crate::why::Side> {
        let offset = step.before.map(|before| before.offset);
        let (counted, held) = self.may_count(rank, offset, &[(step.timeframe, step.bar)]);
        let before = step.before.filter(|_| counted).map(|before| before.value);
        let zone = |zone, condition, line, before, now| {
            let silence =
                || self.alerts.heatmaps.silence(rank, step.symbol, zone, instant.at, self.silence());
            sides::of_zone(condition, line, before, now, held.or_else(silence))
        };
        let [buy, sell] = BOTH;
        vec![
            zone(Zone::Buy, buy, watch.buy, before, step.score.buy_percent()),
            zone(Zone::Sell, sell, watch.sell, before.map(|buy| 100.0 - buy), step.score.sell_percent()),
        ]
    }

    /// The bars that have to come before half of the style's weights are there, those first that take the least time.
    fn missing_style(&self, place: usize, watch: &HeatmapWatch) -> Seen {
        let missing = |(timeframe, weight): &(Timeframe, i32)| {
            let bars = self.symbols[place].series[timeframe.index()].indicators.bars();
            (*timeframe, TimeframeScore::WARM_UP.saturating_sub(bars), *weight)
        };
        let mut missing: Vec<_> = weights(watch.style).iter().map(missing).collect();
        missing.sort_by_key(|(timeframe, bars, _)| i128::from(timeframe.nominal()) * i128::from(*bars));
        let mut covered = 0;
        let last = missing.into_iter().find(|(_, _, weight)| {
            covered += weight;
            covered >= HALF
        });
        last.map_or(Seen::Nothing, |(timeframe, bars, _)| Seen::Warming { timeframe, bars })
    }

    fn strength_looks(
        &self,
        rank: Rank,
        watch: StrengthWatch,
        instant: &Instant,
        strengths: &[StrengthStep],
    ) -> Vec<Look> {
        let timeframe = watch.timeframe;
        let legs = self.leaders.legs().iter();
        let closed: Vec<&Closed> = legs.filter_map(|(place, ..)| instant.find(*place, timeframe)).collect();
        let Some(first) = closed.first() else { return Vec::new() };
        let takes_part = |closed: &&&Closed| self.indicators(closed).previous_close().is_some();
        let part: Vec<Bar> = closed.iter().filter(takes_part).map(|closed| (timeframe, closed.bar)).collect();
        let step = strengths.iter().find(|step| step.timeframe == timeframe);
        let seen = match (step, part.is_empty()) {
            (Some(step), _) => {
                let before = step.before.as_ref().map(|(_, offset)| *offset);
                let (counted, held) = self.may_count(rank, before, &part);
                Seen::Sides(sides::of_leaders(step, counted, held))
            }
            (None, true) => Seen::Warming { timeframe, bars: 1 },
            // All stood still.
            (None, false) => Seen::Nothing,
        };
        vec![Look { subject: String::new(), span: first.bar.span, seen }]
    }
}

/// Bars before the first RSI of that period.
pub(super) fn missing_rsi(indicators: &Indicators, period: usize) -> u64 {
    (period as u64 + 1).saturating_sub(indicators.bars())
}
