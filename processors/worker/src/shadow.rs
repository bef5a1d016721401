//! What other rules would make of a tenant's journal: the same records folded twice, by the rules that production has and by
//! the rules to be tried, side by side. Nothing is appended and no group is joined.
//!
//! What production recorded is compared with the first fold byte for byte, so that what is told of the second is told of
//! production. Triggers and statuses of the two are matched by their ids and compared without the number of their rules and
//! their place in the record, which say who computed them; readings by their keys, value by value, so that a change is named
//! at the first bar that it touches, and not only where it makes a trigger.

use std::collections::BTreeMap;

use bellwether_engine::{Effect, Engine, Version};
use bellwether_runtime::journal::entries_to_fold;
use bellwether_runtime::log::Log;
use bellwether_schemas::readings::Reading;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::WorkerError;
use crate::replay::{self, Range, fields_that_differ, state_at};
use crate::snapshots::load_oldest;

/// Journal records between two words on progress.
const TELL_EVERY: u64 = 1024;
/// Differences that are kept one by one.
const KEPT: usize = 1_000;

/// What to try.
pub struct Trial<'a> {
    /// Which part of the journal is compared.
    pub range: Range,
    /// By these rules from the range's first record on, whatever its settings name.
    pub rules: Version,
    /// Does something to the second engine where its rules begin: a test plants a fault.
    pub prepare: &'a mut dyn FnMut(&mut Engine),
}

/// What was found.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
pub struct Shadowed {
    /// The journal offset at which the folds began.
    pub begins: u64,
    /// Records that were folded.
    pub records: u64,
    /// Triggers and statuses within the range, by production's rules.
    pub outcomes: u64,
    /// Readings within the range that were compared.
    pub readings: u64,
    /// Triggers and statuses that differ, in their order; of many the first thousand.
    pub differences: Vec<Difference>,
    /// How many differ in all.
    pub differing: u64,
    /// Values of readings that differ, by key and name, at the first bar at which they do.
    pub values: Vec<ValueDifference>,
    /// Where one of the folds stopped, and why.
    pub stopped: Option<String>,
}

/// One trigger or status that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// The journal offset of the record that it came of.
    pub offset: u64,
    /// By production's rules; none where they give none.
    pub production: Option<Value>,
    /// By the rules that are tried.
    pub tried: Option<Value>,
    /// Fields that differ, where both give it.
    pub fields: Vec<String>,
    /// The bar and the indicators that each saw.
    pub seen_by_production: Vec<Value>,
    /// The same by the rules that are tried.
    pub seen_by_tried: Vec<Value>,
}

/// One value of a reading that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueDifference {
    /// The reading's key.
    pub key: String,
    /// The value's name.
    pub field: String,
    /// The first bar's close.
    pub at: Timestamp,
    /// The journal offset of the record that closed it.
    pub offset: u64,
    /// By production's rules.
    pub production: Value,
    /// By the rules that are tried.
    pub tried: Value,
    /// At how many bars it differs in all.
    pub times: u64,
}

/// Folds the journal by both rules and compares. Blocks while it is read; `progress` is told how many records are done.
///
/// # Errors
/// The log cannot be read, or the journal was cut and there is no base to begin at.
pub fn shadow(
    log: &dyn Log,
    tenant: &TenantId,
    trial: Trial<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<Shadowed, WorkerError> {
    let Trial { range, rules, prepare } = trial;
    let state = load_oldest(log, tenant)?;
    let range = range.start.max(state.next_offset)..range.end.max(state.next_offset);
    let mut shadowed = Shadowed { begins: state.next_offset, ..Shadowed::default() };
    let mut production = state.engine;
    // A shadow of the production's engine until its own rules begin.
    let mut tried: Option<Engine> = None;
    let mut values = BTreeMap::new();
    for read in entries_to_fold(log, tenant, state.next_offset..range.end)? {
        let (record, entry) = read?;
        shadowed.records += 1;
        if shadowed.records.is_multiple_of(TELL_EVERY) {
            progress(shadowed.records);
        }
        if tried.is_none() && record.offset >= range.start {
            let mut engine = production.clone();
            prepare(&mut engine);
            engine.go_by(rules);
            tried = Some(engine);
        }
        let Ok(entry) = entry else { continue };
        let mut effects = [Vec::new(), Vec::new()];
        production.apply(record.offset, &entry, &mut effects[0]);
        if let Some(tried) = &mut tried {
            tried.apply(record.offset, &entry, &mut effects[1]);
            shadowed.compare(record.offset, &effects, &mut values);
        }
    }
    progress(shadowed.records);
    shadowed.values = values.into_values().collect();
    shadowed.values.sort_by(|a: &ValueDifference, b| (a.at, &a.key, &a.field).cmp(&(b.at, &b.key, &b.field)));
    Ok(shadowed)
}

type Values = BTreeMap<(String, String), ValueDifference>;

impl Shadowed {
    /// Nothing differs.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.differing == 0 && self.values.is_empty() && self.stopped.is_none()
    }

    fn compare(&mut self, offset: u64, effects: &[Vec<Effect>; 2], values: &mut Values) {
        let halted = effects.each_ref().map(|effects| effects.iter().find_map(halt));
        if self.stopped.is_none() && halted[0] != halted[1] {
            let told = halted.map(|halt| halt.unwrap_or_else(|| "goes on".into()));
            self.stopped = Some(format!("at offset {offset} production: {}; tried: {}", told[0], told[1]));
        }
        self.compare_outcomes(offset, effects);
        self.compare_readings(offset, effects, values);
    }

    fn compare_outcomes(&mut self, offset: u64, effects: &[Vec<Effect>; 2]) {
        let [production, tried] = effects.each_ref().map(|effects| outcomes(effects));
        self.outcomes += production.len() as u64;
        let mut keys: Vec<&String> = production.keys().collect();
        keys.extend(tried.keys().filter(|key| !production.contains_key(*key)));
        for key in keys {
            let both = [production.get(key), tried.get(key)].map(|outcome| outcome.map(|one| neutral(one)));
            if both[0] == both[1] {
                continue;
            }
            self.differing += 1;
            if self.differences.len() < KEPT {
                let about = production.get(key).or_else(|| tried.get(key)).copied();
                let [seen_by_production, seen_by_tried] = effects
                    .each_ref()
                    .map(|effects| about.map_or_else(Vec::new, |one| state_at(one, effects)));
                let [production, tried] = both;
                let fields = match (&production, &tried) {
                    (Some(production), Some(tried)) => fields_that_differ(production, tried),
                    _ => Vec::new(),
                };
                self.differences.push(Difference {
                    offset,
                    production,
                    tried,
                    fields,
                    seen_by_production,
                    seen_by_tried,
                });
            }
        }
    }

    fn compare_readings(&mut self, offset: u64, effects: &[Vec<Effect>; 2], values: &mut Values) {
        let [production, tried] = effects.each_ref().map(|effects| readings(effects));
        self.readings += production.len() as u64;
        let mut keys: Vec<_> = production.keys().collect();
        keys.extend(tried.keys().filter(|key| !production.contains_key(*key)));
        for key in keys {
            let both = [production.get(key), tried.get(key)];
            // Most are the same: nothing is written out for those.
            if both[0] == both[1] {
                continue;
            }
            let [production, tried] =
                both.map(|reading| reading.map_or(Value::Null, |reading| replay::value_of(reading)));
            for field in fields_that_differ(&production, &tried) {
                let value = |of: &Value| of.get(&field).cloned().unwrap_or(Value::Null);
                let first = || ValueDifference {
                    key: key.0.clone(),
                    field: field.clone(),
                    at: key.1,
                    offset,
                    production: value(&production),
                    tried: value(&tried),
                    times: 0,
                };
                values.entry((key.0.clone(), field.clone())).or_insert_with(first).times += 1;
            }
        }
    }
}

fn halt(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Halt(why) => Some(why.clone()),
        _ => None,
    }
}

/// By kind and id; a status of the same alert again in one record stands for itself.
fn outcomes(effects: &[Effect]) -> BTreeMap<String, &Outcome> {
    let mut found = BTreeMap::new();
    for effect in effects {
        let Effect::Outcome(outcome) = effect else { continue };
        let again = (0..).map(|again| match outcome {
            Outcome::Fired(trigger) => format!("trigger {} {again}", trigger.id),
            Outcome::Status(status) => format!("status {} {again}", status.alert_id),
        });
        if let Some(key) = again.into_iter().find(|key| !found.contains_key(key)) {
            found.insert(key, outcome);
        }
    }
    found
}

/// By key and time.
fn readings(effects: &[Effect]) -> BTreeMap<(String, Timestamp), &Reading> {
    let of = effects.iter().filter_map(|effect| match effect {
        Effect::Reading(reading) => Some(((reading.key(), reading.close_time()), reading)),
        _ => None,
    });
    of.collect()
}

/// Without what says who computed it.
fn neutral(outcome: &Outcome) -> Value {
    let mut outcome = outcome.clone();
    match &mut outcome {
        Outcome::Fired(trigger) => {
            trigger.engine_version = 0;
            trigger.cause.index = 0;
        }
        Outcome::Status(status) => status.cause.index = 0,
    }
    replay::value_of_outcome(&outcome)
}
