//! The brokers do not let our login read one tenant's topic: it is told of, others go on, and it goes on by itself.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::incident::{Change, IncidentKey, IncidentKind, Incidents, News};
use bellwether_runtime::log::{
    Ack, Assignments, Bounds, Consumer, GroupMember, Log, LogError, NewRecord, Polled, Reader, Result,
};
use bellwether_schemas::{Timestamp, Topic};
use bellwether_sinks::feed::{self, Context, Lane};
use support::*;
use tokio::sync::mpsc;

const SINK: &str = "test";

/// The embedded log, of which no member may read that topic while it is barred.
struct Barring {
    log: Arc<dyn Log>,
    topic: Topic,
    is_barred: Arc<AtomicBool>,
}

impl Log for Barring {
    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        told: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        let member = self.log.consumer(group, topics, told)?;
        let (topic, is_barred) = (self.topic.clone(), Arc::clone(&self.is_barred));
        Ok(Box::new(Barred { member, topic, is_barred, is_told: false, held: VecDeque::new() }))
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
    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        self.log.append(topic, records)
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
    fn enforce_retention(&self, topic: &Topic, now: Timestamp) -> Result<u64> {
        self.log.enforce_retention(topic, now)
    }
    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        self.log.cut(topic, before)
    }
}

/// As a member on Kafka: it says once that a topic is refused, and goes on where it stands.
struct Barred {
    member: Box<dyn Consumer>,
    topic: Topic,
    is_barred: Arc<AtomicBool>,
    is_told: bool,
    held: VecDeque<Polled>,
}

impl Consumer for Barred {
    fn poll(&mut self, wait: Duration) -> Result<Polled> {
        if !self.is_barred.load(Ordering::SeqCst) {
            return self.held.pop_front().map_or_else(|| self.member.poll(wait), Ok);
        }
        if !std::mem::replace(&mut self.is_told, true) {
            let refused = LogError::Refused { topic: self.topic.to_string(), reason: "no right".into() };
            return Ok(Polled::Failed(self.topic.clone(), refused));
        }
        match self.member.poll(wait)? {
            Polled::Records(topic, records) if topic == self.topic => {
                self.held.push_back(Polled::Records(topic, records));
                Ok(Polled::Nothing)
            }
            other => Ok(other),
        }
    }
    fn commit(&mut self, topic: &Topic, next_offset: u64) -> Result<()> {
        self.member.commit(topic, next_offset)
    }
    fn pause(&mut self, topic: &Topic) {
        self.member.pause(topic);
    }
    fn resume(&mut self, topic: &Topic) {
        self.member.resume(topic);
    }
    fn seek(&mut self, topic: &Topic, offset: u64) -> Result<()> {
        self.member.seek(topic, offset)
    }
    fn subscribe(&mut self, topics: &[Topic]) -> Result<()> {
        self.member.subscribe(topics)
    }
    fn close(self: Box<Self>) -> Result<()> {
        self.member.close()
    }
}

/// Whether that is told next of the tenant's topic.
fn told(news: &News, began: bool) -> bool {
    let key: IncidentKey = ("fxlabs".parse().unwrap(), IncidentKind::StoppedTopic);
    let is_it = |(of, change)| of == key && matches!(change, Change::Began { .. }) == began;
    news.take().into_iter().any(is_it)
}

#[tokio::test]
async fn a_topic_that_may_not_be_read_is_told_of_and_goes_on_once_it_may_and_others_go_on_meanwhile() {
    let world = World::new(vec![tenant("fxlabs", None), tenant("hextech", None)]);
    let is_barred = Arc::new(AtomicBool::new(true));
    let log = Barring { log: world.log.clone(), topic: triggers("fxlabs"), is_barred: is_barred.clone() };
    let (incidents, news) = Incidents::new(Clock::system());
    let context = Context { log: Arc::new(log), incidents, ..world.context() };
    // What each lane is given, as the tenant and the offset behind it.
    let (give, mut given) = mpsc::channel(16);
    let sink = tokio::spawn(feed::run(context, SINK, move |mut lane: Lane| -> feed::Task {
        let give = give.clone();
        Box::pin(async move {
            while let Some(batch) = lane.next().await {
                lane.done(batch.next_offset);
                if !batch.records.is_empty() {
                    give.send((batch.tenant.to_string(), batch.next_offset)).await.unwrap();
                }
            }
        })
    }));
    eventually("the operator is told", async || told(&news, true)).await;
    world.append("fxlabs", &fired("fxlabs", 0..3)).await;
    world.append("hextech", &fired("hextech", 0..3)).await;
    let next = tokio::time::timeout(SOON, given.recv()).await.unwrap().unwrap();
    assert_eq!(next, ("hextech".into(), 3));

    is_barred.store(false, Ordering::SeqCst);
    let next = tokio::time::timeout(SOON, given.recv()).await.unwrap().unwrap();
    assert_eq!(next, ("fxlabs".into(), 3));
    eventually("the end is told", async || told(&news, false)).await;
    eventually("the commit", async || world.committed(SINK, "fxlabs") == 3).await;
    world.shutdown.raise();
    sink.await.unwrap().unwrap();
}
