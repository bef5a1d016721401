//! `bellwether process`.

use std::process::ExitCode;

use bellwether_roles::Job;
use clap::Args;

use super::role::{How, Whose, run};
use crate::wiring::Process as Surroundings;

/// Folds tenants' journals and writes triggers and readings. Start more of it to share the tenants out.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  bellwether process\n  bellwether process --tenant fxlabs\n  bellwether process --drain"
)]
pub(crate) struct Process {
    #[command(flatten)]
    whose: Whose,
    /// Stop when every journal is folded to its end.
    #[arg(long)]
    drain: bool,
}

impl Process {
    pub(crate) async fn run(self, process: &Surroundings) -> anyhow::Result<ExitCode> {
        run(process, Job::Process, How { tenants: self.whose.tenant, drain: self.drain }).await
    }
}
