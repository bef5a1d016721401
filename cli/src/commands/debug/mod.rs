//! `bellwether debug`.

mod archive;
mod gather;
mod redact;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bellwether_runtime::config::{parse_duration, tenant_files};
use bellwether_schemas::TenantId;
use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use serde_json::json;

use self::gather::{Gathered, Sight};
use self::redact::Redactor;
use super::bundle::file;
use crate::exit::USAGE;
use crate::output::{note, tell};
use crate::wiring::Process;

/// Bytes of each log that are taken from its end, unless it is said otherwise.
const LOG_BYTES: u64 = 1024 * 1024;
/// Most bytes of a log.
const MOST_LOG_BYTES: u64 = 256 * 1024 * 1024;
/// Between the two looks at the metrics.
const APART: &str = "5s";

/// What somebody wants who looks into a fault.
#[derive(Subcommand)]
pub(crate) enum Debug {
    Bundle(DebugBundle),
}

/// Puts into one archive what there is to be seen from outside: configuration, groups, metrics, clocks, logs.
///
/// It is a tar file: the configuration of the process and of each tenant without its secrets, where each group stands in
/// each topic and who its members are, what `doctor` finds, with the clocks of the databases, the metrics twice, the
/// clocks of the machine and of the journals, and the ends of the logs that are named. Every secret that the configuration
/// and the files of all tenants lead to is taken out of all of it, wherever it may stand. What could not be seen is in it
/// too, with why. A log is taken as it is, whoever stands in it.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    bellwether debug bundle --out debug.tar\n  \
    bellwether debug bundle --tenant fxlabs --logs /var/log/bellwether.log --out debug.tar\n  \
    bellwether debug bundle --metrics 127.0.0.1:9464 --metrics 127.0.0.1:9465 --apart 30s --out - | gzip > debug.tar.gz")]
pub(crate) struct DebugBundle {
    /// Whose. Repeatable; without it every tenant's.
    #[arg(long, value_name = "T")]
    tenant: Vec<TenantId>,
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Where a process shows its metrics. Repeatable; without it where telemetry.metrics says.
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Vec<SocketAddr>,
    /// Between the two looks at the metrics.
    #[arg(long, value_name = "TIME", default_value = APART, value_parser = parse_duration)]
    apart: Duration,
    /// A file that a process logged to. Repeatable.
    #[arg(long, value_name = "FILE")]
    logs: Vec<PathBuf>,
    /// Bytes of each that are taken, from its end.
    #[arg(long, value_name = "N", default_value_t = LOG_BYTES,
          value_parser = clap::value_parser!(u64).range(1..=MOST_LOG_BYTES))]
    log_bytes: u64,
    /// The archive; - is stdout.
    #[arg(long, value_name = "F")]
    out: PathBuf,
    /// A JSON object about the archive.
    #[arg(long)]
    json: bool,
}

impl Debug {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        match self {
            Self::Bundle(command) => command.run(process).await,
        }
    }
}

impl DebugBundle {
    async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let shutdown = Process::shutdown()?;
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(100));
        let sight = Sight {
            process,
            tenants: &self.tenant,
            log: self.log.as_deref(),
            metrics: match (self.metrics.as_slice(), process.config.telemetry.metrics) {
                ([], configured) => configured.into_iter().collect(),
                (named, _) => named.to_vec(),
            },
            apart: self.apart,
            logs: &self.logs,
            log_bytes: self.log_bytes,
        };
        let gathered = sight.gather(&shutdown, &|what| bar.set_message(what.to_owned())).await;
        bar.finish_and_clear();
        if shutdown.is_raised() {
            note("interrupted: nothing is written\n");
            return Ok(ExitCode::from(USAGE));
        }
        let files = tenant_files(&process.config.tenants).unwrap_or_default();
        let redactor = Redactor::of(&process.config, &files);
        let files: Vec<(String, String)> =
            gathered.files.iter().map(|(name, text)| (name.clone(), redactor.cleaned(text))).collect();
        let bytes = archive::tar(&files, process.clock.now());
        file::write(&self.out, &bytes)?;
        let told = redactor.cleaned(&self.told(&gathered, bytes.len()));
        if file::is_stdout(&self.out) {
            note(&told)
        } else {
            tell(&told)?
        }
        Ok(ExitCode::SUCCESS)
    }

    fn told(&self, gathered: &Gathered, size: usize) -> String {
        let (file, unseen) = (self.out.display().to_string(), &gathered.unseen);
        let files: Vec<&str> = gathered.files.iter().map(|(name, _)| name.as_str()).collect();
        if self.json {
            let line = json!({ "type": "debug_bundle", "file": file, "bytes": size, "files": files, "unseen": unseen });
            return format!("{line}\n");
        }
        let unseen: String = unseen.iter().map(|why| format!("  not seen: {why}\n")).collect();
        format!("{file}: {} files, {size} bytes\n{unseen}", files.len())
    }
}
