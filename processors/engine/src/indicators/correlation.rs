//! Pearson's correlation coefficient of two symbols' log returns.

use super::log_return;

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
        let (a, b) = (Window::new(&self.a, self.at, window), Window::new(&self.b, self.at, window));
        if a.is_flat() || b.is_flat() {
            return None;
        }
        let (mean_a, mean_b) = (a.mean(), b.mean());
        let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
        for (x, y) in a.values().zip(b.values()) {
            let (x, y) = (x - mean_a, y - mean_b);
            aa += x * x;
            bb += y * y;
            ab += x * y;
        }
        Some((ab / (aa.sqrt() * bb.sqrt())).clamp(-1.0, 1.0))
    }
}

/// The last values of a ring, oldest first.
struct Window<'a> {
    older: &'a [f64],
    newer: &'a [f64],
}

impl<'a> Window<'a> {
    fn new(ring: &'a [f64; LONGEST_WINDOW], end: usize, length: usize) -> Self {
        let newer = &ring[end.saturating_sub(length)..end];
        Self { older: &ring[LONGEST_WINDOW - (length - newer.len())..], newer }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.older.iter().chain(self.newer).copied()
    }

    #[expect(clippy::cast_precision_loss, reason = "windows are at most 120")]
    fn mean(&self) -> f64 {
        self.values().sum::<f64>() / (self.older.len() + self.newer.len()) as f64
    }

    fn is_flat(&self) -> bool {
        let mut values = self.values();
        let first = values.next();
        values.all(|value| Some(value) == first)
    }
}
