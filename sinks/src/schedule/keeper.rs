//! Keeps one tenant's schedule: performs what [`super::core`] decides, with the tenant's database as its file says now.

use std::sync::Arc;
use std::time::Duration;

use bellwether_database as database;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::progress::Progress;
use bellwether_runtime::roles::{Context, TenantSet};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;

use super::SINK;
use super::core::{Core, Input, LOOK, Output};
use super::events::{NextKnown, RunsMissed, RunsRecorded, ScheduleRetried};
use super::market::Market;
use super::runs::{Runs, Settled};
use crate::mail::brand::Look;
use crate::mail::outbox::Outbox;
use crate::mail::recipients::Directory;

pub(super) struct Keeper {
    tenant: TenantId,
    tenants: TenantSet,
    market: Arc<Market>,
    /// Of this tenant alone: it may be taken away while others stay.
    shutdown: Shutdown,
    incidents: Incidents,
    progress: Progress,
    core: Core,
    clock: Clock,
    /// What is due, and who is told.
    runs: Option<(Directory, Runs)>,
}

impl Keeper {
    pub(super) fn new(tenant: TenantId, market: Arc<Market>, context: &Context, shutdown: Shutdown) -> Self {
        let Context { tenants, clock, incidents, progress, .. } = context.clone();
        let core = Core::new(LOOK);
        Self { tenant, tenants, market, shutdown, clock, incidents, progress, core, runs: None }
    }

    pub(super) async fn run(mut self) {
        self.progress.moved(&self.tenant, SINK);
        let mut output = Output::Settle;
        loop {
            let input = match output {
                Output::Settle => {
                    let input = self.settle().await;
                    self.tell_progress(input);
                    input
                }
                Output::Wait(time) if self.stops_within(time).await => {
                    return self.progress.left(&self.tenant, SINK);
                }
                Output::Wait(_) => Input::Woke,
            };
            output = self.core.step(input);
        }
    }

    /// Nothing is under way here. A market or a file that changes ends the wait.
    async fn stops_within(&mut self, time: Duration) -> bool {
        tokio::select! {
            stop = self.shutdown.sleep(time) => stop,
            () = self.market.changed() => false,
            Ok(()) = self.tenants.changed() => false,
        }
    }

    async fn settle(&mut self) -> Input {
        if self.market.look(|_| ()).is_none() {
            return Input::NotOurs;
        }
        let Some(tenant) = self.tenant() else { return Input::NotOurs };
        if self.runs.as_ref().is_none_or(|(_, runs)| runs.tenant != tenant) {
            self.runs = open(&tenant, self.clock.clone()).await;
        }
        let Some((directory, runs)) = &self.runs else { return Input::Failed };
        if let Err(error) = directory.prepare(&[]).await {
            ScheduleRetried { tenant: &self.tenant, error: &error }.emit();
            return Input::Failed;
        }
        match runs.settle(&self.market).await {
            Ok(Some(settled)) => {
                RunsRecorded { tenant: &self.tenant, runs: settled.due, mails: settled.mails }.emit();
                RunsMissed { tenant: &self.tenant, runs: settled.missed }.emit();
                NextKnown { tenant: &self.tenant, next: settled.next }.emit();
                self.tell_missed(settled);
                Input::Settled { now: settled.now, next: settled.next }
            }
            Ok(None) => Input::NotOurs,
            Err(error) => {
                ScheduleRetried { tenant: &self.tenant, error: &error }.emit();
                Input::Failed
            }
        }
    }

    /// What cannot be looked at is tried again and was said: it is waited for, and nothing stands still unnoticed.
    fn tell_progress(&self, input: Input) {
        match input {
            Input::Failed => self.progress.parked(&self.tenant, SINK),
            Input::Settled { .. } | Input::NotOurs | Input::Woke => self.progress.moved(&self.tenant, SINK),
        }
    }

    /// What was missed is over with the next that goes out.
    fn tell_missed(&self, settled: Settled) {
        let Settled { missed, due, .. } = settled;
        if missed > 0 {
            let text = format_args!("{missed} briefs or reminders passed while nobody kept the schedule");
            self.incidents.begin(IncidentKind::MissedSchedule, &self.tenant, text);
        }
        if due > 0 {
            self.incidents.end(IncidentKind::MissedSchedule, &self.tenant);
        }
    }

    fn tenant(&mut self) -> Option<Tenant> {
        self.tenants.borrow_and_update().iter().find(|tenant| tenant.id == self.tenant).cloned()
    }
}

/// None where something is not right yet; that was said.
async fn open(tenant: &Tenant, clock: Clock) -> Option<(Directory, Runs)> {
    let refused = |error: &dyn std::fmt::Display| ScheduleRetried { tenant: &tenant.id, error }.emit();
    let look = Look::new(tenant).map_err(|error| refused(&error)).ok()?;
    let pool = database::connect(tenant).await.map_err(|error| refused(&error)).ok()?;
    let directory = Directory::open(tenant, pool.clone(), clock).await;
    let directory = directory.map_err(|error| refused(&error)).ok()?;
    let outbox = Outbox::new(pool, tenant.id.clone());
    let configured = tenant.mail.smtp.is_some();
    Some((directory, Runs { tenant: tenant.clone(), outbox, look, configured }))
}
