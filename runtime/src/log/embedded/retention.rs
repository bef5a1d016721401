//! Throwing away what a topic's policy says: whole old segments, or in closed segments all but the newest record
//! of each key. And what an owner cuts off.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::DAY;
use bellwether_schemas::topics::Policy;

use super::frame::{self, Frame, Item};
use super::reader::Cursor;
use super::segment::{self, Segment};
use super::topic::{self, TopicLog};
use super::wake::locked;
use super::{index, io};
use crate::log::Result;

/// A tombstone stays for so long, so that whoever reads behind sees it, microseconds.
const TOMBSTONE_STAYS: i64 = DAY;
/// Keys that compaction tells apart; records of further keys stay.
const MAX_KEYS: usize = 1_000_000;

/// How many records went.
pub(super) fn enforce(topic: &Arc<TopicLog>, now: Timestamp) -> Result<u64> {
    let _one_at_a_time = locked(&topic.upkeep);
    match topic.topic.kind.policy() {
        Policy::Keep => Ok(0),
        Policy::Days(days) => remove_older(topic, now.plus(-i64::from(days) * DAY)),
        Policy::Compact => compact(topic, now.plus(-TOMBSTONE_STAYS)),
    }
}

/// Oldest first, so that a kill in between leaves no gap.
fn remove_older(topic: &TopicLog, cutoff: Timestamp) -> Result<u64> {
    let mut writer = locked(topic.writer()?);
    if let Some(damage) = writer.broken() {
        return Err(damage);
    }
    if writer.last_time < cutoff && !writer.is_fresh() {
        writer.roll(&topic.shared)?;
    }
    let mut removed = 0;
    while let [oldest, next, ..] = writer.segments[..] {
        if topic::last_time(&topic.dir, &[oldest])?.is_some_and(|newest| newest >= cutoff) {
            break;
        }
        writer.segments.remove(0);
        unlink(&topic.dir, oldest)?;
        removed += next - oldest;
    }
    Ok(removed)
}

/// Removes the segments that hold nothing from that offset on, oldest first; where the topic begins then.
pub(super) fn cut(topic: &TopicLog, before: u64) -> Result<u64> {
    let _one_at_a_time = locked(&topic.upkeep);
    let mut writer = locked(topic.writer()?);
    if before > writer.bounds().next {
        drop(writer);
        return Err(topic.out_of_range(before));
    }
    while let [oldest, next, ..] = writer.segments[..] {
        if next > before {
            break;
        }
        writer.segments.remove(0);
        unlink(&topic.dir, oldest)?;
    }
    Ok(writer.bounds().start)
}

fn unlink(dir: &Path, base: u64) -> Result<()> {
    remove_index(dir, base)?;
    let path = segment::path(dir, base);
    std::fs::remove_file(&path).map_err(|error| io("remove", &path, &error))
}

fn remove_index(dir: &Path, base: u64) -> Result<()> {
    let path = index::path(dir, base);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io("remove", &path, &error)),
        _ => Ok(()),
    }
}

/// Tombstones go too where they are older than `cutoff`.
fn compact(topic: &Arc<TopicLog>, cutoff: Timestamp) -> Result<u64> {
    let newest = newest_of_each_key(topic)?;
    let segments = topic.segments()?;
    let closed = segments.split_last().map_or(&[][..], |(_, closed)| closed);
    let mut removed = 0;
    for base in closed {
        removed += compact_segment(topic, *base, &newest, cutoff)?;
    }
    Ok(removed)
}

fn newest_of_each_key(topic: &Arc<TopicLog>) -> Result<BTreeMap<Vec<u8>, u64>> {
    let mut cursor = Cursor::new(Arc::clone(topic), topic.bounds()?.start);
    let mut newest = BTreeMap::new();
    while let Some(records) = cursor.next_frame()? {
        for record in records {
            if newest.len() < MAX_KEYS || newest.contains_key(&record.key) {
                newest.insert(record.key, record.offset);
            }
        }
    }
    Ok(newest)
}

/// Writes what stays beside the segment and puts it in its place; readers of the old file finish reading it.
fn compact_segment(
    topic: &TopicLog,
    base: u64,
    newest: &BTreeMap<Vec<u8>, u64>,
    cutoff: Timestamp,
) -> Result<u64> {
    let Some(mut segment) = Segment::open(&topic.dir, base)? else { return Ok(0) };
    let whole = topic.dir.join(format!("{base:020}.tmp"));
    let failed = |error: std::io::Error| io("write", &whole, &error);
    let mut out = BufWriter::new(File::create(&whole).map_err(failed)?);
    let (mut removed, mut kept, mut written) = (0, 0, Ok(()));
    let (first, limit) = (segment.first(), segment.bytes()?);
    let scanned = segment.scan(first, limit, |_, frame| {
        let (bytes, gone, stay) = squeeze(frame, newest, cutoff);
        (removed, kept) = (removed + gone, kept + stay);
        if written.is_ok() {
            written = out.write_all(&bytes);
        }
    })?;
    written.and_then(|()| out.flush()).and_then(|()| out.get_ref().sync_data()).map_err(failed)?;
    if let Some(bad) = scanned.bad {
        return Err(topic.damaged(scanned.end.offset, bad));
    }
    if removed == 0 {
        return std::fs::remove_file(&whole).map(|()| 0).map_err(failed);
    }
    replace(topic, base, &whole, kept == 0)?;
    Ok(removed)
}

/// The frame without the records that have a newer one and without old tombstones, and how many went and stay.
fn squeeze(frame: &Frame<'_>, newest: &BTreeMap<Vec<u8>, u64>, cutoff: Timestamp) -> (Vec<u8>, u64, u64) {
    let mut records = frame.records().unwrap_or_default();
    let before = records.len() as u64;
    let is_old = frame.time < cutoff;
    records.retain(|record| {
        let is_newest = newest.get(&record.key).is_none_or(|newest| *newest <= record.offset);
        is_newest && !(is_old && record.is_tombstone())
    });
    let kept = records.len() as u64;
    if kept == 0 {
        return (Vec::new(), before, 0);
    }
    let items: Vec<Item<'_>> = records.iter().map(|record| Item::again(record, frame.base)).collect();
    (frame::encode(frame.base, frame.time, &items), before - kept, kept)
}

/// The index goes first: one that does not fit its segment costs time. The first segment stays even when it is
/// empty, because its name is where the topic starts.
fn replace(topic: &TopicLog, base: u64, whole: &Path, empty: bool) -> Result<()> {
    remove_index(&topic.dir, base)?;
    let path = segment::path(&topic.dir, base);
    std::fs::rename(whole, &path).map_err(|error| io("replace", &path, &error))?;
    let mut writer = locked(topic.writer()?);
    if empty && writer.segments.first() != Some(&base) {
        writer.segments.retain(|other| *other != base);
        return unlink(&topic.dir, base);
    }
    drop(writer);
    index::ensure(&topic.dir, base)
}
