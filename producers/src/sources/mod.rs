//! Where quotes come from. `files` and `synthetic` are pulled at a played clock, `live` pushes as things happen;
//! everything downstream sees [`NumberedQuote`]s.

pub mod files;
pub mod live;
pub mod synthetic;

use bellwether_schemas::ticks::Spacing;
use bellwether_schemas::{Price, Timestamp};

pub use files::{FileOptions, FormRef, Input, Zone};

/// One quote of a source. Both prices are integers in units of `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Event time of the quote.
    pub ts: Timestamp,
    /// Place in the source's list of names.
    pub symbol: u16,
    /// What a seller gets.
    pub bid: i64,
    /// What a buyer pays; below the bid where the source says so: the engine judges it.
    pub ask: i64,
    /// Decimals of bid and ask: both are in units of 10^−`scale`.
    pub scale: u8,
    /// It comes of a row of bars that was judged as a whole: the engine does not judge it again.
    pub judged: bool,
    /// Length of the bars it comes of; none for what a source quoted.
    pub spacing: Option<Spacing>,
}

impl Quote {
    /// From two prices; where one does not fit the other's scale it is 0, which the engine refuses.
    #[must_use]
    pub fn new(ts: Timestamp, symbol: u16, bid: Price, ask: Price) -> Self {
        let scale = bid.scale.max(ask.scale);
        let units = |price: Price| price.rescale(scale).map_or(0, |price| price.mantissa);
        Self { ts, symbol, bid: units(bid), ask: units(ask), scale, judged: false, spacing: None }
    }

    /// The same as a corner of a bar this long, in a row of bars that was judged as a whole.
    #[must_use]
    pub const fn of_bar(self, spacing: Spacing) -> Self {
        Self { judged: true, spacing: Some(spacing), ..self }
    }
}

/// A quote with its place in the source: what a restarted producer goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedQuote {
    /// Rises within the session.
    pub seq: u64,
    /// The quote that has the number.
    pub quote: Quote,
    /// Where it stands, if it comes from a file.
    pub line: Option<LineRef>,
}

/// A line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRef {
    /// Place of the input, from 0.
    pub input: u16,
    /// Number of the line, from 1.
    pub line: u64,
}

/// The place of a quote whose row names another symbol than the file was given for: no name stands there, so that the
/// engine refuses it as unknown.
pub const NOT_OURS: u16 = u16::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_keep_their_digits_and_both_sides_share_the_larger_scale() {
        let price = |text| Price::parse(text).unwrap();
        let quote = Quote::new(Timestamp(1), 0, price("1.5"), price("1.50010"));
        assert_eq!((quote.bid, quote.ask, quote.scale), (150_000, 150_010, 5));
        let far = Quote::new(Timestamp(1), 0, price("93000000000"), price("9.123456789"));
        assert_eq!((far.bid, far.ask), (0, 9_123_456_789), "it does not fit nine decimals");
    }
}
