//! Reading a topic from an offset on, in this process or beside the one that writes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bellwether_schemas::Timestamp;
use tokio::time::Instant;

use super::frame::Frame;
use super::segment::{FrameStart, Segment};
use super::topic::{Extent, TopicLog};
use super::wake::Bell;
use super::{POLL_EVERY, index};
use crate::log::{Reader, Record, Result};

/// Bytes of records handed out at once, or one frame.
const READ_BYTES: usize = 4 * 1024 * 1024;
/// A segment that was listed can be gone before it is opened; listing again settles it.
const OPEN_TRIES: usize = 3;

/// [`Reader`] of the embedded log.
#[derive(Debug)]
pub(super) struct TopicReader {
    stream: Stream,
    bell: Arc<Bell>,
}

impl TopicReader {
    pub(super) fn new(topic: Arc<TopicLog>, from: u64) -> Result<Self> {
        let bell = Arc::new(Bell::default());
        topic.register(&bell);
        Ok(Self { stream: Stream::new(topic, from)?, bell })
    }
}

impl Reader for TopicReader {
    fn read(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>> {
        let deadline = Instant::now() + wait;
        loop {
            let records = self.stream.take(max)?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !records.is_empty() || left.is_zero() || max == 0 {
                return Ok(records);
            }
            self.bell.wait(if self.stream.is_own() { left } else { left.min(POLL_EVERY) });
        }
    }

    fn next_offset(&self) -> u64 {
        self.stream.next_offset()
    }
}

/// Records of one topic in order, without waiting.
#[derive(Debug)]
pub(super) struct Stream {
    cursor: Cursor,
    pending: VecDeque<Record>,
}

impl Stream {
    /// Stands at `from`, which must lie within the topic's bounds.
    pub(super) fn new(topic: Arc<TopicLog>, from: u64) -> Result<Self> {
        let bounds = topic.bounds().map_err(|error| topic.unless_gone(error))?;
        if from < bounds.start || from > bounds.next {
            return Err(topic.out_of_range(from));
        }
        Ok(Self { cursor: Cursor::new(topic, from), pending: VecDeque::new() })
    }

    /// Up to `max` of the records there are. What was read before an error comes before the error.
    pub(super) fn take(&mut self, max: usize) -> Result<Vec<Record>> {
        let mut bytes: usize = self.pending.iter().map(size).sum();
        while self.pending.len() < max && bytes < READ_BYTES {
            match self.cursor.next_frame() {
                Ok(Some(records)) => {
                    bytes += records.iter().map(size).sum::<usize>();
                    self.pending.extend(records);
                }
                Ok(None) => break,
                Err(error) if self.pending.is_empty() => return Err(self.cursor.topic.unless_gone(error)),
                Err(_) => break,
            }
        }
        let count = max.min(self.pending.len());
        Ok(self.pending.drain(..count).collect())
    }

    pub(super) fn next_offset(&self) -> u64 {
        self.pending.front().map_or(self.cursor.next, |record| record.offset)
    }

    /// This process writes the topic and rings for its appends.
    pub(super) fn is_own(&self) -> bool {
        self.cursor.topic.shared.writes()
    }
}

fn size(record: &Record) -> usize {
    record.key.len() + record.value.len()
}

/// Walks a topic's frames over its segments.
#[derive(Debug)]
pub(super) struct Cursor {
    topic: Arc<TopicLog>,
    /// Offset of the next record wanted.
    next: u64,
    at: Option<At>,
}

#[derive(Debug)]
struct At {
    segment: Segment,
    place: FrameStart,
    extent: Extent,
}

enum Step {
    Records(Vec<Record>),
    /// Nothing more in this segment; the next one, if there is one.
    End(Option<u64>),
}

impl Cursor {
    pub(super) fn new(topic: Arc<TopicLog>, next: u64) -> Self {
        Self { topic, next, at: None }
    }

    /// Records from `next` on that were appended together; none at the end of what there is.
    pub(super) fn next_frame(&mut self) -> Result<Option<Vec<Record>>> {
        loop {
            let mut at = match self.at.take() {
                Some(at) => at,
                None => self.locate()?,
            };
            let step = at.step(&self.topic);
            match step {
                Ok(Step::End(Some(base))) => {
                    self.at = self.enter(base, at.place.offset)?;
                    continue;
                }
                _ => self.at = Some(at),
            }
            match step? {
                Step::Records(mut records) => {
                    records.retain(|record| record.offset >= self.next);
                    if let Some(last) = records.last() {
                        self.next = last.offset + 1;
                        return Ok(Some(records));
                    }
                }
                Step::End(_) => return self.topic.broken().map_or(Ok(None), Err),
            }
        }
    }

    /// Opens the segment that holds `next`, as near before it as the index knows.
    fn locate(&self) -> Result<At> {
        for _ in 0..OPEN_TRIES {
            let base = self.topic.segment_of(self.next)?;
            if let Some(mut segment) = Segment::open(&self.topic.dir, base)? {
                let place = index::hint(&self.topic.dir, &mut segment, |entry| entry.offset <= self.next)?;
                let extent = self.topic.extent(&segment)?;
                return Ok(At { segment, place, extent });
            }
        }
        Err(self.topic.out_of_range(self.next))
    }

    /// Goes on in the segment from `base` on; `reached` is where the one before ended. None: look again.
    fn enter(&mut self, base: u64, reached: u64) -> Result<Option<At>> {
        if base > reached && !self.topic.may_have_holes() {
            let bounds = self.topic.bounds()?;
            return Err(if self.next < bounds.start {
                self.topic.out_of_range(self.next)
            } else {
                self.topic.damaged(reached, format!("the segment before offset {base} is missing"))
            });
        }
        self.next = self.next.max(base);
        let Some(segment) = Segment::open(&self.topic.dir, base)? else { return Ok(None) };
        let extent = self.topic.extent(&segment)?;
        Ok(Some(At { place: segment.first(), segment, extent }))
    }
}

impl At {
    fn step(&mut self, topic: &TopicLog) -> Result<Step> {
        if let Some(records) = self.try_frame(topic)?.ok().flatten() {
            return Ok(Step::Records(records));
        }
        // What is known of the segment may be old.
        self.extent = topic.extent(&self.segment)?;
        self.segment.forget();
        match self.try_frame(topic)? {
            Ok(Some(records)) => Ok(Step::Records(records)),
            Ok(None) => Ok(Step::End(self.extent.next)),
            Err(bad) if self.extent.settled => Err(topic.damaged(self.place.offset, bad)),
            Err(_) => self.torn_or_damaged(topic),
        }
    }

    /// The next frame's records; none at the limit; what is wrong with it.
    fn try_frame(
        &mut self,
        topic: &TopicLog,
    ) -> Result<std::result::Result<Option<Vec<Record>>, &'static str>> {
        if self.place.position >= self.extent.limit {
            return Ok(Ok(None));
        }
        let frame = self.segment.frame(self.place.position, self.extent.limit)?;
        let read = frame.and_then(|frame| accept(&frame, self.place.offset, topic.may_have_holes()));
        Ok(read.map(|(records, bytes, next)| {
            self.place = FrameStart { position: self.place.position + bytes, offset: next };
            Some(records)
        }))
    }

    /// Another process may be in the middle of this frame, or died in it: then nothing whole follows, and its beginning is
    /// one that this version writes.
    fn torn_or_damaged(&mut self, topic: &TopicLog) -> Result<Step> {
        if !self.segment.is_damage(self.place, self.extent.limit)? {
            return Ok(Step::End(None));
        }
        // The writer may have finished it between the two looks.
        match self.try_frame(topic)? {
            Ok(Some(records)) => Ok(Step::Records(records)),
            Ok(None) => Ok(Step::End(None)),
            Err(bad) => Err(topic.damaged(self.place.offset, bad)),
        }
    }
}

/// Records, bytes and next offset of a frame that may stand where `expected` is the next offset.
fn accept(
    frame: &Frame<'_>,
    expected: u64,
    holes: bool,
) -> std::result::Result<(Vec<Record>, u64, u64), &'static str> {
    if frame.base < expected || (frame.base > expected && !holes) {
        return Err("the frame has another offset than the one that should follow");
    }
    let records = frame.records().ok_or("the frame's records do not fill it")?;
    Ok((records, frame.bytes(), frame.next()))
}

/// The first offset appended at or after that time; the end when there is none.
pub(super) fn offset_at(topic: Arc<TopicLog>, time: Timestamp) -> Result<u64> {
    let bounds = topic.bounds()?;
    let mut from = bounds.start;
    // Appended times never go back: the last segment that begins before the time is where to look.
    for base in topic.segments()? {
        let Some(mut segment) = Segment::open(&topic.dir, base)? else { continue };
        let extent = topic.extent(&segment)?;
        match segment.frame(0, extent.limit)?.ok().map(|frame| frame.time) {
            Some(first) if first >= time => break,
            Some(_) => {
                from = index::hint(&topic.dir, &mut segment, |entry| entry.time < time)?.offset;
            }
            None => {}
        }
    }
    let mut cursor = Cursor::new(topic, from);
    while let Some(records) = cursor.next_frame()? {
        if let Some(record) = records.first().filter(|record| record.appended_at >= time) {
            return Ok(record.offset);
        }
    }
    Ok(cursor.next)
}
