//! `bellwether explain`.

mod find;
mod show;

use std::process::ExitCode;

use bellwether_schemas::{TenantId, TriggerId};
use clap::Args;

use crate::exit::{Coded, NO};
use crate::output::tell;
use crate::wiring::Process;

/// Says why a trigger fired: which version of its alert did, since when that was in force, what caused it, in a sentence.
///
/// Everything is read from the log: the trigger from the triggers topic, the version from the journal before its cause.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    bellwether explain 6f1c0f9e-6b1d-5d0e-9b57-0f4f0f8f3a11 --tenant fxlabs\n  \
    bellwether explain 6f1c0f9e-6b1d-5d0e-9b57-0f4f0f8f3a11 --tenant fxlabs --log kafka://127.0.0.1:9092 --json")]
pub(crate) struct Explain {
    /// The trigger's id, as its row and its mail have it.
    trigger: TriggerId,
    /// Whose.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// A JSON object.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(crate) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let log = process.read_log(self.log.as_deref(), &self.tenant)?;
        let Some(found) = find::find(log.as_ref(), &self.tenant, self.trigger)? else {
            let message = format!(
                "no trigger {} of {} is in the log: see that the row lies in this tenant's database; triggers older \
                 than 400 days are gone, and rows from before Bellwether were never here",
                self.trigger, self.tenant
            );
            return Err(Coded { code: NO, message }.into());
        };
        tell(&if self.json { show::json(&found)? } else { show::text(&found)? })?;
        Ok(ExitCode::SUCCESS)
    }
}
