//! A market that is played to two tenants and folded, over whatever log.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod collector;
pub(crate) mod refusing;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwether_producers::Summary;
use bellwether_producers::play::Speed;
use bellwether_roles::topics::{Missing, served};
use bellwether_roles::{Job, MarketChoice, Production, Seed, SyntheticJob};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::incident::{Change, IncidentKey, Incidents, News};
use bellwether_runtime::log::Log;
use bellwether_runtime::roles::{Context, PROCESS, TenantSet};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn tenant(id: &str) -> Tenant {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tenants/{id}.toml"));
    load_tenant(&file, &|_| None).unwrap()
}

pub(crate) fn journal(tenant: &TenantId) -> Topic {
    Topic::new(tenant, TopicKind::Journal)
}

/// A market that is played without end to everybody.
pub(crate) fn market() -> Job {
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

pub(crate) struct World {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) served: TenantSet,
    pub(crate) news: News,
    roles: Vec<JoinHandle<()>>,
    /// What became of roles that have ended.
    ended: Arc<Mutex<Vec<String>>>,
    shutdown: Shutdown,
    _files: watch::Sender<Arc<Vec<Tenant>>>,
}

/// A test that fails stops the roles, too: its runtime waits for the worker's thread.
impl Drop for World {
    fn drop(&mut self) {
        self.shutdown.raise();
    }
}

impl World {
    /// Producer and worker run.
    pub(crate) async fn begin(log: Arc<dyn Log>, tenants: Vec<Tenant>) -> Self {
        let (_files, tenants) = watch::channel(Arc::new(tenants));
        let shutdown = Shutdown::new();
        let (incidents, news) = Incidents::new(Clock::system());
        let served = served(log.clone(), Missing::Made, tenants, incidents.clone(), shutdown.clone());
        let served = served.await.unwrap();
        let context = Context::new(log.clone(), served.clone(), Clock::system(), shutdown.clone());
        let context = Context { incidents, ..context };
        let ended = Arc::new(Mutex::new(Vec::new()));
        let run = |job: Job| {
            let (role, ended) = (job.role(), Arc::clone(&ended));
            let context = context.clone();
            tokio::spawn(async move {
                let ran = job.run(context, Arc::new(|_: &TenantId, _: &Summary| {})).await;
                ended.lock().unwrap().push(format!("{role}: {ran:?}"));
            })
        };
        let roles = vec![run(market()), run(Job::Process)];
        Self { log, served, news, roles, ended, shutdown, _files }
    }

    /// How far the tenant's journal is folded.
    fn folded(&self, tenant: &TenantId) -> u64 {
        self.log.committed(PROCESS.name, &journal(tenant)).unwrap().unwrap_or(0)
    }

    fn assert_nobody_ended(&self, before: &str) {
        let ended = self.ended.lock().unwrap();
        assert!(ended.is_empty(), "before {before}: {ended:?}");
    }

    pub(crate) async fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let wait = async {
            while !holds(self) {
                self.assert_nobody_ended(what);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(LIMIT, wait).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
    }

    pub(crate) async fn until_folded_further(&self, tenant: &TenantId) {
        let before = self.folded(tenant);
        self.until("the fold to go on", |world| world.folded(tenant) > before + 5).await;
    }

    /// The incidents that have begun since this was last asked.
    pub(crate) fn begun(&self) -> Vec<IncidentKey> {
        let begun = self.news.take().into_iter().filter(|(_, change)| matches!(change, Change::Began { .. }));
        begun.map(|(key, _)| key).collect()
    }

    /// Both end as they should.
    pub(crate) async fn stop(mut self) {
        self.shutdown.raise();
        for role in std::mem::take(&mut self.roles) {
            role.await.unwrap();
        }
        let ended = self.ended.lock().unwrap();
        assert!(ended.iter().all(|role| role.ends_with("Ok(())")), "{ended:?}");
    }
}
