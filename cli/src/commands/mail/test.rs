//! `bellwether mail test`.

use std::process::ExitCode;

use bellwether_runtime::config::EmailAddress;
use bellwether_runtime::slot;
use bellwether_schemas::TenantId;
use bellwether_sinks::mail::core::Verdict;
use bellwether_sinks::mail::trial::{self, TrialError};
use clap::Args;
use serde_json::json;

use super::outbox::tenant;
use crate::exit::{CONFIG, Coded, NO, SOFTWARE};
use crate::output::tell;
use crate::wiring::Process;

/// Sends one test mail at once, in the tenant's brand over the tenant's server, and prints what the server says.
///
/// Only to an address in `test_addresses` of `[mail]` of the tenant's file. Ends with 1 where the server does not take it.
#[derive(Args)]
#[command(after_help = "Example:\n  bellwether mail test --tenant fxlabs --to me@fxlabs.example")]
pub(crate) struct TestMail {
    /// Whose brand and server.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// Where to.
    #[arg(long, value_name = "ADDRESS")]
    to: EmailAddress,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

impl TestMail {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let tenant = tenant(process, &self.tenant)?;
        let sent = trial::send(&tenant, &self.to, &slot::host(), process.clock.now()).await;
        let (outcome, words) = match sent.map_err(coded)? {
            Verdict::Sent(words) => ("sent", words),
            Verdict::Retry { reason, .. } | Verdict::Limited(reason) => ("not taken for now", reason),
            Verdict::AuthRefused(reason) => ("user or password refused", reason),
            Verdict::Failed { reason, .. } => ("refused", reason),
            Verdict::Ambiguous(reason) => ("perhaps taken", reason),
        };
        if self.json {
            tell(&format!("{}\n", json!({ "tenant": self.tenant, "outcome": outcome, "said": words })))?;
        } else {
            tell(&format!("{outcome}: {words}\n"))?;
        }
        Ok(if outcome == "sent" { ExitCode::SUCCESS } else { NO.into() })
    }
}

fn coded(error: TrialError) -> Coded {
    let code = match error {
        TrialError::NotAllowed(_)
        | TrialError::NotConfigured
        | TrialError::Brand(_)
        | TrialError::Server(_) => CONFIG,
        TrialError::Templates(_) | TrialError::Compose(_) => SOFTWARE,
    };
    Coded { code, message: error.to_string() }
}
