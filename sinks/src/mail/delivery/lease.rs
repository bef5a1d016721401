//! That this worker lives: said to the database every so often by a task of its own, and known here without asking.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;
use tokio::time::Instant;
use uuid::Uuid;

use crate::mail::events::ClaimRetried;
use crate::mail::outbox::Outbox;

/// It is renewed so many times before it would end.
const RENEWALS: u32 = 5;

/// A worker's lease: as long as it holds, what the worker claimed is its own.
pub(super) struct Lease {
    pub(super) worker: Uuid,
    length: Duration,
    now: Mutex<Now>,
}

/// How the lease stands.
#[derive(Debug, Clone, Copy)]
struct Now {
    /// Counted from before the database was asked, so never later than the database's own end of it.
    until: Instant,
    /// Rises each time that it had ended before it was renewed: others may have taken over what was claimed before.
    term: u64,
}

impl Lease {
    pub(super) async fn new(outbox: &Outbox, length: Duration) -> Result<Self, sqlx::Error> {
        let until = Instant::now() + length;
        let worker = outbox.enlist(length).await?;
        Ok(Self { worker, length, now: Mutex::new(Now { until, term: 0 }) })
    }

    /// The term it is in, for [`Self::holds`].
    pub(super) fn term(&self) -> u64 {
        self.now().term
    }

    /// It has not ended since that term, so nobody else can have taken over what this worker claimed. A process that
    /// stood still finds out here.
    pub(super) fn holds(&self, term: u64) -> bool {
        self.held_at(term, Instant::now())
    }

    fn held_at(&self, term: u64, time: Instant) -> bool {
        let now = self.now();
        now.term == term && time < now.until
    }

    /// Renews it until it is over, and gives it up then.
    pub(super) async fn renewed(self: Arc<Self>, outbox: Outbox, tenant: TenantId, over: Shutdown) {
        while !over.sleep(self.length / RENEWALS).await {
            let asked = Instant::now();
            match outbox.renew(self.worker, self.length).await {
                Ok(()) => self.is_renewed(asked, Instant::now()),
                Err(error) => ClaimRetried { tenant: &tenant, error: &error }.emit(),
            }
        }
        if let Err(error) = outbox.leave(self.worker).await {
            ClaimRetried { tenant: &tenant, error: &error }.emit();
        }
    }

    fn is_renewed(&self, asked: Instant, answered: Instant) {
        let mut now = self.now();
        now.term += u64::from(answered >= now.until);
        now.until = asked + self.length;
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lease_that_ended_before_it_was_renewed_holds_for_nothing_of_before() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let now = Mutex::new(Now { until: at(10), term: 0 });
        let lease = Lease { worker: Uuid::nil(), length: Duration::from_secs(10), now };
        let before = lease.term();
        lease.is_renewed(at(9), at(9));
        assert!(lease.held_at(before, at(18)) && !lease.held_at(before, at(19)));
        lease.is_renewed(at(18), at(19));
        assert!(!lease.held_at(before, at(20)), "others may have come in between");
        assert!(lease.held_at(lease.term(), at(20)));
    }
}
