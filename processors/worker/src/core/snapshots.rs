//! When a tenant's state is taken, and when what was taken may be stored.
//!
//! It is begun between two records and copied a little at a time while others are folded, and stored beside the thread
//! that does both. What stands for a journal offset may be
//! stored once every effect from before that offset is acknowledged: so whoever goes on from it leaves nothing out.

use std::time::Duration;

use bellwether_engine::snapshot::Part;

use super::SnapshotId;
use crate::snapshots::Snapshot;

/// What is under way of a tenant's snapshots.
#[derive(Debug)]
pub(super) struct Snapshots {
    /// When the next one is to be taken: time of the worker.
    due: Duration,
    /// Between two of them.
    every: Duration,
    /// The journal offset that the log has the state of.
    stored_to: u64,
    /// Being taken: all but its parts.
    begun: Option<Box<Snapshot>>,
    /// Taken, and waits for acknowledgements.
    taken: Option<Box<Snapshot>>,
    /// Being stored, and the journal offset it stands for.
    storing: Option<(SnapshotId, u64)>,
}

impl Snapshots {
    /// Of a tenant whose state at that journal offset the log has, or which begins there.
    pub(super) fn new(stored_to: u64, now: Duration, every: Duration) -> Self {
        Self { due: now + every, every, stored_to, begun: None, taken: None, storing: None }
    }

    /// A recovery is over: the next shall not have its way to go again.
    pub(super) fn hasten(&mut self, now: Duration) {
        self.due = self.due.min(now);
    }

    /// One is to be taken: it is time, the one before is done with, and more was folded since.
    pub(super) fn are_due(&self, now: Duration, folded_to: u64) -> bool {
        now >= self.due && self.are_wanted(folded_to)
    }

    /// Nothing is under way, and more was folded than the log has the state of.
    pub(super) fn are_wanted(&self, folded_to: u64) -> bool {
        let is_under_way = self.begun.is_some() || self.taken.is_some() || self.storing.is_some();
        !is_under_way && folded_to > self.stored_to
    }

    /// One is begun, and its parts are still to be taken.
    pub(super) fn begin(&mut self, snapshot: Snapshot, now: Duration) {
        self.begun = Some(Box::new(snapshot));
        self.due = now + self.every;
    }

    /// One is begun and not whole.
    pub(super) const fn is_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// All parts of the one that was begun.
    pub(super) fn took(&mut self, parts: Vec<Part>) {
        self.taken = self.begun.take().map(|begun| Box::new(Snapshot { parts, ..*begun }));
    }

    /// What was begun is not what the state was: nobody goes on with it.
    pub(super) fn give_up(&mut self) {
        self.begun = None;
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
    use bellwether_runtime::journal::gist::TakenGist;
    use bellwether_schemas::Timestamp;
    use bellwether_schemas::snapshots::{LastFolded, LateKept};

    use super::*;

    const EVERY: Duration = Duration::from_secs(60);

    fn at(next_offset: u64) -> Snapshot {
        Snapshot {
            next_offset,
            last: LastFolded { offset: 0, appended_at: Timestamp(0), sha256: Vec::new() },
            watermark: None,
            engine_version: 1,
            late: LateKept::default(),
            parts: Vec::new(),
            gist: TakenGist::default(),
        }
    }

    #[test]
    fn a_minute_after_the_last_one_was_taken_the_next_is_due_if_there_is_news() {
        let mut snapshots = Snapshots::new(5, Duration::ZERO, EVERY);
        assert!(!snapshots.are_due(EVERY - Duration::from_nanos(1), 6));
        assert!(!snapshots.are_due(EVERY, 5), "the log has that state");
        assert!(snapshots.are_due(EVERY, 6));
        snapshots.begin(at(6), EVERY);
        assert!(!snapshots.are_due(EVERY * 9, 9) && snapshots.ready(9, &mut 0).is_none(), "it is not whole");
        snapshots.took(Vec::new());
        let (id, _) = snapshots.ready(6, &mut 0).unwrap();
        snapshots.stored(id, true);
        assert!(!snapshots.are_due(EVERY, 7) && snapshots.are_due(EVERY * 2, 7));
    }

    #[test]
    fn after_a_recovery_the_next_is_due_at_once() {
        let mut snapshots = Snapshots::new(5, Duration::ZERO, EVERY);
        snapshots.hasten(Duration::from_secs(1));
        assert!(!snapshots.are_due(Duration::from_secs(1), 5), "there is no news");
        assert!(snapshots.are_due(Duration::from_secs(1), 6));
    }

    #[test]
    fn what_was_taken_waits_for_acknowledgements_and_the_next_one_for_it() {
        let mut snapshots = Snapshots::new(0, Duration::ZERO, EVERY);
        snapshots.begin(at(6), EVERY);
        snapshots.took(Vec::new());
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
