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
    stands: Mutex<Stands>,
}

/// How a lease stands. Knows no clock: all times are arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stands {
    /// Counted from before the database was asked, so never later than the database's own end of it.
    until: Instant,
    /// Rises each time that it had ended before it was renewed: others may have taken over what was claimed before.
    term: u64,
}

impl Stands {
    /// One that the database was asked for at that time and granted for so long.
    pub(crate) fn new(asked: Instant, length: Duration) -> Self {
        Self { until: asked + length, term: 0 }
    }

    /// The term it is in, for [`Self::holds`].
    pub(crate) const fn term(&self) -> u64 {
        self.term
    }

    /// It has not ended since that term.
    pub(crate) fn holds(&self, term: u64, time: Instant) -> bool {
        self.term == term && time < self.until
    }

    /// It was renewed for so long.
    pub(crate) fn renewed(&mut self, asked: Instant, answered: Instant, length: Duration) {
        self.term += u64::from(answered >= self.until);
        self.until = asked + length;
    }
}

impl Lease {
    pub(super) async fn new(outbox: &Outbox, length: Duration) -> Result<Self, sqlx::Error> {
        let stands = Stands::new(Instant::now(), length);
        let worker = outbox.enlist(length).await?;
        Ok(Self { worker, length, stands: Mutex::new(stands) })
    }

    /// The term it is in, for [`Self::holds`].
    pub(super) fn term(&self) -> u64 {
        self.stands().term()
    }

    /// It has not ended since that term, so nobody else can have taken over what this worker claimed. A process that
    /// stood still finds out here.
    pub(super) fn holds(&self, term: u64) -> bool {
        self.stands().holds(term, Instant::now())
    }

    /// Renews it until it is over, and gives it up then.
    pub(super) async fn renewed(self: Arc<Self>, outbox: Outbox, tenant: TenantId, over: Shutdown) {
        while !over.sleep(self.length / RENEWALS).await {
            let asked = Instant::now();
            match outbox.renew(self.worker, self.length).await {
                Ok(()) => self.stands().renewed(asked, Instant::now(), self.length),
                Err(error) => ClaimRetried { tenant: &tenant, error: &error }.emit(),
            }
        }
        if let Err(error) = outbox.leave(self.worker).await {
            ClaimRetried { tenant: &tenant, error: &error }.emit();
        }
    }

    fn stands(&self) -> MutexGuard<'_, Stands> {
        self.stands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_that_ended_before_it_was_renewed_holds_for_nothing_of_before() {
        let (begun, length) = (Instant::now(), Duration::from_secs(10));
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let mut lease = Stands::new(begun, length);
        let before = lease.term();
        lease.renewed(at(9), at(9), length);
        assert!(lease.holds(before, at(18)) && !lease.holds(before, at(19)));
        lease.renewed(at(18), at(19), length);
        assert!(!lease.holds(before, at(20)), "others may have come in between");
        assert!(lease.holds(lease.term(), at(20)));
    }
}
