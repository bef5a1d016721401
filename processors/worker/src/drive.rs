//! The thin thread around the core: takes inputs from the log, performs outputs on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Ack, Assignments, Consumer, Log, LogError, Polled, Start};
use bellwether_runtime::roles::{Context, PROCESS};
use bellwether_schemas::{TenantId, Topic, TopicKind};
use tokio::time::Instant;

use crate::WorkerError;
use crate::core::{AppendId, Core, Input, Output, Recovered};
use crate::recovery::recover;

/// The consumer group that shares journals out among workers.
pub const GROUP: &str = PROCESS.name;
/// Wait for records when nothing is under way.
const IDLE: Duration = Duration::from_millis(100);
/// Wait for records while acknowledgements are outstanding.
const BUSY: Duration = Duration::from_millis(1);
/// Longest wait for acknowledgements of a tenant that is given up.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// Between two tries to reach a tenant's past.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Folds the journals of the tenants assigned to this worker until shutdown. Blocks: give it a thread of its own.
///
/// # Errors
/// The log cannot be used any more; start again and it goes on from what was acknowledged.
pub fn run(context: Context) -> Result<(), WorkerError> {
    let Context { log, mut tenants, shutdown, .. } = context;
    let worker = Worker::new(Arc::clone(&log));
    let topics = journals(&tenants.borrow_and_update());
    let mut consumer = log.consumer(GROUP, &topics, Box::new(worker.clone()))?;
    while !shutdown.is_raised() {
        if tenants.has_changed().unwrap_or(false) {
            consumer.subscribe(&journals(&tenants.borrow_and_update()))?;
        }
        let wait = if worker.lock().acks.is_empty() { IDLE } else { BUSY };
        match consumer.poll(wait)? {
            Polled::Records(topic, records) => {
                worker.input(Input::Records(topic.tenant, records), consumer.as_mut())?;
            }
            Polled::Failed(topic, error) => {
                worker.input(Input::Failed(topic.tenant, error.to_string()), consumer.as_mut())?;
            }
            Polled::Nothing => {}
        }
        worker.acknowledge(consumer.as_mut())?;
    }
    consumer.close()?;
    Ok(())
}

fn journals(tenants: &[Tenant]) -> Vec<Topic> {
    tenants.iter().map(|tenant| Topic::new(&tenant.id, TopicKind::Journal)).collect()
}

/// Shared with the consumer's callback, which runs inside `poll` on the same thread.
#[derive(Clone)]
struct Worker {
    log: Arc<dyn Log>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    core: Core,
    acks: VecDeque<(TenantId, AppendId, Ack)>,
    /// Tenants that could not be recovered when they were assigned: told to the core at the next turn.
    unrecovered: BTreeMap<TenantId, String>,
    /// Tenants whose past was out of reach when they were assigned: tried again from time to time.
    waiting: BTreeSet<TenantId>,
    tried_at: Option<Instant>,
    /// Until when those that give tenants up wait; none while nobody does.
    last_answers: Option<Instant>,
}

impl Worker {
    fn new(log: Arc<dyn Log>) -> Self {
        Self { log, state: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn input(&self, input: Input, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        let mut outputs = Vec::new();
        self.lock().core.step(input, &mut outputs);
        outputs.into_iter().try_for_each(|output| self.perform(output, consumer))
    }

    /// Tells the core of every append that was answered. An append that failed stops this worker: a later one may
    /// have succeeded, and only a new fold from what the topic holds keeps their order.
    fn acknowledge(&self, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        self.recover_waiting(consumer)?;
        let unrecovered = {
            let mut state = self.lock();
            state.last_answers = None;
            std::mem::take(&mut state.unrecovered)
        };
        for (tenant, reason) in unrecovered {
            self.input(Input::Failed(tenant, reason), consumer)?;
        }
        loop {
            // Bound first: a guard inside the loop's condition would still be held while the core is stepped.
            let answered = self.lock().next_answered()?;
            let Some((tenant, id)) = answered else { return Ok(()) };
            self.input(Input::Acknowledged(tenant, id), consumer)?;
        }
    }

    /// Tenants whose past can be reached now are folded from the start; the others stay silent.
    fn recover_waiting(&self, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        let waiting = {
            let mut state = self.lock();
            if state.waiting.is_empty() || state.tried_at.is_some_and(|at| at.elapsed() < TRY_AGAIN) {
                return Ok(());
            }
            state.tried_at = Some(Instant::now());
            state.waiting.clone()
        };
        for tenant in waiting {
            consumer.pause(&journal(&tenant));
            let recovered = recover(self.log.as_ref(), &tenant);
            if !self.lock().take_over(&tenant, recovered) {
                continue;
            }
            match consumer.seek(&journal(&tenant), 0) {
                Ok(()) => consumer.resume(&journal(&tenant)),
                Err(LogError::Unavailable { .. }) => drop(self.lock().waiting.insert(tenant)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn perform(&self, output: Output, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        match output {
            Output::Append(tenant, id, kind, records) => {
                let ack = self.log.append(&Topic::new(&tenant, kind), records);
                self.lock().acks.push_back((tenant, id, ack));
                Ok(())
            }
            Output::Commit(tenant, next) => consumer.commit(&journal(&tenant), next),
            Output::Pause(tenant) | Output::Halt(tenant, _) => {
                consumer.pause(&journal(&tenant));
                Ok(())
            }
            Output::Resume(tenant) => {
                consumer.resume(&journal(&tenant));
                Ok(())
            }
        }
    }
}

fn journal(tenant: &TenantId) -> Topic {
    Topic::new(tenant, TopicKind::Journal)
}

impl State {
    /// False when the tenant has to wait for its past.
    fn take_over(&mut self, tenant: &TenantId, recovered: Result<Recovered, WorkerError>) -> bool {
        self.waiting.remove(tenant);
        let recovered = match recovered {
            Ok(recovered) => recovered,
            Err(WorkerError::Log(LogError::Unavailable { .. })) => {
                self.waiting.insert(tenant.clone());
                return false;
            }
            Err(error) => {
                self.unrecovered.insert(tenant.clone(), error.to_string());
                Recovered::default()
            }
        };
        self.core.step(Input::Assigned(tenant.clone(), recovered), &mut Vec::new());
        true
    }

    /// The oldest append, if it was answered.
    fn next_answered(&mut self) -> Result<Option<(TenantId, AppendId)>, LogError> {
        let Some((_, _, ack)) = self.acks.front_mut() else { return Ok(None) };
        let Some(answer) = ack.poll() else { return Ok(None) };
        answer?;
        Ok(self.acks.pop_front().map(|(tenant, id, _)| (tenant, id)))
    }
}

impl Assignments for Worker {
    /// The fold starts at 0, whatever the group committed: state is nowhere but in the journal.
    fn assigned(&mut self, topic: &Topic) -> Start {
        let recovered = recover(self.log.as_ref(), &topic.tenant);
        self.lock().take_over(&topic.tenant, recovered);
        Start::At(0)
    }

    /// Waits for what is under way, so that the next owner starts exactly behind it; but brokers that are away hold
    /// nobody up. What was not answered then is not committed, and is withheld or absorbed should it arrive late.
    fn revoked(&mut self, topic: &Topic) -> Option<u64> {
        let mut state = self.lock();
        state.waiting.remove(&topic.tenant);
        let (mine, others) = state.acks.drain(..).partition(|(tenant, _, _)| *tenant == topic.tenant);
        state.acks = others;
        let mine: VecDeque<(TenantId, AppendId, Ack)> = mine;
        let mut outputs = Vec::new();
        // Once for all tenants that are given up together.
        let deadline = *state.last_answers.get_or_insert_with(|| Instant::now() + LAST_ANSWERS);
        for (tenant, id, mut ack) in mine {
            if matches!(ack.wait_until(deadline), Some(Ok(_))) {
                state.core.step(Input::Acknowledged(tenant, id), &mut outputs);
            }
        }
        state.core.step(Input::Revoked(topic.tenant.clone()), &mut outputs);
        let committed = |output: &Output| match output {
            Output::Commit(_, next) => Some(*next),
            _ => None,
        };
        outputs.iter().filter_map(committed).next_back()
    }
}
