//! Looks at tenants' files again and again, and says what became of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bellwether_schemas::TenantId;
use tokio::signal::unix::Signal;
use tokio::sync::watch;

use crate::config::{Tenant, tenant_file};
use crate::incident::{IncidentKind, Incidents};
use crate::shutdown::Shutdown;

use super::{Directory, Reading};

/// Between two looks at the directory.
const LOOK: Duration = Duration::from_secs(2);

pub(super) struct Watcher {
    directory: Directory,
    incidents: Incidents,
    /// What was said of each file that is bad, so that it is said once.
    told: BTreeMap<PathBuf, String>,
}

impl Watcher {
    pub(super) const fn new(directory: Directory, incidents: Incidents) -> Self {
        Self { directory, incidents, told: BTreeMap::new() }
    }

    pub(super) async fn run(
        mut self,
        tenants: watch::Sender<Arc<Vec<Tenant>>>,
        mut hangup: Signal,
        shutdown: Shutdown,
    ) {
        loop {
            tokio::select! {
                () = shutdown.raised() => return,
                () = tokio::time::sleep(LOOK) => {}
                _ = hangup.recv() => {}
            }
            let running = tenants.borrow().clone();
            let directory = self.directory.clone();
            let look = move || directory.reload(&running);
            let Ok(reading) = tokio::task::spawn_blocking(look).await else { return };
            self.tell(&reading);
            let next = reading.tenants;
            tenants.send_if_modified(|running| {
                let changed = **running != next;
                if changed {
                    tell_changes(running, &next);
                    *running = Arc::new(next);
                }
                changed
            });
        }
    }

    /// Says what is new of bad files.
    pub(super) fn tell(&mut self, reading: &Reading) {
        let bad: BTreeMap<PathBuf, String> =
            reading.bad.iter().map(|(file, error)| (file.clone(), error.to_string())).collect();
        for (file, reason) in &bad {
            if self.told.get(file) != Some(reason) {
                tracing::error!(
                    file = %file.display(), reason,
                    "a tenant's file is not used: what was known of it stays, and where nothing was it is left out"
                );
            }
            if let Some(tenant) = whose(file) {
                self.incidents.begin(IncidentKind::BadFile, &tenant, reason);
            }
        }
        let is_good = |tenant: &&Tenant| !bad.contains_key(&tenant_file(&self.directory.dir, &tenant.id));
        for tenant in reading.tenants.iter().filter(is_good) {
            self.incidents.end(IncidentKind::BadFile, &tenant.id);
        }
        self.told = bad;
    }
}

fn whose(file: &Path) -> Option<TenantId> {
    file.extension()?;
    file.file_stem()?.to_str()?.parse().ok()
}

fn tell_changes(before: &[Tenant], after: &[Tenant]) {
    let find = |tenants: &[Tenant], id| tenants.iter().position(|tenant| tenant.id == id);
    for tenant in after {
        match find(before, tenant.id.clone()) {
            None => tracing::info!(tenant.id = %tenant.id, "a tenant was added"),
            Some(at) if before[at] != *tenant => {
                tracing::info!(tenant.id = %tenant.id, revision = tenant.revision, "a tenant's file changed");
            }
            Some(_) => {}
        }
    }
    for gone in before.iter().filter(|tenant| find(after, tenant.id.clone()).is_none()) {
        tracing::info!(tenant.id = %gone.id, "a tenant was removed");
    }
}
