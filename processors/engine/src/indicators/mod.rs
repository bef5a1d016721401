//! Streaming functions of closed bars, one file each. State is carried for ever: never recomputed from a window.

mod rsi;

pub use rsi::{MAX_PERIOD, MIN_PERIOD, RSI_PERIODS, RsiBank};

/// Every indicator of one series.
#[derive(Debug, Clone, Default)]
pub struct Indicators {
    /// RSI of every period an alert may ask for.
    pub rsi: RsiBank,
}

impl Indicators {
    /// Takes the next closed bar in.
    pub fn update(&mut self, close: f64) {
        self.rsi.update(close);
    }
}
