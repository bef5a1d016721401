//! Average true range after J. Welles Wilder, *New Concepts in Technical Trading Systems* (1978).

use super::Ohlc;
use crate::snapshot::{Misfit, stored};

const PERIOD: u32 = 10;

/// ATR(10).
///
/// Unit: price difference. `TR = max(high − low, |high − previous close|, |low − previous close|)`, of the first bar
/// `high − low`. Seed = mean of the first ten, then `atr = (atr·9 + TR)/10`. First value at bar 10.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Atr {
    seen: u32,
    previous_close: Option<f64>,
    /// The sum of the ranges until there are ten of them.
    value: f64,
}

impl Atr {
    /// Takes the next closed bar in.
    #[inline]
    pub fn update(&mut self, bar: &Ohlc) {
        let range = true_range(bar, self.previous_close.replace(bar.close));
        if self.seen >= PERIOD {
            self.value = (self.value * f64::from(PERIOD - 1) + range) / f64::from(PERIOD);
        } else {
            self.warm_up(range);
        }
    }

    fn warm_up(&mut self, range: f64) {
        self.seen += 1;
        self.value += range;
        if self.seen == PERIOD {
            self.value /= f64::from(PERIOD);
        }
    }

    /// The average; none before bar 10.
    #[inline]
    #[must_use]
    pub const fn value(&self) -> Option<f64> {
        if self.seen >= PERIOD { Some(self.value) } else { None }
    }
}

#[inline]
fn true_range(bar: &Ohlc, previous_close: Option<f64>) -> f64 {
    let range = bar.high - bar.low;
    previous_close
        .map_or(range, |previous| range.max((bar.high - previous).abs()).max((bar.low - previous).abs()))
}

impl Atr {
    pub(crate) fn store(&self) -> stored::Atr {
        let Self { seen, previous_close, value } = *self;
        stored::Atr { seen, previous_close, value }
    }

    pub(crate) fn restore(stored: &stored::Atr) -> Result<Self, Misfit> {
        let stored::Atr { seen, previous_close, value } = *stored;
        Misfit::unless(seen <= PERIOD, "a true range has seen more than its period")?;
        Ok(Self { seen, previous_close, value })
    }
}
