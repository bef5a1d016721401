//! The roles, started from the last to the first and drained from the first to the last.

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::Log;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::{Topic, TopicKind};
use bellwether_sinks::{feed, mail, rows};
use bellwether_worker as worker;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{DemoError, Member, Options, Result, producing, show};

/// How long a stage may take to finish what is under way.
const DRAIN: Duration = Duration::from_secs(60);

/// What the roles share.
pub(super) struct Run {
    pub(super) log: Arc<dyn Log>,
    pub(super) clock: Clock,
    pub(super) members: Vec<Member>,
    pub(super) options: Options,
}

/// One flag a stage: each is raised when the stage before it has drained.
#[derive(Default, Clone)]
struct Stops {
    producers: Shutdown,
    worker: Shutdown,
    sinks: Shutdown,
}

type Roles = JoinSet<Result<&'static str>>;

impl Run {
    /// Starts every role, waits for the end of the run, and drains.
    pub(super) async fn until_done(&self, shutdown: &Shutdown) -> Result<()> {
        let stops = Stops::default();
        let mut roles = Roles::new();
        self.start_sinks(&mut roles, &stops);
        self.start_worker(&mut roles, &stops);
        let (mut markets, changes) = self.start_producers(&stops).await?;
        let ended = self.wait(shutdown, &mut markets, &mut roles).await;
        let drained = self.drain(&stops, markets, changes, &mut roles).await;
        ended.and(drained)
    }

    fn start_sinks(&self, roles: &mut Roles, stops: &Stops) {
        let context = feed::Context {
            log: Arc::clone(&self.log),
            tenants: self.tenants(),
            clock: self.clock.clone(),
            shutdown: stops.sinks.clone(),
        };
        let role = |role: &'static str| move |error: bellwether_sinks::SinkError| DemoError::Role { role, reason: error.to_string() };
        let rows = context.clone();
        roles.spawn(async move { rows::run(rows).await.map(|()| "rows").map_err(role("the rows sink")) });
        roles.spawn(async move { mail::run(context).await.map(|()| "mail").map_err(role("the mail sink")) });
    }

    fn start_worker(&self, roles: &mut Roles, stops: &Stops) {
        let context = worker::Context {
            log: Arc::clone(&self.log),
            tenants: self.tenants(),
            shutdown: stops.worker.clone(),
        };
        roles.spawn(async move {
            let folded = tokio::task::spawn_blocking(move || worker::run(context)).await;
            folded.map_err(|_| worker::WorkerError::Panicked)?.map(|()| "worker").map_err(DemoError::from)
        });
    }

    fn tenants(&self) -> watch::Receiver<Arc<Vec<Tenant>>> {
        watch::channel(Arc::new(self.members.iter().map(|member| member.tenant.clone()).collect())).1
    }
}
