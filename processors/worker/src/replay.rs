//! Folds a journal again and compares what comes out with what was recorded.

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_engine::{Effect, Engine};
use bellwether_runtime::log::{Log, Reader};
use bellwether_schemas::triggers::{Cause, Outcome};
use bellwether_schemas::{TenantId, Topic, TopicKind, codec};

use crate::WorkerError;
use crate::drive::GROUP;

/// Records read at a time.
const BATCH: usize = 1024;

/// What a replay found.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Report {
    /// Journal records folded.
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
        /// What caused it.
        cause: Cause,
        /// The first byte that differs.
        byte: usize,
        /// The folded outcome.
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

/// Folds the tenant's journal from its start and compares the outcomes caused within `range` with the triggers topic,
/// byte for byte. `progress` is told how many journal records are done.
///
/// # Errors
/// The log cannot be read.
pub fn verify(
    log: &dyn Log,
    tenant: &TenantId,
    range: &Range,
    progress: &mut dyn FnMut(u64),
) -> Result<Report, WorkerError> {
    let mut report = Report::default();
    let mut folded = fold(log, tenant, range, &mut report, progress)?;
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
    range: &Range,
    report: &mut Report,
    progress: &mut dyn FnMut(u64),
) -> Result<BTreeMap<Cause, Expected>, WorkerError> {
    let journal = Topic::new(tenant, TopicKind::Journal);
    let bounds = log.bounds(&journal)?;
    if bounds.start > 0 {
        return Err(WorkerError::JournalCut { topic: journal.to_string(), start: bounds.start });
    }
    let mut reader = log.reader(&journal, 0)?;
    let mut engine = Engine::new(tenant.clone());
    let mut expected = BTreeMap::new();
    let mut effects = Vec::new();
    while reader.next_offset() < bounds.next.min(range.end) {
        let records = reader.read(BATCH, Duration::ZERO)?;
        if records.is_empty() {
            break;
        }
        for record in records.into_iter().filter(|record| record.offset < range.end) {
            report.records += 1;
            let Ok(entry) = record.entry(tenant) else { continue };
            engine.apply(record.offset, &entry, &mut effects);
            collect(&mut effects, range, &mut expected);
        }
        progress(report.records);
    }
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

fn compare(
    log: &dyn Log,
    tenant: &TenantId,
    range: &Range,
    folded: &mut BTreeMap<Cause, Expected>,
    report: &mut Report,
) -> Result<(), WorkerError> {
    let topic = Topic::new(tenant, TopicKind::Triggers);
    let bounds = log.bounds(&topic)?;
    let mut reader = log.reader(&topic, bounds.start)?;
    while reader.next_offset() < bounds.next {
        let records = reader.read(BATCH, Duration::ZERO)?;
        if records.is_empty() {
            break;
        }
        for record in records {
            let recorded = codec::decode_outcome(&record.value).ok();
            if recorded.as_ref().is_some_and(|outcome| !in_range(outcome.cause(), range)) {
                continue;
            }
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

/// Reads the whole of a topic between two offsets, for `journal cat`.
///
/// # Errors
/// The log cannot be read.
pub fn read_range(
    log: &dyn Log,
    topic: &Topic,
    range: &Range,
    each: &mut dyn FnMut(bellwether_runtime::log::Record) -> bool,
) -> Result<(), WorkerError> {
    let bounds = log.bounds(topic)?;
    let end = bounds.next.min(range.end);
    let mut reader: Box<dyn Reader> = log.reader(topic, range.start.max(bounds.start))?;
    while reader.next_offset() < end {
        let records = reader.read(BATCH, Duration::ZERO)?;
        if records.is_empty() {
            break;
        }
        for record in records.into_iter().filter(|record| record.offset < end) {
            if !each(record) {
                return Ok(());
            }
        }
    }
    Ok(())
}
