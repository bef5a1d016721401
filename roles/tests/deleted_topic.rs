//! A topic is deleted under the roles that use it: its tenant stops, everybody else goes on, and nobody ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwether_producers::Summary;
use bellwether_producers::play::Speed;
use bellwether_roles::topics::{Missing, served};
use bellwether_roles::{Job, MarketChoice, Production, Seed, SyntheticJob};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::incident::{Change, IncidentKind, Incidents};
use bellwether_runtime::log::{Access, Log, open};
use bellwether_runtime::roles::{Context, PROCESS, TenantSet};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_secs(60);

fn tenant(id: &str) -> Tenant {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tenants/{id}.toml"));
    load_tenant(&file, &|_| None).unwrap()
}

fn journal(tenant: &TenantId) -> Topic {
    Topic::new(tenant, TopicKind::Journal)
}

/// A market that is played without end to everybody.
fn market() -> Job {
    let job = SyntheticJob {
        market: MarketChoice { seed: Seed::Shared(7), ticks_a_minute: 6 },
        speed: Speed::new(3_000.0).unwrap(),
        start: "2026-03-04T00:00:00Z".parse().unwrap(),
        with_past: false,
        until: None,
        run_for: None,
    };
    Job::Produce(Production::Synthetic(job))
}

struct World {
    log: Arc<dyn Log>,
    served: TenantSet,
    roles: Vec<JoinHandle<()>>,
    /// What became of roles that have ended.
    ended: Arc<Mutex<Vec<String>>>,
    shutdown: Shutdown,
}

/// A test that fails stops the roles, too: its runtime waits for the worker's thread.
impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.raise();
    }
}

impl World {
    /// How far the tenant's journal is folded.
    fn folded(&self, tenant: &TenantId) -> u64 {
        self.log.committed(PROCESS.name, &journal(tenant)).unwrap().unwrap_or(0)
    }

    fn assert_nobody_ended(&self, before: &str) {
        let ended = self.ended.lock().unwrap();
        assert!(ended.is_empty(), "before {before}: {ended:?}");
    }

    async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                self.assert_nobody_ended(what);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
    }

    async fn until_folded_further(&self, tenant: &TenantId) {
        let before = self.folded(tenant);
        self.until("the fold to go on", |world| world.folded(tenant) > before + 5).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_deleted_stops_its_tenant_alone_in_producer_and_worker_and_a_fresh_one_is_taken_up()
{
    let dir = tempfile::tempdir().unwrap();
    let url = format!("embedded:{}", dir.path().display());
    let log = open(&url, Access::Write, Clock::system()).unwrap();
    let (fxlabs, hextech) = (tenant("fxlabs"), tenant("hextech"));
    let (gone, stays) = (fxlabs.id.clone(), hextech.id.clone());
    let (_files, tenants) = watch::channel(Arc::new(vec![fxlabs, hextech]));
    let shutdown = Shutdown::new();
    let (incidents, news) = Incidents::new(Clock::system());
    let served =
        served(log.clone(), Missing::Made, tenants, incidents.clone(), shutdown.clone()).await.unwrap();
    let context =
        Context { incidents, ..Context::new(log.clone(), served.clone(), Clock::system(), shutdown.clone()) };
    let ended = Arc::new(Mutex::new(Vec::new()));
    let run = |job: Job| {
        let (role, ended) = (job.role(), Arc::clone(&ended));
        let context = context.clone();
        tokio::spawn(async move {
            let ran = job.run(context, Arc::new(|_: &TenantId, _: &Summary| {})).await;
            ended.lock().unwrap().push(format!("{role}: {ran:?}"));
        })
    };
    let mut world = World { log, served, roles: vec![run(market()), run(Job::Process)], ended, shutdown };
    world.until_folded_further(&gone).await;
    world.until_folded_further(&stays).await;

    assert!(world.log.delete(&journal(&gone)).unwrap());
    world.until("the tenant to be left out", |world| world.served.borrow().len() == 1).await;
    world.until_folded_further(&stays).await;
    let begun: Vec<_> =
        news.take().into_iter().filter(|(_, change)| matches!(change, Change::Began { .. })).collect();
    assert!(begun.iter().any(|(key, _)| *key == (gone.clone(), IncidentKind::MissingTopic)), "{begun:?}");
    assert!(begun.iter().all(|((tenant, _), _)| *tenant == gone), "{begun:?}");

    // A journal alone that is made again is not the one that its tenant's snapshots were taken of: all goes, all comes.
    for topic in Topic::all(&gone) {
        let _ = world.log.delete(&topic).unwrap();
    }
    for topic in Topic::all(&gone) {
        assert!(world.log.create(&topic).unwrap());
    }
    world.until_folded_further(&gone).await;
    world.until_folded_further(&stays).await;
    world.shutdown.raise();
    for role in std::mem::take(&mut world.roles) {
        role.await.unwrap();
    }
    let ended = world.ended.lock().unwrap();
    assert!(ended.iter().all(|role| role.ends_with("Ok(())")), "{ended:?}");
}
