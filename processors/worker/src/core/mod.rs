//! The worker's decisions, without IO: what to append, when to commit, whom to stop.
//!
//! A driver feeds [`Input`]s and performs [`Output`]s in their order. The rule that everything rests on: a journal
//! offset is committed only after every effect from before it is acknowledged.

mod dead_letters;
mod tenant;

use std::collections::BTreeMap;

use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::triggers::Cause;
use bellwether_schemas::{TenantId, Timestamp, TopicKind};

use tenant::TenantCore;

/// Names an append, so that its acknowledgement can be told. Rises.
pub type AppendId = u64;

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The tenant's journal is ours, to be read from its start.
    Assigned(TenantId, Recovered),
    /// Its next records, in order.
    Records(TenantId, Vec<Record>),
    /// An append is durable.
    Acknowledged(TenantId, AppendId),
    /// The tenant's journal is not ours any more.
    Revoked(TenantId),
    /// The tenant cannot go on, for this reason.
    Failed(TenantId, String),
}

/// What a new owner knows of the owner before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The last cause on the triggers topic: effects up to it are withheld.
    pub last_cause: Option<Cause>,
    /// The group's committed offset: every effect from before it is acknowledged.
    pub committed: u64,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Append these to that topic of the tenant, and say when they are durable.
    Append(TenantId, AppendId, TopicKind, Vec<NewRecord>),
    /// Everything before this journal offset is done.
    Commit(TenantId, u64),
    /// Read no more of this tenant's journal for now.
    Pause(TenantId),
    /// Read on.
    Resume(TenantId),
    /// Read no more of it at all; others go on. The reason is for the operator.
    Halt(TenantId, String),
}

/// All tenants this worker owns.
#[derive(Debug, Default)]
pub struct Core {
    tenants: BTreeMap<TenantId, TenantCore>,
    next_append: AppendId,
}

impl Core {
    /// A worker that owns nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one input in; adds what follows from it.
    pub fn step(&mut self, input: Input, outputs: &mut Vec<Output>) {
        match input {
            Input::Assigned(tenant, recovered) => {
                self.tenants.insert(tenant.clone(), TenantCore::new(tenant, recovered));
            }
            Input::Records(tenant, records) => {
                if let Some(core) = self.tenants.get_mut(&tenant) {
                    core.records(records, &mut self.next_append, outputs);
                }
            }
            Input::Acknowledged(tenant, id) => {
                if let Some(core) = self.tenants.get_mut(&tenant) {
                    core.acknowledged(id, outputs);
                }
            }
            Input::Failed(tenant, reason) => {
                if let Some(core) = self.tenants.get_mut(&tenant) {
                    core.halt(reason, outputs);
                }
            }
            Input::Revoked(tenant) => {
                self.tenants.remove(&tenant);
            }
        }
    }

    /// The tenant's event time, for people.
    #[must_use]
    pub fn watermark(&self, tenant: &TenantId) -> Option<Timestamp> {
        self.tenants.get(tenant)?.watermark()
    }
}
