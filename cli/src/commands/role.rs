//! What the commands that run a role share.

use std::process::ExitCode;
use std::sync::Arc;

use bellwether_producers::Summary;
use bellwether_roles::drain::Drain;
use bellwether_roles::{Job, check, follows, logins, topics};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Access, LogError, lag};
use bellwether_runtime::ping::Ping;
use bellwether_runtime::roles::{Context, Group, Role};
use bellwether_schemas::TenantId;
use bellwether_sinks::operator::{Teller, Telling};
use tokio::sync::watch;

use crate::output::{note, tell};
use crate::wiring::Process;

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
    let tenants = process.tenants_named(&how.tenants)?;
    process.demand(&tenants, |tenant| check(role, tenant))?;
    let log = process.log(Access::Write)?;
    let shutdown = Process::shutdown()?;
    if !follows(role) || !how.tenants.is_empty() || how.drain {
        topics::ensure(&log, process.missing_topics(), &tenants).await?;
    }
    process.serve_metrics(&shutdown).await?;
    let served = if follows(role) && how.tenants.is_empty() {
        process.watch_tenants(&shutdown)?
    } else {
        watch::channel(Arc::new(tenants.clone())).1
    };
    let served = topics::served(log.clone(), process.missing_topics(), served, shutdown.clone()).await?;
    let mut context = Context::new(log, served, process.clock.clone(), shutdown);
    if let Some(group) = role.group() {
        if how.drain {
            stop_when_drained(&context, group, &tenants).await?;
        }
        measure_lag(process, &context, group);
    }
    let telling = watch_over(process, role, &mut context);
    let logins = tokio::spawn(logins::refuse_wrong(role, tenants, context.shutdown.clone()));
    let ran = job.run(context, Arc::new(report)).await;
    if let Some(telling) = telling {
        telling.finish().await;
    }
    logins.await??;
    ran?;
    Ok(ExitCode::SUCCESS)
}

/// Whom the operator's section names is told what goes wrong, and what it names is called while nothing does.
fn watch_over(process: &Process, role: Role, context: &mut Context) -> Option<Telling> {
    let operator = &process.config.operator;
    if let Some(address) = operator.ping.get(&role) {
        let ping = Ping::new(role, address.clone(), context.progress.clone());
        tokio::spawn(ping.run(context.shutdown.clone()));
    }
    let (teller, incidents) = Teller::new(operator, context.tenants.clone(), context.clock.clone())?;
    context.incidents = incidents;
    Some(teller.start())
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
