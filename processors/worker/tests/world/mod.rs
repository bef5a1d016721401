//! One tenant's world around the worker's core: its topics, what is on its way to them, and a process that can die.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bellwether_engine::Engine;
use bellwether_engine::snapshot::Part;
use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_runtime::words::Words;
use bellwether_schemas::codec::SchemaName;
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::journal::Entry;
use bellwether_schemas::{Timestamp, TopicKind, codec};
use bellwether_worker::core::{
    AppendId, Core, Input, NotRecovered, Output, Recovered, RecoveryId, SNAPSHOT_EVERY, SnapshotId,
};
use bellwether_worker::snapshots::{Snapshot, State};

use crate::walk::{origin, straight, tenant};

/// Said of a tenant whose topic was deleted.
pub(crate) const LOST: &str = "a topic is gone";

/// What the snapshot's parts are, read back from their bytes.
pub(crate) fn restored(snapshot: &Snapshot) -> State {
    let read = |part: &Part| Part::decode(part.key(), &part.encode().unwrap()).unwrap();
    let engine = Engine::from_parts(tenant(), snapshot.parts.iter().map(read)).unwrap();
    let said: Vec<(String, Vec<u8>)> = snapshot.gist.parts().map(|part| part.unwrap()).collect();
    let said = said.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let gist = Gist::of_parts(said).unwrap();
    State { engine, gist, next_offset: snapshot.next_offset, late: snapshot.late }
}

pub(crate) struct World {
    pub(crate) journal: Vec<Vec<u8>>,
    /// Of every journal record.
    pub(crate) key: &'static [u8],
    pub(crate) expected: Vec<NewRecord>,
    pub(crate) topics: BTreeMap<TopicKind, Vec<NewRecord>>,
    pub(crate) committed: u64,
    pub(crate) core: Core,
    /// The recovery that was asked for and has no answer yet, and how long each try was to wait.
    pub(crate) recovery: Option<RecoveryId>,
    pub(crate) waits: Vec<Duration>,
    /// Answers to recoveries of assignments that are over: what the log said then.
    pub(crate) late: Vec<(RecoveryId, Recovered)>,
    /// The next journal offset to read; none until the core says from where.
    pub(crate) read: Option<u64>,
    /// Appends on their way: written, in order, when they are acknowledged or when luck has it at a crash.
    pub(crate) in_flight: VecDeque<(AppendId, TopicKind, Vec<NewRecord>)>,
    /// Snapshots on their way, those of owners before included: written whenever luck has it.
    pub(crate) storing: VecDeque<(SnapshotId, Box<Snapshot>)>,
    /// Snapshots that the log has.
    pub(crate) stored: Vec<Snapshot>,
    /// The offset of the newest that a recovery went on from.
    pub(crate) began_at: u64,
    pub(crate) now: Duration,
    pub(crate) paused: bool,
    /// Why it stands, and from where on it asked to look for decisions.
    pub(crate) halted: Option<String>,
    pub(crate) looks_from: Option<u64>,
    /// The record that is of a newer build kills whoever folds it; how often it did.
    pub(crate) is_deadly: bool,
    pub(crate) deaths: usize,
    /// Processes that were started: each has a name of its own.
    processes: u64,
}

impl World {
    pub(crate) fn new(journal: Vec<Vec<u8>>) -> Self {
        let mut world = Self {
            expected: straight(&journal),
            journal,
            key: b"",
            topics: BTreeMap::from([(TopicKind::Triggers, Vec::new())]),
            committed: 0,
            core: Core::new(),
            recovery: None,
            waits: Vec::new(),
            late: Vec::new(),
            read: None,
            in_flight: VecDeque::new(),
            storing: VecDeque::new(),
            stored: Vec::new(),
            began_at: 0,
            now: Duration::ZERO,
            paused: false,
            halted: None,
            looks_from: None,
            is_deadly: false,
            deaths: 0,
            processes: 0,
        };
        world.start();
        world
    }

    /// A new process.
    pub(crate) fn start(&mut self) {
        self.processes += 1;
        self.core = Core::new().named(format!("process {}", self.processes));
        (self.now, self.began_at) = (Duration::ZERO, 0);
        self.late.clear();
        self.assign();
    }

    pub(crate) fn assign(&mut self) {
        (self.read, self.paused, self.recovery) = (None, false, None);
        (self.halted, self.looks_from) = (None, None);
        self.input(Input::Assigned(tenant()));
    }

    /// What the log says now of the owner before.
    pub(crate) fn left_behind(&self) -> Recovered {
        let last = self.topics[&TopicKind::Triggers].last();
        let last_cause = last.map(|record| codec::decode_outcome(&record.value).unwrap().cause());
        let newest = self.stored.iter().max_by_key(|snapshot| snapshot.next_offset);
        let journal_end = self.journal.len() as u64;
        let state = newest.map(|snapshot| Box::new(restored(snapshot)));
        let from = state.as_ref().map_or(0, |state| state.next_offset);
        let mut decisions = Decisions::default();
        for record in self.records(from, u64::MAX >> 1) {
            if codec::schema_id(&record.value) == Some(SchemaName::OperatorDecision.id())
                && let Ok(Entry::Decision(decided)) = codec::decode_entry(&record.value)
            {
                decisions.see(record.offset, decided);
            }
        }
        let (committed, words) = (self.committed, Box::new(self.words()));
        Recovered { last_cause, committed, journal_end, state, decisions, words }
    }

    /// What owners told each other.
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::default();
        for NewRecord { key, value } in self.topics.get(&TopicKind::Snapshots).into_iter().flatten() {
            let (key, value) = (key.clone(), value.clone());
            let record = Record { offset: 0, appended_at: Timestamp(0), key, headers: Vec::new(), value };
            words.see(&tenant(), &record);
        }
        words
    }

    /// An operator decides, and the tenant that stands finds it.
    pub(crate) fn decide(&mut self, decision: Decision) {
        let (who, why) = (String::new(), String::new());
        let decided = Entry::Decision(OperatorDecision { origin: origin(), decision, who, why });
        self.journal.push(codec::encode_entry(&decided).unwrap());
        self.input(Input::Passed(self.now));
        assert!(self.looks_from.take().is_some(), "a tenant that stands looks for a decision");
        self.input(Input::Looked(tenant(), self.journal.len() as u64, true));
        assert!(self.recovery.is_some(), "what was decided is found out by recovering");
    }

    /// Whoever killed the process says that it was no record's fault.
    pub(crate) fn let_go_on(&mut self) {
        if let Some(record) = self.words().quarantine.filter(|_| self.halted.is_some()) {
            self.decide(Decision::Again { offset: record.offset });
        }
    }

    /// Time goes on, far enough that a snapshot is due if there is news.
    pub(crate) fn pass(&mut self) {
        self.now += SNAPSHOT_EVERY;
        self.input(Input::Passed(self.now));
    }

    /// The worker goes round: a state that is being taken gets on.
    pub(crate) fn turn(&mut self, times: usize) {
        for _ in 0..times {
            self.input(Input::Turned);
        }
    }

    /// The oldest snapshot on its way is in the log, or is lost.
    pub(crate) fn store(&mut self, is_stored: bool) {
        let Some((id, snapshot)) = self.storing.pop_front() else { return };
        if is_stored {
            self.stored.push(*snapshot);
        }
        self.input(Input::Stored(tenant(), id, is_stored));
    }

    /// Somebody tidies up: all snapshots, or the newest alone.
    pub(crate) fn delete(&mut self, all: bool) {
        match all {
            true => self.stored.clear(),
            false => drop(self.stored.pop()),
        }
    }

    /// The recovery under way has its answer.
    pub(crate) fn recover(&mut self, reached: bool) {
        let Some(id) = self.recovery.take() else { return };
        let away = || NotRecovered::Unavailable("no broker".into());
        let found = if reached { Ok(self.left_behind()) } else { Err(away()) };
        self.input(Input::Recovered(tenant(), id, found));
        assert_eq!(self.read, None, "nothing is folded before its owner's word is in the log");
        while reached && self.read.is_none() && !self.in_flight.is_empty() {
            self.acknowledge(1);
        }
        assert_eq!(self.read.is_some(), reached, "it folds once it is recovered, and tries again else");
    }

    /// An answer to a recovery of an assignment that is over.
    pub(crate) fn recover_late(&mut self) {
        if let Some((id, found)) = self.late.pop() {
            let reading = self.read;
            self.input(Input::Recovered(tenant(), id, Ok(found)));
            assert_eq!(self.read, reading, "nobody waits for it");
        }
    }

    /// Records that were on their way when the tenant was assigned.
    pub(crate) fn stray(&mut self, count: u64) {
        if self.read.is_none() {
            self.input(Input::Records(tenant(), self.records(0, count)));
        }
    }

    /// The tenant goes to another worker and comes back. Of the appends on their way the first ones are waited for, and
    /// some more are written all the same.
    pub(crate) fn revoke(&mut self, waited_for: usize, written: usize) {
        self.acknowledge(waited_for);
        self.late.extend(self.recovery.take().map(|id| (id, self.left_behind())));
        for (_, kind, records) in self.in_flight.drain(..).take(written) {
            self.topics.entry(kind).or_default().extend(records);
        }
        self.input(Input::Revoked(tenant()));
        // Its last word is waited for.
        for (_, kind, records) in self.in_flight.drain(..) {
            self.topics.entry(kind).or_default().extend(records);
        }
        self.assign();
    }

    pub(crate) fn input(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.core.step(input, &mut outputs);
        let is_death = |output: &Output| matches!(output, Output::Halt(_, why) if why.contains("upgrade me"));
        if self.is_deadly && outputs.iter().any(is_death) {
            self.deaths += 1;
            return self.crash(0);
        }
        for output in outputs {
            match output {
                Output::Recover(_, id, wait) => {
                    (self.halted, self.looks_from) = (None, None);
                    assert_eq!(self.recovery.replace(id), None, "one at a time");
                    (self.read, self.waits) = (None, [&self.waits[..], &[wait]].concat());
                }
                Output::ReadFrom(_, _, offset) => {
                    (self.read, self.began_at, self.paused) = (Some(offset), offset, false);
                }
                Output::Store(_, id, snapshot) => {
                    let before = snapshot.next_offset;
                    assert!(before > self.began_at, "the log has that state");
                    self.assert_written_before(before, "stored");
                    self.storing.push_back((id, snapshot));
                }
                Output::Append(_, id, kind, records) => {
                    let is_word = kind == TopicKind::Snapshots;
                    assert!(self.read.is_some() || is_word, "appended before it was recovered");
                    self.in_flight.push_back((id, kind, records));
                }
                Output::Commit(_, next) => {
                    assert!(next > self.committed, "a commit never goes back");
                    self.committed = next;
                    self.assert_written_before(next, "committed");
                }
                Output::Pause(_) => self.paused = true,
                Output::Resume(_) => self.paused = false,
                Output::Halt(_, reason) => {
                    assert!(reason == LOST || self.words().quarantine.is_some(), "halted: {reason}");
                    (self.halted, self.paused) = (Some(reason), true);
                }
                Output::Look(_, from) => {
                    assert!(self.looks_from.replace(from).is_none(), "one at a time");
                }
            }
        }
    }

    /// Every effect from before that journal offset is on its topic.
    pub(crate) fn assert_written_before(&self, offset: u64, what: &str) {
        let caused_before = |record: &&NewRecord| {
            codec::decode_outcome(&record.value).unwrap().cause().offset.cast_unsigned() < offset
        };
        let due = self.expected.iter().take_while(caused_before).count();
        let written = self.topics[&TopicKind::Triggers].len();
        assert!(written >= due, "offset {offset} is {what} before its triggers are acknowledged");
    }

    pub(crate) fn read(&mut self, count: u64) {
        let Some(from) = self.read.filter(|_| !self.paused) else { return };
        let records = self.records(from, count);
        self.read = Some(from + records.len() as u64);
        if !records.is_empty() {
            self.input(Input::Records(tenant(), records));
        }
    }

    pub(crate) fn records(&self, from: u64, count: u64) -> Vec<Record> {
        let end = (from + count).min(self.journal.len() as u64);
        let record = |offset: u64| Record {
            offset,
            appended_at: Timestamp(0),
            key: self.key.to_vec(),
            headers: Vec::new(),
            value: self.journal[usize::try_from(offset).unwrap()].clone(),
        };
        (from..end).map(record).collect()
    }

    pub(crate) fn acknowledge(&mut self, count: usize) {
        for _ in 0..count {
            let Some((id, kind, records)) = self.in_flight.pop_front() else { return };
            self.topics.entry(kind).or_default().extend(records);
            self.input(Input::Acknowledged(tenant(), id));
        }
    }

    /// Some of what was on its way was written all the same; nobody was told.
    pub(crate) fn crash(&mut self, written: usize) {
        for (_, kind, records) in self.in_flight.drain(..).take(written) {
            self.topics.entry(kind).or_default().extend(records);
        }
        self.start();
    }

    pub(crate) fn finish(&mut self) {
        while self.read != Some(self.journal.len() as u64)
            || !self.in_flight.is_empty()
            || self.halted.is_some()
        {
            self.let_go_on();
            self.recover(true);
            self.read(7);
            self.acknowledge(3);
        }
    }
}
