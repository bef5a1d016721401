//! Verbs of the suite.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwether_schemas::{Topic, TopicKind};
use tokio::time::Instant;

use super::Fixture;
use crate::log::{Assignments, Consumer, Log, LogError, NewRecord, Polled, Reader, Record, Start, scan};

/// A member may have to wait for its group to settle.
const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(100);

pub(super) fn topic(fixture: &Fixture, kind: TopicKind) -> Topic {
    let topic = Topic::new(&fixture.tenant, kind);
    fixture.log.create(&topic).unwrap();
    topic
}

pub(super) fn record(key: &str, value: &str) -> NewRecord {
    NewRecord { key: key.into(), value: value.into() }
}

/// Appends values under one key, all at once; the offset of the first.
pub(super) fn append(log: &dyn Log, topic: &Topic, values: &[&str]) -> u64 {
    log.append(topic, values.iter().map(|value| record("k", value)).collect()).wait().unwrap()
}

pub(super) fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8(record.value.clone()).unwrap()).collect()
}

/// Calls until there is an answer; panics when the patience is over.
pub(super) fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
    }
}

/// Reads on until there are `count` records.
pub(super) fn read(reader: &mut dyn Reader, count: usize) -> Vec<Record> {
    let mut records = Vec::new();
    until("records to read", || {
        records.extend(reader.read(count - records.len(), STEP).unwrap());
        (records.len() >= count).then_some(())
    });
    records
}

pub(super) fn read_from(log: &dyn Log, topic: &Topic, from: u64, count: usize) -> Vec<Record> {
    read(log.reader(topic, from).unwrap().as_mut(), count)
}

/// Reads the topic from its start to where it ends now.
pub(super) fn read_all(log: &dyn Log, topic: &Topic) -> Vec<Record> {
    scan(log, topic, 0..u64::MAX).unwrap().map(|record| record.unwrap()).collect()
}

/// What happened to a member's topics, and what it says about them. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    starts: BTreeMap<Topic, Start>,
    reached: BTreeMap<Topic, u64>,
    assigned: Vec<Topic>,
    revoked: Vec<Topic>,
}

impl Ledger {
    pub(super) fn start(&self, topic: &Topic, start: Start) {
        self.0.lock().unwrap().starts.insert(topic.clone(), start);
    }
    pub(super) fn reach(&self, topic: &Topic, next_offset: u64) {
        self.0.lock().unwrap().reached.insert(topic.clone(), next_offset);
    }
    pub(super) fn was_assigned(&self, topic: &Topic) -> bool {
        self.0.lock().unwrap().assigned.contains(topic)
    }
    pub(super) fn was_revoked(&self, topic: &Topic) -> bool {
        self.0.lock().unwrap().revoked.contains(topic)
    }
}

impl Assignments for Ledger {
    fn assigned(&mut self, topic: &Topic) -> Start {
        let mut entries = self.0.lock().unwrap();
        entries.assigned.push(topic.clone());
        entries.starts.get(topic).copied().unwrap_or(Start::Committed)
    }
    fn revoked(&mut self, topic: &Topic) -> Option<u64> {
        let mut entries = self.0.lock().unwrap();
        entries.revoked.push(topic.clone());
        entries.reached.get(topic).copied()
    }
}

/// A member of a group and what it has seen.
pub(super) struct Member {
    pub(super) consumer: Box<dyn Consumer>,
    pub(super) ledger: Ledger,
    seen: Vec<(Topic, Record)>,
    pub(super) failures: Vec<(Topic, LogError)>,
}

impl Member {
    pub(super) fn join(fixture: &Fixture, topics: &[&Topic]) -> Self {
        Self::join_as(fixture, &fixture.group, topics, Ledger::default())
    }

    pub(super) fn join_as(fixture: &Fixture, group: &str, topics: &[&Topic], ledger: Ledger) -> Self {
        let topics: Vec<Topic> = topics.iter().map(|topic| (*topic).clone()).collect();
        let consumer = fixture.log.consumer(group, &topics, Box::new(ledger.clone())).unwrap();
        Self { consumer, ledger, seen: Vec::new(), failures: Vec::new() }
    }

    /// Polls once and notes what came.
    pub(super) fn poll(&mut self) {
        match self.consumer.poll(STEP).unwrap() {
            Polled::Records(topic, records) => {
                assert!(!records.is_empty(), "records of a poll are at least one");
                self.seen.extend(records.into_iter().map(|record| (topic.clone(), record)));
            }
            Polled::Failed(topic, error) => self.failures.push((topic, error)),
            Polled::Nothing => {}
        }
    }

    /// Polls until it has `count` unread records of the topic, and takes all there are.
    pub(super) fn take(&mut self, topic: &Topic, count: usize) -> Vec<Record> {
        until("records of a group", || {
            (self.unread(topic) >= count).then_some(()).or_else(|| {
                self.poll();
                None
            })
        });
        let (taken, left) = std::mem::take(&mut self.seen).into_iter().partition(|(of, _)| of == topic);
        self.seen = left;
        taken.into_iter().map(|(_, record): (Topic, Record)| record).collect()
    }

    pub(super) fn unread(&self, topic: &Topic) -> usize {
        self.seen.iter().filter(|(of, _)| of == topic).count()
    }

    pub(super) fn poll_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        until(what, || {
            holds(self).then_some(()).or_else(|| {
                self.poll();
                None
            })
        });
    }
}
