//! Alerts that wait: nothing they watch has a value yet.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use bellwether_schemas::Timeframe;

use super::Rank;
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
    waiting: BTreeMap<Awaited, BTreeSet<Rank>>,
    of: BTreeMap<Rank, Vec<Awaited>>,
}

impl Warming {
    pub(super) fn wait(&mut self, rank: Rank, awaited: Vec<Awaited>) {
        for what in &awaited {
            self.waiting.entry(*what).or_default().insert(rank);
        }
        self.of.insert(rank, awaited);
    }

    /// Which of these wait.
    pub(super) fn waiting_among(&self, ranks: RangeInclusive<Rank>) -> impl Iterator<Item = Rank> {
        self.of.range(ranks).map(|(rank, _)| *rank)
    }

    pub(super) fn forget(&mut self, rank: Rank, awaited: &[Awaited]) {
        if self.of.remove(&rank).is_some() {
            self.withdraw(rank, awaited);
        }
    }

    fn withdraw(&mut self, rank: Rank, awaited: &[Awaited]) {
        for what in awaited {
            if let Some(ranks) = self.waiting.get_mut(what) {
                ranks.remove(&rank);
                if ranks.is_empty() {
                    self.waiting.remove(what);
                }
            }
        }
    }

    /// It waits no longer.
    pub(super) fn end(&mut self, rank: Rank) {
        if let Some(awaited) = self.of.remove(&rank) {
            self.withdraw(rank, &awaited);
        }
    }

    /// Alerts for which something exists now, by rank.
    pub(crate) fn warmed(&self, exists: impl Fn(Awaited) -> bool) -> Vec<Rank> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let there: Vec<Awaited> = self.waiting.keys().copied().filter(|what| exists(*what)).collect();
        let mut ranks = BTreeSet::new();
        for what in there {
            ranks.extend(self.waiting.get(&what).into_iter().flatten());
        }
        ranks.into_iter().collect()
    }
}
