//! Finding a state to go on from, in a journal that may have been cut.

use bellwether_schemas::snapshots::{ContentHash, Manifest, ManifestKey};
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind};

use super::shelf::{Refused, Shelf};
use super::state::{StoredState, open_base};
use crate::log::{Bounds, Log, LogError, scan};

/// Why a journal cannot be gone on with.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SnapshotFault {
    /// The log said no.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The journal does not begin at 0, and there is no state to begin with.
    #[error(
        "{topic} begins at offset {start}, and {snapshots} has no whole snapshot whose last record it still has: restore \
         one of the two, or start the tenant with a fresh log"
    )]
    JournalCut {
        /// Name of the journal.
        topic: String,
        /// The first offset that the journal still has.
        start: u64,
        /// Name of the topic of snapshots.
        snapshots: String,
    },
    /// The journal has another record than a snapshot was taken behind.
    #[error(
        "{topic} does not have the record at offset {offset} that a snapshot was taken behind: it was deleted and made \
         anew, or rolled back, so restore it, or delete the tenant's other topics too and start it afresh"
    )]
    JournalDiffers {
        /// Name of the journal.
        topic: String,
        /// Offset of the record.
        offset: u64,
    },
}

/// What a search found, and what it knows of the topic since.
#[derive(Debug)]
pub struct Found<T> {
    /// What was made of the state; none: the journal is read from its start, which is offset 0.
    pub state: Option<T>,
    /// What the topic holds, for who goes on to write there.
    pub shelf: Shelf,
}

/// Makes something of a state, or says why it is not to be gone on from.
pub type Open<'a, T> = dyn FnMut(StoredState) -> Result<T, String> + 'a;
/// Is told of every state that is of no use, by its journal offset.
pub type Told<'a> = dyn FnMut(u64, &Refused) + 'a;

/// Finds the newest state that is whole, of this tenant and of this journal, and that `open` can go on from: among
/// ordinary snapshots, then among bases. Blocks while the topic is read.
///
/// # Errors
/// The log is out of reach; the journal is not the one that a sound snapshot was taken of; or it was cut, and there is no
/// state to begin with.
pub fn go_on_from<T>(
    log: &dyn Log,
    tenant: &TenantId,
    open: &mut Open<'_, T>,
    told: &mut Told<'_>,
) -> Result<Found<T>, SnapshotFault> {
    let mut search = Search::begin(log, tenant, Shelf::with_contents(tenant))?;
    search.shelf.refused().for_each(|(key, why)| told(key.next_offset, why));
    let mut state = None;
    while let (None, Some(key)) = (&state, search.shelf.newest()) {
        match search.ordinary(key, open)? {
            Ok(opened) => state = Some(opened),
            Err(why) => {
                told(key.next_offset, &why);
                search.shelf.refuse(key, why);
            }
        }
    }
    search.shelf.drop_contents();
    let bases = search.shelf.bases().finished().rev().map(|base| base.next_offset).collect();
    search.or_base(state, bases, open, told)
}

/// Finds the newest ordinary snapshot that is whole and of this tenant and that `open` takes, although the journal has no
/// longer the record that it was taken behind: whose journal it is, nothing tells then. Blocks while the topic is read.
///
/// # Errors
/// The log is out of reach.
pub fn newest_whatever_the_journal<T>(
    log: &dyn Log,
    tenant: &TenantId,
    open: &mut Open<'_, T>,
) -> Result<Found<T>, SnapshotFault> {
    let mut search = Search::begin(log, tenant, Shelf::with_contents(tenant))?;
    let opened = search.shelf.good().find_map(|(_, manifest)| {
        let state = search.shelf.open(manifest).ok()?;
        open(state).ok()
    });
    search.shelf.drop_contents();
    Ok(Found { state: opened, shelf: search.shelf })
}

/// Finds the oldest base that a journal which was cut can be read from; none where it begins at offset 0. Blocks while the
/// topic is read.
///
/// # Errors
/// As [`go_on_from`].
pub fn oldest_base<T>(
    log: &dyn Log,
    tenant: &TenantId,
    open: &mut Open<'_, T>,
    told: &mut Told<'_>,
) -> Result<Option<T>, SnapshotFault> {
    if log.bounds(&Topic::new(tenant, TopicKind::Journal))?.start == 0 {
        return Ok(None);
    }
    let search = Search::begin(log, tenant, Shelf::new(tenant))?;
    let bases = search.shelf.bases().finished().map(|base| base.next_offset).collect();
    search.or_base(None, bases, open, told).map(|found| found.state)
}

/// Finds the newest state that is whole, of this tenant and journal, for whose offset and watermark `fits`, and that `open`
/// takes: among ordinary snapshots and bases alike. None: there is none. Blocks while they are read.
///
/// # Errors
/// The log is out of reach, or the journal is not the one that a sound snapshot was taken of.
pub fn newest_that<T>(
    log: &dyn Log,
    tenant: &TenantId,
    fits: &dyn Fn(u64, Option<Timestamp>) -> bool,
    open: &mut Open<'_, T>,
) -> Result<Option<T>, SnapshotFault> {
    let search = Search::begin(log, tenant, Shelf::with_contents(tenant))?;
    let ordinary = search.shelf.good().filter(|(key, manifest)| fits(key.next_offset, manifest.watermark));
    let ordinary = ordinary.map(|(key, _)| (key.next_offset, Some(key)));
    let bases = search.shelf.bases().finished().filter(|base| fits(base.next_offset, base.watermark));
    let mut candidates: Vec<(u64, Option<ManifestKey>)> =
        ordinary.chain(bases.map(|base| (base.next_offset, None))).collect();
    candidates.sort_by(|one, other| other.cmp(one));
    for (next_offset, ordinary) in candidates {
        let opened = match ordinary {
            Some(key) => search.ordinary(key, open)?,
            None => search.base(next_offset, open)?,
        };
        if let Ok(opened) = opened {
            return Ok(Some(opened));
        }
    }
    Ok(None)
}

struct Search<'a> {
    log: &'a dyn Log,
    journal: Topic,
    /// The first offset that the journal had when the search began.
    start: u64,
    shelf: Shelf,
}

impl<'a> Search<'a> {
    fn begin(log: &'a dyn Log, tenant: &TenantId, mut shelf: Shelf) -> Result<Self, SnapshotFault> {
        let journal = Topic::new(tenant, TopicKind::Journal);
        let start = log.bounds(&journal)?.start;
        match shelf.read_along(log) {
            // A build before this one did not make it.
            Ok(()) | Err(LogError::UnknownTopic { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self { log, journal, start, shelf })
    }

    fn ordinary<T>(
        &self,
        key: ManifestKey,
        open: &mut Open<'_, T>,
    ) -> Result<Result<T, Refused>, SnapshotFault> {
        let Some((_, manifest)) = self.shelf.good().find(|(found, _)| *found == key) else {
            return Ok(Err(Refused::Damaged));
        };
        if let Some(why) = check_journal(self.log, &self.journal, manifest)? {
            return Ok(Err(why));
        }
        Ok(self.shelf.open(manifest).and_then(|state| open(state).map_err(Refused::Unfit)))
    }

    /// That state, or the first of these bases that is good.
    fn or_base<T>(
        self,
        mut state: Option<T>,
        bases: Vec<u64>,
        open: &mut Open<'_, T>,
        told: &mut Told<'_>,
    ) -> Result<Found<T>, SnapshotFault> {
        for next_offset in bases {
            // One whose last record the cut took says nothing any more.
            if state.is_some() || next_offset <= self.start {
                continue;
            }
            match self.base(next_offset, open)? {
                Ok(opened) => state = Some(opened),
                Err(why) => told(next_offset, &why),
            }
        }
        if state.is_none() && self.start > 0 {
            let (topic, snapshots) = (self.journal.to_string(), self.shelf.topic().to_string());
            return Err(SnapshotFault::JournalCut { topic, start: self.start, snapshots });
        }
        Ok(Found { state, shelf: self.shelf })
    }

    fn base<T>(&self, next_offset: u64, open: &mut Open<'_, T>) -> Result<Result<T, Refused>, SnapshotFault> {
        let state = whole_base(self.log, &self.shelf, next_offset)?;
        Ok(state.and_then(|state| open(state).map_err(Refused::Unfit)))
    }
}

/// The base that stands for that journal offset, if it is whole and of this journal. Blocks while it is read.
///
/// # Errors
/// The log is out of reach, or the journal is not the one that the base was taken of.
pub fn whole_base(
    log: &dyn Log,
    shelf: &Shelf,
    next_offset: u64,
) -> Result<Result<StoredState, Refused>, SnapshotFault> {
    let state = match open_base(log, shelf, next_offset)? {
        Ok(state) => state,
        Err(why) => return Ok(Err(why)),
    };
    let journal = Topic::new(&shelf.topic().tenant, TopicKind::Journal);
    Ok(match check_journal(log, &journal, &state.manifest)? {
        Some(why) => Err(why),
        None => Ok(state),
    })
}

/// Whether the journal is the one that the state is of.
fn check_journal(
    log: &dyn Log,
    journal: &Topic,
    manifest: &Manifest,
) -> Result<Option<Refused>, SnapshotFault> {
    let last = &manifest.last;
    let offset = last.offset.cast_unsigned();
    let Bounds { start, next } = log.bounds(journal)?;
    if offset < start {
        return Ok(Some(Refused::RecordGone(offset)));
    }
    let found = match offset < next {
        true => scan(log, journal, offset..offset + 1)?.next().transpose()?,
        false => None,
    };
    let Some(record) = found else {
        // It may have been cut off since.
        if offset < log.bounds(journal)?.start {
            return Ok(Some(Refused::RecordGone(offset)));
        }
        return Err(SnapshotFault::JournalDiffers { topic: journal.to_string(), offset });
    };
    if ContentHash::of_record(&record.key, &record.value).bytes()[..] != last.sha256[..] {
        return Err(SnapshotFault::JournalDiffers { topic: journal.to_string(), offset });
    }
    Ok((record.appended_at != last.appended_at).then_some(Refused::OtherAppend(offset)))
}
