//! `rsi_tracker`: RSI reaches the user's line. Overbought: before < line ≤ now; oversold: before > line ≥ now.

use std::collections::BTreeMap;

use bellwether_schemas::Timeframe;

use super::Order;
use super::crossing::{Lines, reached_downward, reached_upward};
use super::watch::RsiWatch;
use crate::indicators::RsiBank;

/// Which line was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Overbought,
    Oversold,
}

impl Side {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Overbought => "overbought",
            Self::Oversold => "oversold",
        }
    }
}

/// One alert reached by one bar close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    pub(crate) order: Order,
    pub(crate) side: Side,
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
    pub(super) fn insert(&mut self, order: Order, rsi: &RsiWatch) {
        let sides = self.by_timeframe[rsi.timeframe.index()].entry(rsi.period).or_default();
        sides.overbought.insert(rsi.overbought, order);
        sides.oversold.insert(rsi.oversold, order);
    }

    pub(super) fn remove(&mut self, order: Order, rsi: &RsiWatch) {
        let periods = &mut self.by_timeframe[rsi.timeframe.index()];
        if let Some(sides) = periods.get_mut(&rsi.period) {
            sides.overbought.remove(rsi.overbought, order);
            sides.oversold.remove(rsi.oversold, order);
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
    pub(crate) fn crossings(&self, timeframe: Timeframe, bank: &RsiBank, hits: &mut Vec<Hit>) {
        for (period, sides) in &self.by_timeframe[timeframe.index()] {
            let (Some(previous), Some(value)) = (bank.previous(*period), bank.value(*period)) else {
                continue;
            };
            let hit = |side| move |(line, order)| Hit { order, side, line, previous, value };
            if value > previous {
                let reached = sides.overbought.within(reached_upward(previous, value));
                hits.extend(reached.map(hit(Side::Overbought)));
            } else {
                let reached = sides.oversold.within(reached_downward(previous, value));
                hits.extend(reached.map(hit(Side::Oversold)));
            }
        }
    }
}
