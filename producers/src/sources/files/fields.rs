//! Columns that several forms have.

use bellwether_schemas::{Price, Timestamp};
use chrono::{DateTime, NaiveDateTime};

use crate::error::LineError;

/// Reads a price.
///
/// # Errors
/// No decimal number, or more digits or decimals than are carried.
pub(super) fn price_field(column: &'static str, text: &str) -> Result<Price, LineError> {
    Price::parse(text).map_err(|error| LineError::Price { column, reason: error.to_string() })
}

/// A date and a time, separated by `T` or a space, in UTC unless an offset follows.
#[must_use]
pub(super) fn parse_utc(text: &str) -> Option<Timestamp> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(Timestamp(time.timestamp_micros()));
    }
    let text = text.replacen('T', " ", 1);
    let naive = |form| NaiveDateTime::parse_from_str(&text, form).ok();
    let time = naive("%Y-%m-%d %H:%M:%S%.f").or_else(|| naive("%Y-%m-%d %H:%M"))?;
    Some(Timestamp(time.and_utc().timestamp_micros()))
}
