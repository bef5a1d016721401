//! The tenant's listed pairs: what was seen of each at the instants at which both its symbols closed a bar.

use std::collections::BTreeMap;

use bellwether_schemas::Timeframe;
use bellwether_schemas::settings::Settings;

use crate::indicators::{PairReturns, WINDOWS};
use crate::snapshot::{Misfit, Stored, each, stored};
use crate::symbols::SymbolTable;

/// One listed pair whose symbols are both listed.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// Names without the suffix: `EURUSD-GBPUSD`.
    pub(crate) key: String,
    /// Places of its symbols, in the order of the key.
    pub(crate) symbols: (usize, usize),
    /// Expected to move together.
    pub(crate) positive: bool,
    pub(crate) frames: [PairFrame; Timeframe::ALL.len()],
}

/// A pair at one timeframe.
#[derive(Debug, Clone, Default)]
pub(crate) struct PairFrame {
    pub(crate) returns: PairReturns,
    /// By period: both RSI when they were compared last.
    pub(crate) rsi: BTreeMap<usize, RsiSeen>,
    /// By place in [`WINDOWS`]: the last coefficient that was defined.
    pub(crate) coefficients: [Option<CoefficientSeen>; WINDOWS.len()],
}

/// Both RSI of a pair at an evaluation, and its journal offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RsiSeen {
    pub(crate) a: f64,
    pub(crate) b: f64,
    pub(crate) offset: u64,
}

/// A coefficient at an evaluation, and its journal offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct CoefficientSeen {
    pub(crate) value: f64,
    pub(crate) offset: u64,
}

/// The settings' pairs, positive then negative, in their order.
pub(crate) fn listed(settings: &Settings, table: &SymbolTable) -> Vec<Pair> {
    let of = |positive: bool| move |text: &String| resolve(text, positive, settings, table);
    let positive = settings.positive_pairs.iter().filter_map(of(true));
    positive.chain(settings.negative_pairs.iter().filter_map(of(false))).collect()
}

/// A name may have a dash of its own: the first split at which both sides are listed counts.
fn resolve(text: &str, positive: bool, settings: &Settings, table: &SymbolTable) -> Option<Pair> {
    let sides = text.match_indices('-').find_map(|(at, dash)| {
        let (a, b) = (table.find(&text[..at])?, table.find(&text[at + dash.len()..])?);
        (a != b).then_some((a, b))
    })?;
    let name =
        |place: usize| settings.symbols.get(place).map(|symbol| symbol.name.base(&settings.symbol_suffix));
    let key = format!("{}-{}", name(sides.0)?, name(sides.1)?);
    Some(Pair { key, symbols: sides, positive, frames: Default::default() })
}

impl Stored for Pair {
    type Body = stored::Pair;

    fn body(&self) -> stored::Pair {
        self.store()
    }
}

impl Pair {
    /// What it was called and what was expected of it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.key == other.key && self.positive == other.positive
    }

    /// Its symbols' series of these timeframes began again: so does it.
    pub(crate) fn restart(&mut self, timeframes: &[Timeframe]) {
        for timeframe in timeframes {
            self.frames[timeframe.index()] = PairFrame::default();
        }
    }
}

impl Pair {
    /// Its symbols' places follow from the settings.
    pub(crate) fn store(&self) -> stored::Pair {
        let Self { key, symbols: _, positive, frames } = self;
        let frames = frames.each_ref().map(PairFrame::store);
        stored::Pair { key: key.clone(), positive: *positive, frames }
    }

    /// This pair as it was listed, with what was stored of it.
    pub(crate) fn restore(self, stored: stored::Pair) -> Result<Self, Misfit> {
        let stored::Pair { key, positive, frames } = stored;
        let is_same = self.key == key && self.positive == positive;
        Misfit::unless(is_same, "this is another pair than the settings list at its place")?;
        Ok(Self { frames: each(frames, PairFrame::restore)?, ..self })
    }
}

impl PairFrame {
    fn store(&self) -> stored::PairFrame {
        let Self { returns, rsi, coefficients } = self;
        let both = |(period, seen): (&usize, &RsiSeen)| {
            let (period, RsiSeen { a, b, offset }) = (*period as u32, *seen);
            stored::PairRsi { period, a, b, offset }
        };
        let seen = |CoefficientSeen { value, offset }: CoefficientSeen| stored::Seen { value, offset };
        stored::PairFrame {
            returns: returns.store(),
            rsi: rsi.iter().map(both).collect(),
            coefficients: coefficients.map(|coefficient| coefficient.map(seen)),
        }
    }

    fn restore(stored: stored::PairFrame) -> Result<Self, Misfit> {
        let stored::PairFrame { returns, rsi, coefficients } = stored;
        let both = |stored::PairRsi { period, a, b, offset }| (period as usize, RsiSeen { a, b, offset });
        let seen = |stored::Seen { value, offset }: stored::Seen| CoefficientSeen { value, offset };
        Ok(Self {
            returns: PairReturns::restore(&returns)?,
            rsi: rsi.into_iter().map(both).collect(),
            coefficients: coefficients.map(|coefficient| coefficient.map(seen)),
        })
    }
}
