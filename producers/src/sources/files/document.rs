//! The candles of a JSON document as rows. Their numbers are read from the document's text, not from doubles.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bellwether_schemas::Price;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::columns::{BAR, Column};
use super::forms::Document;
use super::numbers::{DecimalSign, Exactness, price};
use super::owner::Owner;
use super::row::{Body, Line, Oddities, Prices, Source, WrittenRow};
use super::table::count;
use super::text::decoded;
use super::times::{parse, style_of};
use super::{container, io_error};
use crate::error::{InputError, LineError};

/// Most bytes of a document: it is read as a whole.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// The candles of one document.
pub(super) struct DocumentRows {
    candles: std::vec::IntoIter<Box<RawValue>>,
    document: Document,
    number: u64,
    ours: bool,
    oddities: Oddities,
}

#[derive(Deserialize)]
struct Candles {
    instrument: Option<String>,
    candles: Vec<Box<RawValue>>,
}

/// OANDA's candle. Bid and ask are taken where they are there, else their middle.
#[derive(Deserialize)]
struct Candle<'a> {
    #[serde(borrow)]
    time: &'a RawValue,
    #[serde(default = "yes")]
    complete: bool,
    #[serde(borrow)]
    bid: Option<Four<'a>>,
    #[serde(borrow)]
    ask: Option<Four<'a>>,
    #[serde(borrow)]
    mid: Option<Four<'a>>,
}

const fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Four<'a> {
    #[serde(borrow)]
    o: &'a RawValue,
    #[serde(borrow)]
    h: &'a RawValue,
    #[serde(borrow)]
    l: &'a RawValue,
    #[serde(borrow)]
    c: &'a RawValue,
}

impl DocumentRows {
    /// Reads a document. `bytes` is told what is read of it.
    pub(super) fn open(
        path: &Path,
        document: Document,
        owner: &Owner,
        bytes: Arc<AtomicU64>,
    ) -> Result<Self, InputError> {
        let mut text = String::new();
        let failed = |error| io_error(path, &error);
        let reader = decoded(container::open(path, bytes)?.reader).map_err(failed)?;
        reader.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > MAX_BYTES {
            let advice = "cut it into pieces, or write it as CSV";
            return Err(InputError::Kind {
                file: path.into(),
                what: "a JSON document of more than 512 MiB",
                advice,
            });
        }
        let text = text.trim_start_matches('\u{feff}');
        let broken =
            |error: serde_json::Error| InputError::Json { file: path.into(), reason: error.to_string() };
        let (candles, instrument) = match document {
            Document::Arrays => (serde_json::from_str(text).map_err(broken)?, None),
            Document::Candles => {
                let all: Candles = serde_json::from_str(text).map_err(broken)?;
                (all.candles, all.instrument)
            }
        };
        let ours = instrument.as_ref().is_none_or(|name| owner.owns(name));
        let oddities =
            Oddities { others: instrument.filter(|_| !ours).into_iter().collect(), ..Oddities::default() };
        Ok(Self { candles: candles.into_iter(), document, number: 0, ours, oddities })
    }

    fn row(&mut self, text: &str) -> Result<WrittenRow, LineError> {
        let broken = |error: serde_json::Error| LineError::Candle(error.to_string());
        match self.document {
            Document::Arrays => {
                let cells: Vec<&RawValue> = serde_json::from_str(text).map_err(broken)?;
                let [time, open, high, low, close, ..] = cells.as_slice() else {
                    return Err(LineError::Columns { found: cells.len(), needed: 5 });
                };
                let bid = self.prices([open, high, low, close])?;
                self.at(time, Body::Bar(bid, None))
            }
            Document::Candles => {
                let candle: Candle<'_> = serde_json::from_str(text).map_err(broken)?;
                if !candle.complete {
                    return Err(LineError::Incomplete);
                }
                let (bid, ask) = match (&candle.bid, &candle.ask, &candle.mid) {
                    (Some(bid), ask, _) => (bid, ask.as_ref()),
                    (None, _, Some(mid)) => (mid, None),
                    (None, Some(ask), None) => (ask, None),
                    (None, None, None) => return Err(LineError::Candle("it has neither bid nor mid".into())),
                };
                let bid = self.prices([bid.o, bid.h, bid.l, bid.c])?;
                let ask = ask.map(|ask| self.prices([ask.o, ask.h, ask.l, ask.c])).transpose()?;
                self.at(candle.time, Body::Bar(bid, ask))
            }
        }
    }

    fn at(&self, time: &RawValue, body: Body) -> Result<WrittenRow, LineError> {
        let text = plain(time);
        let unknown = || LineError::Time(text.into());
        let style = style_of(std::iter::once(text)).map_err(|_| unknown())?;
        let time = parse(style, text).ok_or_else(unknown)?;
        Ok(WrittenRow { line: self.number, time, body, ours: self.ours })
    }

    fn prices(&mut self, cells: [&RawValue; 4]) -> Result<Prices, LineError> {
        let mut at = |step: usize| self.price(cells[step], BAR[step]);
        Ok([at(0)?, at(1)?, at(2)?, at(3)?])
    }

    fn price(&mut self, cell: &RawValue, column: Column) -> Result<Price, LineError> {
        let found = price(plain(cell).as_bytes(), DecimalSign::Point);
        let (price, exactness) =
            found.map_err(|error| LineError::Price { column: column.name(), reason: error.to_string() })?;
        match exactness {
            Exactness::Exact => {}
            Exactness::Shortened => count(&mut self.oddities.shortened, self.number),
            Exactness::Rounded => count(&mut self.oddities.rounded, self.number),
        }
        Ok(price)
    }
}

/// A number or a text, without its quotes.
fn plain(value: &RawValue) -> &str {
    value.get().trim_matches('"')
}

impl Source for DocumentRows {
    fn next_line(&mut self) -> Result<Option<Line>, InputError> {
        let Some(candle) = self.candles.next() else { return Ok(None) };
        self.number += 1;
        let row = self.row(candle.get());
        Ok(Some((self.number, row)))
    }

    fn oddities(&self) -> Oddities {
        self.oddities.clone()
    }
}
