//! The log behind one seam. Stages see topics, records and offsets; which backend keeps them is decided by a URL.
//!
//! The contract, the same for every backend and held by the suite in `conformance`:
//! - offsets of a topic rise; a committed offset names the *next* record to read;
//! - an [`Ack`] that answers `Ok` means the records survive kill −9 of this process;
//! - records of one topic become readable in the order of their `append` calls;
//! - a reader sees only whole, undamaged records, and never another topic's.
//!
//! Every method says whether it *blocks*: whether the calling thread may wait for a broker or a disk. A thread that
//! runs async tasks does not call one that does; it hands it to [`blocking()`], or the work has a thread of its own.
//! Where a method says "for an answer", that is a file's on the embedded log and the brokers' on Kafka, who are waited
//! for at most some ten seconds.

mod ack;
mod blocking;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod embedded;
mod error;
pub mod held_back;
pub mod kafka;
pub mod lag;
mod opening;
mod outstanding;
mod registered;
pub mod retention;
mod scan;

pub use ack::Ack;
pub use blocking::blocking;
pub use error::{LogError, Result};
pub use opening::{Access, is_embedded, open, open_with};
pub use outstanding::{Answered, Outstanding};
pub use registered::Registered;
pub use scan::{Scan, scan};

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_schemas::dead_letter::Header;
use bellwether_schemas::journal::Unusable;
use bellwether_schemas::snapshots::{ContentHash, LastFolded};
use bellwether_schemas::{Entry, TenantId, Timestamp, Topic};

use crate::trace::Context;

/// Most bytes one `append` may have, with 12 bytes a record on top.
pub const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// A record to be appended to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// What compaction and partitioning go by.
    pub key: Vec<u8>,
    /// What the record says, encoded as [`bellwether_schemas::codec`] writes it; empty: see [`Self::tombstone`].
    pub value: Vec<u8>,
}

impl NewRecord {
    /// Says that nothing stands under that key any more: compaction takes what stood there, and in time this too. On
    /// Kafka it is a record without a value.
    #[must_use]
    pub const fn tombstone(key: Vec<u8>) -> Self {
        Self { key, value: Vec::new() }
    }
}

/// A record as it stands in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number in the topic: the next one has a larger number.
    pub offset: u64,
    /// Wall clock of the append; event time is inside the value.
    pub appended_at: Timestamp,
    /// What compaction and partitioning go by.
    pub key: Vec<u8>,
    /// What was written beside it: by us the context of a trace, where there is one; by other clients of a broker anything.
    /// None of it is part of what the record says.
    pub headers: Vec<Header>,
    /// What the record says, encoded as [`bellwether_schemas::codec`] writes it.
    pub value: Vec<u8>,
}

impl Record {
    /// It says that nothing stands under its key any more.
    #[must_use]
    pub const fn is_tombstone(&self) -> bool {
        self.value.is_empty()
    }

    /// How a state names the record that it took in last.
    #[must_use]
    pub fn as_last_folded(&self) -> LastFolded {
        LastFolded {
            offset: self.offset.cast_signed(),
            appended_at: self.appended_at,
            sha256: ContentHash::of_record(&self.key, &self.value).bytes().to_vec(),
        }
    }

    /// The trace it belongs to, where one is recorded.
    #[must_use]
    pub fn trace(&self) -> Option<Context> {
        Context::of(&self.headers)
    }

    /// What has log lines within it carry that trace's id.
    #[must_use]
    pub fn lines(&self) -> tracing::Span {
        crate::trace::lines(self.trace())
    }

    /// As an entry of that tenant's journal.
    ///
    /// # Errors
    /// The record is not to be used, and to be kept among the dead letters.
    pub fn entry(&self, tenant: &TenantId) -> std::result::Result<Entry, Unusable> {
        Entry::of(tenant, &self.key, &self.headers, &self.value)
    }
}

/// What a topic holds: `start` is the first readable offset, `next` the one the next record will get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The offset of the first record that can still be read.
    pub start: u64,
    /// The offset after the last record.
    pub next: u64,
}

/// A log: topics of records, and how far each group has read.
pub trait Log: Send + Sync {
    /// Creates the topic with the policy of its kind; false when it was there. Blocks for an answer, on Kafka up to
    /// thirty seconds.
    ///
    /// # Errors
    /// The log is out of reach or may not be written.
    fn create(&self, topic: &Topic) -> Result<bool>;

    /// Deletes the topic with all its records, and where groups stood in it; false when it was not there. What is made
    /// under its name afterwards begins at 0. Blocks for an answer, on Kafka up to thirty seconds.
    ///
    /// # Errors
    /// The log is out of reach or may not be written.
    fn delete(&self, topic: &Topic) -> Result<bool>;

    /// Every topic of ours that exists, in order. Blocks for an answer.
    ///
    /// # Errors
    /// The log is out of reach.
    fn topics(&self) -> Result<Vec<Topic>>;

    /// Topics of ours that somebody gave several partitions, and how many: they have no one order of records, and are
    /// not to be used. A backend of our own has none. Blocks for an answer.
    ///
    /// # Errors
    /// The log is out of reach.
    fn divided(&self) -> Result<BTreeMap<Topic, usize>> {
        Ok(BTreeMap::new())
    }

    /// Appends the records in their order, at most [`MAX_BATCH_BYTES`] of them; no records: nothing happens. Either
    /// all of them are acknowledged, with the offset of the first, or none is; errors come through the answer.
    ///
    /// Blocks, if briefly: on the embedded log for the write; on Kafka for an answer at a topic's first use, and up to
    /// five seconds for room while more than the producer holds is on its way. It is the one that a task may call which
    /// has a single append under way at a time, as producers do.
    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack;

    /// As [`Self::append`]; beside each record stands, as a header of it, the trace it belongs to. Records behind the last
    /// of `traces` belong to none. A log that keeps no headers leaves them out. Blocks as that does.
    fn append_traced(&self, topic: &Topic, records: Vec<NewRecord>, _traces: &[Option<Context>]) -> Ack {
        self.append(topic, records)
    }

    /// What the topic holds now. Blocks for an answer.
    ///
    /// # Errors
    /// The topic does not exist or the log is out of reach.
    fn bounds(&self, topic: &Topic) -> Result<Bounds>;

    /// Reads the topic from that offset on, apart from any group. Blocks for an answer.
    ///
    /// # Errors
    /// The topic does not exist, or the offset is outside [`Bounds`] (`next` itself is inside).
    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>>;

    /// The first offset appended at or after that wall time; `next` when there is none. Blocks for an answer.
    ///
    /// # Errors
    /// The topic does not exist or the log is out of reach.
    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64>;

    /// The next offset to read that the group committed, if any. Blocks for an answer.
    ///
    /// # Errors
    /// The log is out of reach.
    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>>;

    /// Who reads for the group now, and which topics each was given. Blocks for an answer.
    ///
    /// # Errors
    /// The log is out of reach.
    fn members(&self, group: &str) -> Result<Vec<GroupMember>>;

    /// Records at the topic's end that nobody can read yet: a transaction that another application began there is open.
    /// A backend without transactions has none. Blocks for an answer.
    ///
    /// # Errors
    /// The topic does not exist or the log is out of reach.
    fn held_back(&self, _topic: &Topic) -> Result<u64> {
        Ok(0)
    }

    /// Joins a group that shares these topics out among its members. Does not block: the group is met in
    /// [`Consumer::poll`].
    ///
    /// # Errors
    /// The log is out of reach, or (embedded) the group has a member already.
    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        assignments: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>>;

    /// Throws away what the topic's policy says, as of `now`; how many records went. Blocks: on the embedded log for
    /// as long as its files take to be written again, on Kafka not at all.
    ///
    /// # Errors
    /// The log is out of reach or may not be written.
    fn enforce_retention(&self, topic: &Topic, now: Timestamp) -> Result<u64>;

    /// Throws away the records before that offset, which lies within [`Bounds`] or before them; the topic's start from
    /// then on. A backend that keeps records in files leaves those that share a file with later ones. Where groups
    /// stand is for the caller to ask. Blocks for an answer, on Kafka up to thirty seconds.
    ///
    /// # Errors
    /// The topic does not exist, the offset lies behind its end, or the log is out of reach or may not be written.
    fn cut(&self, topic: &Topic, before: u64) -> Result<u64>;

    /// Where the topic's settings are not what its kind declares. A backend whose settings are its own code has none.
    /// Blocks for an answer.
    ///
    /// # Errors
    /// The topic does not exist or the log is out of reach.
    fn drift(&self, _topic: &Topic) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }

    /// Makes the topic's settings what its kind declares. Blocks for an answer, on Kafka up to thirty seconds.
    ///
    /// # Errors
    /// The topic does not exist, or the log is out of reach or may not be written.
    fn correct(&self, _topic: &Topic) -> Result<()> {
        Ok(())
    }
}

/// One that reads for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// Its static id on Kafka, its process on the embedded log.
    pub id: String,
    /// The topics it was given to read.
    pub topics: Vec<Topic>,
}

/// A setting of a topic that is not what its kind declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// Its name at the backend.
    pub key: &'static str,
    /// The value it has.
    pub found: String,
    /// What it is to be.
    pub wanted: String,
}

/// Reads one topic from an offset on, apart from any group.
pub trait Reader: Send {
    /// Up to `max` records; waits up to `wait` for the first. Empty: none came, which does not mean that none is
    /// there: [`scan`] tells the two apart.
    ///
    /// Blocks for `wait`; on Kafka also for what the topic held when the reader was made, up to ten seconds.
    ///
    /// # Errors
    /// Damage, or what was to be read next is gone.
    fn read(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>>;

    /// The offset of the next record to come, or a smaller one that has no record. Does not block.
    fn next_offset(&self) -> u64;
}

/// Where to start reading an assigned topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// From the record at this offset on.
    At(u64),
    /// Where the group left off, or at the topic's start.
    Committed,
    /// Nowhere yet: the topic is paused, and read from where a [`Consumer::seek`] says once it is resumed.
    Paused,
}

/// Told synchronously, inside the consumer's `poll` or `close`, when topics come and go. The group waits meanwhile, and
/// takes a member that stays away for minutes for dead: what takes its time is not done here.
pub trait Assignments: Send {
    /// The topic is ours from now on; says where to start.
    fn assigned(&mut self, topic: &Topic) -> Start;

    /// The topic is to be given up: finish what is under way. The offset returned is committed first.
    fn revoked(&mut self, topic: &Topic) -> Option<u64>;
}

/// What a poll brought.
#[derive(Debug)]
pub enum Polled {
    /// Records of one topic, in order.
    Records(Topic, Vec<Record>),
    /// This topic cannot be read on: said once, then it is silent until a seek. Others go on.
    Failed(Topic, LogError),
    /// Nothing within the wait.
    Nothing,
}

/// A member of a group.
pub trait Consumer: Send {
    /// The next records of some topic, in turn; waits up to `wait`. Blocks for that, and for what [`Assignments`] do.
    ///
    /// # Errors
    /// The member cannot go on: fenced, or the log is broken.
    fn poll(&mut self, wait: Duration) -> Result<Polled>;

    /// Records how far the group has read: the next offset to read. Blocks for an answer, on Kafka once in a while.
    ///
    /// # Errors
    /// The log is out of reach, or the topic is not ours any more.
    fn commit(&mut self, topic: &Topic, next_offset: u64) -> Result<()>;

    /// No more records of this topic until [`Self::resume`]; polling goes on for the others. Does not block.
    fn pause(&mut self, topic: &Topic);

    /// Records again, from where it stood. Does not block.
    fn resume(&mut self, topic: &Topic);

    /// Reads the topic from that offset next. Blocks for an answer.
    ///
    /// # Errors
    /// The offset is out of range, or the topic is not ours.
    fn seek(&mut self, topic: &Topic, offset: u64) -> Result<()>;

    /// Changes the topics this member wants: a tenant came or went. What follows from it happens inside `poll`.
    /// Does not block.
    ///
    /// # Errors
    /// The log is out of reach.
    fn subscribe(&mut self, topics: &[Topic]) -> Result<()>;

    /// Leaves the group after giving up every topic. Blocks for that, on Kafka some five seconds at most besides what
    /// [`Assignments::revoked`] takes.
    ///
    /// # Errors
    /// The log is out of reach.
    fn close(self: Box<Self>) -> Result<()>;
}
