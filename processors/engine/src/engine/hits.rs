//! What the bars and readings of an instant hit: a walk over what closed, in which each kind's index is asked.

use bellwether_schemas::readings::Signal;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::{Timeframe, Timestamp};

use super::instant::Instant;
use super::{Engine, Step};
use crate::alerts::{
    Draft, Occasion, PairAt, PriceHit, Silence, StrengthStep, StyleStep, Subject, Watch, is_real_mismatch,
    turned,
};
use crate::bars::OpenBar;
use crate::heatmap::CellName;
use crate::indicators::WINDOWS;
use crate::pairs::{CoefficientSeen, RsiSeen};
use crate::series::Seen;

impl Engine {
    fn symbol(&self, place: usize) -> Subject {
        Subject::Symbol(place, self.symbols[place].name.clone())
    }

    /// RSI of each closed bar against the lines between it and the RSI before.
    pub(super) fn reach_rsi_lines(&self, instant: &mut Instant) {
        let mut hits = Vec::new();
        for closed in &instant.closed {
            let Some(before) = closed.evaluated_before else { continue };
            if !self.may_fire(closed.timeframe, &closed.bar) {
                continue;
            }
            let bank = &self.symbols[closed.symbol].series[closed.timeframe.index()].indicators.rsi;
            self.alerts.rsi.crossings(closed.timeframe, bank, &mut hits);
            for hit in hits.drain(..).filter(|hit| self.alerts.counted_at(hit.rank, before)) {
                let Some(Watch::Rsi(watch)) = self.alerts.get(hit.rank).map(|alert| &alert.watch) else {
                    continue;
                };
                instant.drafts.push(watch.draft(&hit, self.symbol(closed.symbol), closed));
            }
        }
    }

    /// Both RSI of a pair against every pair of lines that some alert has.
    pub(super) fn compare_rsi(
        &mut self,
        instant: &mut Instant,
        pair: usize,
        timeframe: Timeframe,
        offset: u64,
    ) {
        let (a, b) = self.pairs[pair].symbols;
        let positive = self.pairs[pair].positive;
        for (period, groups) in self.alerts.pairs.rsi_groups(timeframe) {
            let rsi =
                |symbol: usize| self.symbols[symbol].series[timeframe.index()].indicators.rsi.value(period);
            let (Some(now_a), Some(now_b)) = (rsi(a), rsi(b)) else { continue };
            let now = RsiSeen { a: now_a, b: now_b, offset };
            let before = self.pairs[pair].frames[timeframe.index()].rsi.insert(period, now);
            let (Some(before), Some(bar)) = (before, self.pair_bar(instant, (a, b), timeframe)) else {
                continue;
            };
            for (lines, ranks) in groups {
                let began = lines.holds(positive, now.a, now.b) && !lines.holds(positive, before.a, before.b);
                if !began {
                    continue;
                }
                let at =
                    PairAt { place: pair, pair: &self.pairs[pair], occasion: Occasion::bar(timeframe, &bar) };
                let counted = ranks.iter().filter(|rank| self.alerts.counted_at(**rank, before.offset));
                let drafts = counted.map(|rank| at.rsi_mismatch(*rank, period, *lines, &before, &now));
                instant.drafts.extend(drafts);
            }
        }
    }

    /// The bar of a pair's first symbol, where both may fire.
    fn pair_bar(&self, instant: &Instant, (a, b): (usize, usize), timeframe: Timeframe) -> Option<OpenBar> {
        let (a, b) = (instant.find(a, timeframe)?, instant.find(b, timeframe)?);
        (self.may_fire(timeframe, &a.bar) && self.may_fire(timeframe, &b.bar)).then_some(a.bar)
    }

    /// A defined coefficient against the pair's limit.
    pub(super) fn judge_coefficient(
        &mut self,
        instant: &mut Instant,
        (pair, timeframe, place): (usize, Timeframe, usize),
        value: f64,
        offset: u64,
    ) {
        let seen = &mut self.pairs[pair].frames[timeframe.index()].coefficients[place];
        let Some(before) = seen.replace(CoefficientSeen { value, offset }) else { return };
        let (symbols, positive) = (self.pairs[pair].symbols, self.pairs[pair].positive);
        if !is_real_mismatch(positive, value) || is_real_mismatch(positive, before.value) {
            return;
        }
        let Some(bar) = self.pair_bar(instant, symbols, timeframe) else { return };
        let window = WINDOWS[place];
        let at = PairAt { place: pair, pair: &self.pairs[pair], occasion: Occasion::bar(timeframe, &bar) };
        let watchers = self.alerts.pairs.real_watchers(timeframe, window);
        let counted = watchers.filter(|rank| self.alerts.counted_at(*rank, before.offset));
        instant.drafts.extend(counted.map(|rank| at.real_mismatch(rank, window, before.value, value)));
    }

    /// A style's reading against the zones between it and the one before; an alert that is silenced is left out.
    pub(super) fn enter_zones(&mut self, instant: &mut Instant, style: &StyleStep) {
        let Some(before) = style.before else { return };
        if !self.may_fire(style.timeframe, &style.bar) {
            return;
        }
        let spans = self.silence();
        let (symbol, now) = (style.symbol, style.score.buy_percent());
        for hit in self.alerts.heatmaps.entered(style.style, symbol, before.value, now) {
            if !self.alerts.counted_at(hit.rank, before.offset)
                || self.alerts.heatmaps.is_silenced(&hit, symbol, instant.at, spans)
            {
                continue;
            }
            self.alerts.fired(hit.rank, symbol, instant.at, hit.zone);
            instant.drafts.push(hit.draft(style, before.value, &self.symbols[symbol]));
        }
    }

    pub(super) const fn silence(&self) -> Silence {
        let Settings { heatmap_cooldown: cooldown, heatmap_suppression: suppression, .. } = self.settings;
        Silence { cooldown, suppression }
    }

    /// Each cell of the closed bars against the turns that its alerts have seen.
    pub(super) fn turn_cells(&mut self, instant: &mut Instant, offset: u64) {
        for place in 0..instant.closed.len() {
            let closed = instant.closed[place];
            for cell in CellName::ALL {
                let series = &mut self.symbols[closed.symbol].series[closed.timeframe.index()];
                let Some(turn) = series.indicators.turn(cell) else { continue };
                let before = series.turns[cell as usize].take(turn.signal, offset);
                if turn.signal == Signal::Neutral || !self.may_fire(closed.timeframe, &closed.bar) {
                    continue;
                }
                let watched = (closed.timeframe, closed.symbol, cell);
                let ranks = self.alerts.turns.changed(watched, turn.signal, &before).into_iter();
                let draft = |rank| turned(rank, cell, &turn, self.symbol(closed.symbol), &closed);
                instant.drafts.extend(ranks.filter_map(draft));
            }
        }
    }

    /// The strongest and the weakest currency against those of the reading before.
    pub(super) fn change_leaders(&self, instant: &mut Instant, strength: &StrengthStep) {
        let Some((before, evaluated)) = strength.before.as_ref().filter(|_| strength.may_fire) else {
            return;
        };
        let changes = strength.changes(before);
        if changes.clone().next().is_none() {
            return;
        }
        for rank in self.alerts.strength.watchers(strength.timeframe) {
            if self.alerts.counted_at(rank, *evaluated) {
                let drafts = changes.clone().map(|hit| strength.draft(rank, hit, before, self.version));
                instant.drafts.extend(drafts);
            }
        }
    }

    /// The price of each closed bar against the levels between it and the close before.
    pub(super) fn cross_levels(&self, instant: &mut Instant) {
        for closed in &instant.closed {
            let indicators = &self.symbols[closed.symbol].series[closed.timeframe.index()].indicators;
            let (Some(evaluated), Some(previous)) = (closed.evaluated_before, indicators.previous_close())
            else {
                continue;
            };
            if !self.may_fire(closed.timeframe, &closed.bar) {
                continue;
            }
            let before = Seen { value: previous, offset: evaluated };
            let hits = self.alerts.price.closed(closed.symbol, closed.timeframe, previous, closed.bar.close);
            let occasion = Occasion::bar(closed.timeframe, &closed.bar);
            let drafts = self.price_drafts(hits, closed.symbol, occasion, before, closed.bar.close);
            instant.drafts.extend(drafts);
        }
    }

    /// Tick alerts are evaluated when the tick is read.
    pub(super) fn tick_alerts(&mut self, symbol: usize, ts: Timestamp, price: f64, step: &mut Step<'_>) {
        let watched = self.alerts.price.watches_ticks(symbol);
        let state = &mut self.symbols[symbol];
        let same_time = state.same_time.count(ts, watched);
        let before = state.tick.replace(Seen { value: price, offset: step.offset });
        if watched {
            self.look_at_tick(symbol, ts, (before, price), step.offset);
        }
        let Some(before) = before.filter(|_| watched) else { return };
        let hits = self.alerts.price.ticked(symbol, before.value, price);
        if hits.is_empty() {
            return;
        }
        let occasion = Occasion { timeframe: None, open: ts, close: ts, same_time: Some(same_time) };
        let mut drafts = self.price_drafts(hits, symbol, occasion, before, price);
        drafts.sort_by_cached_key(Draft::place);
        self.fire(drafts, ts, step);
    }

    fn price_drafts(
        &self,
        hits: Vec<PriceHit>,
        symbol: usize,
        occasion: Occasion,
        before: Seen,
        price: f64,
    ) -> Vec<Draft> {
        let counts = |hit: &PriceHit| self.alerts.counted_at(hit.rank, before.offset);
        let in_time = |hit: &PriceHit| {
            let watch = self.alerts.get(hit.rank).map(|alert| &alert.watch);
            matches!(watch, Some(Watch::Price(watch)) if watch.is_in_time(occasion.close))
        };
        let hits = hits.into_iter().filter(|hit| counts(hit) && in_time(hit));
        let draft = |hit: PriceHit| hit.draft(self.symbol(symbol), occasion, before.value, price);
        hits.map(draft).collect()
    }
}
