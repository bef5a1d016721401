//! Plain ticks under a header: `ts[,symbol],bid,ask[,volume]`, times in RFC 3339 or as epoch milli- or microseconds.

use bellwether_schemas::Timestamp;

use super::fields::{parse_utc, price_field};
use super::named::{Named, Owner};

use crate::error::LineError;

/// Digits of an epoch time in milliseconds; such a one in microseconds has three more.
const MILLISECONDS: usize = 13;
const MICROSECONDS: usize = 16;

/// The header that this form begins with, and whether it has a column for the symbol.
#[must_use]
pub fn header(line: &str) -> Option<bool> {
    let mut names = line.split(',').map(|name| name.trim().to_ascii_lowercase());
    if !matches!(names.next()?.as_str(), "ts" | "timestamp") {
        return None;
    }
    let rest: Vec<String> = names.take(3).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match rest.as_slice() {
        ["symbol", "bid", "ask"] => Some(true),
        ["bid", "ask", ..] => Some(false),
        _ => None,
    }
}

/// Reads one line without a symbol.
///
/// # Errors
/// Columns, time or prices are not of the form.
pub fn parse(line: &str, _: &Owner) -> Result<Named, LineError> {
    let mut columns = line.split(',');
    let (Some(time), Some(bid), Some(ask)) = (columns.next(), columns.next(), columns.next()) else {
        return Err(LineError::Columns { found: line.split(',').count(), needed: 3 });
    };
    row(time, bid, ask, true)
}

/// Reads one line that names its symbol.
///
/// # Errors
/// Columns, time or prices are not of the form.
pub fn parse_named(line: &str, owner: &Owner) -> Result<Named, LineError> {
    let mut columns = line.split(',');
    let (Some(time), Some(symbol), Some(bid), Some(ask)) =
        (columns.next(), columns.next(), columns.next(), columns.next())
    else {
        return Err(LineError::Columns { found: line.split(',').count(), needed: 4 });
    };
    row(time, bid, ask, owner.owns(symbol))
}

fn row(time: &str, bid: &str, ask: &str, ours: bool) -> Result<Named, LineError> {
    let ts = parse_time(time.trim()).ok_or_else(|| LineError::Time(time.into()))?;
    Ok(Named { ts, bid: price_field("bid", bid)?, ask: price_field("ask", ask)?, ours })
}

fn parse_time(text: &str) -> Option<Timestamp> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return parse_utc(text);
    }
    let epoch: i64 = text.parse().ok()?;
    match text.len() {
        MILLISECONDS => Some(Timestamp(epoch * 1000)),
        MICROSECONDS => Some(Timestamp(epoch)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_epoch_milli_or_microseconds() {
        for text in
            ["2020-01-01T22:00:00.065Z", "2020-01-01 22:00:00.065", "1577916000065", "1577916000065000"]
        {
            assert_eq!(parse_time(text), Some(Timestamp(1_577_916_000_065_000)), "{text}");
        }
        for bad in ["1577916000", "157791600006500", "", "2020-01-32T00:00:00Z"] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_header_says_whether_rows_name_their_symbol() {
        assert_eq!(header("ts,bid,ask"), Some(false));
        assert_eq!(header("Timestamp, Symbol, Bid, Ask, Volume"), Some(true));
        assert_eq!(header("timestamp,bid,ask,volume"), Some(false));
        assert_eq!(header("timestamp,open,high,low,close"), None);
        assert_eq!(header("1577916000065,1.1,1.2"), None);
    }

    #[test]
    fn a_row_is_read_with_and_without_its_symbol() {
        let owner = Owner::new("EURUSD");
        let plain = parse("1577916000065,1.12,1.13,5", &owner).unwrap();
        assert_eq!((plain.ts.0, plain.bid.mantissa, plain.ours), (1_577_916_000_065_000, 112, true));
        assert!(parse_named("1577916000065,eur/usd,1.12,1.13", &owner).unwrap().ours);
        assert!(!parse_named("1577916000065,GBPUSD,1.12,1.13", &owner).unwrap().ours);
        let said = |line: &str| parse_named(line, &owner).unwrap_err().to_string();
        assert_eq!(said("1577916000065,EURUSD,1.12"), "columns: 3 found, 4 needed");
        assert_eq!(said("now,EURUSD,1.12,1.13"), "\"now\" is not a time of this form");
    }
}
