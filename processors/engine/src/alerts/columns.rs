//! Checks that columns of several kinds share. What does not hold is a reason for the alert's user.

use std::ops::RangeInclusive;

use super::reason::Reason;
use crate::indicators::{MAX_PERIOD, MIN_PERIOD};
use crate::symbols::SymbolTable;

/// Most symbols a heatmap alert may name.
const MAX_PAIRS: usize = 3;

/// What of a row is not watched although the rest is, for its user; none where all of it is.
pub(super) type LeftOut = Option<Reason>;

/// How many symbols a heatmap alert may name.
pub(super) fn few_symbols(names: &[String]) -> Result<(), String> {
    if names.is_empty() || names.len() > MAX_PAIRS {
        return Err(format!("pairs has {} symbols, it must have 1 to {MAX_PAIRS}", names.len()));
    }
    Ok(())
}

/// The named symbols that the tenant has, each once; the others are reported and the alert works without them.
pub(super) fn known_symbols(
    names: &[String],
    symbols: &SymbolTable,
) -> Result<(Box<[String]>, LeftOut), Reason> {
    few_symbols(names)?;
    let mut known: Vec<String> = Vec::new();
    let mut places = Vec::new();
    let mut unknown = Vec::new();
    for name in names {
        match symbols.find(name) {
            Some(place) if places.contains(&place) => {}
            Some(place) => {
                places.push(place);
                known.push(name.clone());
            }
            None => unknown.push(format!("{name:?}")),
        }
    }
    let named = unknown.join(", ");
    match (known.is_empty(), named.is_empty()) {
        (true, _) => Err(Reason::NoKnownSymbol { named }),
        (false, true) => Ok((known.into(), None)),
        (false, false) => Ok((known.into(), Some(Reason::LeftOut { named }))),
    }
}

/// The period of an RSI whose lines are checked with it.
pub(super) fn rsi_lines(period: i32, overbought: i32, oversold: i32) -> Result<usize, String> {
    within("rsi_period", period, MIN_PERIOD as i32..=MAX_PERIOD as i32)?;
    within("rsi_overbought", overbought, 60..=90)?;
    within("rsi_oversold", oversold, 10..=40)?;
    Ok(usize::try_from(period).unwrap_or(0))
}

pub(super) fn within(name: &str, value: i32, range: RangeInclusive<i32>) -> Result<(), String> {
    let text = || format!("{name} is {value}, it must be from {} to {}", range.start(), range.end());
    range.contains(&value).then_some(()).ok_or_else(text)
}

pub(super) fn not_one_of(name: &str, value: &str, known: &[&str]) -> String {
    format!("{name} is {value:?}, it must be one of {}", known.join(", "))
}
