//! Listed pairs, and the currencies.

use serde::{Deserialize, Serialize};

use super::{FRAMES, Seen};

/// The part `pair/<place>`: what is kept of one pair, by its place in the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair {
    /// Names without the suffix: `EURUSD-GBPUSD`.
    pub(crate) key: String,
    /// Expected to move together.
    pub(crate) positive: bool,
    pub(crate) frames: [PairFrame; FRAMES],
}

/// A pair at one timeframe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairFrame {
    pub(crate) returns: PairReturns,
    /// By period, ascending: both RSI when they were compared last.
    pub(crate) rsi: Vec<PairRsi>,
    /// The last coefficient over 20, 50, 90 and 120 bars that was defined.
    pub(crate) coefficients: [Option<Seen>; 4],
}

/// Log returns over the instants at which both symbols closed a bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairReturns {
    /// The last closes of both.
    pub(crate) closes: Option<(f64, f64)>,
    /// The last 120 of both, the oldest first.
    pub(crate) returns: Vec<(f64, f64)>,
}

/// Both RSI of a pair at an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct PairRsi {
    pub(crate) period: u32,
    pub(crate) a: f64,
    pub(crate) b: f64,
    pub(crate) offset: u64,
}

/// The part `leaders`: the last reading of each timeframe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Leaders {
    pub(crate) last: [Option<Strength>; FRAMES],
}

/// USD, EUR, GBP, JPY, AUD, CAD, CHF, NZD at one instant; one without a pair has no number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Strength {
    /// Scores by the list of currencies, −100 to 100.
    pub(crate) scores: [Option<f64>; 8],
    /// Mean log return against the others.
    pub(crate) averages: [Option<f64>; 8],
    /// Place of who leads.
    pub(crate) strongest: u8,
    /// Place of who trails.
    pub(crate) weakest: u8,
    /// Journal offset of the record at which it was evaluated.
    pub(crate) offset: u64,
}
