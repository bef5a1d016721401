//! `bellwether topics`.

use std::process::ExitCode;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Access, Drift, Log, LogError};
use bellwether_schemas::{TenantId, Topic};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::exit::NO;
use crate::output::tell;
use crate::wiring::{LeftOut, Process};

/// The topics every tenant needs, and what is there.
#[derive(Subcommand)]
pub(crate) enum Topics {
    /// Shows what is missing or not as it should be, and changes nothing; exits with 1 if anything is.
    #[command(after_help = "Example:\n  bellwether topics plan --tenant fxlabs")]
    Plan(Options),
    /// Creates what is missing and corrects what drifted. Harmless to repeat; without --delete it deletes nothing.
    #[command(after_help = "Example:\n  BELLWETHER_LOG=kafka://127.0.0.1:9092 bellwether topics apply")]
    Apply(Options),
}

/// Which, and how shown.
#[derive(Args)]
pub(crate) struct Options {
    /// Whose topics. Repeatable; without it every tenant's.
    #[arg(long)]
    tenant: Vec<TenantId>,
    /// Also the topics of tenants that have no file any more: `apply` deletes them, with all that is in them.
    #[arg(long)]
    delete: bool,
    /// One JSON object a topic and line.
    #[arg(long)]
    json: bool,
}

/// What is known of a topic, or was done to it.
enum State {
    Right,
    Missing,
    Drifted(Vec<Drift>),
    Created,
    Corrected(Vec<Drift>),
    /// Its tenant has no file.
    Unclaimed,
    Deleted,
}

impl Topics {
    pub(crate) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let (Self::Plan(options) | Self::Apply(options)) = &self;
        let access = match self {
            Self::Plan(_) => Access::Read,
            Self::Apply(_) => Access::Write,
        };
        let log = process.log(access)?;
        let existing = log.topics()?;
        let mut done = true;
        let (tenants, left_out) = options.claimed(process)?;
        for topic in tenants.iter().flat_map(|tenant| Topic::all(&tenant.id)) {
            let found = look(log.as_ref(), &topic, existing.contains(&topic))?;
            let state = if access == Access::Write { apply(log.as_ref(), &topic, found)? } else { found };
            done &= !matches!(state, State::Missing | State::Drifted(_));
            state.tell(&topic, options.json)?;
        }
        for topic in unclaimed(process, options, existing)? {
            let delete = access == Access::Write;
            if delete {
                log.delete(&topic)?;
            }
            done &= delete;
            let state = if delete { State::Deleted } else { State::Unclaimed };
            state.tell(&topic, options.json)?;
        }
        Ok(left_out.code(if done { ExitCode::SUCCESS } else { ExitCode::from(NO) }))
    }
}

/// Topics of tenants without a file, if they are asked for; of those named alone, where some are.
fn unclaimed(process: &Process, options: &Options, existing: Vec<Topic>) -> anyhow::Result<Vec<Topic>> {
    if !options.delete {
        return Ok(Vec::new());
    }
    let with_file = process.directory(&[]).names()?;
    let named = |tenant: &TenantId| options.tenant.is_empty() || options.tenant.contains(tenant);
    let is_unclaimed = |topic: &Topic| named(&topic.tenant) && !with_file.contains(topic.tenant.as_str());
    Ok(existing.into_iter().filter(is_unclaimed).collect())
}

fn look(log: &dyn Log, topic: &Topic, exists: bool) -> Result<State, LogError> {
    if !exists {
        return Ok(State::Missing);
    }
    let drift = log.drift(topic)?;
    Ok(if drift.is_empty() { State::Right } else { State::Drifted(drift) })
}

fn apply(log: &dyn Log, topic: &Topic, found: State) -> Result<State, LogError> {
    Ok(match found {
        State::Missing => {
            log.create(topic)?;
            State::Created
        }
        State::Drifted(drift) => {
            log.correct(topic)?;
            State::Corrected(drift)
        }
        other => other,
    })
}

impl Options {
    /// The tenants with a file, whose topics are to be there. Of those whose topics are to go, none is needed.
    fn claimed(&self, process: &Process) -> anyhow::Result<(Vec<Tenant>, LeftOut)> {
        if !self.delete || self.tenant.is_empty() {
            return Ok(process.good_tenants(&self.tenant)?);
        }
        let with_file = process.directory(&[]).names()?;
        let named: Vec<TenantId> =
            self.tenant.iter().filter(|tenant| with_file.contains(tenant.as_str())).cloned().collect();
        Ok(if named.is_empty() { Default::default() } else { process.good_tenants(&named)? })
    }
}

impl State {
    fn tell(&self, topic: &Topic, json: bool) -> anyhow::Result<()> {
        tell(&(if json { self.json(topic) } else { self.line(topic) } + "\n"))
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Right => "ok",
            Self::Missing => "missing",
            Self::Drifted(_) => "drifted",
            Self::Created => "created",
            Self::Corrected(_) => "corrected",
            Self::Unclaimed => "unclaimed",
            Self::Deleted => "deleted",
        }
    }

    fn drift(&self) -> &[Drift] {
        match self {
            Self::Drifted(drift) | Self::Corrected(drift) => drift,
            Self::Right | Self::Missing | Self::Created | Self::Unclaimed | Self::Deleted => &[],
        }
    }

    fn line(&self, topic: &Topic) -> String {
        let changes = self.drift().iter().map(|drift| {
            let Drift { key, found, wanted } = drift;
            format!("{key} is {found}, wanted {wanted}")
        });
        let changes = changes.collect::<Vec<_>>().join("; ");
        format!("{:<10} {:<40} {changes}", self.name(), topic.to_string()).trim_end().to_owned()
    }

    fn json(&self, topic: &Topic) -> String {
        let change =
            |drift: &Drift| json!({ "key": drift.key, "found": drift.found, "wanted": drift.wanted });
        let drift: Vec<_> = self.drift().iter().map(change).collect();
        json!({ "topic": topic.to_string(), "state": self.name(), "drift": drift }).to_string()
    }
}
