//! `bellwether produce`.

use std::process::ExitCode;
use std::time::Duration;

use bellwether_database as database;
use bellwether_producers::sources::{Form, Input};
use bellwether_producers::{
    Context, FileRun, HistoryRun, Summary, SyntheticRun, run_file, run_history, run_synthetic, settings,
};
use bellwether_runtime::config::{Tenant, parse_duration};
use bellwether_schemas::time::{HOUR, MINUTE};
use bellwether_schemas::{TenantId, Timestamp};
use clap::{Args, Subcommand};
use tokio::task::JoinSet;

use crate::following::{Ended, follow};
use crate::wiring::Process;

/// Writes market data, settings and alert changes into tenants' journals.
#[derive(Subcommand)]
pub(crate) enum Produce {
    File(File),
    Synthetic(Synthetic),
    History(History),
    Alerts(Alerts),
}

/// Plays files. A run that was cut off goes on where the journal stands.
#[derive(Args)]
#[command(
    after_help = "Example:\n  bellwether produce file --tenant fxlabs --input GBPUSD=bid.csv+ask.csv --speed 0"
)]
pub(crate) struct File {
    /// Whose journal. Repeatable; without it every tenant's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    /// SYMBOL=FILE, or SYMBOL=BID.csv+ASK.csv for one-minute bars. Repeatable.
    #[arg(long, required = true, value_name = "SYMBOL=FILE")]
    input: Vec<Input>,
    /// The files' form, where it is not recognised: histdata, m1, truefx, ticks or dukascopy.
    #[arg(long, value_name = "FORM")]
    format: Option<Form>,
    /// How fast; 0 is as fast as possible.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
}

/// Plays a seeded synthetic market: the same seed gives the same ticks.
#[derive(Args)]
#[command(
    after_help = "Example:\n  bellwether produce synthetic --tenant fxlabs --seed 7 --speed 60 --for 5m"
)]
pub(crate) struct Synthetic {
    /// Whose journal. Repeatable; without it every tenant's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    #[command(flatten)]
    market: Market,
    /// How fast it plays until it meets the present; 0 is as fast as possible.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Where it begins in a journal that has nothing of it: RFC 3339 [default: two hours ago]
    #[arg(long)]
    start: Option<Timestamp>,
    /// Event time at which it ends.
    #[arg(long)]
    until: Option<Timestamp>,
    /// Wall time after which it stops, such as 5m.
    #[arg(long = "for", value_parser = parse_duration)]
    run_for: Option<Duration>,
}

/// Writes the synthetic market's past as closed bars, before its first tick.
#[derive(Args)]
#[command(after_help = "Example:\n  bellwether produce history --tenant fxlabs --seed 7")]
pub(crate) struct History {
    /// Whose journal. Repeatable; without it every tenant's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    #[command(flatten)]
    market: Market,
    /// Where it ends: RFC 3339 [default: two hours ago]
    #[arg(long)]
    end: Option<Timestamp>,
}

/// Publishes what users change in their tenants' alert tables, at most two seconds after they saved it.
#[derive(Args)]
#[command(after_help = "Example:\n  bellwether produce alerts")]
pub(crate) struct Alerts {
    /// Whose alerts. Repeatable; without it every tenant's.
    #[arg(long)]
    tenant: Vec<TenantId>,
}

/// Which market.
#[derive(Args, Clone, Copy)]
struct Market {
    /// The same seed gives the same market.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Ticks a minute and symbol, about.
    #[arg(long, default_value_t = 60)]
    ticks_a_minute: u32,
}

impl Produce {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        match self {
            Self::File(file) => file.run(process).await,
            Self::Synthetic(synthetic) => synthetic.run(process).await,
            Self::History(history) => history.run(process).await,
            Self::Alerts(alerts) => alerts.run(process).await,
        }
    }
}

impl File {
    async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let speed = super::speed(self.speed)?;
        each(process, &self.tenant, move |context, tenant| {
            let run = FileRun {
                tenant: tenant.id.clone(),
                inputs: self.input.clone(),
                form: self.format,
                speed,
                lateness_max: tenant.settings.lateness_max,
            };
            async move { Ok(Some(run_file(&context, run).await?)) }
        })
        .await
    }
}

impl Synthetic {
    async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let speed = super::speed(self.speed)?;
        let start = self.start.unwrap_or_else(|| two_hours_ago(process));
        for_all(process, &self.tenant, move |context, tenant| {
            let run = SyntheticRun {
                tenant: tenant.id.clone(),
                settings: tenant.settings,
                seed: self.market.seed,
                ticks_a_minute: self.market.ticks_a_minute,
                speed,
                start,
                until: self.until,
                run_for: self.run_for,
            };
            async move { Ok(Some(run_synthetic(&context, run).await?)) }
        })
        .await
    }
}

impl History {
    async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let end = self.end.unwrap_or_else(|| two_hours_ago(process));
        each(process, &self.tenant, move |context, tenant| {
            let run = HistoryRun {
                tenant: tenant.id.clone(),
                settings: tenant.settings,
                seed: self.market.seed,
                ticks_a_minute: self.market.ticks_a_minute,
                end,
            };
            async move { Ok(Some(run_history(&context, run).await?)) }
        })
        .await
    }
}

impl Alerts {
    async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        process.demand(&process.tenants_named(&self.tenant)?, database::check_configured)?;
        for_all(process, &self.tenant, |context, tenant| async move {
            database::check_configured(&tenant)?;
            bellwether_producers::alert_changes::run(&context, &tenant).await?;
            Ok(None)
        })
        .await
    }
}

fn two_hours_ago(process: &Process) -> Timestamp {
    process.clock.now().plus(-2 * HOUR).floor(MINUTE)
}

/// For those named, or for all there are, also those that come while it runs.
async fn for_all<F>(
    process: &Process,
    names: &[TenantId],
    produce: impl Fn(Context, Tenant) -> F,
) -> anyhow::Result<ExitCode>
where
    F: Future<Output = Ended> + Send + 'static,
{
    if !names.is_empty() {
        return each(process, names, produce).await;
    }
    follow(process, produce, report).await?;
    Ok(ExitCode::SUCCESS)
}

/// Publishes each tenant's settings, then produces for all of them at once; the first error stops the command.
async fn each<F>(
    process: &Process,
    names: &[TenantId],
    produce: impl Fn(Context, Tenant) -> F,
) -> anyhow::Result<ExitCode>
where
    F: Future<Output = Ended> + Send + 'static,
{
    let tenants = process.tenants_named(names)?;
    let log = process.open_log(&tenants)?;
    let context = Context { log, clock: process.clock.clone(), shutdown: Process::shutdown()? };
    process.serve_metrics(&context.shutdown).await?;
    let mut running = JoinSet::new();
    for tenant in tenants {
        settings::publish(&context, &tenant).await?;
        let (id, produced) = (tenant.id.clone(), produce(context.clone(), tenant));
        running.spawn(async move { produced.await.map(|summary| (id, summary)) });
    }
    while let Some(ended) = running.join_next().await {
        if let (tenant, Some(summary)) = ended?? {
            report(&tenant, &summary);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn report(tenant: &TenantId, summary: &Summary) {
    if summary.unreadable_total > 0 {
        eprintln!("{tenant}: {} unreadable lines were left out", summary.unreadable_total);
    }
    println!(
        "{tenant}: {} ticks, {} bars of history, {} heartbeats; stopped because {}",
        summary.ticks, summary.bars, summary.heartbeats, summary.ended
    );
}
