//! `TickBlock` by hand: the one schema of the hot path. v2 is written, v1 is read too: its symbols have no more than a
//! name and a scale. Held equal to apache-avro by property tests in both directions; reading a tick costs about 9 ns this way, against 65–300 ns through the library.

mod cursor;

use serde::{Deserialize, Serialize};

use self::cursor::Cursor;
use crate::journal::Origin;
use crate::ticks::{BlockSymbol, MAX_TICKS, Spacing, Tick, TickBlock};
use crate::time::Timestamp;

/// Why bytes are not a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TickCodecError {
    /// The bytes end inside a field.
    #[error("ends early, inside {0}")]
    Short(&'static str),
    /// A number is longer than a long.
    #[error("a number in {0} is longer than 64 bits")]
    LongNumber(&'static str),
    /// More than the limit.
    #[error("{0} has {1} entries, the limit is {2}")]
    TooMany(&'static str, usize, usize),
    /// A field has a value that it cannot have.
    #[error("{0} is not valid")]
    Invalid(&'static str),
    /// Columns of different length.
    #[error("{0} has {1} entries for {2} ticks")]
    Ragged(&'static str, usize, usize),
}

type Result<T> = std::result::Result<T, TickCodecError>;

/// Most symbols in a dictionary: no more than ticks.
const MAX_SYMBOLS: usize = MAX_TICKS;
/// Most bytes of a text in a block.
const MAX_TEXT: usize = 256;

/// The columns as the schema has them; apache-avro reads and writes these in the tests that hold both equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "TickBlock")]
pub struct TickColumns {
    origin: Origin,
    ingested_at: Timestamp,
    first_seq: Option<i64>,
    symbols: Vec<BlockSymbol>,
    ts: Vec<i64>,
    symbol: Vec<i32>,
    bid: Vec<i64>,
    spread: Vec<i64>,
    volumes: Vec<f64>,
}

impl From<&TickBlock> for TickColumns {
    fn from(block: &TickBlock) -> Self {
        let mut deltas = Deltas::new(block.symbols.len());
        let mut columns = Self {
            origin: block.origin.clone(),
            ingested_at: block.ingested_at,
            first_seq: block.first_seq.map(u64::cast_signed),
            symbols: block.symbols.clone(),
            ts: Vec::new(),
            symbol: Vec::new(),
            bid: Vec::new(),
            spread: Vec::new(),
            volumes: block.volumes.clone(),
        };
        for tick in &block.ticks {
            let (ts, bid, spread) = deltas.of(tick);
            columns.ts.push(ts);
            columns.symbol.push(i32::from(tick.symbol));
            columns.bid.push(bid);
            columns.spread.push(spread);
        }
        columns
    }
}

/// Differences wrap, so that any block of numbers survives the round trip.
struct Deltas {
    ts: i64,
    bids: Vec<i64>,
}

impl Deltas {
    fn new(symbols: usize) -> Self {
        Self { ts: 0, bids: vec![0; symbols] }
    }

    fn of(&mut self, tick: &Tick) -> (i64, i64, i64) {
        let ts = tick.ts.0.wrapping_sub(self.ts);
        self.ts = tick.ts.0;
        let mut bid = tick.bid;
        if let Some(last) = self.bids.get_mut(usize::from(tick.symbol)) {
            bid = tick.bid.wrapping_sub(*last);
            *last = tick.bid;
        }
        (ts, bid, tick.ask.wrapping_sub(tick.bid))
    }
}

/// What [`read`] would refuse may not be written either: it would stand in the journal for ever.
///
/// # Errors
/// The limit or rule that the block breaks.
pub fn check(block: &TickBlock) -> Result<()> {
    let ticks = block.ticks.len();
    at_most("symbols", block.symbols.len(), MAX_SYMBOLS)?;
    at_most("ts", ticks, MAX_TICKS)?;
    at_most("source", block.origin.source.len(), MAX_TEXT)?;
    at_most("session", block.origin.session.len(), MAX_TEXT)?;
    block.symbols.iter().try_for_each(|symbol| at_most("name", symbol.name.len(), MAX_TEXT))?;
    if !block.volumes.is_empty() && block.volumes.len() != ticks {
        return Err(TickCodecError::Ragged("volumes", block.volumes.len(), ticks));
    }
    let known = |tick: &Tick| usize::from(tick.symbol) < block.symbols.len();
    if block.ticks.iter().all(known) { Ok(()) } else { Err(TickCodecError::Invalid("symbol")) }
}

fn at_most(what: &'static str, count: usize, limit: usize) -> Result<()> {
    if count <= limit { Ok(()) } else { Err(TickCodecError::TooMany(what, count, limit)) }
}

/// Appends the block's Avro datum to `out`. The block has passed [`check`].
pub fn write(block: &TickBlock, out: &mut Vec<u8>) {
    write_origin(&block.origin, out);
    write_long(block.ingested_at.0, out);
    write_optional(block.first_seq.map(u64::cast_signed), out);
    write_array(&block.symbols, out, |symbol, out| {
        write_text(&symbol.name, out);
        write_long(i64::from(symbol.scale), out);
        out.push(u8::from(symbol.judged));
        write_optional(symbol.spacing.map(Spacing::micros), out);
    });
    let mut deltas = Deltas::new(block.symbols.len());
    let columns: Vec<_> = block.ticks.iter().map(|tick| deltas.of(tick)).collect();
    write_array(&columns, out, |column, out| write_long(column.0, out));
    write_array(&block.ticks, out, |tick, out| write_long(i64::from(tick.symbol), out));
    write_array(&columns, out, |column, out| write_long(column.1, out));
    write_array(&columns, out, |column, out| write_long(column.2, out));
    write_array(&block.volumes, out, |volume, out| out.extend_from_slice(&volume.to_le_bytes()));
}

fn write_origin(origin: &Origin, out: &mut Vec<u8>) {
    write_text(origin.tenant.as_str(), out);
    write_text(&origin.source, out);
    write_text(&origin.session, out);
    out.push(u8::from(origin.played));
    write_long(origin.appended_at.0, out);
}

/// A union of null and long.
fn write_optional(value: Option<i64>, out: &mut Vec<u8>) {
    write_long(i64::from(value.is_some()), out);
    if let Some(value) = value {
        write_long(value, out);
    }
}

fn write_array<T>(items: &[T], out: &mut Vec<u8>, mut write: impl FnMut(&T, &mut Vec<u8>)) {
    if !items.is_empty() {
        write_long(items.len().cast_signed() as i64, out);
        items.iter().for_each(|item| write(item, out));
    }
    out.push(0);
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_long(text.len().cast_signed() as i64, out);
    out.extend_from_slice(text.as_bytes());
}

#[inline]
fn write_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Reads one block from the front of `bytes`, and says how many bytes it took.
///
/// # Errors
/// What is not a block; never a panic, and never more memory than the limits allow.
pub fn read(bytes: &[u8]) -> Result<(TickBlock, usize)> {
    read_block(bytes, Cursor::symbol)
}

/// As [`read`], of a block that says nothing of bars: v1.
///
/// # Errors
/// As [`read`].
pub fn read_v1(bytes: &[u8]) -> Result<(TickBlock, usize)> {
    read_block(bytes, Cursor::symbol_v1)
}

fn read_block<'a>(
    bytes: &'a [u8],
    symbol: fn(&mut Cursor<'a>) -> Result<BlockSymbol>,
) -> Result<(TickBlock, usize)> {
    let mut cursor = Cursor::new(bytes);
    let origin = cursor.origin()?;
    let ingested_at = Timestamp(cursor.long("ingested_at")?);
    let first_seq = cursor.optional("first_seq")?.map(i64::cast_unsigned);
    let mut symbols = Vec::new();
    cursor.array("symbols", MAX_SYMBOLS, |cursor| {
        symbols.push(symbol(cursor)?);
        Ok(())
    })?;
    let ticks = cursor.ticks(symbols.len())?;
    let mut volumes = Vec::new();
    cursor.array("volumes", MAX_TICKS, |cursor| {
        volumes.push(cursor.double("volumes")?);
        Ok(())
    })?;
    if !volumes.is_empty() && volumes.len() != ticks.len() {
        return Err(TickCodecError::Ragged("volumes", volumes.len(), ticks.len()));
    }
    Ok((TickBlock { origin, ingested_at, first_seq, symbols, ticks, volumes }, cursor.at))
}
