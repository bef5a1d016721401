//! What the journal holds: all that can change a result, in one order.

use serde::{Deserialize, Serialize};

use crate::alerts::AlertChanged;
use crate::bars::BarBlock;
use crate::calendar::CalendarChanged;
use crate::codec::{self, DecodeError};
use crate::dead_letter::Header;
use crate::decisions::OperatorDecision;
use crate::ids::TenantId;
use crate::settings::SettingsChanged;
use crate::ticks::TickBlock;
use crate::time::Timestamp;

/// Who wrote a journal record, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Whose journal this record belongs to; must agree with the topic.
    pub tenant: TenantId,
    /// Name of the producer: sequence numbers and the watermark are kept for each.
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
    /// The producer whose clock this is.
    pub origin: Origin,
    /// Event time up to which that producer has written everything it had.
    pub ts: Timestamp,
}

/// One record of the journal: all the engine ever sees.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// Quotes of the present.
    Ticks(TickBlock),
    /// Closed bars of the past.
    Bars(BarBlock),
    /// Event time without a quote.
    Heartbeat(Heartbeat),
    /// An alert was created, edited, switched or deleted.
    Alert(AlertChanged),
    /// The tenant's settings that can change a result.
    Settings(SettingsChanged),
    /// An item of the news calendar is new, or known otherwise than before.
    Calendar(CalendarChanged),
    /// Somebody decided how the journal is folded on.
    Decision(OperatorDecision),
}

/// Why a record of a tenant's journal is none of its entries.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Nobody can read it.
    #[error(transparent)]
    Undecodable(#[from] DecodeError),
    /// It is another tenant's.
    #[error("the record{at} names tenant {named}")]
    Misrouted {
        /// Which part of it, as the error goes on: `'s key`, `'s header`; empty for the record itself.
        at: &'static str,
        /// Whose it says it is.
        named: TenantId,
    },
    /// Somebody decided that it is not folded.
    #[error("{who} decided to skip it: {why}")]
    Skipped {
        /// Who decided.
        who: String,
        /// What was said about it.
        why: String,
    },
}

impl Unusable {
    /// The reason of its dead letter.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "undecodable",
            Self::Misrouted { .. } => "misrouted",
            Self::Skipped { .. } => "skipped",
        }
    }
}

impl Entry {
    /// Reads a record of that tenant's journal. One that names another tenant is nobody's, wherever it does: inside,
    /// in its key, or in a header `tenant`. A key that is no tenant's id names nobody.
    ///
    /// # Errors
    /// The record is not to be used, and to be kept among the dead letters.
    pub fn of(tenant: &TenantId, key: &[u8], headers: &[Header], value: &[u8]) -> Result<Self, Unusable> {
        let entry = codec::decode_entry(value)?;
        let named = &entry.origin().tenant;
        if named != tenant {
            return Err(Unusable::Misrouted { at: "", named: named.clone() });
        }
        if let Some(named) = other_than(tenant, key) {
            return Err(Unusable::Misrouted { at: "'s key", named });
        }
        let mut headers = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("tenant"));
        match headers.find_map(|header| other_than(tenant, &header.value)) {
            Some(named) => Err(Unusable::Misrouted { at: "'s header", named }),
            None => Ok(entry),
        }
    }

    /// Who wrote the record, and when, whatever its kind.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Ticks(block) => &block.origin,
            Self::Bars(block) => &block.origin,
            Self::Heartbeat(beat) => &beat.origin,
            Self::Alert(change) => &change.origin,
            Self::Settings(change) => &change.origin,
            Self::Calendar(change) => &change.origin,
            Self::Decision(decided) => &decided.origin,
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
            Self::Calendar(_) => "calendar_item",
            Self::Decision(_) => "operator_decision",
        }
    }

    /// The largest event time the record carries; none where it says what holds, and nothing of the market.
    #[must_use]
    pub fn event_time(&self) -> Option<Timestamp> {
        match self {
            Self::Ticks(block) => block.ticks.iter().map(|tick| tick.ts).max(),
            Self::Bars(block) => block.bars.iter().map(|bar| bar.close_time).max(),
            Self::Heartbeat(beat) => Some(beat.ts),
            Self::Alert(_) | Self::Settings(_) | Self::Calendar(_) | Self::Decision(_) => None,
        }
    }
}

fn other_than(tenant: &TenantId, bytes: &[u8]) -> Option<TenantId> {
    if bytes == tenant.as_str().as_bytes() {
        return None;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat(tenant: &str) -> Vec<u8> {
        let origin = Origin {
            tenant: tenant.parse().unwrap(),
            source: "test".into(),
            session: "1".into(),
            played: true,
            appended_at: Timestamp(0),
        };
        codec::encode_entry(&Entry::Heartbeat(Heartbeat { origin, ts: Timestamp(0) })).unwrap()
    }

    fn of(key: &[u8], header: (&str, &[u8]), value: &[u8]) -> Result<Entry, String> {
        let headers = [Header { name: header.0.into(), value: header.1.into() }];
        let read = Entry::of(&"fxlabs".parse().unwrap(), key, &headers, value);
        read.map_err(|unusable| format!("{}: {unusable}", unusable.reason()))
    }

    #[test]
    fn a_record_that_names_another_tenant_anywhere_is_misrouted() {
        let (ours, none) = (heartbeat("fxlabs"), ("trace", &b"hextech"[..]));
        for good in
            [of(b"fxlabs", none, &ours), of(b"", ("tenant", b"fxlabs"), &ours), of(b"By Hand", none, &ours)]
        {
            assert!(good.is_ok(), "{good:?}");
        }
        let misrouted = |at: &str| Err(format!("misrouted: the record{at} names tenant hextech"));
        assert_eq!(of(b"fxlabs", none, &heartbeat("hextech")), misrouted(""));
        assert_eq!(of(b"hextech", none, &ours), misrouted("'s key"));
        assert_eq!(of(b"fxlabs", ("Tenant", b"hextech"), &ours), misrouted("'s header"));
        assert!(of(b"hextech", none, b"\x01").unwrap_err().starts_with("undecodable: "));
    }
}
