//! Ticks into blocks: 256 of them, or what came within 5 ms.

use bellwether_schemas::price::MAX_SCALE;
use bellwether_schemas::ticks::{BlockSymbol, MAX_TICKS, Tick};
use bellwether_schemas::{Price, Timestamp};

use crate::sources::{NumberedQuote, Quote};

/// How long the first tick of a block waits for others, microseconds.
pub const MAX_WAIT: i64 = 5_000;

/// The name of a place that has none: no tenant lists it.
const UNNAMED: &str = "?";

/// The ticks of a block, without its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// `source_seq` of the first; the rest follow.
    pub first_seq: u64,
    /// Places in the source's list of names, with the scale each has here.
    pub symbols: Vec<(u16, u8)>,
    /// The ticks; their symbol is the place in `symbols`.
    pub ticks: Vec<Tick>,
}

impl Block {
    /// The dictionary as the record carries it. `names` is the source's list.
    #[must_use]
    pub fn dictionary(&self, names: &[String]) -> Vec<BlockSymbol> {
        let name = |place: u16| names.get(usize::from(place)).map_or(UNNAMED, String::as_str).into();
        self.symbols.iter().map(|(place, scale)| BlockSymbol { name: name(*place), scale: *scale }).collect()
    }
}

/// The block that is being filled.
#[derive(Debug, Default)]
pub struct Blocks {
    first_seq: u64,
    quotes: Vec<Quote>,
    deadline: Timestamp,
    /// One of the quotes has so many digits that it does not fit every scale.
    has_large: bool,
}

impl Blocks {
    /// Takes one more; what was there before comes out first where `seq` does not follow on it, where it is full, and
    /// where the two have no scale in common.
    pub fn push(&mut self, tick: NumberedQuote, wall: Timestamp) -> Option<Block> {
        let follows = self.first_seq + self.quotes.len() as u64 == tick.seq;
        let joins = follows && self.quotes.len() < MAX_TICKS && self.shares_scale(&tick.quote);
        let before = if joins { None } else { self.take() };
        if self.quotes.is_empty() {
            self.first_seq = tick.seq;
            self.deadline = wall.plus(MAX_WAIT);
        }
        self.has_large |= is_large(&tick.quote);
        self.quotes.push(tick.quote);
        before
    }

    /// A block has one scale a symbol. Prices of ordinary size fit them all; large ones only their own.
    fn shares_scale(&self, quote: &Quote) -> bool {
        if !(self.has_large || is_large(quote)) {
            return true;
        }
        let mut same = self.quotes.iter().filter(|other| other.symbol == quote.symbol);
        same.all(|other| other.scale == quote.scale)
    }

    /// Holds as many as it may.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.quotes.len() >= MAX_TICKS
    }

    /// When what is buffered must go.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        (!self.quotes.is_empty()).then_some(self.deadline)
    }

    /// What is buffered, if anything.
    pub fn take(&mut self) -> Option<Block> {
        let quotes = std::mem::take(&mut self.quotes);
        self.has_large = false;
        (!quotes.is_empty()).then(|| fill(self.first_seq, &quotes))
    }
}

fn is_large(quote: &Quote) -> bool {
    let fits = |mantissa| Price { mantissa, scale: quote.scale }.rescale(MAX_SCALE).is_some();
    !(fits(quote.bid) && fits(quote.ask))
}

fn fill(first_seq: u64, quotes: &[Quote]) -> Block {
    let mut symbols: Vec<(u16, u8)> = Vec::new();
    for quote in quotes {
        match symbols.iter_mut().find(|(place, _)| *place == quote.symbol) {
            Some((_, scale)) => *scale = quote.scale.max(*scale),
            None => symbols.push((quote.symbol, quote.scale)),
        }
    }
    let tick = |quote: &Quote| {
        let entry = (0..).zip(&symbols).find(|(_, (place, _))| *place == quote.symbol);
        let (symbol, scale) = entry.map_or((0, quote.scale), |(symbol, (_, scale))| (symbol, *scale));
        let units =
            |price: i64| price.saturating_mul(10i64.pow(u32::from((scale - quote.scale).min(MAX_SCALE))));
        Tick { ts: quote.ts, symbol, bid: units(quote.bid), ask: units(quote.ask) }
    };
    let ticks = quotes.iter().map(tick).collect();
    Block { first_seq, symbols, ticks }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(seq: u64, symbol: u16, bid: i64, scale: u8) -> NumberedQuote {
        let ts = Timestamp(seq.cast_signed());
        NumberedQuote { seq, quote: Quote { ts, symbol, bid, ask: bid + 1, scale }, line: None }
    }

    #[test]
    fn a_price_of_many_digits_shares_a_block_only_with_its_own_scale() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.push(tick(0, 0, 100_000_000_000, 0), Timestamp(0)), None);
        assert_eq!(blocks.push(tick(1, 0, 100_000_000_001, 0), Timestamp(0)), None);
        assert_eq!(blocks.push(tick(2, 1, 1_500_000_000, 9), Timestamp(0)), None, "another symbol's scale");
        let before = blocks.push(tick(3, 0, 1_000_000_000_005, 1), Timestamp(0)).unwrap();
        assert_eq!(before.ticks.iter().map(|tick| tick.bid).max(), Some(100_000_000_001));
        assert_eq!(blocks.take().unwrap().ticks[0].bid, 1_000_000_000_005);
    }

    #[test]
    fn a_block_holds_256_ticks_and_no_more() {
        let mut blocks = Blocks::default();
        for seq in 0..256 {
            assert!(!blocks.is_full());
            assert_eq!(blocks.push(tick(seq, 0, 1, 0), Timestamp(0)), None);
        }
        assert!(blocks.is_full());
        let out = blocks.push(tick(256, 0, 1, 0), Timestamp(0)).unwrap();
        assert_eq!((out.first_seq, out.ticks.len()), (0, 256));
        assert_eq!(blocks.take().unwrap().first_seq, 256);
    }

    #[test]
    fn its_first_tick_waits_5_ms() {
        let mut blocks = Blocks::default();
        assert_eq!(blocks.deadline(), None);
        blocks.push(tick(0, 0, 1, 0), Timestamp(1_000));
        blocks.push(tick(1, 0, 1, 0), Timestamp(4_000));
        assert_eq!(blocks.deadline(), Some(Timestamp(6_000)));
        blocks.take();
        assert_eq!(blocks.deadline(), None);
    }

    #[test]
    fn a_place_that_does_not_follow_begins_a_new_block() {
        let mut blocks = Blocks::default();
        blocks.push(tick(7, 0, 1, 0), Timestamp(0));
        let out = blocks.push(tick(9, 0, 1, 0), Timestamp(0)).unwrap();
        assert_eq!((out.first_seq, out.ticks.len()), (7, 1));
    }

    #[test]
    fn a_symbol_has_the_largest_scale_of_its_prices_in_the_block() {
        let mut blocks = Blocks::default();
        blocks.push(tick(0, 4, 15, 1), Timestamp(0));
        blocks.push(tick(1, 2, 7, 0), Timestamp(0));
        blocks.push(tick(2, 4, 1_501, 3), Timestamp(0));
        let out = blocks.take().unwrap();
        assert_eq!(out.symbols, [(4, 3), (2, 0)]);
        let got: Vec<_> = out.ticks.iter().map(|tick| (tick.symbol, tick.bid, tick.ask)).collect();
        assert_eq!(got, [(0, 1_500, 1_600), (1, 7, 8), (0, 1_501, 1_502)]);
    }
}
