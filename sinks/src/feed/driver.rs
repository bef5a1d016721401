//! The thread that owns the consumer: tenants come and go, records become batches, what is done is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::incident::IncidentKind;
use bellwether_runtime::log::{Assignments, Consumer, LogError, Polled, Start};
use bellwether_schemas::time::SECOND;
use bellwether_schemas::{Timestamp, Topic, TopicKind};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::feeder::Feeder;
use super::lane::{Batch, Lane, Shared};
use super::{Context, LANE_BATCHES};
use crate::error::SinkError;
use crate::events::{TaskRestarted, TopicStopped};

/// Longest wait for records: also how long a commit or a new tenant may wait when nothing comes.
const POLL: Duration = Duration::from_millis(50);
/// The wait while some tenant's lane is full, so that it does not stand empty for long.
const POLL_HOLDING: Duration = Duration::from_millis(2);
/// Between looks for topics that do not exist yet and for tasks that ended, microseconds.
const REFRESH: i64 = SECOND;
/// Between tries while the log is out of reach.
const OUT_OF_REACH: Duration = Duration::from_millis(200);
/// Shutdown waits this often, this long, for tenants to finish what they were given: 10 s.
const DRAIN: (u32, Duration) = (1000, Duration::from_millis(10));

pub(super) type Spawn = Box<dyn Fn(Lane) -> JoinHandle<()> + Send>;

pub(super) struct Driver {
    context: Context,
    sink: &'static str,
    spawn: Spawn,
    assigned: Assigned,
    feeders: BTreeMap<Topic, Feeder>,
    consumer: Option<Box<dyn Consumer>>,
    subscribed: BTreeSet<Topic>,
    refresh_at: Timestamp,
}

impl Driver {
    pub(super) fn new(context: Context, sink: &'static str, spawn: Spawn) -> Self {
        Self {
            context,
            sink,
            spawn,
            assigned: Assigned::default(),
            feeders: BTreeMap::new(),
            consumer: None,
            subscribed: BTreeSet::new(),
            refresh_at: Timestamp::MIN,
        }
    }

    /// Until shutdown; then the tasks that may still be ending.
    pub(super) fn run(mut self) -> (Result<(), SinkError>, Vec<JoinHandle<()>>) {
        let result = self.serve().map_err(|source| SinkError::Log { sink: self.sink, source });
        (result, self.feeders.into_values().map(|feeder| feeder.task).collect())
    }

    fn serve(&mut self) -> Result<(), LogError> {
        while !self.context.shutdown.is_raised() {
            match self.turn() {
                Ok(()) => self.context.progress.turned(self.sink),
                Err(error) if matches!(error, LogError::Unavailable { .. }) || error.is_of_a_topic() => {
                    std::thread::sleep(OUT_OF_REACH);
                }
                Err(error) => return Err(error),
            }
        }
        self.drain()
    }

    fn turn(&mut self) -> Result<(), LogError> {
        let now = self.context.clock.now();
        if self.context.tenants.has_changed().unwrap_or(false) || now >= self.refresh_at {
            self.refresh_at = now.plus(REFRESH);
            self.refresh()?;
        }
        let Some(consumer) = &mut self.consumer else {
            std::thread::sleep(POLL);
            return Ok(());
        };
        let log = &*self.context.log;
        self.feeders.values_mut().for_each(|feeder| feeder.tend(log, &mut **consumer));
        // One question to the log a turn: brokers that are slow to answer hold nobody's records up for long.
        self.feeders.values_mut().any(|feeder| feeder.offer_nothing(log, now));
        let holding = self.feeders.values().any(Feeder::is_holding);
        match consumer.poll(if holding { POLL_HOLDING } else { POLL })? {
            Polled::Records(topic, records) => {
                if let Some(feeder) = self.feeders.get_mut(&topic) {
                    self.context.incidents.end(IncidentKind::StoppedTopic, &topic.tenant);
                    feeder.take(&*self.context.log, records);
                }
            }
            Polled::Failed(topic, error) => self.failed(&topic, &error),
            Polled::Nothing => {}
        }
        Ok(())
    }

    fn failed(&mut self, topic: &Topic, error: &LogError) {
        let Some(feeder) = self.feeders.get_mut(topic) else { return };
        match error {
            // It goes on by itself once our login may read it.
            LogError::Refused { .. } => TopicStopped { sink: self.sink, topic, error }.emit(),
            _ => feeder.stop(error),
        }
        // That a topic was deleted is said by who looks which are there.
        if !matches!(error, LogError::UnknownTopic { .. }) {
            self.context.incidents.begin(IncidentKind::StoppedTopic, &topic.tenant, error);
        }
    }

    /// Follows the tenants: lanes for new ones, none for those that are gone, new tasks for those that ended.
    fn refresh(&mut self) -> Result<(), LogError> {
        let tenants = self.context.tenants.borrow_and_update().clone();
        let topic = |tenant: &Tenant| Topic::new(&tenant.id, TopicKind::Triggers);
        let existing: BTreeSet<Topic> = self.context.log.topics()?.into_iter().collect();
        let wanted: BTreeSet<Topic> = tenants.iter().map(topic).filter(|t| existing.contains(t)).collect();
        self.feeders.retain(|topic, feeder| wanted.contains(topic) || feeder.abandon());
        self.assigned.lock().retain(|topic, _| wanted.contains(topic));
        for tenant in tenants.iter() {
            self.serve_tenant(tenant, &topic(tenant), &existing);
        }
        if wanted != self.subscribed {
            self.subscribe(&wanted)?;
            self.subscribed = wanted;
        }
        Ok(())
    }

    fn serve_tenant(&mut self, tenant: &Tenant, topic: &Topic, existing: &BTreeSet<Topic>) {
        if !existing.contains(topic) {
            return;
        }
        if let Some(feeder) = self.feeders.get(topic) {
            if !feeder.task.is_finished() {
                return;
            }
            TaskRestarted { sink: self.sink, tenant: &tenant.id }.emit();
        }
        let shared = self.feeders.get(topic).map_or_else(Arc::default, |feeder| feeder.shared.clone());
        let (sender, task) = self.start_task(tenant, shared.clone());
        match self.feeders.get_mut(topic) {
            Some(feeder) => feeder.replace(&*self.context.log, sender, task),
            None => {
                self.assigned.lock().insert(topic.clone(), shared.clone());
                let feeder = Feeder::new(self.sink, topic.clone(), shared, sender, task);
                self.feeders.insert(topic.clone(), feeder);
            }
        }
    }

    fn start_task(&self, tenant: &Tenant, shared: Arc<Shared>) -> (mpsc::Sender<Batch>, JoinHandle<()>) {
        let (sender, batches) = mpsc::channel(LANE_BATCHES);
        let (tenant, tenants) = (tenant.clone(), self.context.tenants.clone());
        (sender, (self.spawn)(Lane { tenant, tenants, batches, shared }))
    }

    fn subscribe(&mut self, wanted: &BTreeSet<Topic>) -> Result<(), LogError> {
        let topics: Vec<Topic> = wanted.iter().cloned().collect();
        match &mut self.consumer {
            Some(consumer) => consumer.subscribe(&topics),
            None if topics.is_empty() => Ok(()),
            None => {
                let assigned = Box::new(self.assigned.clone());
                self.consumer =
                    Some(self.context.log.consumer(&super::group(self.sink), &topics, assigned)?);
                Ok(())
            }
        }
    }

    /// Hands over what was read, waits until it is done, commits, leaves the group.
    fn drain(&mut self) -> Result<(), LogError> {
        let Some(mut consumer) = self.consumer.take() else { return Ok(()) };
        let (rounds, wait) = DRAIN;
        for _ in 0..rounds {
            let mut finished = true;
            for feeder in self.feeders.values_mut() {
                feeder.tend(&*self.context.log, &mut *consumer);
                finished &= feeder.finish();
            }
            if finished {
                break;
            }
            std::thread::sleep(wait);
        }
        self.feeders.values_mut().for_each(|feeder| feeder.tend(&*self.context.log, &mut *consumer));
        consumer.close()
    }
}

/// What the consumer tells when topics come and go.
#[derive(Clone, Default)]
struct Assigned(Arc<Mutex<BTreeMap<Topic, Arc<Shared>>>>);

impl Assigned {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Topic, Arc<Shared>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Assignments for Assigned {
    fn assigned(&mut self, topic: &Topic) -> Start {
        if let Some(shared) = self.lock().get(topic) {
            let mut state = shared.lock();
            state.epoch += 1;
            (state.assigned, state.reassigned) = (true, true);
        }
        Start::Committed
    }

    /// What the tenant's task has begun may end after this: its database filters what is written twice.
    fn revoked(&mut self, topic: &Topic) -> Option<u64> {
        let registry = self.lock();
        let mut state = registry.get(topic)?.lock();
        state.epoch += 1;
        state.assigned = false;
        Some(state.committable()).filter(|next_offset| *next_offset > 0)
    }
}
