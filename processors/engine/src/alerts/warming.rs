//! Alerts that wait: nothing they watch has a value yet.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::Timeframe;

use super::Order;
use crate::heatmap::{CellName, Style, weights};

/// A value that does not exist from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Awaited {
    /// RSI of that period in any symbol.
    Rsi(Timeframe, usize),
    /// RSI of that period in both symbols of any pair.
    PairRsi(Timeframe, usize),
    /// The coefficient over that window of any pair.
    Coefficient(Timeframe, usize),
    /// The style's reading of that symbol.
    Style(Style, usize),
    /// One cell of that symbol.
    Cell(Timeframe, usize, CellName),
    /// Any reading of the currencies.
    Strength(Timeframe),
    /// A close, or a tick, of that symbol.
    Price(Option<Timeframe>, usize),
}

impl Awaited {
    /// The closes at which it may come to exist.
    pub(crate) fn timeframe(self) -> Timeframe {
        match self {
            Self::Rsi(timeframe, _)
            | Self::PairRsi(timeframe, _)
            | Self::Coefficient(timeframe, _)
            | Self::Cell(timeframe, _, _)
            | Self::Strength(timeframe) => timeframe,
            Self::Style(style, _) => {
                weights(style).first().map_or(Timeframe::M1, |(timeframe, _)| *timeframe)
            }
            Self::Price(timeframe, _) => timeframe.unwrap_or(Timeframe::M1),
        }
    }
}

/// Who waits for what. An alert that waits for several things has enough with one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Warming {
    waiting: BTreeMap<Awaited, BTreeSet<Order>>,
    of: BTreeMap<Order, Vec<Awaited>>,
}

impl Warming {
    pub(crate) fn wait(&mut self, order: Order, awaited: Vec<Awaited>) {
        for what in &awaited {
            self.waiting.entry(*what).or_default().insert(order);
        }
        self.of.insert(order, awaited);
    }

    pub(super) fn waits(&self, order: Order) -> bool {
        self.of.contains_key(&order)
    }

    pub(super) fn forget(&mut self, order: Order, awaited: &[Awaited]) {
        if self.of.remove(&order).is_some() {
            self.withdraw(order, awaited);
        }
    }

    fn withdraw(&mut self, order: Order, awaited: &[Awaited]) {
        for what in awaited {
            if let Some(orders) = self.waiting.get_mut(what) {
                orders.remove(&order);
                if orders.is_empty() {
                    self.waiting.remove(what);
                }
            }
        }
    }

    /// Alerts for which something exists now, in order; they wait no longer.
    pub(crate) fn warmed(&mut self, exists: impl Fn(Awaited) -> bool) -> Vec<Order> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let there: Vec<Awaited> = self.waiting.keys().copied().filter(|what| exists(*what)).collect();
        let mut orders = BTreeSet::new();
        for what in there {
            orders.extend(self.waiting.get(&what).into_iter().flatten());
        }
        for order in &orders {
            if let Some(awaited) = self.of.remove(order) {
                self.withdraw(*order, &awaited);
            }
        }
        orders.into_iter().collect()
    }
}
