//! `bellwether mail pause` and `bellwether mail resume`.

use std::process::ExitCode;

use bellwether_schemas::TenantId;
use clap::Args;
use serde_json::json;

use super::outbox::{outbox, refused};
use crate::output::tell;
use crate::wiring::Process;

/// Stops a tenant's mail within seconds: what is under way ends, nothing more is claimed, what is owed waits.
///
/// It stays so over restarts, until `mail resume`.
#[derive(Args)]
#[command(after_help = "Example:\n  bellwether mail pause --tenant fxlabs --reason \"a flood of alerts\"")]
pub(crate) struct PauseMail {
    /// Whose.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// Why, for whoever looks.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

/// Lets a tenant's mail go out again.
#[derive(Args)]
#[command(after_help = "Example:\n  bellwether mail resume --tenant fxlabs")]
pub(crate) struct ResumeMail {
    /// Whose.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl PauseMail {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let outbox = outbox(process, &self.tenant).await?;
        let changed = outbox.pause(self.reason.as_deref()).await.map_err(refused)?;
        let words = if changed { "its mail is paused" } else { "its mail was paused before" };
        told(&self.tenant, true, changed, words, self.json)
    }
}

impl ResumeMail {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let outbox = outbox(process, &self.tenant).await?;
        let changed = outbox.resume().await.map_err(refused)?;
        let words = if changed { "its mail goes out again" } else { "its mail was not paused" };
        told(&self.tenant, false, changed, words, self.json)
    }
}

fn told(tenant: &TenantId, paused: bool, changed: bool, words: &str, json: bool) -> anyhow::Result<ExitCode> {
    if json {
        tell(&format!("{}\n", json!({ "tenant": tenant, "paused": paused, "changed": changed })))?;
    } else {
        tell(&format!("{tenant}: {words}\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}
