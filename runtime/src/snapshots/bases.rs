//! The base snapshots that a topic holds. Their contents are not looked at until one of them is asked for: a tenant has
//! one for each day of its journal, and a recovery needs none of them as a rule.

use std::collections::BTreeMap;
use std::ops::Range;

use bellwether_schemas::Timestamp;
use bellwether_schemas::snapshots::{Manifest, SnapshotKey};

/// Bases by the journal offset that each stands for.
#[derive(Debug, Default)]
pub struct Bases(BTreeMap<u64, Base>);

/// What is known of a base without reading it.
#[derive(Debug, Default)]
struct Base {
    /// Where in the topic its records are.
    records: BTreeMap<SnapshotKey, u64>,
    /// None until its manifest is there.
    finished: Option<Finished>,
}

/// A base that was written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finished {
    /// The journal offset to fold next.
    pub next_offset: u64,
    /// When the record before that was appended.
    pub behind: Timestamp,
    /// Event time up to which the journal is complete there.
    pub watermark: Option<Timestamp>,
}

impl Bases {
    pub(super) fn put(&mut self, key: SnapshotKey, offset: u64, manifest: Option<&Manifest>) {
        if let Some(next_offset) = base_of(&key) {
            let base = self.0.entry(next_offset).or_default();
            base.records.insert(key, offset);
            let finished = manifest.map(|manifest| Finished {
                next_offset,
                behind: manifest.last.appended_at,
                watermark: manifest.watermark,
            });
            base.finished = finished.or(base.finished);
        }
    }

    pub(super) fn lose(&mut self, key: &SnapshotKey) {
        let Some(next_offset) = base_of(key) else { return };
        let Some(base) = self.0.get_mut(&next_offset) else { return };
        base.records.remove(key);
        if !base.records.keys().any(|key| matches!(key, SnapshotKey::BaseManifest(_))) {
            base.finished = None;
        }
        if base.records.is_empty() {
            self.0.remove(&next_offset);
        }
    }

    /// Those that were written to their end, in their order.
    pub fn finished(&self) -> impl DoubleEndedIterator<Item = Finished> {
        self.0.values().filter_map(|base| base.finished)
    }

    /// Every key of bases before that journal offset, whole or not.
    pub fn keys_before(&self, next_offset: u64) -> impl Iterator<Item = SnapshotKey> {
        self.0.range(..next_offset).flat_map(|(_, base)| base.records.keys().copied())
    }

    /// Where in the topic the records of that base are.
    pub(super) fn place(&self, next_offset: u64) -> Option<Range<u64>> {
        let records = &self.0.get(&next_offset)?.records;
        let (first, last) = (records.values().min()?, records.values().max()?);
        Some(*first..last + 1)
    }
}

/// The journal offset that the base of that key stands for.
pub(super) const fn base_of(key: &SnapshotKey) -> Option<u64> {
    match key {
        SnapshotKey::BasePiece(next_offset, _) => Some(*next_offset),
        SnapshotKey::BaseManifest(key) => Some(key.next_offset),
        SnapshotKey::Piece(_) | SnapshotKey::Manifest(_) => None,
    }
}
