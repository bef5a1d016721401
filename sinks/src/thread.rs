//! A sink's own thread: what reads the log blocks, so it has one of its own, and leaves tasks that may still be ending.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::error::SinkError;

/// How long a tenant's task may take to end once it is told to.
const TASK_END: Duration = Duration::from_secs(5);

/// What a sink's thread ends with: why, and the tasks that may still be ending.
pub(crate) type Ended = (Result<(), SinkError>, Vec<JoinHandle<()>>);

/// Runs it on a thread of that sink's name, and waits for it and for its tasks.
pub(crate) async fn on_its_own(
    sink: &'static str,
    run: impl FnOnce() -> Ended + Send + 'static,
) -> Result<(), SinkError> {
    let gone = |reason: String| SinkError::Thread { sink, reason };
    let (ended, end) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name(format!("sink-{sink}"));
    thread.spawn(move || ended.send(run()).ok()).map_err(|error| gone(error.to_string()))?;
    let (result, tasks) = end.await.map_err(|_| gone("it panicked".into()))?;
    for task in tasks {
        // The task is left alone, not cancelled: what it has begun in a database ends there.
        let _ = tokio::time::timeout(TASK_END, task).await;
    }
    result
}
