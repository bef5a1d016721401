//! TrueFX's ticks: `EUR/USD,YYYYMMDD HH:MM:SS.mmm,bid,ask`, in UTC.

use bellwether_schemas::Timestamp;
use chrono::NaiveDateTime;

use super::fields::price_field;
use super::named::{Named, Owner};
use crate::error::LineError;

/// How its times are written.
const TIME: &str = "%Y%m%d %H:%M:%S%.f";

/// Reads one line; columns after the fourth are not used.
///
/// # Errors
/// Columns, time or prices are not of the form.
pub fn parse(line: &str, owner: &Owner) -> Result<Named, LineError> {
    let mut columns = line.split(',');
    let (Some(symbol), Some(time), Some(bid), Some(ask)) =
        (columns.next(), columns.next(), columns.next(), columns.next())
    else {
        return Err(LineError::Columns { found: line.split(',').count(), needed: 4 });
    };
    let (bid, ask) = (price_field("bid", bid)?, price_field("ask", ask)?);
    Ok(Named { ts: parse_time(time)?, bid, ask, ours: owner.owns(symbol) })
}

fn parse_time(text: &str) -> Result<Timestamp, LineError> {
    let time = NaiveDateTime::parse_from_str(text.trim(), TIME);
    let time = time.map_err(|_| LineError::Time(text.into()))?;
    Ok(Timestamp(time.and_utc().timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_in_utc_and_says_whose_it_is() {
        let owner = Owner::new("eurusd");
        let row = parse("EUR/USD,20200101 22:00:12.579,1.121200,1.121610", &owner).unwrap();
        assert_eq!(row.ts.to_string(), "2020-01-01T22:00:12.579000Z");
        assert_eq!((row.bid.mantissa, row.ask.mantissa, row.ours), (1_121_200, 1_121_610, true));
        assert!(!parse("GBP/USD,20200101 22:00:12.579,1.3,1.4", &owner).unwrap().ours);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let said = |line: &str| parse(line, &Owner::new("EURUSD")).unwrap_err().to_string();
        assert_eq!(said("EUR/USD,20200101 22:00:00.000,1.1"), "columns: 3 found, 4 needed");
        assert_eq!(
            said("EUR/USD,20201301 22:00:00.000,1,1"),
            "\"20201301 22:00:00.000\" is not a time of this form"
        );
        assert_eq!(said("EUR/USD,20200101 22:00:00.000,1,"), "ask: \"\" is not a decimal number");
    }
}
