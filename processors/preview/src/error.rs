//! What can stop a member.

use bellwether_runtime::log::LogError;
use bellwether_runtime::snapshots::SnapshotFault;

/// The member cannot go on; what was acknowledged stays, and a restart goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The log said no.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is nothing to begin with, or the journal is not the one of its snapshots.
    #[error(transparent)]
    Snapshot(#[from] SnapshotFault),
    /// A state of the journal's is not one.
    #[error("the state at the beginning of {topic} cannot be gone on from: {reason}")]
    State {
        /// Name of the journal.
        topic: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The thread ended by a panic.
    #[error("the thread of previews panicked: this is a bug, its message stands above")]
    Panicked,
}
