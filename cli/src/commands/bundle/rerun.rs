//! `bellwether rerun`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use bellwether_schemas::triggers::Outcome;
use bellwether_worker::bundle::{Bundle, Comparison, Rerun as Reran, rerun};
use clap::Args;
use serde_json::json;

use super::{about, counted, file, records_bar, state};
use crate::exit::NO;
use crate::output::{note, tell};

/// Folds a bundle as a worker would: the same bytes of triggers on every machine.
///
/// Needs the file and nothing else. Every trigger is printed as a line of JSON. Exits with 1 where what comes out is not
/// what was recorded, where the trigger that the bundle is about does not come out, or where the fold stops.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  bellwether rerun trigger.bundle\n  bellwether rerun trigger.bundle --json | tail -1"
)]
pub(crate) struct Rerun {
    /// A file that `bellwether bundle` or `bellwether shrink` wrote.
    #[arg(value_name = "F")]
    file: PathBuf,
    /// What was found as a last line of JSON instead of as text beside the results.
    #[arg(long)]
    json: bool,
}

impl Rerun {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let bundle = file::read(&self.file)?;
        let bar = records_bar(bundle.records.len() as u64);
        let reran = rerun(&bundle, &mut |done| bar.set_position(done as u64));
        bar.finish_and_clear();
        let reran = reran.map_err(|error| file::bad(&self.file, &error))?;
        let mut lines = triggers(&reran)?;
        if self.json {
            lines += &json(&bundle, &reran);
        }
        tell(&lines)?;
        if !self.json {
            note(&text(&bundle, &reran));
        }
        Ok(if is_as_it_was(&bundle, &reran) { ExitCode::SUCCESS } else { ExitCode::from(NO) })
    }
}

fn is_as_it_was(bundle: &Bundle, reran: &Reran) -> bool {
    reran.stopped.is_none()
        && reran.comparison.is_none_or(|comparison| comparison.is_identical())
        && reran.fired(&bundle.head.about) != Some(false)
}

fn triggers(reran: &Reran) -> serde_json::Result<String> {
    let mut lines = String::new();
    for outcome in &reran.outcomes {
        if let Outcome::Fired(trigger) = outcome {
            lines += &trigger.to_json()?;
            lines.push('\n');
        }
    }
    Ok(lines)
}

fn text(bundle: &Bundle, reran: &Reran) -> String {
    let mut text = format!("{}: {}, {}\n", about(bundle), state(bundle), counted(bundle));
    let fired = reran.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Fired(_))).count();
    let Reran { outcomes, folded, put_aside, stopped, sha256, comparison } = reran;
    let _ = writeln!(
        text,
        "{folded} records folded, {} outcomes, {fired} of them triggers; sha256 {sha256}",
        outcomes.len()
    );
    for (reason, count) in put_aside {
        let _ = writeln!(text, "{count} records put aside: {reason}");
    }
    if let Some((offset, reason)) = stopped {
        let _ = writeln!(text, "stopped at journal offset {offset}: {reason}");
    }
    if reran.fired(&bundle.head.about) == Some(false) {
        text += "the trigger that the bundle is about does not come out\n";
    }
    match comparison {
        None => {}
        Some(comparison) if comparison.is_identical() => {
            let _ = writeln!(text, "identical to what was recorded: {} outcomes", comparison.identical);
        }
        Some(Comparison { identical, changed, unexplained, missing }) => {
            let _ = writeln!(
                text,
                "not what was recorded: {identical} identical, {changed} with other bytes, {unexplained} recorded that do \
                 not come out, {missing} that were not recorded"
            );
        }
    }
    text
}

fn json(bundle: &Bundle, reran: &Reran) -> String {
    let Reran { outcomes, folded, put_aside, stopped, sha256, comparison } = reran;
    let compared = comparison.map(|Comparison { identical, changed, unexplained, missing }| {
        json!({ "identical": identical, "changed": changed, "unexplained": unexplained, "missing": missing })
    });
    let stopped =
        stopped.as_ref().map(|(offset, reason)| json!({ "journal_offset": offset, "reason": reason }));
    let line = json!({
        "type": "rerun", "as_recorded": is_as_it_was(bundle, reran), "about": bundle.head.about,
        "versions": bundle.head.versions, "records": bundle.records.len(), "folded": folded,
        "outcomes": outcomes.len(), "sha256": sha256.to_string(), "put_aside": put_aside, "stopped": stopped,
        "fired": reran.fired(&bundle.head.about), "compared": compared,
    });
    format!("{line}\n")
}
