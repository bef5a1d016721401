//! Recoveries, beside the thread that reads and commits.

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::jobs::{Done, Jobs};
use bellwether_runtime::log::Log;
use bellwether_schemas::TenantId;

use crate::PreviewError;
use crate::core::{Input, Number, Recovered};
use crate::recovery::recover;

/// Tenants that are recovered at once: each folds thirty days.
const AT_ONCE: usize = 2;

type Found = Result<Option<Recovered>, PreviewError>;

/// The recoveries that the core asked for.
pub(crate) struct Recoveries(Jobs<Number, Found>);

impl Default for Recoveries {
    fn default() -> Self {
        Self(Jobs::new("minutes", AT_ONCE))
    }
}

impl Recoveries {
    pub(crate) fn ask(&mut self, log: Arc<dyn Log>, tenant: TenantId, id: Number, wait: Duration) {
        let whose = tenant.clone();
        let work = move |is_stopped: &dyn Fn() -> bool| recover(log.as_ref(), &whose, is_stopped);
        self.0.ask(tenant, id, wait, move |cancelled| work(&|| cancelled.is_raised()));
    }

    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.0.cancel(tenant);
    }

    pub(crate) fn cancel_all(&mut self) {
        self.0.cancel_all();
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.0.is_running()
    }

    /// Begins what is due, as far as there is room; gives what was found.
    pub(crate) fn turn(&mut self) -> Vec<Input> {
        self.0.turn().into_iter().filter_map(found).collect()
    }
}

/// None of one that was told to end.
fn found(done: Done<Number, Found>) -> Option<Input> {
    let Done { tenant, id, result } = done;
    let found = match result {
        Ok(Ok(found)) => Ok(Box::new(found?)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(format!("folding its minutes failed: {error}")),
    };
    Some(Input::Recovered(tenant, id, found))
}
