//! Snapshots as a topic keeps them: the parts of an engine's state in pieces under the hash of their content, and manifests
//! that name them. What a part says is its engine's; here it is bytes.
//!
//! | Key | Record |
//! |---|---|
//! | `part/<hash>` | [`Piece`]: bytes of a part, or of the list of parts |
//! | `manifest/<next offset>/<hash>` | [`Manifest`]: written last, so that whoever finds it finds its pieces |
//! | `base/<next offset>/<hash>` | [`Piece`] of a *base*: a snapshot that shares nothing with others, which a journal may begin at once it is cut there |
//! | `base/<next offset>/manifest/<hash>` | [`Manifest`] of that base, written last |
//!
//! What owners tell each other stands there too: [`words`].
//!
//! Hashes are SHA-256 in hexadecimal digits: of a piece's content, of a manifest's whole value. So whatever stands under
//! such a key is what was written there, and the same content is written once.

pub mod words;

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::TenantId;
use crate::time::Timestamp;
use words::{OwnerWord, Quarantine, Suspect};

/// What manifests and pieces mean together. A build reads none with another number. From 2 on a snapshot also holds what
/// producers ask a journal for.
pub const FORMAT: i32 = 2;
/// Most bytes of a record of this topic, key and value together: half of what any record may have.
pub const MAX_SNAPSHOT_RECORD: usize = 128 * 1024;
/// Most bytes of a piece: what is left beside its key, its tenant and the wire format's own.
pub const MAX_PIECE: usize = MAX_SNAPSHOT_RECORD - 256;
/// Most bytes that the entries of one manifest, or of one piece of an index, may have.
const MAX_ENTRIES: usize = 96 * 1024;

/// SHA-256 of something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; Self::BYTES]);

impl ContentHash {
    const BYTES: usize = 32;

    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Of a record of a journal: the length of its key as eight bytes, big end first, its key and its value.
    #[must_use]
    pub fn of_record(key: &[u8], value: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update((key.len() as u64).to_be_bytes());
        hash.update(key);
        hash.update(value);
        Self(hash.finalize().into())
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// From its digits, as [`fmt::Display`] writes them.
    fn parse(digits: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        if digits.len() != 2 * Self::BYTES || digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
            return None;
        }
        for (place, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *place = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What stands under a key of the topic. Keys of other forms belong to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SnapshotKey {
    /// A piece with this content.
    Piece(ContentHash),
    /// The manifest of a state.
    Manifest(ManifestKey),
    /// A piece with this content, of the base that stands for that journal offset.
    BasePiece(u64, ContentHash),
    /// The manifest of a base.
    BaseManifest(ManifestKey),
}

/// Names a manifest. In their order: the one of the longest fold is the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ManifestKey {
    /// The journal offset to fold next.
    pub next_offset: u64,
    /// Of the manifest's value.
    pub hash: ContentHash,
}

impl SnapshotKey {
    /// The key that these bytes are, if it is of a form that is known.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let key = match text.split_once('/')? {
            ("part", hash) => Self::Piece(ContentHash::parse(hash)?),
            ("manifest", rest) => {
                let (next_offset, hash) = numbered(rest)?;
                Self::Manifest(ManifestKey { next_offset, hash: ContentHash::parse(hash)? })
            }
            ("base", rest) => {
                let (next_offset, rest) = numbered(rest)?;
                match rest.strip_prefix("manifest/") {
                    Some(hash) => {
                        Self::BaseManifest(ManifestKey { next_offset, hash: ContentHash::parse(hash)? })
                    }
                    None => Self::BasePiece(next_offset, ContentHash::parse(rest)?),
                }
            }
            _ => return None,
        };
        // One thing has one key: zeros and signs before an offset make no other.
        (key.to_string() == text).then_some(key)
    }
}

/// The offset that a text begins with, and what follows it.
fn numbered(text: &str) -> Option<(u64, &str)> {
    let (offset, rest) = text.split_once('/')?;
    Some((offset.parse().ok()?, rest))
}

impl fmt::Display for SnapshotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Piece(hash) => write!(f, "part/{hash}"),
            Self::Manifest(ManifestKey { next_offset, hash }) => write!(f, "manifest/{next_offset}/{hash}"),
            Self::BasePiece(next_offset, hash) => write!(f, "base/{next_offset}/{hash}"),
            Self::BaseManifest(ManifestKey { next_offset, hash }) => {
                write!(f, "base/{next_offset}/manifest/{hash}")
            }
        }
    }
}

/// A record of the topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotRecord {
    /// Bytes of a part or of an index.
    Piece(Piece),
    /// Some of the parts of a manifest: never a record of its own, but the content of a piece.
    Index(Index),
    /// A whole state, by its parts.
    Manifest(Manifest),
    /// What an owner says of itself.
    Owner(OwnerWord),
    /// What somebody folds next who folds record by record.
    Suspect(Suspect),
    /// What nobody folds any more.
    Quarantine(Quarantine),
}

/// A piece of a part of an engine's state, or of the list of parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "SnapshotPart")]
pub struct Piece {
    /// Whose state it belongs to.
    pub tenant: TenantId,
    /// At most [`MAX_PIECE`] bytes.
    #[serde(with = "apache_avro::serde::bytes")]
    pub content: Vec<u8>,
}

/// Some of the parts of a snapshot that has more of them than its manifest can name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "SnapshotIndex")]
pub struct Index {
    /// In the order of the whole list.
    pub parts: Vec<PartEntry>,
}

/// The state of an engine between two records of its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "SnapshotManifest")]
pub struct Manifest {
    /// Whose state it is.
    pub tenant: TenantId,
    /// See [`FORMAT`].
    pub format: i32,
    /// The journal offset to fold next.
    pub next_offset: i64,
    /// Whose journal it is.
    pub last: LastFolded,
    /// Event time up to which the journal is complete; none before the first.
    pub watermark: Option<Timestamp>,
    /// Of the rules that the state follows.
    pub engine_version: i32,
    /// How far the sampling of late ticks is.
    pub late: LateKept,
    /// Empty where `index` names them.
    pub parts: Vec<PartEntry>,
    /// Hashes, 32 bytes each, of pieces whose content is an [`Index`].
    #[serde(with = "apache_avro::serde::bytes", default)]
    pub index: Vec<u8>,
}

/// The last record that a fold took in. A journal that has another one there is another journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFolded {
    /// Where it stands in the journal.
    pub offset: i64,
    /// When the log took it.
    pub appended_at: Timestamp,
    /// See [`ContentHash::of_record`].
    #[serde(with = "apache_avro::serde::bytes")]
    pub sha256: Vec<u8>,
}

/// Late ticks that were kept among the dead letters, of the newest minute of event time that had any: a fold that goes
/// on from a snapshot keeps the same ones as a fold from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateKept {
    /// Where that minute begins.
    pub minute: Timestamp,
    /// How many came, those that were not kept included.
    pub kept: i32,
}

impl Default for LateKept {
    fn default() -> Self {
        Self { minute: Timestamp::MIN, kept: 0 }
    }
}

/// A part of a state, by the pieces that its bytes are cut into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// What the engine calls it.
    pub name: String,
    /// Its bytes.
    pub size: i64,
    /// Of its pieces, 32 bytes each.
    #[serde(with = "apache_avro::serde::bytes")]
    pub hashes: Vec<u8>,
}

impl PartEntry {
    /// Of the part with so many bytes, in these pieces.
    #[must_use]
    pub fn new(name: String, size: usize, pieces: Vec<ContentHash>) -> Self {
        Self { name, size: i64::try_from(size).unwrap_or(i64::MAX), hashes: joined(pieces) }
    }

    fn weight(&self) -> usize {
        self.name.len() + self.hashes.len() + 16
    }
}

/// The bytes of a part as they are stored: cut wherever a piece is full.
pub fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(MAX_PIECE)
}

/// The hashes one behind the other.
#[must_use]
pub fn joined(hashes: impl IntoIterator<Item = ContentHash>) -> Vec<u8> {
    hashes.into_iter().flat_map(|hash| hash.0).collect()
}

/// The hashes that stand one behind the other; none where they do not end with a whole one.
#[must_use]
pub fn separated(hashes: &[u8]) -> Option<Vec<ContentHash>> {
    let (whole, rest) = hashes.as_chunks();
    rest.is_empty().then(|| whole.iter().copied().map(ContentHash).collect())
}

/// The entries in groups that a manifest, or a piece of an index, has room for; one group where all fit a manifest.
#[must_use]
pub fn grouped(entries: Vec<PartEntry>) -> Vec<Vec<PartEntry>> {
    let mut groups = vec![Vec::new()];
    let mut weight = 0;
    for entry in entries {
        if weight + entry.weight() > MAX_ENTRIES {
            groups.push(Vec::new());
            weight = 0;
        }
        weight += entry.weight();
        if let Some(group) = groups.last_mut() {
            group.push(entry);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> ContentHash {
        ContentHash::of(text.as_bytes())
    }

    #[test]
    fn a_hash_is_that_of_fips_180() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash("abc").to_string(), abc);
        assert_ne!(
            ContentHash::of_record(b"ab", b"c"),
            ContentHash::of_record(b"a", b"bc"),
            "where a key ends"
        );
    }

    #[test]
    fn a_key_reads_back_and_one_of_another_form_is_somebody_elses() {
        let manifest = ManifestKey { next_offset: 120, hash: hash("m") };
        for key in [
            SnapshotKey::Piece(hash("p")),
            SnapshotKey::Manifest(manifest),
            SnapshotKey::BasePiece(120, hash("p")),
            SnapshotKey::BaseManifest(manifest),
        ] {
            assert_eq!(SnapshotKey::parse(key.to_string().as_bytes()), Some(key));
        }
        let digits = hash("x").to_string();
        for other in [
            "owner".to_owned(),
            "part/".to_owned(),
            format!("part/{}", digits.to_uppercase()),
            format!("part/{}", digits.replacen(|_: char| true, "+", 1)),
            format!("manifest/{digits}"),
            format!("manifest/007/{digits}"),
            format!("manifest/+7/{digits}"),
            format!("base/{digits}"),
            format!("base/07/{digits}"),
            format!("base/7/other/{digits}"),
            "base/7/manifest".to_owned(),
        ] {
            assert_eq!(SnapshotKey::parse(other.as_bytes()), None, "{other}");
        }
        assert_eq!(SnapshotKey::parse(&[0xff, b'/']), None);
    }

    #[test]
    fn hashes_stand_one_behind_the_other() {
        let hashes = vec![hash("a"), hash("b")];
        let bytes = joined(hashes.clone());
        assert_eq!(separated(&bytes), Some(hashes));
        assert_eq!(separated(&bytes[1..]), None);
    }

    #[test]
    fn entries_are_grouped_in_their_order_and_each_group_fits_a_record() {
        let entry = |place: u32| {
            let hash = ContentHash::of(&place.to_be_bytes());
            PartEntry::new(format!("symbol/{place}"), 4, vec![hash])
        };
        let few: Vec<PartEntry> = (0..1_000).map(entry).collect();
        assert_eq!(grouped(few.clone()), std::slice::from_ref(&few));
        let many: Vec<PartEntry> = (0..10_000).map(entry).collect();
        let groups = grouped(many.clone());
        assert!(groups.len() > 1);
        for group in &groups {
            let index = SnapshotRecord::Index(Index { parts: group.clone() });
            assert!(crate::codec::encode_snapshot(&index).unwrap().len() <= MAX_PIECE);
        }
        assert_eq!(groups.concat(), many);
    }

    #[test]
    fn a_full_piece_of_the_longest_tenant_fits_a_record() {
        let content = vec![0xff; MAX_PIECE];
        let key = SnapshotKey::BasePiece(u64::MAX, ContentHash::of(&content)).to_string();
        let tenant = "a".repeat(31).parse().unwrap();
        let value = crate::codec::encode_snapshot(&SnapshotRecord::Piece(Piece { tenant, content })).unwrap();
        assert!(key.len() + value.len() <= MAX_SNAPSHOT_RECORD);
    }
}
