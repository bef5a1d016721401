//! The thread that reads the tenants' readings for the group: tenants come and go, and whoever is given one reads its
//! topic from the start. Nothing depends on where the group stands; it is committed for people who look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::log::{Assignments, Consumer, LogError, Polled, Start};
use bellwether_runtime::roles::{Context, SCHEDULE};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::time::SECOND;
use bellwether_schemas::{TenantId, Timestamp, Topic};
use tokio::task::JoinHandle;

use super::SINK;
use super::events::ReadingsRefused;
use super::market::Market;
use crate::error::SinkError;
use crate::events::{TaskRestarted, TopicStopped};

/// Longest wait for records.
const POLL: Duration = Duration::from_millis(200);
/// Between looks for topics that do not exist yet, for tasks that ended, and commits, microseconds.
const REFRESH: i64 = SECOND;
/// Between tries while the log is out of reach.
const OUT_OF_REACH: Duration = Duration::from_millis(200);

/// Starts what keeps one tenant's schedule until it is told to stop.
pub(super) type Keep = Box<dyn Fn(TenantId, Arc<Market>, Shutdown) -> JoinHandle<()> + Send>;

pub(super) struct Follower {
    context: Context,
    keep: Keep,
    served: BTreeMap<Topic, Served>,
    markets: Markets,
    consumer: Option<Box<dyn Consumer>>,
    refresh_at: Timestamp,
}

/// A tenant whose schedule is kept here when its topic is ours.
struct Served {
    market: Arc<Market>,
    shutdown: Shutdown,
    task: JoinHandle<()>,
    /// What is not committed yet.
    next_offset: Option<u64>,
}

impl Follower {
    pub(super) fn new(context: Context, keep: Keep) -> Self {
        let (served, markets) = (BTreeMap::new(), Markets::default());
        Self { context, keep, served, markets, consumer: None, refresh_at: Timestamp::MIN }
    }

    /// Until shutdown; then the tasks that may still be ending.
    pub(super) fn run(mut self) -> (Result<(), SinkError>, Vec<JoinHandle<()>>) {
        let result = self.follow().map_err(|source| SinkError::Log { sink: SINK, source });
        self.served.values().for_each(|served| served.shutdown.raise());
        (result, self.served.into_values().map(|served| served.task).collect())
    }

    fn follow(&mut self) -> Result<(), LogError> {
        while !self.context.shutdown.is_raised() {
            match self.turn() {
                Ok(()) => self.context.progress.turned(SINK),
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
                if let Some(served) = self.served.get_mut(&topic) {
                    let refused = served.market.take(&topic.tenant, &records);
                    served.next_offset = records.last().map(|last| last.offset + 1);
                    if refused > 0 {
                        ReadingsRefused { tenant: &topic.tenant, records: refused }.emit();
                    }
                }
            }
            Polled::Failed(topic, error) => TopicStopped { sink: SINK, topic: &topic, error: &error }.emit(),
            Polled::Nothing => {}
        }
        self.begin_assigned()
    }

    /// Reads from their start what was assigned.
    fn begin_assigned(&mut self) -> Result<(), LogError> {
        let Some(consumer) = &mut self.consumer else { return Ok(()) };
        for (topic, served) in self.served.iter().filter(|(_, served)| served.market.is_to_be_read()) {
            let bounds = self.context.log.bounds(topic)?;
            consumer.seek(topic, bounds.start)?;
            consumer.resume(topic);
            served.market.begin(bounds.next);
        }
        Ok(())
    }

    fn refresh(&mut self) -> Result<(), LogError> {
        self.commit();
        let tenants = self.context.tenants.borrow_and_update().clone();
        let existing: BTreeSet<Topic> = self.context.log.topics()?.into_iter().collect();
        let topics = tenants.iter().map(|tenant| Topic::new(&tenant.id, SCHEDULE.reads));
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
        let (market, shutdown) = (Arc::new(Market::default()), Shutdown::new());
        self.markets.lock().insert(topic.clone(), market.clone());
        let task = (self.keep)(topic.tenant.clone(), market.clone(), shutdown.clone());
        self.served.insert(topic.clone(), Served { market, shutdown, task, next_offset: None });
    }

    /// A tenant's task that ended without being asked to is started again.
    fn start_again(&mut self) {
        for (topic, served) in self.served.iter_mut().filter(|(_, served)| served.task.is_finished()) {
            TaskRestarted { sink: SINK, tenant: &topic.tenant }.emit();
            served.task = (self.keep)(topic.tenant.clone(), served.market.clone(), served.shutdown.clone());
        }
    }

    fn subscribe(&mut self, wanted: &BTreeSet<Topic>) -> Result<(), LogError> {
        self.markets.lock().retain(|topic, _| wanted.contains(topic));
        let topics: Vec<Topic> = wanted.iter().cloned().collect();
        match &mut self.consumer {
            Some(consumer) => consumer.subscribe(&topics),
            None => {
                let markets = Box::new(self.markets.clone());
                self.consumer = Some(self.context.log.consumer(SCHEDULE.name, &topics, markets)?);
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
#[derive(Clone, Default)]
struct Markets(Arc<Mutex<BTreeMap<Topic, Arc<Market>>>>);

impl Markets {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Topic, Arc<Market>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Assignments for Markets {
    fn assigned(&mut self, topic: &Topic) -> Start {
        if let Some(market) = self.lock().get(topic) {
            market.assigned();
        }
        Start::Paused
    }

    fn revoked(&mut self, topic: &Topic) -> Option<u64> {
        if let Some(market) = self.lock().get(topic) {
            market.revoked();
        }
        None
    }
}
