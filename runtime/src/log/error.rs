//! What can be wrong with the log: each a different thing to do.

/// What can be wrong with the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The topic does not exist.
    #[error("topic {topic} does not exist: create it with `bellwether topics apply` or `tenants init`")]
    UnknownTopic {
        /// Which.
        topic: String,
    },
    /// The offset is not between `start` and `next`.
    #[error("offset {requested} of {topic} is out of range: it holds {start} to {next}")]
    OffsetOutOfRange {
        /// Which topic.
        topic: String,
        /// What was asked for.
        requested: u64,
        /// What it holds.
        start: u64,
        /// The offset after the last record.
        next: u64,
    },
    /// Bytes in the middle of the topic are not what was written.
    #[error("topic {topic} is damaged at offset {offset}: {reason}")]
    Damaged {
        /// Which topic.
        topic: String,
        /// The first offset that cannot be read.
        offset: u64,
        /// What was found.
        reason: String,
    },
    /// Another process writes this log.
    #[error(
        "{location} is in use by process {holder}: stop it first, or read with a command that does not write"
    )]
    Held {
        /// Directory or group.
        location: String,
        /// Its pid, or what is known of it.
        holder: String,
    },
    /// More bytes than a record, or all records of one append, may have.
    #[error("a record or batch for {topic} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Which topic.
        topic: String,
        /// What it has.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// The address names no log.
    #[error("{url:?} is not a log: use embedded:DIR or kafka://HOST:PORT[,HOST:PORT]")]
    Address {
        /// What was given.
        url: String,
    },
    /// Nothing to read.
    #[error("{location}: there is no log: nothing was written to it yet, or --log names another directory")]
    NoLog {
        /// Directory.
        location: String,
    },
    /// What the record's schema id means is not known: nothing is read past it.
    #[error(
        "{topic} has at offset {offset} a record of schema {id}, which the schema registry does not tell: start or \
         mend it, or register the schema"
    )]
    UnknownSchema {
        /// Which topic.
        topic: String,
        /// Of the record.
        offset: u64,
        /// In its header.
        id: u32,
    },
    /// Out of reach for now; the same call may succeed later.
    #[error("the log is out of reach: {reason}")]
    Unavailable {
        /// What is known.
        reason: String,
    },
    /// The topic was given up, or not assigned yet.
    #[error("topic {topic} is not assigned to this member of the group")]
    NotAssigned {
        /// Which topic.
        topic: String,
    },
    /// It was opened for reading.
    #[error("{location} was opened for reading only")]
    ReadOnly {
        /// Directory.
        location: String,
    },
    /// Cannot go on: stop the process and start again from what was acknowledged.
    #[error("the log cannot be written any more: {reason}")]
    Poisoned {
        /// What happened.
        reason: String,
    },
    /// The topic is not ours to use: its order would be lost.
    #[error("topic {topic} has {count} partitions and must have one: delete it and create it again")]
    Partitions {
        /// Which topic.
        topic: String,
        /// How many it has.
        count: usize,
    },
    /// The file system or the broker said no, and will again.
    #[error("{what}: {reason}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// The other side's words.
        reason: String,
    },
}

/// A result of the log.
pub type Result<T> = std::result::Result<T, LogError>;
