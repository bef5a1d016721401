//! `bellwether shadow`.

use std::process::ExitCode;

use bellwether_engine::{ENGINE_VERSION, Version};
use bellwether_schemas::{TenantId, Topic, TopicKind};
use bellwether_worker::replay::verify;
use bellwether_worker::shadow::{Difference, Shadowed, Trial, ValueDifference, shadow};
use clap::Args;
use serde_json::{Value, json};

use super::replay::progress;
use crate::exit::{Coded, NO, USAGE};
use crate::named_offset::NamedOffset;
use crate::output::tell;
use crate::wiring::Process;

/// Differences shown before the rest is only counted.
const SHOWN: usize = 20;

/// Folds a tenant's journal by other rules beside those it names, and says what would be different.
///
/// For the build that is to come: started beside production, it reads production's log, uses its own newest rules from --from
/// on, and compares with what production recorded, byte for byte but for the number of the rules. Each difference is told
/// with what both saw; a value of an indicator at the first bar at which it differs. It appends nothing, sends nothing and
/// joins no group. Production itself goes over to newer rules by the settings that name them. The exit code is 1 where
/// anything differs, or production's records are not what its own rules give.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  bellwether shadow --log kafka://127.0.0.1:9092 --tenant fxlabs --from 2024-01-03T00:00:00Z\n  \
    bellwether shadow --tenant fxlabs --rules 2 --json"
)]
pub(crate) struct Shadow {
    /// The log: embedded:DIR or kafka://HOST:PORT. Without it the configured one.
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Tenant whose journal is folded.
    #[arg(long, value_name = "T")]
    tenant: TenantId,
    /// From here on the other rules hold, and both are compared: an offset, an event time, start or end.
    #[arg(long, value_name = "X", default_value = "start")]
    from: NamedOffset,
    /// Compare only what was caused before here.
    #[arg(long, value_name = "Y", default_value = "end")]
    to: NamedOffset,
    /// The version of the rules to try [default: the newest of this build]
    #[arg(long, value_name = "N", default_value_t = ENGINE_VERSION, hide_default_value = true)]
    rules: i32,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

impl Shadow {
    pub(crate) fn run(self, process: &Process) -> anyhow::Result<ExitCode> {
        let Some(rules) = Version::of(self.rules).filter(|_| self.rules > 0) else {
            let message = format!(
                "--rules {}: this build knows the rules of versions 1 to {ENGINE_VERSION}",
                self.rules
            );
            return Err(Coded { code: USAGE, message }.into());
        };
        let log = process.read_log(self.log.as_deref(), &self.tenant)?;
        let journal = Topic::new(&self.tenant, TopicKind::Journal);
        let range = NamedOffset::span(self.from, self.to, log.as_ref(), &journal)?;
        let bar = progress(2 * range.end);
        let verified = verify(log.as_ref(), &self.tenant, &range, &mut |done| bar.set_position(done))?;
        let trial = Trial { range, rules, prepare: &mut |_| {} };
        let mut second = |done| bar.set_position(verified.records + done);
        let shadowed = shadow(log.as_ref(), &self.tenant, trial, &mut second)?;
        bar.finish_and_clear();
        let unlike = verified.differences.len();
        tell(&if self.json { self.json(&shadowed, unlike) } else { text(&shadowed, unlike) })?;
        let is_same = shadowed.is_same() && unlike == 0;
        Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::from(NO) })
    }

    fn json(&self, shadowed: &Shadowed, unlike: usize) -> String {
        let line = json!({
            "type": "shadow", "tenant": self.tenant, "rules": self.rules, "same": shadowed.is_same() && unlike == 0,
            "production_differs_from_its_records": unlike, "found": shadowed,
        });
        format!("{line}\n")
    }
}

fn text(shadowed: &Shadowed, unlike: usize) -> String {
    let mut lines: Vec<String> = shadowed.differences.iter().take(SHOWN).map(describe).collect();
    if shadowed.differing > SHOWN as u64 {
        lines.push(format!("and {} more", shadowed.differing - SHOWN as u64));
    }
    lines.extend(shadowed.values.iter().take(SHOWN).map(describe_value));
    if shadowed.values.len() > SHOWN {
        lines.push(format!("and {} values more", shadowed.values.len() - SHOWN));
    }
    lines.extend(shadowed.stopped.clone());
    if unlike > 0 {
        lines.push(format!(
            "production's own rules do not give what was recorded (differences: {unlike}): `bellwether replay --verify` says \
             where"
        ));
    }
    let Shadowed { records, outcomes, readings, differing, values, .. } = shadowed;
    lines.push(format!(
        "{records} journal records folded by both, {outcomes} outcomes and {readings} readings compared"
    ));
    lines.push(match (shadowed.is_same(), unlike) {
        (true, 0) => "the same\n".into(),
        // What production's own records lack is told above.
        (true, _) => "both rules give the same\n".into(),
        (false, _) => format!("outcomes that differ: {differing}; values of readings: {}\n", values.len()),
    });
    lines.join("\n")
}

fn describe(difference: &Difference) -> String {
    let Difference { offset, production, tried, fields, seen_by_production, seen_by_tried } = difference;
    let side = |outcome: &Option<Value>| match outcome {
        Some(outcome) => outcome.to_string(),
        None => "nothing".into(),
    };
    let what = match (production, tried) {
        (Some(_), None) => "is not given any more".to_string(),
        (None, Some(_)) => "is new".to_string(),
        _ => format!("differs in {}", fields.join(", ")),
    };
    let seen = |seen: &[Value]| seen.iter().map(|one| format!("\n      {one}")).collect::<String>();
    format!(
        "journal offset {offset}: an outcome {what}\n  production: {}{}\n  tried:      {}{}",
        side(production),
        seen(seen_by_production),
        side(tried),
        seen(seen_by_tried)
    )
}

fn describe_value(difference: &ValueDifference) -> String {
    let ValueDifference { key, field, at, offset, production, tried, times } = difference;
    format!(
        "{key} {field}: first at {at} (journal offset {offset}) {production} becomes {tried}; at {times} bars in all"
    )
}
