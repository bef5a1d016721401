//! A log that goes out of reach and comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bellwether_schemas::{Timestamp, Topic};

use super::super::{
    Ack, Assignments, Bounds, Consumer, GroupMember, Log, LogError, NewRecord, Reader, Result,
};

/// Another log, of which no question is answered and to which nothing is appended while it is away.
pub struct Away {
    log: Arc<dyn Log>,
    is_away: AtomicBool,
    /// Questions were not answered.
    asked: AtomicBool,
}

impl Away {
    /// Within reach, to begin with.
    #[must_use]
    pub fn over(log: Arc<dyn Log>) -> Arc<Self> {
        Arc::new(Self { log, is_away: AtomicBool::new(false), asked: AtomicBool::new(false) })
    }

    /// From now on it is away, or is back.
    pub fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Whether somebody has asked in vain.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }

    fn reached(&self) -> Result<&dyn Log> {
        if self.is_away.load(Ordering::SeqCst) {
            self.asked.store(true, Ordering::SeqCst);
            return Err(LogError::Unavailable { reason: "all brokers are down".into() });
        }
        Ok(self.log.as_ref())
    }
}

impl Log for Away {
    fn create(&self, topic: &Topic) -> Result<bool> {
        self.reached()?.create(topic)
    }
    fn delete(&self, topic: &Topic) -> Result<bool> {
        self.reached()?.delete(topic)
    }
    fn topics(&self) -> Result<Vec<Topic>> {
        self.reached()?.topics()
    }
    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        match self.reached() {
            Ok(log) => log.append(topic, records),
            Err(error) => Ack::ready(Err(error)),
        }
    }
    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        self.reached()?.bounds(topic)
    }
    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        self.reached()?.reader(topic, from)
    }
    fn members(&self, group: &str) -> Result<Vec<GroupMember>> {
        self.reached()?.members(group)
    }
    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64> {
        self.reached()?.offset_at(topic, appended_at)
    }
    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        self.reached()?.committed(group, topic)
    }
    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        told: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        self.reached()?.consumer(group, topics, told)
    }
    fn enforce_retention(&self, topic: &Topic, now: Timestamp) -> Result<u64> {
        self.reached()?.enforce_retention(topic, now)
    }
    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        self.reached()?.cut(topic, before)
    }
}
