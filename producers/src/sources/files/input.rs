//! What is named on the command line: files, and the symbols they are given for.

use std::path::PathBuf;
use std::str::FromStr;

use crate::error::InputError;

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
}
