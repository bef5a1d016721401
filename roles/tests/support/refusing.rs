//! Brokers with rules of their own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bellwether_runtime::log::{
    Ack, Assignments, Bounds, Consumer, GroupMember, Log, LogError, NewRecord, Reader, Result,
};
use bellwether_runtime::trace::Context;
use bellwether_schemas::{Timestamp, Topic};

/// A log that takes nothing for some topics, and does all else.
pub(crate) struct Refusing {
    log: Arc<dyn Log>,
    refused: Mutex<BTreeSet<Topic>>,
}

impl Refusing {
    pub(crate) fn over(log: Arc<dyn Log>) -> Arc<Self> {
        Arc::new(Self { log, refused: Mutex::default() })
    }

    pub(crate) fn refuse(&self, topics: impl IntoIterator<Item = Topic>) {
        self.refused.lock().unwrap().extend(topics);
    }

    pub(crate) fn refuse_nothing(&self) {
        self.refused.lock().unwrap().clear();
    }

    fn answer(&self, topic: &Topic) -> Option<Ack> {
        let refused = self.refused.lock().unwrap().contains(topic);
        let (topic, reason) = (topic.to_string(), "Topic authorization failed".into());
        refused.then(|| Ack::ready(Err(LogError::Refused { topic, reason })))
    }
}

impl Log for Refusing {
    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        self.answer(topic).unwrap_or_else(|| self.log.append(topic, records))
    }
    fn append_traced(&self, topic: &Topic, records: Vec<NewRecord>, traces: &[Option<Context>]) -> Ack {
        self.answer(topic).unwrap_or_else(|| self.log.append_traced(topic, records, traces))
    }
    fn create(&self, topic: &Topic) -> Result<bool> {
        self.log.create(topic)
    }
    fn delete(&self, topic: &Topic) -> Result<bool> {
        self.log.delete(topic)
    }
    fn topics(&self) -> Result<Vec<Topic>> {
        self.log.topics()
    }
    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        self.log.bounds(topic)
    }
    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        self.log.reader(topic, from)
    }
    fn members(&self, group: &str) -> Result<Vec<GroupMember>> {
        self.log.members(group)
    }
    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64> {
        self.log.offset_at(topic, appended_at)
    }
    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        self.log.committed(group, topic)
    }
    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        told: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        self.log.consumer(group, topics, told)
    }
    fn enforce_retention(&self, topic: &Topic, now: Timestamp) -> Result<u64> {
        self.log.enforce_retention(topic, now)
    }
    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        self.log.cut(topic, before)
    }
}
