//! `bellwether tenants resume`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use bellwether_runtime::log::{Access, Log, NewRecord, blocking, is_embedded};
use bellwether_schemas::decisions::{Decision, MAX_WORDS, OperatorDecision};
use bellwether_schemas::{Entry, Origin, TenantId, Topic, TopicKind, codec};
use bellwether_worker::standing::{Standing, find_standing};
use clap::Args;
use serde_json::json;

use crate::exit::{Coded, NO, USAGE};
use crate::output::tell;
use crate::wiring::Process;

/// Decides how a tenant goes on whose journal is not folded any more, and writes that into its journal.
///
/// The worker that has the tenant looks for a decision once a second and goes on by itself; whoever folds the journal
/// again decides the same. What makes no sense is refused: the record has to be the one that the tenant stands at.
/// An embedded log has one process that writes: stop it, decide, start it again.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    bellwether tenants resume fxlabs --skip 1042 --why 'kills the worker, reported as 311'\n  \
    bellwether tenants resume fxlabs --again 1042 --why 'it was me who killed the worker'\n  \
    bellwether tenants resume fxlabs --accept-gap --why 'retention was too short'\n\n\
    Where a tenant stands, its alarm says, and this command without the right offset.")]
pub(crate) struct Resume {
    /// The tenant that stands.
    tenant: TenantId,
    #[command(flatten)]
    what: What,
    /// Why, for whoever asks later; it is kept in the journal.
    #[arg(long)]
    why: String,
    /// Who decides.
    #[arg(long, env = "USER", default_value = "unknown")]
    who: String,
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// A JSON object.
    #[arg(long)]
    json: bool,
}

/// What is decided.
#[derive(Args, Clone, Copy)]
#[group(required = true, multiple = false)]
struct What {
    /// Never fold the record at this journal offset.
    #[arg(long, value_name = "OFFSET")]
    skip: Option<u64>,
    /// Fold the record in quarantine at this journal offset after all: whoever died, did not die of it.
    #[arg(long, value_name = "OFFSET")]
    again: Option<u64>,
    /// Go on behind records that are gone, with the state as it stands.
    #[arg(long)]
    accept_gap: bool,
}

impl Resume {
    pub(super) async fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        for (name, text) in [("--why", &self.why), ("--who", &self.who)] {
            if text.chars().count() > MAX_WORDS {
                return refuse(USAGE, format!("{name} has more than {MAX_WORDS} characters"));
            }
        }
        let url = self.log.as_deref().unwrap_or(&process.config.log);
        let log = process.log_at(url, Access::Write).with_context(|| how_to_write(url))?;
        let (asked, tenant) = (Arc::clone(&log), self.tenant.clone());
        let standing = blocking(move || find_standing(asked.as_ref(), &tenant)).await??;
        let decision = match self.what.decision(&standing) {
            Ok(decision) => decision,
            Err(why_not) => return refuse(NO, format!("{}: {why_not}", self.tenant)),
        };
        let at = self.append(&log, decision, process).await?;
        tell(&self.text(decision, at))?;
        Ok(ExitCode::SUCCESS)
    }

    /// The journal offset that the decision got.
    async fn append(&self, log: &Arc<dyn Log>, decision: Decision, process: &Process) -> anyhow::Result<u64> {
        let origin = Origin {
            tenant: self.tenant.clone(),
            source: "operator".into(),
            session: String::new(),
            played: false,
            appended_at: process.clock.now(),
        };
        let (who, why) = (self.who.clone(), self.why.clone());
        let value = codec::encode_entry(&Entry::Decision(OperatorDecision { origin, decision, who, why }))?;
        let record = NewRecord { key: self.tenant.as_str().into(), value };
        let (log, journal) = (Arc::clone(log), Topic::new(&self.tenant, TopicKind::Journal));
        let appended = blocking(move || log.append(&journal, vec![record]).wait()).await?;
        Ok(appended?)
    }

    fn text(&self, decision: Decision, at: u64) -> String {
        let tenant = &self.tenant;
        if self.json {
            let (offset, first_readable) = match decision {
                Decision::Skip { offset } | Decision::Again { offset } => (offset, None),
                Decision::AcceptGap { last_folded, first_readable } => (last_folded, Some(first_readable)),
            };
            let line = json!({
                "tenant": tenant, "decision": decision.name(), "offset": offset,
                "first_readable": first_readable, "journal_offset": at, "who": self.who, "why": self.why,
            });
            return format!("{line}\n");
        }
        let what = match decision {
            Decision::Skip { offset } => format!("the record at offset {offset} is skipped"),
            Decision::Again { offset } => format!("the record at offset {offset} is folded after all"),
            Decision::AcceptGap { last_folded, first_readable } => {
                format!("what was between offsets {last_folded} and {first_readable} is left out")
            }
        };
        format!("{tenant}: {what}; the decision is the journal's record at offset {at}\n")
    }
}

fn refuse(code: u8, message: String) -> anyhow::Result<ExitCode> {
    Err(Coded { code, message }.into())
}

fn how_to_write(url: &str) -> String {
    match is_embedded(url) {
        true => "a decision is written into the log, which one process at a time may do: stop the one that has it, \
                 decide, and start it again"
            .into(),
        false => "a decision is written into the log".into(),
    }
}

impl What {
    /// The decision, where it makes sense; else why not.
    fn decision(self, standing: &Standing) -> Result<Decision, String> {
        let stands_at = match standing {
            Standing::Quarantined(offset) | Standing::Stopped { offset, .. } => Some(*offset),
            Standing::Nowhere | Standing::Passed { .. } | Standing::Dying(_) | Standing::Gap { .. } => None,
        };
        match (self, standing) {
            (Self { accept_gap: true, .. }, Standing::Gap { last_folded, first_readable }) => {
                let (last_folded, first_readable) = (last_folded.cast_signed(), first_readable.cast_signed());
                Ok(Decision::AcceptGap { last_folded, first_readable })
            }
            (Self { skip: Some(offset), .. }, _) if stands_at == Some(offset) => {
                Ok(Decision::Skip { offset: offset.cast_signed() })
            }
            (Self { again: Some(offset), .. }, Standing::Quarantined(at)) if *at == offset => {
                Ok(Decision::Again { offset: offset.cast_signed() })
            }
            _ => Err(describe(standing)),
        }
    }
}

fn describe(standing: &Standing) -> String {
    match standing {
        Standing::Nowhere => {
            "nothing was decided: its journal can be folded to its end, so there is nothing to skip or to accept; if \
             it is halted all the same, its alarm says why"
                .into()
        }
        Standing::Quarantined(offset) => format!(
            "nothing was decided: it stands before offset {offset}, which is in quarantine; use --skip {offset}, or \
             --again {offset} if no record was to blame"
        ),
        Standing::Stopped { offset, reason } => format!(
            "nothing was decided: it stands at offset {offset} ({reason}); use --skip {offset}, or a version that can \
             fold it"
        ),
        Standing::Passed { offset, reason } => format!(
            "nothing was decided: this build cannot fold the record at offset {offset} ({reason}), but a worker has, so \
             it is not skipped any more; use the build of that worker"
        ),
        Standing::Dying(deaths) => format!(
            "nothing was decided: its owners died {deaths} times in a row, and of which record is not known; run a \
             worker, which finds it by folding one at a time"
        ),
        Standing::Gap { last_folded, first_readable } => format!(
            "nothing was decided: records behind offset {last_folded} are gone, the first that can be read is \
             {first_readable}; use --accept-gap, or restore them"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_tenant_stands_at_is_decided_of() {
        let what = |skip, again, accept_gap| What { skip, again, accept_gap };
        let gap = Standing::Gap { last_folded: 9, first_readable: 30 };
        let stopped = Standing::Stopped { offset: 7, reason: "upgrade me".into() };
        let passed = Standing::Passed { offset: 7, reason: "upgrade me".into() };
        for (what, standing, decided) in [
            (what(Some(7), None, false), &stopped, Some(Decision::Skip { offset: 7 })),
            (what(Some(7), None, false), &Standing::Quarantined(7), Some(Decision::Skip { offset: 7 })),
            (what(None, Some(7), false), &Standing::Quarantined(7), Some(Decision::Again { offset: 7 })),
            (what(None, None, true), &gap, Some(Decision::AcceptGap { last_folded: 9, first_readable: 30 })),
            (what(Some(8), None, false), &stopped, None),
            (what(Some(7), None, false), &Standing::Nowhere, None),
            (what(Some(7), None, false), &passed, None),
            (what(Some(7), None, false), &Standing::Dying(2), None),
            (what(Some(9), None, false), &gap, None),
            (what(None, Some(7), false), &stopped, None),
            (what(None, Some(8), false), &Standing::Quarantined(7), None),
            (what(None, None, true), &Standing::Quarantined(7), None),
            (what(None, None, true), &Standing::Nowhere, None),
        ] {
            let found = what.decision(standing);
            assert_eq!(found.as_ref().ok(), decided.as_ref(), "{found:?}");
        }
        let told = what(Some(8), None, false).decision(&Standing::Quarantined(7)).unwrap_err();
        assert!(told.contains("--skip 7") && told.contains("--again 7"), "{told}");
    }
}
