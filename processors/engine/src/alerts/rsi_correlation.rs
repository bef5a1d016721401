//! `rsi_correlation_tracker`: a pair that moves together, or against each other, stops doing so.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::Timeframe;
use bellwether_schemas::alerts::{AlertKind, RsiCorrelationTracker};
use bellwether_schemas::triggers::{Condition, Detail, Expected, RealMismatch, RsiMismatch, Strength};

use super::columns::{not_one_of, rsi_lines};
use super::{Awaited, Draft, Occasion, Rank, Subject};
use crate::indicators::WINDOWS;
use crate::pairs::{Pair, RsiSeen};

/// Below this a positive pair's coefficient is a mismatch.
const POSITIVE_LIMIT: f64 = 0.25;
/// Above this a negative pair's is.
const NEGATIVE_LIMIT: f64 = -0.15;

/// How a pair stops moving as it is expected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PairMode {
    RsiThreshold { period: usize, overbought: i32, oversold: i32 },
    RealCorrelation { window: usize },
}

/// What one alert watches: every listed pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PairWatch {
    pub(crate) timeframe: Timeframe,
    pub(crate) mode: PairMode,
}

impl PairWatch {
    /// What the columns ask for, or why it cannot be watched.
    pub(super) fn parse(columns: &RsiCorrelationTracker) -> Result<Self, String> {
        let (overbought, oversold) = (columns.rsi_overbought, columns.rsi_oversold);
        let mode = match columns.mode.as_str() {
            "rsi_threshold" => PairMode::RsiThreshold {
                period: rsi_lines(columns.rsi_period, overbought, oversold)?,
                overbought,
                oversold,
            },
            "real_correlation" => PairMode::RealCorrelation { window: window(columns.correlation_window)? },
            other => return Err(not_one_of("mode", other, &["rsi_threshold", "real_correlation"])),
        };
        Ok(Self { timeframe: columns.timeframe.for_trackers(), mode })
    }

    pub(super) fn awaits(&self) -> Vec<Awaited> {
        vec![match self.mode {
            PairMode::RsiThreshold { period, .. } => Awaited::PairRsi(self.timeframe, period),
            PairMode::RealCorrelation { window } => Awaited::Coefficient(self.timeframe, window),
        }]
    }
}

fn window(given: i32) -> Result<usize, String> {
    let known = WINDOWS.into_iter().find(|window| usize::try_from(given) == Ok(*window));
    known.ok_or_else(|| format!("correlation_window is {given}, it must be 20, 50, 90 or 120"))
}

/// Whether two RSI contradict what is expected of the pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mismatch {
    pub(crate) overbought: i32,
    pub(crate) oversold: i32,
}

impl Mismatch {
    /// A positive pair: one at or above the upper line while the other is at or below the lower; a negative pair:
    /// both at or above, or both at or below.
    pub(crate) fn holds(self, positive: bool, a: f64, b: f64) -> bool {
        let (upper, lower) = (f64::from(self.overbought), f64::from(self.oversold));
        let (largest, smallest) = (a.max(b), a.min(b));
        if positive { largest >= upper && smallest <= lower } else { smallest >= upper || largest <= lower }
    }
}

/// The coefficient's limit for a pair.
pub(crate) fn coefficient_limit(positive: bool) -> f64 {
    if positive { POSITIVE_LIMIT } else { NEGATIVE_LIMIT }
}

/// Beyond the limit: a positive pair moves too little together, a negative one too little against each other.
pub(crate) fn is_real_mismatch(positive: bool, coefficient: f64) -> bool {
    if positive { coefficient < POSITIVE_LIMIT } else { coefficient > NEGATIVE_LIMIT }
}

/// By the coefficient's absolute value.
fn strength(coefficient: f64) -> Strength {
    match coefficient.abs() {
        strong if strong >= 0.70 => Strength::Strong,
        moderate if moderate >= 0.30 => Strength::Moderate,
        _ => Strength::Weak,
    }
}

const fn expected(positive: bool) -> Expected {
    if positive { Expected::Together } else { Expected::AgainstEachOther }
}

/// A listed pair at the bar at which it is judged.
pub(crate) struct PairAt<'a> {
    pub(crate) place: usize,
    pub(crate) pair: &'a Pair,
    pub(crate) occasion: Occasion,
}

impl PairAt<'_> {
    /// The trigger of an alert with these lines; its value is the mean of both RSI.
    pub(crate) fn rsi_mismatch(
        &self,
        rank: Rank,
        rsi_period: usize,
        lines: Mismatch,
        before: &RsiSeen,
        now: &RsiSeen,
    ) -> Draft {
        let detail = RsiMismatch {
            expected: expected(self.pair.positive),
            rsi_period,
            overbought: lines.overbought.into(),
            oversold: lines.oversold.into(),
            rsi: [now.a, now.b],
        };
        let values = [(before.a + before.b) / 2.0, (now.a + now.b) / 2.0];
        self.draft(rank, Condition::RsiMismatch, values, None, Detail::RsiMismatch(detail))
    }

    /// The trigger of an alert on the coefficient over this window.
    pub(crate) fn real_mismatch(&self, rank: Rank, window: usize, previous: f64, value: f64) -> Draft {
        let positive = self.pair.positive;
        let detail = RealMismatch {
            expected: expected(positive),
            correlation_window: window,
            strength: strength(value),
        };
        let threshold = Some(coefficient_limit(positive));
        let (condition, detail) = (Condition::RealMismatch, Detail::RealMismatch(detail));
        self.draft(rank, condition, [previous, value], threshold, detail)
    }

    fn draft(
        &self,
        rank: Rank,
        condition: Condition,
        [previous, value]: [f64; 2],
        threshold: Option<f64>,
        detail: Detail,
    ) -> Draft {
        Draft {
            rank,
            kind: AlertKind::RsiCorrelationTracker,
            subject: Subject::Pair(self.place, self.pair.key.clone()),
            occasion: self.occasion,
            condition,
            value: Some(value),
            previous: Some(previous),
            threshold,
            price: None,
            detail,
        }
    }
}

/// Alerts grouped by what they watch: cost follows the groups, not the alerts.
#[derive(Debug, Clone, Default)]
pub(crate) struct PairIndex {
    rsi: [BTreeMap<usize, BTreeMap<Mismatch, BTreeSet<Rank>>>; Timeframe::ALL.len()],
    real: [BTreeMap<usize, BTreeSet<Rank>>; Timeframe::ALL.len()],
}

impl PairIndex {
    pub(super) fn insert(&mut self, rank: Rank, watch: &PairWatch) {
        let at = watch.timeframe.index();
        match watch.mode {
            PairMode::RsiThreshold { period, overbought, oversold } => {
                let lines = Mismatch { overbought, oversold };
                self.rsi[at].entry(period).or_default().entry(lines).or_default().insert(rank);
            }
            PairMode::RealCorrelation { window } => {
                self.real[at].entry(window).or_default().insert(rank);
            }
        }
    }

    pub(super) fn remove(&mut self, rank: Rank, watch: &PairWatch) {
        let at = watch.timeframe.index();
        match watch.mode {
            PairMode::RsiThreshold { period, overbought, oversold } => {
                let lines = Mismatch { overbought, oversold };
                if let Some(groups) = self.rsi[at].get_mut(&period) {
                    remove_from(groups, lines, rank);
                    if groups.is_empty() {
                        self.rsi[at].remove(&period);
                    }
                }
            }
            PairMode::RealCorrelation { window } => remove_from(&mut self.real[at], window, rank),
        }
    }

    /// RSI periods that some alert of this timeframe compares, with their groups.
    pub(crate) fn rsi_groups(
        &self,
        timeframe: Timeframe,
    ) -> impl Iterator<Item = (usize, &BTreeMap<Mismatch, BTreeSet<Rank>>)> {
        self.rsi[timeframe.index()].iter().map(|(period, groups)| (*period, groups))
    }

    /// Who watches that window's coefficient, by rank.
    pub(crate) fn real_watchers(&self, timeframe: Timeframe, window: usize) -> impl Iterator<Item = Rank> {
        self.real[timeframe.index()].get(&window).into_iter().flatten().copied()
    }

    /// RSI periods that some alert compares.
    pub(crate) fn periods(&self) -> impl Iterator<Item = usize> {
        self.rsi.iter().flat_map(|periods| periods.keys().copied())
    }

    /// Windows that some alert uses.
    pub(crate) fn windows(&self) -> impl Iterator<Item = usize> {
        self.real.iter().flat_map(|windows| windows.keys().copied())
    }
}

fn remove_from<K: Ord>(groups: &mut BTreeMap<K, BTreeSet<Rank>>, key: K, rank: Rank) {
    if let Some(ranks) = groups.get_mut(&key) {
        ranks.remove(&rank);
        if ranks.is_empty() {
            groups.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_both_lines_is_a_mismatch_of_a_positive_pair_and_one_line_of_a_negative() {
        let lines = Mismatch { overbought: 70, oversold: 30 };
        assert!(lines.holds(true, 70.0, 30.0) && lines.holds(true, 10.0, 99.0));
        assert!(!lines.holds(true, 70.0, 30.1) && !lines.holds(true, 80.0, 80.0));
        assert!(lines.holds(false, 70.0, 70.0) && lines.holds(false, 30.0, 12.0));
        assert!(!lines.holds(false, 70.0, 69.9) && !lines.holds(false, 90.0, 10.0));
    }

    #[test]
    fn the_limits_themselves_are_no_mismatch() {
        assert!(!is_real_mismatch(true, 0.25) && is_real_mismatch(true, 0.249_999));
        assert!(!is_real_mismatch(false, -0.15) && is_real_mismatch(false, -0.149_999));
    }
}
