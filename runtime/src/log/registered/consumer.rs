//! A member of a group over a registry: holds a topic back from the first record whose schema is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_schemas::Topic;

use super::translate;
use crate::log::{Assignments, Consumer, Log, Polled, Record, Result, Start};
use crate::metric_names::SCHEMA_HELD;
use crate::registry::Registry;

pub(super) struct Member {
    inner: Box<dyn Consumer>,
    registry: Registry,
    shared: Shared,
}

/// What the callbacks change as well.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// From the first record of which the schema is not known; these topics are paused below.
    held: BTreeMap<Topic, Vec<Record>>,
    /// What our user paused.
    paused: BTreeSet<Topic>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, topic: &Topic) {
        let mut state = self.lock();
        state.held.remove(topic);
        state.paused.remove(topic);
    }
}

impl Member {
    pub(super) fn join(
        log: &dyn Log,
        registry: Registry,
        group: &str,
        topics: &[Topic],
        assignments: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        let shared = Shared::default();
        let told = RegisteredAssignments { shared: shared.clone(), inner: assignments };
        let inner = log.consumer(group, topics, Box::new(told))?;
        Ok(Box::new(Self { inner, registry, shared }))
    }

    /// What was held of some topic and is known by now.
    fn released(&mut self) -> Option<Polled> {
        let mut state = self.shared.lock();
        let State { held, paused } = &mut *state;
        for (topic, records) in held.iter_mut().filter(|(topic, _)| !paused.contains(*topic)) {
            let (ready, rest) = translate(&self.registry, std::mem::take(records));
            let done = rest.is_none();
            *records = rest.map(|(_, rest)| rest).unwrap_or_default();
            if !ready.is_empty() {
                let topic = topic.clone();
                if done {
                    held.remove(&topic);
                    self.inner.resume(&topic);
                    tracing::info!(tenant.id = %topic.tenant, log.topic = %topic, "its schema is known: reading on");
                }
                return Some(Polled::Records(topic, ready));
            }
        }
        None
    }

    fn hold(&mut self, topic: &Topic, id: u32, records: Vec<Record>) {
        let offset = records.first().map(|record| record.offset);
        if self.shared.lock().held.insert(topic.clone(), records).is_none() {
            self.inner.pause(topic);
            metrics::counter!(SCHEMA_HELD, "tenant" => topic.tenant.to_string()).increment(1);
            tracing::warn!(
                tenant.id = %topic.tenant, log.topic = %topic, log.offset = offset, schema.id = id,
                "a record has a schema id that is not known yet: its topic waits"
            );
        }
    }
}

impl Consumer for Member {
    fn poll(&mut self, wait: Duration) -> Result<Polled> {
        if let Some(polled) = self.released() {
            return Ok(polled);
        }
        let (topic, records) = match self.inner.poll(wait)? {
            Polled::Records(topic, records) => (topic, records),
            other => return Ok(other),
        };
        if let Some(held) = self.shared.lock().held.get_mut(&topic) {
            // On its way when the topic was paused.
            held.extend(records);
            return Ok(Polled::Nothing);
        }
        let (ready, unknown) = translate(&self.registry, records);
        if let Some((id, rest)) = unknown {
            self.hold(&topic, id, rest);
        }
        Ok(if ready.is_empty() { Polled::Nothing } else { Polled::Records(topic, ready) })
    }

    fn commit(&mut self, topic: &Topic, next_offset: u64) -> Result<()> {
        self.inner.commit(topic, next_offset)
    }

    fn pause(&mut self, topic: &Topic) {
        self.shared.lock().paused.insert(topic.clone());
        self.inner.pause(topic);
    }

    fn resume(&mut self, topic: &Topic) {
        let held = {
            let mut state = self.shared.lock();
            state.paused.remove(topic);
            state.held.contains_key(topic)
        };
        if !held {
            self.inner.resume(topic);
        }
    }

    fn seek(&mut self, topic: &Topic, offset: u64) -> Result<()> {
        self.inner.seek(topic, offset)?;
        let (held, paused) = {
            let mut state = self.shared.lock();
            (state.held.remove(topic).is_some(), state.paused.contains(topic))
        };
        if held && !paused {
            self.inner.resume(topic);
        }
        Ok(())
    }

    fn subscribe(&mut self, topics: &[Topic]) -> Result<()> {
        self.inner.subscribe(topics)
    }

    fn close(self: Box<Self>) -> Result<()> {
        self.inner.close()
    }
}

/// Forgets what was held of a topic that comes or goes, before anybody else hears of it.
struct RegisteredAssignments {
    shared: Shared,
    inner: Box<dyn Assignments>,
}

impl Assignments for RegisteredAssignments {
    fn assigned(&mut self, topic: &Topic) -> Start {
        self.shared.forget(topic);
        let start = self.inner.assigned(topic);
        if start == Start::Paused {
            self.shared.lock().paused.insert(topic.clone());
        }
        start
    }

    fn revoked(&mut self, topic: &Topic) -> Option<u64> {
        self.shared.forget(topic);
        self.inner.revoked(topic)
    }
}
