//! One tenant: records in, appends out, commits behind acknowledgements.

use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bellwether_engine::{ClosedBar, Effect, Engine, RefusalReason};
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::journal::Entry;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind, codec};

use super::dead_letters::DeadLetters;
use super::{AppendId, Output, Recovered};
use crate::{events, readings};

/// Batches whose appends are not acknowledged yet; at this many the journal is paused, and read on at half of it.
const MAX_IN_FLIGHT: usize = 64;

/// One tenant's fold and what is under way for it.
#[derive(Debug)]
pub(super) struct TenantCore {
    tenant: TenantId,
    engine: Engine,
    recovered: Recovered,
    in_flight: VecDeque<Batch>,
    dead_letters: DeadLetters,
    /// Reasons for dead letters that were said once.
    told: BTreeSet<RefusalReason>,
    paused: bool,
    halted: bool,
}

/// What one batch of journal records brought.
#[derive(Debug)]
struct Batch {
    next_offset: u64,
    unacknowledged: Vec<AppendId>,
}

/// Records to append for one batch, by topic.
#[derive(Default)]
struct Appends {
    triggers: Vec<NewRecord>,
    readings: Vec<NewRecord>,
    dead_letters: Vec<NewRecord>,
    history: Vec<ClosedBar>,
    withheld: usize,
}

impl TenantCore {
    pub(super) fn new(tenant: TenantId, recovered: Recovered) -> Self {
        events::assigned(&tenant, recovered.last_cause);
        Self {
            engine: Engine::new(tenant.clone()),
            dead_letters: DeadLetters::new(Topic::new(&tenant, TopicKind::Journal)),
            tenant,
            recovered,
            in_flight: VecDeque::new(),
            told: BTreeSet::new(),
            paused: false,
            halted: false,
        }
    }

    pub(super) fn watermark(&self) -> Option<Timestamp> {
        self.engine.watermark()
    }

    /// Folds the records and asks for what follows from them to be appended. When the tenant has to stop at a
    /// record, what came before it is still delivered.
    pub(super) fn records(&mut self, records: Vec<Record>, next: &mut AppendId, outputs: &mut Vec<Output>) {
        let mut appends = Appends::default();
        let mut stop = None;
        let mut done = None;
        let count = records.len();
        if self.halted {
            return;
        }
        for record in records {
            stop = self.fold(&record, &mut appends);
            if stop.is_some() {
                break;
            }
            done = Some(record.offset + 1);
        }
        self.flush_history(&mut appends);
        events::folded(&self.tenant, count, appends.triggers.len(), appends.withheld);
        self.append(appends, done, next, outputs);
        self.commit(outputs);
        if let Some(reason) = stop {
            self.halt(reason, outputs);
        }
    }

    pub(super) fn acknowledged(&mut self, id: AppendId, outputs: &mut Vec<Output>) {
        for batch in &mut self.in_flight {
            batch.unacknowledged.retain(|waiting| *waiting != id);
        }
        self.commit(outputs);
    }

    pub(super) fn halt(&mut self, reason: String, outputs: &mut Vec<Output>) {
        if !self.halted {
            self.halted = true;
            events::halted(&self.tenant, &reason);
            outputs.push(Output::Halt(self.tenant.clone(), reason));
        }
    }

    /// Applies one record; says why, if the tenant cannot go on after it.
    fn fold(&mut self, record: &Record, appends: &mut Appends) -> Option<String> {
        let entry = match self.decode(record) {
            Ok(entry) => entry,
            Err((reason, detail)) => {
                self.put_aside(record, reason, &detail, appends);
                return None;
            }
        };
        let mut effects = Vec::new();
        let applied =
            catch_unwind(AssertUnwindSafe(|| self.engine.apply(record.offset, &entry, &mut effects)));
        if applied.is_err() {
            self.put_aside(record, "panic", "the engine panicked at this record", appends);
            return Some(format!("the engine panicked at journal offset {}: this is a bug", record.offset));
        }
        let mut stop = None;
        for effect in effects {
            stop = stop.or(self.perform(record.offset, effect, appends));
        }
        stop
    }

    fn decode(&self, record: &Record) -> Result<Entry, (&'static str, String)> {
        let entry = codec::decode_entry(&record.value).map_err(|error| ("undecodable", error.to_string()))?;
        let named = &entry.origin().tenant;
        if *named != self.tenant {
            return Err(("misrouted", format!("the record names tenant {named}")));
        }
        // A producer may leave the key out; one that names somebody else meant them.
        if !record.key.is_empty() && record.key != self.tenant.as_str().as_bytes() {
            return Err(("misrouted", format!("its key is {:?}", String::from_utf8_lossy(&record.key))));
        }
        Ok(entry)
    }

    fn perform(&mut self, offset: u64, effect: Effect, appends: &mut Appends) -> Option<String> {
        match effect {
            Effect::Outcome(outcome) => return self.outcome(&outcome, appends),
            Effect::Closed(bar) if offset < self.recovered.committed => drop(bar),
            Effect::Closed(bar) if bar.history => appends.history.push(bar),
            Effect::Closed(bar) => self.reading(&bar, appends),
            Effect::Refused(refusal) => {
                events::refused(&self.tenant, refusal.reason);
                let watermark = self.engine.watermark();
                let letter = self.dead_letters.of_refusal(offset, &refusal, watermark);
                if let Some(letter) = letter.filter(|_| offset >= self.recovered.committed) {
                    appends.dead_letters.push(letter);
                    if self.told.insert(refusal.reason) {
                        events::refusals_kept(&self.tenant, offset, refusal.reason);
                    }
                }
            }
            Effect::Halt(reason) => return Some(reason),
        }
        None
    }

    fn outcome(&self, outcome: &Outcome, appends: &mut Appends) -> Option<String> {
        if self.recovered.last_cause.is_some_and(|last| outcome.cause() <= last) {
            appends.withheld += 1;
            return None;
        }
        match codec::encode_outcome(outcome) {
            Ok(value) => appends.triggers.push(NewRecord { key: outcome.key().into_bytes(), value }),
            Err(error) => return Some(error.to_string()),
        }
        None
    }

    /// Readings of history matter only as the newest of each key: the rest would be compacted away at once.
    fn flush_history(&self, appends: &mut Appends) {
        let mut newest = std::collections::BTreeMap::new();
        for bar in std::mem::take(&mut appends.history) {
            newest.insert((bar.symbol.clone(), bar.timeframe), bar);
        }
        newest.values().for_each(|bar| self.reading(bar, appends));
    }

    fn reading(&self, bar: &ClosedBar, appends: &mut Appends) {
        for reading in readings::readings(&self.tenant, bar) {
            if let Ok(value) = codec::encode_reading(&reading) {
                appends.readings.push(NewRecord { key: reading.key().into_bytes(), value });
            }
        }
    }

    fn put_aside(&self, record: &Record, reason: &'static str, detail: &str, appends: &mut Appends) {
        if record.offset < self.recovered.committed {
            return;
        }
        events::dead_letter(&self.tenant, record.offset, reason, detail);
        appends.dead_letters.extend(self.dead_letters.of_record(record, reason, detail));
    }

    fn append(
        &mut self,
        appends: Appends,
        done: Option<u64>,
        next: &mut AppendId,
        outputs: &mut Vec<Output>,
    ) {
        let by_topic = [
            (TopicKind::Triggers, appends.triggers),
            (TopicKind::Readings, appends.readings),
            (TopicKind::DeadLetters, appends.dead_letters),
        ];
        let mut unacknowledged = Vec::new();
        for (topic, records) in by_topic {
            if !records.is_empty() {
                *next += 1;
                unacknowledged.push(*next);
                outputs.push(Output::Append(self.tenant.clone(), *next, topic, records));
            }
        }
        if let Some(next_offset) = done {
            self.in_flight.push_back(Batch { next_offset, unacknowledged });
        }
        if self.in_flight.len() >= MAX_IN_FLIGHT && !self.paused {
            self.paused = true;
            outputs.push(Output::Pause(self.tenant.clone()));
        }
    }

    /// The one place that commits: batches leave from the front, each only when all its appends are acknowledged.
    fn commit(&mut self, outputs: &mut Vec<Output>) {
        let mut done = None;
        while self.in_flight.front().is_some_and(|batch| batch.unacknowledged.is_empty()) {
            done = self.in_flight.pop_front();
        }
        if let Some(batch) = done.filter(|batch| batch.next_offset > self.recovered.committed) {
            outputs.push(Output::Commit(self.tenant.clone(), batch.next_offset));
        }
        if self.paused && self.in_flight.len() <= MAX_IN_FLIGHT / 2 {
            self.paused = false;
            outputs.push(Output::Resume(self.tenant.clone()));
        }
    }
}
