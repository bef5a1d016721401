//! `heatmap_tracker`: a style's reading enters the buy or the sell zone. After a trigger nothing fires for its alert
//! and symbol during the cooldown, and the same side stays silent until the other fires or the suppression ends.

use std::collections::BTreeMap;

use bellwether_schemas::Timestamp;
use serde::{Deserialize, Serialize};

use super::Order;
use super::crossing::{Lines, reached_upward};
use super::watch::HeatmapWatch;
use crate::heatmap::Style;
use crate::symbols::SymbolTable;

/// Which zone was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    Buy,
    Sell,
}

impl Side {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// One alert whose zone was entered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry {
    pub(crate) order: Order,
    pub(crate) side: Side,
    pub(crate) line: i32,
}

/// The last trigger of one alert and symbol.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Last {
    at: Timestamp,
    side: Side,
}

/// When silence after a trigger ends, in microseconds from its close.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Silence {
    pub(crate) cooldown: i64,
    pub(crate) suppression: i64,
}

impl Last {
    fn silences(&self, at: Timestamp, side: Side, spans: Silence) -> bool {
        let since = at.since(self.at);
        since < spans.cooldown || (side == self.side && since < spans.suppression)
    }
}

pub(super) type Cooldowns = BTreeMap<(Order, usize), Last>;

/// Alerts by style, symbol and line.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct HeatmapIndex {
    #[serde(skip)]
    zones: BTreeMap<(Style, usize), Zones>,
    cooldowns: Cooldowns,
}

/// Lines of one style and symbol: in Buy%, and in Sell%.
#[derive(Debug, Clone, Default)]
struct Zones {
    buy: Lines<i32>,
    sell: Lines<i32>,
}

impl HeatmapIndex {
    pub(super) fn with(cooldowns: Cooldowns) -> Self {
        Self { zones: BTreeMap::new(), cooldowns }
    }

    /// The cooldowns under the symbols' new places.
    pub(super) fn take_moved(&mut self, moved: &[Option<usize>]) -> Cooldowns {
        let new_place = |old: usize| moved.iter().position(|from| *from == Some(old));
        let kept = std::mem::take(&mut self.cooldowns).into_iter();
        kept.filter_map(|((order, old), last)| Some(((order, new_place(old)?), last))).collect()
    }

    pub(super) fn insert(&mut self, order: Order, heatmap: &HeatmapWatch, symbols: &SymbolTable) {
        for place in heatmap.symbols.iter().filter_map(|name| symbols.find(name)) {
            let zones = self.zones.entry((heatmap.style, place)).or_default();
            zones.buy.insert(heatmap.buy, order);
            zones.sell.insert(heatmap.sell, order);
        }
    }

    pub(super) fn remove(&mut self, order: Order, heatmap: &HeatmapWatch, symbols: &SymbolTable) {
        for place in heatmap.symbols.iter().filter_map(|name| symbols.find(name)) {
            let key = (heatmap.style, place);
            if let Some(zones) = self.zones.get_mut(&key) {
                zones.buy.remove(heatmap.buy, order);
                zones.sell.remove(heatmap.sell, order);
                if zones.buy.is_empty() {
                    self.zones.remove(&key);
                }
            }
            self.cooldowns.remove(&(order, place));
        }
    }

    /// Every alert whose zone is entered when Buy% goes from `previous` to `now`: each side reached (≥) now and not
    /// before. Sell% is 100 less Buy%.
    pub(crate) fn entries(&self, style: Style, symbol: usize, previous: f64, now: f64) -> Vec<Entry> {
        let Some(zones) = self.zones.get(&(style, symbol)) else { return Vec::new() };
        let entry = |side| move |(line, order)| Entry { order, side, line };
        if now > previous {
            zones.buy.within(reached_upward(previous, now)).map(entry(Side::Buy)).collect()
        } else {
            let reached = reached_upward(100.0 - previous, 100.0 - now);
            zones.sell.within(reached).map(entry(Side::Sell)).collect()
        }
    }

    /// A trigger before keeps this entry silent: it is lost.
    pub(crate) fn is_silenced(&self, entry: &Entry, symbol: usize, at: Timestamp, spans: Silence) -> bool {
        let last = self.cooldowns.get(&(entry.order, symbol));
        last.is_some_and(|last| last.silences(at, entry.side, spans))
    }

    /// The alert fired: its silence begins.
    pub(crate) fn fired(&mut self, order: Order, symbol: usize, at: Timestamp, side: Side) {
        self.cooldowns.insert((order, symbol), Last { at, side });
    }
}
