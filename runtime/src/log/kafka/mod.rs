//! The Kafka backend: one idempotent producer a process, members of groups polled by their caller's thread.
//!
//! What is acknowledged is on every in-sync replica. An append of several records is not one transaction: when it
//! fails, some of them may be in the log, as after any repeat; ids make repeats harmless. Brokers throw away what a
//! topic's policy says by themselves. Topics are listed by name and never created by use.

mod absent;
mod assignment;
mod batch;
mod client;
mod commits;
mod consumer;
mod damage;
mod events;
mod leave;
mod members;
mod producer;
mod reader;
mod refused;
mod topics;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bellwether_schemas::{Timestamp, Topic};
use tokio::time::Instant;

use self::absent::Absent;
use self::client::{Cluster, Lookup, patient};
use self::events::Link;
use self::producer::Producer;
use self::topics::Admin;
use super::{
    Access, Ack, Assignments, Bounds, Consumer, Drift, GroupMember, Log, LogError, NewRecord, Reader, Result,
};
use crate::config::Kafka;
use crate::trace::Context;

/// How this process appears to the brokers.
#[derive(Debug, Clone)]
pub struct Options {
    /// The first part of a member's static id.
    pub host: String,
    /// Where lock files give members of a group on this host their numbers.
    pub slots: PathBuf,
    /// How brokers are spoken to.
    pub security: Kafka,
}

impl Default for Options {
    fn default() -> Self {
        let slots = std::env::temp_dir().join("bellwether-slots");
        Self { host: crate::slot::host(), slots, security: Kafka::default() }
    }
}

/// Topics that were seen and are not gone.
#[derive(Default)]
struct Known {
    topics: BTreeSet<Topic>,
    absent: Absent,
}

/// The log on a Kafka cluster. Cheap to clone.
#[derive(Clone)]
pub struct KafkaLog(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    options: Options,
    link: Link,
    producer: Option<Producer>,
    admin: Admin,
    /// One client without a group, and one for each group that was asked about.
    lookups: Mutex<BTreeMap<Option<String>, Arc<Lookup>>>,
    /// One that sees behind open transactions.
    beyond: OnceLock<Lookup>,
    known: Mutex<Known>,
}

impl KafkaLog {
    /// Connects to `HOST:PORT[,HOST:PORT]` in the background: brokers that are away are found when they come.
    ///
    /// # Errors
    /// The address names no brokers.
    pub fn open(brokers: &str, access: Access) -> Result<Self> {
        Self::open_with(brokers, access, Options::default())
    }

    /// As [`Self::open`], appearing as `options` say.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(brokers: &str, access: Access, options: Options) -> Result<Self> {
        if !is_address(brokers) {
            return Err(LogError::Address { url: format!("kafka://{brokers}") });
        }
        let link = Link::default();
        let cluster = Cluster { brokers: brokers.into(), properties: options.security.properties() };
        let producer = match access {
            Access::Write => Some(Producer::new(&cluster, &link)?),
            Access::Read => None,
        };
        let admin = Admin::new(&cluster, &link)?;
        Ok(Self(Arc::new(Inner {
            cluster,
            options,
            producer,
            admin,
            link,
            lookups: Mutex::default(),
            beyond: OnceLock::new(),
            known: Mutex::default(),
        })))
    }
}

/// `HOST:PORT`, one or several of them.
fn is_address(brokers: &str) -> bool {
    let valid = |broker: &str| {
        broker.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && !host.contains(['/', '@', ' '])
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
    };
    brokers.split(',').all(valid)
}

impl Log for KafkaLog {
    fn create(&self, topic: &Topic) -> Result<bool> {
        self.0.check_writes()?;
        let created = self.0.admin.create(topic)?;
        self.0.lookup(None)?.wait_for(topic)?;
        Ok(created)
    }

    fn delete(&self, topic: &Topic) -> Result<bool> {
        self.0.check_writes()?;
        locked(&self.0.known).topics.remove(topic);
        self.0.admin.delete(topic)
    }

    fn topics(&self) -> Result<Vec<Topic>> {
        let lookup = self.0.lookup(None)?;
        let topics = patient(|| lookup.topics()).map_err(|error| self.0.explain(error))?;
        locked(&self.0.known).look(&topics);
        Ok(topics)
    }

    fn divided(&self) -> Result<BTreeMap<Topic, usize>> {
        let lookup = self.0.lookup(None)?;
        patient(|| lookup.divided()).map_err(|error| self.0.explain(error))
    }

    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        self.append_traced(topic, records, &[])
    }

    fn append_traced(&self, topic: &Topic, records: Vec<NewRecord>, traces: &[Option<Context>]) -> Ack {
        let (ack, answer) = Ack::pending();
        match self.0.producer() {
            Ok(producer) => match self.0.ensure(topic) {
                Ok(()) => producer.append(topic, &records, traces, answer),
                Err(error) => drop(answer.send(Err(error))),
            },
            Err(error) => drop(answer.send(Err(error))),
        }
        ack
    }

    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        self.0.bounds(topic).map_err(|error| self.0.explain(error))
    }

    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        let bounds = self.bounds(topic)?;
        check_within(topic, from, bounds)?;
        Ok(Box::new(reader::TopicReader::new(&self.0, topic, from, bounds)?))
    }

    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64> {
        self.0.offset_at(topic, appended_at)
    }

    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        self.0.lookup(Some(group))?.committed(topic).map_err(|error| self.0.explain(error))
    }

    fn members(&self, group: &str) -> Result<Vec<GroupMember>> {
        self.0.lookup(None)?.members(group)
    }

    fn held_back(&self, topic: &Topic) -> Result<u64> {
        self.0.ensure(topic)?;
        // Asked in this order: what is appended between the two questions can be read, and is not taken for held back.
        let end = self.0.beyond()?.bounds(topic)?.next;
        Ok(end.saturating_sub(self.bounds(topic)?.next))
    }

    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        assignments: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        self.0.check_writes()?;
        Ok(Box::new(consumer::Member::join(Arc::clone(&self.0), group, topics, assignments)?))
    }

    /// Brokers do this by themselves, by their own clock: no process of ours throws away what others may need.
    fn enforce_retention(&self, _: &Topic, _: Timestamp) -> Result<u64> {
        Ok(0)
    }

    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        self.0.check_writes()?;
        let bounds = self.bounds(topic)?;
        if before > bounds.next {
            return Err(out_of_range(topic, before, bounds));
        }
        if before > bounds.start {
            self.0.admin.cut(topic, before)?;
        }
        Ok(bounds.start.max(before))
    }

    fn drift(&self, topic: &Topic) -> Result<Vec<Drift>> {
        self.0.ensure(topic)?;
        self.0.admin.drift(topic)
    }

    fn correct(&self, topic: &Topic) -> Result<()> {
        self.0.check_writes()?;
        self.0.ensure(topic)?;
        self.0.admin.correct(topic)
    }
}

impl Known {
    /// What is gone is looked for again before anything is sent there.
    fn look(&mut self, there: &[Topic]) {
        let there = there.iter().cloned().collect();
        for gone in self.absent.look(&self.topics, &there, Instant::now()) {
            self.topics.remove(&gone);
        }
    }
}

impl Inner {
    fn producer(&self) -> Result<&Producer> {
        self.producer.as_ref().ok_or_else(|| self.read_only())
    }

    fn check_writes(&self) -> Result<()> {
        self.producer().map(|_| ())
    }

    fn read_only(&self) -> LogError {
        LogError::ReadOnly { location: format!("kafka://{}", self.cluster.brokers) }
    }

    /// What is out of reach is named, in case it is the address that is wrong.
    fn explain(&self, error: LogError) -> LogError {
        match error {
            LogError::Unavailable { reason } => {
                let address = &self.cluster.brokers;
                let reason =
                    format!("kafka://{address}: {reason}: is that its address, and is a broker running?");
                LogError::Unavailable { reason }
            }
            other => other,
        }
    }

    fn lookup(&self, group: Option<&str>) -> Result<Arc<Lookup>> {
        let mut lookups = locked(&self.lookups);
        if let Some(lookup) = lookups.get(&group.map(str::to_owned)) {
            return Ok(Arc::clone(lookup));
        }
        let lookup = Arc::new(Lookup::new(&self.cluster, group, &self.link)?);
        lookups.insert(group.map(Into::into), Arc::clone(&lookup));
        Ok(lookup)
    }

    fn beyond(&self) -> Result<&Lookup> {
        if self.beyond.get().is_none() {
            let _ = self.beyond.set(Lookup::beyond_transactions(&self.cluster, &self.link)?);
        }
        self.beyond.get().ok_or_else(|| LogError::Unavailable { reason: "no client could be made".into() })
    }

    /// The topic is there, in one partition: asked for once, because a record sent to a missing topic would wait.
    fn ensure(&self, topic: &Topic) -> Result<()> {
        if !locked(&self.known).topics.contains(topic) {
            self.lookup(None)?.check(topic)?;
            locked(&self.known).topics.insert(topic.clone());
        }
        Ok(())
    }

    /// A topic that went away is looked for again.
    fn forget_if_unknown<T>(&self, topic: &Topic, result: Result<T>) -> Result<T> {
        if matches!(result, Err(LogError::UnknownTopic { .. })) {
            locked(&self.known).topics.remove(topic);
        }
        result
    }

    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        self.ensure(topic)?;
        self.forget_if_unknown(topic, self.lookup(None)?.bounds(topic))
    }

    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64> {
        self.ensure(topic)?;
        let found = self.forget_if_unknown(topic, self.lookup(None)?.offset_at(topic, appended_at))?;
        found.map_or_else(|| self.bounds(topic).map(|bounds| bounds.next), Ok)
    }
}

fn check_within(topic: &Topic, requested: u64, bounds: Bounds) -> Result<()> {
    if (bounds.start..=bounds.next).contains(&requested) {
        return Ok(());
    }
    Err(out_of_range(topic, requested, bounds))
}

fn out_of_range(topic: &Topic, requested: u64, Bounds { start, next }: Bounds) -> LogError {
    LogError::OffsetOutOfRange { topic: topic.to_string(), requested, start, next }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_hosts_and_ports() {
        for good in ["127.0.0.1:9092", "a:1,b.example:2", "[::1]:9092"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "host", "host:", ":9092", "host:0", "host:99999", "a:1,", "user@host:1", "host/x:1"] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
