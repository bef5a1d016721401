//! A log whose records carry the ids of a schema registry. Everybody on this side of it sees the checked-in ids, so
//! that the codec, a replay and a copy to another log know nothing of registries.
//!
//! A record whose id nobody knows is neither handed on nor passed over, and nothing behind it is: whether a record
//! is folded may not depend on whether the registry was up. Its topic waits, others go on.

mod consumer;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bellwether_schemas::{Timestamp, Topic};

use super::{
    Ack, Assignments, Bounds, Consumer, Drift, GroupMember, Log, LogError, NewRecord, Reader, Record, Result,
};
use crate::registry::Registry;
use crate::trace::Context;
use consumer::Member;

/// How long a reader waits for the meaning of an id before it gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// A log that writes the ids of a schema registry and reads them back as ours: see the module.
pub struct Registered {
    inner: Arc<dyn Log>,
    registry: Registry,
}

impl Registered {
    /// That log, with the ids of this registry in it.
    #[must_use]
    pub fn new(inner: Arc<dyn Log>, registry: Registry) -> Self {
        Self { inner, registry }
    }
}

/// Gives the records checked-in ids up to the first one that is not known; that one with all behind it, and its id.
fn translate(registry: &Registry, mut records: Vec<Record>) -> (Vec<Record>, Option<(u32, Vec<Record>)>) {
    let unknown = records
        .iter_mut()
        .enumerate()
        .find_map(|(at, record)| registry.inward(&mut record.value).err().map(|id| (at, id)));
    match unknown {
        None => (records, None),
        Some((at, id)) => {
            let rest = records.split_off(at);
            (records, Some((id, rest)))
        }
    }
}

impl Log for Registered {
    fn create(&self, topic: &Topic) -> Result<bool> {
        self.inner.create(topic)
    }

    fn topics(&self) -> Result<Vec<Topic>> {
        self.inner.topics()
    }

    fn append(&self, topic: &Topic, mut records: Vec<NewRecord>) -> Ack {
        records.iter_mut().for_each(|record| self.registry.outward(&mut record.value));
        self.inner.append(topic, records)
    }

    fn append_traced(&self, topic: &Topic, mut records: Vec<NewRecord>, traces: &[Option<Context>]) -> Ack {
        records.iter_mut().for_each(|record| self.registry.outward(&mut record.value));
        self.inner.append_traced(topic, records, traces)
    }

    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        self.inner.bounds(topic)
    }

    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        let inner = self.inner.reader(topic, from)?;
        let registry = self.registry.clone();
        Ok(Box::new(RegisteredReader {
            inner,
            registry,
            topic: topic.clone(),
            ready: Vec::new(),
            held: None,
        }))
    }

    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64> {
        self.inner.offset_at(topic, appended_at)
    }

    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        self.inner.committed(group, topic)
    }

    fn members(&self, group: &str) -> Result<Vec<GroupMember>> {
        self.inner.members(group)
    }

    fn divided(&self) -> Result<BTreeMap<Topic, usize>> {
        self.inner.divided()
    }

    fn held_back(&self, topic: &Topic) -> Result<u64> {
        self.inner.held_back(topic)
    }

    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        assignments: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        Member::join(self.inner.as_ref(), self.registry.clone(), group, topics, assignments)
    }

    fn enforce_retention(&self, topic: &Topic, now: Timestamp) -> Result<u64> {
        self.inner.enforce_retention(topic, now)
    }

    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        self.inner.cut(topic, before)
    }

    fn delete(&self, topic: &Topic) -> Result<bool> {
        self.inner.delete(topic)
    }

    fn drift(&self, topic: &Topic) -> Result<Vec<Drift>> {
        self.inner.drift(topic)
    }

    fn correct(&self, topic: &Topic) -> Result<()> {
        self.inner.correct(topic)
    }
}

/// Reads one topic, and waits for the meaning of an id that is not known.
struct RegisteredReader {
    inner: Box<dyn Reader>,
    registry: Registry,
    topic: Topic,
    /// Read and known, and more than was asked for.
    ready: Vec<Record>,
    /// The first of these has an id that was not known.
    held: Option<(u32, Vec<Record>)>,
}

impl Reader for RegisteredReader {
    fn read(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>> {
        if self.ready.is_empty() && self.held.is_none() {
            let records = self.inner.read(max, wait)?;
            (self.ready, self.held) = translate(&self.registry, records);
        }
        if self.ready.is_empty()
            && let Some((id, records)) = self.held.take()
        {
            let records = self.after_waiting(id, records)?;
            (self.ready, self.held) = translate(&self.registry, records);
        }
        let rest = self.ready.split_off(max.min(self.ready.len()));
        Ok(std::mem::replace(&mut self.ready, rest))
    }

    fn next_offset(&self) -> u64 {
        let held = self.held.iter().flat_map(|(_, records)| records);
        self.ready.iter().chain(held).next().map_or_else(|| self.inner.next_offset(), |record| record.offset)
    }
}

impl RegisteredReader {
    /// The records again once the id of the first is known.
    fn after_waiting(&mut self, id: u32, records: Vec<Record>) -> Result<Vec<Record>> {
        if self.registry.await_meaning(id, PATIENCE) {
            return Ok(records);
        }
        let offset = records.first().map_or(0, |record| record.offset);
        self.held = Some((id, records));
        Err(LogError::UnknownSchema { topic: self.topic.to_string(), offset, id })
    }
}
