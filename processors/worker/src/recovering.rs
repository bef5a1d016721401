//! Finding out what the owners before left behind, beside the thread that reads and commits.

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::jobs::{Done, JobError, Jobs};
use bellwether_runtime::log::Log;
use bellwether_schemas::TenantId;

use crate::core::{Input, NotRecovered, Recovered, RecoveryId};
use crate::recovery::look_behind;
use crate::snapshots::Shelf;

/// Tenants that are looked into at once: each takes a thread and, on Kafka, a client of its own.
const AT_ONCE: usize = 4;

type Found = Result<(Recovered, Shelf), NotRecovered>;

/// The recoveries that the core asked for.
pub(crate) struct Recoveries(Jobs<RecoveryId, Found>);

/// What came of looking into a tenant: for the core, and what its snapshots topic holds.
pub(crate) struct Answer {
    pub(crate) input: Input,
    pub(crate) shelf: Option<(TenantId, Shelf)>,
}

impl Default for Recoveries {
    fn default() -> Self {
        Self(Jobs::new("recover", AT_ONCE))
    }
}

impl Recoveries {
    /// To be found out after that wait.
    pub(crate) fn ask(&mut self, log: Arc<dyn Log>, tenant: TenantId, id: RecoveryId, wait: Duration) {
        let whose = tenant.clone();
        let look = move || look_behind(log.as_ref(), &whose).map_err(NotRecovered::from);
        self.0.ask(tenant, id, wait, move |_| look());
    }

    /// The tenant is given up.
    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.0.cancel(tenant);
    }

    /// Somebody is being looked into.
    pub(crate) fn is_running(&self) -> bool {
        self.0.is_running()
    }

    /// Begins what is due, as far as there is room; gives the answers there are.
    pub(crate) fn turn(&mut self) -> Vec<Answer> {
        self.0.turn().into_iter().map(answer).collect()
    }
}

fn answer(done: Done<RecoveryId, Found>) -> Answer {
    let Done { tenant, id, result } = done;
    let found = result.unwrap_or_else(|error| {
        Err(match error {
            JobError::NoThread(_) => NotRecovered::Unavailable(error.to_string()),
            JobError::Panicked => NotRecovered::Refused(format!("recovering it failed: {error}")),
        })
    });
    match found {
        Ok((recovered, shelf)) => Answer {
            shelf: Some((tenant.clone(), shelf)),
            input: Input::Recovered(tenant, id, Ok(recovered)),
        },
        Err(reason) => Answer { input: Input::Recovered(tenant, id, Err(reason)), shelf: None },
    }
}
