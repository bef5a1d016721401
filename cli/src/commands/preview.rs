//! `bellwether preview`.

use std::process::ExitCode;

use bellwether_roles::Job;
use clap::Args;

use super::role::{How, Whose, run};
use crate::wiring::Process as Surroundings;

/// Answers how often each new or changed alert would have fired over the thirty days before. Start more of it to share the
/// tenants out.
#[derive(Args)]
#[command(after_help = "Examples:\n  bellwether preview\n  bellwether preview --tenant fxlabs\n  \
                  bellwether journal cat --tenant fxlabs --topic previews --json")]
pub(crate) struct Preview {
    #[command(flatten)]
    whose: Whose,
    /// Stop when every change in the journals by now is answered.
    #[arg(long)]
    drain: bool,
}

impl Preview {
    pub(crate) async fn run(self, process: &Surroundings) -> anyhow::Result<ExitCode> {
        run(process, Job::Preview, How { tenants: self.whose.tenant, drain: self.drain }).await
    }
}
