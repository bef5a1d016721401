//! `bellwether process`.

use std::process::ExitCode;

use bellwether_roles::Job;
use clap::Args;

use super::role::{How, run};
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
        run(process, Job::Process, How { drain: self.drain, ..How::default() }).await
    }
}
