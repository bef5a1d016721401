//! Looking for what operators decided, for tenants that stand: beside the thread that reads and commits.

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::jobs::{Done, Jobs};
use bellwether_runtime::log::Log;
use bellwether_schemas::TenantId;

use crate::core::Input;

/// Journals that are looked into at once: on Kafka each takes a client of its own where it has grown.
const AT_ONCE: usize = 4;

/// The looks that the core asked for, by the journal offset that each begins at: how far it looked, and whether anything
/// was decided.
pub(crate) struct Looks(Jobs<u64, (u64, bool)>);

impl Default for Looks {
    fn default() -> Self {
        Self(Jobs::new("look", AT_ONCE))
    }
}

impl Looks {
    /// For decisions from that journal offset on.
    pub(crate) fn ask(&mut self, log: Arc<dyn Log>, tenant: TenantId, from: u64) {
        let whose = tenant.clone();
        self.0.ask(tenant, from, Duration::ZERO, move |_| look(log.as_ref(), &whose, from));
    }

    /// The tenant is given up.
    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.0.cancel(tenant);
    }

    /// Begins what waits, as far as there is room; says what was found.
    pub(crate) fn turn(&mut self) -> Vec<Input> {
        self.0.turn().into_iter().map(found).collect()
    }
}

/// One that came to nothing found nothing: it is looked again.
fn found(done: Done<u64, (u64, bool)>) -> Input {
    let Done { tenant, id: from, result } = done;
    let (read_to, is_decided) = result.unwrap_or((from, false));
    Input::Looked(tenant, read_to, is_decided)
}

/// A log that is out of reach holds no decision yet: it is looked into again.
fn look(log: &dyn Log, tenant: &TenantId, from: u64) -> (u64, bool) {
    match Decisions::collect(log, tenant, from) {
        Ok(decisions) => (decisions.read_to(), !decisions.is_empty()),
        Err(_) => (from, false),
    }
}
