//! Quotes in blocks: up to 256 ticks, or what arrived in 5 ms, share one record.

use serde::{Deserialize, Serialize};

use crate::journal::Origin;
use crate::time::{Timeframe, Timestamp};

/// Most ticks a block may hold.
pub const MAX_TICKS: usize = 256;

/// A symbol of a block's dictionary and the decimal scale of its prices there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSymbol {
    /// As the source spells it: matched against the tenant's list by the engine, so that what is unknown there
    /// can be refused there. Up to 64 bytes.
    pub name: String,
    /// Decimals of this symbol's prices in this block.
    pub scale: u8,
    /// Its ticks are played from rows of bars, each of which was judged as a whole: no single one is absurd.
    #[serde(default)]
    pub judged: bool,
    /// Length of those bars; none where the ticks are quotes.
    #[serde(default)]
    pub spacing: Option<Spacing>,
}

impl BlockSymbol {
    /// A symbol whose ticks are quotes.
    #[must_use]
    pub fn of_quotes(name: impl Into<String>, scale: u8) -> Self {
        Self { name: name.into(), scale, judged: false, spacing: None }
    }
}

/// Length of the bars that ticks are played from, microseconds above 0. Such ticks are four corners of each bar, so they
/// say nothing of what happened within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Spacing(i64);

impl Spacing {
    /// None for what is no length.
    #[must_use]
    pub const fn new(micros: i64) -> Option<Self> {
        if micros > 0 { Some(Self(micros)) } else { None }
    }

    /// Its length in microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whether bars of this timeframe can be made of bars this long: it is a multiple of them.
    #[must_use]
    pub const fn makes(self, timeframe: Timeframe) -> bool {
        timeframe.nominal() % self.0 == 0
    }
}

impl TryFrom<i64> for Spacing {
    type Error = &'static str;

    fn try_from(micros: i64) -> Result<Self, Self::Error> {
        Self::new(micros).ok_or("bars have a length above 0")
    }
}

impl From<Spacing> for i64 {
    fn from(spacing: Spacing) -> Self {
        spacing.0
    }
}

/// One quote inside a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tick {
    /// Event time: when the source made the quote.
    pub ts: Timestamp,
    /// Place in the block's dictionary.
    pub symbol: u16,
    /// Bid in units of the symbol's scale.
    pub bid: i64,
    /// Ask in units of the symbol's scale.
    pub ask: i64,
}

/// A record of ticks. `source_seq` of the tick at place i is `first_seq + i`.
#[derive(Debug, Clone, PartialEq)]
pub struct TickBlock {
    /// The producer that wrote the block, and when.
    pub origin: Origin,
    /// When the source received them, on its own clock: `future` is judged against it.
    pub ingested_at: Timestamp,
    /// Rises within (source, session, symbol); none where the source has no order of its own.
    pub first_seq: Option<u64>,
    /// Dictionary of the block: ticks name their symbol by the place in it.
    pub symbols: Vec<BlockSymbol>,
    /// The ticks, in the source's order.
    pub ticks: Vec<Tick>,
    /// Volumes, as many as ticks, or none at all.
    pub volumes: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, HOUR, MINUTE};

    fn made_of(micros: i64) -> Vec<Timeframe> {
        let spacing = Spacing::new(micros).unwrap();
        Timeframe::ALL.into_iter().filter(|timeframe| spacing.makes(*timeframe)).collect()
    }

    #[test]
    fn bars_make_the_timeframes_that_are_multiples_of_their_length() {
        use Timeframe::{D1, H1, H4, M15, M30, W1};
        assert_eq!(made_of(MINUTE), Timeframe::ALL);
        assert_eq!(made_of(HOUR), [H1, H4, D1, W1]);
        assert_eq!(made_of(3 * MINUTE), [M15, M30, H1, H4, D1, W1]);
        assert_eq!(made_of(2 * HOUR), [H4, D1, W1]);
        assert_eq!(made_of(7 * DAY), [W1]);
        assert_eq!(made_of(30 * DAY), []);
    }

    #[test]
    fn what_has_no_length_is_no_bar() {
        assert_eq!((Spacing::new(0), Spacing::new(-1)), (None, None));
    }
}
