//! The thread that reads a compacted topic of each tenant for a group: tenants come and go, and whoever is given one reads
//! its topic from the start. Beside it a task for each tenant uses what was read. Nothing depends on where the group
//! stands; it is committed for people who look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::log::{Assignments, Consumer, LogError, Polled, Record, Start};
use bellwether_runtime::roles::{Context, Group};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::time::SECOND;
use bellwether_schemas::{TenantId, Timestamp, Topic};
use tokio::task::JoinHandle;

use crate::error::SinkError;
use crate::events::{TaskRestarted, TopicStopped};
use crate::thread::Ended;

/// Longest wait for records.
const POLL: Duration = Duration::from_millis(200);
/// Between looks for topics that do not exist yet, for tasks that ended, and commits, microseconds.
const REFRESH: i64 = SECOND;
/// Between tries while the log is out of reach.
const OUT_OF_REACH: Duration = Duration::from_millis(200);

/// What one tenant's topic says, as far as it is read: shared between the thread that reads and the tenant's task.
pub(crate) trait Contents: Default + Send + Sync + 'static {
    /// The topic is ours, and to be read from its start.
    fn assigned(&self);

    /// It is not ours any more.
    fn revoked(&self);

    /// It is ours, and nobody has begun to read it.
    fn is_to_be_read(&self) -> bool;

    /// Its reading begins at the start; it ends at that offset now.
    fn begin(&self, end: u64);

    /// Takes in what was read.
    fn take(&self, tenant: &TenantId, records: &[Record]);
}

/// Starts a tenant's task, which goes on until it is told to stop.
pub(crate) type Keep<C> = Box<dyn Fn(TenantId, Arc<C>, Shutdown) -> JoinHandle<()> + Send>;

pub(crate) struct Follower<C> {
    context: Context,
    group: Group,
    keep: Keep<C>,
    served: BTreeMap<Topic, Served<C>>,
    given: Given<C>,
    consumer: Option<Box<dyn Consumer>>,
    refresh_at: Timestamp,
}

/// A tenant whose task runs here, whether its topic is ours or not.
struct Served<C> {
    contents: Arc<C>,
    shutdown: Shutdown,
    task: JoinHandle<()>,
    /// What is not committed yet.
    next_offset: Option<u64>,
}

impl<C: Contents> Follower<C> {
    pub(crate) fn new(context: Context, group: Group, keep: Keep<C>) -> Self {
        let (served, given) = (BTreeMap::new(), Given::default());
        Self { context, group, keep, served, given, consumer: None, refresh_at: Timestamp::MIN }
    }

    /// What its tasks and its progress are called.
    const fn name(&self) -> &'static str {
        self.group.short_name()
    }

    /// Until shutdown; then the tasks that may still be ending.
    pub(crate) fn run(mut self) -> Ended {
        let sink = self.name();
        let result = self.follow().map_err(|source| SinkError::Log { sink, source });
        self.served.values().for_each(|served| served.shutdown.raise());
        (result, self.served.into_values().map(|served| served.task).collect())
    }

    fn follow(&mut self) -> Result<(), LogError> {
        while !self.context.shutdown.is_raised() {
            match self.turn() {
                Ok(()) => self.context.progress.turned(self.name()),
                Err(error) if matches!(error, LogError::Unavailable { .. }) || error.is_of_a_topic() => {
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
                if let Some(served) = self.served.get_mut(&topic) {
                    served.contents.take(&topic.tenant, &records);
                    served.next_offset = records.last().map(|last| last.offset + 1);
                }
            }
            Polled::Failed(topic, error) => {
                TopicStopped { sink: self.name(), topic: &topic, error: &error }.emit();
            }
            Polled::Nothing => {}
        }
        self.begin_assigned()
    }

    /// Reads from their start what was assigned.
    fn begin_assigned(&mut self) -> Result<(), LogError> {
        let Some(consumer) = &mut self.consumer else { return Ok(()) };
        for (topic, served) in self.served.iter().filter(|(_, served)| served.contents.is_to_be_read()) {
            let sought = self.context.log.bounds(topic).and_then(|bounds| {
                consumer.seek(topic, bounds.start)?;
                Ok(bounds.next)
            });
            match sought {
                Ok(end) => {
                    consumer.resume(topic);
                    served.contents.begin(end);
                }
                // Tried again at the next turn; others begin meanwhile.
                Err(error) if error.is_of_a_topic() => {
                    tracing::debug!(log.topic = %topic, %error, "cannot be begun with yet");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn refresh(&mut self) -> Result<(), LogError> {
        self.commit();
        let tenants = self.context.tenants.borrow_and_update().clone();
        let existing: BTreeSet<Topic> = self.context.log.topics()?.into_iter().collect();
        let topics = tenants.iter().map(|tenant| Topic::new(&tenant.id, self.group.reads));
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
        let (contents, shutdown) = (Arc::<C>::default(), Shutdown::new());
        self.given.lock().insert(topic.clone(), contents.clone());
        let task = (self.keep)(topic.tenant.clone(), contents.clone(), shutdown.clone());
        self.served.insert(topic.clone(), Served { contents, shutdown, task, next_offset: None });
    }

    /// A tenant's task that ended without being asked to is started again.
    fn start_again(&mut self) {
        for (topic, served) in self.served.iter_mut().filter(|(_, served)| served.task.is_finished()) {
            TaskRestarted { sink: self.group.short_name(), tenant: &topic.tenant }.emit();
            served.task = (self.keep)(topic.tenant.clone(), served.contents.clone(), served.shutdown.clone());
        }
    }

    fn subscribe(&mut self, wanted: &BTreeSet<Topic>) -> Result<(), LogError> {
        self.given.lock().retain(|topic, _| wanted.contains(topic));
        let topics: Vec<Topic> = wanted.iter().cloned().collect();
        match &mut self.consumer {
            Some(consumer) => consumer.subscribe(&topics),
            None => {
                let given = Box::new(self.given.clone());
                self.consumer = Some(self.context.log.consumer(self.group.name, &topics, given)?);
                Ok(())
            }
        }
    }

    /// For people who look how far the group is; what is refused or late is done on a later turn.
    fn commit(&mut self) {
        let Some(consumer) = &mut self.consumer else { return };
        for (topic, served) in &mut self.served {
            let Some(next_offset) = served.next_offset else { continue };
            match consumer.commit(topic, next_offset) {
                Ok(()) => served.next_offset = None,
                Err(error) => tracing::debug!(log.topic = %topic, %error, "not committed yet"),
            }
        }
    }
}

/// What the consumer tells when topics come and go.
struct Given<C>(Arc<Mutex<BTreeMap<Topic, Arc<C>>>>);

impl<C> Clone for Given<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> Default for Given<C> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<C> Given<C> {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Topic, Arc<C>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Contents> Assignments for Given<C> {
    fn assigned(&mut self, topic: &Topic) -> Start {
        if let Some(contents) = self.lock().get(topic) {
            contents.assigned();
        }
        Start::Paused
    }

    fn revoked(&mut self, topic: &Topic) -> Option<u64> {
        if let Some(contents) = self.lock().get(topic) {
            contents.revoked();
        }
        None
    }
}
