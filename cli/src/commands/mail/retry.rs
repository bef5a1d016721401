//! `bellwether mail retry`.

use std::process::ExitCode;

use bellwether_sinks::mail::outbox::by_hand::Done;
use clap::Args;
use serde_json::json;

use super::outbox::{ByHand, refused};
use crate::exit::NO;
use crate::output::tell;
use crate::wiring::Process;

/// Has mails that failed, or may have arrived, sent again with the same Message-ID.
///
/// A provider that knows mails by a header (mail.idempotency_header) takes one that failed for another mail, and one that
/// may have arrived for the same. Ends with 1 where one of them cannot be sent again.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  bellwether mail retry c0a8d9a2-77f1-5a43-8f58-6a0f5f9d0001 --tenant fxlabs\n  \
    bellwether mail list --tenant fxlabs --state failed --json | jq -r .occurrence | \
    xargs bellwether mail retry --tenant fxlabs"
)]
pub(crate) struct RetryMails {
    /// Which, as `mail list` names them.
    #[arg(required = true)]
    occurrences: Vec<String>,
    #[command(flatten)]
    by_hand: ByHand,
    /// One JSON object a mail and line.
    #[arg(long)]
    json: bool,
}

impl RetryMails {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let (outbox, who) = self.by_hand.open(process).await?;
        let mut all = true;
        for occurrence in &self.occurrences {
            let done = outbox.send_again(occurrence, &who).await.map_err(refused)?;
            all &= done == Done::Yes;
            tell(&line(occurrence, &done, "it is sent again", self.json))?;
        }
        if let Some((_, reason)) = outbox.paused().await.map_err(refused)? {
            let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
            crate::output::note(&format!("the tenant's mail is paused{reason}: `bellwether mail resume`\n"));
        }
        Ok(if all { ExitCode::SUCCESS } else { NO.into() })
    }
}

/// What came of one mail.
pub(super) fn line(occurrence: &str, done: &Done, yes: &str, as_json: bool) -> String {
    let (is_done, words) = match done {
        Done::Yes => (true, yes),
        Done::Unknown => (false, "there is no such mail"),
        Done::No(reason) => (false, reason.as_str()),
    };
    if as_json {
        return format!("{}\n", json!({ "occurrence": occurrence, "done": is_done, "said": words }));
    }
    format!("{occurrence}: {words}\n")
}
