//! `price_alert`: the price crosses a level, upward (`above`) or downward (`below`), at closes or at every tick.

use std::collections::BTreeMap;

use bellwether_schemas::Timeframe;

use super::Order;
use super::crossing::{Level, Lines};
use super::watch::PriceWatch;
use crate::symbols::SymbolTable;

/// Which way the level was crossed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Above,
    Below,
}

impl Side {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
        }
    }
}

/// One alert whose level was crossed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    pub(crate) order: Order,
    pub(crate) side: Side,
    pub(crate) level: f64,
}

/// Alerts by symbol, what they look at, and level.
#[derive(Debug, Clone, Default)]
pub(crate) struct PriceIndex {
    on_tick: Vec<Levels>,
    on_close: BTreeMap<(usize, Timeframe), Levels>,
}

#[derive(Debug, Clone, Default)]
struct Levels {
    above: Lines<Level>,
    below: Lines<Level>,
}

impl Levels {
    fn insert(&mut self, order: Order, price: &PriceWatch) {
        if let Some(level) = price.above {
            self.above.insert(Level::new(level), order);
        }
        if let Some(level) = price.below {
            self.below.insert(Level::new(level), order);
        }
    }

    fn remove(&mut self, order: Order, price: &PriceWatch) {
        if let Some(level) = price.above {
            self.above.remove(Level::new(level), order);
        }
        if let Some(level) = price.below {
            self.below.remove(Level::new(level), order);
        }
    }

    fn is_empty(&self) -> bool {
        self.above.is_empty() && self.below.is_empty()
    }

    fn crossings(&self, previous: f64, price: f64) -> Vec<Hit> {
        let hit = |side| move |(level, order): (Level, Order)| Hit { order, side, level: level.price() };
        if price > previous {
            self.above.within(Level::reached_upward(previous, price)).map(hit(Side::Above)).collect()
        } else {
            self.below.within(Level::reached_downward(previous, price)).map(hit(Side::Below)).collect()
        }
    }
}

impl PriceIndex {
    pub(super) fn insert(&mut self, order: Order, price: &PriceWatch, symbols: &SymbolTable) {
        let Some(place) = symbols.find(&price.symbol) else { return };
        match price.on_close {
            Some(timeframe) => self.on_close.entry((place, timeframe)).or_default().insert(order, price),
            None => {
                if self.on_tick.len() <= place {
                    self.on_tick.resize_with(place + 1, Levels::default);
                }
                self.on_tick[place].insert(order, price);
            }
        }
    }

    pub(super) fn remove(&mut self, order: Order, price: &PriceWatch, symbols: &SymbolTable) {
        let Some(place) = symbols.find(&price.symbol) else { return };
        match price.on_close {
            Some(timeframe) => {
                if let Some(levels) = self.on_close.get_mut(&(place, timeframe)) {
                    levels.remove(order, price);
                    if levels.is_empty() {
                        self.on_close.remove(&(place, timeframe));
                    }
                }
            }
            None => {
                if let Some(levels) = self.on_tick.get_mut(place) {
                    levels.remove(order, price);
                }
            }
        }
    }

    /// Some alert looks at every tick of this symbol.
    #[inline]
    pub(crate) fn watches_ticks(&self, symbol: usize) -> bool {
        self.on_tick.get(symbol).is_some_and(|levels| !levels.is_empty())
    }

    /// Alerts hit by a tick of this symbol.
    pub(crate) fn ticked(&self, symbol: usize, previous: f64, price: f64) -> Vec<Hit> {
        self.on_tick.get(symbol).map(|levels| levels.crossings(previous, price)).unwrap_or_default()
    }

    /// Alerts hit by a close of this series.
    pub(crate) fn closed(&self, symbol: usize, timeframe: Timeframe, previous: f64, close: f64) -> Vec<Hit> {
        let levels = self.on_close.get(&(symbol, timeframe));
        levels.map(|levels| levels.crossings(previous, close)).unwrap_or_default()
    }
}
