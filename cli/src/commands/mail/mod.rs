//! `bellwether mail`.

mod bounces;
mod chromium;
mod list;
mod outbox;
mod pause;
mod preview;
mod resolve;
mod retry;
mod show;
mod test;

use std::process::ExitCode;

use clap::Subcommand;

pub(super) use self::outbox::{Addresses, as_json};
use crate::wiring::Process;

/// The mails that tenants send, and what people do with them by hand.
#[derive(Subcommand)]
pub(crate) enum Mail {
    List(list::ListMails),
    Show(show::ShowMail),
    Retry(retry::RetryMails),
    Resolve(resolve::ResolveMail),
    Pause(pause::PauseMail),
    Resume(pause::ResumeMail),
    Preview(preview::Preview),
    Bounces(bounces::Bounces),
    Test(test::TestMail),
}

impl Mail {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        match self {
            Self::List(command) => command.run(process).await,
            Self::Show(command) => command.run(process).await,
            Self::Retry(command) => command.run(process).await,
            Self::Resolve(command) => command.run(process).await,
            Self::Pause(command) => command.run(process).await,
            Self::Resume(command) => command.run(process).await,
            Self::Preview(command) => command.run(process).await,
            Self::Test(command) => command.run(process).await,
            Self::Bounces(command) => command.run(process).await,
        }
    }
}
