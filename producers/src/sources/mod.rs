//! Where quotes come from: one file a source. Everything downstream sees [`Sequenced`] quotes.

pub mod dukascopy;
pub mod file;
pub mod histdata;
pub mod lines;
pub mod m1;
pub mod market;
pub mod merge;
pub mod named;
pub mod synthetic;
pub mod ticks;
pub mod truefx;
pub mod walk;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use bellwether_schemas::{Price, Timestamp};
use chrono::{DateTime, NaiveDateTime};

use crate::error::{InputError, LineError};

/// One quote of a source. Both prices are integers in units of `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Event time.
    pub ts: Timestamp,
    /// Place in the source's list of names.
    pub symbol: u16,
    /// What a seller gets.
    pub bid: i64,
    /// What a buyer pays; below the bid where the source says so: the engine judges it.
    pub ask: i64,
    /// Decimals of both.
    pub scale: u8,
}

impl Quote {
    /// From two prices; where one does not fit the other's scale it is 0, which the engine refuses.
    #[must_use]
    pub fn new(ts: Timestamp, symbol: u16, bid: Price, ask: Price) -> Self {
        let scale = bid.scale.max(ask.scale);
        let units = |price: Price| price.rescale(scale).map_or(0, |price| price.mantissa);
        Self { ts, symbol, bid: units(bid), ask: units(ask), scale }
    }
}

/// A quote with its place in the source: what a restarted producer goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequenced {
    /// Rises within the session.
    pub seq: u64,
    /// The quote.
    pub quote: Quote,
}

/// A source's quotes, in its order.
pub type Quotes = Box<dyn Iterator<Item = Result<Quote, InputError>> + Send>;

/// The place of a quote whose row names another symbol than the file was given for: no name stands there, so that the
/// engine refuses it as unknown.
pub const NOT_OURS: u16 = u16::MAX;

/// The forms of input files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `YYYYMMDD HHMMSSmmm,bid,ask,volume` in EST.
    Histdata,
    /// One-minute bars of the bid, in UTC.
    M1,
    /// `EUR/USD,YYYYMMDD HH:MM:SS.mmm,bid,ask` in UTC.
    Truefx,
    /// A header `ts[,symbol],bid,ask[,volume]`.
    Ticks,
    /// A header `Gmt time,Ask,Bid,AskVolume,BidVolume`.
    Dukascopy,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 5] = [Self::Histdata, Self::M1, Self::Truefx, Self::Ticks, Self::Dukascopy];
    /// Their names, for people.
    pub const NAMES: &'static str = "histdata, m1, truefx, ticks or dukascopy";

    /// The name `--format` takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Histdata => "histdata",
            Self::M1 => "m1",
            Self::Truefx => "truefx",
            Self::Ticks => "ticks",
            Self::Dukascopy => "dukascopy",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Form {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|form| form.name() == text);
        found.ok_or_else(|| format!("{text:?} is not a form: use {}", Self::NAMES))
    }
}

/// Most bytes of a symbol as a source spells it.
const MAX_NAME: usize = 64;

/// One `SYMBOL=FILE` of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// As typed: the engine matches it against the tenant's list.
    pub symbol: String,
    /// Quotes, or bars of the bid.
    pub file: PathBuf,
    /// Bars of the ask.
    pub ask: Option<PathBuf>,
}

impl FromStr for Input {
    type Err = InputError;

    fn from_str(text: &str) -> Result<Self, InputError> {
        let usage = |reason| InputError::Usage { given: text.into(), reason };
        let (symbol, files) = text.split_once('=').ok_or_else(|| usage("there is no ="))?;
        if symbol.trim().is_empty() || symbol.len() > MAX_NAME {
            return Err(usage("the symbol must have 1 to 64 bytes"));
        }
        let (file, ask) = match files.split_once('+') {
            Some((bid, ask)) => (bid, Some(ask)),
            None => (files, None),
        };
        if file.is_empty() || ask.is_some_and(str::is_empty) {
            return Err(usage("a file's name is empty"));
        }
        Ok(Self { symbol: symbol.trim().into(), file: file.into(), ask: ask.map(PathBuf::from) })
    }
}

/// Reads a price.
///
/// # Errors
/// No decimal number, or more digits or decimals than are carried.
pub fn price_field(column: &'static str, text: &str) -> Result<Price, LineError> {
    Price::parse(text).map_err(|error| LineError::Price { column, reason: error.to_string() })
}

/// A date and a time, separated by `T` or a space, in UTC unless an offset follows.
#[must_use]
pub fn parse_utc(text: &str) -> Option<Timestamp> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(Timestamp(time.timestamp_micros()));
    }
    let text = text.replacen('T', " ", 1);
    let naive = |form| NaiveDateTime::parse_from_str(&text, form).ok();
    let time = naive("%Y-%m-%d %H:%M:%S%.f").or_else(|| naive("%Y-%m-%d %H:%M"))?;
    Some(Timestamp(time.and_utc().timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_names_a_symbol_and_one_or_two_files() {
        let one: Input = "eurusd=data/a=b.csv".parse().unwrap();
        assert_eq!((one.symbol.as_str(), one.file.to_str().unwrap()), ("eurusd", "data/a=b.csv"));
        let two: Input = "GBPUSD=bid.csv+ask.csv".parse().unwrap();
        assert_eq!(two.ask.unwrap().to_str().unwrap(), "ask.csv");
        for bad in ["EURUSD", "=a.csv", "EURUSD=", "EURUSD=a+"] {
            assert_eq!(bad.parse::<Input>().unwrap_err().exit_code(), 64, "{bad}");
        }
    }

    #[test]
    fn prices_keep_their_digits_and_both_sides_share_the_larger_scale() {
        let price = |text| price_field("bid", text).unwrap();
        let quote = Quote::new(Timestamp(1), 0, price("1.5"), price("1.50010"));
        assert_eq!((quote.bid, quote.ask, quote.scale), (150_000, 150_010, 5));
        let far = Quote::new(Timestamp(1), 0, price("93000000000"), price("9.123456789"));
        assert_eq!((far.bid, far.ask), (0, 9_123_456_789), "it does not fit nine decimals");
    }
}
