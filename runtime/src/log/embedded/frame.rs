//! One append on disk: a header of 32 bytes, then its records. Numbers are little-endian.
//!
//! `magic[4] crc[4] body[4] count[4] base[8] time[8]`, then `count` times `delta[4] key[4] value[4] key… value…`.
//! The checksum covers everything after itself. `delta` counts from `base`: compaction takes records out without
//! moving the others.
//!
//! Where a record has headers the magic is another, `headers[4]` stands behind each record's `value[4]`, and the headers,
//! each `name[4] value[4] name… value…`, behind its value. A log that was never traced has the bytes it always had.
//! A further magic begins with `bw`, too: by that what a later version wrote is not taken for a torn append.

use bellwether_schemas::Timestamp;
use bellwether_schemas::dead_letter::Header;

use crate::log::Record;

/// Bytes before the records.
pub(super) const HEADER: usize = 32;
const MAGIC: [u8; 4] = *b"bwf1";
/// Of a frame whose records may have headers.
const WITH_HEADERS: [u8; 4] = *b"bwf2";
const CHECKED_FROM: usize = 8;
/// Lengths are 32-bit numbers.
const LENGTH: usize = 4;

/// A frame whose checksum holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    /// Offset that the first record had when it was appended.
    pub(super) base: u64,
    /// When it was appended.
    pub(super) time: Timestamp,
    count: u32,
    with_headers: bool,
    body: &'a [u8],
}

/// A record to be laid into a frame.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// Counted from the frame's first.
    pub(super) place: u64,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) headers: Vec<Header>,
}

impl<'a> Item<'a> {
    /// One that was read from a frame with that base.
    pub(super) fn again(record: &'a Record, base: u64) -> Self {
        let Record { offset, key, value, headers, .. } = record;
        Self { place: offset.saturating_sub(base), key, value, headers: headers.clone() }
    }
}

fn header_bytes(headers: &[Header]) -> usize {
    headers.iter().map(|header| 2 * LENGTH + header.name.len() + header.value.len()).sum()
}

fn have_headers(items: &[Item<'_>]) -> bool {
    items.iter().any(|item| !item.headers.is_empty())
}

/// Bytes before a record's key.
const fn record_header(with_headers: bool) -> usize {
    if with_headers { 4 * LENGTH } else { 3 * LENGTH }
}

/// Bytes the records take in a frame.
pub(super) fn body_bytes(items: &[Item<'_>]) -> usize {
    let each = record_header(have_headers(items));
    items.iter().map(|item| each + item.key.len() + item.value.len() + header_bytes(&item.headers)).sum()
}

/// The frame of these records. The caller holds the body to [`crate::log::MAX_BATCH_BYTES`].
pub(super) fn encode(base: u64, time: Timestamp, items: &[Item<'_>]) -> Vec<u8> {
    let with_headers = have_headers(items);
    let mut out = vec![0; HEADER];
    let length = |out: &mut Vec<u8>, length: usize| out.extend(narrow(length as u64).to_le_bytes());
    for Item { place, key, value, headers } in items {
        out.extend(narrow(*place).to_le_bytes());
        length(&mut out, key.len());
        length(&mut out, value.len());
        if with_headers {
            length(&mut out, header_bytes(headers));
        }
        out.extend_from_slice(key);
        out.extend_from_slice(value);
        for Header { name, value } in headers {
            length(&mut out, name.len());
            length(&mut out, value.len());
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value);
        }
    }
    let count = narrow(items.len() as u64);
    let body = narrow((out.len() - HEADER) as u64);
    out[0..4].copy_from_slice(if with_headers { &WITH_HEADERS } else { &MAGIC });
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
    if is_of_a_later_version(bytes) {
        return Err("a later version of bellwether wrote this");
    }
    if bytes.len() < HEADER {
        return Err("the frame's header is cut short");
    }
    if !begins(bytes) {
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
        with_headers: frame.starts_with(&WITH_HEADERS),
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
        let each = record_header(self.with_headers);
        let mut rest = self.body;
        let mut records: Vec<Record> = Vec::with_capacity((self.count as usize).min(rest.len() / each));
        while !rest.is_empty() {
            let (header, after) = rest.split_at_checked(each)?;
            let (key, after) = after.split_at_checked(number32(header, LENGTH) as usize)?;
            let (value, after) = after.split_at_checked(number32(header, 2 * LENGTH) as usize)?;
            let headers = if self.with_headers { number32(header, 3 * LENGTH) as usize } else { 0 };
            let (headers, after) = after.split_at_checked(headers)?;
            let offset = self.base.checked_add(u64::from(number32(header, 0)))?;
            if records.last().is_some_and(|last| last.offset >= offset) {
                return None;
            }
            records.push(Record {
                offset,
                appended_at: self.time,
                key: key.into(),
                headers: read_headers(headers)?,
                value: value.into(),
            });
            rest = after;
        }
        (!records.is_empty() && records.len() == self.count as usize).then_some(records)
    }

    /// The offset after its last record, found without copying any.
    pub(super) fn next(&self) -> u64 {
        let each = record_header(self.with_headers);
        let mut rest = self.body;
        let mut last = 0;
        while let Some((header, after)) = rest.split_at_checked(each) {
            last = u64::from(number32(header, 0));
            let lengths = (LENGTH..each).step_by(LENGTH).map(|at| number32(header, at) as usize);
            rest = after.get(lengths.sum::<usize>()..).unwrap_or_default();
        }
        self.base.saturating_add(last + 1)
    }
}

/// None when the bytes are not what [`encode`] writes.
fn read_headers(mut rest: &[u8]) -> Option<Vec<Header>> {
    let mut headers = Vec::new();
    while !rest.is_empty() {
        let (lengths, after) = rest.split_at_checked(2 * LENGTH)?;
        let (name, after) = after.split_at_checked(number32(lengths, 0) as usize)?;
        let (value, after) = after.split_at_checked(number32(lengths, LENGTH) as usize)?;
        headers.push(Header { name: std::str::from_utf8(name).ok()?.into(), value: value.into() });
        rest = after;
    }
    Some(headers)
}

fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC) || bytes.starts_with(&WITH_HEADERS)
}

/// What was torn of an append of ours begins with a magic that is known, or is shorter.
pub(super) fn is_of_a_later_version(bytes: &[u8]) -> bool {
    bytes.len() >= MAGIC.len() && bytes.starts_with(b"bw") && !begins(bytes)
}

/// Where a whole frame begins that holds offsets from `least` on: tells damage from a torn end.
pub(super) fn find(bytes: &[u8], least: u64) -> Option<usize> {
    let found =
        |at: &usize| begins(&bytes[*at..]) && parse(&bytes[*at..]).is_ok_and(|frame| frame.base >= least);
    (0..bytes.len()).find(found)
}

fn number32(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn number64(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
