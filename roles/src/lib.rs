//! How each role is run: what it needs of a tenant's file, whom it serves while tenants come and go, and when it has
//! drained. Which roles there are, `bellwether_runtime::roles` declares; processes of their own and the demo run them
//! through here alike.
#![warn(missing_docs)]

pub mod drain;
mod error;
pub mod logins;
mod produce;
pub mod topics;

use std::sync::Arc;
use std::time::Duration;

use bellwether_database as database;
use bellwether_preview::PreviewError;
use bellwether_producers::Summary;
use bellwether_producers::calendar::Looks;
use bellwether_producers::play::Speed;
use bellwether_producers::sources::{FileOptions, Input};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::retention;
use bellwether_runtime::metric_names;
use bellwether_runtime::roles::{Context, Role, TenantSet};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::{TenantId, Timestamp};
use bellwether_sinks::mail::server::Server;
use bellwether_sinks::{mail, rows, schedule};
use bellwether_worker::WorkerError;

pub use error::RoleError;

/// A role with what it was asked to do.
#[derive(Debug, Clone)]
pub enum Job {
    /// Writes into journals what a source gives.
    Produce(Production),
    /// Folds journals into triggers and readings.
    Process,
    /// Answers how often new alerts would have fired.
    Preview,
    /// Writes triggers as rows of the tenants' databases.
    Rows,
    /// Mails triggers to the users whose alerts fired.
    Mail,
    /// Owes the mails of the tenants' own clocks.
    Schedule,
}

/// What is written into each tenant's journal.
#[derive(Debug, Clone)]
pub enum Production {
    /// The quotes of files.
    File(FileJob),
    /// The quotes of a generated market.
    Synthetic(SyntheticJob),
    /// The synthetic market's past.
    History(HistoryJob),
    /// What users change in the alert tables.
    Alerts,
    /// What the tenants' news calendars say.
    Calendar(Looks),
}

/// Which files are played, and how fast.
#[derive(Debug, Clone)]
pub struct FileJob {
    /// What is played to each tenant.
    pub inputs: Vec<Input>,
    /// How they are to be read.
    pub options: FileOptions,
    /// How fast event time passes.
    pub speed: Speed,
}

/// Which market is played from where to where, and how fast.
#[derive(Debug, Clone)]
pub struct SyntheticJob {
    /// The market that is played.
    pub market: MarketChoice,
    /// How fast it catches up with the present.
    pub speed: Speed,
    /// Where it begins in a journal that has nothing of it.
    pub start: Timestamp,
    /// Whether its past up to `start` is written first.
    pub with_past: bool,
    /// Event time at which it ends, exclusive.
    pub until: Option<Timestamp>,
    /// Wall time after which it stops.
    pub run_for: Option<Duration>,
}

/// Which market's past is written, and up to when.
#[derive(Debug, Clone)]
pub struct HistoryJob {
    /// That of the [`SyntheticJob`] which follows.
    pub market: MarketChoice,
    /// Where history ends; its minute's beginning counts.
    pub end: Timestamp,
}

/// A synthetic market for each tenant.
#[derive(Debug, Clone, Copy)]
pub struct MarketChoice {
    /// What the market is generated from.
    pub seed: Seed,
    /// Ticks a minute and symbol, about; 60 is one a second.
    pub ticks_a_minute: u32,
}

/// Where a tenant's market comes from: the same seed gives the same market.
#[derive(Debug, Clone, Copy)]
pub enum Seed {
    /// One market for all tenants.
    Shared(u64),
    /// A market of its own for each.
    OfTenant(fn(&TenantId) -> u64),
}

/// Told of each tenant whose source has ended, and what was written.
pub type Report = Arc<dyn Fn(&TenantId, &Summary) + Send + Sync>;

impl Job {
    /// The role that it is a job of.
    #[must_use]
    pub const fn role(&self) -> Role {
        match self {
            Self::Produce(Production::File(_)) => Role::ProduceFile,
            Self::Produce(Production::Synthetic(_)) => Role::ProduceSynthetic,
            Self::Produce(Production::History(_)) => Role::ProduceHistory,
            Self::Produce(Production::Alerts) => Role::ProduceAlerts,
            Self::Produce(Production::Calendar(_)) => Role::ProduceCalendar,
            Self::Process => Role::Process,
            Self::Preview => Role::Preview,
            Self::Rows => Role::SinkRows,
            Self::Mail => Role::SinkMail,
            Self::Schedule => Role::SinkSchedule,
        }
    }

    /// Does it until a stop is asked for, or until its sources have ended.
    ///
    /// # Errors
    /// The role cannot go on for anybody, or what it did for one tenant failed and the others have ended.
    pub async fn run(self, context: Context, report: Report) -> Result<(), RoleError> {
        tokio::spawn(counts_begin(self.role(), context.tenants.clone(), context.shutdown.clone()));
        match self {
            Self::Produce(production) => produce::run(production, context, report).await,
            Self::Process => process(context).await,
            Self::Preview => preview(context).await,
            Self::Rows => Ok(rows::run(context).await?),
            Self::Mail => Ok(mail::run(context).await?),
            Self::Schedule => Ok(schedule::run(context).await?),
        }
    }
}

/// Says whether the tenant's file has what the role needs.
///
/// # Errors
/// What is missing, or not as it has to be.
pub fn check(role: Role, tenant: &Tenant) -> Result<(), RoleError> {
    match role {
        Role::ProduceFile
        | Role::ProduceSynthetic
        | Role::ProduceHistory
        | Role::ProduceCalendar
        | Role::Process
        | Role::Preview => Ok(()),
        Role::ProduceAlerts | Role::SinkRows | Role::SinkSchedule => Ok(database::check_configured(tenant)?),
        Role::Gateway => Ok(database::check_gateway_configured(tenant)?),
        Role::SinkMail => {
            database::check_configured(tenant)?;
            Ok(Server::of(&tenant.mail).map(drop)?)
        }
    }
}

/// Says whether the role goes on to tenants that are added while it runs; the others end with what they were given.
#[must_use]
pub const fn follows(role: Role) -> bool {
    match role {
        Role::ProduceFile | Role::ProduceHistory => false,
        Role::ProduceSynthetic
        | Role::ProduceAlerts
        | Role::ProduceCalendar
        | Role::Process
        | Role::Preview
        | Role::SinkRows
        | Role::SinkMail
        | Role::SinkSchedule
        | Role::Gateway => true,
    }
}

/// Shows what is counted of each tenant from the moment it is served.
async fn counts_begin(role: Role, mut tenants: TenantSet, shutdown: Shutdown) {
    loop {
        let served = tenants.borrow_and_update().clone();
        served.iter().for_each(|tenant| metric_names::begin_at_zero(role, &tenant.id));
        tokio::select! {
            () = shutdown.raised() => return,
            changed = tenants.changed() => if changed.is_err() { return },
        }
    }
}

/// Folds, and keeps the topics' retention beside.
async fn process(context: Context) -> Result<(), RoleError> {
    let Context { log, tenants, clock, shutdown, .. } = context.clone();
    tokio::spawn(retention::run(log, tenants, clock, shutdown));
    let folded = tokio::task::spawn_blocking(move || bellwether_worker::run(context)).await;
    Ok(folded.map_err(|_| WorkerError::Panicked)??)
}

async fn preview(context: Context) -> Result<(), RoleError> {
    let answered = tokio::task::spawn_blocking(move || bellwether_preview::run(context)).await;
    Ok(answered.map_err(|_| PreviewError::Panicked)??)
}
