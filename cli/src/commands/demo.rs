//! `bellwether demo`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bellwether_local::demo::{Demo as Running, Options, Summary, TenantSummary, default_dir};
use bellwether_producers::sources::Input;
use bellwether_runtime::config::parse_duration;
use clap::Args;

use super::files::FileArgs;
use crate::exit::NO;
use crate::output::{show, tell};
use crate::wiring::{Process, environment};

/// Every role in one process: two example tenants on a market of their own, with database, inbox and a page to watch.
///
/// Ends with 0 only if, per tenant, every trigger is a row and every group of triggers a mail.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether demo\n  bellwether demo --for 90s --json\n  \
    bellwether demo --brief-in 30s\n  \
    bellwether demo --dir mine --input GBPUSD=bid.csv+ask.csv --speed 0")]
pub(crate) struct Demo {
    /// Where it keeps everything [default: $XDG_DATA_HOME/bellwether/demo]
    #[arg(long, value_name = "D")]
    dir: Option<PathBuf>,
    /// The page's port [default: 8765, or any free one]
    #[arg(long, value_name = "P")]
    port: Option<u16>,
    /// Ends by itself after this long, such as 90s.
    #[arg(long = "for", value_name = "D", value_parser = parse_duration)]
    run_for: Option<Duration>,
    /// How fast ticks play until they meet the present; 0 is as fast as possible.
    #[arg(long, value_name = "N", default_value_t = 60.0)]
    speed: f64,
    /// The morning brief comes that long after the start, and news with it: once a day of a directory.
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    brief_in: Option<Duration>,
    /// Plays a file to both tenants in place of the market: SYMBOL=FILE or SYMBOL=BID.csv+ASK.csv. Repeatable.
    #[arg(long, value_name = "SYMBOL=FILE")]
    input: Vec<Input>,
    #[command(flatten)]
    reading: FileArgs,
    /// The last line is one JSON object; nothing else is printed but the page's address.
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let json = self.json;
        let shutdown = Process::shutdown_with_reader()?;
        let telemetry = process.telemetry.clone();
        let speed = super::speed(self.speed)?;
        let options = Options {
            dir: self.dir.unwrap_or_else(|| default_dir(environment)),
            port: self.port,
            run_for: self.run_for,
            speed,
            brief_in: self.brief_in,
            inputs: self.input,
            reading: self.reading.into(),
            metrics: Arc::new(move || telemetry.render()),
        };
        let demo = Running::open(options, process.clock.clone()).await?;
        show(&format!("{}\n", demo.address()))?;
        let summary = demo.run(shutdown).await?;
        tell(&if json { format!("{}\n", serde_json::to_string(&summary)?) } else { text(&summary) })?;
        Ok(if summary.holds() { ExitCode::SUCCESS } else { ExitCode::from(NO) })
    }
}

fn text(summary: &Summary) -> String {
    let line = |(tenant, figures): (&String, &TenantSummary)| {
        let mails = &figures.mails;
        format!(
            "{tenant}: {} ticks, {} bars, {} triggers, {} rows, {} groups; mails {} sent, {} held, {} suppressed, {} \
             failed\n",
            figures.ticks,
            figures.bars,
            figures.triggers,
            figures.rows,
            figures.mail_groups,
            mails.sent,
            mails.held,
            mails.suppressed,
            mails.failed
        )
    };
    let lines: String = summary.tenants.iter().map(line).collect();
    lines + if summary.holds() { "everything adds up\n" } else { "something is missing: see above\n" }
}
