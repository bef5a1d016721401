//! Rows that may name their symbol, as quotes of the symbol that the file was given for.

use bellwether_schemas::{Price, Timestamp};

use super::lines::Rows;
use crate::error::InputError;
use crate::sources::{NOT_OURS, Quote};

/// One tick of a file whose header names its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Event time of the tick.
    pub ts: Timestamp,
    /// What a seller gets.
    pub bid: Price,
    /// What a buyer pays.
    pub ask: Price,
    /// It names the file's symbol, or none.
    pub ours: bool,
}

/// The symbol that a file was given for.
#[derive(Debug, Clone, Default)]
pub struct Owner(String);

/// What brokers of the ancestor's tenants add to a name.
const SUFFIX: &str = "m";

impl Owner {
    /// Of a file given for this symbol.
    #[must_use]
    pub fn new(symbol: &str) -> Self {
        Self(symbol.into())
    }

    /// Does this name mean the symbol? Case, slashes and spaces do not count, and a suffix may be missing.
    #[must_use]
    pub fn owns(&self, name: &str) -> bool {
        letters(name).eq(letters(&self.0)) || letters(name).chain(letters(SUFFIX)).eq(letters(&self.0))
    }
}

fn letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(|byte| !matches!(byte, b'/' | b' ')).map(|byte| byte.to_ascii_uppercase())
}

/// The quotes of one file.
pub struct NamedQuotes {
    rows: Rows<Named, Owner>,
    symbol: u16,
}

impl NamedQuotes {
    /// The quotes of these rows.
    #[must_use]
    pub const fn new(rows: Rows<Named, Owner>, symbol: u16) -> Self {
        Self { rows, symbol }
    }
}

impl Iterator for NamedQuotes {
    type Item = Result<Quote, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next_row().transpose()?;
        Some(row.map(|row| {
            let symbol = if row.ours { self.symbol } else { NOT_OURS };
            Quote::new(row.ts, symbol, row.bid, row.ask)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_agrees_without_case_slash_space_and_suffix() {
        let owner = Owner::new("EURUSDm");
        for name in ["EURUSDm", "eur/usd", "EUR USD", "EURUSDM"] {
            assert!(owner.owns(name), "{name}");
        }
        for name in ["GBPUSD", "EURUSDmm", "", "EURUS"] {
            assert!(!owner.owns(name), "{name}");
        }
        assert!(!Owner::new("EURUSD").owns("EURUSDm"), "a suffix is added to a name, never taken off");
    }
}
