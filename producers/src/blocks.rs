//! Ticks into blocks: 256 of them, or what came within 5 ms.

use bellwether_schemas::price::MAX_SCALE;
use bellwether_schemas::ticks::{BlockSymbol, MAX_TICKS, Spacing, Tick};
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
    /// What its ticks name: each symbol once, or once for every way in which its quotes came about.
    pub symbols: Vec<InBlock>,
    /// The ticks; their symbol is the place in `symbols`.
    pub ticks: Vec<Tick>,
}

/// One symbol in a block, of quotes that came about alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InBlock {
    /// Place in the source's list of names.
    pub place: u16,
    /// Decimals that its prices have here.
    pub scale: u8,
    /// As [`Quote::judged`].
    pub judged: bool,
    /// As [`Quote::spacing`].
    pub spacing: Option<Spacing>,
}

impl InBlock {
    const fn of(quote: &Quote) -> Self {
        let Quote { symbol: place, scale, judged, spacing, .. } = *quote;
        Self { place, scale, judged, spacing }
    }

    fn holds(&self, quote: &Quote) -> bool {
        let Self { place, judged, spacing, .. } = *self;
        (place, judged, spacing) == (quote.symbol, quote.judged, quote.spacing)
    }
}

impl Block {
    /// The dictionary as the record carries it. `names` is the source's list.
    #[must_use]
    pub fn dictionary(&self, names: &[String]) -> Vec<BlockSymbol> {
        let name = |place: u16| names.get(usize::from(place)).map_or(UNNAMED, String::as_str).into();
        let entry = |InBlock { place, scale, judged, spacing }: &InBlock| BlockSymbol {
            name: name(*place),
            scale: *scale,
            judged: *judged,
            spacing: *spacing,
        };
        self.symbols.iter().map(entry).collect()
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
    let mut symbols: Vec<InBlock> = Vec::new();
    for quote in quotes {
        match symbols.iter_mut().find(|known| known.holds(quote)) {
            Some(known) => known.scale = quote.scale.max(known.scale),
            None => symbols.push(InBlock::of(quote)),
        }
    }
    let tick = |quote: &Quote| {
        let entry = (0..).zip(&symbols).find(|(_, known)| known.holds(quote));
        let (symbol, scale) = entry.map_or((0, quote.scale), |(symbol, known)| (symbol, known.scale));
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
        NumberedQuote {
            seq,
            quote: Quote { ts, symbol, bid, ask: bid + 1, scale, judged: false, spacing: None },
            line: None,
        }
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
        let scales: Vec<_> = out.symbols.iter().map(|known| (known.place, known.scale)).collect();
        assert_eq!(scales, [(4, 3), (2, 0)]);
        let got: Vec<_> = out.ticks.iter().map(|tick| (tick.symbol, tick.bid, tick.ask)).collect();
        assert_eq!(got, [(0, 1_500, 1_600), (1, 7, 8), (0, 1_501, 1_502)]);
    }

    #[test]
    fn quotes_of_a_symbol_that_came_about_differently_have_places_of_their_own_in_the_dictionary() {
        let (minute, hour) = (Spacing::new(60_000_000).unwrap(), Spacing::new(3_600_000_000).unwrap());
        let plain = |seq| tick(seq, 0, 100, 2);
        let of_bar = |seq, spacing| {
            let NumberedQuote { seq, quote, .. } = plain(seq);
            NumberedQuote { seq, quote: quote.of_bar(spacing), line: None }
        };
        let mut blocks = Blocks::default();
        for quote in [of_bar(0, hour), plain(1), of_bar(2, minute), of_bar(3, hour), tick(4, 1, 100, 2)] {
            assert_eq!(blocks.push(quote, Timestamp(0)), None);
        }
        let block = blocks.take().unwrap();
        assert_eq!(block.ticks.iter().map(|tick| tick.symbol).collect::<Vec<_>>(), [0, 1, 2, 0, 3]);
        let dictionary = block.dictionary(&["EURUSD".into(), "GBPUSD".into()]);
        let of = |name: &str, judged, spacing| BlockSymbol { name: name.into(), scale: 2, judged, spacing };
        assert_eq!(
            dictionary,
            [
                of("EURUSD", true, Some(hour)),
                of("EURUSD", false, None),
                of("EURUSD", true, Some(minute)),
                of("GBPUSD", false, None)
            ]
        );
    }
}
