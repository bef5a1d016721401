//! What one batch of journal records is to append.

use std::collections::BTreeMap;

use bellwether_runtime::log::{MAX_BATCH_BYTES, NewRecord};
use bellwether_schemas::readings::Reading;
use bellwether_schemas::topics::MAX_RECORD_BYTES;
use bellwether_schemas::{TenantId, Timestamp};

use crate::events;

/// One append holds no more: half of what a log takes at once, so that one more record still fits.
const MAX_APPEND_BYTES: usize = MAX_BATCH_BYTES / 2;
const _: () = assert!(MAX_APPEND_BYTES + MAX_RECORD_BYTES < MAX_BATCH_BYTES);

/// Counted for each record on top of its bytes, as the logs do.
const RECORD_OVERHEAD: usize = 12;

/// Records to append for one batch, by topic.
#[derive(Default)]
pub(super) struct Appends {
    /// Records of the triggers topic: what fired, and what became of alerts.
    pub(super) triggers: Vec<NewRecord>,
    /// How many of them are triggers.
    pub(super) fired: usize,
    /// The newest of each key: the topic would compact the others away. None: nothing stands under it any more.
    pub(super) readings: BTreeMap<String, Option<Reading>>,
    pub(super) dead_letters: Vec<NewRecord>,
    pub(super) withheld: usize,
    /// Ticks that moved the state.
    pub(super) ticks: usize,
}

impl Appends {
    pub(super) const fn folded<'a>(
        &self,
        tenant: &'a TenantId,
        records: usize,
        watermark: Option<Timestamp>,
    ) -> events::Folded<'a> {
        let Self { ticks, fired: triggers, withheld, .. } = *self;
        events::Folded { tenant, records, ticks, triggers, withheld, watermark }
    }
}

/// The records in their order, cut so that each piece is one append.
pub(super) fn pieces(records: Vec<NewRecord>) -> Vec<Vec<NewRecord>> {
    let mut pieces: Vec<Vec<NewRecord>> = Vec::new();
    let mut bytes = MAX_APPEND_BYTES;
    for record in records {
        if bytes >= MAX_APPEND_BYTES {
            pieces.push(Vec::new());
            bytes = 0;
        }
        bytes += record.key.len() + record.value.len() + RECORD_OVERHEAD;
        if let Some(piece) = pieces.last_mut() {
            piece.push(record);
        }
    }
    pieces
}

/// As the logs count it.
pub(super) fn size(records: &[NewRecord]) -> usize {
    records.iter().map(|record| record.key.len() + record.value.len() + RECORD_OVERHEAD).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_are_cut_to_what_a_log_takes_and_keep_their_order() {
        let record = |number: u32| NewRecord {
            key: number.to_be_bytes().into(),
            value: vec![0; MAX_RECORD_BYTES - 100],
        };
        let pieces = pieces((0..50).map(record).collect());
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| size(piece) <= MAX_BATCH_BYTES));
        let keys: Vec<Vec<u8>> = pieces.into_iter().flatten().map(|record| record.key).collect();
        assert!(keys.is_sorted() && keys.len() == 50);
        assert!(super::pieces(Vec::new()).is_empty());
    }
}
