//! What can be wrong with the log: each a different thing to do.

/// What can be wrong with the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The topic does not exist.
    #[error("topic {topic} does not exist: create it with `bellwether topics apply` or `tenants init`")]
    UnknownTopic {
        /// Name of the topic.
        topic: String,
    },
    /// The offset is not between `start` and `next`.
    #[error("offset {requested} of {topic} is out of range: it holds {start} to {next}")]
    OffsetOutOfRange {
        /// Name of the topic.
        topic: String,
        /// What was asked for.
        requested: u64,
        /// The first offset that can be read.
        start: u64,
        /// The offset after the last record.
        next: u64,
    },
    /// Bytes in the middle of the topic are not what was written.
    #[error("topic {topic} is damaged at offset {offset}: {reason}")]
    Damaged {
        /// Name of the topic.
        topic: String,
        /// The first offset that cannot be read.
        offset: u64,
        /// What is wrong with the bytes there.
        reason: String,
    },
    /// Another process writes this log.
    #[error(
        "{location} is in use by process {holder}: stop it first, or read with a command that does not write"
    )]
    Held {
        /// The directory that is written, or the group that was to be joined.
        location: String,
        /// Its pid, or what is known of it.
        holder: String,
    },
    /// More bytes than a record, or all records of one append, may have.
    #[error("a record or batch for {topic} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// Name of the topic.
        topic: String,
        /// Bytes of the record, or of the batch.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// The address names no log.
    #[error("{url:?} is not a log: use embedded:DIR or kafka://HOST:PORT[,HOST:PORT]")]
    Address {
        /// The address as it was given.
        url: String,
    },
    /// There is no log at this place.
    #[error("{location}: there is no log: nothing was written to it yet, or --log names another directory")]
    NoLog {
        /// The directory that was opened.
        location: String,
    },
    /// What the record's schema id means is not known: nothing is read past it.
    #[error(
        "{topic} has at offset {offset} a record of schema {id}, which the schema registry does not tell: start or \
         mend it, or register the schema"
    )]
    UnknownSchema {
        /// Name of the topic.
        topic: String,
        /// Offset of the record.
        offset: u64,
        /// The schema id that the record begins with.
        id: u32,
    },
    /// Out of reach for now; the same call may succeed later.
    #[error("the log is out of reach: {reason}")]
    Unavailable {
        /// What kept the log from answering.
        reason: String,
    },
    /// The topic was given up, or not assigned yet.
    #[error("topic {topic} is not assigned to this member of the group")]
    NotAssigned {
        /// Name of the topic.
        topic: String,
    },
    /// It was opened for reading.
    #[error("{location} was opened for reading only")]
    ReadOnly {
        /// The directory that was opened.
        location: String,
    },
    /// Cannot go on: stop the process and start again from what was acknowledged.
    #[error("the log cannot be written any more: {reason}")]
    Poisoned {
        /// What went wrong when it was last written.
        reason: String,
    },
    /// The topic is not ours to use: its order would be lost.
    #[error("topic {topic} has {count} partitions and must have one: delete it and create it again")]
    Partitions {
        /// Name of the topic.
        topic: String,
        /// How many it has.
        count: usize,
    },
    /// Our login has no right to the topic: it may be given one.
    #[error("the brokers refuse {topic}: {reason}: give the login of [kafka] its rights there")]
    Refused {
        /// Name of the topic.
        topic: String,
        /// The brokers' words.
        reason: String,
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

impl LogError {
    /// A topic is not there, or is none to be used, or not by us: that keeps its tenant waiting, and nobody else.
    #[must_use]
    pub const fn is_of_a_topic(&self) -> bool {
        matches!(self, Self::UnknownTopic { .. } | Self::Partitions { .. } | Self::Refused { .. })
    }
}

/// A result of the log.
pub type Result<T> = std::result::Result<T, LogError>;
