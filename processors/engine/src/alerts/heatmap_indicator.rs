//! `heatmap_indicator_tracker`: one indicator turns buy or sell, differently from its last turn that the alert saw.
//! It saw none from before its baseline: an alert that is newer than the last turn takes any turn as a change.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::Timeframe;
use bellwether_schemas::alerts::{AlertKind, HeatmapIndicatorTracker};
use bellwether_schemas::readings::Signal;
use bellwether_schemas::triggers::{Condition, Detail, IndicatorTurned};

use super::columns::{LeftOut, few_symbols, known_symbols, not_one_of};
use super::reason::Reason;
use super::{Awaited, Draft, Occasion, Rank, Subject};
use crate::heatmap::{CellName, Turn};
use crate::series::Closed;
use crate::snapshot::{Code, stored};
use crate::symbols::SymbolTable;

/// What one alert watches: one indicator of a few symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TurnWatch {
    pub(crate) symbols: Box<[String]>,
    pub(crate) timeframe: Timeframe,
    pub(crate) cell: CellName,
}

impl TurnWatch {
    /// What the columns ask for, and what of it is left out; or why it cannot be watched.
    pub(super) fn parse(
        columns: &HeatmapIndicatorTracker,
        symbols: &SymbolTable,
    ) -> Result<(Self, LeftOut), Reason> {
        let (known, left_out) = known_symbols(&columns.pairs, symbols)?;
        let cell = Self::cell(columns)?;
        Ok((Self { symbols: known, timeframe: columns.timeframe.for_trackers(), cell }, left_out))
    }

    /// Whether the columns hold whatever symbols the tenant has.
    pub(super) fn check(columns: &HeatmapIndicatorTracker) -> Result<(), String> {
        few_symbols(&columns.pairs)?;
        Self::cell(columns).map(drop)
    }

    fn cell(columns: &HeatmapIndicatorTracker) -> Result<CellName, String> {
        let given = &columns.indicator;
        CellName::parse(given)
            .ok_or_else(|| not_one_of("indicator", given, &CellName::ALL.map(CellName::name)))
    }

    pub(super) fn awaits(&self, symbols: &SymbolTable) -> Vec<Awaited> {
        let places = self.symbols.iter().filter_map(|name| symbols.find(name));
        places.map(|place| Awaited::Cell(self.timeframe, place, self.cell)).collect()
    }
}

/// The trigger of an alert on this cell, which turned at this bar; a neutral turn is none.
pub(crate) fn turned(
    rank: Rank,
    cell: CellName,
    turn: &Turn,
    subject: Subject,
    closed: &Closed,
) -> Option<Draft> {
    let condition = match turn.signal {
        Signal::Buy => Condition::Buy,
        Signal::Sell => Condition::Sell,
        Signal::Neutral => return None,
    };
    Some(Draft {
        rank,
        kind: AlertKind::HeatmapIndicatorTracker,
        subject,
        occasion: Occasion::bar(closed.timeframe, &closed.bar),
        condition,
        value: turn.value,
        previous: turn.previous,
        threshold: turn.threshold,
        price: Some(closed.bar.close),
        detail: Detail::Turn(IndicatorTurned { indicator: cell, signal: turn.signal }),
    })
}

/// How far the turns of one cell were evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Turns {
    /// Journal offset of the last evaluation at which the cell existed.
    pub(crate) evaluated: Option<u64>,
    /// The last signal that was not neutral, and the journal offset of its evaluation.
    pub(crate) last: Option<(Signal, u64)>,
}

impl Turns {
    /// Takes the evaluation at `offset` in; how it was before.
    pub(crate) fn take(&mut self, signal: Signal, offset: u64) -> Self {
        let before = *self;
        self.evaluated = Some(offset);
        if signal != Signal::Neutral {
            self.last = Some((signal, offset));
        }
        before
    }
}

/// Alerts by timeframe, symbol and cell; within one by the offset from which on they count.
#[derive(Debug, Clone, Default)]
pub(crate) struct TurnIndex {
    watchers: BTreeMap<(Timeframe, usize, CellName), BTreeSet<(u64, Rank)>>,
}

impl TurnIndex {
    pub(super) fn insert(&mut self, rank: Rank, effective: u64, turn: &TurnWatch, symbols: &SymbolTable) {
        for place in turn.symbols.iter().filter_map(|name| symbols.find(name)) {
            let key = (turn.timeframe, place, turn.cell);
            self.watchers.entry(key).or_default().insert((effective, rank));
        }
    }

    pub(super) fn remove(&mut self, rank: Rank, effective: u64, turn: &TurnWatch, symbols: &SymbolTable) {
        for place in turn.symbols.iter().filter_map(|name| symbols.find(name)) {
            let key = (turn.timeframe, place, turn.cell);
            if let Some(watchers) = self.watchers.get_mut(&key) {
                watchers.remove(&(effective, rank));
                if watchers.is_empty() {
                    self.watchers.remove(&key);
                }
            }
        }
    }

    /// Alerts for which this signal is a change, by rank, given how the cell's turns stood before this bar.
    pub(crate) fn changed(
        &self,
        (timeframe, symbol, cell): (Timeframe, usize, CellName),
        signal: Signal,
        before: &Turns,
    ) -> Vec<Rank> {
        let (Some(watchers), Some(evaluated)) =
            (self.watchers.get(&(timeframe, symbol, cell)), before.evaluated)
        else {
            return Vec::new();
        };
        // Past their baseline are those that counted before the last evaluation; of them, those to whom the last
        // turn was the same have no change: they counted before it.
        let from = match before.last {
            Some((last, at)) if last == signal => at,
            _ => 0,
        };
        if from >= evaluated {
            return Vec::new();
        }
        let mut ranks: Vec<Rank> = watchers.range((from, 0)..(evaluated, 0)).map(|(_, rank)| *rank).collect();
        ranks.sort_unstable();
        ranks
    }
}

impl Turns {
    pub(crate) fn store(&self) -> stored::Turns {
        let Self { evaluated, last } = *self;
        stored::Turns { evaluated, last: last.map(|(signal, offset)| (Code(signal), offset)) }
    }

    pub(crate) fn restore(stored: stored::Turns) -> Self {
        let stored::Turns { evaluated, last } = stored;
        Self { evaluated, last: last.map(|(Code(signal), offset)| (signal, offset)) }
    }
}
