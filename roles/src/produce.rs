//! Production for every tenant, as tenants come and go while it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bellwether_database as database;
use bellwether_producers::publish::PART;
use bellwether_producers::{
    FileRun, HistoryRun, ProducerContext, ProducerError, Summary, SyntheticRun, alert_changes, calendar,
    run_file, run_history, run_synthetic, settings,
};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::log::LogError;
use bellwether_runtime::roles::Context;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;
use tokio::task::JoinSet;

use crate::{FileJob, HistoryJob, Production, Report, RoleError, Seed, SyntheticJob};

/// Between two tries to produce for a tenant whose topics went away.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// The same where the brokers refuse one: as often as their client asks whether it may be written again.
const TRY_REFUSED_AGAIN: Duration = Duration::from_secs(5);

/// What came of producing for a tenant: none when it has no end of its own.
type Ended = Result<Option<Summary>, RoleError>;

/// Produces for each tenant until all have ended or a stop is asked for. The settings of those that are there at the
/// start are published first; a tenant whose settings are not accepted is left out until its file has changed, and where
/// that leaves nobody, it is the answer. What fails for one tenant is told at once and costs no other; the first such error
/// is the answer when all have ended.
pub(crate) async fn run(production: Production, context: Context, report: Report) -> Result<(), RoleError> {
    let mut tenants = context.tenants.clone();
    let now = tenants.borrow_and_update().clone();
    let producing = ProducerContext {
        log: context.log,
        clock: context.clock,
        shutdown: context.shutdown.clone(),
        progress: context.progress,
        incidents: context.incidents.clone(),
        settings: None,
    };
    let mut running = Running::new(production, producing, context.incidents, report);
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
                running.settle(tenant, ended);
                // A file may have been mended while its tenant was being refused.
                running.change(&tenants.borrow().clone());
            }
        }
    }
    running.take_answer()
}

struct Running {
    production: Production,
    context: ProducerContext,
    incidents: Incidents,
    report: Report,
    /// Of those under way or ended by themselves; a tenant that is gone is forgotten.
    stops: BTreeMap<TenantId, Shutdown>,
    tasks: JoinSet<(Tenant, Ended)>,
    /// Whose settings were not accepted, as their files were then.
    refused: BTreeMap<TenantId, (Tenant, RoleError)>,
    stopping: bool,
    failed: Option<RoleError>,
}

impl Running {
    fn new(production: Production, context: ProducerContext, incidents: Incidents, report: Report) -> Self {
        let (stops, tasks, refused) = (BTreeMap::new(), JoinSet::new(), BTreeMap::new());
        Self { production, context, incidents, report, stops, tasks, refused, stopping: false, failed: None }
    }

    /// Starts nothing before the settings of all were looked at: where none is accepted, nothing is played.
    async fn begin(&mut self, tenants: &[Tenant]) -> Result<(), RoleError> {
        let mut accepted = Vec::new();
        for tenant in tenants {
            match announce(&self.production, &self.context, &self.incidents, tenant).await {
                Ok(()) => accepted.push((tenant, true)),
                Err(error) if is_of_settings(&error) => self.refuse(tenant.clone(), error),
                Err(error) if is_of_journal(&error) || is_final(&self.production, &error) => {
                    self.stops.insert(tenant.id.clone(), Shutdown::new());
                    self.fail(&tenant.id, error, true);
                }
                Err(RoleError::Producer(ProducerError::Log(error))) if error.is_of_a_topic() => {
                    accepted.push((tenant, false));
                }
                Err(error) => return Err(error),
            }
        }
        if accepted.is_empty() && !tenants.is_empty() {
            return self.take_answer();
        }
        for (tenant, announced) in accepted {
            self.start(tenant.clone(), announced);
        }
        Ok(())
    }

    fn take_answer(&mut self) -> Result<(), RoleError> {
        let refused = || self.refused.pop_first().map(|(_, (_, error))| error);
        self.failed.take().or_else(refused).map_or(Ok(()), Err)
    }

    /// For good: whoever starts the role anew mends it first.
    fn fail(&mut self, tenant: &TenantId, error: RoleError, is_beside_others: bool) {
        if is_beside_others {
            tracing::error!(
                tenant.id = %tenant, error = %error,
                "nothing more is produced for a tenant: mend what is told and start again"
            );
        }
        self.failed.get_or_insert(error);
    }

    /// Until its file has changed.
    fn refuse(&mut self, tenant: Tenant, error: RoleError) {
        tracing::error!(
            tenant.id = %tenant.id, error = %error,
            "a tenant's settings are refused: nothing is produced for it until its file is mended"
        );
        self.incidents.begin(IncidentKind::RefusedSettings, &tenant.id, &error);
        self.stops.remove(&tenant.id);
        self.refused.insert(tenant.id.clone(), (tenant, error));
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
        self.refused.retain(|_, (refused, _)| tenants.contains(refused));
        for tenant in tenants {
            let is_known = self.stops.contains_key(&tenant.id) || self.refused.contains_key(&tenant.id);
            if !self.stopping && !is_known {
                self.start(tenant.clone(), false);
            }
        }
    }

    fn start(&mut self, tenant: Tenant, announced: bool) {
        let stop = Shutdown::new();
        self.stops.insert(tenant.id.clone(), stop.clone());
        let settings = Some(Arc::new(tenant.settings.clone()));
        let context = ProducerContext { shutdown: stop, settings, ..self.context.clone() };
        context.progress.moved(&tenant.id, PART);
        let (production, incidents) = (self.production.clone(), self.incidents.clone());
        self.tasks.spawn(async move {
            let ended = for_tenant(&production, &context, &incidents, &tenant, announced).await;
            (tenant, ended)
        });
    }

    /// The last error is the caller's to tell; one of a tenant beside others is told here.
    fn settle(&mut self, tenant: Tenant, ended: Ended) {
        match ended {
            Ok(Some(summary)) => {
                (self.report)(&tenant.id, &summary);
                self.context.progress.left(&tenant.id, PART);
            }
            Ok(None) => self.context.progress.left(&tenant.id, PART),
            Err(error) if is_of_settings(&error) => self.refuse(tenant, error),
            Err(error) => {
                let is_beside_others = self.failed.is_some() || !self.tasks.is_empty();
                self.fail(&tenant.id, error, is_beside_others);
            }
        }
    }
}

/// Produces for one tenant. Where its topics are not there, go away, or are none to be used or not by us, it waits for them,
/// and so it does for a log that was reached once.
async fn for_tenant(
    production: &Production,
    context: &ProducerContext,
    incidents: &Incidents,
    tenant: &Tenant,
    mut announced: bool,
) -> Ended {
    let mut told = None;
    loop {
        let turn = async {
            if !announced {
                announce(production, context, incidents, tenant).await?;
            }
            produce(production, context, tenant).await
        };
        let error = match turn.await {
            Err(error)
                if !context.shutdown.is_raised() && is_to_pass(&error) && !is_final(production, &error) =>
            {
                error
            }
            ended => return ended,
        };
        announced = false;
        context.progress.parked(&tenant.id, PART);
        if is_refused(&error) {
            incidents.begin(IncidentKind::RefusedTopic, &tenant.id, &error);
        }
        tell(tenant, error.to_string(), &mut told);
        let wait = if is_refused(&error) { TRY_REFUSED_AGAIN } else { TRY_AGAIN };
        if context.shutdown.sleep(wait).await {
            return Ok(None);
        }
    }
}

/// Says why nothing is produced for it at the moment, where that is not what was told last.
fn tell(tenant: &Tenant, reason: String, told: &mut Option<String>) {
    if told.as_ref() != Some(&reason) {
        tracing::warn!(
            tenant.id = %tenant.id, error = reason,
            "a tenant cannot be produced for at the moment, and is tried again until it can"
        );
        *told = Some(reason);
    }
}

/// A topic is missing, has several partitions or is refused, or the log is out of reach: it is waited for.
const fn is_to_pass(error: &RoleError) -> bool {
    match error {
        RoleError::Producer(ProducerError::Log(error)) => {
            error.is_of_a_topic() || matches!(error, LogError::Unavailable { .. })
        }
        _ => false,
    }
}

/// What ends by itself waits for a topic to come, and is told at once that it may not use one.
const fn is_final(production: &Production, error: &RoleError) -> bool {
    matches!(production, Production::File(_) | Production::History(_)) && is_refused(error)
}

const fn is_refused(error: &RoleError) -> bool {
    matches!(error, RoleError::Producer(ProducerError::Log(LogError::Refused { .. })))
}

/// Publishes the tenant's settings. What says nothing of the market leaves them to those that do, who may be doing so at
/// this moment.
async fn announce(
    production: &Production,
    context: &ProducerContext,
    incidents: &Incidents,
    tenant: &Tenant,
) -> Result<(), RoleError> {
    if !matches!(production, Production::Calendar(_)) {
        settings::publish(context, tenant).await?;
        incidents.end(IncidentKind::RefusedSettings, &tenant.id);
    }
    Ok(())
}

/// The tenant's file, or what produces for it, does not go on from its journal.
const fn is_of_settings(error: &RoleError) -> bool {
    matches!(error, RoleError::Producer(ProducerError::Revision { .. } | ProducerError::NewerEngine { .. }))
}

/// The tenant's journal is not what its snapshots are of, or cannot be read: no other's is meant.
const fn is_of_journal(error: &RoleError) -> bool {
    matches!(
        error,
        RoleError::Producer(
            ProducerError::Snapshot(_)
                | ProducerError::Log(LogError::Damaged { .. } | LogError::OffsetOutOfRange { .. })
        )
    )
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
