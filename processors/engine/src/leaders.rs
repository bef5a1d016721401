//! Who leads the currencies at each timeframe, and which symbols say so.

use bellwether_schemas::Timeframe;
use bellwether_schemas::settings::Settings;

use crate::snapshot::{Misfit, each, stored};
use crate::strength::{CURRENCIES, StrengthScore, legs};

/// The symbols that are pairs of currencies, and the last reading of each timeframe.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaders {
    /// Places of symbol, base and quote.
    legs: Vec<(usize, usize, usize)>,
    /// With the journal offset of the evaluation.
    last: [Option<(StrengthScore, u64)>; Timeframe::ALL.len()],
}

impl Leaders {
    pub(crate) fn legs(&self) -> &[(usize, usize, usize)] {
        &self.legs
    }

    /// There has been a reading.
    pub(crate) fn has(&self, timeframe: Timeframe) -> bool {
        self.last[timeframe.index()].is_some()
    }

    /// Takes the next reading in; the one before.
    pub(crate) fn replace(
        &mut self,
        timeframe: Timeframe,
        score: &StrengthScore,
        offset: u64,
    ) -> Option<(StrengthScore, u64)> {
        self.last[timeframe.index()].replace((*score, offset))
    }

    /// These timeframes begin again.
    pub(crate) fn restart(&mut self, timeframes: &[Timeframe]) {
        for timeframe in timeframes {
            self.last[timeframe.index()] = None;
        }
    }

    pub(crate) fn list(&mut self, settings: &Settings) {
        let of = |(place, symbol): (usize, &bellwether_schemas::settings::SymbolSettings)| {
            let (base, quote) = legs(symbol.name.base(&settings.symbol_suffix))?;
            Some((place, base, quote))
        };
        self.legs = settings.symbols.iter().enumerate().filter_map(of).collect();
    }
}

impl Leaders {
    /// Which symbols are pairs of currencies follows from the settings.
    pub(crate) fn store(&self) -> stored::Leaders {
        let Self { legs: _, last } = self;
        let reading = |(score, offset): (StrengthScore, u64)| {
            let StrengthScore { scores, averages, strongest, weakest } = score;
            let (strongest, weakest) = (strongest as u8, weakest as u8);
            stored::Strength { scores, averages, strongest, weakest, offset }
        };
        stored::Leaders { last: last.map(|last| last.map(reading)) }
    }

    pub(crate) fn restore(stored: stored::Leaders, settings: &Settings) -> Result<Self, Misfit> {
        let reading = |stored: stored::Strength| {
            let stored::Strength { scores, averages, strongest, weakest, offset } = stored;
            let (strongest, weakest) = (usize::from(strongest), usize::from(weakest));
            let are_currencies = strongest.max(weakest) < CURRENCIES.len();
            Misfit::unless(are_currencies, "who leads or trails is no currency")?;
            Ok((StrengthScore { scores, averages, strongest, weakest }, offset))
        };
        let mut restored =
            Self { legs: Vec::new(), last: each(stored.last, |last| last.map(reading).transpose())? };
        restored.list(settings);
        Ok(restored)
    }
}
