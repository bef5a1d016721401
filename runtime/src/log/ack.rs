//! The answer to an append.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{LogError, Result};

/// The answer to an append, perhaps still to come. Dropping it forgets the answer, not the records.
#[derive(Debug)]
pub struct Ack(oneshot::Receiver<Result<u64>>);

impl Ack {
    /// An answer that is known already: the offset of the first record.
    #[must_use]
    pub fn ready(answer: Result<u64>) -> Self {
        let (ack, answered) = Self::pending();
        let _ = answered.send(answer);
        ack
    }

    /// An answer to be given later through the sender.
    #[must_use]
    pub fn pending() -> (Self, oneshot::Sender<Result<u64>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(receiver), sender)
    }

    /// The answer, if it is there. Does not block.
    pub fn poll(&mut self) -> Option<Result<u64>> {
        match self.0.try_recv() {
            Ok(answer) => Some(answer),
            Err(oneshot::error::TryRecvError::Empty) => None,
            Err(oneshot::error::TryRecvError::Closed) => Some(Err(Self::gone())),
        }
    }

    /// Blocks this thread until the answer is there. Not for async code.
    ///
    /// # Errors
    /// The append failed, or its backend stopped before it answered.
    pub fn wait(self) -> Result<u64> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(Self::gone()))
    }

    /// As [`Self::wait`], but no longer than until `deadline`; none: it is still to come. Blocks until then.
    pub fn wait_until(&mut self, deadline: tokio::time::Instant) -> Option<Result<u64>> {
        loop {
            let answer = self.poll();
            if answer.is_some() || tokio::time::Instant::now() >= deadline {
                return answer;
            }
            std::thread::sleep(Self::LOOK);
        }
    }

    /// Time between two looks for the answer.
    const LOOK: Duration = Duration::from_millis(1);

    /// Awaits the answer.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub async fn answer(self) -> Result<u64> {
        self.0.await.unwrap_or_else(|_| Err(Self::gone()))
    }

    fn gone() -> LogError {
        LogError::Unavailable { reason: "it stopped before it answered".into() }
    }
}
