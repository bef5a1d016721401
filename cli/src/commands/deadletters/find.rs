//! Letters of a tenant, each once however often it was written.

use std::collections::BTreeMap;
use std::ops::Range;

use bellwether_runtime::log::{Log, Record, Result, scan};
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::{Timestamp, Topic, codec};

/// A letter, and how often it is there.
pub(super) struct Kept {
    pub(super) letter: DeadLetter,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
    pub(super) times: u64,
}

impl Kept {
    pub(super) fn new(record: &Record, letter: DeadLetter) -> Self {
        Self { letter, first_at: record.appended_at, last_at: record.appended_at, times: 1 }
    }

    /// It was written once more.
    pub(super) fn again(&mut self, record: &Record) {
        self.last_at = record.appended_at;
        self.times += 1;
    }
}

/// The topic its record was read from, and its key.
pub(super) type Id = (String, String);

pub(super) fn id(letter: &DeadLetter) -> Id {
    (letter.topic.clone(), letter.record_key())
}

/// The newest of those wanted, by when they were written last, without their bytes. Reads the range twice, so that
/// what it holds is bounded by `limit`.
pub(super) fn newest(
    log: &dyn Log,
    topic: &Topic,
    range: &Range<u64>,
    limit: usize,
    wanted: &dyn Fn(&DeadLetter) -> bool,
) -> Result<Vec<Kept>> {
    let mut places: BTreeMap<Id, u64> = BTreeMap::new();
    let mut by_place: BTreeMap<u64, Id> = BTreeMap::new();
    each(log, topic, range, &mut |record, letter| {
        if !wanted(&letter) {
            return;
        }
        if let Some(before) = places.insert(id(&letter), record.offset) {
            by_place.remove(&before);
        }
        by_place.insert(record.offset, id(&letter));
        if by_place.len() > limit
            && let Some((_, oldest)) = by_place.pop_first()
        {
            places.remove(&oldest);
        }
    })?;
    let mut kept: BTreeMap<Id, Kept> = BTreeMap::new();
    each(log, topic, range, &mut |record, mut letter| {
        let id = id(&letter);
        if !places.contains_key(&id) {
            return;
        }
        letter.size = letter.size.or_else(|| length(&letter.original));
        letter.original = Vec::new();
        kept.entry(id).and_modify(|kept| kept.again(record)).or_insert_with(|| Kept::new(record, letter));
    })?;
    Ok(by_place.values().filter_map(|id| kept.remove(id)).collect())
}

/// Version 1 does not say how long the record was, and cut none shorter than this.
fn length(original: &[u8]) -> Option<i64> {
    i64::try_from(original.len()).ok().filter(|length| *length > 0)
}

/// Every letter of the range, in order. What is none is none of ours.
pub(super) fn each(
    log: &dyn Log,
    topic: &Topic,
    range: &Range<u64>,
    take: &mut dyn FnMut(&Record, DeadLetter),
) -> Result<()> {
    for record in scan(log, topic, range.clone())? {
        let record = record?;
        if let Ok(letter) = codec::decode_dead_letter(&record.value) {
            take(&record, letter);
        }
    }
    Ok(())
}
