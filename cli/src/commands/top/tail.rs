//! Event time at places of a journal, from the records before them: what the engine's watermark was there, as far as
//! the newest records say.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bellwether_runtime::log::{Log, LogError, Reader, Record};
use bellwether_schemas::journal::Entry;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::time::SECOND;
use bellwether_schemas::{Timestamp, Topic};

/// Records remembered, and how far back it begins to read.
const REMEMBERED: usize = 4096;
const BACK: u64 = 512;
const BATCH: usize = 1024;
/// How long the log may take to give a record it has.
const PATIENCE: Duration = Duration::from_secs(10);
/// The engine refuses what is further ahead of the moment it was received.
const FUTURE: i64 = 2 * SECOND;

/// A watermark, and whether its sources play the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) time: Timestamp,
    pub(super) played: bool,
}

/// What one record says of time.
#[derive(Debug)]
struct Seen {
    offset: u64,
    source: String,
    time: Timestamp,
    played: bool,
}

/// The end of a journal, followed.
pub(super) struct Tail {
    journal: Topic,
    lateness: i64,
    reader: Option<Box<dyn Reader>>,
    seen: VecDeque<Seen>,
    /// Marks of places before that, by who asked.
    far: BTreeMap<&'static str, (u64, Option<Mark>)>,
}

impl Tail {
    pub(super) const fn new(journal: Topic, lateness: i64) -> Self {
        Self { journal, lateness, reader: None, seen: VecDeque::new(), far: BTreeMap::new() }
    }

    /// Reads what was appended since; the mark at the journal's end.
    pub(super) fn follow(&mut self, log: &dyn Log) -> Result<Option<Mark>, LogError> {
        let bounds = log.bounds(&self.journal)?;
        let near = |next: u64| bounds.next.saturating_sub(next) <= REMEMBERED as u64;
        let mut reader = match self.reader.take().filter(|reader| near(reader.next_offset())) {
            Some(reader) => reader,
            None => {
                self.seen.clear();
                log.reader(&self.journal, bounds.next.saturating_sub(BACK).max(bounds.start))?
            }
        };
        while reader.next_offset() < bounds.next {
            let records = read(reader.as_mut(), BATCH, &self.journal)?;
            self.seen.extend(records.iter().filter_map(|record| seen(&self.journal, record)));
            self.seen.drain(..self.seen.len().saturating_sub(REMEMBERED));
        }
        self.reader = Some(reader);
        Ok(watermark(self.seen.iter(), self.lateness))
    }

    /// The mark of a role for which everything before that offset is done.
    pub(super) fn mark(
        &mut self,
        log: &dyn Log,
        role: &'static str,
        before: u64,
    ) -> Result<Option<Mark>, LogError> {
        let near = watermark(self.seen.iter().filter(|seen| seen.offset < before), self.lateness);
        if near.is_some() {
            return Ok(near);
        }
        if let Some((_, mark)) = self.far.get(role).filter(|(place, _)| *place == before) {
            return Ok(*mark);
        }
        let mark = self.read_before(log, before)?;
        self.far.insert(role, (before, mark));
        Ok(mark)
    }

    fn read_before(&self, log: &dyn Log, before: u64) -> Result<Option<Mark>, LogError> {
        let bounds = log.bounds(&self.journal)?;
        let before = before.min(bounds.next);
        let from = before.saturating_sub(BACK).max(bounds.start);
        if from >= before {
            return Ok(None);
        }
        let mut reader = log.reader(&self.journal, from)?;
        let mut found = Vec::new();
        while reader.next_offset() < before {
            let records = read(reader.as_mut(), BACK as usize, &self.journal)?;
            found.extend(records.iter().filter_map(|record| seen(&self.journal, record)));
        }
        Ok(watermark(found.iter().filter(|seen| seen.offset < before), self.lateness))
    }
}

fn read(reader: &mut dyn Reader, max: usize, journal: &Topic) -> Result<Vec<Record>, LogError> {
    let before = reader.next_offset();
    let records = reader.read(max, PATIENCE)?;
    if records.is_empty() && reader.next_offset() == before {
        return Err(LogError::Unavailable { reason: format!("{journal} gave no records for {PATIENCE:?}") });
    }
    Ok(records)
}

fn seen(journal: &Topic, record: &Record) -> Option<Seen> {
    let entry = record.entry(&journal.tenant).ok()?;
    let time = time(&entry)?;
    let origin = entry.origin();
    Some(Seen { offset: record.offset, source: origin.source.clone(), time, played: origin.played })
}

/// The largest time that the engine believes.
fn time(entry: &Entry) -> Option<Timestamp> {
    match entry {
        Entry::Ticks(block) => {
            let believed = block.ticks.iter().filter(|tick| tick.ts.since(block.ingested_at) <= FUTURE);
            believed.map(|tick| tick.ts).max()
        }
        Entry::Heartbeat(beat) => {
            let believed = beat.origin.played || beat.ts.since(beat.origin.appended_at) <= FUTURE;
            believed.then_some(beat.ts)
        }
        other => other.event_time(),
    }
}

/// The smallest time of the sources that count, less the lateness allowed.
fn watermark<'a>(seen: impl Iterator<Item = &'a Seen>, lateness: i64) -> Option<Mark> {
    let mut sources: BTreeMap<&str, Mark> = BTreeMap::new();
    for Seen { source, time, played, .. } in seen {
        let mark = sources.entry(source).or_insert(Mark { time: *time, played: *played });
        *mark = Mark { time: mark.time.max(*time), played: *played };
    }
    let largest = sources.values().map(|mark| mark.time).max()?;
    let idle = Settings::with_symbols(Vec::new(), "").source_idle;
    let counting = sources.values().filter(|mark| largest.since(mark.time) <= idle);
    counting.min_by_key(|mark| mark.time).map(|mark| Mark { time: mark.time.plus(-lateness), ..*mark })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(source: &str, seconds: i64) -> Seen {
        Seen { offset: 0, source: source.into(), time: Timestamp(seconds * SECOND), played: false }
    }

    fn mark(seen: &[Seen]) -> Option<i64> {
        watermark(seen.iter(), 2 * SECOND).map(|mark| mark.time.0 / SECOND)
    }

    #[test]
    fn the_slowest_source_that_counts_holds_the_watermark() {
        assert_eq!(mark(&[]), None);
        assert_eq!(mark(&[seen("a", 100), seen("a", 90)]), Some(98));
        assert_eq!(mark(&[seen("a", 100), seen("b", 95)]), Some(93));
        assert_eq!(mark(&[seen("a", 100), seen("b", 89)]), Some(98));
    }
}
