//! What the engine asks the shell to do.

use bellwether_schemas::Timestamp;
use bellwether_schemas::readings::Reading;
use bellwether_schemas::triggers::Outcome;

/// One consequence of one journal record.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// For the triggers topic.
    Outcome(Outcome),
    /// For the readings topic.
    Reading(Reading),
    /// For the readings topic too: nothing stands under that key any more.
    Forgotten(String),
    /// Something in the record was not used.
    Refused(Refusal),
    /// This tenant cannot go on; the text says why and what to do.
    Halt(String),
}

/// Why a tick, bar or heartbeat was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalReason {
    /// Price missing, not positive, or ask below bid.
    Malformed,
    /// Not on the tenant's list.
    UnknownSymbol,
    /// Ahead of the moment it was received.
    Future,
    /// Its sequence number was seen already.
    Duplicate,
    /// Its bar is closed.
    Late,
    /// Too far from the last accepted price.
    Absurd,
    /// History for a place where there is a bar already.
    BarExists,
}

impl RefusalReason {
    /// The name in counters and dead letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownSymbol => "unknown_symbol",
            Self::Future => "future",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Absurd => "absurd",
            Self::BarExists => "bar_exists",
        }
    }
}

/// One thing of a record that was not used. It changes no state but the counters of its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Place of the tick or bar in its record; none for a heartbeat.
    pub index: Option<u32>,
    /// As the source spells it; empty for a heartbeat.
    pub symbol: String,
    /// Event time of the refused tick or bar.
    pub ts: Timestamp,
    /// Why it was refused.
    pub reason: RefusalReason,
}
