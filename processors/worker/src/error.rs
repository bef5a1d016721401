//! What can stop a worker.

use bellwether_runtime::log::LogError;
use bellwether_runtime::snapshots::SnapshotFault;

use crate::core::NotRecovered;

/// The worker cannot go on; what was acknowledged stays, and a restart goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The log said no.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is nothing to begin with, or the journal is not the one of its snapshots.
    #[error(transparent)]
    Snapshot(SnapshotFault),
    /// The journal is shorter than what came of it: deleted and made anew, or rolled back.
    #[error(
        "{topic} ends at offset {next}, but triggers or commits reach {reached}: it was deleted and made anew, or rolled \
         back, so restore it, or delete the tenant's other topics too and start it afresh"
    )]
    JournalReplaced {
        /// Name of the journal.
        topic: String,
        /// The offset after its last record.
        next: u64,
        /// The offset after the last one that was seen of it.
        reached: u64,
    },
    /// Records behind the newest snapshot are gone, and nobody has accepted that.
    #[error(
        "records of {topic} behind offset {last_folded} are gone, the first that can be read is {first_readable}: restore \
         them, or go on without with bellwether tenants resume --accept-gap"
    )]
    JournalGap {
        /// Name of the journal.
        topic: String,
        /// The last record that the state has taken in.
        last_folded: u64,
        /// The first one that can be read.
        first_readable: u64,
        /// The journal offset before which all decisions were looked at.
        looked_to: u64,
    },
    /// The thread could not be started.
    #[error("cannot start the worker's thread: {0}")]
    Thread(std::io::Error),
    /// The worker's thread ended by a panic.
    #[error("the worker's thread panicked: this is a bug, its message stands above")]
    Panicked,
}

impl From<SnapshotFault> for WorkerError {
    fn from(fault: SnapshotFault) -> Self {
        match fault {
            SnapshotFault::Log(error) => Self::Log(error),
            other => Self::Snapshot(other),
        }
    }
}

impl From<WorkerError> for NotRecovered {
    fn from(error: WorkerError) -> Self {
        match error {
            WorkerError::Log(error) => error.into(),
            WorkerError::JournalGap { looked_to, .. } => Self::Gap { reason: error.to_string(), looked_to },
            other => Self::Refused(other.to_string()),
        }
    }
}
