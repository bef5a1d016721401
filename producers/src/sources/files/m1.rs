//! One-minute bars, played as four ticks each: `timestamp,open,high,low,close[,volume]` in UTC, bars of the bid
//! and, from a second file, of the ask.

use std::cmp::Ordering;
use std::collections::VecDeque;

use bellwether_schemas::time::SECOND;
use bellwether_schemas::{Price, Timestamp};

use super::fields::{parse_utc, price_field};
use super::lines::Rows;
use crate::error::{InputError, LineError};
use crate::sources::Quote;

/// When the four ticks of a bar are played, after its open.
const STEPS: [i64; 4] = [0, 20 * SECOND, 40 * SECOND, 59_999_000];

/// The quotes of one symbol's bars.
pub struct M1 {
    bids: Rows<Row>,
    asks: Option<Asks>,
    symbol: u16,
    steps: VecDeque<Quote>,
}

impl M1 {
    /// Plays the bars of the bid, with those of the ask beside them where there are any.
    #[must_use]
    pub fn new(bids: Rows<Row>, asks: Option<Rows<Row>>, symbol: u16) -> Self {
        let asks = asks.map(|rows| Asks { rows, ahead: None });
        Self { bids, asks, symbol, steps: VecDeque::with_capacity(STEPS.len()) }
    }

    fn next_quote(&mut self) -> Result<Option<Quote>, InputError> {
        if self.steps.is_empty()
            && let Some(bid) = self.bids.next_row()?
        {
            let ask = match &mut self.asks {
                Some(asks) => asks.at(bid.ts)?,
                None => None,
            };
            self.steps.extend(play(self.symbol, &bid, ask.as_ref().unwrap_or(&bid)));
        }
        Ok(self.steps.pop_front())
    }
}

impl Iterator for M1 {
    type Item = Result<Quote, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_quote().transpose()
    }
}

/// The bars of the ask, read along with those of the bid.
struct Asks {
    rows: Rows<Row>,
    ahead: Option<Row>,
}

impl Asks {
    /// The ask's bar of that minute, if it has one.
    fn at(&mut self, ts: Timestamp) -> Result<Option<Row>, InputError> {
        loop {
            if self.ahead.is_none() {
                self.ahead = self.rows.next_row()?;
            }
            match self.ahead.as_ref().map(|row| row.ts.cmp(&ts)) {
                Some(Ordering::Less) => self.ahead = None,
                Some(Ordering::Equal) => return Ok(self.ahead.take()),
                Some(Ordering::Greater) | None => return Ok(None),
            }
        }
    }
}

/// The path through a bar: low before high where it rose or stood. Each step takes the same corner of the ask's
/// bar, raised to the bid where it is below: corners of two bars are not quotes of one moment.
fn play(symbol: u16, bid: &Row, ask: &Row) -> [Quote; 4] {
    let rose = exceeds(bid.close, bid.open) || !exceeds(bid.open, bid.close);
    let path = |row: &Row| {
        let (second, third) = if rose { (row.low, row.high) } else { (row.high, row.low) };
        [row.open, second, third, row.close]
    };
    let (bids, asks) = (path(bid), path(ask));
    std::array::from_fn(|step| {
        let mut quote = Quote::new(bid.ts.plus(STEPS[step]), symbol, bids[step], asks[step]);
        quote.ask = quote.ask.max(quote.bid);
        quote
    })
}

fn exceeds(one: Price, other: Price) -> bool {
    let pair = Quote::new(Timestamp(0), 0, one, other);
    pair.bid > pair.ask
}

/// One line of the file: a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    ts: Timestamp,
    open: Price,
    high: Price,
    low: Price,
    close: Price,
}

/// The header that this form begins with.
#[must_use]
pub fn is_header(line: &str) -> bool {
    let names = line.split(',').map(|name| name.trim().to_ascii_lowercase());
    names.take(5).eq(["timestamp", "open", "high", "low", "close"])
}

/// Reads one line; columns after the fifth are not used.
///
/// # Errors
/// Columns, time or prices are not of the form.
pub fn parse(line: &str, (): &()) -> Result<Row, LineError> {
    let columns: Vec<&str> = line.split(',').take(5).collect();
    let &[time, open, high, low, close] = columns.as_slice() else {
        return Err(LineError::Columns { found: columns.len(), needed: 5 });
    };
    Ok(Row {
        ts: parse_utc(time.trim()).ok_or_else(|| LineError::Time(time.into()))?,
        open: price_field("open", open)?,
        high: price_field("high", high)?,
        low: price_field("low", low)?,
        close: price_field("close", close)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotes(bid: &str, ask: &str) -> Vec<(i64, i64, i64)> {
        let (bid, ask) = (parse(bid, &()).unwrap(), parse(ask, &()).unwrap());
        play(0, &bid, &ask).iter().map(|q| (q.ts.since(bid.ts), q.bid, q.ask)).collect()
    }

    #[test]
    fn a_bar_that_rose_goes_by_its_low_and_one_that_fell_by_its_high() {
        let rose = "2012-02-01 00:00,1.1,1.4,1.0,1.3";
        let seconds: Vec<(i64, i64)> = quotes(rose, rose).iter().map(|q| (q.0 / 1000, q.1)).collect();
        assert_eq!(seconds, [(0, 11), (20_000, 10), (40_000, 14), (59_999, 13)]);
        let fell = "2012-02-01 00:00,1.3,1.4,1.0,1.1";
        assert_eq!(quotes(fell, fell).iter().map(|q| q.1).collect::<Vec<_>>(), [13, 14, 10, 11]);
        let stood = "2012-02-01 00:00,1.30,1.4,1.0,1.3";
        assert_eq!(quotes(stood, stood).iter().map(|q| q.1).collect::<Vec<_>>(), [130, 10, 14, 13]);
    }

    #[test]
    fn the_ask_takes_the_same_corner_and_is_raised_to_the_bid() {
        let bid = "2012-02-01 00:00,1.30,1.40,1.10,1.20";
        let ask = "2012-02-01 00:00,1.31,1.39,1.12,1.22";
        let asks: Vec<i64> = quotes(bid, ask).iter().map(|q| q.2).collect();
        assert_eq!(asks, [131, 140, 112, 122], "1.39 stands below the bid's 1.40");
    }

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        for text in [
            "2012-02-01 00:05:00+00:00",
            "2012-02-01T00:05:00Z",
            "2012-02-01 00:05",
            "2012-02-01T00:05:00.000",
            "2012-02-01 05:35:00+05:30",
        ] {
            assert_eq!(parse_utc(text).unwrap().to_string(), "2012-02-01T00:05:00.000000Z", "{text}");
        }
        assert!(parse_utc("2012-02-30 00:00").is_none());
    }

    #[test]
    fn the_header_is_known_in_any_case_and_with_further_columns() {
        assert!(is_header("Timestamp,Open,High,Low,Close,Volume"));
        assert!(!is_header("Gmt time,Ask,Bid,AskVolume,BidVolume"));
    }
}
