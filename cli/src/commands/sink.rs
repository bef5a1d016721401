//! `bellwether sink`.

use std::process::ExitCode;

use bellwether_roles::Job;
use clap::{Args, Subcommand};

use super::role::{How, run};
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
}

/// Options of every sink.
#[derive(Args)]
pub(crate) struct Options {
    /// Stop when every trigger is delivered; for mail: when every mail owed is in the outbox.
    #[arg(long)]
    drain: bool,
}

impl Sink {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let (job, options) = match self {
            Self::Rows(options) => (Job::Rows, options),
            Self::Mail(options) => (Job::Mail, options),
        };
        run(process, job, How { drain: options.drain, ..How::default() }).await
    }
}
