//! Cutting a journal's front off, once a base stands for what goes.

use std::time::Duration;

use bellwether_runtime::log::{Log, LogError, NewRecord};
use bellwether_runtime::roles::{PREVIEW, Role};
use bellwether_runtime::snapshots::{Finished, Refused, Shelf, SnapshotFault, whole_base};
use bellwether_schemas::snapshots::SnapshotKey;
use bellwether_schemas::{Timestamp, Topic, TopicKind};

use super::load::restore;

/// Tombstones that are on their way at once.
const AT_ONCE: usize = 1_000;

/// Why a journal stays as long as it is, though its tenant keeps its front no longer.
#[derive(Debug, thiserror::Error)]
pub enum NotCut {
    /// The log, or a journal that is not the one of its snapshots.
    #[error(transparent)]
    Fault(#[from] SnapshotFault),
    /// The base that it would begin at is of no use.
    #[error("the base snapshot at offset {next_offset} cannot be read back whole: {why}")]
    Base {
        /// The journal offset that the base stands for.
        next_offset: u64,
        /// What is wrong with it.
        why: Refused,
    },
}

impl From<LogError> for NotCut {
    fn from(error: LogError) -> Self {
        Self::Fault(error.into())
    }
}

/// What was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The offset that the journal began at.
    pub before: u64,
    /// The offset that it begins at.
    pub start: u64,
    /// Keys of older bases that went with it.
    pub removed: usize,
}

/// Cuts off what was appended longer than `kept` before `now`, as far as a base stands for it that reads back whole and
/// every group has read it; none: there is nothing of that kind. What is left begins at or before the last record that the
/// base has taken in, by which it is known whose journal it is. Blocks for all of that.
///
/// # Errors
/// It is not cut. It may be cut and older bases may be left, which the next cut takes.
pub fn cut_journal(
    log: &dyn Log,
    shelf: &mut Shelf,
    kept: Duration,
    now: Timestamp,
) -> Result<Option<Cut>, NotCut> {
    let tenant = shelf.topic().tenant.clone();
    let journal = Topic::new(&tenant, TopicKind::Journal);
    let before = log.bounds(&journal)?.start;
    let oldest_kept = now.plus(i64::try_from(kept.as_micros()).map_or(i64::MIN, |micros| -micros));
    let read_to = read_by_all(log, &journal)?;
    let fits = |base: &Finished| {
        base.behind <= oldest_kept
            && base.next_offset.saturating_sub(1) > before
            && base.next_offset <= read_to
    };
    let Some(base) = shelf.bases().finished().rev().find(fits) else { return Ok(None) };
    let next_offset = base.next_offset;
    let read = whole_base(log, shelf, next_offset)?;
    let read = read.and_then(|state| restore(&tenant, &state).map_err(Refused::Unfit));
    read.map_err(|why| NotCut::Base { next_offset, why })?;
    let start = log.cut(&journal, next_offset.saturating_sub(1))?;
    let removed = remove_bases_before(log, shelf, start)?;
    Ok(Some(Cut { before, start, removed }))
}

/// The offset before which every group that reads journals has committed. One that never did has read nothing.
fn read_by_all(log: &dyn Log, journal: &Topic) -> Result<u64, LogError> {
    // What previews are made of begins at a base like everything else, and where nobody runs them nobody reads on.
    let groups = Role::ALL.iter().filter_map(|role| role.group()).filter(|group| *group != PREVIEW);
    let mut least = u64::MAX;
    for group in groups.filter(|group| group.reads == journal.kind) {
        least = least.min(log.committed(group.name, journal)?.unwrap_or(0));
    }
    Ok(least)
}

/// Removes the bases whose last record the journal has no longer: nothing can begin at them.
fn remove_bases_before(log: &dyn Log, shelf: &mut Shelf, start: u64) -> Result<usize, LogError> {
    let keys: Vec<SnapshotKey> = shelf.bases().keys_before(start.saturating_add(1)).collect();
    for keys in keys.chunks(AT_ONCE) {
        let tombstones = keys.iter().map(|key| NewRecord::tombstone(key.to_string().into_bytes()));
        let first = log.append(shelf.topic(), tombstones.collect()).wait()?;
        let records: Vec<_> = keys.iter().map(|key| (*key, None)).collect();
        shelf.appended(first, &records);
    }
    Ok(keys.len())
}
