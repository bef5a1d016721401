//! Moving average convergence/divergence after Gerald Appel.

use super::Ema;
use crate::snapshot::{Misfit, stored};

const FAST: u32 = 12;
const SLOW: u32 = 26;
const SIGNAL: u32 = 9;

/// MACD(12, 26, 9).
///
/// Unit: price difference. `line = EMA12 − EMA26`, `signal = EMA9 of the line` (seed: mean of its first nine),
/// `histogram = line − signal`. All three have their first value at close 34.
#[derive(Debug, Clone, PartialEq)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
    line: f64,
    before: Option<MacdValue>,
}

/// Line and signal at one close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MacdValue {
    /// EMA12 − EMA26 of the close.
    pub line: f64,
    /// Exponential average of `line` over 9 bars.
    pub signal: f64,
}

impl MacdValue {
    /// The line less its signal.
    #[must_use]
    pub const fn histogram(self) -> f64 {
        self.line - self.signal
    }
}

impl Default for Macd {
    fn default() -> Self {
        Self { fast: Ema::new(FAST), slow: Ema::new(SLOW), signal: Ema::new(SIGNAL), line: 0.0, before: None }
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

    /// The value one close earlier, for crossings.
    #[inline]
    #[must_use]
    pub const fn previous(&self) -> Option<MacdValue> {
        self.before
    }
}

impl Macd {
    pub(crate) fn store(&self) -> stored::Macd {
        let Self { fast, slow, signal, line, before } = self;
        let value = |MacdValue { line, signal }: MacdValue| stored::MacdValue { line, signal };
        stored::Macd {
            fast: fast.store(),
            slow: slow.store(),
            signal: signal.store(),
            line: *line,
            before: before.map(value),
        }
    }

    pub(crate) fn restore(stored: &stored::Macd) -> Result<Self, Misfit> {
        let stored::Macd { fast, slow, signal, line, before } = *stored;
        Ok(Self {
            fast: Ema::restore(FAST, fast)?,
            slow: Ema::restore(SLOW, slow)?,
            signal: Ema::restore(SIGNAL, signal)?,
            line,
            before: before.map(|stored::MacdValue { line, signal }| MacdValue { line, signal }),
        })
    }
}
