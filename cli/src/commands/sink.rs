//! `bellwether sink`.

use std::process::ExitCode;

use bellwether_roles::Job;
use clap::{Args, Subcommand};

use super::role::{How, Whose, run};
use crate::wiring::Process;

/// Delivers triggers outward. Start more of one kind to share the tenants out.
#[derive(Subcommand)]
pub(crate) enum Sink {
    /// Writes each tenant's rows into its own database.
    #[command(after_help = "Example:\n  bellwether sink rows --drain")]
    Rows(Options),
    /// Sends each tenant's mail in its own brand.
    #[command(after_help = "Example:\n  bellwether sink mail")]
    Mail(Options),
    /// Owes each tenant's users what its own clock says: the brief of each morning, reminders of the news.
    #[command(after_help = "Example:\n  bellwether sink schedule")]
    #[command(after_help = "Example:\n  bellwether sink schedule --tenant fxlabs")]
    Schedule(Whose),
}

/// Options of sinks that deliver triggers.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    whose: Whose,
    /// Stop when every trigger is delivered; for mail: when every mail owed is in the outbox.
    #[arg(long)]
    drain: bool,
}

impl Sink {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let (job, tenants, drain) = match self {
            Self::Rows(options) => (Job::Rows, options.whose.tenant, options.drain),
            Self::Mail(options) => (Job::Mail, options.whose.tenant, options.drain),
            Self::Schedule(whose) => (Job::Schedule, whose.tenant, false),
        };
        run(process, job, How { tenants, drain }).await
    }
}
