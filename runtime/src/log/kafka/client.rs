//! What every client of a cluster has in common: its settings, what its errors mean; and the client that only asks.

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_schemas::{Timestamp, Topic};
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::MetadataTopic;
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::events::{Events, Link};
use super::members::members;
use crate::log::{Bounds, GroupMember, LogError, Result};

/// Longest wait for one answer.
pub(super) const CALL: Duration = Duration::from_secs(10);
/// Between looks for something that is known to come.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// Every topic has this partition only.
pub(super) const PARTITION: i32 = 0;

/// Where brokers are, and how they are spoken to.
pub(super) struct Cluster {
    pub(super) brokers: String,
    /// As librdkafka calls them. One may be a password.
    pub(super) properties: Vec<(&'static str, String)>,
}

/// Settings of any client.
pub(super) fn config(cluster: &Cluster) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (key, value) in &cluster.properties {
        config.set(*key, value);
    }
    config
        .set("bootstrap.servers", &cluster.brokers)
        .set("client.id", "bellwether")
        .set("socket.timeout.ms", "10000")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        // A topic that comes or goes is noticed within this.
        .set("topic.metadata.refresh.interval.ms", "5000")
        .set_log_level(RDKafkaLogLevel::Warning);
    config
}

/// Settings of any client that reads.
pub(super) fn reading(cluster: &Cluster) -> ClientConfig {
    let mut config = config(cluster);
    config
        .set("allow.auto.create.topics", "false")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("check.crcs", "true")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.error.backoff.ms", "100")
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.min.messages", "10000")
        .set("queued.max.messages.kbytes", "16384");
    config
}

/// A client of the brokers that the configuration names; none is asked yet.
pub(super) fn create<C, T: FromClientConfigAndContext<C>>(config: &ClientConfig, context: C) -> Result<T>
where
    C: ClientContext,
{
    config.create_with_context(context).map_err(|error| LogError::Io {
        what: "cannot make a Kafka client".into(),
        reason: error.to_string(),
    })
}

/// What an error of a call about a topic means. Trouble of brokers or lines is [`LogError::Unavailable`].
pub(super) fn meaning(error: &KafkaError, topic: &Topic) -> LogError {
    match error.rdkafka_error_code() {
        Some(code) => meaning_of_code(code, topic),
        None => LogError::Unavailable { reason: error.to_string() },
    }
}

pub(super) fn meaning_of_code(code: Code, topic: &Topic) -> LogError {
    match code {
        Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => {
            LogError::UnknownTopic { topic: topic.to_string() }
        }
        Code::TopicAuthorizationFailed => {
            LogError::Refused { topic: topic.to_string(), reason: code.to_string() }
        }
        Code::Fatal
        | Code::OutOfOrderSequenceNumber
        | Code::InvalidProducerEpoch
        | Code::UnknownProducerId => LogError::Poisoned { reason: code.to_string() },
        Code::MessageSizeTooLarge
        | Code::InvalidRecord
        | Code::PolicyViolation
        | Code::InvalidConfig
        | Code::InvalidReplicationFactor
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed => {
            LogError::Io { what: format!("kafka refuses this for {topic}"), reason: code.to_string() }
        }
        _ => LogError::Unavailable { reason: code.to_string() },
    }
}

/// One topic as librdkafka lists them.
pub(super) fn list_of(topic: &Topic, offset: Offset) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(1);
    add(&mut list, topic, offset)?;
    Ok(list)
}

/// Adds a topic, with an offset of it, to a list for librdkafka.
pub(super) fn add(list: &mut TopicPartitionList, topic: &Topic, offset: Offset) -> Result<()> {
    add_partition(list, topic, PARTITION, offset)
}

/// The same of a partition that somebody added to it.
pub(super) fn add_partition(
    list: &mut TopicPartitionList,
    topic: &Topic,
    partition: i32,
    offset: Offset,
) -> Result<()> {
    list.add_partition_offset(&topic.to_string(), partition, offset).map_err(|error| meaning(&error, topic))
}

/// Kafka's offset of ours. Beyond what Kafka can count there is nothing.
pub(super) fn at(offset: u64) -> Offset {
    Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX))
}

/// Our offset of Kafka's, which is negative where it stands for none.
pub(super) fn number(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}

/// A client that only asks: about topics, offsets, and what one group committed.
pub(super) struct Lookup(BaseConsumer<Events>);

impl Lookup {
    pub(super) fn new(cluster: &Cluster, group: Option<&str>, link: &Link) -> Result<Self> {
        let mut config = reading(cluster);
        if let Some(group) = group {
            config.set("group.id", group);
        }
        create(&config, Events::new(link)).map(Self)
    }

    /// One to whom a topic ends where its last record is, also where nobody may read that yet.
    pub(super) fn beyond_transactions(cluster: &Cluster, link: &Link) -> Result<Self> {
        let mut config = reading(cluster);
        config.set("isolation.level", "read_uncommitted");
        create(&config, Events::new(link)).map(Self)
    }

    /// Every topic of ours.
    pub(super) fn topics(&self) -> Result<Vec<Topic>> {
        let metadata = self.asked(self.0.fetch_metadata(None, CALL)).map_err(|error| unavailable(&error))?;
        let mut topics: Vec<Topic> =
            metadata.topics().iter().filter_map(|topic| topic.name().parse().ok()).collect();
        topics.sort();
        Ok(topics)
    }

    /// Topics of ours that have several partitions, and how many.
    pub(super) fn divided(&self) -> Result<BTreeMap<Topic, usize>> {
        let metadata = self.asked(self.0.fetch_metadata(None, CALL)).map_err(|error| unavailable(&error))?;
        let topics = metadata.topics().iter().map(|topic| (topic.name().parse(), topic.partitions().len()));
        Ok(topics.filter_map(|(topic, count)| (count > 1).then_some((topic.ok()?, count))).collect())
    }

    /// The topic is there, in one partition that has a leader.
    pub(super) fn check(&self, topic: &Topic) -> Result<()> {
        let name = topic.to_string();
        let metadata =
            self.asked(self.0.fetch_metadata(Some(&name), CALL)).map_err(|error| meaning(&error, topic))?;
        let found = metadata.topics().iter().find(|found| found.name() == name);
        found.map_or_else(|| Err(LogError::UnknownTopic { topic: name.clone() }), |found| check(topic, found))
    }

    /// Waits until a topic just created can be used: its leader takes a moment longer than those who name it.
    pub(super) fn wait_for(&self, topic: &Topic) -> Result<()> {
        let deadline = Instant::now() + CALL;
        loop {
            match self.check(topic).and_then(|()| self.try_bounds(topic)) {
                Err(LogError::UnknownTopic { .. } | LogError::Unavailable { .. })
                    if Instant::now() < deadline =>
                {
                    std::thread::sleep(LOOK);
                }
                other => return other.map(|_| ()),
            }
        }
    }

    pub(super) fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        patient(|| self.try_bounds(topic))
    }

    fn try_bounds(&self, topic: &Topic) -> Result<Bounds> {
        let (start, next) = self
            .asked(self.0.fetch_watermarks(&topic.to_string(), PARTITION, CALL))
            .map_err(|error| meaning(&error, topic))?;
        Ok(Bounds { start: number(start), next: number(next) })
    }

    /// The first offset appended then or later, if there is one. Kafka counts milliseconds.
    pub(super) fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<Option<u64>> {
        let millis = appended_at.0.max(0) / 1000 + i64::from(appended_at.0 > 0 && appended_at.0 % 1000 != 0);
        let times = list_of(topic, Offset::Offset(millis))?;
        let found =
            self.asked(self.0.offsets_for_times(times, CALL)).map_err(|error| meaning(&error, topic))?;
        self.only(topic, &found)
    }

    /// Where the group of this client would go on, if it ever committed.
    pub(super) fn committed(&self, topic: &Topic) -> Result<Option<u64>> {
        patient(|| self.try_committed(topic))
    }

    fn try_committed(&self, topic: &Topic) -> Result<Option<u64>> {
        let asked = list_of(topic, Offset::Invalid)?;
        let found =
            self.asked(self.0.committed_offsets(asked, CALL)).map_err(|error| meaning(&error, topic))?;
        self.only(topic, &found)
    }

    /// Who is in that group.
    pub(super) fn members(&self, group: &str) -> Result<Vec<GroupMember>> {
        let list =
            self.asked(self.0.fetch_group_list(Some(group), CALL)).map_err(|error| unavailable(&error))?;
        Ok(members(&list, group))
    }

    fn only(&self, topic: &Topic, found: &TopicPartitionList) -> Result<Option<u64>> {
        let elements = found.elements();
        let Some(element) = elements.first() else { return Ok(None) };
        element.error().map_err(|error| meaning(&error, topic))?;
        match element.offset() {
            Offset::Offset(offset) => Ok(Some(number(offset))),
            _ => Ok(None),
        }
    }

    /// Serves what the client has to say, which would pile up otherwise.
    fn asked<T>(&self, answer: std::result::Result<T, KafkaError>) -> std::result::Result<T, KafkaError> {
        while self.0.poll(Duration::ZERO).is_some() {}
        if answer.is_ok() {
            self.0.context().heard();
        }
        answer
    }
}

/// Brokers that just started answer "not yet" for a moment: so do new leaders and coordinators. A line may be lost, and
/// another one is there at once.
pub(super) fn patient<T>(ask: impl Fn() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + CALL;
    loop {
        match ask() {
            Err(LogError::Unavailable { .. }) if Instant::now() < deadline => std::thread::sleep(LOOK),
            answer => return answer,
        }
    }
}

fn check(topic: &Topic, found: &MetadataTopic) -> Result<()> {
    if let Some(error) = found.error() {
        return Err(meaning_of_code(error.into(), topic));
    }
    match found.partitions() {
        [only] if only.leader() >= 0 => Ok(()),
        [] | [_] => Err(LogError::Unavailable { reason: format!("{topic} has no leader") }),
        several => Err(LogError::Partitions { topic: topic.to_string(), count: several.len() }),
    }
}

fn unavailable(error: &KafkaError) -> LogError {
    LogError::Unavailable { reason: error.to_string() }
}
