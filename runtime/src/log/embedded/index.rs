//! A sparse index beside each segment: where some of its frames begin. It is only a hint: an entry counts when a
//! whole frame with its offset and time lies where it says, so a missing, torn or stale index costs time, never
//! correctness.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bellwether_schemas::Timestamp;

use super::io;
use super::segment::{FrameStart, Segment};
use crate::log::Result;

/// Bytes of log between two entries.
const EVERY: u64 = 64 * 1024;
const ENTRY: usize = 24;

/// A frame that begins here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexEntry {
    pub(super) offset: u64,
    pub(super) position: u64,
    pub(super) time: Timestamp,
}

/// File of a topic's directory that indexes the segment from `base` on.
pub(super) fn path(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:020}.index"))
}

/// The last place the index knows before which nothing is wanted; the segment's beginning where it knows none.
pub(super) fn hint(
    dir: &Path,
    segment: &mut Segment,
    before: impl Fn(&IndexEntry) -> bool,
) -> Result<FrameStart> {
    let entries = read(&path(dir, segment.base));
    let limit = segment.bytes()?;
    for entry in entries.iter().rev().filter(|entry| before(entry)).take(2) {
        let place = FrameStart { position: entry.position, offset: entry.offset };
        let frame = segment.frame(entry.position, limit)?;
        if frame.is_ok_and(|frame| frame.base == entry.offset && frame.time == entry.time) {
            return Ok(place);
        }
        segment.forget();
    }
    Ok(segment.first())
}

/// Writes the index of a segment that has none.
pub(super) fn ensure(dir: &Path, base: u64) -> Result<()> {
    if path(dir, base).exists() {
        return Ok(());
    }
    let Some(mut segment) = Segment::open(dir, base)? else { return Ok(()) };
    let mut writer = Writer::open(dir, base, 0)?;
    let limit = segment.bytes()?;
    let first = segment.first();
    segment.scan(first, limit, |place, frame| {
        writer.note(FrameStart { offset: frame.base, ..place }, frame.time);
    })?;
    Ok(())
}

fn read(path: &Path) -> Vec<IndexEntry> {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.chunks_exact(ENTRY).map(decode).collect()
}

fn decode(bytes: &[u8]) -> IndexEntry {
    let number = |at: usize| {
        bytes[at..at + 8].iter().rev().fold(0, |number: u64, byte| number << 8 | u64::from(*byte))
    };
    IndexEntry { offset: number(0), position: number(8), time: Timestamp(number(16).cast_signed()) }
}

/// Appends to the index of the segment that is being written.
#[derive(Debug)]
pub(super) struct Writer {
    /// None after a failed write: a half entry must not be followed by others.
    file: Option<File>,
    entries: u64,
    last: Option<u64>,
}

impl Writer {
    /// Goes on with the entries that lie before `end` in the segment; the others are cut off.
    pub(super) fn open(dir: &Path, base: u64, end: u64) -> Result<Self> {
        let path = path(dir, base);
        let entries = read(&path);
        let keep = entries.partition_point(|entry| entry.position < end);
        let last = keep.checked_sub(1).map(|last| entries[last].position);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| io("open", &path, &error))?;
        let entries = keep as u64;
        file.set_len(entries * ENTRY as u64).map_err(|error| io("shorten", &path, &error))?;
        Ok(Self { file: Some(file), entries, last })
    }

    /// A frame was written there.
    pub(super) fn note(&mut self, place: FrameStart, time: Timestamp) {
        if self.last.is_some_and(|last| place.position < last + EVERY) {
            return;
        }
        let Some(file) = &self.file else { return };
        let mut entry = [0; ENTRY];
        entry[0..8].copy_from_slice(&place.offset.to_le_bytes());
        entry[8..16].copy_from_slice(&place.position.to_le_bytes());
        entry[16..24].copy_from_slice(&time.0.to_le_bytes());
        match file.write_all_at(&entry, self.entries * ENTRY as u64) {
            Ok(()) => {
                self.entries += 1;
                self.last = Some(place.position);
            }
            Err(_) => self.file = None,
        }
    }
}
