//! The first difference of a replay, down to the bar and to what the indicators said there.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_engine::Effect;
use bellwether_runtime::journal::entries_to_fold;
use bellwether_runtime::log::Log;
use bellwether_schemas::readings::Reading;
use bellwether_schemas::triggers::{Cause, Outcome, TriggerFired};
use bellwether_schemas::{TenantId, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::{Difference, Report};
use crate::WorkerError;
use crate::snapshots::load_oldest;

/// What a difference is about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// The journal record, and the place among its outcomes.
    pub cause: String,
    /// The end of the bar, or the tick's time; none for a status.
    pub at: Option<Timestamp>,
    /// Each field that differs; none where only one side has an outcome.
    pub fields: Vec<FieldDifference>,
    /// The bar and the readings of its symbol, or pair, there, as the fold has them.
    pub seen: Vec<Value>,
    /// The same of the bar before.
    pub before: Vec<Value>,
}

/// One field of an outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldDifference {
    /// Its name.
    pub field: String,
    /// As it was recorded.
    pub recorded: Value,
    /// As the fold gives it.
    pub folded: Value,
}

/// Explains the first difference of a report by its cause; none where nothing differs. Folds again up to there.
///
/// # Errors
/// As [`super::verify`].
pub fn first_explained(
    log: &dyn Log,
    tenant: &TenantId,
    report: &Report,
) -> Result<Option<Explained>, WorkerError> {
    let first = report.differences.iter().filter_map(|one| Some((cause_of(one)?, one)));
    let Some((cause, difference)) = first.min_by_key(|(cause, _)| *cause) else { return Ok(None) };
    let (recorded, folded) = sides(difference);
    let about = recorded.or(folded);
    let (seen, before) = match about {
        Some(Outcome::Fired(trigger)) => readings_at(log, tenant, trigger)?,
        Some(Outcome::Status(_)) | None => (Vec::new(), Vec::new()),
    };
    let values = [recorded, folded].map(|outcome| outcome.map(value_of_outcome));
    let fields = match &values {
        [Some(recorded), Some(folded)] => differing(recorded, folded),
        _ => Vec::new(),
    };
    let at = match about {
        Some(Outcome::Fired(trigger)) => Some(trigger.close_time),
        Some(Outcome::Status(_)) | None => None,
    };
    Ok(Some(Explained { cause: cause.to_string(), at, fields, seen, before }))
}

fn cause_of(difference: &Difference) -> Option<Cause> {
    match difference {
        Difference::Changed { cause, .. } => Some(*cause),
        Difference::Missing(outcome) => Some(outcome.cause()),
        Difference::Unexplained { recorded, .. } => recorded.as_ref().map(|outcome| outcome.cause()),
    }
}

fn sides(difference: &Difference) -> (Option<&Outcome>, Option<&Outcome>) {
    match difference {
        Difference::Changed { folded, recorded, .. } => (recorded.as_deref(), Some(folded)),
        Difference::Missing(outcome) => (None, Some(outcome)),
        Difference::Unexplained { recorded, .. } => (recorded.as_deref(), None),
    }
}

/// Readings of the trigger's bar, and of the bar before.
fn readings_at(
    log: &dyn Log,
    tenant: &TenantId,
    trigger: &TriggerFired,
) -> Result<(Vec<Value>, Vec<Value>), WorkerError> {
    let state = load_oldest(log, tenant)?;
    let mut engine = state.engine;
    let mut effects = Vec::new();
    let (mut seen, mut before) = (BTreeMap::new(), BTreeMap::new());
    let end = trigger.cause.offset.cast_unsigned().saturating_add(1);
    for read in entries_to_fold(log, tenant, state.next_offset..end)? {
        let (record, Ok(entry)) = read? else { continue };
        engine.apply(record.offset, &entry, &mut effects);
        for reading in about(trigger, &effects) {
            if reading.close_time() == trigger.close_time {
                seen.insert(reading.key(), value_of(reading));
            } else if reading.close_time() < trigger.close_time {
                before.insert(reading.key(), value_of(reading));
            }
        }
        effects.clear();
    }
    Ok((seen.into_values().collect(), before.into_values().collect()))
}

/// Readings of what a trigger is about, whatever their time.
fn about<'a>(trigger: &TriggerFired, effects: &'a [Effect]) -> Vec<&'a Reading> {
    let timeframe = trigger.timeframe.map_or("1M", |timeframe| timeframe.code());
    let mut names: BTreeSet<&str> = trigger.symbol.iter().map(|symbol| symbol.as_str()).collect();
    names.extend(trigger.pair.as_deref());
    let legs: Vec<&str> = trigger.pair.iter().flat_map(|pair| pair.split('-')).collect();
    let is_about = |reading: &&Reading| {
        let key = reading.key();
        let parts: Vec<&str> = key.split('|').collect();
        match parts[..] {
            ["strength", of] => names.is_empty() && of == timeframe,
            ["heatmap", symbol, _] => names.contains(symbol),
            ["bar" | "indicators", symbol, of] => {
                let is_leg = legs.iter().any(|leg| symbol.starts_with(leg));
                (names.contains(symbol) || is_leg) && of == timeframe
            }
            ["correlation", pair, of, _] => names.contains(pair) && of == timeframe,
            _ => false,
        }
    };
    let readings = effects.iter().filter_map(|effect| match effect {
        Effect::Reading(reading) => Some(reading),
        _ => None,
    });
    readings.filter(is_about).collect()
}

/// What the readings say of a trigger's bar.
pub(crate) fn state_at(outcome: &Outcome, effects: &[Effect]) -> Vec<Value> {
    let Outcome::Fired(trigger) = outcome else { return Vec::new() };
    let at = about(trigger, effects).into_iter().filter(|reading| reading.close_time() == trigger.close_time);
    at.map(value_of).collect()
}

fn differing(recorded: &Value, folded: &Value) -> Vec<FieldDifference> {
    let value = |of: &Value, field: &str| of.get(field).cloned().unwrap_or(Value::Null);
    let difference = |field: String| FieldDifference {
        recorded: value(recorded, &field),
        folded: value(folded, &field),
        field,
    };
    fields_that_differ(recorded, folded).into_iter().map(difference).collect()
}

/// Names of the fields of two objects that are not the same.
#[must_use]
pub fn fields_that_differ(one: &Value, other: &Value) -> Vec<String> {
    let names = |of: &Value| -> BTreeSet<String> {
        of.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
    };
    let all: BTreeSet<String> = names(one).union(&names(other)).cloned().collect();
    all.into_iter().filter(|name| one.get(name) != other.get(name)).collect()
}

/// As it is written in JSON; nothing where it cannot be.
pub(crate) fn value_of(reading: &Reading) -> Value {
    serde_json::to_value(reading).unwrap_or_default()
}

/// An outcome as it is written in JSON; nothing where it cannot be.
#[must_use]
pub fn value_of_outcome(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Fired(trigger) => serde_json::to_value(trigger).unwrap_or_default(),
        Outcome::Status(status) => serde_json::to_value(status).unwrap_or_default(),
    }
}
