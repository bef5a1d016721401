//! `bellwether process`.

use std::process::ExitCode;

use bellwether_runtime::log::retention;
use bellwether_schemas::TopicKind;
use bellwether_worker::{Context, GROUP, WorkerError, run};
use clap::Args;

use crate::wiring::Process as Surroundings;

/// Folds tenants' journals and writes triggers and readings. Start more of it to share the tenants out.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether process\n  bellwether process --drain")]
pub(crate) struct Process {
    /// Stop when every journal is folded to its end.
    #[arg(long)]
    drain: bool,
}

impl Process {
    pub(crate) async fn run(self, process: &Surroundings) -> anyhow::Result<ExitCode> {
        let tenants = process.tenants()?;
        let log = process.open_log(&tenants)?;
        let shutdown = Surroundings::shutdown()?;
        if self.drain {
            super::stop_when_drained(&log, &tenants, GROUP, TopicKind::Journal, &shutdown)?;
        }
        process.serve_metrics(&shutdown).await?;
        let tenants = process.watch_tenants(&shutdown)?;
        let housekeeping =
            retention::run(log.clone(), tenants.clone(), process.clock.clone(), shutdown.clone());
        tokio::spawn(housekeeping);
        super::measure_lag(process, &log, GROUP, TopicKind::Journal, &tenants, &shutdown);
        let context = Context { log, tenants, shutdown };
        let folded = tokio::task::spawn_blocking(move || run(context)).await;
        folded.map_err(|_| WorkerError::Panicked)??;
        Ok(ExitCode::SUCCESS)
    }
}
