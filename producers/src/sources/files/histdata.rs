//! HistData's generic ASCII ticks: `YYYYMMDD HHMMSSmmm,bid,ask,volume`, in EST without daylight saving.

use bellwether_schemas::time::HOUR;
use bellwether_schemas::{Price, Timestamp};
use chrono::NaiveDate;

use super::fields::price_field;
use super::lines::Rows;
use crate::error::{InputError, LineError};
use crate::sources::Quote;

/// EST lies five hours behind UTC, all year.
const EST: i64 = -5 * HOUR;

/// The quotes of one file.
pub struct Histdata {
    rows: Rows<Row>,
    symbol: u16,
}

impl Histdata {
    /// The quotes of these rows.
    #[must_use]
    pub const fn new(rows: Rows<Row>, symbol: u16) -> Self {
        Self { rows, symbol }
    }
}

impl Iterator for Histdata {
    type Item = Result<Quote, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next_row().transpose()?;
        Some(row.map(|row| Quote::new(row.ts, self.symbol, row.bid, row.ask)))
    }
}

/// One line of the file: a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    ts: Timestamp,
    bid: Price,
    ask: Price,
}

/// Reads one line. The volume is not used: HistData's is always 0.
///
/// # Errors
/// Columns, time or prices are not of the form.
pub fn parse(line: &str, (): &()) -> Result<Row, LineError> {
    let mut columns = line.split(',');
    let (Some(time), Some(bid), Some(ask)) = (columns.next(), columns.next(), columns.next()) else {
        return Err(LineError::Columns { found: line.split(',').count(), needed: 3 });
    };
    let ts = parse_time(time.trim()).ok_or_else(|| LineError::Time(time.into()))?;
    Ok(Row { ts, bid: price_field("bid", bid)?, ask: price_field("ask", ask)? })
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.split_once(' ')?;
    if date.len() != 8 || clock.len() != 9 {
        return None;
    }
    let year = number(date, 0, 4)?;
    let date = NaiveDate::from_ymd_opt(year.cast_signed(), number(date, 4, 6)?, number(date, 6, 8)?)?;
    let (hour, minute, second) = (number(clock, 0, 2)?, number(clock, 2, 4)?, number(clock, 4, 6)?);
    let local = date.and_hms_milli_opt(hour, minute, second, number(clock, 6, 9)?)?;
    Some(Timestamp(local.and_utc().timestamp_micros() - EST))
}

fn number(text: &str, from: usize, to: usize) -> Option<u32> {
    let digits = text.get(from..to)?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_without_loss_and_five_hours_later_in_utc() {
        let row = parse("20200101 190012579,1.121200,1.121610,0", &()).unwrap();
        assert_eq!(row.ts.to_string(), "2020-01-02T00:00:12.579000Z");
        assert_eq!(row.bid, Price { mantissa: 1_121_200, scale: 6 });
        assert_eq!(row.ask, Price { mantissa: 1_121_610, scale: 6 });
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        let said = |line: &str| parse(line, &()).unwrap_err().to_string();
        assert_eq!(said("20200101 170000065,1.12"), "columns: 2 found, 3 needed");
        assert_eq!(said("20201301 170000065,1,1,0"), "\"20201301 170000065\" is not a time of this form");
        assert_eq!(said("20200101 +70000065,1,1,0"), "\"20200101 +70000065\" is not a time of this form");
        assert_eq!(said("20200101 170000065,1.12,NaN,0"), "ask: \"NaN\" is not a decimal number");
    }
}
