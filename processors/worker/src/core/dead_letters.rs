//! What is kept of refused input. Writing the same again is harmless: the key says offset, place and reason.

use bellwether_engine::{Refusal, RefusalReason};
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::snapshots::LateKept;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{Timestamp, Topic, codec};

/// Late ticks kept a minute of event time; the rest are counted.
const LATE_A_MINUTE: i32 = 100;

/// Decides what is kept of a tenant's refused input.
#[derive(Debug)]
pub(super) struct DeadLetters {
    journal: Topic,
    late: LateKept,
    /// The record that the last letter was of: others of the same do without its bytes.
    last: Option<u64>,
}

impl DeadLetters {
    /// Goes on from where the sampling of late ticks stood.
    pub(super) const fn new(journal: Topic, late: LateKept) -> Self {
        Self { journal, late, last: None }
    }

    /// How far the sampling of late ticks is.
    pub(super) const fn late(&self) -> LateKept {
        self.late
    }

    /// Duplicates are only counted, late ticks are sampled, everything else is kept.
    pub(super) fn of_refusal(
        &mut self,
        record: &Record,
        refusal: &Refusal,
        watermark: Option<Timestamp>,
    ) -> Option<NewRecord> {
        let keep = match refusal.reason {
            RefusalReason::Duplicate => false,
            RefusalReason::Late => self.sample(watermark.unwrap_or_default()),
            _ => true,
        };
        if !keep {
            return None;
        }
        let letter = DeadLetter {
            index: refusal.index.and_then(|index| i32::try_from(index).ok()),
            ts: Some(refusal.ts),
            ..DeadLetter::new(&self.journal, record.offset, refusal.reason.name(), describe(refusal))
        };
        if self.last.replace(record.offset) == Some(record.offset) {
            return encode(&letter);
        }
        encode(&letter.with_record(&record.key, &record.headers, &record.value))
    }

    /// A whole record that cannot be used.
    pub(super) fn of_record(&self, record: &Record, reason: &str, detail: String) -> Option<NewRecord> {
        let letter = DeadLetter::new(&self.journal, record.offset, reason, detail);
        encode(&letter.with_record(&record.key, &record.headers, &record.value))
    }

    fn sample(&mut self, watermark: Timestamp) -> bool {
        let minute = watermark.floor(MINUTE);
        if minute != self.late.minute {
            self.late = LateKept { minute, kept: 0 };
        }
        // A count that has passed the limit says no more by rising.
        self.late.kept = (self.late.kept + 1).min(LATE_A_MINUTE + 1);
        self.late.kept <= LATE_A_MINUTE
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

#[cfg(test)]
mod tests {
    use bellwether_schemas::TopicKind;

    use super::*;

    fn kept(letters: &mut DeadLetters, reason: RefusalReason, watermark: i64) -> bool {
        let record = Record {
            offset: 5,
            appended_at: Timestamp(0),
            key: Vec::new(),
            headers: Vec::new(),
            value: Vec::new(),
        };
        let refusal = Refusal { index: Some(0), symbol: "EURUSD".into(), ts: Timestamp(0), reason };
        letters.of_refusal(&record, &refusal, Some(Timestamp(watermark))).is_some()
    }

    #[test]
    fn a_hundred_late_ticks_a_minute_of_event_time_are_kept_and_no_duplicate_is() {
        let journal = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Journal);
        let mut letters = DeadLetters::new(journal, LateKept::default());
        for minute in [0, MINUTE] {
            let late = (0..250).filter(|i| kept(&mut letters, RefusalReason::Late, minute + i)).count();
            assert_eq!(late, 100);
        }
        assert!(!(0..250).any(|i| kept(&mut letters, RefusalReason::Duplicate, i)));
        assert!((0..250).all(|i| kept(&mut letters, RefusalReason::Absurd, i)));
    }
}
