//! The roles, started from the last to the first and drained from the first to the last.

use std::sync::Arc;
use std::time::Duration;

use bellwether_producers::calendar::Looks;
use bellwether_producers::{Summary, journal_view};
use bellwether_roles::drain::Drain;
use bellwether_roles::{Job, Production};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::incident::Incidents;
use bellwether_runtime::log::Log;
use bellwether_runtime::roles::{Context, Role};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use super::morning::Morning;
use super::{DemoError, Member, Options, Result, market, stored};

/// What reads what others wrote, in the order in which a record passes it.
const READERS: [Job; 5] = [Job::Process, Job::Preview, Job::Rows, Job::Schedule, Job::Mail];
/// How long a role may take to finish what is under way.
const DRAIN: Duration = Duration::from_secs(60);
/// Between two looks whether something is done.
const LOOK: Duration = Duration::from_millis(50);

/// What the roles share.
pub(super) struct Run {
    pub(super) log: Arc<dyn Log>,
    pub(super) clock: Clock,
    pub(super) members: Vec<Member>,
    pub(super) options: Options,
    pub(super) morning: Option<Morning>,
}

/// Roles that are stopped together. Each task answers with the role that ended.
#[derive(Default)]
struct Running {
    tasks: JoinSet<Result<Role>>,
    stop: Shutdown,
}

impl Run {
    /// Starts every role, waits for the end of the run, and drains.
    pub(super) async fn until_done(&self, shutdown: &Shutdown) -> Result<()> {
        let mut readers = JoinSet::new();
        let stops: [Shutdown; READERS.len()] = std::array::from_fn(|_| Shutdown::new());
        for (job, stop) in READERS.into_iter().zip(&stops).rev() {
            self.start(&mut readers, job, stop);
        }
        let (mut alerts, mut markets) = (Running::default(), Running::default());
        self.start(&mut alerts.tasks, Job::Produce(Production::Alerts), &alerts.stop);
        self.start(&mut alerts.tasks, Job::Produce(Production::Calendar(Looks::OnAndOn)), &alerts.stop);
        // Alerts first: a market played as fast as possible would be over before they are in.
        self.await_alerts(&mut alerts).await?;
        let job = market::job(&self.options, self.clock.now());
        self.start(&mut markets.tasks, job, &markets.stop);
        let ended = self.wait(shutdown, &mut markets, &mut readers).await;
        let drained = self.drain([markets, alerts], &stops, readers).await;
        ended.and(drained)
    }

    /// Runs the job for every tenant.
    fn start(&self, tasks: &mut JoinSet<Result<Role>>, job: Job, stop: &Shutdown) {
        let tenants = watch::channel(Arc::new(self.tenants())).1;
        let base = Context::new(Arc::clone(&self.log), tenants, self.clock.clone(), stop.clone());
        // Nobody is mailed, and the endpoint shows them.
        let context = Context { incidents: Incidents::new(self.clock.clone()).0, ..base };
        tasks.spawn(async move {
            let role = job.role();
            let ran = job.run(context, Arc::new(report)).await;
            ran.map(|()| role).map_err(|source| DemoError::Job { role, source })
        });
    }

    fn tenants(&self) -> Vec<Tenant> {
        self.members.iter().map(|member| member.tenant.clone()).collect()
    }

    /// Waits until every alert of the tenants' tables is in their journals.
    async fn await_alerts(&self, alerts: &mut Running) -> Result<()> {
        let published = async {
            for member in &self.members {
                let wanted = stored::count_alerts(member).await?;
                within("alert changes", async || {
                    let view = journal_view::read(&self.log, &member.tenant.id).await?;
                    Ok(view.alerts.len() >= wanted)
                })
                .await?;
            }
            Ok(())
        };
        tokio::select! {
            published = published => published,
            Some(ended) = alerts.tasks.join_next() => Err(surprise(ended)),
        }
    }

    /// Until a stop is asked for, the time is over, every file is played, or a role breaks.
    async fn wait(
        &self,
        shutdown: &Shutdown,
        markets: &mut Running,
        readers: &mut JoinSet<Result<Role>>,
    ) -> Result<()> {
        let limit = self.options.run_for.unwrap_or(Duration::MAX);
        tokio::select! {
            Err(error) = self.pass_morning(shutdown) => Err(error),
            () = shutdown.raised() => Ok(()),
            () = tokio::time::sleep(limit) => Ok(()),
            ended = all(&mut markets.tasks) => ended,
            Some(ended) = readers.join_next() => Err(surprise(ended)),
        }
    }

    /// Never ends well by itself: what it does is done beside everything else.
    async fn pass_morning(&self, shutdown: &Shutdown) -> Result<()> {
        if let Some(morning) = &self.morning {
            morning.pass(self.clock.now(), shutdown).await?;
        }
        std::future::pending().await
    }

    /// Each role stops when it has done everything the one before it left.
    async fn drain(
        &self,
        producers: [Running; 2],
        stops: &[Shutdown; READERS.len()],
        mut readers: JoinSet<Result<Role>>,
    ) -> Result<()> {
        producers.iter().for_each(|producer| producer.stop.raise());
        let mut produced = Ok(());
        for mut producer in producers {
            produced = produced.and(all(&mut producer.tasks).await);
        }
        for (job, stop) in READERS.into_iter().zip(stops) {
            self.await_drained(&job).await?;
            stop.raise();
        }
        produced.and(all(&mut readers).await)
    }

    async fn await_drained(&self, job: &Job) -> Result<()> {
        if let Some(group) = job.role().group() {
            let drain = Drain::begin(Arc::clone(&self.log), group, &self.tenants()).await?;
            let drained = tokio::time::timeout(DRAIN, drain.end()).await;
            drained.map_err(|_| slow(job.role().name()))??;
        }
        if matches!(job, Job::Mail) {
            for member in &self.members {
                while_it_falls("the outbox", async || stored::mails_due(member).await).await?;
            }
        }
        Ok(())
    }
}

/// Looks again and again until it is so.
async fn within(what: &str, mut done: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let waiting = async {
        while !done().await? {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    tokio::time::timeout(DRAIN, waiting).await.unwrap_or_else(|_| Err(slow(what)))
}

/// Looks again and again until nothing is left. However much there is, each time so long may pass without it getting less.
async fn while_it_falls(what: &str, mut left: impl AsyncFnMut() -> Result<i64>) -> Result<()> {
    let mut least = left().await?;
    while least > 0 {
        let less = async {
            loop {
                tokio::time::sleep(LOOK).await;
                let now = left().await?;
                if now < least {
                    return Ok(now);
                }
            }
        };
        least = tokio::time::timeout(DRAIN, less).await.unwrap_or_else(|_| Err(slow(what)))?;
    }
    Ok(())
}

fn slow(what: &str) -> DemoError {
    DemoError::Slow { what: what.into(), reason: format!("not done within {} s", DRAIN.as_secs()) }
}

/// Waits for all of them; the first error is the answer.
async fn all(tasks: &mut JoinSet<Result<Role>>) -> Result<()> {
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        result = result.and(ended.map_err(panicked).and_then(|role| role.map(drop)));
    }
    result
}

fn surprise(ended: std::result::Result<Result<Role>, JoinError>) -> DemoError {
    match ended {
        Ok(Ok(role)) => DemoError::Ended { what: role.to_string(), reason: "nobody asked it to".into() },
        Ok(Err(error)) => error,
        Err(error) => panicked(error),
    }
}

fn panicked(error: JoinError) -> DemoError {
    DemoError::Ended { what: "a role".into(), reason: format!("it panicked: {error}") }
}

fn report(tenant: &TenantId, summary: &Summary) {
    if summary.unreadable_total > 0 {
        tracing::warn!(tenant.id = %tenant, lines = summary.unreadable_total, "unreadable lines left out");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_runs_every_role_that_reads_with_a_group_in_the_order_of_the_roles() {
        let reading: Vec<Role> = Role::ALL.iter().copied().filter(|role| role.group().is_some()).collect();
        assert_eq!(READERS.map(|job| job.role()).to_vec(), reading);
    }
}
