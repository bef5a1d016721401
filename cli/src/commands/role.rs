//! What the commands that run a role share.

use std::process::ExitCode;
use std::sync::Arc;

use bellwether_producers::Summary;
use bellwether_roles::drain::Drain;
use bellwether_roles::{Job, check, follows, logins, topics};
use bellwether_runtime::config::{ConfigError, Tenant};
use bellwether_runtime::incident::Incidents;
use bellwether_runtime::log::{Access, Log, LogError, held_back, lag};
use bellwether_runtime::ping::Ping;
use bellwether_runtime::progress::Progress;
use bellwether_runtime::roles::{Context, Group, Role, TenantSet};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_runtime::tenants::{Directory, Reading};
use bellwether_schemas::TenantId;
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
    let directory = process.directory(&how.tenants).demanding(move |tenant| fit(role, tenant));
    let shutdown = Process::shutdown()?;
    let (incidents, news) = Incidents::new(process.clock.clone());
    let files = Files::of(&directory, follows(role) && !how.drain, &incidents, &shutdown)?;
    let log = process.log(Access::Write)?;
    let progress = Progress::default();
    process.serve_metrics(&shutdown, progress.clone()).await?;
    let Chosen { files, left_out } = files.chosen(process, role, &log, &shutdown).await?;
    let telling = Teller::new(&process.config.operator, news, files.clone(), process.clock.clone());
    let telling = telling.map(Teller::start);
    let drained = files.borrow().clone();
    let missing = process.missing_topics();
    let served = topics::served(log.clone(), missing, files, incidents.clone(), shutdown.clone()).await?;
    let snapshot_every = process.config.process.snapshot_every;
    let base = Context::new(log, served, process.clock.clone(), shutdown);
    let context = Context { incidents, progress, snapshot_every, ..base };
    if let Some(group) = role.group() {
        if how.drain {
            stop_when_drained(&context, group, &drained).await?;
        }
        measure_lag(process, &context, group);
        watch_transactions(&context, group);
    }
    call_while_well(process, role, &context);
    let Context { tenants, incidents, shutdown, .. } = context.clone();
    let logins = tokio::spawn(logins::watch(role, tenants, incidents, shutdown.clone()));
    let ran = job.run(context, Arc::new(report)).await;
    shutdown.raise();
    if let Some(telling) = telling {
        telling.finish().await;
    }
    logins.await??;
    ran?;
    left_out.map_or(Ok(ExitCode::SUCCESS), Err)
}

/// What the tenant's file lacks for the role, in one line.
pub(super) fn fit(role: Role, tenant: &Tenant) -> Result<(), String> {
    check(role, tenant).map_err(|error| format!("{:#}", anyhow::Error::from(error)))
}

/// The tenants' files when the role starts.
enum Files {
    /// They are followed.
    Followed(TenantSet),
    /// They were read once: the role ends by itself.
    Read(Reading),
}

/// Whom the role serves.
struct Chosen {
    files: TenantSet,
    /// Why the role has not done all that it was asked for once it ends; it waited for nobody.
    left_out: Option<anyhow::Error>,
}

impl Files {
    fn of(
        directory: &Directory,
        followed: bool,
        incidents: &Incidents,
        shutdown: &Shutdown,
    ) -> Result<Self, ConfigError> {
        Ok(match followed {
            true => Self::Followed(directory.watch(incidents.clone(), shutdown.clone())?),
            false => Self::Read(directory.read()?),
        })
    }

    /// One that ends by itself serves who can be served now, and nobody else keeps it waiting.
    async fn chosen(
        self,
        process: &Process,
        role: Role,
        log: &Arc<dyn Log>,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Chosen> {
        let Reading { tenants, bad } = match self {
            Self::Followed(files) => return Ok(Chosen { files, left_out: None }),
            Self::Read(reading) => reading,
        };
        let (right, wrong) = logins::right(role, tenants, shutdown).await;
        let (whole, unfit) = topics::whole(log.clone(), process.missing_topics(), &right).await?;
        let bad = bad.into_values().map(anyhow::Error::from);
        let mut left_out: Vec<anyhow::Error> = bad.chain(wrong.into_iter().map(Into::into)).collect();
        for reason in &left_out {
            tracing::error!(error = format!("{reason:#}"), "a tenant is left out, and others are served");
        }
        left_out.extend(unfit.into_iter().next().map(|unfit| LogError::from(unfit).into()));
        let left_out = left_out.into_iter().next();
        match left_out {
            Some(error) if whole.is_empty() => Err(error),
            left_out => Ok(Chosen { files: watch::channel(Arc::new(whole)).1, left_out }),
        }
    }
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
