//! `bellwether produce`.

use std::process::ExitCode;
use std::time::Duration;

use bellwether_producers::calendar::Looks;
use bellwether_producers::sources::Input;
use bellwether_roles::{FileJob, HistoryJob, Job, MarketChoice, Production, Seed, SyntheticJob};
use bellwether_runtime::config::parse_duration;
use bellwether_schemas::time::{HOUR, MINUTE};
use bellwether_schemas::{TenantId, Timestamp};
use clap::{Args, Subcommand};

use super::files::FileArgs;
use super::role::{How, run};
use crate::exit::Coded;
use crate::wiring::Process;

/// Writes market data, settings, alert changes and the news calendar into tenants' journals.
#[derive(Subcommand)]
pub(crate) enum Produce {
    File(File),
    Synthetic(Synthetic),
    History(History),
    Alerts(Alerts),
    Calendar(Calendar),
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
    #[command(flatten)]
    reading: FileArgs,
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

/// Publishes what the sources of `[[calendar]]` in the tenants' files say of the news: what is new, moved or known now.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  bellwether produce calendar\n  bellwether produce calendar --tenant fxlabs --once"
)]
pub(crate) struct Calendar {
    /// Whose calendar. Repeatable; without it every tenant's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    /// Look at every source once, and end.
    #[arg(long)]
    once: bool,
}

/// Options that choose the synthetic market.
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
        let (production, tenants) = match self {
            Self::File(file) => file.production()?,
            Self::Synthetic(synthetic) => synthetic.production(process)?,
            Self::History(history) => history.production(process),
            Self::Alerts(alerts) => (Production::Alerts, alerts.tenant),
            Self::Calendar(Calendar { tenant, once }) => {
                (Production::Calendar(if once { Looks::Once } else { Looks::OnAndOn }), tenant)
            }
        };
        run(process, Job::Produce(production), How { tenants, ..How::default() }).await
    }
}

/// What is produced, and for whom.
type Asked = (Production, Vec<TenantId>);

impl File {
    fn production(self) -> Result<Asked, Coded> {
        let speed = super::speed(self.speed)?;
        let job = FileJob { inputs: self.input, options: self.reading.into(), speed };
        Ok((Production::File(job), self.tenant))
    }
}

impl Synthetic {
    fn production(self, process: &Process) -> Result<Asked, Coded> {
        let job = SyntheticJob {
            market: self.market.into(),
            speed: super::speed(self.speed)?,
            start: self.start.unwrap_or_else(|| two_hours_ago(process)),
            with_past: false,
            until: self.until,
            run_for: self.run_for,
        };
        Ok((Production::Synthetic(job), self.tenant))
    }
}

impl History {
    fn production(self, process: &Process) -> Asked {
        let end = self.end.unwrap_or_else(|| two_hours_ago(process));
        (Production::History(HistoryJob { market: self.market.into(), end }), self.tenant)
    }
}

impl From<Market> for MarketChoice {
    fn from(market: Market) -> Self {
        Self { seed: Seed::Shared(market.seed), ticks_a_minute: market.ticks_a_minute }
    }
}

fn two_hours_ago(process: &Process) -> Timestamp {
    process.clock.now().plus(-2 * HOUR).floor(MINUTE)
}
