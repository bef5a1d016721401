//! Dukascopy's ticks: under the header `Gmt time,Ask,Bid,AskVolume,BidVolume` lines such as
//! `01.02.2020 22:00:00.065,1.12172,1.1212,1.5,0.75`: the day comes first, the ask before the bid, in UTC.

use bellwether_schemas::Timestamp;
use chrono::NaiveDateTime;

use super::fields::{parse_utc, price_field};
use super::named::{Named, Owner};

use crate::error::LineError;

/// How its website and its platform write times.
const TIMES: [&str; 2] = ["%d.%m.%Y %H:%M:%S%.f", "%Y.%m.%d %H:%M:%S%.f"];
/// Places of `.` that tell the two apart.
const DAY_FIRST: usize = 2;

/// The header that this form begins with.
#[must_use]
pub fn is_header(line: &str) -> bool {
    let names = line.split(',').map(|name| name.trim().to_ascii_lowercase());
    names.take(3).eq(["gmt time", "ask", "bid"])
}

/// Reads one line; the volumes are not used.
///
/// # Errors
/// Columns, time or prices are not of the form.
pub fn parse(line: &str, _: &Owner) -> Result<Named, LineError> {
    let mut columns = line.split(',');
    let (Some(time), Some(ask), Some(bid)) = (columns.next(), columns.next(), columns.next()) else {
        return Err(LineError::Columns { found: line.split(',').count(), needed: 3 });
    };
    let ts = parse_time(time.trim()).ok_or_else(|| LineError::Time(time.into()))?;
    Ok(Named { ts, bid: price_field("bid", bid)?, ask: price_field("ask", ask)?, ours: true })
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let form = match text.find('.') {
        Some(DAY_FIRST) => TIMES[0],
        _ => TIMES[1],
    };
    match NaiveDateTime::parse_from_str(text, form) {
        Ok(time) => Some(Timestamp(time.and_utc().timestamp_micros())),
        Err(_) => parse_utc(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_comes_first_and_the_ask_before_the_bid() {
        let row = parse("01.02.2020 22:00:00.065,1.12172,1.1212,1.5,0.75", &Owner::new("EURUSD")).unwrap();
        assert_eq!(row.ts.to_string(), "2020-02-01T22:00:00.065000Z");
        assert_eq!((row.bid.value(), row.ask.value()), (1.1212, 1.12172));
        let platform = parse_time("2020.02.01 22:00:00.065");
        assert_eq!(platform, Some(row.ts));
        assert_eq!(parse_time("2020-02-01T22:00:00.065Z"), platform);
        assert_eq!(parse_time("32.02.2020 22:00:00.065"), None);
    }

    #[test]
    fn the_header_is_known() {
        assert!(is_header("Gmt time,Ask,Bid,AskVolume,BidVolume"));
        assert!(!is_header("Gmt time,Open,High,Low,Close,Volume"));
    }
}
