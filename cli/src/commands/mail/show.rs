//! `bellwether mail show`.

use std::fmt::Write as _;
use std::process::ExitCode;

use bellwether_schemas::TenantId;
use bellwether_sinks::mail::outbox::by_hand::{Happened, Listed};
use clap::Args;
use serde_json::json;

use super::outbox::{Addresses, as_json, outbox, refused};
use crate::exit::{Coded, NO_INPUT};
use crate::output::tell;
use crate::wiring::Process;

/// Shows one mail: where it stands, and in order what happened to it, with the server's words.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  bellwether mail show c0a8d9a2-77f1-5a43-8f58-6a0f5f9d0001 --tenant fxlabs\n  \
    bellwether mail show c0a8d9a2-77f1-5a43-8f58-6a0f5f9d0001 --tenant fxlabs --addresses --json"
)]
pub(crate) struct ShowMail {
    /// What it is about, as `mail list` names it; it stands left of the `@` of its Message-ID.
    occurrence: String,
    /// Whose.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// Shows addresses whole.
    #[arg(long)]
    addresses: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl ShowMail {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let outbox = outbox(process, &self.tenant).await?;
        let Some((mail, events)) = outbox.show(&self.occurrence).await.map_err(refused)? else {
            let message = format!("tenant {} has no mail {:?}", self.tenant, self.occurrence);
            return Err(Coded { code: NO_INPUT, message }.into());
        };
        let addresses = Addresses::of(self.addresses);
        tell(&if self.json {
            let mut shown = as_json(&self.tenant, &mail, addresses);
            shown["events"] = events.iter().map(|event| event_json(event, addresses)).collect();
            format!("{shown}\n")
        } else {
            whole(&mail, &events, addresses)
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

fn event_json(event: &Happened, addresses: Addresses) -> serde_json::Value {
    let Happened { at, event, detail } = event;
    json!({ "at": at, "event": event, "detail": detail.as_ref().map(|detail| addresses.text(detail)) })
}

fn whole(mail: &Listed, events: &[Happened], addresses: Addresses) -> String {
    let moment = |at: &_| bellwether_schemas::Timestamp::from(*at).to_string();
    let text = |text: &Option<String>| text.as_deref().map(|text| addresses.text(text));
    let mut shown = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(shown, "{name:<11} {value}");
        }
    };
    line("occurrence", Some(mail.occurrence.clone()));
    line("kind", Some(mail.kind.clone()));
    line("user", Some(mail.user_id.to_string()));
    line("to", text(&mail.recipient));
    line("subject", text(&mail.subject));
    line("Message-ID", Some(mail.message_id.clone()));
    line("owed", Some(moment(&mail.created_at)));
    line(
        "owed by",
        mail.schedule.as_ref().map(|name| format!("{name} {}", mail.run_key.as_deref().unwrap_or(""))),
    );
    line("state", Some(state(&mail.state).into()));
    line("because", text(&mail.reason));
    line("tries", Some(mail.attempts.to_string()));
    line("tried next", mail.due_at.as_ref().map(moment));
    for event in events {
        let detail = text(&event.detail).map_or_else(String::new, |detail| format!(": {detail}"));
        let _ = writeln!(shown, "{} {}{detail}", moment(&event.at), happened(&event.event));
    }
    shown
}

/// A state in words.
fn state(name: &str) -> &str {
    match name {
        "pending" => "pending: it waits for its turn",
        "claimed" => "claimed: a worker has it",
        "data_started" => "data_started: its content is leaving",
        "sent" => "sent: its server has it",
        "failed" => "failed: it is not tried any more",
        "suppressed" => "suppressed: its user does not want it, or its address takes none",
        "ambiguous" => "ambiguous: its server may have it (`mail resolve`, `mail retry`)",
        "held" => "held: it waits until quiet hours end, or for a digest",
        "digested" => "digested: a digest tells of it",
        other => other,
    }
}

/// An event in words.
fn happened(name: &str) -> &str {
    match name {
        "sent" => "its server took it",
        "retry" => "it was not taken for now",
        "released" => "it was put back",
        "failed" => "it was given up",
        "suppressed" => "it was left out",
        "ambiguous" => "its server may have taken it",
        other => other,
    }
}
