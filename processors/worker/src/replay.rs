//! Folds a journal again and compares what comes out with what was recorded.

mod explain;

use std::collections::BTreeMap;

use bellwether_engine::Effect;
use bellwether_runtime::journal::entries_to_fold;
use bellwether_runtime::log::{Log, LogError, Record, scan};
use bellwether_schemas::triggers::{Cause, Outcome};
use bellwether_schemas::{TenantId, Topic, TopicKind, codec};

use crate::WorkerError;
use crate::drive::GROUP;
use crate::snapshots::{State, load_oldest};
pub use explain::{Explained, FieldDifference, fields_that_differ, first_explained, value_of_outcome};
pub(crate) use explain::{state_at, value_of};

/// Journal records between two words on progress.
const TELL_EVERY: u64 = 1024;

/// What a replay found.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Report {
    /// The journal offset at which the fold began: above 0 at a base snapshot, where the journal's front was cut off.
    /// What came of records before it is not compared.
    pub begins: u64,
    /// How many records of the journal were folded.
    pub records: u64,
    /// Outcomes the fold gave, within the range.
    pub folded: u64,
    /// Records of the triggers topic compared with them.
    pub compared: u64,
    /// Of these, later copies of the same cause, with the same bytes.
    pub repeats: u64,
    /// Outcomes of the journal's tail that no processor has got to yet.
    pub pending: u64,
    /// What does not agree, in the order found.
    pub differences: Vec<Difference>,
}

/// One thing that does not agree.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// Recorded bytes are not those the fold gives.
    Changed {
        /// Offset on the triggers topic.
        offset: u64,
        /// The journal record, and the place among its outcomes, that both came of.
        cause: Cause,
        /// The first byte that differs.
        byte: usize,
        /// The outcome that the fold gives.
        folded: Box<Outcome>,
        /// What was recorded, as far as it can be read.
        recorded: Option<Box<Outcome>>,
    },
    /// The fold gives an outcome that was not recorded.
    Missing(Box<Outcome>),
    /// A record was found that the fold does not give.
    Unexplained {
        /// Offset on the triggers topic.
        offset: u64,
        /// What it says, as far as it can be read.
        recorded: Option<Box<Outcome>>,
    },
}

/// A range of journal offsets: from the first, up to but without the second.
pub type Range = std::ops::Range<u64>;

/// Folds the tenant's journal from its start, or from the oldest base where that was cut off, and compares the outcomes
/// caused within `range` with the triggers topic, byte for byte. `progress` is told how many journal records are done.
///
/// # Errors
/// The log cannot be read, or the journal was cut and there is no base to begin at.
pub fn verify(
    log: &dyn Log,
    tenant: &TenantId,
    range: &Range,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, WorkerError> {
    let state = load_oldest(log, tenant)?;
    let range = &(range.start.max(state.next_offset)..range.end.max(state.next_offset));
    let mut report = Report { begins: state.next_offset, ..Report::default() };
    let mut folded = fold(log, tenant, state, range, &mut report, progress)?;
    compare(log, tenant, range, &mut folded, &mut report)?;
    let done = log.committed(GROUP, &Topic::new(tenant, TopicKind::Journal))?.unwrap_or(0);
    let last = folded.iter().rev().find(|(_, expected)| expected.seen).map(|(cause, _)| *cause);
    for (cause, expected) in folded.into_iter().filter(|(_, expected)| !expected.seen) {
        if Some(cause) <= last || cause.offset.cast_unsigned() < done {
            report.differences.push(Difference::Missing(expected.outcome));
        } else {
            report.pending += 1;
        }
    }
    Ok(report)
}

/// An outcome of the fold, waiting for its record.
struct Expected {
    key: String,
    value: Vec<u8>,
    outcome: Box<Outcome>,
    seen: bool,
}

fn fold(
    log: &dyn Log,
    tenant: &TenantId,
    state: State,
    range: &Range,
    report: &mut Report,
    progress: &mut dyn FnMut(u64),
) -> Result<BTreeMap<Cause, Expected>, WorkerError> {
    let State { mut engine, next_offset, .. } = state;
    let journal = entries_to_fold(log, tenant, next_offset..range.end)?;
    let mut expected = BTreeMap::new();
    let mut effects = Vec::new();
    for read in journal {
        let (record, entry) = read?;
        report.records += 1;
        if report.records.is_multiple_of(TELL_EVERY) {
            progress(report.records);
        }
        let Ok(entry) = entry else { continue };
        engine.apply(record.offset, &entry, &mut effects);
        collect(&mut effects, range, &mut expected);
    }
    progress(report.records);
    report.folded = expected.len() as u64;
    Ok(expected)
}

fn collect(effects: &mut Vec<Effect>, range: &Range, expected: &mut BTreeMap<Cause, Expected>) {
    for effect in effects.drain(..) {
        let Effect::Outcome(outcome) = effect else { continue };
        if in_range(outcome.cause(), range)
            && let Ok(value) = codec::encode_outcome(&outcome)
        {
            let (key, cause) = (outcome.key(), outcome.cause());
            expected.insert(cause, Expected { key, value, outcome: Box::new(outcome), seen: false });
        }
    }
}

fn in_range(cause: Cause, range: &Range) -> bool {
    range.contains(&cause.offset.cast_unsigned())
}

/// What stands in the triggers topic and was caused within the range, each with what it says; with what cannot be read, whose
/// cause nobody knows.
///
/// # Errors
/// The log cannot be read.
pub fn recorded(
    log: &dyn Log,
    tenant: &TenantId,
    range: &Range,
) -> Result<impl Iterator<Item = Result<(Record, Option<Outcome>), LogError>>, LogError> {
    let records = scan(log, &Topic::new(tenant, TopicKind::Triggers), 0..u64::MAX)?;
    let range = range.clone();
    Ok(records.filter_map(move |record| {
        let told = |record: Record| {
            let outcome = codec::decode_outcome(&record.value).ok();
            (record, outcome)
        };
        let is_in = |outcome: &Option<Outcome>| {
            outcome.as_ref().is_none_or(|outcome| in_range(outcome.cause(), &range))
        };
        record.map(told).map(|read| is_in(&read.1).then_some(read)).transpose()
    }))
}

fn compare(
    log: &dyn Log,
    tenant: &TenantId,
    range: &Range,
    folded: &mut BTreeMap<Cause, Expected>,
    report: &mut Report,
) -> Result<(), WorkerError> {
    for read in recorded(log, tenant, range)? {
        let (record, recorded) = read?;
        report.compared += 1;
        let found = recorded.as_ref().and_then(|outcome| folded.get_mut(&outcome.cause()));
        let recorded = recorded.map(Box::new);
        match found {
            None => report.differences.push(Difference::Unexplained { offset: record.offset, recorded }),
            Some(expected) => {
                report.repeats += u64::from(expected.seen);
                expected.seen = true;
                if let Some(byte) = expected.differs(&record.key, &record.value) {
                    report.differences.push(Difference::Changed {
                        offset: record.offset,
                        cause: expected.outcome.cause(),
                        byte,
                        folded: expected.outcome.clone(),
                        recorded,
                    });
                }
            }
        }
    }
    Ok(())
}

impl Expected {
    /// The first byte of the value that differs; 0 when only the key does.
    fn differs(&self, key: &[u8], value: &[u8]) -> Option<usize> {
        if self.key.as_bytes() != key {
            return Some(0);
        }
        let same = self.value.iter().zip(value).take_while(|(a, b)| a == b).count();
        (same < self.value.len().max(value.len())).then_some(same)
    }
}
