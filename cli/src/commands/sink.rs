//! `bellwether sink`.

use std::process::ExitCode;

use bellwether_database as database;
use bellwether_schemas::TopicKind;
use bellwether_sinks::feed::{self, Context};
use bellwether_sinks::mail::server::Server;
use bellwether_sinks::{mail, rows};
use clap::{Args, Subcommand};

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

/// How it runs.
#[derive(Args)]
pub(crate) struct Options {
    /// Stop when every trigger is delivered; for mail: when every mail owed is in the outbox.
    #[arg(long)]
    drain: bool,
}

impl Sink {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let (Self::Rows(options) | Self::Mail(options)) = &self;
        let tenants = process.tenants()?;
        process.demand(&tenants, database::check_configured)?;
        if let Self::Mail(_) = self {
            process.demand(&tenants, |tenant| Server::of(&tenant.mail).map(drop))?;
        }
        let log = process.open_log(&tenants)?;
        let shutdown = Process::shutdown()?;
        let group = match self {
            Self::Rows(_) => feed::group(rows::SINK),
            Self::Mail(_) => feed::group(mail::SINK),
        };
        if options.drain {
            super::stop_when_drained(&log, &tenants, &group, TopicKind::Triggers, &shutdown)?;
        }
        process.serve_metrics(&shutdown).await?;
        let tenants = process.watch_tenants(&shutdown)?;
        super::measure_lag(process, &log, &group, TopicKind::Triggers, &tenants, &shutdown);
        let context = Context { log, tenants, clock: process.clock.clone(), shutdown };
        match self {
            Self::Rows(_) => rows::run(context).await?,
            Self::Mail(_) => mail::run(context).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
