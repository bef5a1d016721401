//! `bellwether mail resolve`.

use std::process::ExitCode;

use bellwether_sinks::mail::outbox::by_hand::{Done, Fate};
use clap::{Args, ValueEnum};

use super::outbox::{ByHand, refused};
use super::retry::line;
use crate::exit::NO;
use crate::output::tell;
use crate::wiring::Process;

/// Writes down what became of a mail that may have arrived, as somebody found out from its provider or its reader.
#[derive(Args)]
#[command(
    after_help = "Example:\n  bellwether mail resolve c0a8d9a2-77f1-5a43-8f58-6a0f5f9d0001 --tenant fxlabs --as sent \
    --why \"the provider's log has it\""
)]
pub(crate) struct ResolveMail {
    /// Which, as `mail list` names it.
    occurrence: String,
    #[command(flatten)]
    by_hand: ByHand,
    /// What became of it.
    #[arg(long = "as", value_name = "FATE")]
    fate: Became,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Became {
    /// It arrived.
    Sent,
    /// It did not, and is not to be sent.
    Failed,
}

impl ResolveMail {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let (outbox, who) = self.by_hand.open(process).await?;
        let (fate, yes) = match self.fate {
            Became::Sent => (Fate::Sent, "it counts as sent"),
            Became::Failed => (Fate::Failed, "it counts as failed"),
        };
        let done = outbox.resolve(&self.occurrence, fate, &who).await.map_err(refused)?;
        tell(&line(&self.occurrence, &done, yes, self.json))?;
        Ok(if done == Done::Yes { ExitCode::SUCCESS } else { NO.into() })
    }
}
