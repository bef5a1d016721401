//! `bellwether explain`.

mod delivered;
mod find;
mod not;
mod show;

use std::process::ExitCode;

use bellwether_runtime::log::Log;
use bellwether_schemas::{AlertId, TenantId, TriggerId};
use bellwether_worker::why::around;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::exit::{Coded, NO};
use crate::named_offset::NamedOffset;
use crate::output::tell;
use crate::wiring::Process;

/// Says why a trigger fired, or, with --not, why an alert did not.
///
/// Of a trigger: the version of its alert and since when that was in force, what caused it, the ticks of its bar with the
/// bar before and after, and what was delivered to whom. All but the last is read from the log; the tenant's database is
/// asked where it is configured and there.
///
/// Of an alert that did not fire in a span: what settles it first, then what else was seen. The nearest it came to its line;
/// what held it back: a cooldown, a stale bar, its first look; since when it was paused, disabled, refused or gone; what it
/// still waits for; where there was no data. It is what the fold itself saw, from the newest snapshot before the span on.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    bellwether explain 6f1c0f9e-6b1d-5d0e-9b57-0f4f0f8f3a11 --tenant fxlabs\n  \
    bellwether explain 6f1c0f9e-6b1d-5d0e-9b57-0f4f0f8f3a11 --tenant fxlabs --log kafka://127.0.0.1:9092 --json\n  \
    bellwether explain --not 0d9c4a52-58f8-4d3f-9d0f-3a1c6c1b2e77 --tenant fxlabs \\\n    \
    --from 2024-01-03T14:00:00Z --to 2024-01-03T15:00:00Z")]
pub(crate) struct Explain {
    /// The trigger's id, as its row and its mail have it.
    #[arg(required_unless_present = "not", conflicts_with = "not")]
    trigger: Option<TriggerId>,
    /// The id of an alert that did not fire.
    #[arg(long, value_name = "ALERT")]
    not: Option<AlertId>,
    /// Where the span begins: an offset, an event time, start or end. Both ends count.
    #[arg(long, value_name = "X", default_value = "start", conflicts_with = "trigger")]
    from: NamedOffset,
    /// Where it ends.
    #[arg(long, value_name = "Y", default_value = "end", conflicts_with = "trigger")]
    to: NamedOffset,
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
        let text = match (self.trigger, self.not) {
            (Some(trigger), _) => self.why(process, log.as_ref(), trigger)?,
            (None, Some(alert)) => {
                not::told(log.as_ref(), &self.tenant, alert, (self.from, self.to), self.json)?
            }
            (None, None) => anyhow::bail!("clap lets neither a trigger nor --not be missing"),
        };
        tell(&text)?;
        Ok(ExitCode::SUCCESS)
    }

    fn why(&self, process: &Process, log: &dyn Log, trigger: TriggerId) -> anyhow::Result<String> {
        let Some(found) = find::find(log, &self.tenant, trigger)? else {
            let message = format!(
                "no trigger {trigger} of {} is in the log: see that the row lies in this tenant's database; triggers older \
                 than 400 days are gone, and rows from before Bellwether were never here",
                self.tenant
            );
            return Err(Coded { code: NO, message }.into());
        };
        // What is known of the trigger is told without its market where the journal was cut in between.
        let market = around(log, &self.tenant, &found.trigger).map_err(|error| error.to_string());
        let delivered = delivered::ask(process, &found.trigger);
        let told = show::Told { found: &found, market: &market, delivered: &delivered };
        if self.json { told.json() } else { told.text() }
    }
}

/// Hidden by itself where stderr is no terminal.
fn records_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} records, {per_sec}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
