//! The thread that reads the tenants' previews for the group: tenants come and go, and whoever is given one reads its topic
//! from the start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::log::{Assignments, Consumer, LogError, Polled, Start};
use bellwether_runtime::roles::{Context, WOULD_HAVE};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::time::SECOND;
use bellwether_schemas::{TenantId, Timestamp, Topic};
use tokio::task::JoinHandle;

use super::PART;
use super::events::PreviewsRefused;
use super::waiting::Waiting;
use crate::error::SinkError;
use crate::events::{TaskRestarted, TopicStopped};

/// Longest wait for records.
const POLL: Duration = Duration::from_millis(200);
/// Between looks for topics that do not exist yet, and for tasks that ended, microseconds.
const REFRESH: i64 = SECOND;
/// Between tries while the log is out of reach.
const OUT_OF_REACH: Duration = Duration::from_millis(200);

/// Starts what stores one tenant's previews until it is told to stop.
pub(super) type Keep = Box<dyn Fn(TenantId, Arc<Waiting>, Shutdown) -> JoinHandle<()> + Send>;

pub(super) struct Follower {
    context: Context,
    keep: Keep,
    served: BTreeMap<Topic, Served>,
    given: Given,
    consumer: Option<Box<dyn Consumer>>,
    refresh_at: Timestamp,
}

struct Served {
    waiting: Arc<Waiting>,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Follower {
    pub(super) fn new(context: Context, keep: Keep) -> Self {
        let (served, given) = (BTreeMap::new(), Given::default());
        Self { context, keep, served, given, consumer: None, refresh_at: Timestamp::MIN }
    }

    /// Until shutdown; then the tasks that may still be ending.
    pub(super) fn run(mut self) -> (Result<(), SinkError>, Vec<JoinHandle<()>>) {
        let result = self.follow().map_err(|source| SinkError::Log { sink: PART, source });
        self.served.values().for_each(|served| served.shutdown.raise());
        (result, self.served.into_values().map(|served| served.task).collect())
    }

    fn follow(&mut self) -> Result<(), LogError> {
        while !self.context.shutdown.is_raised() {
            match self.turn() {
                Ok(()) => {}
                Err(
                    LogError::Unavailable { .. }
                    | LogError::UnknownTopic { .. }
                    | LogError::Partitions { .. },
                ) => {
                    std::thread::sleep(OUT_OF_REACH);
                }
                Err(error) => return Err(error),
            }
        }
        self.consumer.take().map_or(Ok(()), |consumer| consumer.close())
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
        match consumer.poll(POLL)? {
            Polled::Records(topic, records) => {
                if let Some(served) = self.served.get(&topic) {
                    let refused = served.waiting.take(&topic.tenant, &records);
                    if refused > 0 {
                        PreviewsRefused { tenant: &topic.tenant, records: refused }.emit();
                    }
                }
            }
            Polled::Failed(topic, error) => TopicStopped { sink: PART, topic: &topic, error: &error }.emit(),
            Polled::Nothing => {}
        }
        self.begin_assigned()
    }

    /// Reads from their start what was assigned.
    fn begin_assigned(&mut self) -> Result<(), LogError> {
        let Some(consumer) = &mut self.consumer else { return Ok(()) };
        for (topic, served) in self.served.iter().filter(|(_, served)| served.waiting.is_to_be_read()) {
            let bounds = self.context.log.bounds(topic)?;
            consumer.seek(topic, bounds.start)?;
            consumer.resume(topic);
            served.waiting.begun();
        }
        Ok(())
    }

    fn refresh(&mut self) -> Result<(), LogError> {
        let tenants = self.context.tenants.borrow_and_update().clone();
        let existing: BTreeSet<Topic> = self.context.log.topics()?.into_iter().collect();
        let topics = tenants.iter().map(|tenant| Topic::new(&tenant.id, WOULD_HAVE.reads));
        let wanted: BTreeSet<Topic> = topics.filter(|topic| existing.contains(topic)).collect();
        let known: BTreeSet<Topic> = self.served.keys().cloned().collect();
        for topic in known.difference(&wanted) {
            if let Some(gone) = self.served.remove(topic) {
                gone.shutdown.raise();
            }
        }
        wanted.difference(&known).for_each(|topic| self.serve(topic));
        self.start_again();
        if wanted == known { Ok(()) } else { self.subscribe(&wanted) }
    }

    fn serve(&mut self, topic: &Topic) {
        let (waiting, shutdown) = (Arc::new(Waiting::default()), Shutdown::new());
        self.given.lock().insert(topic.clone(), waiting.clone());
        let task = (self.keep)(topic.tenant.clone(), waiting.clone(), shutdown.clone());
        self.served.insert(topic.clone(), Served { waiting, shutdown, task });
    }

    /// A tenant's task that ended without being asked to is started again.
    fn start_again(&mut self) {
        for (topic, served) in self.served.iter_mut().filter(|(_, served)| served.task.is_finished()) {
            TaskRestarted { sink: PART, tenant: &topic.tenant }.emit();
            served.task = (self.keep)(topic.tenant.clone(), served.waiting.clone(), served.shutdown.clone());
        }
    }

    fn subscribe(&mut self, wanted: &BTreeSet<Topic>) -> Result<(), LogError> {
        self.given.lock().retain(|topic, _| wanted.contains(topic));
        let topics: Vec<Topic> = wanted.iter().cloned().collect();
        match &mut self.consumer {
            Some(consumer) => consumer.subscribe(&topics),
            None => {
                let given = Box::new(self.given.clone());
                self.consumer = Some(self.context.log.consumer(WOULD_HAVE.name, &topics, given)?);
                Ok(())
            }
        }
    }
}

/// What the consumer tells when topics come and go.
#[derive(Clone, Default)]
struct Given(Arc<Mutex<BTreeMap<Topic, Arc<Waiting>>>>);

impl Given {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Topic, Arc<Waiting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Assignments for Given {
    fn assigned(&mut self, topic: &Topic) -> Start {
        if let Some(waiting) = self.lock().get(topic) {
            waiting.assigned();
        }
        Start::Paused
    }

    fn revoked(&mut self, topic: &Topic) -> Option<u64> {
        if let Some(waiting) = self.lock().get(topic) {
            waiting.revoked();
        }
        None
    }
}
