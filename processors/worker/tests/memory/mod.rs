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
pub(crate) struct Memory {
    pub(crate) topics: Arc<Mutex<BTreeMap<Topic, Vec<Record>>>>,
    /// Where the group stands in every topic.
    pub(crate) committed: Mutex<Option<u64>>,
    /// A worker goes on: each time that the group is asked for, the journal is one record longer, and folded to there.
    pub(crate) goes_on: bool,
    /// Of every group.
    pub(crate) members: Mutex<Vec<GroupMember>>,
    /// Between the append times of two offsets, microseconds; 0: one.
    pub(crate) append_every: i64,
}

impl Memory {
    pub(crate) fn topics_of(&self) -> MutexGuard<'_, BTreeMap<Topic, Vec<Record>>> {
        self.topics.lock().unwrap()
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

    /// Append times follow from offsets.
    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        let mut topics = self.topics_of();
        let Some(held) = topics.get_mut(topic) else { return Ack::ready(Err(unknown(topic))) };
        let first = next_of(held);
        for (offset, NewRecord { key, value }) in (first..).zip(records) {
            let appended_at = Timestamp(offset.cast_signed() * self.append_every.max(1));
            held.push(Record { offset, appended_at, key, headers: Vec::new(), value });
        }
        Ack::ready(Ok(first))
    }

    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        let topics = self.topics_of();
        let held = topics.get(topic).ok_or_else(|| unknown(topic))?;
        let next = next_of(held);
        Ok(Bounds { start: held.first().map_or(next, |record| record.offset), next })
    }

    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        Ok(Box::new(Read { held: self.records(topic), next: from }))
    }

    fn offset_at(&self, _: &Topic, _: Timestamp) -> Result<u64> {
        unreachable!("no test asks")
    }

    fn committed(&self, _: &str, topic: &Topic) -> Result<Option<u64>> {
        if self.goes_on {
            let record = NewRecord { key: Vec::new(), value: b"nobody can read this".to_vec() };
            return self.append(topic, vec![record]).wait().map(|offset| Some(offset + 1));
        }
        Ok(*self.committed.lock().unwrap())
    }

    fn members(&self, _: &str) -> Result<Vec<GroupMember>> {
        Ok(self.members.lock().unwrap().clone())
    }

    fn consumer(&self, _: &str, _: &[Topic], _: Box<dyn Assignments>) -> Result<Box<dyn Consumer>> {
        unreachable!("no test asks")
    }

    fn enforce_retention(&self, _: &Topic, _: Timestamp) -> Result<u64> {
        unreachable!("no test asks")
    }

    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        let mut topics = self.topics_of();
        let held = topics.get_mut(topic).ok_or_else(|| unknown(topic))?;
        held.retain(|record| record.offset >= before);
        Ok(before)
    }
}

/// The offset that the next record gets.
fn next_of(held: &[Record]) -> u64 {
    held.last().map_or(0, |record| record.offset + 1)
}

struct Read {
    held: Vec<Record>,
    next: u64,
}

impl Reader for Read {
    fn read(&mut self, max: usize, _: Duration) -> Result<Vec<Record>> {
        let waiting = self.held.iter().filter(|record| record.offset >= self.next);
        let records: Vec<Record> = waiting.take(max).cloned().collect();
        self.next = records.last().map_or(self.next, |record| record.offset + 1);
        Ok(records)
    }

    fn next_offset(&self) -> u64 {
        self.next
    }
}
