//! One topic as this process sees it: its own to write, or another's to read.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};

use bellwether_schemas::topics::{MAX_RECORD_BYTES, Policy};
use bellwether_schemas::{Timestamp, Topic};

use super::frame::{self, Item};
use super::segment::{self, Segment};
use super::wake::{Bell, locked};
use super::writer::Writer;
use super::{Fsync, Shared, index};
use crate::log::{Bounds, LogError, MAX_BATCH_BYTES, NewRecord, Result};
use crate::trace::Context;

/// Shared by the writer and every reader of the topic in this process.
#[derive(Debug)]
pub(super) struct TopicLog {
    pub(super) topic: Topic,
    pub(super) dir: PathBuf,
    pub(super) shared: Arc<Shared>,
    /// One retention at a time.
    pub(super) upkeep: Mutex<()>,
    writer: Option<Mutex<Writer>>,
    bells: Mutex<Vec<Weak<Bell>>>,
}

/// How far a segment can be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Position after the last byte worth reading.
    pub(super) limit: u64,
    /// The segment that follows.
    pub(super) next: Option<u64>,
    /// Nobody is still writing below the limit: what is bad there stays bad.
    pub(super) settled: bool,
}

impl TopicLog {
    /// Opens the topic's directory, which exists.
    pub(super) fn open(topic: &Topic, dir: PathBuf, shared: Arc<Shared>) -> Result<Self> {
        let writer = if shared.writes() {
            Some(Mutex::new(Writer::open(topic, &dir, &shared.options)?))
        } else {
            None
        };
        Ok(Self {
            topic: topic.clone(),
            dir,
            shared,
            upkeep: Mutex::default(),
            writer,
            bells: Mutex::default(),
        })
    }

    /// Appends one frame and wakes who waits for it. The offset of its first record.
    pub(super) fn append(&self, records: &[NewRecord], traces: &[Option<Context>]) -> Result<u64> {
        let mut items = items(records, traces);
        // A full batch is not refused for what is no part of it.
        if frame::body_bytes(&items) > MAX_BATCH_BYTES {
            items.iter_mut().for_each(|item| item.headers.clear());
        }
        self.check_sizes(&items)?;
        self.try_append(&items).map_err(|error| self.unless_gone(error))
    }

    fn try_append(&self, items: &[Item<'_>]) -> Result<u64> {
        let appended = {
            let mut writer = locked(self.writer()?);
            self.shared.check_poison()?;
            let offset = writer.append(&self.shared, items)?;
            if self.shared.options.fsync == Fsync::EveryBatch {
                writer.sync().map_err(|reason| self.shared.poison(reason))?;
            }
            writer.publish();
            offset
        };
        self.ring();
        Ok(appended)
    }

    /// Calls for this bell at every append from now on.
    pub(super) fn register(&self, bell: &Arc<Bell>) {
        let mut bells = locked(&self.bells);
        bells.retain(|other| other.strong_count() > 0 && other.as_ptr() != Arc::as_ptr(bell));
        bells.push(Arc::downgrade(bell));
    }

    /// Makes what was appended survive a power cut, unless it does already.
    pub(super) fn flush(&self) {
        let Some(writer) = &self.writer else { return };
        let Some(file) = locked(writer).take_unsynced() else { return };
        if let Err(error) = file.sync_data() {
            self.shared.poison(format!("{}: fsync: {error}", self.topic));
        }
    }

    pub(super) fn bounds(&self) -> Result<Bounds> {
        if let Some(writer) = &self.writer {
            return Ok(locked(writer).bounds());
        }
        let segments = segment::list(&self.dir)?;
        let (Some(start), Some(last)) = (segments.first(), segments.last()) else {
            return Ok(Bounds { start: 0, next: 0 });
        };
        let Some(mut segment) = Segment::open(&self.dir, *last)? else {
            return Ok(Bounds { start: *start, next: *last });
        };
        let from = index::hint(&self.dir, &mut segment, |_| true)?;
        let limit = segment.bytes()?;
        let scanned = segment.scan(from, limit, |_, _| {})?;
        Ok(Bounds { start: *start, next: scanned.end.offset })
    }

    /// The bases of the segments there are, in order.
    pub(super) fn segments(&self) -> Result<Vec<u64>> {
        match &self.writer {
            Some(writer) => Ok(locked(writer).segments.clone()),
            None => segment::list(&self.dir),
        }
    }

    /// How far that segment can be read now. What follows is looked up before its length, so that a segment with
    /// a successor is seen whole.
    pub(super) fn extent(&self, segment: &Segment) -> Result<Extent> {
        let after = |segments: &[u64]| segments.iter().copied().find(|base| *base > segment.base);
        let Some(writer) = &self.writer else {
            let next = after(&segment::list(&self.dir)?);
            return Ok(Extent { limit: segment.bytes()?, next, settled: next.is_some() });
        };
        let writer = locked(writer);
        match after(&writer.segments) {
            None => Ok(Extent { limit: writer.readable_bytes(), next: None, settled: true }),
            next => Ok(Extent { limit: segment.bytes()?, next, settled: true }),
        }
    }

    /// Why nothing can be read after the last byte there is, if damage lies there.
    pub(super) fn broken(&self) -> Option<LogError> {
        self.writer.as_ref().and_then(|writer| locked(writer).broken())
    }

    /// The segment to look for that offset in.
    pub(super) fn segment_of(&self, offset: u64) -> Result<u64> {
        let segments = self.segments()?;
        let after = segments.partition_point(|base| *base <= offset);
        match after.checked_sub(1) {
            Some(place) => Ok(segments[place]),
            None => Err(self.out_of_range(offset)),
        }
    }

    /// Offsets may be missing: compaction took their records.
    pub(super) fn may_have_holes(&self) -> bool {
        self.topic.kind.policy() == Policy::Compact
    }

    pub(super) fn out_of_range(&self, requested: u64) -> LogError {
        let bounds = self.bounds().unwrap_or(Bounds { start: 0, next: 0 });
        let topic = self.topic.to_string();
        LogError::OffsetOutOfRange { topic, requested, start: bounds.start, next: bounds.next }
    }

    /// What cannot be opened or read of a topic that was deleted meanwhile is the topic.
    pub(super) fn unless_gone(&self, error: LogError) -> LogError {
        match error {
            LogError::Io { .. } | LogError::Damaged { .. } if !self.dir.is_dir() => {
                LogError::UnknownTopic { topic: self.topic.to_string() }
            }
            other => other,
        }
    }

    pub(super) fn damaged(&self, offset: u64, reason: impl Into<String>) -> LogError {
        LogError::Damaged { topic: self.topic.to_string(), offset, reason: reason.into() }
    }

    /// The writer's state; an error when another process writes.
    pub(super) fn writer(&self) -> Result<&Mutex<Writer>> {
        self.writer.as_ref().ok_or_else(|| self.shared.read_only())
    }

    fn ring(&self) {
        for bell in locked(&self.bells).iter().filter_map(Weak::upgrade) {
            bell.ring();
        }
    }

    fn check_sizes(&self, items: &[Item<'_>]) -> Result<()> {
        let too_large =
            |bytes, limit| Err(LogError::TooLarge { topic: self.topic.to_string(), bytes, limit });
        let largest = items.iter().map(|item| item.key.len() + item.value.len()).max().unwrap_or(0);
        if largest > MAX_RECORD_BYTES {
            return too_large(largest, MAX_RECORD_BYTES);
        }
        let body = frame::body_bytes(items);
        if body > MAX_BATCH_BYTES { too_large(body, MAX_BATCH_BYTES) } else { Ok(()) }
    }
}

impl Drop for TopicLog {
    fn drop(&mut self) {
        if matches!(self.shared.options.fsync, Fsync::Interval(_)) {
            self.flush();
        }
    }
}

/// As they are laid into a frame, counted from 0.
fn items<'a>(records: &'a [NewRecord], traces: &[Option<Context>]) -> Vec<Item<'a>> {
    let traces = traces.iter().copied().chain(std::iter::repeat(None));
    let item = |(place, (record, trace)): (usize, (&'a NewRecord, Option<Context>))| Item {
        place: place as u64,
        key: &record.key,
        value: &record.value,
        headers: trace.map(Context::header).into_iter().collect(),
    };
    records.iter().zip(traces).enumerate().map(item).collect()
}

/// Time of the newest record in these segments.
pub(super) fn last_time(dir: &std::path::Path, segments: &[u64]) -> Result<Option<Timestamp>> {
    for base in segments.iter().rev() {
        let Some(mut segment) = Segment::open(dir, *base)? else { continue };
        let from = index::hint(dir, &mut segment, |_| true)?;
        let limit = segment.bytes()?;
        if let Some(time) = segment.scan(from, limit, |_, _| {})?.last_time {
            return Ok(Some(time));
        }
    }
    Ok(None)
}
