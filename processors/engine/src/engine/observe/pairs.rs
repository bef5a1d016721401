//! What alerts on pairs see where both symbols of one closed a bar: asked before the pair takes the instant in.

use bellwether_schemas::Timeframe;

use super::super::Engine;
use super::super::instant::Instant;
use super::closes::missing_rsi;
use super::sides;
use crate::alerts::{Mismatch, PairMode, Rank, Watch};
use crate::indicators::WINDOWS;
use crate::why::{Look, Seen, Sight};

impl Engine {
    /// The returns of the instant are in already.
    pub(in crate::engine) fn look_at_pair(
        &mut self,
        instant: &Instant,
        pair: usize,
        timeframe: Timeframe,
        offset: u64,
    ) {
        if self.observed.is_none() {
            return;
        }
        for (rank, alert) in self.observed_alerts() {
            let Watch::Pairs(watch) = &alert.watch else { continue };
            if watch.timeframe != timeframe {
                continue;
            }
            let (a, b) = self.pairs[pair].symbols;
            let (Some(first), Some(second)) = (instant.find(a, timeframe), instant.find(b, timeframe)) else {
                continue;
            };
            let bars = [(timeframe, first.bar), (timeframe, second.bar)];
            let seen = match watch.mode {
                PairMode::RsiThreshold { period, overbought, oversold } => self.compared_rsi(
                    rank,
                    pair,
                    (timeframe, period),
                    Mismatch { overbought, oversold },
                    &bars,
                ),
                PairMode::RealCorrelation { window } => {
                    self.compared_returns(rank, pair, (timeframe, window), &bars)
                }
            };
            let look = Look { subject: self.pairs[pair].key.clone(), span: first.bar.span, seen };
            self.note(alert.id, offset, instant.at, Sight::Looked(look));
        }
    }

    fn compared_rsi(
        &self,
        rank: Rank,
        pair: usize,
        (timeframe, period): (Timeframe, usize),
        lines: Mismatch,
        bars: &[super::Bar],
    ) -> Seen {
        let pair = &self.pairs[pair];
        let of = |symbol: usize| &self.symbols[symbol].series[timeframe.index()].indicators;
        let (a, b) = (of(pair.symbols.0), of(pair.symbols.1));
        let (Some(now_a), Some(now_b)) = (a.rsi.value(period), b.rsi.value(period)) else {
            let bars = missing_rsi(a, period).max(missing_rsi(b, period));
            return Seen::Warming { timeframe, bars };
        };
        let before = pair.frames[timeframe.index()].rsi.get(&period).copied();
        let (counted, held) = self.may_count(rank, before.map(|before| before.offset), bars);
        let before = before.filter(|_| counted);
        Seen::Sides(vec![sides::of_rsi_pair(lines, pair.positive, before, (now_a, now_b), held)])
    }

    fn compared_returns(
        &self,
        rank: Rank,
        pair: usize,
        (timeframe, window): (Timeframe, usize),
        bars: &[super::Bar],
    ) -> Seen {
        let pair = &self.pairs[pair];
        let frame = &pair.frames[timeframe.index()];
        let Some(now) = frame.returns.coefficient(window) else {
            return match frame.returns.missing(window) as u64 {
                0 => Seen::Nothing,
                bars => Seen::Warming { timeframe, bars },
            };
        };
        let place = WINDOWS.iter().position(|known| *known == window);
        let before = place.and_then(|place| frame.coefficients[place]);
        let (counted, held) = self.may_count(rank, before.map(|before| before.offset), bars);
        let before = before.filter(|_| counted).map(|before| before.value);
        Seen::Sides(vec![sides::of_coefficient(pair.positive, before, now, held)])
    }
}
