//! What is kept of refused input. Writing the same again is harmless: the key says offset, place and reason.

use bellwether_engine::{Refusal, RefusalReason};
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{Timestamp, Topic, codec};

/// Late ticks kept a minute of event time; the rest are counted.
const LATE_A_MINUTE: u32 = 100;
/// Bytes kept of a record that could not be read.
const MAX_ORIGINAL: usize = 64 * 1024;

/// Decides what is kept of a tenant's refused input.
#[derive(Debug)]
pub(super) struct DeadLetters {
    journal: Topic,
    late_minute: Timestamp,
    late_kept: u32,
}

impl DeadLetters {
    pub(super) const fn new(journal: Topic) -> Self {
        Self { journal, late_minute: Timestamp::MIN, late_kept: 0 }
    }

    /// Duplicates are only counted, late ticks are sampled, everything else is kept.
    pub(super) fn of_refusal(
        &mut self,
        offset: u64,
        refusal: &Refusal,
        watermark: Option<Timestamp>,
    ) -> Option<NewRecord> {
        let keep = match refusal.reason {
            RefusalReason::Duplicate => false,
            RefusalReason::Late => self.sample(watermark.unwrap_or_default()),
            _ => true,
        };
        keep.then(|| self.letter(offset, refusal.reason.name()))
            .map(|letter| DeadLetter {
                index: refusal.index.and_then(|index| i32::try_from(index).ok()),
                detail: describe(refusal),
                ts: Some(refusal.ts),
                ..letter
            })
            .and_then(|letter| encode(&letter))
    }

    /// A whole record that cannot be used.
    pub(super) fn of_record(&self, record: &Record, reason: &str, detail: &str) -> Option<NewRecord> {
        let original = record.value.get(..MAX_ORIGINAL).unwrap_or(&record.value).to_vec();
        let letter = self.letter(record.offset, reason);
        encode(&DeadLetter { detail: detail.into(), key: record.key.clone(), original, ..letter })
    }

    fn letter(&self, offset: u64, reason: &str) -> DeadLetter {
        DeadLetter {
            tenant: self.journal.tenant.clone(),
            topic: self.journal.to_string(),
            offset: offset.cast_signed(),
            index: None,
            reason: reason.into(),
            detail: String::new(),
            ts: None,
            key: Vec::new(),
            original: Vec::new(),
        }
    }

    fn sample(&mut self, watermark: Timestamp) -> bool {
        let minute = watermark.floor(MINUTE);
        if minute != self.late_minute {
            self.late_minute = minute;
            self.late_kept = 0;
        }
        self.late_kept += 1;
        self.late_kept <= LATE_A_MINUTE
    }
}

fn describe(refusal: &Refusal) -> String {
    let what = if refusal.symbol.is_empty() { "heartbeat" } else { refusal.symbol.as_str() };
    format!("{what} of {} {}", refusal.ts, explain(refusal.reason))
}

const fn explain(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::Malformed => {
            "is malformed: prices are above 0, an ask is not below its bid, a bar spans its own time"
        }
        RefusalReason::UnknownSymbol => {
            "is not among the tenant's symbols: list it in its file and raise the revision"
        }
        RefusalReason::Future => "is ahead of the moment it was received: is the source's clock right?",
        RefusalReason::Duplicate => "was here before",
        RefusalReason::Late => "came when its bar was closed",
        RefusalReason::Absurd => "is too far from the last price",
        RefusalReason::BarExists => "is history where there is a bar already",
    }
}

fn encode(letter: &DeadLetter) -> Option<NewRecord> {
    let value = codec::encode_dead_letter(letter).ok()?;
    Some(NewRecord { key: letter.record_key().into_bytes(), value })
}
