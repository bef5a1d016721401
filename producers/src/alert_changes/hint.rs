//! `NOTIFY` makes the next look at the queue come sooner; nothing rests on it.

use std::sync::Arc;

use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The channel that capture triggers notify.
const CHANNEL: &str = "bellwether_alert_change";

/// Tells when there may be something in the queue.
pub(super) struct Hint {
    given: Arc<Notify>,
    listening: Option<JoinHandle<()>>,
}

impl Hint {
    /// Listens in a task of its own, which a wait given up half way does not disturb.
    pub(super) async fn listen(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        let given = Arc::new(Notify::new());
        let giving = Arc::clone(&given);
        let listening = tokio::spawn(async move {
            // An error ends the hints; whoever polls meets it too and connects anew.
            while listener.recv().await.is_ok() {
                giving.notify_one();
            }
        });
        Ok(Self { given, listening: Some(listening) })
    }

    /// Hints that never come: polling alone finds changes then.
    pub(super) fn none() -> Self {
        Self { given: Arc::new(Notify::new()), listening: None }
    }

    pub(super) async fn given(&self) {
        self.given.notified().await;
    }
}

impl Drop for Hint {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}
