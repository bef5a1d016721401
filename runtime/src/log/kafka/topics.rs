//! What the brokers are told about a topic, and what they know.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;
use std::time::Duration;

use bellwether_schemas::topics::Policy;
use bellwether_schemas::{Topic, TopicKind};
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::RDKafkaErrorCode as Code;

use super::client::{CALL, Cluster, at, config, create, list_of, meaning, meaning_of_code};
use super::events::{Events, Link};
use crate::log::{Drift, Result};

/// Longest wait for the controller to do something.
const OPERATION: Duration = Duration::from_secs(30);
/// What the brokers were configured with: how many copies there are is theirs to say.
const BROKERS_CHOICE: TopicReplication<'static> = TopicReplication::Fixed(-1);
/// Above the largest batch that a producer of ours sends.
const MAX_MESSAGE_BYTES: &str = "1048588";
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;

/// Every setting of a topic that we care about. Changing one means sending all: what is left out falls back to the
/// brokers' defaults.
pub(super) fn settings(kind: TopicKind) -> BTreeMap<&'static str, String> {
    let (cleanup, retention) = match kind.policy() {
        Policy::Days(days) => ("delete", (u64::from(days) * DAY_MILLIS).to_string()),
        Policy::Compact => ("compact", "-1".into()),
        Policy::Keep => ("delete", "-1".into()),
    };
    BTreeMap::from([
        ("cleanup.policy", cleanup.into()),
        ("retention.ms", retention),
        ("retention.bytes", "-1".into()),
        ("max.message.bytes", MAX_MESSAGE_BYTES.into()),
        // A journal that replays 2012 would be deleted at once if its records carried event time.
        ("message.timestamp.type", "LogAppendTime".into()),
    ])
}

/// Makes topics, and compares and mends their settings.
pub(super) struct Admin(AdminClient<Events>);

impl Admin {
    pub(super) fn new(cluster: &Cluster, link: &Link) -> Result<Self> {
        create(&config(cluster), Events::new(link)).map(Self)
    }

    /// False when it was there.
    pub(super) fn create(&self, topic: &Topic) -> Result<bool> {
        let (name, settings) = (topic.to_string(), settings(topic.kind));
        let mut new = NewTopic::new(&name, 1, BROKERS_CHOICE);
        for (key, value) in &settings {
            new = new.set(key, value);
        }
        let answer = block_on(self.0.create_topics([&new], &options()));
        match answer.map_err(|error| meaning(&error, topic))?.pop() {
            Some(Err((_, Code::TopicAlreadyExists))) => Ok(false),
            Some(Err((_, code))) => Err(meaning_of_code(code, topic)),
            Some(Ok(_)) | None => Ok(true),
        }
    }

    /// False when it was not there.
    pub(super) fn delete(&self, topic: &Topic) -> Result<bool> {
        let name = topic.to_string();
        let answer = block_on(self.0.delete_topics(&[&name], &options()));
        match answer.map_err(|error| meaning(&error, topic))?.pop() {
            Some(Err((_, Code::UnknownTopicOrPartition | Code::UnknownTopic))) => Ok(false),
            Some(Err((_, code))) => Err(meaning_of_code(code, topic)),
            Some(Ok(_)) | None => Ok(true),
        }
    }

    /// Has the brokers throw away what is before that offset, which lies within what the topic holds.
    pub(super) fn cut(&self, topic: &Topic, before: u64) -> Result<()> {
        let offsets = list_of(topic, at(before))?;
        let answer = block_on(self.0.delete_records(&offsets, &options()));
        let answer = answer.map_err(|error| meaning(&error, topic))?;
        answer
            .elements()
            .iter()
            .try_for_each(|element| element.error())
            .map_err(|error| meaning(&error, topic))
    }

    /// Settings that are not what they should be.
    pub(super) fn drift(&self, topic: &Topic) -> Result<Vec<Drift>> {
        let found = self.describe(topic)?;
        let found_value = |key| found.get(key).and_then(|entry| entry.value.clone()).unwrap_or_default();
        let compare = |(key, wanted): (&'static str, String)| {
            let found = found_value(key);
            (found != wanted).then_some(Drift { key, found, wanted })
        };
        Ok(settings(topic.kind).into_iter().filter_map(compare).collect())
    }

    fn describe(&self, topic: &Topic) -> Result<ConfigResource> {
        let name = topic.to_string();
        let answer = block_on(self.0.describe_configs([&ResourceSpecifier::Topic(&name)], &options()));
        match answer.map_err(|error| meaning(&error, topic))?.pop() {
            Some(Ok(resource)) => Ok(resource),
            Some(Err(code)) => Err(meaning_of_code(code, topic)),
            None => Err(meaning_of_code(Code::UnknownTopicOrPartition, topic)),
        }
    }

    /// Sets every setting to what the kind of topic declares.
    pub(super) fn correct(&self, topic: &Topic) -> Result<()> {
        let (name, settings) = (topic.to_string(), settings(topic.kind));
        let mut change = AlterConfig::new(ResourceSpecifier::Topic(&name));
        for (key, value) in &settings {
            change = change.set(key, value);
        }
        let answer = block_on(self.0.alter_configs([&change], &options()));
        match answer.map_err(|error| meaning(&error, topic))?.pop() {
            Some(Err((_, code))) => Err(meaning_of_code(code, topic)),
            Some(Ok(_)) | None => Ok(()),
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(CALL)).operation_timeout(Some(OPERATION))
}

/// Waits on this thread for what librdkafka's own thread will answer. A runtime's way of blocking would refuse
/// inside that runtime, where roles start.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
