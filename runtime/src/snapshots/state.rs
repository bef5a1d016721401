//! One state, whole: its manifest and the bytes of its parts.

use std::collections::BTreeMap;

use bellwether_schemas::codec::decode_snapshot;
use bellwether_schemas::snapshots::{
    ContentHash, Index, Manifest, PartEntry, SnapshotKey, SnapshotRecord, separated,
};

use super::bases::base_of;
use super::shelf::{Refused, Shelf, read_manifest};
use crate::log::{Log, Result, scan};

/// What a fold was at an offset of its journal, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredState {
    /// What it stands for.
    pub manifest: Manifest,
    /// Bytes of its parts by their names, in the order of the manifest.
    parts: Vec<(String, Vec<u8>)>,
}

impl StoredState {
    /// The journal offset to fold next.
    #[must_use]
    pub const fn next_offset(&self) -> u64 {
        self.manifest.next_offset.cast_unsigned()
    }

    /// The bytes of its parts by their names.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Puts the parts of a manifest together.
    pub(super) fn assemble<'a>(
        manifest: &Manifest,
        content: impl Fn(&ContentHash) -> Option<&'a [u8]>,
    ) -> std::result::Result<Self, Refused> {
        let list = || Refused::Incomplete("list of parts".into());
        let mut entries = manifest.parts.clone();
        for hash in separated(&manifest.index).ok_or_else(list)? {
            let piece = content(&hash).ok_or_else(list)?;
            let Ok(SnapshotRecord::Index(Index { parts })) = decode_snapshot(piece) else {
                return Err(list());
            };
            entries.extend(parts);
        }
        let parts = entries.into_iter().map(|entry| {
            let bytes = bytes_of(&entry, &content).ok_or_else(|| Refused::Incomplete(entry.name.clone()))?;
            Ok((entry.name, bytes))
        });
        Ok(Self { manifest: manifest.clone(), parts: parts.collect::<std::result::Result<_, Refused>>()? })
    }
}

/// The part from its pieces.
fn bytes_of<'a>(entry: &PartEntry, content: &impl Fn(&ContentHash) -> Option<&'a [u8]>) -> Option<Vec<u8>> {
    let pieces: Vec<&[u8]> = separated(&entry.hashes)?.iter().map(content).collect::<Option<_>>()?;
    let bytes = pieces.concat();
    (i64::try_from(bytes.len()) == Ok(entry.size)).then_some(bytes)
}

/// Reads the base that stands for that journal offset out of the topic, and believes nothing of it that is not what its
/// key says. Blocks for that.
///
/// # Errors
/// The log is out of reach. What is wrong with the base is in the value.
pub(super) fn open_base(
    log: &dyn Log,
    shelf: &Shelf,
    next_offset: u64,
) -> Result<std::result::Result<StoredState, Refused>> {
    let tenant = &shelf.topic().tenant;
    let Some(place) = shelf.bases().place(next_offset) else { return Ok(Err(Refused::Damaged)) };
    let mut pieces: BTreeMap<ContentHash, Vec<u8>> = BTreeMap::new();
    let mut manifest = Err(Refused::Damaged);
    for record in scan(log, shelf.topic(), place)? {
        let record = record?;
        let key = SnapshotKey::parse(&record.key).filter(|key| base_of(key) == Some(next_offset));
        match key {
            Some(SnapshotKey::BasePiece(_, hash)) => {
                // The newest record of a key is what stands under it, good or bad.
                pieces.remove(&hash);
                if let Ok(SnapshotRecord::Piece(piece)) = decode_snapshot(&record.value)
                    && piece.tenant == *tenant
                    && ContentHash::of(&piece.content) == hash
                {
                    pieces.insert(hash, piece.content);
                }
            }
            Some(SnapshotKey::BaseManifest(key)) => {
                let read = read_manifest(tenant, key, &record.value);
                // Two owners may have written one: whichever is good.
                manifest = read.or(manifest);
            }
            _ => {}
        }
    }
    let content = |hash: &ContentHash| pieces.get(hash).map(Vec::as_slice);
    Ok(manifest.and_then(|manifest| StoredState::assemble(&manifest, content)))
}
