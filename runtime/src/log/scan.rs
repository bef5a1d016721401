//! Reading a topic to an end that is known beforehand: how everybody reads it who is no member of a group.

use std::ops::Range;
use std::time::Duration;
use std::vec::IntoIter;

use bellwether_schemas::Topic;
use tokio::time::Instant;

use super::{Bounds, Log, LogError, Reader, Record, Result};

/// Records read at a time.
const BATCH: usize = 1024;
/// Longest silence of a log while records are known to follow.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait of one read: between two of them it is seen whether the reader passed over a hole.
const STEP: Duration = Duration::from_millis(100);

/// Reads the records of `topic` whose offsets lie in `range`, in order, as the topic stands now.
///
/// The scan begins at `range.start`, or at the topic's first record where that lies behind it. It ends before
/// `range.end`, or where the topic ends at this moment: what is appended later is not waited for. Offsets may have
/// holes, also right before the end (compaction, markers of other clients' transactions): the scan is over once its
/// reader has passed every offset before the end, whether or not there was a record.
///
/// **An early end is an error, never an end.** A log that says nothing for ten seconds while the reader still stands
/// before the end makes the scan fail with [`LogError::Unavailable`]; where records were removed that the scan had
/// not reached yet, it fails with [`LogError::OffsetOutOfRange`]. After an error it gives nothing more, and can be
/// made anew. So whoever gets to the end without an error has seen every record of the range there was.
///
/// Blocks for one answer of the log, and again while it is read: until the next records are there, at most some
/// ten seconds.
///
/// # Errors
/// The topic does not exist, ends before `range.start`, or the log is out of reach.
pub fn scan(log: &dyn Log, topic: &Topic, range: Range<u64>) -> Result<Scan> {
    Scan::new(log, topic, range, PATIENCE)
}

/// Records of a topic up to an end: see [`scan`].
pub struct Scan {
    topic: Topic,
    /// None where nothing is to be read any more.
    reader: Option<Box<dyn Reader>>,
    read: IntoIter<Record>,
    start: u64,
    end: u64,
    patience: Duration,
}

impl Scan {
    fn new(log: &dyn Log, topic: &Topic, range: Range<u64>, patience: Duration) -> Result<Self> {
        let bounds = log.bounds(topic)?;
        if range.start > bounds.next {
            return Err(beyond(topic, range.start, bounds));
        }
        let start = range.start.max(bounds.start);
        let end = range.end.min(bounds.next);
        let reader = if start < end { Some(log.reader(topic, start)?) } else { None };
        Ok(Self { topic: topic.clone(), reader, read: Vec::new().into_iter(), start, end, patience })
    }

    /// The offset it began at: above what was asked for where the topic's front is gone.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.start
    }

    /// The offset before which it ends.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// The next records; none at the end.
    fn more(&mut self) -> Result<Vec<Record>> {
        let Some(reader) = &mut self.reader else { return Ok(Vec::new()) };
        let mut stood = reader.next_offset();
        let mut since = Instant::now();
        while stood < self.end {
            let records = reader.read(BATCH, STEP.min(self.patience))?;
            if !records.is_empty() {
                return Ok(records);
            }
            if reader.next_offset() > stood {
                (stood, since) = (reader.next_offset(), Instant::now());
            } else if since.elapsed() >= self.patience {
                return Err(self.silent(stood));
            }
        }
        Ok(Vec::new())
    }

    fn silent(&self, offset: u64) -> LogError {
        let Self { topic, end, patience, .. } = self;
        let reason =
            format!("{topic} gave nothing at offset {offset} for {patience:?}, and reaches to offset {end}");
        LogError::Unavailable { reason }
    }
}

fn beyond(topic: &Topic, requested: u64, bounds: Bounds) -> LogError {
    let Bounds { start, next } = bounds;
    LogError::OffsetOutOfRange { topic: topic.to_string(), requested, start, next }
}

impl Iterator for Scan {
    type Item = Result<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.read.as_slice().is_empty() {
            match self.more() {
                Ok(records) => self.read = records.into_iter(),
                Err(error) => {
                    self.reader = None;
                    return Some(Err(error));
                }
            }
        }
        match self.read.next().filter(|record| record.offset < self.end) {
            Some(record) => Some(Ok(record)),
            None => {
                self.reader = None;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::log::{Access, NewRecord, open};
    use bellwether_schemas::TopicKind;

    /// A reader that stands at `next` and has nothing to say until it jumps to `then`.
    struct Silent {
        next: u64,
        then: Option<u64>,
    }

    impl Reader for Silent {
        fn read(&mut self, _: usize, _: Duration) -> Result<Vec<Record>> {
            self.next = self.then.take().unwrap_or(self.next);
            Ok(Vec::new())
        }

        fn next_offset(&self) -> u64 {
            self.next
        }
    }

    fn topic() -> Topic {
        Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Journal)
    }

    fn scanned(reader: Silent) -> Vec<Result<Record>> {
        let reader: Option<Box<dyn Reader>> = Some(Box::new(reader));
        let (start, end, patience) = (0, 5, Duration::from_millis(20));
        Scan { topic: topic(), reader, read: Vec::new().into_iter(), start, end, patience }.collect()
    }

    #[test]
    fn a_log_that_falls_silent_before_the_end_is_out_of_reach_and_not_at_its_end() {
        let found = scanned(Silent { next: 3, then: None });
        let [Err(LogError::Unavailable { reason })] = &found[..] else { panic!("{found:?}") };
        assert!(reason.contains("at offset 3") && reason.contains("to offset 5"), "{reason}");
    }

    #[test]
    fn a_reader_that_passes_over_a_hole_up_to_the_end_is_at_the_end() {
        assert!(scanned(Silent { next: 3, then: Some(5) }).is_empty());
        let found = scanned(Silent { next: 3, then: Some(4) });
        assert!(
            matches!(&found[..], [Err(LogError::Unavailable { .. })]),
            "a hole is not the end: {found:?}"
        );
    }

    #[test]
    fn a_range_that_holds_nothing_is_over_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", dir.path().display());
        let log = open(&url, Access::Write, Clock::system()).unwrap();
        assert!(matches!(scan(log.as_ref(), &topic(), 0..1), Err(LogError::UnknownTopic { .. })));
        log.create(&topic()).unwrap();
        log.append(&topic(), vec![NewRecord { key: Vec::new(), value: b"v".to_vec() }]).wait().unwrap();
        for (from, before, end) in [(1, 1, 1), (1, 9, 1), (1, 0, 0)] {
            let scan = scan(log.as_ref(), &topic(), from..before).unwrap();
            assert_eq!((scan.end(), scan.count()), (end, 0));
        }
        let beyond = scan(log.as_ref(), &topic(), 2..9);
        assert!(matches!(beyond, Err(LogError::OffsetOutOfRange { requested: 2, next: 1, .. })));
    }
}
