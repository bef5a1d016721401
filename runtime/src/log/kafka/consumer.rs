//! A member of a group, polled by the thread that owns it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwether_schemas::Topic;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::absent::Absent;
use super::assignment::{Group, Shared};
use super::batch::more;
use super::client::{CALL, LOOK, PARTITION, at, create, list_of, meaning, reading};
use super::reader::record;
use super::refused::Refusals;
use super::{Inner, check_within, commits, damage, leave};
use crate::log::{Assignments, Consumer, LogError, Polled, Result};
use crate::slot::Slot;

/// Between two commits: each is a round trip, and what a crash leaves uncommitted is only read again.
const COMMIT_EVERY: Duration = Duration::from_millis(200);
/// How long a topic is tried to be moved before it is begun with again.
const UNMOVED: Duration = Duration::from_millis(200);
/// Between two looks for topics that were missing.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Two looks so far apart say nothing of the time between them.
const LOOKS_APART: Duration = Duration::from_secs(4);

/// A member of a consumer group: the [`Consumer`] of a log on Kafka.
pub(super) struct Member {
    /// None once it left.
    consumer: Option<BaseConsumer<Group>>,
    log: Arc<Inner>,
    name: String,
    wanted: BTreeSet<Topic>,
    /// Topics that were asked for and were not there at the last look.
    absent: Absent,
    /// Those of them that are gone, and that were reported.
    missing: BTreeSet<Topic>,
    refusals: Refusals,
    looked_at: Option<Instant>,
    /// When brokers were asked in vain where a topic is to begin.
    begun_at: Option<Instant>,
    committed_at: Option<Instant>,
    assignments: Shared,
    /// Let go after the group was left.
    slot: Slot,
}

impl Member {
    pub(super) fn join(
        log: Arc<Inner>,
        group: &str,
        topics: &[Topic],
        assignments: Box<dyn Assignments>,
    ) -> Result<Self> {
        let slot = Slot::take(&log.options.slots, group)?;
        let mut member = Self {
            consumer: None,
            assignments: Arc::new(Mutex::new(assignments)),
            log,
            name: group.into(),
            wanted: topics.iter().cloned().collect(),
            absent: Absent::default(),
            missing: BTreeSet::new(),
            refusals: Refusals::default(),
            looked_at: None,
            begun_at: None,
            committed_at: None,
            slot,
        };
        member.connect()?;
        Ok(member)
    }

    /// Makes a client and joins with it.
    fn connect(&mut self) -> Result<()> {
        let (log, group) = (&self.log, &self.name);
        let mut config = reading(&log.cluster);
        config
            .set("group.id", group)
            .set("group.instance.id", self.slot.id(&log.options.host, group))
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "1000");
        let context = Group::new(group, Arc::clone(log), Arc::clone(&self.assignments));
        self.consumer = Some(create(&config, context)?);
        self.subscribe_wanted()
    }

    fn subscribe_wanted(&self) -> Result<()> {
        let names: Vec<String> = self.wanted.iter().map(ToString::to_string).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let consumer = self.consumer()?;
        if names.is_empty() {
            consumer.unsubscribe();
            return Ok(());
        }
        consumer.subscribe(&names).map_err(|error| self.unavailable(&error.to_string()))
    }

    fn consumer(&self) -> Result<&BaseConsumer<Group>> {
        self.consumer.as_ref().ok_or_else(|| self.unavailable("it left"))
    }

    /// Records held back, or new ones: of one topic, as many as are there.
    fn batch(&mut self, wait: Duration) -> Result<Option<Polled>> {
        if let Some(held) = self.held()? {
            return Ok(Some(held));
        }
        let consumer = self.consumer()?;
        let (topic, first) = match consumer.poll(wait) {
            None => return Ok(None),
            Some(Ok(message)) => match message.topic().parse::<Topic>() {
                Ok(topic) => (topic, record(&message)),
                Err(_) => return Ok(None),
            },
            Some(Err(error)) => return self.trouble(&error).map(|()| None),
        };
        consumer.context().heard();
        let Some(epoch) = consumer.context().owned().topics.get(&topic).map(|state| state.epoch) else {
            return Ok(None);
        };
        let (records, trouble) = more(consumer, &topic, first);
        let records = consumer.context().owned().accept(&topic, epoch, records);
        if let Some(error) = trouble {
            self.trouble(&error)?;
        }
        Ok((!records.is_empty()).then_some(Polled::Records(topic, records)))
    }

    fn held(&self) -> Result<Option<Polled>> {
        let mut owned = self.consumer()?.context().owned();
        let mut ready = owned.topics.iter_mut().filter(|(_, state)| !state.paused && !state.failed);
        let found = ready.find(|(_, state)| !state.held.is_empty());
        Ok(found.map(|(topic, state)| Polled::Records(topic.clone(), state.held.drain(..).collect())))
    }

    /// Brokers and lines come back; a member that was fenced does not; an offset that is gone stops its topic.
    fn trouble(&mut self, error: &KafkaError) -> Result<()> {
        let consumer = self.consumer()?;
        if let Some((code, reason)) = consumer.client().fatal_error() {
            return self.fatal(code, &reason);
        }
        match error.rdkafka_error_code() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                damage::find_out_of_range(consumer, &self.log);
                Ok(())
            }
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
                self.find_missing()
            }
            Some(Code::BadMessage | Code::InvalidMessage | Code::BadCompression) => {
                damage::find(consumer, &self.log)
            }
            // Of what we may not even know of, nothing is listed.
            Some(Code::TopicAuthorizationFailed) => {
                let reading = consumer.context().owned().reading();
                self.refusals.suspect(reading);
                self.find_missing()
            }
            Some(Code::GroupAuthorizationFailed) => Err(LogError::Io {
                what: format!("kafka refuses group {}", self.name),
                reason: error.to_string(),
            }),
            _ => Ok(()),
        }
    }

    /// After a session ran out, librdkafka sends commits that were still waiting with the static id and no member
    /// id, and believes itself fenced by the answer. Nobody else is there then: a new client joins. A member that
    /// is fenced while it owns topics has met another one with its id.
    fn fatal(&mut self, code: Code, reason: &str) -> Result<()> {
        let location = format!("group {}", self.name);
        let consumer = self.consumer()?;
        // Before the topics are given up, and after.
        let lost = consumer.assignment_lost() || consumer.context().is_lost();
        match code {
            Code::FencedInstanceId if lost => {
                tracing::info!(log.group = self.name, "joining again after a lost session");
                self.consumer = None;
                self.connect()
            }
            Code::FencedInstanceId => {
                Err(LogError::Held { location, holder: "with the same static id".into() })
            }
            _ => Err(LogError::Poisoned { reason: format!("{location}: {reason}") }),
        }
    }

    /// Brokers say once that a topic is missing: whether it is gone is found by looking again.
    fn look_for_absent(&mut self) -> Result<()> {
        let is_due = self.looked_at.is_none_or(|at| at.elapsed() >= LOOK_AGAIN);
        if is_due && !self.absent.is_empty() { self.find_missing() } else { Ok(()) }
    }

    fn find_missing(&mut self) -> Result<()> {
        let there = self.log.lookup(None)?.topics();
        let now = Instant::now();
        let before = self.looked_at.replace(now);
        let Ok(there) = there else { return Ok(()) };
        let there: BTreeSet<Topic> = there.into_iter().collect();
        // What was missing before brokers fell silent may have been made since.
        if before.is_none_or(|at| now.duration_since(at) >= LOOKS_APART) {
            self.absent = Absent::default();
        }
        let gone = self.absent.look(&self.wanted, &there, now);
        self.missing.retain(|topic| !there.contains(topic));
        for topic in gone {
            if self.missing.insert(topic.clone()) {
                let error = LogError::UnknownTopic { topic: topic.to_string() };
                let mut owned = self.consumer()?.context().owned();
                match owned.topics.get_mut(&topic) {
                    Some(_) => owned.fail(&topic, error),
                    None => owned.failures.push_back((topic, error)),
                }
            }
        }
        Ok(())
    }

    /// Begins with topics that were given while brokers were away.
    fn begin_late(&mut self) -> Result<()> {
        loop {
            let waiting = self.consumer()?.context().owned().to_begin();
            let Some((topic, start)) = waiting else { return Ok(()) };
            if self.begun_at.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
                return Ok(());
            }
            let found = self.consumer()?.context().start(&topic, start);
            match found.and_then(|next| self.move_to(&topic, next)) {
                Ok(()) => {}
                Err(LogError::Unavailable { .. }) => self.begun_at = Some(Instant::now()),
                Err(error) => self.consumer()?.context().owned().fail(&topic, error),
            }
        }
    }

    fn find_refused(&mut self) -> Result<()> {
        for (topic, error) in self.refusals.turn(&self.log)? {
            self.consumer()?.context().owned().refuse(&topic, error);
        }
        Ok(())
    }

    /// Commits what was asked for and is not known to be committed, when it is time.
    fn commit_wanted(&mut self, mode: CommitMode) -> Result<()> {
        if self.committed_at.is_none_or(|at| at.elapsed() >= COMMIT_EVERY)
            && commits::flush(self.consumer()?, mode)?
        {
            self.committed_at = Some(Instant::now());
        }
        Ok(())
    }

    fn check_ours(&self, topic: &Topic) -> Result<()> {
        if self.consumer()?.context().owned().topics.contains_key(topic) {
            return Ok(());
        }
        Err(LogError::NotAssigned { topic: topic.to_string() })
    }

    /// Has librdkafka begin with the topic again, there. Where the place at which it was silent is none that the topic
    /// has, as in one that was cut, it has stopped it and moves it nowhere.
    fn place_anew(&self, topic: &Topic, offset: u64) -> Result<()> {
        let consumer = self.consumer()?;
        let nowhere = list_of(topic, Offset::Invalid)?;
        let refused = |error| self.unavailable(&format!("{topic} cannot be moved: {error}"));
        consumer.incremental_unassign(&nowhere).map_err(refused)?;
        consumer.incremental_assign(&list_of(topic, at(offset))?).map_err(refused)
    }

    fn move_to(&self, topic: &Topic, offset: u64) -> Result<()> {
        let consumer = self.consumer()?;
        let begun = Instant::now();
        while consumer.seek(&topic.to_string(), PARTITION, at(offset), CALL).is_err() {
            // Just assigned, it cannot be moved yet.
            if begun.elapsed() >= UNMOVED {
                self.place_anew(topic, offset)?;
                break;
            }
            std::thread::sleep(LOOK);
        }
        let is_paused = consumer.context().owned().sought(topic, offset);
        // One that had no place to begin at was assigned silent.
        if !is_paused {
            let list = list_of(topic, Offset::Invalid)?;
            consumer.resume(&list).map_err(|error| meaning(&error, topic))?;
        }
        Ok(())
    }

    fn unavailable(&self, reason: &str) -> LogError {
        LogError::Unavailable { reason: format!("group {}: {reason}", self.name) }
    }
}

impl Consumer for Member {
    fn poll(&mut self, wait: Duration) -> Result<Polled> {
        let deadline = Instant::now() + wait;
        self.look_for_absent()?;
        self.begin_late()?;
        loop {
            self.commit_wanted(CommitMode::Async)?;
            self.find_refused()?;
            let failure = self.consumer()?.context().owned().failures.pop_front();
            if let Some((topic, error)) = failure {
                return Ok(Polled::Failed(topic, error));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if let Some(polled) = self.batch(left.min(COMMIT_EVERY))? {
                return Ok(polled);
            }
            if left.is_zero() {
                return Ok(Polled::Nothing);
            }
        }
    }

    /// At once when the last one is a while ago; otherwise with the next that is due, which a later `poll`, the
    /// giving up of the topic, or the end brings. Brokers that are away do not fail it.
    fn commit(&mut self, topic: &Topic, next_offset: u64) -> Result<()> {
        self.check_ours(topic)?;
        if let Some(state) = self.consumer()?.context().owned().topics.get_mut(topic) {
            state.wanted = Some(next_offset);
        }
        self.commit_wanted(CommitMode::Sync)
    }

    fn pause(&mut self, topic: &Topic) {
        let Ok(consumer) = self.consumer() else { return };
        let mut owned = consumer.context().owned();
        if let Some(state) = owned.topics.get_mut(topic).filter(|state| !state.paused) {
            state.paused = true;
            drop(owned);
            let paused = only(topic).and_then(|list| consumer.pause(&list).ok());
            tracing::trace!(log.topic = %topic, done = paused.is_some(), "paused");
        }
    }

    fn resume(&mut self, topic: &Topic) {
        let Ok(consumer) = self.consumer() else { return };
        let mut owned = consumer.context().owned();
        if let Some(state) = owned.topics.get_mut(topic).filter(|state| state.paused) {
            state.paused = false;
            let is_silent = state.failed || state.begins.is_some();
            drop(owned);
            let resumed = only(topic).filter(|_| !is_silent).and_then(|list| consumer.resume(&list).ok());
            tracing::trace!(log.topic = %topic, done = resumed.is_some(), "resumed");
        }
    }

    fn seek(&mut self, topic: &Topic, offset: u64) -> Result<()> {
        self.check_ours(topic)?;
        check_within(topic, offset, self.log.bounds(topic)?)?;
        self.move_to(topic, offset)
    }

    fn subscribe(&mut self, topics: &[Topic]) -> Result<()> {
        self.wanted = topics.iter().cloned().collect();
        self.missing.retain(|topic| self.wanted.contains(topic));
        self.subscribe_wanted()
    }

    /// Others have its topics at once. Brokers that are away do not fail it: what could not be committed is read again.
    fn close(mut self: Box<Self>) -> Result<()> {
        let Some(consumer) = self.consumer.take() else { return Ok(()) };
        let context = Arc::clone(consumer.context());
        context.owned().refused = None;
        if !leave::go(consumer, &self.name, self.slot.id(&self.log.options.host, &self.name)) {
            tracing::warn!(
                log.group = self.name,
                "stopped without an answer of its group, which gives its topics to others once the session has run out"
            );
            return Ok(());
        }
        let refused = context.owned().refused.take();
        match refused {
            Some(error @ LogError::Unavailable { .. }) => {
                tracing::warn!(error = %error, "stopped without a last commit: what was done since the one before is read again");
                Ok(())
            }
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(consumer) = &self.consumer {
            consumer.context().end();
        }
    }
}

fn only(topic: &Topic) -> Option<TopicPartitionList> {
    list_of(topic, Offset::Invalid).ok()
}
