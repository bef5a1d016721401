//! What a source says, ready to be published.

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::SECOND;

use crate::blocks::Block;

/// Wall time between heartbeats of a source whose clock goes with the wall's, microseconds.
pub const HEARTBEAT_EVERY: i64 = SECOND;

/// A record without its origin.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Ticks, and the source's clock when they went: what is further ahead of it than the engine allows is refused.
    Ticks(Block, Timestamp),
    /// The source's clock has come this far.
    Heartbeat(Timestamp),
}
