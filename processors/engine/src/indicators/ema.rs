//! Exponential moving average.

use crate::snapshot::{Misfit, stored};

/// EMA of p values.
///
/// Unit: that of its input. Seed = mean of the first p, then `ema += k·(x − ema)` with `k = 2/(p+1)`. First value at
/// the p-th input. Source: MetaTrader's definition, which users compare with.
#[derive(Debug, Clone, PartialEq)]
pub struct Ema {
    period: u32,
    seen: u32,
    k: f64,
    /// The sum of the inputs until there are p of them.
    value: f64,
}

impl Ema {
    /// Of `period` values, at least 1.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { period, seen: 0, k: 2.0 / (period as f64 + 1.0), value: 0.0 }
    }

    /// Takes the next value in.
    #[inline]
    pub fn update(&mut self, x: f64) {
        if self.seen >= self.period {
            self.value += self.k * (x - self.value);
        } else {
            self.warm_up(x);
        }
    }

    fn warm_up(&mut self, x: f64) {
        self.seen += 1;
        self.value += x;
        if self.seen == self.period {
            self.value /= f64::from(self.period);
        }
    }

    /// The average; none before the p-th value.
    #[inline]
    #[must_use]
    pub const fn value(&self) -> Option<f64> {
        if self.seen >= self.period { Some(self.value) } else { None }
    }
}

impl Ema {
    pub(crate) fn store(&self) -> stored::Ema {
        let Self { period: _, seen, k: _, value } = *self;
        stored::Ema { seen, value }
    }

    /// Of `period` values, like the one that was stored.
    pub(crate) fn restore(period: u32, stored: stored::Ema) -> Result<Self, Misfit> {
        let stored::Ema { seen, value } = stored;
        Misfit::unless(seen <= period, "an average has seen more than its period")?;
        Ok(Self { seen, value, ..Self::new(period) })
    }
}
