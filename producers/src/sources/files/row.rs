//! Rows of files, whatever their form: a bar or a quote at a time, with the line they stand on.

use bellwether_schemas::{Price, Timestamp};

use super::times::Moment;
use crate::error::{InputError, LineError};

/// A bar's prices: open, high, low, close.
pub(super) type Prices = [Price; 4];

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Body {
    /// A bar of the bid, and of the ask where the same row has it.
    Bar(Prices, Option<Prices>),
    /// A quote.
    Quote {
        /// What a seller gets.
        bid: Price,
        /// What a buyer pays.
        ask: Price,
    },
}

/// A row before its zone is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WrittenRow {
    /// Number of its line.
    pub(super) line: u64,
    /// Its time, as it is written.
    pub(super) time: Moment,
    /// Its prices.
    pub(super) body: Body,
    /// It names the file's symbol, or none.
    pub(super) ours: bool,
}

/// A row at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    /// Number of its line.
    pub(super) line: u64,
    /// When it was, or began.
    pub(super) ts: Timestamp,
    /// Its prices.
    pub(super) body: Body,
    /// It names the file's symbol, or none.
    pub(super) ours: bool,
}

/// A line of a file: its number, and the row or why it is none.
pub(super) type Line = (u64, Result<WrittenRow, LineError>);

/// Where rows are read from.
pub(super) trait Source: Send {
    /// The next line that should be a row; none at the end of the file.
    fn next_line(&mut self) -> Result<Option<Line>, InputError>;

    /// What was strange about its numbers and names.
    fn oddities(&self) -> Oddities;
}

/// What is told about a file once it is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Oddities {
    /// Prices that were shortened to 15 digits, and the first line with one.
    pub(super) shortened: Option<(u64, u64)>,
    /// Prices that were rounded to 9 decimals, and the first line with one.
    pub(super) rounded: Option<(u64, u64)>,
    /// The first names of other symbols.
    pub(super) others: Vec<String>,
}
