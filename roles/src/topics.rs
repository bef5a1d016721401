//! The tenants whose topics are all there: a role is given no others, so that one whose topics are missing keeps
//! nobody else from being served.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::log::{Log, LogError, blocking};
use bellwether_runtime::roles::TenantSet;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::{TenantId, Topic};
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

/// Why a tenant is not served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unfit {
    /// That topic of it is missing.
    Missing(Topic),
    /// That topic of it was given so many partitions.
    Divided(Topic, usize),
}

impl Unfit {
    const fn topic(&self) -> &Topic {
        let (Self::Missing(topic) | Self::Divided(topic, _)) = self;
        topic
    }
}

impl From<Unfit> for LogError {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Missing(topic) => Self::UnknownTopic { topic: topic.to_string() },
            Unfit::Divided(topic, count) => Self::Partitions { topic: topic.to_string(), count },
        }
    }
}

/// Follows the tenants, and passes on those whose topics are all there, in one partition each. A topic that is deleted
/// or divided takes its tenant, and nobody else, until it is as it has to be; where nobody has topics, they are waited
/// for.
///
/// # Errors
/// The log is out of reach.
pub async fn served(
    log: Arc<dyn Log>,
    missing: Missing,
    mut tenants: TenantSet,
    incidents: Incidents,
    shutdown: Shutdown,
) -> Result<TenantSet, LogError> {
    let mut look = Look::new(log, missing, incidents);
    let all = tenants.borrow_and_update().clone();
    let first = look.at(&all).await?;
    if first.is_empty() && !all.is_empty() {
        tracing::warn!("no tenant has all of its topics: waiting until one has");
    }
    let (sender, receiver) = watch::channel(Arc::new(first));
    tokio::spawn(look.follow(tenants, sender, shutdown));
    Ok(receiver)
}

/// Those of the tenants whose topics are all there now, and why each of the others is left out, which is said.
///
/// # Errors
/// The log is out of reach.
pub async fn whole(
    log: Arc<dyn Log>,
    missing: Missing,
    tenants: &[Tenant],
) -> Result<(Vec<Tenant>, Vec<Unfit>), LogError> {
    let mut look = Look::new(log, missing, Incidents::default());
    let whole = look.at(tenants).await?;
    Ok((whole, look.told.into_iter().collect()))
}

/// Creates every topic of these tenants that is missing, or refuses the first that is.
///
/// # Errors
/// A topic is missing or has several partitions, or the log is out of reach.
pub async fn ensure(log: &Arc<dyn Log>, missing: Missing, tenants: &[Tenant]) -> Result<(), LogError> {
    let (log, tenants) = (Arc::clone(log), tenants.to_vec());
    let lacking = blocking(move || {
        let made = |_: &TenantId| missing == Missing::Made;
        unfit(log.as_ref(), tenants.iter().map(|tenant| &tenant.id), made)
    });
    match lacking.await??.pop_first() {
        Some((_, unfit)) => Err(unfit.into()),
        None => Ok(()),
    }
}

/// What is wrong with a topic of each tenant that cannot be served; those of tenants that may be given them are made.
fn unfit<'a>(
    log: &dyn Log,
    tenants: impl Iterator<Item = &'a TenantId>,
    made: impl Fn(&TenantId) -> bool,
) -> Result<BTreeMap<TenantId, Unfit>, LogError> {
    let existing: BTreeSet<Topic> = log.topics()?.into_iter().collect();
    let divided = log.divided()?;
    let mut unfit = BTreeMap::new();
    for tenant in tenants {
        let topics = Topic::all(tenant);
        if let Some((topic, count)) = topics.iter().find_map(|topic| divided.get_key_value(topic)) {
            unfit.insert(tenant.clone(), Unfit::Divided(topic.clone(), *count));
            continue;
        }
        let missing = topics.into_iter().filter(|topic| !existing.contains(topic));
        if made(tenant) {
            for topic in missing {
                log.create(&topic)?;
            }
        } else {
            unfit.extend(missing.take(1).map(|topic| (tenant.clone(), Unfit::Missing(topic))));
        }
    }
    Ok(unfit)
}

struct Look {
    log: Arc<dyn Log>,
    missing: Missing,
    incidents: Incidents,
    /// Whose topics were all there before. What is missing of them since was deleted, and is not made by us: its
    /// tenant would go on with an empty topic as if nothing had been.
    known: BTreeSet<TenantId>,
    /// A topic of each of these was missing when last looked at.
    suspected: BTreeSet<TenantId>,
    /// What is wrong and was said to be.
    told: BTreeSet<Unfit>,
}

impl Look {
    const fn new(log: Arc<dyn Log>, missing: Missing, incidents: Incidents) -> Self {
        Self {
            log,
            missing,
            incidents,
            known: BTreeSet::new(),
            suspected: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    async fn follow(
        mut self,
        mut tenants: TenantSet,
        served: watch::Sender<Arc<Vec<Tenant>>>,
        shutdown: Shutdown,
    ) {
        let mut come_and_go = true;
        loop {
            tokio::select! {
                () = shutdown.raised() => return,
                changed = tenants.changed(), if come_and_go => come_and_go = changed.is_ok(),
                () = tokio::time::sleep(LOOK) => {}
            }
            let all = tenants.borrow_and_update().clone();
            // While the log cannot be asked, those that are served stay so.
            if let Ok(found) = self.at(&all).await {
                served.send_if_modified(|served| {
                    let changed = **served != found;
                    *served = Arc::new(found);
                    changed
                });
            }
        }
    }

    /// Those of the tenants whose topics are all there.
    async fn at(&mut self, tenants: &[Tenant]) -> Result<Vec<Tenant>, LogError> {
        let unfit = self.unfit(tenants).await?;
        Ok(self.fit(tenants, unfit))
    }

    /// All but those of whom something is wrong, which is said when it is new.
    fn fit(&mut self, tenants: &[Tenant], unfit: BTreeMap<TenantId, Unfit>) -> Vec<Tenant> {
        // A broker that has just started may not know of every topic yet: what was there is gone when it is missing
        // twice. Partitions that are there stay.
        let is_sure = |tenant: &TenantId, unfit: &Unfit| {
            let is_known_missing = !self.known.contains(tenant) || self.suspected.contains(tenant);
            matches!(unfit, Unfit::Divided(..)) || is_known_missing
        };
        let sure: BTreeMap<TenantId, Unfit> = unfit
            .iter()
            .filter(|(tenant, unfit)| is_sure(tenant, unfit))
            .map(|(id, unfit)| (id.clone(), unfit.clone()))
            .collect();
        self.suspected = unfit.into_keys().collect();
        let served: Vec<Tenant> =
            tenants.iter().filter(|tenant| !sure.contains_key(&tenant.id)).cloned().collect();
        self.tell(sure.into_values().collect());
        self.known.retain(|known| tenants.iter().any(|tenant| tenant.id == *known));
        for tenant in &served {
            self.known.insert(tenant.id.clone());
            self.incidents.end(IncidentKind::MissingTopic, &tenant.id);
            self.incidents.end(IncidentKind::DividedTopic, &tenant.id);
        }
        served
    }

    async fn unfit(&self, tenants: &[Tenant]) -> Result<BTreeMap<TenantId, Unfit>, LogError> {
        let (log, missing, known) = (Arc::clone(&self.log), self.missing, self.known.clone());
        let tenants: Vec<TenantId> = tenants.iter().map(|tenant| tenant.id.clone()).collect();
        let made = move |tenant: &TenantId| missing == Missing::Made && !known.contains(tenant);
        blocking(move || unfit(log.as_ref(), tenants.iter(), made)).await?
    }

    fn tell(&mut self, unfit: BTreeSet<Unfit>) {
        for news in unfit.difference(&self.told) {
            let (topic, tenant) = (news.topic(), &news.topic().tenant);
            if let Unfit::Divided(..) = news {
                let error = LogError::from(news.clone());
                tracing::error!(
                    tenant.id = %tenant, log.topic = %topic, error = %error,
                    "a topic has several partitions: its tenant is not served until it has one, others are"
                );
                self.incidents.begin(IncidentKind::DividedTopic, tenant, error);
            } else if self.known.contains(tenant) {
                tracing::error!(
                    tenant.id = %tenant, log.topic = %topic,
                    "a topic was deleted: its tenant is stopped until it is there again, others go on"
                );
                self.incidents.begin(IncidentKind::MissingTopic, tenant, format_args!("{topic} was deleted"));
            } else {
                tracing::warn!(
                    tenant.id = %tenant, log.topic = %topic,
                    "a topic is missing, so its tenant is not served yet: `topics apply` makes it"
                );
            }
        }
        self.told = unfit;
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

    async fn follow(log: Arc<dyn Log>, missing: Missing, all: TenantSet, shutdown: &Shutdown) -> TenantSet {
        served(log, missing, all, Incidents::default(), shutdown.clone()).await.unwrap()
    }

    async fn changed(served: &mut TenantSet) {
        tokio::time::timeout(Duration::from_secs(30), served.changed()).await.unwrap().unwrap();
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
        let mut served = follow(Arc::clone(&log), Missing::Awaited, all, &shutdown).await;
        assert_eq!(ids(&served), ["fxlabs"]);
        log.create(&readings).unwrap();
        changed(&mut served).await;
        assert_eq!(ids(&served), ["fxlabs", "hextech"]);
        shutdown.raise();
    }

    #[tokio::test]
    async fn where_nobody_has_topics_they_are_waited_for() {
        let (dir, shutdown, tenants) = (tempfile::tempdir().unwrap(), Shutdown::new(), tenants());
        let log = log(&dir);
        let (_files, all) = watch::channel(Arc::new(tenants.clone()));
        let mut served = follow(Arc::clone(&log), Missing::Awaited, all, &shutdown).await;
        assert_eq!(ids(&served), [""; 0]);
        ensure(&log, Missing::Made, &tenants[1..]).await.unwrap();
        changed(&mut served).await;
        assert_eq!(ids(&served), ["hextech"]);
        shutdown.raise();
    }

    #[tokio::test]
    async fn a_topic_that_is_deleted_takes_its_tenant_alone_is_said_and_is_not_made_by_us() {
        let (dir, shutdown, tenants) = (tempfile::tempdir().unwrap(), Shutdown::new(), tenants());
        let log = log(&dir);
        let (incidents, news) = Incidents::new(Clock::system());
        let (_files, all) = watch::channel(Arc::new(tenants.clone()));
        let look = served(Arc::clone(&log), Missing::Made, all, incidents, shutdown.clone());
        let mut served = look.await.unwrap();
        assert_eq!(ids(&served), ["fxlabs", "hextech"]);
        let journal = Topic::new(&tenants[0].id, TopicKind::Journal);
        std::fs::remove_dir_all(dir.path().join(journal.to_string())).unwrap();
        changed(&mut served).await;
        assert_eq!(ids(&served), ["hextech"]);
        let key = (tenants[0].id.clone(), IncidentKind::MissingTopic);
        let told = |text: &str| {
            news.take().into_iter().any(|(of, change)| of == key && format!("{change:?}").contains(text))
        };
        assert!(told("fxlabs.journal.v1 was deleted"));
        assert!(matches!(log.bounds(&journal), Err(LogError::UnknownTopic { .. })), "nobody made it again");
        log.create(&journal).unwrap();
        changed(&mut served).await;
        assert_eq!((ids(&served).len(), told("Ended")), (2, true));
        assert_eq!(log.bounds(&journal).unwrap().next, 0, "it is a fresh one");
        shutdown.raise();
    }

    #[tokio::test]
    async fn for_a_role_that_ends_by_itself_those_left_out_are_named() {
        let (dir, tenants) = (tempfile::tempdir().unwrap(), tenants());
        let log = log(&dir);
        ensure(&log, Missing::Made, &tenants[1..]).await.unwrap();
        let (found, left_out) = whole(log, Missing::Awaited, &tenants).await.unwrap();
        assert_eq!(found, tenants[1..]);
        let missing = Topic::new(&tenants[0].id, Topic::all(&tenants[0].id)[0].kind);
        assert_eq!(left_out, [Unfit::Missing(missing)]);
    }

    #[test]
    fn a_topic_of_several_partitions_takes_its_tenant_alone_at_once_and_is_said_until_it_has_one() {
        let dir = tempfile::tempdir().unwrap();
        let (incidents, news) = Incidents::new(Clock::system());
        let mut look = Look::new(log(&dir), Missing::Awaited, incidents);
        let tenants = tenants();
        let journal = Topic::new(&tenants[0].id, TopicKind::Journal);
        let divided = BTreeMap::from([(tenants[0].id.clone(), Unfit::Divided(journal, 3))]);
        let told = |text: &str| {
            let key = (tenants[0].id.clone(), IncidentKind::DividedTopic);
            news.take().into_iter().any(|(of, change)| of == key && format!("{change:?}").contains(text))
        };
        // At a start.
        assert_eq!(look.fit(&tenants, divided.clone()), tenants[1..]);
        assert!(told("fxlabs.journal.v1 has 3 partitions and must have one"));
        assert_eq!(look.fit(&tenants, divided.clone()), tenants[1..]);
        assert!(!told(""), "it is said once");
        assert_eq!(look.fit(&tenants, BTreeMap::new()), tenants);
        assert!(told("Ended"));
        // And of one that is served.
        assert_eq!(look.fit(&tenants, divided), tenants[1..]);
        assert!(told("Began"));
    }
}
