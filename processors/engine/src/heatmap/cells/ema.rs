//! EMA21, EMA50, EMA200: the side of the average that the close is on.

use bellwether_schemas::readings::Signal;

use super::View;
use crate::heatmap::events::{Crosses, by_age, concat_by_age};
use crate::heatmap::{Before, Standing, Turn};
use crate::snapshot::{Misfit, stored};

/// Crosses of the close over one average.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct EmaCell {
    crosses: Crosses,
}

impl EmaCell {
    #[inline]
    pub(super) fn update(&mut self, close: f64, ema: Option<f64>) {
        if let Some(ema) = ema {
            self.crosses.update(close, ema);
        }
    }

    #[inline]
    pub(super) fn view(&self, place: usize, now: &Standing) -> Option<View> {
        let ema = now.emas[place]?;
        let age = self.crosses.age();
        let (signal, reasons) = match (now.close > ema, now.close < ema) {
            (true, _) => (Signal::Buy, &REASONS[place].above),
            (_, true) => (Signal::Sell, &REASONS[place].below),
            _ => (Signal::Neutral, &REASONS[place].on),
        };
        Some(View { signal, age, reason: reasons[age] })
    }

    pub(super) fn turn(&self, place: usize, now: &Standing, before: &Before) -> Option<Turn> {
        let threshold = Some(now.emas[place]?);
        Some(Turn { signal: self.crosses.now(), value: Some(now.close), previous: before.close, threshold })
    }
}

struct Reasons {
    above: [&'static str; 4],
    below: [&'static str; 4],
    on: [&'static str; 4],
}

macro_rules! reasons {
    ($name:literal) => {
        Reasons {
            above: by_age!("crossed"; "close above ", $name),
            below: by_age!("crossed"; "close below ", $name),
            on: by_age!("crossed"; "close on ", $name),
        }
    };
}

static REASONS: [Reasons; 3] = [reasons!("EMA21"), reasons!("EMA50"), reasons!("EMA200")];

impl EmaCell {
    pub(super) fn store(&self) -> stored::Crosses {
        let Self { crosses } = self;
        crosses.store()
    }

    pub(super) fn restore(stored: stored::Crosses) -> Result<Self, Misfit> {
        Ok(Self { crosses: Crosses::restore(stored)? })
    }
}
