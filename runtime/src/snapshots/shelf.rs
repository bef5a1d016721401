//! What a snapshots topic holds, known by reading it along.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::codec::decode_snapshot;
use bellwether_schemas::snapshots::{
    ContentHash, FORMAT, Index, Manifest, ManifestKey, PartEntry, SnapshotKey, SnapshotRecord, separated,
};
use bellwether_schemas::{TenantId, Topic, TopicKind};

use super::bases::Bases;
use super::state::StoredState;
use crate::log::{Log, LogError, Record, Result, scan};
use crate::words::Words;

/// Manifests that are kept: should the newest be of no use, there is the one before.
const KEPT: usize = 2;

/// Why a snapshot is not gone on from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The manifest is not what was written under its key.
    #[error("its manifest is damaged")]
    Damaged,
    /// A later build wrote it.
    #[error("its format {0} is newer than this build, which reads up to {FORMAT}")]
    NewerFormat(i32),
    /// An earlier build wrote it, which stored less than this one goes on from.
    #[error("its format {0} is older than {FORMAT}, and does not hold all that this build goes on from")]
    OlderFormat(i32),
    /// It is the state of somebody else.
    #[error("it is of tenant {0}")]
    OtherTenant(TenantId),
    /// A part that it names is not there, or not what was written.
    #[error("of its {0} not all is there")]
    Incomplete(String),
    /// The journal has the same record at that offset, appended at another time: it was written anew.
    #[error("the journal's record at offset {0} was appended at another time")]
    OtherAppend(u64),
    /// The record it was taken behind is cut off the journal, so nobody can say whether it is of this one.
    #[error("the journal's record at offset {0} is gone")]
    RecordGone(u64),
    /// Its parts are nothing that whoever reads them can go on from; why, in their words.
    #[error("{0}")]
    Unfit(String),
}

/// What a topic of snapshots holds, up to where it was read.
#[derive(Debug)]
pub struct Shelf {
    topic: Topic,
    /// Offset of the topic before which everything is known.
    next: u64,
    /// Records that this process appended since.
    appended: u64,
    pieces: BTreeMap<ContentHash, OnShelf>,
    manifests: BTreeMap<ManifestKey, (u64, std::result::Result<Manifest, Refused>)>,
    /// Of pieces that are indexes: what they name.
    indexes: BTreeMap<ContentHash, Vec<PartEntry>>,
    /// What owners told each other.
    words: Box<Words>,
    bases: Bases,
    /// Whether contents are kept, for who is about to go on from them.
    keeps_contents: bool,
}

/// A piece that is there.
#[derive(Debug)]
struct OnShelf {
    /// Where it was written last.
    offset: u64,
    content: Option<Vec<u8>>,
}

impl Shelf {
    /// Of that tenant's topic, of which nothing is known yet.
    #[must_use]
    pub fn new(tenant: &TenantId) -> Self {
        Self {
            topic: Topic::new(tenant, TopicKind::Snapshots),
            next: 0,
            appended: 0,
            pieces: BTreeMap::new(),
            manifests: BTreeMap::new(),
            indexes: BTreeMap::new(),
            words: Box::default(),
            bases: Bases::default(),
            keeps_contents: false,
        }
    }

    /// The same, with what its pieces hold, but for those of bases.
    pub(super) fn with_contents(tenant: &TenantId) -> Self {
        Self { keeps_contents: true, ..Self::new(tenant) }
    }

    /// The topic that it is of.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    pub(super) fn drop_contents(&mut self) {
        self.keeps_contents = false;
        self.pieces.values_mut().for_each(|piece| piece.content = None);
    }

    /// Takes in what the topic has now and had not when it was read last. Where nobody but this process has written to
    /// it, no record is read. Blocks for that.
    ///
    /// # Errors
    /// The topic does not exist, or the log is out of reach.
    pub fn read_along(&mut self, log: &dyn Log) -> Result<()> {
        let bounds = log.bounds(&self.topic)?;
        if bounds.next == self.next + self.appended {
            (self.next, self.appended) = (bounds.next, 0);
            return Ok(());
        }
        // What a topic that was made anew holds is not what is known of it.
        let from = if bounds.next < self.next { self.forget_all() } else { self.next };
        let (topic, end) = (self.topic.clone(), bounds.next);
        for record in scan(log, &topic, from..end)? {
            match record {
                Ok(record) => self.see(record),
                // Whoever wrote it knows more than this build and its registry: what is before it can be used.
                Err(LogError::UnknownSchema { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        (self.next, self.appended) = (end, 0);
        Ok(())
    }

    fn forget_all(&mut self) -> u64 {
        let tenant = self.topic.tenant.clone();
        *self = Self { keeps_contents: self.keeps_contents, ..Self::new(&tenant) };
        0
    }

    fn see(&mut self, record: Record) {
        if self.words.see(&self.topic.tenant, &record) {
            return;
        }
        let Some(key) = SnapshotKey::parse(&record.key) else { return };
        match key {
            SnapshotKey::Piece(hash) if record.is_tombstone() => self.lose(hash),
            SnapshotKey::Piece(hash) => self.see_piece(hash, record),
            SnapshotKey::Manifest(key) if record.is_tombstone() => drop(self.manifests.remove(&key)),
            SnapshotKey::Manifest(key) => {
                let read = read_manifest(&self.topic.tenant, key, &record.value);
                self.manifests.insert(key, (record.offset, read));
            }
            SnapshotKey::BasePiece(..) | SnapshotKey::BaseManifest(_) if record.is_tombstone() => {
                self.bases.lose(&key);
            }
            SnapshotKey::BasePiece(..) => self.bases.put(key, record.offset, None),
            SnapshotKey::BaseManifest(of) => {
                let read = read_manifest(&self.topic.tenant, of, &record.value);
                self.bases.put(key, record.offset, read.as_ref().ok());
            }
        }
    }

    fn see_piece(&mut self, hash: ContentHash, record: Record) {
        match decode_snapshot(&record.value) {
            Ok(SnapshotRecord::Piece(piece))
                if piece.tenant == self.topic.tenant && ContentHash::of(&piece.content) == hash =>
            {
                self.put(hash, record.offset, piece.content);
            }
            // The newest record of a key is what stands under it, good or bad.
            _ => self.lose(hash),
        }
    }

    fn put(&mut self, hash: ContentHash, offset: u64, content: Vec<u8>) {
        self.see_index(hash, &content);
        let content = self.keeps_contents.then_some(content);
        self.pieces.insert(hash, OnShelf { offset, content });
    }

    fn see_index(&mut self, hash: ContentHash, content: &[u8]) {
        if let Ok(SnapshotRecord::Index(Index { parts })) = decode_snapshot(content) {
            self.indexes.insert(hash, parts);
        }
    }

    fn lose(&mut self, hash: ContentHash) {
        self.pieces.remove(&hash);
        self.indexes.remove(&hash);
    }

    /// Manifests that can be read, of the longest fold first.
    pub fn good(&self) -> impl Iterator<Item = (ManifestKey, &Manifest)> {
        let manifests = self.manifests.iter().rev();
        manifests.filter_map(|(key, (_, read))| read.as_ref().ok().map(|manifest| (*key, manifest)))
    }

    /// Manifests that cannot be gone on from, and why.
    pub fn refused(&self) -> impl Iterator<Item = (ManifestKey, &Refused)> {
        self.manifests.iter().filter_map(|(key, (_, read))| read.as_ref().err().map(|why| (*key, why)))
    }

    /// What owners told each other, up to where the topic was read.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// That manifest counts no more.
    pub(super) fn refuse(&mut self, key: ManifestKey, why: Refused) {
        if let Some((_, read)) = self.manifests.get_mut(&key) {
            *read = Err(why);
        }
    }

    /// The manifest of the longest fold of all.
    #[must_use]
    pub fn newest(&self) -> Option<ManifestKey> {
        self.good().next().map(|(key, _)| key)
    }

    /// That piece is there.
    #[must_use]
    pub fn has(&self, hash: &ContentHash) -> bool {
        self.pieces.contains_key(hash)
    }

    /// The state that the manifest names, from pieces whose contents are kept.
    pub(super) fn open(&self, manifest: &Manifest) -> std::result::Result<StoredState, Refused> {
        StoredState::assemble(manifest, |hash| self.content(hash))
    }

    fn content(&self, hash: &ContentHash) -> Option<&[u8]> {
        self.pieces.get(hash)?.content.as_deref()
    }

    /// All parts of a state, by its manifest or by the indexes that this names; none where an index is not there.
    fn entries<'a>(&'a self, manifest: &'a Manifest) -> Option<Vec<&'a PartEntry>> {
        let indexes = separated(&manifest.index)?;
        let named = indexes.iter().map(|hash| self.indexes.get(hash)).collect::<Option<Vec<_>>>()?;
        Some(manifest.parts.iter().chain(named.into_iter().flatten()).collect())
    }

    /// Takes in what this process appended: the first of these records got that offset.
    pub fn appended(&mut self, first: u64, records: &[(SnapshotKey, Option<SnapshotRecord>)]) {
        self.appended += records.len() as u64;
        for (offset, (key, record)) in (first..).zip(records) {
            match (key, record) {
                (SnapshotKey::Piece(hash), Some(SnapshotRecord::Piece(piece))) => {
                    self.see_index(*hash, &piece.content);
                    let content = self.keeps_contents.then(|| piece.content.clone());
                    self.pieces.insert(*hash, OnShelf { offset, content });
                }
                (SnapshotKey::Manifest(key), Some(SnapshotRecord::Manifest(manifest))) => {
                    self.manifests.insert(*key, (offset, Ok(manifest.clone())));
                }
                (SnapshotKey::Piece(hash), _) => self.lose(*hash),
                (SnapshotKey::Manifest(key), _) => drop(self.manifests.remove(key)),
                (key, Some(SnapshotRecord::Manifest(manifest))) => {
                    self.bases.put(*key, offset, Some(manifest));
                }
                (key, Some(_)) => self.bases.put(*key, offset, None),
                (key, None) => self.bases.lose(key),
            }
        }
    }

    /// What nobody needs: manifests but the newest two, and pieces that neither of these names. A piece that is newer
    /// than one of them may be somebody's who has not come to write his manifest, and stays.
    #[must_use]
    pub fn needless(&self) -> Vec<SnapshotKey> {
        let newest: Vec<(ManifestKey, &Manifest)> = self.good().take(KEPT).collect();
        let Some((oldest, _)) = newest.last().copied() else { return Vec::new() };
        let is_needless = |key: &ManifestKey, read: &std::result::Result<Manifest, Refused>| match read {
            // A later build may come back.
            Err(Refused::NewerFormat(_)) | Ok(_) => *key < oldest,
            Err(_) => true,
        };
        let manifests = self.manifests.iter().filter(|(key, (_, read))| is_needless(key, read));
        let manifests = manifests.map(|(key, _)| SnapshotKey::Manifest(*key));
        manifests.chain(self.needless_pieces(&newest)).collect()
    }

    fn needless_pieces(&self, newest: &[(ManifestKey, &Manifest)]) -> Vec<SnapshotKey> {
        if newest.len() < KEPT {
            return Vec::new();
        }
        let written = newest.iter().filter_map(|(key, _)| self.manifests.get(key).map(|(offset, _)| *offset));
        let before = written.min().unwrap_or(0);
        let named: BTreeSet<ContentHash> =
            newest.iter().flat_map(|(_, manifest)| self.named(manifest)).collect();
        let needless =
            self.pieces.iter().filter(|(hash, piece)| piece.offset < before && !named.contains(hash));
        needless.map(|(hash, _)| SnapshotKey::Piece(*hash)).collect()
    }

    /// What the topic has of bases.
    #[must_use]
    pub const fn bases(&self) -> &Bases {
        &self.bases
    }

    /// The pieces of a state and of the list of its parts.
    #[must_use]
    pub fn named(&self, manifest: &Manifest) -> Vec<ContentHash> {
        let entries = self.entries(manifest).unwrap_or_default();
        let of_parts = entries.into_iter().flat_map(|entry| separated(&entry.hashes).unwrap_or_default());
        separated(&manifest.index).unwrap_or_default().into_iter().chain(of_parts).collect()
    }
}

/// What stands under the key of a manifest, if it is what was written there and can be gone on from.
pub(super) fn read_manifest(
    tenant: &TenantId,
    key: ManifestKey,
    value: &[u8],
) -> std::result::Result<Manifest, Refused> {
    let read = decode_snapshot(value);
    let Ok(SnapshotRecord::Manifest(manifest)) = read else { return Err(Refused::Damaged) };
    let Manifest { tenant: of, format, next_offset, last, .. } = &manifest;
    if ContentHash::of(value) != key.hash {
        return Err(Refused::Damaged);
    }
    if *format > FORMAT {
        return Err(Refused::NewerFormat(*format));
    }
    if *format < FORMAT {
        return Err(Refused::OlderFormat(*format));
    }
    if of != tenant {
        return Err(Refused::OtherTenant(of.clone()));
    }
    let behind_its_last = last.offset.checked_add(1) == Some(*next_offset) && last.offset >= 0;
    if !behind_its_last || u64::try_from(*next_offset) != Ok(key.next_offset) {
        return Err(Refused::Damaged);
    }
    Ok(manifest)
}
