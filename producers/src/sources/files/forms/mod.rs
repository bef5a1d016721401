//! The forms of files that people have, as data: how each is known, what its rows hold, and what its times mean.
//! A new one is a file here and a line of [`FORMS`].

mod binance;
mod dukascopy;
mod histdata;
mod json;
mod metatrader;
mod ninjatrader;
mod plain;
mod tradingview;
mod truefx;

use std::fmt;
use std::str::FromStr;

use super::columns::Column;
use super::numbers::{self, DecimalSign};

/// One form. The table is searched in order: what is more special stands before what is more general.
pub(super) struct Form {
    /// The name `--format` takes.
    pub(super) name: &'static str,
    /// What it is, for people.
    pub(super) title: &'static str,
    /// How such a file begins, one row after a header where it has one.
    pub(super) sample: &'static str,
    /// What its rows are.
    pub(super) rows: Kind,
    /// What a time without an offset means.
    pub(super) local: Local,
    /// An empty price is the one before.
    pub(super) sparse: bool,
    /// The header it is known by, if it has one.
    pub(super) header: Option<Header>,
    /// The order of its columns where there is no header.
    pub(super) order: Option<Order>,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Open, high, low and close over a time.
    Bars,
    /// A bid and an ask at a moment.
    Ticks,
    /// A JSON document of bars.
    Json(Document),
}

/// The JSON documents that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    /// An array of arrays: epoch milliseconds, open, high, low, close, volume.
    Arrays,
    /// An object with `candles`.
    Candles,
}

/// What a time means that names no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Local {
    /// UTC, unless `--zone` says otherwise.
    Utc,
    /// Eastern Standard Time all year, by the form's own definition.
    Est,
    /// The broker's own time: it has to be said.
    Broker,
}

/// How a header is known.
pub(super) struct Header {
    /// Columns that must be there, besides a time.
    pub(super) needs: &'static [Column],
    /// One of these names must stand there as it is, whatever its case; any header will do where there are none.
    pub(super) marks: &'static [&'static str],
}

/// How rows without a header are known.
pub(super) struct Order {
    /// What each cell holds, from the left; further cells are not read.
    pub(super) columns: &'static [Option<Column>],
    /// Does a row look like it, and its file's name where that matters?
    pub(super) looks: fn(&Row<'_>) -> bool,
    /// How many of the first rows must look so: few where hardly anything else does.
    pub(super) percent: usize,
}

/// A row as it is looked at.
pub(super) struct Row<'a> {
    /// Its cells.
    pub(super) cells: &'a [String],
    /// Name of the file, with that of the one inside it where it is an archive.
    pub(super) file: &'a str,
    /// What separates decimals.
    pub(super) decimal: DecimalSign,
}

impl Row<'_> {
    /// The cell as a number, if it is one.
    fn number(&self, place: usize) -> Option<f64> {
        let (price, _) = numbers::price(self.cells.get(place)?.as_bytes(), self.decimal).ok()?;
        Some(price.value())
    }

    /// The cells are all numbers.
    fn are_numbers(&self, mut places: std::ops::Range<usize>) -> bool {
        places.all(|place| self.number(place).is_some())
    }

    /// The cell has digits where the pattern has `0`, and is otherwise what the pattern is.
    fn is_like(&self, place: usize, pattern: &str) -> bool {
        let Some(cell) = self.cells.get(place) else { return false };
        let fits =
            |(cell, pattern): (u8, u8)| if pattern == b'0' { cell.is_ascii_digit() } else { cell == pattern };
        cell.len() == pattern.len() && cell.bytes().zip(pattern.bytes()).all(fits)
    }
}

/// Every form, in the order in which they are tried.
pub(super) static FORMS: &[Form] = &[
    json::FREQTRADE,
    json::OANDA,
    truefx::TRUEFX,
    histdata::TICKS,
    histdata::M1,
    histdata::MT,
    ninjatrader::TICKS,
    metatrader::MT5_TICKS,
    metatrader::MT5_BARS,
    metatrader::MT4,
    dukascopy::TICKS,
    dukascopy::CANDLES,
    binance::KLINES,
    binance::AGG_TRADES,
    binance::TRADES,
    tradingview::TRADINGVIEW,
    plain::TICKS,
    plain::BARS,
    plain::PRICES,
];

/// A form of the table.
#[derive(Clone, Copy)]
pub struct FormRef(pub(super) &'static Form);

impl FormRef {
    /// The name `--format` takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name
    }
}

impl FormRef {
    /// What its rows are.
    pub(super) const fn kind(self) -> Kind {
        self.0.rows
    }
}

impl PartialEq for FormRef {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for FormRef {}

impl fmt::Debug for FormRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl fmt::Display for FormRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl FromStr for FormRef {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        FORMS
            .iter()
            .find(|form| form.name == name)
            .map(Self)
            .ok_or_else(|| format!("{name:?} is not a form: use one of {}", names().join(", ")))
    }
}

/// The table of forms as `backtest --help-formats` prints it.
#[must_use]
pub fn table() -> String {
    let line = |form: &Form| {
        let sample = form.sample.replace('\n', "\n    ");
        format!("{:<18} {}\n    {sample}\n", form.name, form.title)
    };
    FORMS.iter().map(line).collect()
}

/// The names that `--format` takes, in the order in which forms are tried.
#[must_use]
pub fn names() -> Vec<&'static str> {
    FORMS.iter().map(|form| form.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_has_a_name_of_its_own_and_is_found_by_it() {
        for form in FORMS {
            let found: FormRef = form.name.parse().unwrap();
            assert!(std::ptr::eq(found.0, form), "{}", form.name);
            assert!(table().contains(form.sample.lines().next().unwrap()));
        }
        assert!("csv".parse::<FormRef>().unwrap_err().contains("histdata, "));
    }
}
