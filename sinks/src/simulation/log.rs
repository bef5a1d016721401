//! A log in memory that recovery, snapshots and decisions read through the log's own seam.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::log::{
    Ack, Assignments, Bounds, Consumer, Drift, GroupMember, Log, LogError, NewRecord, Reader, Record, Result,
};
use bellwether_schemas::snapshots::words::WordKey;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind, codec};

use crate::feed::Delivered;

/// Records of snapshots that may come before the topic is compacted again.
const ROOM: usize = 32;

/// Topics, and where groups stand.
#[derive(Default)]
pub(super) struct SimulatedLog {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<Topic, Stored>,
    committed: BTreeMap<(String, Topic), u64>,
    now: Timestamp,
    /// So many more records of snapshots are whole; none: all of them.
    whole: Option<u64>,
}

#[derive(Default)]
struct Stored {
    records: Vec<Record>,
    /// Of a topic of triggers: what its records say.
    outcomes: Vec<Delivered>,
    next: u64,
    /// Of a topic of snapshots: it is compacted once it has more records.
    most: usize,
}

impl SimulatedLog {
    pub(super) fn new(tenants: &[TenantId]) -> Self {
        let log = Self::default();
        let topics = tenants.iter().flat_map(Topic::all).map(|topic| (topic, Stored::default()));
        log.lock().topics = topics.collect();
        log
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_time(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// The offset after the topic's last record.
    pub(super) fn end(&self, topic: &Topic) -> u64 {
        self.lock().topics[topic].next
    }

    pub(super) fn write(&self, topic: &Topic, records: Vec<NewRecord>) {
        let mut state = self.lock();
        let State { topics, now, whole, .. } = &mut *state;
        let stored = topics.get_mut(topic).unwrap();
        for NewRecord { key, mut value } in records {
            if topic.kind == TopicKind::Snapshots
                && let Some(left) = whole
            {
                if *left == 0 {
                    value.truncate(value.len() / 2);
                }
                *left = left.saturating_sub(1);
            }
            stored.push(topic, key, value, *now);
        }
    }

    /// Records from that offset on, at most so many.
    pub(super) fn read(&self, topic: &Topic, from: u64, most: u64) -> Vec<Record> {
        let state = self.lock();
        let records = &state.topics[topic].records;
        let first = records.partition_point(|record| record.offset < from);
        records[first..].iter().take(usize::try_from(most).unwrap()).cloned().collect()
    }

    /// Outcomes from that offset on, at most so many.
    pub(super) fn outcomes(&self, topic: &Topic, from: u64, most: u64) -> Vec<Delivered> {
        let state = self.lock();
        let outcomes = &state.topics[topic].outcomes;
        let first = outcomes.partition_point(|record| record.offset < from);
        outcomes[first..].iter().take(usize::try_from(most).unwrap()).cloned().collect()
    }

    pub(super) fn position(&self, group: &str, topic: &Topic) -> u64 {
        self.lock().committed.get(&(group.into(), topic.clone())).copied().unwrap_or(0)
    }

    pub(super) fn commit(&self, group: &str, topic: &Topic, next: u64) {
        self.lock().committed.insert((group.into(), topic.clone()), next);
    }

    pub(super) fn forget_position(&self, group: &str, topic: &Topic) {
        self.lock().committed.remove(&(group.into(), topic.clone()));
    }

    /// Of snapshots only so many more records are whole.
    pub(super) fn tear_after(&self, records: Option<u64>) {
        self.lock().whole = records;
    }

    /// Only what owners told each other stays.
    pub(super) fn delete_snapshots(&self, tenant: &TenantId) {
        let topic = Topic::new(tenant, TopicKind::Snapshots);
        let mut state = self.lock();
        let stored = state.topics.get_mut(&topic).unwrap();
        stored.records.retain(|record| WordKey::parse(&record.key).is_some());
    }
}

impl Stored {
    fn push(&mut self, topic: &Topic, key: Vec<u8>, value: Vec<u8>, now: Timestamp) {
        let offset = self.next;
        self.next += 1;
        if topic.kind == TopicKind::Triggers {
            let outcome: Outcome = codec::decode_outcome(&value).unwrap();
            self.outcomes.push(Delivered { offset, appended_at: now, outcome, trace: None });
        }
        self.records.push(Record { offset, appended_at: now, key, headers: Vec::new(), value });
        if topic.kind == TopicKind::Snapshots && self.records.len() > self.most {
            self.compact();
            self.most = 2 * self.records.len() + ROOM;
        }
    }

    /// The newest record of each key stays, as with a broker.
    fn compact(&mut self) {
        let newest: HashMap<Vec<u8>, u64> =
            self.records.iter().map(|record| (record.key.clone(), record.offset)).collect();
        self.records
            .retain(|record| newest.get(&record.key) == Some(&record.offset) && !record.is_tombstone());
    }
}

struct SimulatedReader {
    records: std::vec::IntoIter<Record>,
    next: u64,
    end: u64,
}

impl Reader for SimulatedReader {
    fn read(&mut self, max: usize, _wait: Duration) -> Result<Vec<Record>> {
        let records: Vec<Record> = self.records.by_ref().take(max).collect();
        self.next = records.last().map_or(self.end, |last| last.offset + 1);
        Ok(records)
    }

    fn next_offset(&self) -> u64 {
        self.next
    }
}

impl Log for SimulatedLog {
    fn create(&self, _topic: &Topic) -> Result<bool> {
        Err(not_here())
    }

    fn delete(&self, _topic: &Topic) -> Result<bool> {
        Err(not_here())
    }

    fn topics(&self) -> Result<Vec<Topic>> {
        Ok(self.lock().topics.keys().cloned().collect())
    }

    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        let first = self.end(topic);
        self.write(topic, records);
        Ack::ready(Ok(first))
    }

    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        Ok(Bounds { start: 0, next: self.end(topic) })
    }

    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        let records = self.read(topic, from, u64::from(u32::MAX)).into_iter();
        Ok(Box::new(SimulatedReader { records, next: from, end: self.end(topic) }))
    }

    fn offset_at(&self, _topic: &Topic, _appended_at: Timestamp) -> Result<u64> {
        Err(not_here())
    }

    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        Ok(self.lock().committed.get(&(group.into(), topic.clone())).copied())
    }

    fn members(&self, _group: &str) -> Result<Vec<GroupMember>> {
        Err(not_here())
    }

    fn consumer(
        &self,
        _group: &str,
        _topics: &[Topic],
        _assignments: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        Err(not_here())
    }

    fn enforce_retention(&self, _topic: &Topic, _now: Timestamp) -> Result<u64> {
        Err(not_here())
    }

    fn cut(&self, _topic: &Topic, _before: u64) -> Result<u64> {
        Err(not_here())
    }

    fn drift(&self, _topic: &Topic) -> Result<Vec<Drift>> {
        Err(not_here())
    }
}

fn not_here() -> LogError {
    LogError::Unavailable { reason: "nobody asks the simulated log for that".into() }
}
