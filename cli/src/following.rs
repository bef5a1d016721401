//! Production for every tenant, as tenants come and go while the command runs.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bellwether_producers::{Context, ProducerError, Summary, settings};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{self, LogError};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::{TenantId, Topic};
use tokio::task::JoinSet;

use crate::wiring::Process;

/// Between two looks for the topics of a tenant that was added before them.
const LOOK: Duration = Duration::from_secs(1);

/// What came of producing for a tenant: none when it was told to stop.
pub(crate) type Ended = anyhow::Result<Option<Summary>>;

/// Produces for each tenant until all have ended or a stop is asked for; tells `report` of each that ended. The first
/// error stops it, but not the error of a tenant that was added meanwhile: others must not notice that one.
pub(crate) async fn follow<F>(
    process: &Process,
    produce: impl Fn(Context, Tenant) -> F,
    report: impl Fn(&TenantId, &Summary),
) -> anyhow::Result<()>
where
    F: Future<Output = Ended> + Send + 'static,
{
    let shutdown = Process::shutdown()?;
    let mut tenants = process.watch_tenants(&shutdown)?;
    let now = tenants.borrow_and_update().clone();
    let context = Context { log: process.open_log(&now)?, clock: process.clock.clone(), shutdown };
    process.serve_metrics(&context.shutdown).await?;
    for tenant in now.iter() {
        settings::publish(&context, tenant).await?;
    }
    let first: Vec<TenantId> = now.iter().map(|tenant| tenant.id.clone()).collect();
    let embedded = log::is_embedded(&process.config.log);
    let mut running = Running { context, embedded, stops: BTreeMap::new(), tasks: JoinSet::new() };
    running.change(&now, &produce);
    // The watch ends with the stop that was asked for; then what is under way is waited for.
    let mut watched = true;
    while watched || !running.tasks.is_empty() {
        tokio::select! {
            changed = tenants.changed(), if watched => {
                watched = changed.is_ok();
                let now = if watched { tenants.borrow_and_update().clone() } else { Arc::default() };
                running.change(&now, &produce);
            }
            Some(ended) = running.tasks.join_next() => {
                let (tenant, ended) = ended?;
                settle(&tenant, ended, first.contains(&tenant), &report)?;
                watched &= !running.tasks.is_empty() || running.stops.is_empty();
            }
        }
    }
    Ok(())
}

fn settle(
    tenant: &TenantId,
    ended: Ended,
    strict: bool,
    report: &impl Fn(&TenantId, &Summary),
) -> anyhow::Result<()> {
    match ended {
        Ok(Some(summary)) => report(tenant, &summary),
        Ok(None) => {}
        Err(error) if strict => return Err(error),
        Err(error) => tracing::error!(
            tenant.id = %tenant, error.text = format!("{error:#}"),
            "nothing is produced for a tenant that was added: mend what is told and start again"
        ),
    }
    Ok(())
}

struct Running {
    context: Context,
    embedded: bool,
    /// Of those under way or ended by themselves; a tenant that is gone is forgotten.
    stops: BTreeMap<TenantId, Shutdown>,
    tasks: JoinSet<(TenantId, Ended)>,
}

impl Running {
    /// Stops those that are gone and starts those that are new.
    fn change<F>(&mut self, tenants: &[Tenant], produce: &impl Fn(Context, Tenant) -> F)
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        self.stops.retain(|id, stop| {
            let stays = tenants.iter().any(|tenant| tenant.id == *id);
            if !stays {
                stop.raise();
            }
            stays
        });
        for tenant in tenants {
            if !self.stops.contains_key(&tenant.id) {
                self.start(tenant.clone(), produce);
            }
        }
    }

    fn start<F>(&mut self, tenant: Tenant, produce: &impl Fn(Context, Tenant) -> F)
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        let stop = Shutdown::new();
        self.stops.insert(tenant.id.clone(), stop.clone());
        let (context, embedded) = (Context { shutdown: stop, ..self.context.clone() }, self.embedded);
        let produced = produce(context.clone(), tenant.clone());
        self.tasks.spawn(async move {
            let ended = match ready(&context, &tenant, embedded).await {
                Ok(true) => produced.await,
                Ok(false) => Ok(None),
                Err(error) => Err(error.into()),
            };
            (tenant.id, ended)
        });
    }
}

/// Waits until the tenant's topics are there and its settings among them; false when a stop was asked for before.
async fn ready(context: &Context, tenant: &Tenant, embedded: bool) -> Result<bool, ProducerError> {
    if embedded {
        for topic in Topic::all(&tenant.id) {
            context.log.create(&topic)?;
        }
    }
    loop {
        match settings::publish(context, tenant).await {
            Ok(_) => return Ok(true),
            Err(ProducerError::Log(LogError::UnknownTopic { .. })) => {
                if context.shutdown.sleep(LOOK).await {
                    return Ok(false);
                }
            }
            Err(error) => return Err(error),
        }
    }
}
