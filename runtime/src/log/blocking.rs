//! Calls of the log from async code.

use super::{LogError, Result};

/// Makes calls of the log, or others that block, on a thread where they hold up no task.
///
/// # Errors
/// The calls panicked, or the runtime stopped before they began.
pub async fn blocking<T: Send + 'static>(calls: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let gone = |_| LogError::Unavailable { reason: "the task that asked the log ended".into() };
    tokio::task::spawn_blocking(calls).await.map_err(gone)
}
