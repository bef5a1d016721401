//! One tenant: records in, appends out, commits behind acknowledgements.

mod caring;
mod room;

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bellwether_engine::{Effect, Engine, RefusalReason};
use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::journal::Entry;
use bellwether_schemas::readings::{Reading, ReadingRecord};
use bellwether_schemas::snapshots::words::OwnerWord;
use bellwether_schemas::triggers::{Cause, Outcome};
use bellwether_schemas::{TenantId, Topic, TopicKind, codec};

use super::appends::{Appends, pieces, size};
use super::care::{Care, Taking};
use super::catching_up::CatchingUp;
use super::dead_letters::DeadLetters;
use super::snapshots::Snapshots;
use super::{AppendId, Numbers, Output, Recovered, SnapshotId};
use crate::events;
use crate::snapshots::{Snapshot, State};

/// What is copied of a state between two batches of records, and in one turn of a worker: a symbol counts one, a bucket of
/// alerts eight. Below a millisecond.
const EFFORT: usize = 8;

/// One tenant's fold and what is under way for it.
#[derive(Debug)]
pub(super) struct TenantCore {
    tenant: TenantId,
    engine: Engine,
    /// Of the records that the state has taken in.
    gist: Gist,
    /// The last cause on the triggers topic when the fold began: effects up to it are withheld.
    last_cause: Option<Cause>,
    /// Everything from before this journal offset was acknowledged when the fold began.
    committed: u64,
    in_flight: VecDeque<Batch>,
    dead_letters: DeadLetters,
    /// The last record that the state has taken in; none while it is as it began.
    last: Option<Record>,
    snapshots: Snapshots,
    /// None once it is live.
    catching_up: Option<CatchingUp>,
    /// Reasons for dead letters that were said once.
    told: BTreeSet<RefusalReason>,
    paused: bool,
    halted: bool,
    /// It stopped in the middle of a record: its state is that of no journal offset.
    torn: bool,
    /// What operators decided about the journal from where the fold began.
    decisions: Decisions,
    /// What this owner said of itself.
    owner: OwnerWord,
    /// The record in quarantine: it is not folded, and nothing behind it.
    stands_before: Option<u64>,
    /// None where nobody died of the journal, and once what they died of is behind.
    care: Option<Care>,
}

/// What one batch of journal records brought.
#[derive(Debug)]
struct Batch {
    /// Offset of its first record.
    begins: u64,
    next_offset: u64,
    unacknowledged: Vec<AppendId>,
    /// Size of the records that its appends hold.
    bytes: usize,
}

impl TenantCore {
    pub(super) fn new(
        tenant: TenantId,
        recovered: Recovered,
        taking: Taking,
        now: Duration,
        every: Duration,
    ) -> Self {
        let Recovered { last_cause, committed, journal_end, state, decisions, words: _ } = recovered;
        let Taking { owner, stands_before, care, words: _ } = taking;
        let state = state.map_or_else(|| State::nothing(&tenant), |state| *state);
        let State { engine, gist, next_offset: fold_from, late } = state;
        events::Recovered { tenant: &tenant, fold_from, last_cause }.emit();
        Self {
            engine,
            gist,
            last_cause,
            committed,
            dead_letters: DeadLetters::new(Topic::new(&tenant, TopicKind::Journal), late),
            snapshots: Snapshots::new(fold_from, now, every),
            catching_up: CatchingUp::new(fold_from, journal_end, now),
            tenant,
            last: None,
            in_flight: VecDeque::new(),
            told: BTreeSet::new(),
            paused: false,
            halted: false,
            torn: false,
            decisions,
            owner,
            stands_before,
            care,
        }
    }

    /// Folds the records, or holds them until it is their turn to be folded with care.
    pub(super) fn records(&mut self, records: Vec<Record>, next: &mut Numbers, outputs: &mut Vec<Output>) {
        let records = match &mut self.care {
            Some(care) if !self.halted => care.hold(records),
            _ => records,
        };
        if !records.is_empty() {
            self.fold_all(records, next, outputs);
            self.drop_held_if_halted();
        }
        self.regulate(outputs);
    }

    /// Folds the records and asks for what follows from them to be appended. When the tenant has to stop at a
    /// record, what came before it is still delivered.
    fn fold_all(&mut self, records: Vec<Record>, next: &mut Numbers, outputs: &mut Vec<Output>) {
        let mut appends = Appends::default();
        let (mut stop, mut done) = (None, None);
        let begins = records.first().map_or(0, |record| record.offset);
        let count = records.len();
        if self.halted {
            return;
        }
        for record in records {
            stop = self.stands_before.filter(|offset| record.offset >= *offset).map(caring::quarantined);
            if stop.is_some() {
                break;
            }
            stop = self.fold(&record, &mut appends);
            self.torn = stop.is_some();
            if stop.is_some() {
                break;
            }
            done = Some(record.offset + 1);
            self.last = Some(record);
        }
        appends.folded(&self.tenant, count, self.engine.watermark()).emit();
        let range = done.map(|next_offset| begins..next_offset);
        self.append(appends, range, &mut next.append, outputs);
        if let Some(reason) = stop {
            self.settle(next, outputs);
            return self.halt(reason, outputs);
        }
        self.go_on_taking(EFFORT);
        self.settle(next, outputs);
    }

    pub(super) fn acknowledged(&mut self, id: AppendId, next: &mut Numbers, outputs: &mut Vec<Output>) {
        for batch in &mut self.in_flight {
            batch.unacknowledged.retain(|waiting| *waiting != id);
        }
        self.settle(next, outputs);
        let step = self.care.as_mut().and_then(|care| care.acknowledged(id));
        if let Some(step) = step {
            self.take_care(step, next, outputs);
        }
    }

    /// Time of the worker goes on: says how far a recovery is, and begins a snapshot where one is due.
    pub(super) fn passed(&mut self, now: Duration) {
        let Some(folded_to) = self.folded_to() else { return };
        if self.catching_up.take_if(|way| way.moved(&self.tenant, folded_to, now)).is_some() {
            self.snapshots.hasten(now);
        }
        if !self.torn && self.snapshots.are_due(now, folded_to) {
            self.begin_snapshot(now);
        }
    }

    /// A snapshot is begun, of which some parts are still to be taken.
    pub(super) const fn is_taking(&self) -> bool {
        self.snapshots.is_begun()
    }

    /// Takes some more parts of the snapshot that is begun.
    pub(super) fn take_more(&mut self, next: &mut Numbers, outputs: &mut Vec<Output>) {
        self.go_on_taking(EFFORT);
        self.settle(next, outputs);
    }

    /// The tenant goes to another owner, who shall find the state as it stands. What is not acknowledged by now never
    /// will be for this owner, and its snapshot is left out.
    pub(super) fn given_up(&mut self, now: Duration, next: &mut Numbers, outputs: &mut Vec<Output>) {
        let Some(folded_to) = self.folded_to() else { return };
        if !self.torn && self.in_flight.is_empty() && self.snapshots.are_wanted(folded_to) {
            self.begin_snapshot(now);
        }
        self.go_on_taking(usize::MAX);
        self.settle(next, outputs);
    }

    /// What came of storing a snapshot.
    pub(super) fn stored(&mut self, id: SnapshotId, is_stored: bool) {
        self.snapshots.stored(id, is_stored);
    }

    /// The journal offset after the last record that the state has taken in.
    pub(super) fn folded_to(&self) -> Option<u64> {
        self.last.as_ref().map(|record| record.offset + 1)
    }

    /// The state between the last record and the next. After a record that the tenant stopped at, there is none.
    fn begin_snapshot(&mut self, now: Duration) {
        let Some(last) = &self.last else { return };
        let snapshot = Snapshot {
            next_offset: last.offset + 1,
            last: last.as_last_folded(),
            watermark: self.engine.watermark(),
            engine_version: self.engine.version().number(),
            late: self.dead_letters.late(),
            parts: Vec::new(),
            gist: self.gist.taken(),
        };
        self.engine.begin_taking();
        self.snapshots.begin(snapshot, now);
    }

    fn go_on_taking(&mut self, effort: usize) {
        if self.snapshots.is_begun()
            && let Some(parts) = self.engine.go_on_taking(effort)
        {
            self.snapshots.took(parts);
        }
    }

    /// Everything that was read is done, and more may be read.
    pub(super) fn is_idle(&self) -> bool {
        !self.halted && self.in_flight.is_empty()
    }

    /// What was in the journal when the recovery began is behind.
    pub(super) const fn is_live(&self) -> bool {
        self.catching_up.is_none()
    }

    pub(super) fn halt(&mut self, reason: String, outputs: &mut Vec<Output>) {
        if !self.halted {
            self.halted = true;
            if self.torn {
                // What was to be copied before it may have been changed.
                self.snapshots.give_up();
            }
            events::Halted { tenant: &self.tenant, reason: &reason }.emit();
            outputs.push(Output::Halt(self.tenant.clone(), reason));
        }
    }

    /// Applies one record; says why, if the tenant cannot go on after it.
    fn fold(&mut self, record: &Record, appends: &mut Appends) -> Option<String> {
        let _lines = record.lines().entered();
        let entry = match self.decisions.entry(&self.tenant, record) {
            Ok(entry) => entry,
            Err(unusable) => {
                self.gist.see_put_aside(&self.tenant, record, &unusable);
                self.put_aside(record, unusable.reason(), unusable.to_string(), appends);
                return None;
            }
        };
        #[cfg(debug_assertions)]
        crate::deadly::meet(&record.value);
        let mut effects = Vec::new();
        let applied =
            catch_unwind(AssertUnwindSafe(|| self.engine.apply(record.offset, &entry, &mut effects)));
        if applied.is_err() {
            self.put_aside(record, "panic", "the engine panicked at this record".into(), appends);
            return Some(format!("the engine panicked at journal offset {}: this is a bug", record.offset));
        }
        self.gist.see(record, &entry);
        if let Entry::Ticks(block) = &entry {
            let refused = effects.iter().filter(|effect| matches!(effect, Effect::Refused(_))).count();
            appends.ticks += block.ticks.len().saturating_sub(refused);
        }
        let perform = |stop: Option<String>, effect| stop.or(self.perform(record, effect, appends));
        effects.into_iter().fold(None, perform)
    }

    fn perform(&mut self, record: &Record, effect: Effect, appends: &mut Appends) -> Option<String> {
        let offset = record.offset;
        match effect {
            Effect::Outcome(outcome) => return self.outcome(&outcome, appends),
            Effect::Reading(_) | Effect::Forgotten(_) if offset < self.committed => {}
            Effect::Reading(reading) => drop(appends.readings.insert(reading.key(), Some(reading))),
            Effect::Forgotten(key) => drop(appends.readings.insert(key, None)),
            Effect::Refused(refusal) => {
                let reason = refusal.reason;
                events::Refused { tenant: &self.tenant, reason }.emit();
                let watermark = self.engine.watermark();
                let letter = self.dead_letters.of_refusal(record, &refusal, watermark);
                if let Some(letter) = letter.filter(|_| offset >= self.committed) {
                    appends.dead_letters.push(letter);
                    if self.told.insert(reason) {
                        events::RefusalKept { tenant: &self.tenant, offset, reason }.emit();
                    }
                }
            }
            Effect::Halt(reason) => return Some(reason),
        }
        None
    }

    fn outcome(&self, outcome: &Outcome, appends: &mut Appends) -> Option<String> {
        if self.last_cause.is_some_and(|last| outcome.cause() <= last) {
            appends.withheld += 1;
            return None;
        }
        match codec::encode_outcome(outcome) {
            Ok(value) => appends.triggers.push(NewRecord { key: outcome.key().into_bytes(), value }),
            Err(error) => return Some(error.to_string()),
        }
        appends.fired += usize::from(matches!(outcome, Outcome::Fired(_)));
        None
    }

    fn reading(&self, reading: &Reading) -> Option<NewRecord> {
        let record = ReadingRecord::new(&self.tenant, reading).ok()?;
        let value = codec::encode_reading(&record).ok()?;
        Some(NewRecord { key: record.key.into_bytes(), value })
    }

    fn put_aside(&self, record: &Record, reason: &'static str, detail: String, appends: &mut Appends) {
        if record.offset < self.committed {
            return;
        }
        let tenant = &self.tenant;
        events::PutAside { tenant, offset: record.offset, reason, detail: &detail }.emit();
        appends.dead_letters.extend(self.dead_letters.of_record(record, reason, detail));
    }

    fn append(
        &mut self,
        appends: Appends,
        of: Option<Range<u64>>,
        next: &mut AppendId,
        outputs: &mut Vec<Output>,
    ) {
        let readings = appends.readings.into_iter().filter_map(|(key, reading)| match reading {
            Some(reading) => self.reading(&reading),
            None => Some(NewRecord::tombstone(key.into_bytes())),
        });
        let readings = readings.collect();
        let by_topic = [
            (TopicKind::Triggers, appends.triggers),
            (TopicKind::Readings, readings),
            (TopicKind::DeadLetters, appends.dead_letters),
        ];
        let mut unacknowledged = Vec::new();
        let mut bytes = 0;
        for (topic, records) in by_topic {
            for records in pieces(records) {
                *next += 1;
                bytes += size(&records);
                unacknowledged.push(*next);
                outputs.push(Output::Append(self.tenant.clone(), *next, topic, records));
            }
        }
        if let Some(Range { start: begins, end: next_offset }) = of {
            self.in_flight.push_back(Batch { begins, next_offset, unacknowledged, bytes });
        }
        self.regulate(outputs);
    }

    /// Commits what is acknowledged, and lets a snapshot of that be stored.
    fn settle(&mut self, next: &mut Numbers, outputs: &mut Vec<Output>) {
        self.commit(outputs);
        let acknowledged_to = match self.in_flight.front() {
            Some(batch) => batch.begins,
            None => u64::MAX,
        };
        if let Some((id, snapshot)) = self.snapshots.ready(acknowledged_to, &mut next.snapshot) {
            outputs.push(Output::Store(self.tenant.clone(), id, snapshot));
        }
    }

    /// The one place that commits: batches leave from the front, each only when all its appends are acknowledged.
    fn commit(&mut self, outputs: &mut Vec<Output>) {
        let mut done = None;
        while self.in_flight.front().is_some_and(|batch| batch.unacknowledged.is_empty()) {
            done = self.in_flight.pop_front();
        }
        if let Some(batch) = done.filter(|batch| batch.next_offset > self.committed) {
            outputs.push(Output::Commit(self.tenant.clone(), batch.next_offset));
        }
        self.regulate(outputs);
    }
}
