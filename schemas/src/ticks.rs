//! Quotes in blocks: up to 256 ticks, or what arrived in 5 ms, share one record.

use serde::{Deserialize, Serialize};

use crate::journal::Origin;
use crate::time::Timestamp;

/// Most ticks a block may hold.
pub const MAX_TICKS: usize = 256;

/// A symbol of a block's dictionary and the decimal scale of its prices there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSymbol {
    /// As the source spells it: matched against the tenant's list by the engine, so that what is unknown there
    /// can be refused there. Up to 64 bytes.
    pub name: String,
    /// Decimals of this symbol's prices in this block.
    pub scale: u8,
}

/// One quote inside a block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tick {
    /// Event time: when the source made the quote.
    pub ts: Timestamp,
    /// Place in the block's dictionary.
    pub symbol: u16,
    /// Bid in units of the symbol's scale.
    pub bid: i64,
    /// Ask in units of the symbol's scale.
    pub ask: i64,
}

/// A record of ticks. `source_seq` of the tick at place i is `first_seq + i`.
#[derive(Debug, Clone, PartialEq)]
pub struct TickBlock {
    /// The producer that wrote the block, and when.
    pub origin: Origin,
    /// When the source received them, on its own clock: `future` is judged against it.
    pub ingested_at: Timestamp,
    /// Rises within (source, session, symbol); none where the source has no order of its own.
    pub first_seq: Option<u64>,
    /// Dictionary of the block: ticks name their symbol by the place in it.
    pub symbols: Vec<BlockSymbol>,
    /// The ticks, in the source's order.
    pub ticks: Vec<Tick>,
    /// Volumes, as many as ticks, or none at all.
    pub volumes: Vec<f64>,
}
