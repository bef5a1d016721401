//! Production for every tenant, as tenants come and go while it runs.

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_database as database;
use bellwether_producers::publish::PART;
use bellwether_producers::{
    FileRun, HistoryRun, ProducerContext, ProducerError, Summary, SyntheticRun, alert_changes, calendar,
    run_file, run_history, run_synthetic, settings,
};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::LogError;
use bellwether_runtime::roles::Context;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;
use tokio::task::JoinSet;

use crate::{FileJob, HistoryJob, Production, Report, RoleError, Seed, SyntheticJob};

/// Between two tries to produce for a tenant whose topics went away.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What came of producing for a tenant: none when it has no end of its own.
type Ended = Result<Option<Summary>, RoleError>;

/// Produces for each tenant until all have ended or a stop is asked for. The settings of those that are there at the
/// start are published first, and have to be accepted. Later, what fails for one tenant is told at once and costs no
/// other; the first such error is the answer when all have ended.
pub(crate) async fn run(production: Production, context: Context, report: Report) -> Result<(), RoleError> {
    let mut tenants = context.tenants.clone();
    let now = tenants.borrow_and_update().clone();
    let producing = ProducerContext {
        log: context.log,
        clock: context.clock,
        shutdown: context.shutdown.clone(),
        progress: context.progress,
    };
    let mut running = Running::new(production, producing, report);
    running.begin(&now).await?;
    let mut come_and_go = true;
    while !running.is_over(come_and_go) {
        tokio::select! {
            () = context.shutdown.raised(), if !running.stopping => running.stop(),
            changed = tenants.changed(), if come_and_go => {
                come_and_go = changed.is_ok();
                let now = tenants.borrow_and_update().clone();
                running.change(&now);
            }
            Some(ended) = running.tasks.join_next() => {
                let (tenant, ended) = ended.map_err(|_| RoleError::Panicked)?;
                running.settle(&tenant, ended);
            }
        }
    }
    running.failed.map_or(Ok(()), Err)
}

struct Running {
    production: Production,
    context: ProducerContext,
    report: Report,
    /// Of those under way or ended by themselves; a tenant that is gone is forgotten.
    stops: BTreeMap<TenantId, Shutdown>,
    tasks: JoinSet<(TenantId, Ended)>,
    stopping: bool,
    failed: Option<RoleError>,
}

impl Running {
    fn new(production: Production, context: ProducerContext, report: Report) -> Self {
        let (stops, tasks) = (BTreeMap::new(), JoinSet::new());
        Self { production, context, report, stops, tasks, stopping: false, failed: None }
    }

    /// Starts nothing before the settings of all are accepted: of two files that fight, neither is played.
    async fn begin(&mut self, tenants: &[Tenant]) -> Result<(), RoleError> {
        let mut announced = Vec::new();
        for tenant in tenants {
            announced.push(announce(&self.production, &self.context, tenant).await?);
        }
        for (tenant, announced) in tenants.iter().zip(announced) {
            self.start(tenant.clone(), announced);
        }
        Ok(())
    }

    /// Nothing is under way, and nothing more will be: a stop was asked for, everybody served has ended, or nobody
    /// can come any more.
    fn is_over(&self, come_and_go: bool) -> bool {
        self.tasks.is_empty() && (self.stopping || !self.stops.is_empty() || !come_and_go)
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.stops.values().for_each(Shutdown::raise);
    }

    /// Stops those that are gone and starts those that are new.
    fn change(&mut self, tenants: &[Tenant]) {
        self.stops.retain(|id, stop| {
            let stays = tenants.iter().any(|tenant| tenant.id == *id);
            if !stays {
                stop.raise();
            }
            stays
        });
        for tenant in tenants {
            if !self.stopping && !self.stops.contains_key(&tenant.id) {
                self.start(tenant.clone(), false);
            }
        }
    }

    fn start(&mut self, tenant: Tenant, announced: bool) {
        let stop = Shutdown::new();
        self.stops.insert(tenant.id.clone(), stop.clone());
        let context = ProducerContext { shutdown: stop, ..self.context.clone() };
        context.progress.moved(&tenant.id, PART);
        let production = self.production.clone();
        self.tasks.spawn(async move {
            let ended = for_tenant(&production, &context, &tenant, announced).await;
            (tenant.id, ended)
        });
    }

    /// The last error is the caller's to tell; one of a tenant beside others is told here.
    fn settle(&mut self, tenant: &TenantId, ended: Ended) {
        match ended {
            Ok(Some(summary)) => {
                (self.report)(tenant, &summary);
                self.context.progress.left(tenant, PART);
            }
            Ok(None) => self.context.progress.left(tenant, PART),
            Err(error) => {
                if self.failed.is_some() || !self.tasks.is_empty() {
                    tracing::error!(
                        tenant.id = %tenant, error = %error,
                        "nothing more is produced for a tenant: mend what is told and start again"
                    );
                }
                self.failed.get_or_insert(error);
            }
        }
    }
}

/// Produces for one tenant. Where its topics are not there, or go away, it waits for them.
async fn for_tenant(
    production: &Production,
    context: &ProducerContext,
    tenant: &Tenant,
    mut announced: bool,
) -> Ended {
    loop {
        if announced || announce(production, context, tenant).await? {
            match produce(production, context, tenant).await {
                Err(RoleError::Producer(ProducerError::Log(LogError::UnknownTopic { .. }))) => {}
                ended => return ended,
            }
        }
        announced = false;
        context.progress.parked(&tenant.id, PART);
        tracing::warn!(
            tenant.id = %tenant.id,
            "a tenant cannot be produced for while a topic of it is missing, and is tried again"
        );
        if context.shutdown.sleep(TRY_AGAIN).await {
            return Ok(None);
        }
    }
}

/// Publishes the tenant's settings; false while its journal is missing. What says nothing of the market leaves them to
/// those that do, who may be doing so at this moment.
async fn announce(
    production: &Production,
    context: &ProducerContext,
    tenant: &Tenant,
) -> Result<bool, RoleError> {
    if matches!(production, Production::Calendar(_)) {
        return Ok(true);
    }
    match settings::publish(context, tenant).await {
        Ok(_) => Ok(true),
        Err(ProducerError::Log(LogError::UnknownTopic { .. })) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn produce(production: &Production, context: &ProducerContext, tenant: &Tenant) -> Ended {
    Ok(match production {
        Production::File(job) => Some(run_file(context, job.of(tenant)).await?),
        Production::Synthetic(job) => {
            if job.with_past {
                run_history(context, job.past().of(tenant)).await?;
            }
            Some(run_synthetic(context, job.of(tenant)).await?)
        }
        Production::History(job) => Some(run_history(context, job.of(tenant)).await?),
        Production::Alerts => {
            database::check_configured(tenant)?;
            alert_changes::run(context, tenant).await?;
            None
        }
        Production::Calendar(looks) => {
            calendar::run(context, tenant, *looks).await?;
            None
        }
    })
}

impl FileJob {
    fn of(&self, tenant: &Tenant) -> FileRun {
        FileRun {
            tenant: tenant.id.clone(),
            inputs: self.inputs.clone(),
            options: self.options.of_tenant(&tenant.settings, &self.inputs),
            speed: self.speed,
            lateness_max: tenant.settings.lateness_max,
        }
    }
}

impl SyntheticJob {
    const fn past(&self) -> HistoryJob {
        HistoryJob { market: self.market, end: self.start }
    }

    fn of(&self, tenant: &Tenant) -> SyntheticRun {
        SyntheticRun {
            tenant: tenant.id.clone(),
            settings: tenant.settings.clone(),
            seed: self.market.seed.of(&tenant.id),
            ticks_a_minute: self.market.ticks_a_minute,
            speed: self.speed,
            start: self.start,
            until: self.until,
            run_for: self.run_for,
        }
    }
}

impl HistoryJob {
    fn of(&self, tenant: &Tenant) -> HistoryRun {
        HistoryRun {
            tenant: tenant.id.clone(),
            settings: tenant.settings.clone(),
            seed: self.market.seed.of(&tenant.id),
            ticks_a_minute: self.market.ticks_a_minute,
            end: self.end,
        }
    }
}

impl Seed {
    fn of(self, tenant: &TenantId) -> u64 {
        match self {
            Self::Shared(seed) => seed,
            Self::OfTenant(seed) => seed(tenant),
        }
    }
}
