//! `bellwether doctor`: looks and changes nothing. Each thing that is looked at is a line, with what to do about it.

mod mail;
mod print;
mod rls;
mod whole;

use std::process::ExitCode;

use clap::{Args, Subcommand};

pub(super) use self::print::tell_findings;
pub(super) use self::whole::found_as_json;
use crate::wiring::Process;

/// Looks whether everything is as it should be, and says what to do where it is not. Ends with 1 where there is a fault.
///
/// Without a part it looks at each tenant's database, as the pipeline's own role, and at its topics: migrations, row
/// security, policies and grants of every table, roles, pooler, clocks, queue, cursors, feeds, schedule and mail. What
/// only the owner of the tables can see, such as what anon reads, needs <TENANT>_ADMIN_DATABASE_URL, or _FILE behind
/// it, in the environment. A database that is away is a line, and keeps no other tenant waiting.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "Examples:\n  bellwether doctor\n  bellwether doctor --tenant fxlabs --verbose\n  \
    bellwether doctor --json | jq 'select(.level == \"fault\")'\n  \
    bellwether doctor rls --as 11111111-2222-4333-8444-555555555555 --tenant fxlabs\n  bellwether doctor mail")]
pub(crate) struct Doctor {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    whole: whole::WholeDoctor,
}

#[derive(Subcommand)]
enum Part {
    Mail(mail::MailDoctor),
    Rls(rls::RlsDoctor),
}

impl Doctor {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        match self.part {
            Some(Part::Mail(command)) => command.run(process).await,
            Some(Part::Rls(command)) => command.run(process).await,
            None => self.whole.run(process).await,
        }
    }
}
