//! What the commands that run a role share.

use std::process::ExitCode;
use std::sync::Arc;

use bellwether_producers::Summary;
use bellwether_roles::drain::Drain;
use bellwether_roles::{Job, check, follows, logins, topics};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::incident::Incidents;
use bellwether_runtime::log::{Access, LogError, held_back, lag};
use bellwether_runtime::ping::Ping;
use bellwether_runtime::roles::{Context, Group, Role};
use bellwether_schemas::{TenantId, Topic};
use bellwether_sinks::operator::Teller;
use clap::Args;
use tokio::sync::watch;

use crate::output::{note, tell};
use crate::wiring::Process;

/// Whom a role serves.
#[derive(Args)]
pub(crate) struct Whose {
    /// Whose. Repeatable: nothing of any other is read, neither file nor secret nor topic. Without it every tenant's.
    #[arg(long, value_name = "T")]
    pub(super) tenant: Vec<TenantId>,
}

/// How a role is run.
#[derive(Default)]
pub(super) struct How {
    /// For these tenants alone; none named: for all there are.
    pub(super) tenants: Vec<TenantId>,
    /// Until everything there is now has been read.
    pub(super) drain: bool,
}

/// Runs the job until it has ended or a stop is asked for, with the process's endpoint and figures beside it.
pub(super) async fn run(process: &Process, job: Job, how: How) -> anyhow::Result<ExitCode> {
    let role = job.role();
    let directory = process.directory(&how.tenants);
    let tenants = directory.load()?;
    process.demand(&tenants, |tenant| check(role, tenant))?;
    let log = process.log(Access::Write)?;
    let shutdown = Process::shutdown()?;
    process.serve_metrics(&shutdown).await?;
    let (incidents, news) = Incidents::new(process.clock.clone());
    let (files, left_out) = if follows(role) && !how.drain {
        (directory.watch(incidents.clone(), shutdown.clone())?, Vec::new())
    } else {
        let (whole, left_out) = topics::whole(log.clone(), process.missing_topics(), &tenants).await?;
        refuse_if_nobody(&whole, &left_out)?;
        (watch::channel(Arc::new(whole)).1, left_out)
    };
    let telling = Teller::new(&process.config.operator, news, files.clone(), process.clock.clone());
    let telling = telling.map(Teller::start);
    let drained = files.borrow().clone();
    let missing = process.missing_topics();
    let served = topics::served(log.clone(), missing, files, incidents.clone(), shutdown.clone()).await?;
    let snapshot_every = process.config.process.snapshot_every;
    let base = Context::new(log, served, process.clock.clone(), shutdown);
    let context = Context { incidents, snapshot_every, ..base };
    if let Some(group) = role.group() {
        if how.drain {
            stop_when_drained(&context, group, &drained).await?;
        }
        measure_lag(process, &context, group);
        watch_transactions(&context, group);
    }
    call_while_well(process, role, &context);
    let logins = tokio::spawn(logins::refuse_wrong(role, tenants, context.shutdown.clone()));
    let ran = job.run(context, Arc::new(report)).await;
    if let Some(telling) = telling {
        telling.finish().await;
    }
    logins.await??;
    ran?;
    left_out.first().map_or(Ok(ExitCode::SUCCESS), |topic| Err(missing_topic(topic).into()))
}

/// One that ends with what it was given has nothing to wait for.
fn refuse_if_nobody(whole: &[Tenant], left_out: &[Topic]) -> Result<(), LogError> {
    match left_out.first() {
        Some(topic) if whole.is_empty() => Err(missing_topic(topic)),
        _ => Ok(()),
    }
}

fn missing_topic(topic: &Topic) -> LogError {
    LogError::UnknownTopic { topic: topic.to_string() }
}

/// What the operator's section names is called while nothing goes wrong.
fn call_while_well(process: &Process, role: Role, context: &Context) {
    if let Some(address) = process.config.operator.ping.get(&role) {
        let ping = Ping::new(role, address.clone(), context.progress.clone());
        tokio::spawn(ping.run(context.shutdown.clone()));
    }
}

/// Raises the context's stop once the group has read every tenant's topic to where it ends now.
async fn stop_when_drained(context: &Context, group: Group, tenants: &[Tenant]) -> Result<(), LogError> {
    let drain = Drain::begin(context.log.clone(), group, tenants).await?;
    let shutdown = context.shutdown.clone();
    tokio::spawn(async move {
        if let Err(error) = drain.end().await {
            tracing::error!(log.group = group.name, error = %error, "it is not known what is drained");
        }
        shutdown.raise();
    });
    Ok(())
}

/// Where metrics are asked for, the group's lag is one of them.
fn measure_lag(process: &Process, context: &Context, group: Group) {
    if process.config.telemetry.metrics.is_some() {
        let Context { log, tenants, shutdown, .. } = context.clone();
        tokio::spawn(lag::measure(log, group.name.into(), group.reads, tenants, shutdown));
    }
}

/// Of others, in what the group reads: nobody can read behind one that is open.
fn watch_transactions(context: &Context, group: Group) {
    let Context { log, tenants, incidents, shutdown, .. } = context.clone();
    tokio::spawn(held_back::watch(log, group.reads, tenants, incidents, shutdown));
}

fn report(tenant: &TenantId, summary: &Summary) {
    if summary.unreadable_total > 0 {
        note(&format!("{tenant}: {} unreadable lines were left out\n", summary.unreadable_total));
    }
    // Told where nobody may be listening: what was published stays so.
    let _ = tell(&format!(
        "{tenant}: {} ticks, {} bars of history, {} heartbeats; stopped because {}\n",
        summary.ticks, summary.bars, summary.heartbeats, summary.ended
    ));
}
