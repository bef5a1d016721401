//! MACD: the line against its signal, on one side of zero.

use bellwether_schemas::readings::Signal;

use super::View;
use crate::heatmap::events::{Crosses, by_quiet_and_age, concat_by_age};
use crate::heatmap::{Before, Standing, Turn};
use crate::indicators::MacdValue;
use crate::snapshot::{Misfit, stored};

/// Crosses of the line over its signal.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct MacdCell {
    crosses: Crosses,
}

impl MacdCell {
    #[inline]
    pub(super) fn update(&mut self, macd: Option<MacdValue>) {
        if let Some(MacdValue { line, signal }) = macd {
            self.crosses.update(line, signal);
        }
    }

    #[inline]
    pub(super) fn view(&self, macd: Option<MacdValue>, quiet: bool) -> Option<View> {
        let MacdValue { line, signal } = macd?;
        let age = self.crosses.age();
        let (signal, reasons) = if line > signal {
            if line > 0.0 { (Signal::Buy, &ABOVE) } else { (Signal::Neutral, &ABOVE_IN_VAIN) }
        } else if line < signal {
            if line < 0.0 { (Signal::Sell, &BELOW) } else { (Signal::Neutral, &BELOW_IN_VAIN) }
        } else {
            (Signal::Neutral, &ON)
        };
        Some(View { signal, age, reason: reasons[usize::from(quiet)][age] })
    }

    pub(super) fn turn(&self, now: &Standing, before: &Before) -> Option<Turn> {
        let MacdValue { line, signal: threshold } = now.macd?;
        let signal = match self.crosses.now() {
            Signal::Buy if line > 0.0 => Signal::Buy,
            Signal::Sell if line < 0.0 => Signal::Sell,
            _ => Signal::Neutral,
        };
        Some(Turn { signal, value: Some(line), previous: before.macd_line, threshold: Some(threshold) })
    }
}

type Reasons = [[&'static str; 4]; 2];

static ABOVE: Reasons = by_quiet_and_age!("crossed"; "line above its signal and above 0");
static BELOW: Reasons = by_quiet_and_age!("crossed"; "line below its signal and below 0");
static ABOVE_IN_VAIN: Reasons = by_quiet_and_age!("crossed"; "line above its signal but not above 0");
static BELOW_IN_VAIN: Reasons = by_quiet_and_age!("crossed"; "line below its signal but not below 0");
static ON: Reasons = by_quiet_and_age!("crossed"; "line on its signal");

impl MacdCell {
    pub(super) fn store(&self) -> stored::Crosses {
        let Self { crosses } = self;
        crosses.store()
    }

    pub(super) fn restore(stored: stored::Crosses) -> Result<Self, Misfit> {
        Ok(Self { crosses: Crosses::restore(stored)? })
    }
}
