//! What commands share that write a decision into a tenant's journal.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use bellwether_runtime::log::{Access, Log, NewRecord, blocking, is_embedded};
use bellwether_schemas::decisions::{Decision, MAX_WORDS, OperatorDecision};
use bellwether_schemas::{Entry, Origin, TenantId, Topic, TopicKind, codec};
use clap::Args;
use serde_json::json;

use crate::exit::{Coded, USAGE};
use crate::wiring::Process;

/// Who decides, and why.
#[derive(Args)]
pub(super) struct Words {
    /// Why, for whoever asks later; it is kept in the journal.
    #[arg(long)]
    pub(super) why: String,
    /// Who decides.
    #[arg(long, env = "USER", default_value = "unknown")]
    pub(super) who: String,
}

impl Words {
    /// Refuses what a decision has no room for.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        for (name, text) in [("--why", &self.why), ("--who", &self.who)] {
            if text.chars().count() > MAX_WORDS {
                refuse(USAGE, format!("{name} has more than {MAX_WORDS} characters"))?;
            }
        }
        Ok(())
    }
}

/// The log at that address, or the configured one, opened to be written.
pub(super) fn log_to_decide_in(process: &Process, url: Option<&str>) -> anyhow::Result<Arc<dyn Log>> {
    let url = url.unwrap_or(&process.config.log);
    process.log_at(url, Access::Write).with_context(|| how_to_write(url))
}

fn how_to_write(url: &str) -> String {
    match is_embedded(url) {
        true => "a decision is written into the log, which one process at a time may do: stop the one that has it, \
                 decide, and start it again"
            .into(),
        false => "a decision is written into the log".into(),
    }
}

/// The journal offset that the decision got.
pub(super) async fn append(
    log: &Arc<dyn Log>,
    tenant: &TenantId,
    decision: Decision,
    words: &Words,
    process: &Process,
) -> anyhow::Result<u64> {
    let origin = Origin {
        tenant: tenant.clone(),
        source: "operator".into(),
        session: String::new(),
        played: false,
        appended_at: process.clock.now(),
    };
    let (who, why) = (words.who.clone(), words.why.clone());
    let value = codec::encode_entry(&Entry::Decision(OperatorDecision { origin, decision, who, why }))?;
    let record = NewRecord { key: tenant.as_str().into(), value };
    let (log, journal) = (Arc::clone(log), Topic::new(tenant, TopicKind::Journal));
    let appended = blocking(move || log.append(&journal, vec![record]).wait()).await?;
    Ok(appended?)
}

/// What was decided, for who decided it.
pub(super) fn told(tenant: &TenantId, decision: Decision, at: u64, words: &Words, json: bool) -> String {
    if json {
        let (offset, first_readable) = decision.offsets();
        let line = json!({
            "tenant": tenant, "decision": decision.name(), "offset": offset, "first_readable": first_readable,
            "alert_id": decision.alert(), "journal_offset": at, "who": words.who, "why": words.why,
        });
        return format!("{line}\n");
    }
    let what = match decision {
        Decision::Skip { offset } => format!("the record at offset {offset} is skipped"),
        Decision::Again { offset } => format!("the record at offset {offset} is folded after all"),
        Decision::AcceptGap { last_folded, first_readable } => {
            format!("what was between offsets {last_folded} and {first_readable} is left out")
        }
        Decision::DisableAlert { alert_id } => format!("alert {alert_id} is disabled"),
        Decision::EnableAlert { alert_id } => format!("alert {alert_id} is enabled"),
    };
    format!("{tenant}: {what}; the decision is the journal's record at offset {at}\n")
}

/// Ends the command with that code and these words.
pub(super) fn refuse(code: u8, message: String) -> anyhow::Result<ExitCode> {
    Err(Coded { code, message }.into())
}
