//! One tenant's side of the feed.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bellwether_database::cursor::Mark;
use bellwether_runtime::config::{Database, Tenant};
use bellwether_runtime::trace::Context;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Timestamp, Topic};
use tokio::sync::{mpsc, watch};

/// One record of the triggers topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivered {
    /// Its place in the topic.
    pub offset: u64,
    /// Wall clock of its append.
    pub appended_at: Timestamp,
    /// The trigger or the alert's state that the record holds.
    pub outcome: Outcome,
    /// The trace it belongs to, where one is recorded.
    pub trace: Option<Context>,
}

/// Records of one tenant, in the order of its topic. Empty where all that was read is among the dead letters, and where
/// nothing came for a while: whoever takes it finds out whether its database still stands where it stood.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The tenant whose topic was read.
    pub tenant: TenantId,
    /// What was read and decoded: at most [`super::BATCH_RECORDS`].
    pub records: Vec<Delivered>,
    /// Where reading began: everything before it was handed over before, or read by a process before this one. A sink
    /// whose database stands before it calls [`Lane::rewind`].
    pub from: u64,
    /// What to tell [`Lane::done`] after it.
    pub next_offset: u64,
    /// The last record that was read for it, also one that is among the dead letters.
    pub mark: Option<Mark>,
    /// Which reading of the topic it belongs to; batches of an earlier one are dropped.
    pub(crate) epoch: u64,
}

impl Batch {
    /// There is nothing between these two.
    pub(super) fn empty(topic: &Topic, offsets: Range<u64>, epoch: u64) -> Self {
        let (tenant, Range { start: from, end: next_offset }) = (topic.tenant.clone(), offsets);
        Self { tenant, records: Vec::new(), from, next_offset, mark: None, epoch }
    }
}

/// A tenant's end of the feed, owned by its task. Dropping it asks the driver for a new task.
#[derive(Debug)]
pub struct Lane {
    pub(super) tenant: Tenant,
    pub(super) tenants: watch::Receiver<Arc<Vec<Tenant>>>,
    pub(super) batches: mpsc::Receiver<Batch>,
    pub(super) shared: Arc<Shared>,
}

impl Lane {
    /// The next batch; none when the tenant was removed or the process stops and everything was handed over.
    pub async fn next(&mut self) -> Option<Batch> {
        loop {
            let batch = self.batches.recv().await?;
            if batch.epoch == self.shared.lock().epoch {
                return Some(batch);
            }
        }
    }

    /// Everything before `next_offset` is durable. May be called from anywhere, as often as one likes.
    pub fn done(&self, next_offset: u64) {
        let mut state = self.shared.lock();
        state.done = state.done.max(next_offset);
    }

    /// Reads the topic again from `offset`, or from its start where that is gone. What was handed over and not taken
    /// by [`Self::next`] is dropped.
    pub fn rewind(&self, offset: u64) {
        let mut state = self.shared.lock();
        state.epoch += 1;
        state.rewind = Some(offset);
    }

    /// Nothing more will come than what [`Self::next`] still has: the tenant was removed or the process stops.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.batches.is_closed()
    }

    /// The tenant as its file says now.
    #[must_use]
    pub fn tenant(&self) -> Tenant {
        let tenants = self.tenants.borrow();
        tenants.iter().find(|tenant| tenant.id == self.tenant.id).unwrap_or(&self.tenant).clone()
    }

    /// Waits until the tenant's file says of its database something else than that.
    pub async fn moves_from(&self, database: &Database) {
        let moved = |tenants: &Arc<Vec<Tenant>>| {
            tenants.iter().any(|tenant| tenant.id == self.tenant.id && tenant.database != *database)
        };
        if self.tenants.clone().wait_for(moved).await.is_err() {
            // Nobody reads the files any more.
            std::future::pending().await
        }
    }

    /// The id of the tenant that this lane serves.
    #[must_use]
    pub const fn tenant_id(&self) -> &TenantId {
        &self.tenant.id
    }
}

/// What the two ends of a lane tell each other.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    /// Next offset after all that is durable; never falls.
    pub(super) done: u64,
    /// Next offset after all that was handed over.
    pub(super) handed: u64,
    /// Rises with every jump in the topic.
    pub(super) epoch: u64,
    /// Where to read from, asked for by the task.
    pub(super) rewind: Option<u64>,
    /// This process reads the topic for its group.
    pub(super) assigned: bool,
    /// The topic was assigned anew: where the group stands is to be asked.
    pub(super) reassigned: bool,
}

impl State {
    /// Done, and never more than was handed over.
    pub(super) fn committable(&self) -> u64 {
        self.done.min(self.handed)
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Plain numbers: whoever panicked with the lock held left them whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
