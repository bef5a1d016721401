//! `currency_strength_tracker`: the strongest or the weakest currency is another than at the reading before.

use std::collections::BTreeSet;

use bellwether_schemas::Timeframe;

use super::Order;

/// Alerts by timeframe: all of one timeframe watch the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct StrengthIndex {
    by_timeframe: [BTreeSet<Order>; Timeframe::ALL.len()],
}

impl StrengthIndex {
    pub(super) fn insert(&mut self, order: Order, timeframe: Timeframe) {
        self.by_timeframe[timeframe.index()].insert(order);
    }

    pub(super) fn remove(&mut self, order: Order, timeframe: Timeframe) {
        self.by_timeframe[timeframe.index()].remove(&order);
    }

    /// Who watches that timeframe, in order.
    pub(crate) fn watchers(&self, timeframe: Timeframe) -> impl Iterator<Item = Order> {
        self.by_timeframe[timeframe.index()].iter().copied()
    }
}
