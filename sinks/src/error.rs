//! What stops a sink. What only delays or refuses a record is a value, not an error.

use bellwether_runtime::log::LogError;

/// Why a sink ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The log cannot be read on: fenced by another process, or broken.
    #[error("the {sink} sink cannot read the log any more: start it again once the cause is gone")]
    Log {
        /// The sink that cannot read on.
        sink: &'static str,
        /// What the log said.
        source: LogError,
    },
    /// What it works with is broken in this build.
    #[error("the {sink} sink cannot start: {reason}")]
    Start {
        /// The sink that cannot start.
        sink: &'static str,
        /// What is broken, in words.
        reason: String,
    },
    /// The operating system gave no thread, or the thread ended by itself.
    #[error("the thread of the {sink} sink is gone: {reason}")]
    Thread {
        /// The sink whose thread it was.
        sink: &'static str,
        /// What the operating system or the runtime said.
        reason: String,
    },
}
