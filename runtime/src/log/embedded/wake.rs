//! Waiting for an append without asking again and again.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Rung by an append. A ring between two waits is remembered.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rung: Mutex<bool>,
    ringing: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        *locked(&self.rung) = true;
        self.ringing.notify_all();
    }

    /// Until it is rung or the time is over.
    pub(super) fn wait(&self, time: Duration) {
        let waited = self.ringing.wait_timeout_while(locked(&self.rung), time, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// A thread that panicked while it held one of our locks left whole values behind: each is changed in one step.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[test]
    fn a_ring_before_the_wait_is_remembered_once() {
        let (bell, begun) = (Bell::default(), Instant::now());
        bell.ring();
        bell.wait(Duration::from_secs(20));
        assert!(begun.elapsed() < Duration::from_secs(10));
        let begun = Instant::now();
        bell.wait(Duration::from_millis(20));
        assert!(begun.elapsed() >= Duration::from_millis(20));
    }
}
