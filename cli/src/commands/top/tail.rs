//! Event time at places of a journal, from the records before them: what the engine's watermark was there, as far as
//! the newest records say.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bellwether_engine::{FUTURE_BOUND, smallest_counting};
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::{Bounds, Log, LogError, Reader, Record, scan};
use bellwether_runtime::roles::Role;
use bellwether_schemas::journal::Entry;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::{Timestamp, Topic};

/// Records remembered, and how far back it begins to read.
const REMEMBERED: usize = 4096;
const BACK: u64 = 512;
const BATCH: usize = 1024;
/// How long the log may take to give a record it has.
const PATIENCE: Duration = Duration::from_secs(10);
/// Records of the beginning among which the tenant's first settings are.
const HEAD: u64 = 64;

/// A watermark, and whether its sources play the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) time: Timestamp,
    pub(super) played: bool,
}

/// What of a tenant's settings its watermark depends on, and the revision that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeRule {
    revision: i64,
    lateness_max: i64,
    source_idle: i64,
}

impl TimeRule {
    pub(super) const fn of(revision: i64, settings: &Settings) -> Self {
        Self { revision, lateness_max: settings.lateness_max, source_idle: settings.source_idle }
    }

    /// The documented defaults: any revision is newer.
    pub(super) fn documented() -> Self {
        Self::of(i64::MIN, &Settings::with_symbols(Vec::new(), ""))
    }

    /// Somebody's settings say so.
    const fn is_said(&self) -> bool {
        self.revision != i64::MIN
    }

    /// As for the engine, an equal or older revision changes nothing.
    const fn take(&mut self, other: Self) {
        if other.revision > self.revision {
            *self = other;
        }
    }
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
    rule: TimeRule,
    reader: Option<Box<dyn Reader>>,
    seen: VecDeque<Seen>,
    /// Marks of places before that, by who asked.
    far: BTreeMap<Role, (u64, Option<Mark>)>,
}

impl Tail {
    /// `rule` is what the tenant's file says, if there is one here; the journal's newer revisions go before it.
    pub(super) const fn new(journal: Topic, rule: TimeRule) -> Self {
        Self { journal, rule, reader: None, seen: VecDeque::new(), far: BTreeMap::new() }
    }

    /// Reads what was appended since; the mark at the journal's end.
    pub(super) fn follow(&mut self, log: &dyn Log) -> Result<Option<Mark>, LogError> {
        let bounds = log.bounds(&self.journal)?;
        let near = |next: u64| bounds.next.saturating_sub(next) <= REMEMBERED as u64;
        let mut reader = match self.reader.take().filter(|reader| near(reader.next_offset())) {
            Some(reader) => reader,
            None => {
                self.seen.clear();
                self.read_head(log, bounds)?;
                log.reader(&self.journal, bounds.next.saturating_sub(BACK).max(bounds.start))?
            }
        };
        while reader.next_offset() < bounds.next {
            let records = read(reader.as_mut(), BATCH, &self.journal)?;
            records.iter().for_each(|record| self.take(record));
            self.seen.drain(..self.seen.len().saturating_sub(REMEMBERED));
        }
        self.reader = Some(reader);
        Ok(watermark(self.seen.iter(), self.rule))
    }

    /// A journal begins with its tenant's settings, unless its front is cut off: then snapshots have them, which are
    /// read where nobody else has said any.
    fn read_head(&mut self, log: &dyn Log, bounds: Bounds) -> Result<(), LogError> {
        for record in scan(log, &self.journal, bounds.start..bounds.start + HEAD)? {
            self.take_rule(&record?);
        }
        if bounds.start > 0
            && !self.rule.is_said()
            && let Ok((gist, _)) = Gist::newest_stored(log, &self.journal.tenant)
            && let Some(change) = gist.settings()
        {
            self.rule.take(TimeRule::of(change.revision, &change.settings));
        }
        Ok(())
    }

    fn take(&mut self, record: &Record) {
        self.take_rule(record);
        self.seen.extend(seen(&self.journal, record));
    }

    fn take_rule(&mut self, record: &Record) {
        if let Ok(Entry::Settings(change)) = record.entry(&self.journal.tenant) {
            self.rule.take(TimeRule::of(change.revision, &change.settings));
        }
    }

    /// The mark of a role for which everything before that offset is done.
    pub(super) fn mark(&mut self, log: &dyn Log, role: Role, before: u64) -> Result<Option<Mark>, LogError> {
        let near = watermark(self.seen.iter().filter(|seen| seen.offset < before), self.rule);
        if near.is_some() {
            return Ok(near);
        }
        if let Some((_, mark)) = self.far.get(&role).filter(|(place, _)| *place == before) {
            return Ok(*mark);
        }
        let mark = self.read_before(log, before)?;
        self.far.insert(role, (before, mark));
        Ok(mark)
    }

    fn read_before(&self, log: &dyn Log, before: u64) -> Result<Option<Mark>, LogError> {
        let bounds = log.bounds(&self.journal)?;
        let before = before.min(bounds.next);
        let mut found = Vec::new();
        for record in scan(log, &self.journal, before.saturating_sub(BACK)..before)? {
            found.extend(seen(&self.journal, &record?));
        }
        Ok(watermark(found.iter(), self.rule))
    }
}

/// Of a reader that is kept from look to look, which a scan is not.
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
            let believed = block.ticks.iter().filter(|tick| tick.ts.since(block.ingested_at) <= FUTURE_BOUND);
            believed.map(|tick| tick.ts).max()
        }
        Entry::Heartbeat(beat) => {
            let believed = beat.origin.played || beat.ts.since(beat.origin.appended_at) <= FUTURE_BOUND;
            believed.then_some(beat.ts)
        }
        other => other.event_time(),
    }
}

/// The engine's watermark, as far as these records say how far each source is.
fn watermark<'a>(seen: impl Iterator<Item = &'a Seen>, rule: TimeRule) -> Option<Mark> {
    let mut sources: BTreeMap<&str, Mark> = BTreeMap::new();
    for Seen { source, time, played, .. } in seen {
        let mark = sources.entry(source).or_insert(Mark { time: *time, played: *played });
        *mark = Mark { time: mark.time.max(*time), played: *played };
    }
    let complete = smallest_counting(sources.values().map(|mark| mark.time), rule.source_idle)?;
    let slowest = sources.values().find(|mark| mark.time == complete)?;
    Some(Mark { time: complete.plus(-rule.lateness_max), played: slowest.played })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bellwether_engine::Engine;
    use bellwether_runtime::clock::Clock;
    use bellwether_runtime::journal::entries;
    use bellwether_runtime::log::{Access, NewRecord, open};
    use bellwether_schemas::journal::Heartbeat;
    use bellwether_schemas::settings::SettingsChanged;
    use bellwether_schemas::snapshots::{ContentHash, LastFolded, LateKept};
    use bellwether_schemas::time::{DAY, SECOND};
    use bellwether_schemas::{Origin, TopicKind, codec};
    use bellwether_worker::snapshots::{Shelf, Snapshot, store_snapshot};
    use bellwether_worker::tally::tally;

    use super::*;

    struct Journal {
        log: Arc<dyn Log>,
        topic: Topic,
        _dir: tempfile::TempDir,
    }

    impl Journal {
        fn new() -> Self {
            Self::with(Clock::system())
        }

        fn with(clock: Clock) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let url = format!("embedded:{}", dir.path().display());
            let log = open(&url, Access::Write, clock).unwrap();
            let topic = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Journal);
            log.create(&topic).unwrap();
            Self { log, topic, _dir: dir }
        }

        fn append(&self, entry: &Entry) {
            let key = self.topic.tenant.as_str().into();
            let record = NewRecord { key, value: codec::encode_entry(entry).unwrap() };
            self.log.append(&self.topic, vec![record]).wait().unwrap();
        }

        fn origin(&self, source: &str) -> Origin {
            let (tenant, source) = (self.topic.tenant.clone(), source.into());
            Origin { tenant, source, session: "1".into(), played: true, appended_at: Timestamp(0) }
        }

        fn settings(&self, revision: i64, source_idle: i64) {
            let mut settings = Settings::with_symbols(vec!["EURUSD".parse().unwrap()], "");
            settings.source_idle = source_idle;
            let (origin, engine_version) = (self.origin("settings"), bellwether_engine::ENGINE_VERSION);
            self.append(&Entry::Settings(SettingsChanged { origin, revision, engine_version, settings }));
        }

        fn heartbeat(&self, source: &str, seconds: i64) {
            let (origin, ts) = (self.origin(source), Timestamp(seconds * SECOND));
            self.append(&Entry::Heartbeat(Heartbeat { origin, ts }));
        }

        /// A snapshot of all that there is.
        fn store_state(&self) {
            let tenant = &self.topic.tenant;
            self.log.create(&Topic::new(tenant, TopicKind::Snapshots)).unwrap();
            let (mut engine, mut gist, mut last) = (Engine::new(tenant.clone()), Gist::default(), None);
            for read in entries(self.log.as_ref(), tenant, 0..u64::MAX).unwrap() {
                let (record, entry) = read.unwrap();
                let entry = entry.unwrap();
                engine.apply(record.offset, &entry, &mut Vec::new());
                gist.see(&record, &entry);
                last = Some(record);
            }
            let last = last.unwrap();
            let snapshot = Snapshot {
                next_offset: last.offset + 1,
                last: LastFolded {
                    offset: last.offset.cast_signed(),
                    appended_at: last.appended_at,
                    sha256: ContentHash::of_record(&last.key, &last.value).bytes().to_vec(),
                },
                watermark: engine.watermark(),
                engine_version: engine.version().number(),
                late: LateKept::default(),
                parts: engine.parts().collect(),
                gist: gist.taken(),
            };
            store_snapshot(self.log.as_ref(), &mut Shelf::new(tenant), &snapshot).unwrap();
        }

        /// In seconds, as `top` has it and as a fold of the whole journal has it.
        fn watermarks(&self) -> (Option<i64>, Option<i64>) {
            let mut tail = Tail::new(self.topic.clone(), TimeRule::documented());
            let shown = tail.follow(self.log.as_ref()).unwrap().map(|mark| mark.time);
            let folded = tally(self.log.as_ref(), &self.topic.tenant).unwrap().watermark;
            (shown.map(|time| time.0 / SECOND), folded.map(|time| time.0 / SECOND))
        }
    }

    #[test]
    fn a_tenants_own_source_idle_decides_which_sources_count() {
        let journal = Journal::new();
        journal.settings(1, 60 * SECOND);
        journal.heartbeat("slow", 70);
        journal.heartbeat("fast", 100);
        assert_eq!(journal.watermarks(), (Some(68), Some(68)), "30 s behind it still counts");
        journal.settings(2, 20 * SECOND);
        journal.heartbeat("fast", 101);
        assert_eq!(journal.watermarks(), (Some(99), Some(99)), "and with the newer revision no more");
    }

    #[test]
    fn settings_further_back_than_the_tail_are_read_from_the_journals_beginning() {
        let journal = Journal::new();
        journal.settings(1, 60 * SECOND);
        for _ in 0..=BACK {
            journal.heartbeat("fast", 100);
        }
        journal.heartbeat("slow", 70);
        let shown = journal.watermarks().0;
        assert_eq!(shown, Some(68));
    }

    #[test]
    fn settings_that_are_cut_off_a_journal_are_read_from_its_newest_snapshot() {
        let clock = Clock::manual(Timestamp(0));
        let journal = Journal::with(clock.clone());
        journal.settings(1, 60 * SECOND);
        clock.advance(DAY);
        journal.heartbeat("fast", 100);
        journal.store_state();
        clock.advance(DAY);
        journal.heartbeat("slow", 70);
        assert_eq!(journal.log.cut(&journal.topic, 1).unwrap(), 1);
        let mut tail = Tail::new(journal.topic.clone(), TimeRule::documented());
        let shown = tail.follow(journal.log.as_ref()).unwrap().map(|mark| mark.time.0 / SECOND);
        assert_eq!(shown, Some(68), "30 s behind it still counts");
    }

    #[test]
    fn a_file_of_an_older_revision_than_the_journals_is_out_of_date() {
        let mut rule = TimeRule { revision: 2, lateness_max: 1, source_idle: 1 };
        rule.take(TimeRule { revision: 2, lateness_max: 2, source_idle: 2 });
        assert_eq!(rule.source_idle, 1);
        rule.take(TimeRule { revision: 3, lateness_max: 3, source_idle: 3 });
        assert_eq!(rule.source_idle, 3);
    }
}
