//! One append on disk: a header of 32 bytes, then its records. Numbers are little-endian.
//!
//! `magic[4] crc[4] body[4] count[4] base[8] time[8]`, then `count` times `delta[4] key[4] value[4] key… value…`.
//! The checksum covers everything after itself. `delta` counts from `base`: compaction takes records out without
//! moving the others.

use bellwether_schemas::Timestamp;

use crate::log::Record;

/// Bytes before the records.
pub(super) const HEADER: usize = 32;
const MAGIC: [u8; 4] = *b"bwf1";
const CHECKED_FROM: usize = 8;
const RECORD_HEADER: usize = 12;

/// A frame whose checksum holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    /// Offset that the first record had when it was appended.
    pub(super) base: u64,
    /// When it was appended.
    pub(super) time: Timestamp,
    count: u32,
    body: &'a [u8],
}

/// A record to be laid into a frame: offset, key, value.
pub(super) type Item<'a> = (u64, &'a [u8], &'a [u8]);

/// Bytes the records take in a frame.
pub(super) fn body_bytes<'a>(records: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> usize {
    records.map(|(key, value)| RECORD_HEADER + key.len() + value.len()).sum()
}

/// The frame of these records. The caller holds the body to [`crate::log::MAX_BATCH_BYTES`].
pub(super) fn encode<'a>(base: u64, time: Timestamp, items: impl Iterator<Item = Item<'a>>) -> Vec<u8> {
    let mut out = vec![0; HEADER];
    let mut count: u32 = 0;
    for (offset, key, value) in items {
        count += 1;
        out.extend_from_slice(&narrow(offset - base).to_le_bytes());
        out.extend_from_slice(&narrow(key.len() as u64).to_le_bytes());
        out.extend_from_slice(&narrow(value.len() as u64).to_le_bytes());
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
    let body = narrow((out.len() - HEADER) as u64);
    out[0..4].copy_from_slice(&MAGIC);
    out[8..12].copy_from_slice(&body.to_le_bytes());
    out[12..16].copy_from_slice(&count.to_le_bytes());
    out[16..24].copy_from_slice(&base.to_le_bytes());
    out[24..32].copy_from_slice(&time.0.to_le_bytes());
    let crc = crc32fast::hash(&out[CHECKED_FROM..]);
    out[4..8].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Lengths and deltas are far below 4 GiB: a batch has a limit.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Bytes of the whole frame, by its header alone.
///
/// # Errors
/// What is wrong with the header.
pub(super) fn frame_bytes(bytes: &[u8]) -> Result<usize, &'static str> {
    if bytes.len() < HEADER {
        return Err("the frame's header is cut short");
    }
    if bytes[0..4] != MAGIC {
        return Err("there is no frame where one should begin");
    }
    match number32(bytes, 8) as usize {
        body if body <= crate::log::MAX_BATCH_BYTES => Ok(HEADER + body),
        _ => Err("the frame's length is impossible"),
    }
}

/// Reads the frame at the beginning of `bytes`; what follows it is ignored.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(bytes: &[u8]) -> Result<Frame<'_>, &'static str> {
    let whole = frame_bytes(bytes)?;
    let frame = bytes.get(..whole).ok_or("the frame is cut short")?;
    if crc32fast::hash(&frame[CHECKED_FROM..]) != number32(frame, 4) {
        return Err("the frame's checksum does not match");
    }
    Ok(Frame {
        count: number32(frame, 12),
        base: number64(frame, 16),
        time: Timestamp(number64(frame, 24).cast_signed()),
        body: &frame[HEADER..],
    })
}

impl Frame<'_> {
    /// Bytes of the whole frame.
    pub(super) fn bytes(&self) -> u64 {
        (HEADER + self.body.len()) as u64
    }

    /// Its records, at least one, in order of offset; none when the bytes are not what [`encode`] writes.
    pub(super) fn records(&self) -> Option<Vec<Record>> {
        let mut rest = self.body;
        let mut records: Vec<Record> =
            Vec::with_capacity((self.count as usize).min(rest.len() / RECORD_HEADER));
        while !rest.is_empty() {
            let (header, after) = rest.split_at_checked(RECORD_HEADER)?;
            let (key, after) = after.split_at_checked(number32(header, 4) as usize)?;
            let (value, after) = after.split_at_checked(number32(header, 8) as usize)?;
            let offset = self.base.checked_add(u64::from(number32(header, 0)))?;
            if records.last().is_some_and(|last| last.offset >= offset) {
                return None;
            }
            records.push(Record {
                offset,
                appended_at: self.time,
                key: key.into(),
                headers: Vec::new(),
                value: value.into(),
            });
            rest = after;
        }
        (!records.is_empty() && records.len() == self.count as usize).then_some(records)
    }

    /// The offset after its last record, found without copying any.
    pub(super) fn next(&self) -> u64 {
        let mut rest = self.body;
        let mut last = 0;
        while let Some((header, after)) = rest.split_at_checked(RECORD_HEADER) {
            last = u64::from(number32(header, 0));
            let skip = number32(header, 4) as usize + number32(header, 8) as usize;
            rest = after.get(skip..).unwrap_or_default();
        }
        self.base.saturating_add(last + 1)
    }
}

/// Where a whole frame begins that holds offsets from `least` on: tells damage from a torn end.
pub(super) fn find(bytes: &[u8], least: u64) -> Option<usize> {
    let begins = |at: &usize| {
        bytes[*at..].starts_with(&MAGIC) && parse(&bytes[*at..]).is_ok_and(|frame| frame.base >= least)
    };
    (0..bytes.len()).find(begins)
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn number64(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
