//! Appends that are not known to be in the log, tenant by tenant: one that is not answered, as its topic was deleted, keeps
//! no other tenant's from being heard of.

use std::collections::{BTreeMap, VecDeque};

use bellwether_runtime::log::{Ack, Result};
use bellwether_schemas::{TenantId, Timestamp};
use tokio::time::Instant;

use crate::core::AppendId;

/// An append that is not known to be acknowledged.
pub(super) struct Append {
    pub(super) id: AppendId,
    pub(super) ack: Ack,
    pub(super) begun: Instant,
    /// Of triggers: when the oldest of the journal records was appended that were folded when they fired.
    pub(super) since: Option<Timestamp>,
}

/// Each tenant's in the order of their calls; none who has none.
#[derive(Default)]
pub(super) struct Appends(BTreeMap<TenantId, VecDeque<Append>>);

impl Appends {
    pub(super) fn push(&mut self, tenant: TenantId, append: Append) {
        self.0.entry(tenant).or_default().push_back(append);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that were answered, as far as none of the same tenant before them waits.
    pub(super) fn answered(&mut self) -> Vec<(TenantId, Append, Result<u64>)> {
        let mut answered = Vec::new();
        for (tenant, appends) in &mut self.0 {
            while let Some(oldest) = appends.front_mut()
                && let Some(answer) = oldest.ack.poll()
            {
                answered.extend(appends.pop_front().map(|append| (tenant.clone(), append, answer)));
            }
        }
        self.0.retain(|_, appends| !appends.is_empty());
        answered
    }

    /// That tenant's, which are this worker's no more.
    pub(super) fn take(&mut self, tenant: &TenantId) -> VecDeque<Append> {
        self.0.remove(tenant).unwrap_or_default()
    }
}
