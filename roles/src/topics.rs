//! The tenants whose topics are all there: a role is given no others, so that one whose topics are missing keeps
//! nobody else from being served.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Log, LogError, blocking};
use bellwether_runtime::roles::TenantSet;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::Topic;
use tokio::sync::watch;

/// Between two looks for topics that are missing.
const LOOK: Duration = Duration::from_secs(1);

/// What is done about a topic that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is made: the log is this machine's own.
    Made,
    /// It is waited for: brokers serve others too, so there `topics apply` makes it.
    Awaited,
}

/// Follows the tenants, and passes on those whose topics are all there.
///
/// # Errors
/// Nobody can be served: topics of every tenant are missing, or the log is out of reach.
pub async fn served(
    log: Arc<dyn Log>,
    missing: Missing,
    mut tenants: TenantSet,
    shutdown: Shutdown,
) -> Result<TenantSet, LogError> {
    let mut look = Look { log, missing, told: BTreeSet::new() };
    let all = tenants.borrow_and_update().clone();
    let first = look.at(all).await?;
    if let (true, Some(topic)) = (first.is_empty(), look.told.first()) {
        return Err(LogError::UnknownTopic { topic: topic.to_string() });
    }
    let (sender, receiver) = watch::channel(Arc::new(first));
    tokio::spawn(look.follow(tenants, sender, shutdown));
    Ok(receiver)
}

/// Creates every topic of these tenants that is missing, or refuses the first that is.
///
/// # Errors
/// A topic is missing, or the log is out of reach.
pub async fn ensure(log: &Arc<dyn Log>, missing: Missing, tenants: &[Tenant]) -> Result<(), LogError> {
    let (log, tenants) = (Arc::clone(log), tenants.to_vec());
    blocking(move || make_or_refuse(log.as_ref(), missing, &tenants)).await?
}

fn make_or_refuse(log: &dyn Log, missing: Missing, tenants: &[Tenant]) -> Result<(), LogError> {
    for topic in tenants.iter().flat_map(|tenant| Topic::all(&tenant.id)) {
        match missing {
            Missing::Made => drop(log.create(&topic)?),
            Missing::Awaited => drop(log.bounds(&topic)?),
        }
    }
    Ok(())
}

struct Look {
    log: Arc<dyn Log>,
    missing: Missing,
    /// What is missing and was said to be.
    told: BTreeSet<Topic>,
}

impl Look {
    async fn follow(
        mut self,
        mut tenants: TenantSet,
        served: watch::Sender<Arc<Vec<Tenant>>>,
        shutdown: Shutdown,
    ) {
        let (mut come_and_go, mut again) = (true, !self.told.is_empty());
        loop {
            tokio::select! {
                () = shutdown.raised() => return,
                changed = tenants.changed(), if come_and_go => come_and_go = changed.is_ok(),
                () = tokio::time::sleep(LOOK), if again => {}
            }
            let all = tenants.borrow_and_update().clone();
            let found = self.at(all).await;
            again = found.is_err() || !self.told.is_empty();
            // While the log cannot be asked, those that are served stay so.
            if let Ok(found) = found {
                served.send_if_modified(|served| {
                    let changed = **served != found;
                    *served = Arc::new(found);
                    changed
                });
            }
        }
    }

    /// Those of the tenants whose topics are all there.
    async fn at(&mut self, tenants: Arc<Vec<Tenant>>) -> Result<Vec<Tenant>, LogError> {
        let (log, missing, all) = (Arc::clone(&self.log), self.missing, Arc::clone(&tenants));
        let existing = move || {
            if missing == Missing::Made {
                make_or_refuse(log.as_ref(), missing, &all)?;
            }
            log.topics()
        };
        let existing: BTreeSet<Topic> = blocking(existing).await??.into_iter().collect();
        let lacks =
            |tenant: &Tenant| Topic::all(&tenant.id).into_iter().find(|topic| !existing.contains(topic));
        let lacking: BTreeSet<Topic> = tenants.iter().filter_map(lacks).collect();
        for topic in lacking.difference(&self.told) {
            tracing::warn!(
                tenant.id = %topic.tenant, log.topic = %topic,
                "a topic is missing, so its tenant is not served yet: `topics apply` makes it"
            );
        }
        self.told = lacking;
        Ok(tenants.iter().filter(|tenant| lacks(tenant).is_none()).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bellwether_runtime::clock::Clock;
    use bellwether_runtime::config::load_tenant;
    use bellwether_runtime::log::{Access, open};
    use bellwether_schemas::TopicKind;

    use super::*;

    fn tenants() -> Vec<Tenant> {
        let file = |id| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tenants/{id}.toml"));
        ["fxlabs", "hextech"].map(|id| load_tenant(&file(id), &|_| None).unwrap()).into()
    }

    fn log(dir: &tempfile::TempDir) -> Arc<dyn Log> {
        open(&format!("embedded:{}", dir.path().display()), Access::Write, Clock::system()).unwrap()
    }

    fn ids(served: &TenantSet) -> Vec<String> {
        served.borrow().iter().map(|tenant| tenant.id.to_string()).collect()
    }

    #[tokio::test]
    async fn a_tenant_without_its_topics_keeps_nobody_else_from_being_served_and_is_taken_up_once_it_has_them()
     {
        let (dir, shutdown, tenants) = (tempfile::tempdir().unwrap(), Shutdown::new(), tenants());
        let log = log(&dir);
        ensure(&log, Missing::Made, &tenants[..1]).await.unwrap();
        let readings = Topic::new(&tenants[1].id, TopicKind::Readings);
        for topic in Topic::all(&tenants[1].id).iter().filter(|topic| **topic != readings) {
            log.create(topic).unwrap();
        }
        let (_files, all) = watch::channel(Arc::new(tenants));
        let mut served = served(Arc::clone(&log), Missing::Awaited, all, shutdown.clone()).await.unwrap();
        assert_eq!(ids(&served), ["fxlabs"]);
        log.create(&readings).unwrap();
        tokio::time::timeout(Duration::from_secs(30), served.changed()).await.unwrap().unwrap();
        assert_eq!(ids(&served), ["fxlabs", "hextech"]);
        shutdown.raise();
    }

    #[tokio::test]
    async fn where_nobody_has_topics_the_first_that_is_missing_is_the_error() {
        let (dir, shutdown) = (tempfile::tempdir().unwrap(), Shutdown::new());
        let (_files, all) = watch::channel(Arc::new(tenants()));
        let refused = served(log(&dir), Missing::Awaited, all, shutdown).await.err().unwrap();
        assert!(matches!(refused, LogError::UnknownTopic { topic } if topic == "fxlabs.journal.v1"));
    }
}
