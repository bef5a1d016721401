//! Pearson's correlation coefficient of two symbols' log returns.

use super::log_return;
use crate::snapshot::{Misfit, stored};

/// The longest window an alert may ask for.
pub const LONGEST_WINDOW: usize = 120;

/// The windows an alert may ask for.
pub const WINDOWS: [usize; 4] = [20, 50, 90, LONGEST_WINDOW];

/// The last returns of a pair on one timeframe, over bar times that both symbols have.
///
/// The coefficient is computed from the returns themselves, in two passes over the window: no sum is carried, so its
/// error does not grow with the age of the series.
#[derive(Debug, Clone, PartialEq)]
pub struct PairReturns {
    closes: Option<(f64, f64)>,
    a: [f64; LONGEST_WINDOW],
    b: [f64; LONGEST_WINDOW],
    at: usize,
    seen: usize,
}

impl Default for PairReturns {
    fn default() -> Self {
        Self { closes: None, a: [0.0; LONGEST_WINDOW], b: [0.0; LONGEST_WINDOW], at: 0, seen: 0 }
    }
}

impl PairReturns {
    /// Takes the closes of an instant in at which both symbols closed a bar.
    pub fn update(&mut self, close_a: f64, close_b: f64) {
        let Some((before_a, before_b)) = self.closes.replace((close_a, close_b)) else { return };
        self.a[self.at] = log_return(before_a, close_a);
        self.b[self.at] = log_return(before_b, close_b);
        self.at = (self.at + 1) % LONGEST_WINDOW;
        self.seen = (self.seen + 1).min(LONGEST_WINDOW);
    }

    /// Pearson's coefficient of the last `window` returns, −1 to 1. Undefined with fewer, and when all returns of one
    /// symbol are equal.
    #[must_use]
    pub fn coefficient(&self, window: usize) -> Option<f64> {
        if window < 2 || window > self.seen {
            return None;
        }
        let first = self.first(window);
        let (mut flat, mut sums) = ((true, true), (0.0, 0.0));
        self.each(window, |a, b| {
            flat = (flat.0 && a == first.0, flat.1 && b == first.1);
            sums = (sums.0 + a, sums.1 + b);
        });
        if flat.0 || flat.1 {
            return None;
        }
        let (mean_a, mean_b) = (sums.0 / as_f64(window), sums.1 / as_f64(window));
        let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
        self.each(window, |a, b| {
            let (a, b) = (a - mean_a, b - mean_b);
            aa += a * a;
            bb += b * b;
            ab += a * b;
        });
        Some((ab / (aa.sqrt() * bb.sqrt())).clamp(-1.0, 1.0))
    }

    /// Closes that are missing before there can be a coefficient over that window.
    #[must_use]
    pub fn missing(&self, window: usize) -> usize {
        window.saturating_sub(self.seen) + usize::from(self.closes.is_none())
    }

    /// The oldest returns of a window.
    const fn first(&self, window: usize) -> (f64, f64) {
        let place = (self.at + LONGEST_WINDOW - window) % LONGEST_WINDOW;
        (self.a[place], self.b[place])
    }

    /// Walks the last returns, oldest first.
    #[inline]
    fn each(&self, window: usize, mut visit: impl FnMut(f64, f64)) {
        let newer = self.at.saturating_sub(window)..self.at;
        let older = LONGEST_WINDOW - (window - newer.len())..LONGEST_WINDOW;
        for part in [older, newer] {
            for (a, b) in self.a[part.clone()].iter().zip(&self.b[part]) {
                visit(*a, *b);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "windows are at most 120")]
const fn as_f64(window: usize) -> f64 {
    window as f64
}

impl PairReturns {
    pub(crate) fn store(&self) -> stored::PairReturns {
        let Self { closes, a, b, at, seen } = self;
        let oldest = *at + LONGEST_WINDOW - *seen;
        let places = (oldest..oldest + *seen).map(|place| place % LONGEST_WINDOW);
        stored::PairReturns { closes: *closes, returns: places.map(|place| (a[place], b[place])).collect() }
    }

    pub(crate) fn restore(stored: &stored::PairReturns) -> Result<Self, Misfit> {
        let stored::PairReturns { closes, returns } = stored;
        let seen = returns.len();
        Misfit::unless(seen <= LONGEST_WINDOW, "a pair has more returns than the longest window")?;
        let mut restored = Self { closes: *closes, at: seen % LONGEST_WINDOW, seen, ..Self::default() };
        for (place, (a, b)) in returns.iter().enumerate() {
            (restored.a[place], restored.b[place]) = (*a, *b);
        }
        Ok(restored)
    }
}
