//! The thread that forces written frames to the disk from time to time.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Topics;
use super::topic::TopicLog;
use super::wake::locked;
use crate::log::{LogError, Result};

/// Runs as long as this lives. It owns none of the log for longer: when this is dropped, it has let go.
#[derive(Debug)]
pub(super) struct Flusher {
    alive: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Flusher {
    /// Syncs what was written, so often, but not without a pause.
    pub(super) fn spawn(topics: Topics, every: Duration) -> Result<Self> {
        let (alive, ended) = sync_channel(0);
        let every = every.max(Duration::from_millis(1));
        let run = move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(every) {
                let open: Vec<Arc<TopicLog>> = locked(&topics).values().cloned().collect();
                open.iter().for_each(|topic| topic.flush());
            }
        };
        let spawned = std::thread::Builder::new().name("log-flush".into()).spawn(run);
        let thread = spawned.map_err(|error| LogError::Io {
            what: "cannot start the thread that syncs the log".into(),
            reason: error.to_string(),
        })?;
        Ok(Self { alive: Some(alive), thread: Some(thread) })
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.alive = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
