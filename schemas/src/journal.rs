//! What the journal holds: all that can change a result, in one order.

use serde::{Deserialize, Serialize};

use crate::alerts::AlertChanged;
use crate::bars::BarBlock;
use crate::ids::TenantId;
use crate::settings::SettingsChanged;
use crate::ticks::TickBlock;
use crate::time::Timestamp;

/// Who wrote a journal record, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Whose journal this record belongs to; must agree with the topic.
    pub tenant: TenantId,
    /// The producer's name.
    pub source: String,
    /// One run of a file, one connection of a live source: `source_seq` rises within it.
    pub session: String,
    /// The source's clock is played (file, synthetic, history) and not the wall's.
    pub played: bool,
    /// Wall clock when it was appended: for people and limits, never for a result.
    pub appended_at: Timestamp,
}

/// Event time without a tick: bars of silent symbols close by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Who says so.
    pub origin: Origin,
    /// The source's time.
    pub ts: Timestamp,
}

/// One record of the journal: all the engine ever sees.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Quotes.
    Ticks(TickBlock),
    /// Closed bars of the past.
    Bars(BarBlock),
    /// Event time.
    Heartbeat(Heartbeat),
    /// An alert was created, edited, switched or deleted.
    Alert(AlertChanged),
    /// The tenant's settings that can change a result.
    Settings(SettingsChanged),
}

impl Entry {
    /// Who wrote it.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Ticks(block) => &block.origin,
            Self::Bars(block) => &block.origin,
            Self::Heartbeat(beat) => &beat.origin,
            Self::Alert(change) => &change.origin,
            Self::Settings(change) => &change.origin,
        }
    }

    /// The name people see for this kind of record.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ticks(_) => "tick_block",
            Self::Bars(_) => "bar_block",
            Self::Heartbeat(_) => "heartbeat",
            Self::Alert(_) => "alert_changed",
            Self::Settings(_) => "settings_changed",
        }
    }

    /// The largest event time the record carries; none for settings and alerts.
    #[must_use]
    pub fn event_time(&self) -> Option<Timestamp> {
        match self {
            Self::Ticks(block) => block.ticks.iter().map(|tick| tick.ts).max(),
            Self::Bars(block) => block.bars.iter().map(|bar| bar.close_time).max(),
            Self::Heartbeat(beat) => Some(beat.ts),
            Self::Alert(_) | Self::Settings(_) => None,
        }
    }
}
