//! When a tenant's state is taken, and when what was taken may be stored.
//!
//! It is taken between two records, on the thread that folds, and stored beside it. What stands for a journal offset may be
//! stored once every effect from before that offset is acknowledged: so whoever goes on from it leaves nothing out.

use std::time::Duration;

use super::SnapshotId;
use crate::snapshots::Snapshot;

/// Between two snapshots of a tenant.
pub const EVERY: Duration = Duration::from_secs(60);

/// What is under way of a tenant's snapshots.
#[derive(Debug)]
pub(super) struct Snapshots {
    /// When the next one is to be taken: time of the worker.
    due: Duration,
    /// The journal offset that the log has the state of.
    stored_to: u64,
    /// Taken, and waits for acknowledgements.
    taken: Option<Box<Snapshot>>,
    /// Being stored, and the journal offset it stands for.
    storing: Option<(SnapshotId, u64)>,
}

impl Snapshots {
    /// Of a tenant whose state at that journal offset the log has, or which begins there.
    pub(super) fn new(stored_to: u64, now: Duration) -> Self {
        Self { due: now + EVERY, stored_to, taken: None, storing: None }
    }

    /// One is to be taken: it is time, the one before is done with, and more was folded since.
    pub(super) fn are_due(&self, now: Duration, folded_to: u64) -> bool {
        now >= self.due && self.are_wanted(folded_to)
    }

    /// Nothing is under way, and more was folded than the log has the state of.
    pub(super) fn are_wanted(&self, folded_to: u64) -> bool {
        self.taken.is_none() && self.storing.is_none() && folded_to > self.stored_to
    }

    pub(super) fn took(&mut self, snapshot: Snapshot, now: Duration) {
        self.taken = Some(Box::new(snapshot));
        self.due = now + EVERY;
    }

    /// What was taken, once everything that came of the journal before that offset is acknowledged.
    pub(super) fn ready(
        &mut self,
        acknowledged_to: u64,
        next: &mut SnapshotId,
    ) -> Option<(SnapshotId, Box<Snapshot>)> {
        let snapshot = self.taken.take_if(|taken| taken.next_offset <= acknowledged_to)?;
        *next += 1;
        self.storing = Some((*next, snapshot.next_offset));
        Some((*next, snapshot))
    }

    /// What came of storing one.
    pub(super) fn stored(&mut self, id: SnapshotId, is_stored: bool) {
        if let Some((_, offset)) = self.storing.take_if(|(storing, _)| *storing == id)
            && is_stored
        {
            self.stored_to = self.stored_to.max(offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::Timestamp;
    use bellwether_schemas::snapshots::{LastFolded, LateKept};

    use super::*;

    fn at(next_offset: u64) -> Snapshot {
        Snapshot {
            next_offset,
            last: LastFolded { offset: 0, appended_at: Timestamp(0), sha256: Vec::new() },
            watermark: None,
            engine_version: 1,
            late: LateKept::default(),
            parts: Vec::new(),
        }
    }

    #[test]
    fn a_minute_after_the_last_one_was_taken_the_next_is_due_if_there_is_news() {
        let mut snapshots = Snapshots::new(5, Duration::ZERO);
        assert!(!snapshots.are_due(EVERY - Duration::from_nanos(1), 6));
        assert!(!snapshots.are_due(EVERY, 5), "the log has that state");
        assert!(snapshots.are_due(EVERY, 6));
        snapshots.took(at(6), EVERY);
        let (id, _) = snapshots.ready(6, &mut 0).unwrap();
        snapshots.stored(id, true);
        assert!(!snapshots.are_due(EVERY, 7) && snapshots.are_due(EVERY * 2, 7));
    }

    #[test]
    fn what_was_taken_waits_for_acknowledgements_and_the_next_one_for_it() {
        let mut snapshots = Snapshots::new(0, Duration::ZERO);
        snapshots.took(at(6), EVERY);
        assert!(snapshots.ready(5, &mut 0).is_none());
        assert!(!snapshots.are_due(EVERY * 9, 9));
        let (id, stored) = snapshots.ready(6, &mut 0).unwrap();
        assert_eq!(stored.next_offset, 6);
        assert!(!snapshots.are_due(EVERY * 9, 9), "it is being stored");
        snapshots.stored(id + 1, true);
        assert!(!snapshots.are_due(EVERY * 9, 9), "that was another");
        snapshots.stored(id, false);
        assert!(snapshots.are_due(EVERY * 9, 6), "the log does not have it");
    }
}
