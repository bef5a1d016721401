//! What can stop a backtest.

use std::path::PathBuf;

use bellwether_producers::InputError;
use bellwether_runtime::log::LogError;
use bellwether_runtime::snapshots::SnapshotFault;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// An input file cannot be read or understood.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The file of alerts is not what it should be.
    #[error("{file}: {reason}")]
    Alerts {
        /// Path of the file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The command line asks for what does not go together.
    #[error("{0}")]
    Usage(String),
    /// The run was to begin where the journal's front is cut off.
    #[error(
        "{topic} can be folded from offset {start} on, where its oldest base snapshot stands: begin there or later, or \
         give a log that is whole"
    )]
    JournalCut {
        /// The journal that was cut at its front.
        topic: String,
        /// The first offset that can be folded.
        start: u64,
    },
    /// The journal was cut or replaced, and there is no snapshot to begin with.
    #[error(transparent)]
    Snapshot(SnapshotFault),
    /// Not one tick of the files was used.
    #[error("nothing of the files was accepted: of {ticks} ticks {reasons} were refused{notices}")]
    NothingAccepted {
        /// How many were played.
        ticks: u64,
        /// How many were refused, by reason.
        reasons: String,
        /// What is strange about the files.
        notices: String,
    },
    /// The engine will not go on.
    #[error("{0}")]
    Halted(String),
    /// The template of the report's page does not render: a fault of ours.
    #[error("the report cannot be rendered: {0}")]
    Page(String),
    /// Whoever read the output has seen enough.
    #[error("the output was closed")]
    Closed,
    /// Something could not be written or read.
    #[error("{file}: {reason}")]
    Io {
        /// Path of the file that cannot be written.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl From<SnapshotFault> for BacktestError {
    fn from(fault: SnapshotFault) -> Self {
        match fault {
            SnapshotFault::Log(error) => Self::Log(error),
            other => Self::Snapshot(other),
        }
    }
}
