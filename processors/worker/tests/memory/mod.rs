//! A log in memory, for tests that change single bytes of what it holds: topics with appends and readers, no groups.
#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bellwether_runtime::log::{
    Ack, Assignments, Bounds, Consumer, GroupMember, Log, LogError, NewRecord, Reader, Record, Result,
};
use bellwether_schemas::{Timestamp, Topic};

#[derive(Default)]
pub(crate) struct Memory(Arc<Mutex<BTreeMap<Topic, Vec<Record>>>>);

impl Memory {
    pub(crate) fn topics_of(&self) -> MutexGuard<'_, BTreeMap<Topic, Vec<Record>>> {
        self.0.lock().unwrap()
    }

    pub(crate) fn records(&self, topic: &Topic) -> Vec<Record> {
        self.topics_of().get(topic).cloned().unwrap_or_default()
    }
}

fn unknown(topic: &Topic) -> LogError {
    LogError::UnknownTopic { topic: topic.to_string() }
}

impl Log for Memory {
    fn create(&self, topic: &Topic) -> Result<bool> {
        Ok(self.topics_of().insert(topic.clone(), Vec::new()).is_none())
    }

    fn delete(&self, topic: &Topic) -> Result<bool> {
        Ok(self.topics_of().remove(topic).is_some())
    }

    fn topics(&self) -> Result<Vec<Topic>> {
        Ok(self.topics_of().keys().cloned().collect())
    }

    /// Append times are offsets.
    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        let mut topics = self.topics_of();
        let Some(held) = topics.get_mut(topic) else { return Ack::ready(Err(unknown(topic))) };
        let first = held.len() as u64;
        for (offset, NewRecord { key, value }) in (first..).zip(records) {
            let appended_at = Timestamp(offset.cast_signed());
            held.push(Record { offset, appended_at, key, headers: Vec::new(), value });
        }
        Ack::ready(Ok(first))
    }

    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        let topics = self.topics_of();
        let held = topics.get(topic).ok_or_else(|| unknown(topic))?;
        Ok(Bounds { start: 0, next: held.len() as u64 })
    }

    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        Ok(Box::new(Read { held: self.records(topic), next: from }))
    }

    fn offset_at(&self, _: &Topic, _: Timestamp) -> Result<u64> {
        unreachable!("no test asks")
    }

    fn committed(&self, _: &str, _: &Topic) -> Result<Option<u64>> {
        Ok(None)
    }

    fn members(&self, _: &str) -> Result<Vec<GroupMember>> {
        unreachable!("no test asks")
    }

    fn consumer(&self, _: &str, _: &[Topic], _: Box<dyn Assignments>) -> Result<Box<dyn Consumer>> {
        unreachable!("no test asks")
    }

    fn enforce_retention(&self, _: &Topic, _: Timestamp) -> Result<u64> {
        unreachable!("no test asks")
    }
}

struct Read {
    held: Vec<Record>,
    next: u64,
}

impl Reader for Read {
    fn read(&mut self, max: usize, _: Duration) -> Result<Vec<Record>> {
        let from = usize::try_from(self.next).unwrap();
        let records: Vec<Record> = self.held.iter().skip(from).take(max).cloned().collect();
        self.next += records.len() as u64;
        Ok(records)
    }

    fn next_offset(&self) -> u64 {
        self.next
    }
}
