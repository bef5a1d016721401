//! `bellwether top`. It asks the log alone: a `sample` is one look at positions, ends and members of groups, and no role is
//! asked for its watermark, which `tail` tells from the journal's records by the engine's own rule.

mod sample;
mod tail;
mod view;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use bellwether_runtime::config::parse_duration;
use bellwether_schemas::TenantId;
use clap::Args;

use self::sample::{Sample, Sampler};
use crate::output::{show, tell};
use crate::wiring::Process;

/// Shows how far every role is with every tenant: who owns it, its lag, its rate, and the age of its watermark.
///
/// LAG is what the role has still to read, in records; RATE what it read a second. WATERMARK is the event time up to
/// which it has done everything, AGE how far that lies behind now, or behind the newest event where a source plays
/// the past. It only reads, on a broker without joining any group. Ctrl-C ends it.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether top\n  bellwether top --tenant fxlabs --interval 5s\n  \
    bellwether top --once --json --log kafka://127.0.0.1:9092")]
pub(crate) struct Top {
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Whose. Repeatable; without it everybody's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    /// Between two looks; a rate is of what happened between them.
    #[arg(long, value_name = "D", default_value = "1s", value_parser = parse_duration)]
    interval: Duration,
    /// Prints one table, after one interval, and ends.
    #[arg(long)]
    once: bool,
    /// One JSON object a tenant and role, and line.
    #[arg(long)]
    json: bool,
}

impl Top {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let (log, _) = process.read_tenants(self.log.as_deref(), &self.tenant)?;
        let shutdown = Process::shutdown_with_reader()?;
        let mut sampler = Sampler::new(log, process, self.tenant.clone());
        let mut first = true;
        while !shutdown.is_raised() {
            let look = tokio::task::spawn_blocking(move || {
                let sample = sampler.sample();
                (sampler, sample)
            });
            // Brokers that are away are asked for long; Ctrl-C does not wait for that.
            let sample;
            (sampler, sample) = tokio::select! {
                looked = look => looked?,
                () = shutdown.raised() => break,
            };
            let rated = !std::mem::take(&mut first);
            if self.once && (rated || sample.is_err()) {
                return self.end(sample?);
            }
            if !self.once {
                show(&self.screen(sample))?;
            }
            shutdown.sleep(self.interval).await;
        }
        Ok(ExitCode::SUCCESS)
    }

    fn end(&self, sample: Sample) -> anyhow::Result<ExitCode> {
        tell(&self.text(&sample))?;
        sample.failures.into_iter().next().map_or(Ok(ExitCode::SUCCESS), |(_, error)| Err(error.into()))
    }

    fn text(&self, sample: &Sample) -> String {
        if self.json { view::lines(&sample.rows) } else { view::table(&sample.rows) }
    }

    /// A log out of reach is shown in place of what it would say: it comes back.
    fn screen(&self, sample: Result<Sample, bellwether_runtime::log::LogError>) -> String {
        let text = match &sample {
            Ok(sample) => self.text(sample) + &view::failures(&sample.failures, self.json),
            Err(error) => view::failure(None, error, self.json),
        };
        if !self.json && std::io::stdout().is_terminal() { view::in_place(&text) } else { text }
    }
}
