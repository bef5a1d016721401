//! Folding a bundle, as a worker folds the journal that it was taken of.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bellwether_engine::{Effect, Engine};
use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::journal::gist::{Gist, IS_GIST};
use bellwether_runtime::log::Record;
use bellwether_schemas::codec::{SchemaName, encode_outcome, schema_id};
use bellwether_schemas::snapshots::ContentHash;
use bellwether_schemas::triggers::{Cause, Outcome};
use bellwether_schemas::{Entry, TenantId};

use super::{About, BadBundle, Bundle, Parts};

/// Records between two words on progress.
const TELL_EVERY: usize = 1024;

/// What came of a bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct Rerun {
    /// Triggers and what became of alerts, in their order.
    pub outcomes: Vec<Outcome>,
    /// Records that were folded.
    pub folded: u64,
    /// Records that were put aside, by why.
    pub put_aside: BTreeMap<&'static str, u64>,
    /// Where the fold ended before its last record, and why.
    pub stopped: Option<(u64, String)>,
    /// Of every outcome's key and bytes, each behind its length as eight bytes, big end first: where two folds have the
    /// same, they gave the same bytes.
    pub sha256: ContentHash,
    /// How it stands to what was recorded; none where the bundle does not say.
    pub comparison: Option<Comparison>,
}

/// Outcomes of a fold beside those that were recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The same, byte for byte.
    pub identical: u64,
    /// Recorded with other bytes.
    pub changed: u64,
    /// Recorded, but not folded.
    pub unexplained: u64,
    /// Folded, but not recorded, although something later was.
    pub missing: u64,
}

impl Comparison {
    /// Nothing differs.
    #[must_use]
    pub const fn is_identical(&self) -> bool {
        self.changed + self.unexplained + self.missing == 0
    }
}

impl Rerun {
    /// Whether the trigger came out that the bundle is about; none where it is about something else.
    #[must_use]
    pub fn fired(&self, about: &About) -> Option<bool> {
        let About::Trigger { id, .. } = about else { return None };
        let is_it = |outcome: &Outcome| matches!(outcome, Outcome::Fired(trigger) if trigger.id == *id);
        Some(self.outcomes.iter().any(is_it))
    }
}

/// Folds the bundle and compares what comes out with what was recorded. `progress` is told how many records are done.
///
/// # Errors
/// Its state is none that this build can go on from.
pub fn rerun(bundle: &Bundle, progress: &mut dyn FnMut(usize)) -> Result<Rerun, BadBundle> {
    let mut fold = Fold::begin(bundle)?;
    let mut outcomes = Vec::new();
    for (done, record) in bundle.records.iter().enumerate() {
        if done.is_multiple_of(TELL_EVERY) {
            progress(done);
        }
        fold.step(record, &mut outcomes);
    }
    let written: Vec<(Cause, Vec<u8>, Vec<u8>)> = outcomes.iter().map(written).collect();
    let comparison = bundle.recorded.as_ref().map(|recorded| {
        let recorded = recorded.iter().map(|outcome| (outcome.cause, (&outcome.key, &outcome.value)));
        compare(&written, &recorded.collect())
    });
    let Fold { folded, put_aside, stopped, .. } = fold;
    Ok(Rerun { outcomes, folded, put_aside, stopped, sha256: digest(&written), comparison })
}

fn written(outcome: &Outcome) -> (Cause, Vec<u8>, Vec<u8>) {
    // One that cannot be encoded stops its tenant, and is nowhere recorded.
    (outcome.cause(), outcome.key().into_bytes(), encode_outcome(outcome).unwrap_or_default())
}

fn digest(written: &[(Cause, Vec<u8>, Vec<u8>)]) -> ContentHash {
    let texts = written.iter().flat_map(|(_, key, value)| [key, value]);
    let bytes =
        texts.flat_map(|text| (text.len() as u64).to_be_bytes().into_iter().chain(text.iter().copied()));
    ContentHash::of(&bytes.collect::<Vec<u8>>())
}

fn compare(
    folded: &[(Cause, Vec<u8>, Vec<u8>)],
    recorded: &BTreeMap<Cause, (&Vec<u8>, &Vec<u8>)>,
) -> Comparison {
    let mut comparison = Comparison::default();
    let last = recorded.last_key_value().map(|(cause, _)| *cause);
    for (cause, key, value) in folded {
        match recorded.get(cause) {
            Some(found) if *found == (key, value) => comparison.identical += 1,
            Some(_) => comparison.changed += 1,
            None => comparison.missing += u64::from(Some(*cause) < last),
        }
    }
    let folded: BTreeSet<Cause> = folded.iter().map(|(cause, ..)| *cause).collect();
    comparison.unexplained = recorded.keys().filter(|cause| !folded.contains(cause)).count() as u64;
    comparison
}

/// A bundle's fold under way.
pub(super) struct Fold {
    tenant: TenantId,
    decisions: Decisions,
    engine: Engine,
    gist: Gist,
    folded: u64,
    put_aside: BTreeMap<&'static str, u64>,
    stopped: Option<(u64, String)>,
}

impl Fold {
    pub(super) fn begin(bundle: &Bundle) -> Result<Self, BadBundle> {
        let tenant = bundle.head.tenant.clone();
        let (engine, gist) = match &bundle.state {
            None => (Engine::new(tenant.clone()), Gist::default()),
            Some(parts) => restored(&tenant, parts).map_err(BadBundle::State)?,
        };
        let decisions = decisions(&tenant, bundle);
        let (folded, put_aside, stopped) = (0, BTreeMap::new(), None);
        Ok(Self { tenant, decisions, engine, gist, folded, put_aside, stopped })
    }

    /// Folds one record more, unless it has stopped. What the engine panics at ends it, as it halts a tenant.
    pub(super) fn step(&mut self, record: &Record, outcomes: &mut Vec<Outcome>) {
        if self.stopped.is_some() {
            return;
        }
        let entry = match self.decisions.entry(&self.tenant, record) {
            Ok(entry) => entry,
            Err(unusable) => {
                self.gist.see_put_aside(&self.tenant, record, &unusable);
                *self.put_aside.entry(unusable.reason()).or_default() += 1;
                return;
            }
        };
        let mut effects = Vec::new();
        let applied =
            catch_unwind(AssertUnwindSafe(|| self.engine.apply(record.offset, &entry, &mut effects)));
        if applied.is_err() {
            self.stopped = Some((record.offset, "the engine panicked".into()));
            return;
        }
        self.folded += 1;
        self.gist.see(record, &entry);
        for effect in effects {
            match effect {
                Effect::Outcome(outcome) => outcomes.push(outcome),
                Effect::Halt(reason) => self.stopped = Some((record.offset, reason)),
                Effect::Reading(_) | Effect::Forgotten(_) | Effect::Refused(_) => {}
            }
        }
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    pub(super) const fn gist(&self) -> &Gist {
        &self.gist
    }

    /// The state as it is now.
    pub(super) fn parts(&self) -> Result<Parts, BadBundle> {
        self.parts_of(&self.engine)
    }

    /// The same of a tenant that has no alerts.
    pub(super) fn parts_without_alerts(&self) -> Result<Parts, BadBundle> {
        self.parts_of(&self.engine.clone().without_alerts())
    }

    fn parts_of(&self, engine: &Engine) -> Result<Parts, BadBundle> {
        let unwritable = |error: &dyn std::fmt::Display| BadBundle::State(error.to_string());
        let part = |part: bellwether_engine::snapshot::Part| {
            Ok((part.key().to_string(), part.encode().map_err(|error| unwritable(&error))?))
        };
        let gist = self.gist.taken();
        let gist = gist.parts().map(|part| part.map_err(|error| unwritable(&error)));
        engine.parts().map(part).chain(gist).collect()
    }
}

fn restored(tenant: &TenantId, parts: &Parts) -> Result<(Engine, Gist), String> {
    let parts = || parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let of_engine = parts().filter(|(name, _)| !name.starts_with(IS_GIST));
    let engine = Engine::from_stored(tenant.clone(), of_engine).map_err(|error| error.to_string())?;
    let gist = Gist::of_parts(parts()).map_err(|error| error.to_string())?;
    Ok((engine, gist))
}

/// Those that a bundle has among its records and behind them.
fn decisions(tenant: &TenantId, bundle: &Bundle) -> Decisions {
    let mut decisions = Decisions::default();
    let of_operators = |record: &&std::sync::Arc<Record>| {
        schema_id(&record.value) == Some(SchemaName::OperatorDecision.id())
    };
    for record in bundle.records.iter().filter(of_operators) {
        if let Ok(Entry::Decision(decided)) = record.entry(tenant) {
            decisions.see(record.offset, decided);
        }
    }
    decisions
}
