//! Writing a state: its pieces that are not there yet, then its manifest, then what nobody needs any more goes. And once a
//! day all of it again as a base.

use std::collections::BTreeSet;

use bellwether_engine::snapshot::SnapshotError;
use bellwether_runtime::crash::{CrashPoint, reach};
use bellwether_runtime::journal::gist::BadGist;
use bellwether_runtime::log::{Log, LogError, NewRecord};
use bellwether_runtime::snapshots::Shelf;
use bellwether_schemas::TenantId;
use bellwether_schemas::codec::encode_snapshot;
use bellwether_schemas::snapshots::{
    ContentHash, FORMAT, Index, Manifest, ManifestKey, PartEntry, Piece, SnapshotKey, SnapshotRecord,
    grouped, joined, pieces,
};
use bellwether_schemas::time::DAY;

use super::Snapshot;

/// Bytes that are on their way at once: the fold's own appends pass between them.
const APPEND_BYTES: usize = 1024 * 1024;
/// Times that pieces are written again which somebody took away meanwhile.
const REPAIRS: usize = 3;
/// Time of the journal's appends between two bases, microseconds.
const BASE_EVERY: i64 = DAY;

/// Why a snapshot is not in the log.
#[derive(Debug, thiserror::Error)]
pub enum NotStored {
    /// The log did not take it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A part cannot be written.
    #[error(transparent)]
    Part(#[from] SnapshotError),
    /// The gist cannot be written.
    #[error(transparent)]
    Gist(#[from] BadGist),
    /// A record cannot be written.
    #[error("{0}")]
    Unencodable(String),
    /// Somebody who folded further has stored that: this worker was replaced.
    #[error("there is a snapshot at offset {0} already, so another worker owns this tenant")]
    Overtaken(u64),
}

/// What a snapshot took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Pieces that it has.
    pub pieces: usize,
    /// Pieces that were not there yet.
    pub written: usize,
    /// Bytes that were appended, keys and tombstones included.
    pub bytes: usize,
    /// Keys whose records nobody needs any more.
    pub removed: usize,
}

/// Writes the snapshot and makes room. Blocks until all of it is acknowledged.
///
/// # Errors
/// It is not stored; what stands in the topic is as good as before.
pub fn store_snapshot(log: &dyn Log, shelf: &mut Shelf, snapshot: &Snapshot) -> Result<Stored, NotStored> {
    shelf.read_along(log)?;
    if let Some(newest) = shelf.newest().filter(|newest| newest.next_offset >= snapshot.next_offset) {
        return Err(NotStored::Overtaken(newest.next_offset));
    }
    let mut writer = Writer::new(log, shelf, None);
    let manifest = writer.whole(snapshot)?;
    writer.repair(snapshot, &manifest)?;
    reach(CrashPoint::SnapshotStored);
    writer.make_room()?;
    Ok(writer.stored)
}

/// Writes the snapshot once more as a base, unless the last one is younger than a day; none: it is. Blocks until all of it
/// is acknowledged.
///
/// # Errors
/// It is not stored. What was written of it goes when the journal is cut behind it.
pub fn store_base(
    log: &dyn Log,
    shelf: &mut Shelf,
    snapshot: &Snapshot,
) -> Result<Option<Stored>, NotStored> {
    let newest = shelf.bases().finished().next_back();
    let is_due = newest.is_none_or(|base| snapshot.last.appended_at.since(base.behind) >= BASE_EVERY);
    if !is_due {
        return Ok(None);
    }
    let mut writer = Writer::new(log, shelf, Some(snapshot.next_offset));
    writer.whole(snapshot)?;
    Ok(Some(writer.stored))
}

fn shelf_tenant(shelf: &Shelf) -> TenantId {
    shelf.topic().tenant.clone()
}

/// The value of a record of the topic.
fn encoded(record: &SnapshotRecord) -> Result<Vec<u8>, NotStored> {
    encode_snapshot(record).map_err(|error| NotStored::Unencodable(error.to_string()))
}

/// The snapshot's parts by their names.
fn parts(snapshot: &Snapshot) -> impl Iterator<Item = Result<(String, Vec<u8>), NotStored>> {
    let engine = snapshot.parts.iter().map(|part| Ok((part.key().to_string(), part.encode()?)));
    engine.chain(snapshot.gist.parts().map(|part| Ok(part?)))
}

fn manifest(tenant: TenantId, snapshot: &Snapshot, parts: Vec<PartEntry>, index: Vec<u8>) -> Manifest {
    Manifest {
        tenant,
        format: FORMAT,
        next_offset: snapshot.next_offset.cast_signed(),
        last: snapshot.last.clone(),
        watermark: snapshot.watermark,
        engine_version: snapshot.engine_version,
        late: snapshot.late,
        parts,
        index,
    }
}

/// Appends a little at a time, and waits for it.
struct Writer<'a> {
    log: &'a dyn Log,
    shelf: &'a mut Shelf,
    /// The journal offset of the base that is written; none: it is an ordinary snapshot.
    base: Option<u64>,
    /// Pieces of the base so far.
    based: BTreeSet<ContentHash>,
    /// To be appended next.
    records: Vec<(SnapshotKey, Option<SnapshotRecord>)>,
    bytes: usize,
    /// Contents of the pieces that list the parts.
    indexes: Vec<Vec<u8>>,
    stored: Stored,
}

impl<'a> Writer<'a> {
    fn new(log: &'a dyn Log, shelf: &'a mut Shelf, base: Option<u64>) -> Self {
        Self {
            log,
            shelf,
            base,
            based: BTreeSet::new(),
            records: Vec::new(),
            bytes: 0,
            indexes: Vec::new(),
            stored: Stored::default(),
        }
    }

    /// Writes all pieces that are not there, then the manifest.
    fn whole(&mut self, snapshot: &Snapshot) -> Result<Manifest, NotStored> {
        let mut entries = Vec::new();
        for part in parts(snapshot) {
            let (name, bytes) = part?;
            let hashes = self.pieces(&bytes)?;
            entries.push(PartEntry::new(name, bytes.len(), hashes));
        }
        let (parts, index) = self.index(entries)?;
        self.flush()?;
        reach(CrashPoint::SnapshotTorn);
        let manifest = manifest(shelf_tenant(self.shelf), snapshot, parts, index);
        self.manifest(manifest.clone())?;
        Ok(manifest)
    }

    /// Where a piece stands, if it is still to be written.
    fn place(&mut self, hash: ContentHash) -> Option<SnapshotKey> {
        match self.base {
            Some(next_offset) => self.based.insert(hash).then_some(SnapshotKey::BasePiece(next_offset, hash)),
            None => {
                let key = SnapshotKey::Piece(hash);
                let is_there =
                    self.shelf.has(&hash) || self.records.iter().any(|(waiting, _)| *waiting == key);
                (!is_there).then_some(key)
            }
        }
    }

    /// Writes the pieces of those bytes that are not there; the hashes of all.
    fn pieces(&mut self, bytes: &[u8]) -> Result<Vec<ContentHash>, NotStored> {
        let mut hashes = Vec::new();
        for content in pieces(bytes) {
            self.stored.pieces += 1;
            let hash = ContentHash::of(content);
            hashes.push(hash);
            let Some(key) = self.place(hash) else { continue };
            self.stored.written += 1;
            let piece = Piece { tenant: shelf_tenant(self.shelf), content: content.to_vec() };
            self.bytes += content.len();
            self.records.push((key, Some(SnapshotRecord::Piece(piece))));
            if self.bytes >= APPEND_BYTES {
                self.flush()?;
            }
        }
        Ok(hashes)
    }

    /// The list of parts as a manifest carries it: itself, or the hashes of the pieces that hold it.
    fn index(&mut self, entries: Vec<PartEntry>) -> Result<(Vec<PartEntry>, Vec<u8>), NotStored> {
        let mut groups = grouped(entries);
        if groups.len() == 1 {
            return Ok((groups.pop().unwrap_or_default(), Vec::new()));
        }
        let mut hashes = Vec::new();
        for parts in groups {
            let content = encoded(&SnapshotRecord::Index(Index { parts }))?;
            hashes.extend(self.pieces(&content)?);
            self.indexes.push(content);
        }
        Ok((Vec::new(), joined(hashes)))
    }

    fn manifest(&mut self, manifest: Manifest) -> Result<(), NotStored> {
        let next_offset = manifest.next_offset.cast_unsigned();
        let record = SnapshotRecord::Manifest(manifest);
        let hash = ContentHash::of(&encoded(&record)?);
        let key = ManifestKey { next_offset, hash };
        let key = match self.base {
            Some(_) => SnapshotKey::BaseManifest(key),
            None => SnapshotKey::Manifest(key),
        };
        self.records.push((key, Some(record)));
        self.flush()
    }

    /// Writes again what somebody took away while this was written.
    fn repair(&mut self, snapshot: &Snapshot, manifest: &Manifest) -> Result<(), NotStored> {
        for _ in 0..REPAIRS {
            self.shelf.read_along(self.log)?;
            if self.shelf.named(manifest).iter().all(|hash| self.shelf.has(hash)) {
                return Ok(());
            }
            for part in parts(snapshot) {
                self.pieces(&part?.1)?;
            }
            for content in std::mem::take(&mut self.indexes) {
                self.pieces(&content)?;
                self.indexes.push(content);
            }
            self.flush()?;
        }
        Ok(())
    }

    fn make_room(&mut self) -> Result<(), NotStored> {
        let needless = self.shelf.needless();
        self.stored.removed = needless.len();
        self.records.extend(needless.into_iter().map(|key| (key, None)));
        self.flush()
    }

    fn flush(&mut self) -> Result<(), NotStored> {
        let records = std::mem::take(&mut self.records);
        self.bytes = 0;
        if records.is_empty() {
            return Ok(());
        }
        let new = records.iter().map(new_record).collect::<Result<Vec<_>, _>>()?;
        self.stored.bytes += new.iter().map(|record| record.key.len() + record.value.len()).sum::<usize>();
        let first = self.log.append(self.shelf.topic(), new).wait()?;
        self.shelf.appended(first, &records);
        Ok(())
    }
}

fn new_record((key, record): &(SnapshotKey, Option<SnapshotRecord>)) -> Result<NewRecord, NotStored> {
    let key = key.to_string().into_bytes();
    Ok(match record {
        Some(record) => NewRecord { key, value: encoded(record)? },
        None => NewRecord::tombstone(key),
    })
}
