//! Rows of ticks as quotes; a file of one side may have the other beside it.

use bellwether_schemas::{Price, Timestamp};

use super::FileQuote;
use super::ends;
use super::row::{Body, Row};
use super::rows::Rows;
use crate::error::InputError;
use crate::sources::{NOT_OURS, Quote};

/// The quotes of one symbol's ticks.
pub(super) struct Ticks {
    bids: Rows,
    asks: Option<Asks>,
    symbol: u16,
    ended: bool,
}

/// The ticks of the ask, read along with those of the bid.
struct Asks {
    rows: Rows,
    ahead: Option<Row>,
    newest: Option<Price>,
}

impl Ticks {
    /// The quotes of these rows, each with the newest ask of the other file where there is one.
    pub(super) fn new(bids: Rows, asks: Option<Rows>, symbol: u16) -> Self {
        let asks = asks.map(|rows| Asks { rows, ahead: None, newest: None });
        Self { bids, asks, symbol, ended: false }
    }

    fn next_quote(&mut self) -> Result<Option<FileQuote>, InputError> {
        let Some(row) = self.bids.next_row()? else {
            if !std::mem::replace(&mut self.ended, true) {
                ends::say(&self.bids);
                self.asks.iter().for_each(|asks| ends::say(&asks.rows));
            }
            return Ok(None);
        };
        let (bid, ask) = match row.body {
            Body::Quote { bid, ask } => (bid, ask),
            Body::Bar([_, _, _, close], _) => (close, close),
        };
        let ask = match &mut self.asks {
            Some(asks) => asks.at(row.ts)?.unwrap_or(ask),
            None => ask,
        };
        let symbol = if row.ours { self.symbol } else { NOT_OURS };
        Ok(Some(FileQuote { quote: Quote::new(row.ts, symbol, bid, ask), line: row.line }))
    }
}

impl Iterator for Ticks {
    type Item = Result<FileQuote, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_quote().transpose()
    }
}

impl Asks {
    /// The newest ask at that time.
    fn at(&mut self, ts: Timestamp) -> Result<Option<Price>, InputError> {
        loop {
            if self.ahead.is_none() {
                self.ahead = self.rows.next_row()?;
            }
            match &self.ahead {
                Some(row) if row.ts <= ts => {
                    if let Body::Quote { ask, .. } = row.body {
                        self.newest = Some(ask);
                    }
                    self.ahead = None;
                }
                _ => return Ok(self.newest),
            }
        }
    }
}
