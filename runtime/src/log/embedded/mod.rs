//! The embedded backend: a directory of segment files for one machine, the demo and tests.
//!
//! `DIR/<topic>/<base offset>.log` holds frames, one an append, each written by one `write` and acknowledged after
//! it returned; `.index` files beside them are hints. `DIR/groups/<group>/<topic>.offset` holds what a group
//! committed, `member` beside them who reads. One process writes (`DIR/lock` holds its pid), others may read at the
//! same time.
//!
//! What is acknowledged is in the system's page cache and so survives kill −9 of the process under every
//! [`Fsync`]; that setting only decides what a power cut may take.

mod consumer;
mod flusher;
mod frame;
mod index;
mod lock;
mod members;
mod positions;
mod reader;
mod retention;
mod segment;
#[cfg(test)]
mod tests;
mod topic;
mod wake;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bellwether_schemas::time::DAY;
use bellwether_schemas::{Timestamp, Topic};

use self::flusher::Flusher;
use self::topic::TopicLog;
use self::wake::locked;
use super::{
    Access, Ack, Assignments, Bounds, Consumer, GroupMember, Log, LogError, NewRecord, Reader, Result,
};
use crate::clock::Clock;
use crate::trace::Context;

/// How often a reader beside the writing process looks for news.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// When written frames are forced to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// When the system likes: a power cut may take the last half minute.
    Never,
    /// In the background, so often: a power cut may take that much.
    Interval(Duration),
    /// Before each acknowledgement: a power cut takes nothing that was acknowledged.
    EveryBatch,
}

/// What can be chosen when the log is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// When written frames are forced to the disk.
    pub fsync: Fsync,
    /// A segment is closed before it grows beyond this.
    pub segment_bytes: u64,
    /// A segment is closed this many microseconds after its first record: retention removes closed ones only.
    pub segment_age: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            fsync: Fsync::Interval(Duration::from_secs(1)),
            segment_bytes: 64 * 1024 * 1024,
            segment_age: DAY,
        }
    }
}

/// The log in a directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EmbeddedLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// First, so that it ends before what it works on.
    _flusher: Option<Flusher>,
    shared: Arc<Shared>,
    topics: Topics,
    groups: Mutex<BTreeSet<String>>,
}

type Topics = Arc<Mutex<OpenTopics>>;
type OpenTopics = BTreeMap<Topic, Arc<TopicLog>>;

/// What every part of an open log knows. Readers hold it too, so the lock goes with the last of them.
#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    clock: Clock,
    options: Options,
    lock: Option<lock::Lock>,
    poison: OnceLock<String>,
}

impl EmbeddedLog {
    /// Opens the directory with the default [`Options`]; for writing, it is created where it is missing.
    ///
    /// # Errors
    /// Another process writes it, or the directory cannot be used.
    pub fn open(dir: &Path, access: Access, clock: Clock) -> Result<Self> {
        Self::open_with(dir, access, clock, Options::default())
    }

    /// Opens the directory.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(dir: &Path, access: Access, clock: Clock, options: Options) -> Result<Self> {
        let lock = match access {
            Access::Write => {
                std::fs::create_dir_all(dir).map_err(|error| io("create", dir, &error))?;
                Some(lock::Lock::take(dir)?)
            }
            Access::Read => {
                std::fs::read_dir(dir).map_err(|error| match error.kind() {
                    ErrorKind::NotFound => LogError::NoLog { location: dir.display().to_string() },
                    _ => io("open", dir, &error),
                })?;
                None
            }
        };
        let topics = Topics::default();
        let flusher = match (access, options.fsync) {
            (Access::Write, Fsync::Interval(every)) => Some(Flusher::spawn(Arc::clone(&topics), every)?),
            _ => None,
        };
        let shared = Shared { dir: dir.into(), clock, options, lock, poison: OnceLock::new() };
        Ok(Self(Arc::new(Inner {
            _flusher: flusher,
            shared: Arc::new(shared),
            topics,
            groups: Mutex::default(),
        })))
    }
}

impl Log for EmbeddedLog {
    fn create(&self, topic: &Topic) -> Result<bool> {
        self.0.shared.check_writes()?;
        let dir = self.0.shared.topic_dir(topic);
        // Nobody may open it between the directory and the writer that everybody shares.
        let mut topics = locked(&self.0.topics);
        match std::fs::create_dir(&dir) {
            Ok(()) => {
                // One of that name may have been open and deleted.
                topics.remove(topic);
                self.0.open_in(&mut topics, topic).map(|_| true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(io("create", &dir, &error)),
        }
    }

    fn delete(&self, topic: &Topic) -> Result<bool> {
        self.0.shared.check_writes()?;
        let mut topics = locked(&self.0.topics);
        topics.remove(topic);
        positions::forget(&self.0.shared.dir, topic)?;
        let dir = self.0.shared.topic_dir(topic);
        match std::fs::remove_dir_all(&dir) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io("delete", &dir, &error)),
        }
    }

    fn topics(&self) -> Result<Vec<Topic>> {
        let dir = &self.0.shared.dir;
        let failed = |error: std::io::Error| io("list", dir, &error);
        // One created while the directory is listed must not be taken for one that was deleted.
        let mut open = locked(&self.0.topics);
        let mut topics = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            topics.extend(name.to_str().and_then(|name| name.parse::<Topic>().ok()));
        }
        topics.sort();
        // What was deleted is not written or read any more as if it were there.
        open.retain(|open, _| topics.binary_search(open).is_ok());
        Ok(topics)
    }

    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        self.append_traced(topic, records, &[])
    }

    fn append_traced(&self, topic: &Topic, records: Vec<NewRecord>, traces: &[Option<Context>]) -> Ack {
        Ack::ready(self.0.topic(topic).and_then(|topic| topic.append(&records, traces)))
    }

    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        self.0.topic(topic)?.bounds()
    }

    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        Ok(Box::new(reader::TopicReader::new(self.0.topic(topic)?, from)?))
    }

    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64> {
        reader::offset_at(self.0.topic(topic)?, appended_at)
    }

    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        self.0.committed(group, topic)
    }

    fn members(&self, group: &str) -> Result<Vec<GroupMember>> {
        Ok(members::members(&self.0.shared.dir, group))
    }

    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        assignments: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        self.0.shared.check_writes()?;
        if !locked(&self.0.groups).insert(group.into()) {
            let holder = std::process::id().to_string();
            return Err(LogError::Held { location: format!("group {group}"), holder });
        }
        Ok(Box::new(consumer::Member::new(Arc::clone(&self.0), group, topics, assignments)))
    }

    fn enforce_retention(&self, topic: &Topic, now: Timestamp) -> Result<u64> {
        self.0.shared.check_writes()?;
        retention::enforce(&self.0.topic(topic)?, now)
    }

    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        self.0.shared.check_writes()?;
        retention::cut(&*self.0.topic(topic)?, before)
    }
}

impl Inner {
    /// The topic, opened at its first use.
    fn topic(&self, topic: &Topic) -> Result<Arc<TopicLog>> {
        self.open_in(&mut locked(&self.topics), topic)
    }

    fn open_in(&self, topics: &mut OpenTopics, topic: &Topic) -> Result<Arc<TopicLog>> {
        if let Some(open) = topics.get(topic) {
            return Ok(Arc::clone(open));
        }
        let dir = self.shared.topic_dir(topic);
        if !dir.is_dir() {
            return Err(LogError::UnknownTopic { topic: topic.to_string() });
        }
        let open = Arc::new(TopicLog::open(topic, dir, Arc::clone(&self.shared))?);
        topics.insert(topic.clone(), Arc::clone(&open));
        Ok(open)
    }

    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        positions::read(&self.shared.dir, group, topic)
    }

    fn commit(&self, group: &str, topic: &Topic, next_offset: u64) -> Result<()> {
        if !self.shared.topic_dir(topic).is_dir() {
            // Where the group stood went with the topic: the next of that name is another one.
            return Err(LogError::UnknownTopic { topic: topic.to_string() });
        }
        let sync = self.shared.options.fsync == Fsync::EveryBatch;
        positions::write(&self.shared.dir, group, topic, next_offset, sync)
    }

    fn joined<'a>(&self, group: &str, topics: impl Iterator<Item = &'a Topic>) {
        members::join(&self.shared.dir, group, topics);
    }

    fn leave(&self, group: &str) {
        members::leave(&self.shared.dir, group);
        locked(&self.groups).remove(group);
    }
}

impl Shared {
    fn writes(&self) -> bool {
        self.lock.is_some()
    }

    fn check_writes(&self) -> Result<()> {
        if self.writes() { Ok(()) } else { Err(self.read_only()) }
    }

    fn read_only(&self) -> LogError {
        LogError::ReadOnly { location: self.dir.display().to_string() }
    }

    fn topic_dir(&self, topic: &Topic) -> PathBuf {
        self.dir.join(topic.to_string())
    }

    /// Nothing is appended after a failed sync: the system may have thrown away what it could not write.
    fn poison(&self, reason: String) -> LogError {
        LogError::Poisoned { reason: self.poison.get_or_init(|| reason).clone() }
    }

    fn check_poison(&self) -> Result<()> {
        self.poison.get().map_or(Ok(()), |reason| Err(LogError::Poisoned { reason: reason.clone() }))
    }
}

fn io(what: &str, path: &Path, error: &dyn Display) -> LogError {
    LogError::Io { what: format!("cannot {what} {}", path.display()), reason: error.to_string() }
}
