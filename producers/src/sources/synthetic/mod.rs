//! A seeded market of the tenant's symbols, around the clock. The same seed gives the same bytes, and any minute
//! can be made without the ones before it: `source_seq` is a function of the minute and the place in it.

pub mod market;
pub mod walk;

use bellwether_schemas::settings::Settings;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{Symbol, Timestamp};

use self::market::{Instrument, instruments};
use self::walk::{Walk, mix};
use super::{NumberedQuote, Quote};
use crate::error::{InputError, ProducerError};

/// Bits of `source_seq` that hold the place inside the minute.
const PLACE_BITS: u32 = 20;
/// Version of the numbers: a change of any of them makes another session.
const VERSION: u32 = 1;
/// A bar's four corners must be four ticks.
const FEWEST: u32 = 6;
const MOST: u32 = 60_000;

/// What a synthetic market is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Market {
    seed: u64,
    symbols: Vec<Symbol>,
    suffix: String,
    ticks_a_minute: u32,
}

impl Market {
    /// The tenant's symbols at about so many ticks a minute each (60: one a second).
    ///
    /// # Errors
    /// Fewer than 6 ticks a minute, or more than `source_seq` has room for.
    pub fn new(seed: u64, settings: &Settings, ticks_a_minute: u32) -> Result<Self, ProducerError> {
        if !(FEWEST..=MOST).contains(&ticks_a_minute) {
            let asked = format!("{ticks_a_minute} ticks a minute: use {FEWEST} to {MOST}");
            return Err(ProducerError::Market(asked));
        }
        let symbols: Vec<Symbol> = settings.symbols.iter().map(|symbol| symbol.name.clone()).collect();
        let most = symbols.len() as u64 * u64::from(ticks_a_minute) * 5 / 4;
        if symbols.is_empty() || most >= 1 << PLACE_BITS {
            let asked = format!("{} symbols with {ticks_a_minute} ticks a minute each", symbols.len());
            return Err(ProducerError::Market(format!("{asked}: at least one, at most a million ticks")));
        }
        Ok(Self { seed, symbols, suffix: settings.symbol_suffix.clone(), ticks_a_minute })
    }

    /// Names this market: whoever changes the seed, the symbols or the rate makes another.
    #[must_use]
    pub fn session(&self) -> String {
        let names: Vec<&str> = self.symbols.iter().map(Symbol::as_str).collect();
        let text = format!("{VERSION}|{}|{}|{}", self.suffix, self.ticks_a_minute, names.join(","));
        format!("seed-{}-{}", self.seed, uuid::Uuid::new_v5(&uuid::Uuid::nil(), text.as_bytes()))
    }

    /// The symbols as ticks name them.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.symbols.iter().map(ToString::to_string).collect()
    }

    /// Minute by minute from that one on.
    #[must_use]
    pub fn minutes(&self, from: Timestamp) -> Minutes {
        let (instruments, factors) = instruments(self.seed, &self.symbols, &self.suffix);
        let walk = Walk::at(factors, minute_of(from));
        let prices = instruments.iter().map(|instrument| price(instrument, &walk)).collect();
        Minutes { walk, instruments, minute: minute_of(from), prices, ticks_a_minute: self.ticks_a_minute }
    }

    /// All ticks from the minute of `from` on, up to but without those at `until`.
    #[must_use]
    pub fn ticks(&self, from: Timestamp, until: Option<Timestamp>) -> Ticks {
        Ticks {
            minutes: self.minutes(from),
            until: until.unwrap_or(Timestamp::MAX),
            ready: Vec::new().into_iter(),
        }
    }
}

/// The minute since 1970 that holds a time.
const fn minute_of(ts: Timestamp) -> i64 {
    ts.floor(MINUTE).0 / MINUTE
}

/// The minute that a tick's place in the session lies in.
#[must_use]
pub const fn minute_of_seq(seq: u64) -> Timestamp {
    Timestamp((seq >> PLACE_BITS).cast_signed() * MINUTE)
}

/// One minute of one symbol: its bar, and the places of its corners among its ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Decimals of the four prices.
    pub scale: u8,
    /// First bid of the minute, in units of 10^−`scale`.
    pub open: i64,
    /// Largest bid of the minute, in the same units.
    pub high: i64,
    /// Smallest bid of the minute, in the same units.
    pub low: i64,
    /// Last bid of the minute, in the same units.
    pub close: i64,
    /// Ticks that the minute is made of.
    pub ticks: u32,
    high_at: u32,
    low_at: u32,
    seed: u64,
    spread: i64,
}

/// The shapes of all symbols, a minute at a time.
pub struct Minutes {
    walk: Walk,
    instruments: Vec<Instrument>,
    minute: i64,
    prices: Vec<i64>,
    ticks_a_minute: u32,
}

impl Minutes {
    /// The next minute's first instant and its shapes in the order of the symbols.
    pub fn next_minute(&mut self) -> (Timestamp, Vec<Shape>) {
        self.walk.advance();
        let mut shapes = Vec::with_capacity(self.instruments.len());
        for (instrument, price_before) in self.instruments.iter().zip(&mut self.prices) {
            let price = price(instrument, &self.walk);
            let draw = mix([instrument.seed, 3, self.minute.cast_unsigned(), 0]);
            shapes.push(shape(instrument, draw, *price_before, price, self.ticks_a_minute));
            *price_before = price;
        }
        let start = Timestamp(self.minute * MINUTE);
        self.minute += 1;
        (start, shapes)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "prices are far below 2^53")]
fn price(instrument: &Instrument, walk: &Walk) -> i64 {
    let ratio = walk.worth(instrument.base) / walk.worth(instrument.quote);
    let units = ratio * 10i64.pow(u32::from(instrument.scale)) as f64;
    ((units + 0.5) as i64).max(1)
}

/// From the price at the minute's beginning to the one at its end, with a wick on either side.
fn shape(instrument: &Instrument, draw: u64, from: i64, to: i64, ticks_a_minute: u32) -> Shape {
    let part = |place: u32, of: i64| ((draw >> (place * 12)) & 0xfff).cast_signed() * of / 0xfff;
    let deviation = from * instrument.volatility / 1_000_000;
    let (open, close) = ((from + part(0, deviation / 2) - deviation / 4).max(1), to);
    let high = open.max(close) + part(1, deviation);
    let low = (open.min(close) - part(2, deviation)).max(1);
    let span = i64::from(ticks_a_minute / 4);
    let ticks = ticks_a_minute - ticks_a_minute / 8 + u32::try_from(part(3, span)).unwrap_or(0);
    // Two different places between the first and the last.
    let inner = u64::from(ticks - 2);
    let high_at = 1 + draw % inner;
    let low_at = 1 + (high_at - 1 + 1 + (draw >> 20) % (inner - 1)) % inner;
    Shape {
        scale: instrument.scale,
        open,
        high,
        low,
        close,
        ticks,
        high_at: narrow(high_at),
        low_at: narrow(low_at),
        seed: draw,
        spread: (from * instrument.spread / 1_000_000).max(1),
    }
}

fn narrow(place: u64) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

impl Shape {
    /// The quote at that place, in the minute that begins at `start`.
    #[must_use]
    pub fn quote(&self, start: Timestamp, symbol: u16, place: u32) -> Quote {
        let draw = mix([self.seed, 4, u64::from(place), 0]);
        let slot = MINUTE / i64::from(self.ticks);
        let millis =
            slot * i64::from(place) / 1000 + (draw % (slot / 1000).max(1).cast_unsigned()).cast_signed();
        let bid = self.bid(place, draw >> 20);
        let spread = self.spread + ((draw >> 40) % (self.spread / 2 + 1).cast_unsigned()).cast_signed();
        Quote {
            ts: start.plus(millis * 1000),
            symbol,
            bid,
            ask: bid + spread,
            scale: self.scale,
            judged: false,
            spacing: None,
        }
    }

    /// The corners at their places, between them the way from one to the next with some noise inside the bar.
    fn bid(&self, place: u32, draw: u64) -> i64 {
        let first =
            (self.high_at.min(self.low_at), if self.high_at < self.low_at { self.high } else { self.low });
        let second =
            (self.high_at.max(self.low_at), if self.high_at < self.low_at { self.low } else { self.high });
        let corners = [(0, self.open), first, second, (self.ticks - 1, self.close)];
        let after = corners.iter().position(|(at, _)| *at >= place).unwrap_or(corners.len() - 1);
        let (to_at, to) = corners[after];
        if to_at == place {
            return to;
        }
        let (from_at, from) = corners[after.saturating_sub(1)];
        let way = (to - from) * i64::from(place - from_at) / i64::from(to_at - from_at);
        let noise = (self.high - self.low) / 8;
        let noise = (draw % (2 * noise + 1).cast_unsigned()).cast_signed() - noise;
        (from + way + noise).clamp(self.low, self.high)
    }
}

/// The market's ticks, ordered by time, ties in the order of the symbols.
pub struct Ticks {
    minutes: Minutes,
    until: Timestamp,
    ready: std::vec::IntoIter<NumberedQuote>,
}

impl Ticks {
    fn fill(&mut self) {
        let first = minute_seq(self.minutes.minute);
        let (start, shapes) = self.minutes.next_minute();
        let of = |(symbol, shape): (u16, Shape)| (0..shape.ticks).map(move |n| shape.quote(start, symbol, n));
        let mut quotes: Vec<Quote> = (0..).zip(shapes).flat_map(of).collect();
        quotes.sort_by_key(|quote| (quote.ts, quote.symbol));
        let sequenced = (first..).zip(quotes).map(|(seq, quote)| NumberedQuote { seq, quote, line: None });
        self.ready = sequenced.collect::<Vec<_>>().into_iter();
    }
}

const fn minute_seq(minute: i64) -> u64 {
    minute.cast_unsigned() << PLACE_BITS
}

impl Iterator for Ticks {
    type Item = Result<NumberedQuote, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.len() == 0 {
            self.fill();
        }
        self.ready.next().filter(|tick| tick.quote.ts < self.until).map(Ok)
    }
}
