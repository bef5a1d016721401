//! The order of an instant: bars, indicators, heatmaps, correlations, strength, daily change, and only then alerts.
//! Nothing is ever computed from a mix of times.

use bellwether_schemas::readings::{
    Bar, Correlation, DailyChange, Heatmap, Mover, Reading, Strength, Trending,
};
use bellwether_schemas::time::{HOUR, MINUTE};
use bellwether_schemas::{Timeframe, Timestamp};

use super::{Engine, Step};
use crate::alerts::{Draft, StrengthStep, StyleStep};
use crate::heatmap::{Style, StyleScore, style_reading, weights};
use crate::indicators::{WINDOWS, log_return};
use crate::series::{Closed, NEVER, Seen};
use crate::strength::{CURRENCIES, StrengthScore};

/// A symbol's day moved at least this much to be among the trending, percent.
const TRENDING_FROM: f64 = 0.05;

/// The instant under way.
pub(super) struct Instant {
    pub(super) at: Timestamp,
    pub(super) closed: Vec<Closed>,
    /// By symbol, its closed timeframes as bits.
    masks: Vec<u8>,
    pub(super) drafts: Vec<Draft>,
}

impl Instant {
    fn new(at: Timestamp, closed: Vec<Closed>, symbols: usize) -> Self {
        let mut masks = vec![0; symbols];
        for closed in &closed {
            masks[closed.symbol] |= bit(closed.timeframe);
        }
        Self { at, closed, masks, drafts: Vec::new() }
    }

    /// The symbol's bar of this timeframe closed here.
    pub(super) fn has(&self, symbol: usize, timeframe: Timeframe) -> bool {
        self.masks.get(symbol).is_some_and(|mask| mask & bit(timeframe) != 0)
    }

    /// Whether any symbol closed a bar of this timeframe at the instant.
    pub(super) fn has_any(&self, timeframe: Timeframe) -> bool {
        self.masks.iter().any(|mask| mask & bit(timeframe) != 0)
    }

    pub(super) fn find(&self, symbol: usize, timeframe: Timeframe) -> Option<&Closed> {
        if !self.has(symbol, timeframe) {
            return None;
        }
        self.closed.iter().find(|closed| closed.symbol == symbol && closed.timeframe == timeframe)
    }

    /// Timeframes of which some bar closed, short to long.
    pub(super) fn timeframes(&self) -> impl Iterator<Item = Timeframe> + use<> {
        let any = self.masks.iter().fold(0, |any, mask| any | mask);
        Timeframe::ALL.into_iter().filter(move |timeframe| any & bit(*timeframe) != 0)
    }
}

const fn bit(timeframe: Timeframe) -> u8 {
    1 << timeframe as u8
}

impl Engine {
    pub(super) fn pass_instants(&mut self, step: &mut Step<'_>) {
        let mut passed = false;
        while self.next_end < NEVER && self.next_end <= self.watermark.value() {
            self.instant(self.next_end, step);
            passed = true;
        }
        // Not before: an alert that ends before the watermark sees every bar that closes before it ends.
        if passed {
            self.expire(step);
        }
    }

    fn instant(&mut self, at: Timestamp, step: &mut Step<'_>) {
        self.show_what_is_used();
        let mut instant = self.close_bars(at, step);
        // A minute of longer bars' ticks ends without being a bar.
        if instant.closed.is_empty() {
            return;
        }
        self.say_bars(&instant, step);
        let styles = self.heatmaps(&instant, step);
        self.correlations(&mut instant, step);
        let strengths = self.strengths(&instant, step);
        self.daily_changes(&instant, step);
        self.evaluate(&mut instant, &styles, &strengths, step);
    }

    fn close_bars(&mut self, at: Timestamp, step: &Step<'_>) -> Instant {
        let mut closed = Vec::new();
        let past = self.watermark.value().floor(MINUTE);
        for place in 0..self.symbols.len() {
            if self.symbols[place].next_end == at {
                let state = &mut self.symbols[place];
                state.close_at(at, place, (step.offset, self.version), &mut closed);
                state.same_time.forget_before(past);
            }
        }
        self.next_end = self.symbols.iter().map(|state| state.next_end).min().unwrap_or(NEVER);
        Instant::new(at, closed, self.symbols.len())
    }

    fn say_bars(&self, instant: &Instant, step: &mut Step<'_>) {
        if !self.says_bars {
            return;
        }
        for closed in &instant.closed {
            step.say(Reading::Bar(self.bar(closed)));
        }
        if !self.says_readings {
            return;
        }
        for Closed { symbol, timeframe, bar, .. } in &instant.closed {
            let state = &self.symbols[*symbol];
            let indicators = &state.series[timeframe.index()].indicators;
            let reading = indicators.reading(&state.name, *timeframe, bar.span.close, &self.shown.periods);
            step.say(Reading::Indicators(Box::new(reading)));
        }
    }

    fn bar(&self, Closed { symbol, timeframe, bar, .. }: &Closed) -> Bar {
        Bar {
            symbol: self.symbols[*symbol].name.clone(),
            timeframe: *timeframe,
            open_time: bar.span.open,
            close_time: bar.span.close,
            open: bar.open,
            high: bar.high,
            low: bar.low,
            close: bar.close,
            ticks: bar.ticks,
        }
    }

    /// A style of a symbol is read where the symbol closed a bar of one of the style's timeframes.
    fn heatmaps(&mut self, instant: &Instant, step: &mut Step<'_>) -> Vec<StyleStep> {
        let mut steps = Vec::new();
        for symbol in 0..self.symbols.len() {
            for style in Style::ALL {
                let shortest =
                    weights(style).iter().find_map(|(timeframe, _)| instant.find(symbol, *timeframe));
                let Some(closed) = shortest else { continue };
                let (timeframe, bar) = (closed.timeframe, closed.bar);
                let state = &mut self.symbols[symbol];
                let score =
                    style_reading(style, |timeframe| state.series[timeframe.index()].indicators.score());
                let Some(score) = score else { continue };
                let now = Seen { value: score.buy_percent(), offset: step.offset };
                let before = state.styles[style as usize].replace(now);
                if self.says_readings {
                    let reading = heatmap(&self.symbols[symbol].name, style, instant.at, &score);
                    step.say(Reading::Heatmap(reading));
                }
                steps.push(StyleStep { symbol, style, timeframe, bar, score, before });
            }
        }
        steps
    }

    /// A pair is read where both its symbols closed a bar of the timeframe.
    fn correlations(&mut self, instant: &mut Instant, step: &mut Step<'_>) {
        for timeframe in instant.timeframes() {
            for pair in 0..self.pairs.len() {
                let (a, b) = self.pairs[pair].symbols;
                if !(instant.has(a, timeframe) && instant.has(b, timeframe)) {
                    continue;
                }
                let close = |symbol: usize| self.symbols[symbol].series[timeframe.index()].indicators.close();
                if let (Some(close_a), Some(close_b)) = (close(a), close(b)) {
                    self.pairs[pair].frames[timeframe.index()].returns.update(close_a, close_b);
                }
                self.look_at_pair(instant, pair, timeframe, step.offset);
                self.coefficients(instant, pair, timeframe, step);
                self.compare_rsi(instant, pair, timeframe, step.offset);
            }
        }
    }

    fn coefficients(
        &mut self,
        instant: &mut Instant,
        pair: usize,
        timeframe: Timeframe,
        step: &mut Step<'_>,
    ) {
        for (place, window) in WINDOWS.into_iter().enumerate() {
            if !self.shown.windows.contains(&window) {
                continue;
            }
            let value = self.pairs[pair].frames[timeframe.index()].returns.coefficient(window);
            if self.says_readings {
                let reading = Correlation {
                    pair: self.pairs[pair].key.clone().into(),
                    timeframe,
                    window: i32::try_from(window).unwrap_or(i32::MAX),
                    close_time: instant.at,
                    value,
                };
                step.say(Reading::Correlation(reading));
            }
            if let Some(value) = value {
                self.judge_coefficient(instant, (pair, timeframe, place), value, step.offset);
            }
        }
    }

    fn strengths(&mut self, instant: &Instant, step: &mut Step<'_>) -> Vec<StrengthStep> {
        let mut steps = Vec::new();
        for timeframe in instant.timeframes() {
            let mut returns = Vec::new();
            let mut first = None;
            let mut may_fire = true;
            for (symbol, base, quote) in self.leaders.legs().iter().copied() {
                let Some(closed) = instant.find(symbol, timeframe) else { continue };
                let indicators = &self.symbols[symbol].series[timeframe.index()].indicators;
                let (Some(previous), Some(close)) = (indicators.previous_close(), indicators.close()) else {
                    continue;
                };
                first = first.or(Some(closed.bar));
                may_fire &= self.may_fire(timeframe, &closed.bar);
                returns.push((base, quote, log_return(previous, close)));
            }
            let (Some(bar), Some(score)) = (first, crate::strength::strength(returns.into_iter())) else {
                continue;
            };
            if score.is_level() && self.version.needs_unequal_currencies() {
                continue;
            }
            if self.says_readings {
                step.say(Reading::Strength(strength(timeframe, instant.at, &score)));
            }
            let before = self.leaders.replace(timeframe, &score, step.offset);
            steps.push(StrengthStep { timeframe, bar, score, before, may_fire });
        }
        steps
    }

    /// At each minute's close, against the first price of the minute's day.
    fn daily_changes(&mut self, instant: &Instant, step: &mut Step<'_>) {
        for closed in instant.closed.iter().filter(|closed| closed.timeframe == Timeframe::M1) {
            let day = instant.find(closed.symbol, Timeframe::D1).map(|day| day.bar.open);
            let state = &mut self.symbols[closed.symbol];
            let Some(open) = day.or_else(|| state.day_open(&closed.bar)) else { continue };
            let absolute = closed.bar.close - open;
            let percent = 100.0 * absolute / open;
            state.daily_change = Some(percent);
            if self.says_readings {
                let (symbol, close_time) = (state.name.clone(), instant.at);
                let reading = DailyChange { symbol, close_time, absolute, percent };
                step.say(Reading::DailyChange(reading));
            }
        }
        if self.says_readings && instant.at.floor(HOUR) == instant.at {
            step.say(Reading::Trending(self.trending(instant.at)));
        }
    }

    fn trending(&self, close_time: Timestamp) -> Trending {
        let mover = |state: &crate::series::SymbolState| {
            let percent = state.daily_change.filter(|percent| percent.abs() >= TRENDING_FROM)?;
            Some(Mover { symbol: state.name.clone(), percent })
        };
        let mut symbols: Vec<Mover> = self.symbols.iter().filter_map(mover).collect();
        symbols.sort_by(|a, b| b.percent.abs().total_cmp(&a.percent.abs()));
        Trending { close_time, symbols }
    }
}

fn heatmap(
    symbol: &bellwether_schemas::Symbol,
    style: Style,
    close_time: Timestamp,
    score: &StyleScore,
) -> Heatmap {
    Heatmap {
        symbol: symbol.clone(),
        style: style.name().into(),
        close_time,
        coverage: score.coverage(),
        raw: score.raw(),
        r#final: score.final_(),
        buy_percent: score.buy_percent(),
        sell_percent: score.sell_percent(),
        label: score.label().into(),
    }
}

fn strength(timeframe: Timeframe, close_time: Timestamp, score: &StrengthScore) -> Strength {
    Strength {
        timeframe,
        close_time,
        scores: StrengthScore::named(&score.scores),
        average_returns: StrengthScore::named(&score.averages),
        strongest: CURRENCIES[score.strongest].into(),
        weakest: CURRENCIES[score.weakest].into(),
    }
}
