//! UTBOT: the close beyond a trailing stop.

use bellwether_schemas::readings::Signal;

use super::View;
use crate::heatmap::events::{Events, by_quiet_and_age, concat_by_age};
use crate::heatmap::{Before, Standing, Turn};
use crate::indicators::Mode;
use crate::snapshot::{Code, Misfit, stored};

/// Flips of the mode, leaving neutral included.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct UtbotCell {
    mode: Mode,
    flips: Events,
}

impl UtbotCell {
    #[inline]
    pub(super) fn update(&mut self, mode: Mode) {
        let before = std::mem::replace(&mut self.mode, mode);
        self.flips.push(before != mode);
    }

    #[inline]
    pub(super) fn view(&self, now: &Standing, quiet: bool) -> Option<View> {
        let stops = now.stops?;
        let age = self.flips.age();
        let (signal, reasons) = if now.close > stops.short {
            (Signal::Buy, &ABOVE)
        } else if now.close < stops.long {
            (Signal::Sell, &BELOW)
        } else {
            (Signal::Neutral, &BETWEEN)
        };
        Some(View { signal, age, reason: reasons[usize::from(quiet)][age] })
    }

    pub(super) fn turn(&self, now: &Standing, before: &Before) -> Option<Turn> {
        let stops = now.stops?;
        let (signal, threshold) = match self.mode {
            Mode::Long if self.flips.now() => (Signal::Buy, Some(stops.short)),
            Mode::Short if self.flips.now() => (Signal::Sell, Some(stops.long)),
            _ => (Signal::Neutral, None),
        };
        Some(Turn { signal, value: Some(now.close), previous: before.close, threshold })
    }
}

type Reasons = [[&'static str; 4]; 2];

static ABOVE: Reasons = by_quiet_and_age!("flipped"; "close above the short stop");
static BELOW: Reasons = by_quiet_and_age!("flipped"; "close below the long stop");
static BETWEEN: Reasons = by_quiet_and_age!("flipped"; "close between the stops");

impl UtbotCell {
    pub(super) fn store(&self) -> stored::UtbotCell {
        let Self { mode, flips } = self;
        stored::UtbotCell { mode: Code(*mode), flips: flips.store() }
    }

    pub(super) fn restore(stored: &stored::UtbotCell) -> Result<Self, Misfit> {
        let stored::UtbotCell { mode: Code(mode), flips } = stored;
        Ok(Self { mode: *mode, flips: Events::restore(*flips)? })
    }
}
