//! `rsi_tracker`: RSI reaches the user's line. Overbought: before < line ≤ now; oversold: before > line ≥ now.

use std::collections::BTreeMap;

use bellwether_schemas::Timeframe;
use bellwether_schemas::alerts::{AlertKind, RsiTracker};
use bellwether_schemas::triggers::{Condition, Detail, RsiReached};

use super::columns::rsi_lines;
use super::crossing::{Lines, reached_downward, reached_upward};
use super::{Awaited, Draft, Occasion, Rank, Subject};
use crate::indicators::RsiBank;
use crate::series::Closed;

/// What one alert watches: both lines of one RSI, in every symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RsiWatch {
    pub(crate) timeframe: Timeframe,
    pub(crate) period: usize,
    pub(crate) overbought: i32,
    pub(crate) oversold: i32,
}

impl RsiWatch {
    /// What the columns ask for, or why it cannot be watched.
    pub(super) fn parse(columns: &RsiTracker) -> Result<Self, String> {
        let (overbought, oversold) = (columns.rsi_overbought, columns.rsi_oversold);
        let period = rsi_lines(columns.rsi_period, overbought, oversold)?;
        Ok(Self { timeframe: columns.timeframe.for_trackers(), period, overbought, oversold })
    }

    pub(super) fn awaits(&self) -> Vec<Awaited> {
        vec![Awaited::Rsi(self.timeframe, self.period)]
    }

    /// The trigger of a hit at this bar.
    pub(crate) fn draft(&self, hit: &RsiHit, subject: Subject, closed: &Closed) -> Draft {
        Draft {
            rank: hit.rank,
            kind: AlertKind::RsiTracker,
            subject,
            occasion: Occasion::bar(closed.timeframe, &closed.bar),
            condition: hit.condition,
            value: Some(hit.value),
            previous: Some(hit.previous),
            threshold: Some(f64::from(hit.line)),
            price: Some(closed.bar.close),
            detail: Detail::Rsi(RsiReached {
                rsi_period: self.period,
                overbought: self.overbought.into(),
                oversold: self.oversold.into(),
            }),
        }
    }
}

/// One alert reached by one bar close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RsiHit {
    pub(crate) rank: Rank,
    pub(crate) condition: Condition,
    pub(crate) line: i32,
    pub(crate) previous: f64,
    pub(crate) value: f64,
}

/// Alerts by timeframe, period and line: a bar close touches the alerts it hits, not the alerts there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct RsiIndex {
    by_timeframe: [BTreeMap<usize, Sides>; Timeframe::ALL.len()],
}

#[derive(Debug, Clone, Default)]
struct Sides {
    overbought: Lines<i32>,
    oversold: Lines<i32>,
}

impl RsiIndex {
    pub(super) fn insert(&mut self, rank: Rank, rsi: &RsiWatch) {
        let sides = self.by_timeframe[rsi.timeframe.index()].entry(rsi.period).or_default();
        sides.overbought.insert(rsi.overbought, rank);
        sides.oversold.insert(rsi.oversold, rank);
    }

    pub(super) fn remove(&mut self, rank: Rank, rsi: &RsiWatch) {
        let periods = &mut self.by_timeframe[rsi.timeframe.index()];
        if let Some(sides) = periods.get_mut(&rsi.period) {
            sides.overbought.remove(rsi.overbought, rank);
            sides.oversold.remove(rsi.oversold, rank);
            if sides.overbought.is_empty() {
                periods.remove(&rsi.period);
            }
        }
    }

    /// Periods that some alert uses.
    pub(crate) fn periods(&self) -> impl Iterator<Item = usize> {
        self.by_timeframe.iter().flat_map(|periods| periods.keys().copied())
    }

    /// Adds every alert that this bar close hits.
    pub(crate) fn crossings(&self, timeframe: Timeframe, bank: &RsiBank, hits: &mut Vec<RsiHit>) {
        for (period, sides) in &self.by_timeframe[timeframe.index()] {
            let (Some(previous), Some(value)) = (bank.previous(*period), bank.value(*period)) else {
                continue;
            };
            let hit = |condition| move |(line, rank)| RsiHit { rank, condition, line, previous, value };
            if value > previous {
                let reached = sides.overbought.within(reached_upward(previous, value));
                hits.extend(reached.map(hit(Condition::Overbought)));
            } else {
                let reached = sides.oversold.within(reached_downward(previous, value));
                hits.extend(reached.map(hit(Condition::Oversold)));
            }
        }
    }
}
