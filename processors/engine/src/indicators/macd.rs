//! Moving average convergence/divergence after Gerald Appel.

use serde::{Deserialize, Serialize};

use super::Ema;

/// MACD(12, 26, 9).
///
/// Unit: price difference. `line = EMA12 − EMA26`, `signal = EMA9 of the line` (seed: mean of its first nine),
/// `histogram = line − signal`. All three have their first value at close 34.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
    line: f64,
    before: Option<MacdValue>,
}

/// Line and signal at one close.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MacdValue {
    /// EMA12 − EMA26.
    pub line: f64,
    /// Its EMA9.
    pub signal: f64,
}

impl MacdValue {
    /// Line less signal.
    #[must_use]
    pub const fn histogram(self) -> f64 {
        self.line - self.signal
    }
}

impl Default for Macd {
    fn default() -> Self {
        Self { fast: Ema::new(12), slow: Ema::new(26), signal: Ema::new(9), line: 0.0, before: None }
    }
}

impl Macd {
    /// Takes the next close in.
    #[inline]
    pub fn update(&mut self, close: f64) {
        self.before = self.value();
        self.fast.update(close);
        self.slow.update(close);
        if let (Some(fast), Some(slow)) = (self.fast.value(), self.slow.value()) {
            self.line = fast - slow;
            self.signal.update(self.line);
        }
    }

    /// At the last close; none before close 34.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Option<MacdValue> {
        self.signal.value().map(|signal| MacdValue { line: self.line, signal })
    }

    /// One close earlier.
    #[inline]
    #[must_use]
    pub const fn previous(&self) -> Option<MacdValue> {
        self.before
    }
}
