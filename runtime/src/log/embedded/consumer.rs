//! The one member of a group, which gets all its topics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bellwether_schemas::Topic;
use tokio::time::Instant;

use super::reader::Stream;
use super::topic::TopicLog;
use super::wake::Bell;
use super::{Inner, POLL_EVERY};
use crate::log::{Assignments, Consumer, LogError, Polled, Record, Result, Start};

/// Records handed out at once.
const POLL_RECORDS: usize = 1024;

/// [`Consumer`] of the embedded log.
pub(super) struct Member {
    log: Arc<Inner>,
    group: String,
    assignments: Box<dyn Assignments>,
    wanted: BTreeSet<Topic>,
    assigned: BTreeMap<Topic, Assigned>,
    /// The topic served last: the search begins after it.
    turn: Option<Topic>,
    bell: Arc<Bell>,
}

struct Assigned {
    /// None after a failure, which was reported; a seek begins anew.
    stream: Option<Stream>,
    paused: bool,
}

impl Member {
    /// The caller has made sure that the group has no other member.
    pub(super) fn new(
        log: Arc<Inner>,
        group: &str,
        topics: &[Topic],
        assignments: Box<dyn Assignments>,
    ) -> Self {
        log.joined(group, topics.iter());
        Self {
            log,
            group: group.into(),
            assignments,
            wanted: topics.iter().cloned().collect(),
            assigned: BTreeMap::new(),
            turn: None,
            bell: Arc::default(),
        }
    }

    /// Brings what is assigned in line with what is wanted, one topic at a time. A failure to report, if any.
    fn reassign(&mut self) -> Result<Option<Polled>> {
        let gone: Vec<Topic> =
            self.assigned.keys().filter(|topic| !self.wanted.contains(topic)).cloned().collect();
        for topic in gone {
            self.revoke(&topic)?;
        }
        while let Some(topic) = self.wanted.iter().find(|topic| !self.assigned.contains_key(topic)).cloned() {
            let opened = self.assign(&topic);
            let paused = matches!(opened, Ok(None));
            let failed = opened.as_ref().err().cloned();
            self.assigned.insert(topic.clone(), Assigned { stream: opened.ok().flatten(), paused });
            if let Some(error) = failed {
                return Ok(Some(Polled::Failed(topic, error)));
            }
        }
        Ok(None)
    }

    /// None: it is to be paused until a seek.
    fn assign(&mut self, topic: &Topic) -> Result<Option<Stream>> {
        let log = self.log.topic(topic)?;
        let from = match self.assignments.assigned(topic) {
            Start::Paused => return Ok(None),
            Start::At(offset) => offset,
            Start::Committed => match self.log.committed(&self.group, topic)? {
                Some(offset) => offset,
                None => log.bounds()?.start,
            },
        };
        self.stream(log, from).map(Some)
    }

    fn stream(&self, log: Arc<TopicLog>, from: u64) -> Result<Stream> {
        log.register(&self.bell);
        Stream::new(log, from)
    }

    /// Given up even when its offset cannot be committed: then it is read again.
    fn revoke(&mut self, topic: &Topic) -> Result<()> {
        self.assigned.remove(topic);
        let Some(offset) = self.assignments.revoked(topic) else { return Ok(()) };
        match self.log.commit(&self.group, topic, offset) {
            // Deleted: there is nothing to be read again.
            Err(LogError::UnknownTopic { .. }) => Ok(()),
            committed => committed,
        }
    }

    /// Records of the first topic in turn that has some.
    fn take_turn(&mut self) -> Option<Polled> {
        for topic in self.in_turn() {
            let Some(assigned) = self.assigned.get_mut(&topic) else { continue };
            match assigned.take() {
                Ok(records) if records.is_empty() => {}
                Ok(records) => {
                    self.turn = Some(topic.clone());
                    return Some(Polled::Records(topic, records));
                }
                Err(error) => {
                    assigned.stream = None;
                    return Some(Polled::Failed(topic, error));
                }
            }
        }
        None
    }

    fn in_turn(&self) -> Vec<Topic> {
        let Some(last) = &self.turn else { return self.assigned.keys().cloned().collect() };
        let (before, after): (Vec<_>, Vec<_>) =
            self.assigned.keys().cloned().partition(|topic| topic <= last);
        after.into_iter().chain(before).collect()
    }

    fn ours(&mut self, topic: &Topic) -> Result<&mut Assigned> {
        self.assigned.get_mut(topic).ok_or_else(|| LogError::NotAssigned { topic: topic.to_string() })
    }
}

impl Assigned {
    fn take(&mut self) -> Result<Vec<Record>> {
        match &mut self.stream {
            Some(stream) if !self.paused => stream.take(POLL_RECORDS),
            _ => Ok(Vec::new()),
        }
    }
}

impl Consumer for Member {
    fn poll(&mut self, wait: Duration) -> Result<Polled> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(failed) = self.reassign()? {
                return Ok(failed);
            }
            if let Some(polled) = self.take_turn() {
                return Ok(polled);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Polled::Nothing);
            }
            self.bell.wait(if self.log.shared.writes() { left } else { left.min(POLL_EVERY) });
        }
    }

    fn commit(&mut self, topic: &Topic, next_offset: u64) -> Result<()> {
        self.ours(topic)?;
        self.log.commit(&self.group, topic, next_offset)
    }

    fn pause(&mut self, topic: &Topic) {
        if let Some(assigned) = self.assigned.get_mut(topic) {
            assigned.paused = true;
        }
    }

    fn resume(&mut self, topic: &Topic) {
        if let Some(assigned) = self.assigned.get_mut(topic) {
            assigned.paused = false;
        }
    }

    fn seek(&mut self, topic: &Topic, offset: u64) -> Result<()> {
        self.ours(topic)?;
        let stream = self.stream(self.log.topic(topic)?, offset)?;
        self.ours(topic)?.stream = Some(stream);
        Ok(())
    }

    fn subscribe(&mut self, topics: &[Topic]) -> Result<()> {
        self.wanted = topics.iter().cloned().collect();
        self.log.joined(&self.group, topics.iter());
        Ok(())
    }

    fn close(mut self: Box<Self>) -> Result<()> {
        let topics: Vec<Topic> = self.assigned.keys().cloned().collect();
        let revoked: Vec<Result<()>> = topics.iter().map(|topic| self.revoke(topic)).collect();
        revoked.into_iter().collect()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.log.leave(&self.group);
    }
}
