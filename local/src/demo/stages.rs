//! The roles, started from the last to the first and drained from the first to the last.

use std::sync::Arc;
use std::time::Duration;

use bellwether_producers as producers;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Log, retention};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::{Topic, TopicKind};
use bellwether_sinks::{feed, mail, rows};
use bellwether_worker as worker;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

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
        tokio::spawn(retention::run(
            Arc::clone(&self.log),
            self.tenants(),
            self.clock.clone(),
            stops.sinks.clone(),
        ));
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
        let role = |role: &'static str| {
            move |error: bellwether_sinks::SinkError| DemoError::Role { role, reason: error.to_string() }
        };
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

    /// Settings and alerts first: a market played as fast as possible would be over before its alerts are in.
    async fn start_producers(&self, stops: &Stops) -> Result<(Roles, Roles)> {
        let (mut markets, mut changes) = (Roles::new(), Roles::new());
        let context = producers::Context {
            log: Arc::clone(&self.log),
            clock: self.clock.clone(),
            shutdown: stops.producers.clone(),
        };
        for member in &self.members {
            producers::settings::publish(&context, &member.tenant).await?;
            let (context, tenant) = (context.clone(), member.tenant.clone());
            changes.spawn(async move {
                producers::alert_changes::run(&context, &tenant).await?;
                Ok("alert changes")
            });
        }
        for member in &self.members {
            self.await_alerts(member).await?;
            let (context, member, options) = (context.clone(), member.clone(), self.options.clone());
            markets.spawn(
                async move { producing::market(&context, &member, &options).await.map(|()| "market") },
            );
        }
        Ok((markets, changes))
    }

    /// Waits until every alert of the tenant's tables is in its journal.
    async fn await_alerts(&self, member: &Member) -> Result<()> {
        let tenant = member.tenant.id.clone();
        let wanted = show::count_alerts(member).await?;
        within("alert changes", async || {
            let view = producers::journal_view::read(&self.log, &tenant).await?;
            Ok(view.alerts.len() >= wanted)
        })
        .await
    }

    /// Until a stop is asked for, the time is over, every file is played, or a role breaks.
    async fn wait(&self, shutdown: &Shutdown, markets: &mut Roles, roles: &mut Roles) -> Result<()> {
        let limit = self.options.run_for.unwrap_or(Duration::MAX);
        tokio::select! {
            () = shutdown.raised() => Ok(()),
            () = tokio::time::sleep(limit) => Ok(()),
            ended = all(markets) => ended,
            Some(ended) = roles.join_next() => Err(surprise(ended)),
        }
    }

    /// Each stage stops when it has done everything the stage before it left.
    async fn drain(
        &self,
        stops: &Stops,
        mut markets: Roles,
        mut changes: Roles,
        roles: &mut Roles,
    ) -> Result<()> {
        stops.producers.raise();
        let produced = all(&mut markets).await;
        let changed = all(&mut changes).await;
        self.await_group(worker::GROUP, TopicKind::Journal).await?;
        stops.worker.raise();
        self.await_group(&feed::group(rows::SINK), TopicKind::Triggers).await?;
        self.await_group(&feed::group(mail::SINK), TopicKind::Triggers).await?;
        for member in &self.members {
            within("the outbox", async || Ok(show::mails_due(member).await? == 0)).await?;
        }
        stops.sinks.raise();
        produced.and(changed).and(all(roles).await)
    }

    async fn await_group(&self, group: &str, kind: TopicKind) -> Result<()> {
        for member in &self.members {
            let topic = Topic::new(&member.tenant.id, kind);
            let next = self.log.bounds(&topic)?.next;
            within(group, async || Ok(self.log.committed(group, &topic)?.unwrap_or(0) >= next)).await?;
        }
        Ok(())
    }
}

/// Looks again and again until it is so.
async fn within(role: &str, mut done: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let waiting = async {
        while !done().await? {
            tokio::time::sleep(producing::LOOK).await;
        }
        Ok(())
    };
    let slow =
        || DemoError::Slow { role: role.into(), reason: format!("not done within {} s", DRAIN.as_secs()) };
    tokio::time::timeout(DRAIN, waiting).await.unwrap_or_else(|_| Err(slow()))
}

/// Waits for all of them; the first error is the answer.
async fn all(roles: &mut Roles) -> Result<()> {
    let mut result = Ok(());
    while let Some(ended) = roles.join_next().await {
        result = result.and(ended.map_err(panicked).and_then(|role| role.map(drop)));
    }
    result
}

fn surprise(ended: std::result::Result<Result<&'static str>, JoinError>) -> DemoError {
    match ended {
        Ok(Ok(role)) => DemoError::Role { role, reason: "nobody asked it to".into() },
        Ok(Err(error)) => error,
        Err(error) => panicked(error),
    }
}

fn panicked(error: JoinError) -> DemoError {
    DemoError::Role { role: "a role", reason: format!("it panicked: {error}") }
}
