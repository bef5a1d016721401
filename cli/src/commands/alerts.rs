//! `bellwether alerts`.

use std::process::ExitCode;
use std::sync::Arc;

use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::blocking;
use bellwether_schemas::decisions::Decision;
use bellwether_schemas::{AlertId, TenantId};
use clap::{Args, Subcommand};

use super::decisions::{Words, append, log_to_decide_in, refuse, told};
use crate::exit::NO;
use crate::output::tell;
use crate::wiring::Process;

/// What an operator decides about users' alerts.
#[derive(Subcommand)]
pub(crate) enum Alerts {
    /// Lets an alert fire no more, whatever its user changes; its user is shown that, and why.
    ///
    /// The decision is a record of the tenant's journal: whoever folds that again decides the same.
    #[command(
        after_help = "Example:\n  bellwether alerts disable 5e0fb3a2-7a1d-5d0e-9f63-0a3c7f1f0001 --tenant fxlabs \
        --why 'fires at every tick: ask us'"
    )]
    Disable(Which),
    /// Lets an alert that was disabled fire again, as its user has it now; its first evaluation is the baseline.
    #[command(
        after_help = "Example:\n  bellwether alerts enable 5e0fb3a2-7a1d-5d0e-9f63-0a3c7f1f0001 --tenant fxlabs \
        --why 'its user knows now'"
    )]
    Enable(Which),
}

/// Which alert, and who says so.
#[derive(Args)]
pub(crate) struct Which {
    /// Its id.
    alert: AlertId,
    /// Whose alert it is.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    #[command(flatten)]
    words: Words,
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// A JSON object.
    #[arg(long)]
    json: bool,
}

impl Alerts {
    pub(crate) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let (Self::Disable(which) | Self::Enable(which)) = &self;
        which.words.check()?;
        let log = log_to_decide_in(process, which.log.as_deref())?;
        let (asked, tenant) = (Arc::clone(&log), which.tenant.clone());
        let (gist, _) = blocking(move || Gist::read(asked.as_ref(), &tenant)).await??;
        let Some(alert) = gist.alerts().find(|seen| seen.id == which.alert) else {
            return refuse(
                NO,
                format!("{}: nothing was decided: its journal has no alert {}", which.tenant, which.alert),
            );
        };
        if alert.change().is_some_and(|change| change.deleted) {
            return refuse(
                NO,
                format!("{}: nothing was decided: {} was deleted by its user", which.tenant, which.alert),
            );
        }
        let at = append(&log, &which.tenant, self.decision(), &which.words, process).await?;
        tell(&told(&which.tenant, self.decision(), at, &which.words, which.json))?;
        Ok(ExitCode::SUCCESS)
    }

    const fn decision(&self) -> Decision {
        match self {
            Self::Disable(which) => Decision::DisableAlert { alert_id: which.alert },
            Self::Enable(which) => Decision::EnableAlert { alert_id: which.alert },
        }
    }
}
