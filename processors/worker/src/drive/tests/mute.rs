//! A log that takes appends and answers none of them, as brokers do that are away.

use bellwether_runtime::log::{Bounds, GroupMember, NewRecord, Reader, Result};
use bellwether_schemas::Timestamp;

use super::*;

pub(super) struct Mute(pub(super) Arc<dyn Log>);

impl Log for Mute {
    fn append(&self, _: &Topic, _: Vec<NewRecord>) -> Ack {
        let (ack, answer) = Ack::pending();
        std::mem::forget(answer);
        ack
    }

    fn create(&self, topic: &Topic) -> Result<bool> {
        self.0.create(topic)
    }

    fn delete(&self, topic: &Topic) -> Result<bool> {
        self.0.delete(topic)
    }

    fn topics(&self) -> Result<Vec<Topic>> {
        self.0.topics()
    }

    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        self.0.bounds(topic)
    }

    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        self.0.reader(topic, from)
    }

    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64> {
        self.0.offset_at(topic, appended_at)
    }

    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        self.0.committed(group, topic)
    }

    fn members(&self, group: &str) -> Result<Vec<GroupMember>> {
        self.0.members(group)
    }

    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        owner: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        self.0.consumer(group, topics, owner)
    }

    fn enforce_retention(&self, topic: &Topic, now: Timestamp) -> Result<u64> {
        self.0.enforce_retention(topic, now)
    }

    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        self.0.cut(topic, before)
    }
}
