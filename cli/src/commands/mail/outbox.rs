//! What the commands share that look into a tenant's outbox.

use std::fmt::Display;

use bellwether_database as database;
use bellwether_runtime::config::Tenant;
use bellwether_schemas::TenantId;
use bellwether_sinks::mail::outbox::Outbox;
use bellwether_sinks::mail::outbox::by_hand::Listed;
use clap::Args;
use serde_json::{Value, json};

use crate::exit::{CONFIG, Coded, UNAVAILABLE};
use crate::wiring::Process;

/// The tenant of that name.
pub(super) fn tenant(process: &Process, id: &TenantId) -> anyhow::Result<Tenant> {
    let found = process.tenants_named(std::slice::from_ref(id))?.into_iter().next();
    found.ok_or_else(|| Coded { code: CONFIG, message: format!("no tenant {id}") }.into())
}

/// That tenant's outbox, in its own database.
pub(super) async fn outbox(process: &Process, id: &TenantId) -> anyhow::Result<Outbox> {
    let tenant = tenant(process, id)?;
    database::check_configured(&tenant)?;
    Ok(Outbox::new(database::connect(&tenant).await?, tenant.id))
}

/// The tenant's database said no.
pub(super) fn refused(error: impl Display) -> Coded {
    Coded { code: UNAVAILABLE, message: format!("the tenant's database: {error}") }
}

/// Whose mail it is, and who has a hand in it.
#[derive(Args)]
pub(super) struct ByHand {
    /// Whose.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// Who does it, or found out, for the mail's events [default: USER of the environment]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Why, or how, for the mail's events.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
}

impl ByHand {
    /// The outbox, and what its events say of who did it.
    pub(super) async fn open(&self, process: &Process) -> anyhow::Result<(Outbox, String)> {
        Ok((outbox(process, &self.tenant).await?, self.said()))
    }

    fn said(&self) -> String {
        let known = || std::env::var("USER").ok().filter(|name| !name.is_empty());
        let who = self.who.clone().or_else(known).unwrap_or_else(|| "somebody".into());
        let why = self.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        format!("{who}{why}").chars().filter(|c| !c.is_control()).take(300).collect()
    }
}

/// Whether addresses are shown whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum Addresses {
    Shown,
    Hidden,
}

impl Addresses {
    pub(super) const fn of(shown: bool) -> Self {
        if shown { Self::Shown } else { Self::Hidden }
    }

    /// A text in which others may have written an address, fit for a terminal.
    pub(in crate::commands) fn text(self, text: &str) -> String {
        let plain: String = text
            .chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
            .collect();
        match self {
            Self::Shown => plain,
            Self::Hidden => plain.split(' ').map(hidden).collect::<Vec<_>>().join(" "),
        }
    }
}

/// The first letter and the domain of a word that holds an address.
fn hidden(word: &str) -> String {
    let Some((before, domain)) = word.split_once('@') else { return word.into() };
    let local: String = before.chars().filter(|c| c.is_alphanumeric()).take(1).collect();
    let domain = domain.split('@').next_back().unwrap_or_default();
    format!("{local}…@{domain}")
}

/// A mail as one JSON object.
pub(in crate::commands) fn as_json(tenant: &TenantId, mail: &Listed, addresses: Addresses) -> Value {
    let text = |text: &Option<String>| text.as_ref().map(|text| addresses.text(text));
    json!({
        "tenant": tenant, "occurrence": mail.occurrence, "kind": mail.kind, "user": mail.user_id,
        "to": text(&mail.recipient), "subject": mail.subject, "message_id": mail.message_id,
        "state": mail.state, "reason": text(&mail.reason), "attempts": mail.attempts,
        "due_at": mail.due_at, "created_at": mail.created_at, "sent_at": mail.sent_at,
        "reply": text(&mail.reply), "schedule": mail.schedule, "run": mail.run_key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hidden_unless_they_are_asked_for_and_terminals_are_not_driven() {
        let words = "550 <asha.rao@users.example> is\u{1b}[2J unknown";
        assert_eq!(Addresses::Hidden.text(words), "550 a…@users.example> is\\u{1b}[2J unknown");
        assert_eq!(Addresses::Shown.text("asha@users.example"), "asha@users.example");
        assert_eq!(Addresses::Hidden.text("a@b@c.example"), "a…@c.example");
    }
}
