//! `price_alert`: the price crosses a level, upward (`above`) or downward (`below`), at closes or at every tick.

use std::collections::BTreeMap;

use bellwether_schemas::alerts::{AlertKind, PriceAlert};
use bellwether_schemas::triggers::{Condition, Detail, LevelReached};
use bellwether_schemas::{Timeframe, Timestamp};

use super::columns::not_one_of;
use super::crossing::{Level, Lines};
use super::reason::Reason;
use super::{Awaited, Draft, Occasion, Rank, Subject};
use crate::symbols::SymbolTable;

/// What one alert watches: one or two levels of one symbol.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PriceWatch {
    pub(crate) symbol: String,
    pub(crate) above: Option<f64>,
    pub(crate) below: Option<f64>,
    /// Closes of this timeframe are compared; none: every tick.
    pub(crate) on_close: Option<Timeframe>,
    pub(crate) once: bool,
    pub(crate) expires_at: Option<Timestamp>,
}

impl PriceWatch {
    /// What the columns ask for, or why it cannot be watched.
    pub(super) fn parse(columns: &PriceAlert, symbols: &SymbolTable) -> Result<Self, Reason> {
        let PriceAlert { above, below, on_close, expires_at, .. } = *columns;
        let symbol = columns.symbol.clone();
        if symbols.find(&symbol).is_none() {
            return Err(Reason::UnknownSymbol(symbol));
        }
        let once = Self::once(columns)?;
        Ok(Self { symbol, above, below, on_close, once, expires_at })
    }

    /// Whether the columns hold whatever symbols the tenant has.
    pub(super) fn check(columns: &PriceAlert) -> Result<(), String> {
        if columns.symbol.is_empty() {
            return Err("symbol is not given".into());
        }
        Self::once(columns).map(drop)
    }

    /// Whether its first trigger ends it, where its levels are prices.
    fn once(columns: &PriceAlert) -> Result<bool, String> {
        let PriceAlert { above, below, .. } = *columns;
        if above.is_none() && below.is_none() {
            return Err("neither above nor below is given: one level at least".into());
        }
        for (name, level) in [("above", above), ("below", below)] {
            if level.is_some_and(|level| !(level.is_finite() && level > 0.0)) {
                return Err(format!("{name} is {}, it must be above 0", level.unwrap_or_default()));
            }
        }
        match columns.fires.as_str() {
            "once" => Ok(true),
            "every" => Ok(false),
            other => Err(not_one_of("fires", other, &["once", "every"])),
        }
    }

    pub(super) fn awaits(&self, symbols: &SymbolTable) -> Vec<Awaited> {
        let place = symbols.find(&self.symbol);
        place.map(|place| Awaited::Price(self.on_close, place)).into_iter().collect()
    }

    /// Its time is not over at a bar or tick of this end.
    pub(crate) fn is_in_time(&self, close: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| close < end)
    }
}

/// One alert whose level was crossed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PriceHit {
    pub(crate) rank: Rank,
    pub(crate) condition: Condition,
    pub(crate) level: f64,
}

impl PriceHit {
    /// The trigger of this hit.
    pub(crate) fn draft(&self, subject: Subject, occasion: Occasion, previous: f64, price: f64) -> Draft {
        Draft {
            rank: self.rank,
            kind: AlertKind::PriceAlert,
            subject,
            occasion,
            condition: self.condition,
            value: Some(price),
            previous: Some(previous),
            threshold: Some(self.level),
            price: Some(price),
            detail: Detail::Price(LevelReached {
                side: self.condition,
                level: self.level,
                on_close: occasion.timeframe,
            }),
        }
    }
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
    fn insert(&mut self, rank: Rank, price: &PriceWatch) {
        if let Some(level) = price.above {
            self.above.insert(Level::new(level), rank);
        }
        if let Some(level) = price.below {
            self.below.insert(Level::new(level), rank);
        }
    }

    fn remove(&mut self, rank: Rank, price: &PriceWatch) {
        if let Some(level) = price.above {
            self.above.remove(Level::new(level), rank);
        }
        if let Some(level) = price.below {
            self.below.remove(Level::new(level), rank);
        }
    }

    fn is_empty(&self) -> bool {
        self.above.is_empty() && self.below.is_empty()
    }

    fn crossings(&self, previous: f64, price: f64) -> Vec<PriceHit> {
        let hit = |condition| {
            move |(level, rank): (Level, Rank)| PriceHit { rank, condition, level: level.price() }
        };
        if price > previous {
            self.above.within(Level::reached_upward(previous, price)).map(hit(Condition::Above)).collect()
        } else {
            self.below.within(Level::reached_downward(previous, price)).map(hit(Condition::Below)).collect()
        }
    }
}

impl PriceIndex {
    pub(super) fn insert(&mut self, rank: Rank, price: &PriceWatch, symbols: &SymbolTable) {
        let Some(place) = symbols.find(&price.symbol) else { return };
        match price.on_close {
            Some(timeframe) => self.on_close.entry((place, timeframe)).or_default().insert(rank, price),
            None => {
                if self.on_tick.len() <= place {
                    self.on_tick.resize_with(place + 1, Levels::default);
                }
                self.on_tick[place].insert(rank, price);
            }
        }
    }

    pub(super) fn remove(&mut self, rank: Rank, price: &PriceWatch, symbols: &SymbolTable) {
        let Some(place) = symbols.find(&price.symbol) else { return };
        match price.on_close {
            Some(timeframe) => {
                if let Some(levels) = self.on_close.get_mut(&(place, timeframe)) {
                    levels.remove(rank, price);
                    if levels.is_empty() {
                        self.on_close.remove(&(place, timeframe));
                    }
                }
            }
            None => {
                if let Some(levels) = self.on_tick.get_mut(place) {
                    levels.remove(rank, price);
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
    pub(crate) fn ticked(&self, symbol: usize, previous: f64, price: f64) -> Vec<PriceHit> {
        self.on_tick.get(symbol).map(|levels| levels.crossings(previous, price)).unwrap_or_default()
    }

    /// Alerts hit by a close of this series.
    pub(crate) fn closed(
        &self,
        symbol: usize,
        timeframe: Timeframe,
        previous: f64,
        close: f64,
    ) -> Vec<PriceHit> {
        let levels = self.on_close.get(&(symbol, timeframe));
        levels.map(|levels| levels.crossings(previous, close)).unwrap_or_default()
    }
}
