//! What a member owns: told by the group inside `poll`, with start positions of our own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bellwether_schemas::Topic;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr as Response;
use rdkafka::{Offset, TopicPartitionList};

use super::client::{PARTITION, add, add_partition, at, number};
use super::commits::tolerable;
use super::events::Events;
use super::{Inner, check_within, locked};
use crate::log::{Assignments, LogError, Record, Result, Start};

/// Shared by a member and librdkafka's callbacks, which run inside the member's `poll` and its end.
pub(super) struct Group {
    name: String,
    log: Arc<Inner>,
    assignments: Shared,
    owned: Mutex<Owned>,
    /// The session ran out, and nothing was assigned since.
    lost: AtomicBool,
    /// Nobody answers: a commit would wait without end.
    silent: AtomicBool,
    events: Events,
}

/// Outlives a client that has to be made anew.
pub(super) type Shared = Arc<Mutex<Box<dyn Assignments>>>;

/// The topics of a member.
#[derive(Default)]
pub(super) struct Owned {
    pub(super) topics: BTreeMap<Topic, TopicState>,
    /// To be reported by the next polls.
    pub(super) failures: VecDeque<(Topic, LogError)>,
    /// A commit that was refused while topics were given up.
    pub(super) refused: Option<LogError>,
    epochs: u64,
}

/// Where a member stands in a topic that it owns.
#[derive(Debug)]
pub(super) struct TopicState {
    /// Differs between two assignments of one topic, and after each seek.
    pub(super) epoch: u64,
    /// Nothing below this is handed out.
    pub(super) next: u64,
    pub(super) paused: bool,
    /// It was assigned silent and was not sought yet: where it is at the brokers means nothing.
    placeless: bool,
    /// Where it is to begin could not be asked yet: silent until it can.
    pub(super) begins: Option<Start>,
    /// Was reported; silent until a seek.
    pub(super) failed: bool,
    /// That it may not be read was reported, and nothing came of it since.
    refused: bool,
    /// Came with records of another topic, or just before a pause.
    pub(super) held: VecDeque<Record>,
    /// Asked to be committed, and known to be.
    pub(super) wanted: Option<u64>,
    pub(super) committed: Option<u64>,
}

impl Group {
    pub(super) fn new(name: &str, log: Arc<Inner>, assignments: Shared) -> Self {
        Self {
            name: name.into(),
            events: Events::new(&log.link),
            log,
            assignments,
            owned: Mutex::default(),
            lost: AtomicBool::new(false),
            silent: AtomicBool::new(false),
        }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// Nothing is committed from now on.
    pub(super) fn silence(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    pub(super) fn owned(&self) -> MutexGuard<'_, Owned> {
        locked(&self.owned)
    }

    pub(super) fn heard(&self) {
        self.events.heard();
    }

    pub(super) fn end(&self) {
        self.events.end();
    }

    /// A topic that is to be silent has a place all the same, which is never read. Not the end: should librdkafka's question
    /// for it be answered after a seek, it takes the answer for outdated, asks again half a second later, and goes
    /// there, over whatever was sought (`rd_kafka_toppar_handle_Offset` of 2.12). Paused before it has its place, nothing
    /// is asked for at the place; paused after it, too, where nobody knew the topic before.
    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> Result<()> {
        self.lost.store(false, Ordering::Relaxed);
        let mut starts = TopicPartitionList::new();
        let mut silent = TopicPartitionList::new();
        for (topic, partition) in others(list) {
            // It is in the assignment, or it could not be given up; nothing of it is ever read.
            add_partition(&mut starts, &topic, partition, Offset::End)?;
            add_partition(&mut silent, &topic, partition, Offset::Invalid)?;
        }
        for topic in topics(list) {
            let start = locked(&self.assignments).assigned(&topic);
            if let Some(next) = self.place(&topic, start) {
                add(&mut starts, &topic, at(next))?;
            } else {
                add(&mut starts, &topic, at(0))?;
                add(&mut silent, &topic, Offset::Invalid)?;
            }
        }
        consumer.pause(&silent).ok();
        consumer.incremental_assign(&starts).map_err(|error| self.refuses(&error))?;
        consumer.pause(&silent).map_err(|error| self.refuses(&error))
    }

    /// Notes where the topic stands: the offset to read it from, or none while it is to be silent. Brokers that are away,
    /// as they were for the topic before it, are asked again from [`Owned::to_begin`].
    fn place(&self, topic: &Topic, start: Start) -> Option<u64> {
        let are_away = self.owned().to_begin().is_some();
        let found = match start {
            Start::Paused => None,
            _ if are_away => Some(Err(LogError::Unavailable { reason: "as for the topic before".into() })),
            start => Some(self.start(topic, start)),
        };
        let mut owned = self.owned();
        match found {
            Some(Ok(next)) => {
                owned.insert(topic, next, false);
                Some(next)
            }
            Some(Err(LogError::Unavailable { .. })) => {
                owned.insert_to_begin(topic, start);
                None
            }
            Some(Err(error)) => {
                owned.insert(topic, 0, false);
                owned.fail(topic, error);
                None
            }
            None => {
                owned.insert(topic, 0, true);
                None
            }
        }
    }

    /// An offset that the topic has.
    pub(super) fn start(&self, topic: &Topic, start: Start) -> Result<u64> {
        let bounds = self.log.bounds(topic)?;
        let next = match start {
            Start::At(offset) => offset,
            Start::Paused => bounds.start,
            Start::Committed => self.log.lookup(Some(&self.name))?.committed(topic)?.unwrap_or(bounds.start),
        };
        check_within(topic, next, bounds).map(|()| next)
    }

    /// Finishes and commits before anybody else may have the topics.
    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> Result<()> {
        // After a lost session the topics may be somebody else's already, who is right.
        let lost = consumer.assignment_lost();
        self.lost.store(lost, Ordering::Relaxed);
        let mut reached = TopicPartitionList::new();
        for topic in topics(list) {
            let state = self.owned().topics.remove(&topic);
            let offset = locked(&self.assignments).revoked(&topic).max(state.and_then(|state| state.wanted));
            if let Some(offset) = offset {
                add(&mut reached, &topic, at(offset))?;
            }
        }
        let silent = self.is_silent();
        let committed = match reached.count() {
            0 => Ok(()),
            _ if lost => Ok(()),
            _ if silent => Err(KafkaError::ConsumerCommit(Code::AllBrokersDown)),
            _ => consumer.commit(&reached, CommitMode::Sync),
        };
        consumer.incremental_unassign(list).map_err(|error| self.refuses(&error))?;
        committed.or_else(|error| if tolerable(&error) { Ok(()) } else { Err(self.refuses(&error)) })
    }

    fn refuses(&self, error: &KafkaError) -> LogError {
        LogError::Unavailable { reason: format!("group {}: {error}", self.name) }
    }
}

/// Those of the list whose records are read. Names that are none of ours were not subscribed to.
fn topics(list: &TopicPartitionList) -> Vec<Topic> {
    let elements = list.elements();
    let ours = elements.iter().filter(|element| element.partition() == PARTITION);
    ours.filter_map(|element| element.topic().parse().ok()).collect()
}

/// Partitions that somebody added to a topic: two members may be given parts of one topic, whose owner is who has the
/// first.
fn others(list: &TopicPartitionList) -> Vec<(Topic, i32)> {
    let elements = list.elements();
    let others = elements.iter().filter(|element| element.partition() != PARTITION);
    others.filter_map(|element| Some((element.topic().parse().ok()?, element.partition()))).collect()
}

impl Owned {
    fn insert(&mut self, topic: &Topic, next: u64, paused: bool) {
        self.epochs += 1;
        let state = TopicState {
            epoch: self.epochs,
            next,
            paused,
            placeless: paused,
            begins: None,
            failed: false,
            refused: false,
            held: VecDeque::new(),
            wanted: None,
            committed: None,
        };
        self.topics.insert(topic.clone(), state);
    }

    fn insert_to_begin(&mut self, topic: &Topic, start: Start) {
        self.insert(topic, 0, false);
        if let Some(state) = self.topics.get_mut(topic) {
            (state.placeless, state.begins) = (true, Some(start));
        }
    }

    /// A topic of which nobody could say yet where it is to begin.
    pub(super) fn to_begin(&self) -> Option<(Topic, Start)> {
        self.topics.iter().find_map(|(topic, state)| Some((topic.clone(), state.begins?)))
    }

    /// Where each topic stands that did not fail.
    pub(super) fn reading(&self) -> Vec<(Topic, u64)> {
        let reading = self.topics.iter().filter(|(_, state)| !state.failed && !state.placeless);
        reading.map(|(topic, state)| (topic.clone(), state.next)).collect()
    }

    /// Stops the topic until it is sought, and has the next poll report why; of several failures only the first.
    pub(super) fn fail(&mut self, topic: &Topic, error: LogError) {
        if let Some(state) = self.topics.get_mut(topic).filter(|state| !state.failed) {
            (state.failed, state.begins) = (true, None);
            state.held.clear();
            self.failures.push_back((topic.clone(), error));
        }
    }

    /// Has the next poll report that it may not be read, once: librdkafka tries on, and goes on where it stands.
    pub(super) fn refuse(&mut self, topic: &Topic, error: LogError) {
        if let Some(state) = self.topics.get_mut(topic).filter(|state| !state.failed && !state.refused) {
            state.refused = true;
            self.failures.push_back((topic.clone(), error));
        }
    }

    /// What was read goes out, except what must wait or is not to be seen again.
    pub(super) fn accept(&mut self, topic: &Topic, epoch: u64, mut records: Vec<Record>) -> Vec<Record> {
        let Some(state) = self.topics.get_mut(topic).filter(|state| state.epoch == epoch && !state.failed)
        else {
            return Vec::new();
        };
        records.retain(|record| record.offset >= state.next);
        if let Some(last) = records.last() {
            (state.next, state.refused) = (last.offset + 1, false);
        }
        if state.paused {
            state.held.extend(records);
            return Vec::new();
        }
        records
    }

    /// The topic now stands there; whether it is paused.
    pub(super) fn sought(&mut self, topic: &Topic, offset: u64) -> bool {
        self.epochs += 1;
        let Some(state) = self.topics.get_mut(topic) else { return false };
        (state.epoch, state.next) = (self.epochs, offset);
        (state.failed, state.placeless, state.begins) = (false, false, None);
        state.refused = false;
        state.held.clear();
        state.paused
    }
}

impl ClientContext for Group {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.events.log(level, facility, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        self.events.error(error, reason);
    }
}

impl ConsumerContext for Group {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: Response, list: &mut TopicPartitionList) {
        let is_given = what == Response::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let change = if is_given { "topics are given" } else { "topics are taken away" };
        tracing::info!(log.group = self.name, topics = list.count(), "{change}");
        let done = if is_given { self.assign(consumer, list) } else { self.revoke(consumer, list) };
        if let Err(error) = done {
            tracing::warn!(log.group = self.name, error = %error, "a change of hands did not go as it should");
            self.owned().refused = Some(error);
        }
    }

    /// What is not known to be committed is committed again.
    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        if result.is_err() {
            return;
        }
        let mut owned = self.owned();
        for element in offsets.elements() {
            let (Ok(topic), Offset::Offset(offset)) = (element.topic().parse::<Topic>(), element.offset())
            else {
                continue;
            };
            if let Some(state) = owned.topics.get_mut(&topic).filter(|_| element.error().is_ok()) {
                state.committed = state.committed.max(Some(number(offset)));
            }
        }
    }
}
