//! The thin thread around the core: takes inputs from the log, performs outputs on it.

mod appends;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::crash::{CrashPoint, reach};
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::log::{
    Ack, Answered, Assignments, Consumer, Log, LogError, NewRecord, Outstanding, Record, Start,
};
use bellwether_runtime::member::{Member, go_round};
use bellwether_runtime::progress::Progress;
use bellwether_runtime::roles::{Context, PROCESS, Role};
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind};
use tokio::time::Instant;

use crate::WorkerError;
use crate::core::{Core, Input, LastAsked, Output, RecoveryId};
use crate::events::TriggersTaken;
use crate::looking::Looks;
use crate::recovering::{Answer, Recoveries};
use crate::storing::{Stores, Upkeep};
use crate::traces::Traces;
use appends::Append;

/// The consumer group that shares journals out among workers.
pub const GROUP: &str = PROCESS.name;
/// What its progress is called.
const PART: &str = Role::Process.name();
/// Between two times that tenants with nothing to do are told to go on.
const TELL: Duration = Duration::from_secs(1);
/// Wait for records when nothing is under way.
const IDLE: Duration = Duration::from_millis(100);
/// Wait for records while there is work beside this thread: recoveries, snapshots.
const BESIDE: Duration = Duration::from_millis(10);
/// Wait for records while acknowledgements are outstanding, or a state is copied.
const BUSY: Duration = Duration::from_millis(1);
/// How old an append may be at most that is waited for when its tenant is given up. However many tenants go at once,
/// they wait no longer than this together.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// How long it is waited until the log has the words by which tenants are given up: of all together that go at once.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Folds the journals of the tenants assigned to this worker until shutdown. Blocks: give it a thread of its own.
///
/// # Errors
/// The log cannot be used any more; start again and it goes on from what was acknowledged.
pub fn run(context: Context) -> Result<(), WorkerError> {
    Ok(go_round(&Worker::new(&context), PROCESS, context)?)
}

fn journal(tenant: &TenantId) -> Topic {
    Topic::new(tenant, TopicKind::Journal)
}

/// What it means that a topic of the tenant cannot be used: gone as a whole or in part, it is found out anew what there is.
fn failed(tenant: TenantId, error: &LogError) -> Input {
    match error {
        LogError::OffsetOutOfRange { .. } => Input::Lost(tenant, error.to_string()),
        of_a_topic if of_a_topic.is_of_a_topic() => Input::Lost(tenant, of_a_topic.to_string()),
        _ => Input::Failed(tenant, error.to_string()),
    }
}

/// Shared with the consumer's callback, which runs inside `poll` on the same thread.
#[derive(Clone)]
struct Worker {
    log: Arc<dyn Log>,
    incidents: Incidents,
    progress: Progress,
    state: Arc<Mutex<State>>,
    begun: Instant,
    clock: Clock,
}

#[derive(Default)]
struct State {
    core: Core,
    /// What the core asked for inside a callback: performed once the poll is over.
    asked: Vec<Output>,
    appends: Outstanding<Append>,
    traces: Traces,
    recoveries: Recoveries,
    looks: Looks,
    stores: Stores,
    /// When it was told which tenants go on.
    told_at: Option<Instant>,
    /// Until when snapshots are waited for whose tenants go all at once.
    give_up_by: Option<Instant>,
    /// When the oldest of the records was appended that are being folded; none between two folds.
    folding_since: Option<Timestamp>,
    /// How long these tenants' last words may still be waited for; none: nobody goes.
    last_words: Option<Duration>,
}

impl Worker {
    fn new(context: &Context) -> Self {
        let Context { log, tenants, clock, incidents, progress, snapshot_every, .. } = context.clone();
        let name = format!("{}/{}", std::process::id(), clock.now().0);
        let core = Core::with_snapshots_every(snapshot_every).named(name);
        let stores = Stores::new(Upkeep { tenants, clock: clock.clone() });
        let state = State { core, stores, ..State::default() };
        Self { log, incidents, progress, state: Arc::new(Mutex::new(state)), begun: Instant::now(), clock }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fold(
        &self,
        tenant: TenantId,
        records: Vec<Record>,
        consumer: &mut dyn Consumer,
    ) -> Result<(), LogError> {
        reach(CrashPoint::JournalPolled);
        let mut outputs = Vec::new();
        self.lock().folding_since = records.iter().map(|record| record.appended_at).min();
        self.lock().traces.begin(&tenant, &records);
        self.lock().core.step(Input::Records(tenant, records), &mut outputs);
        reach(CrashPoint::JournalFolded);
        let performed = outputs.into_iter().try_for_each(|output| self.perform(output, consumer));
        self.lock().folding_since = None;
        performed
    }

    fn input(&self, input: Input, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        let mut outputs = Vec::new();
        self.lock().core.step(input, &mut outputs);
        outputs.into_iter().try_for_each(|output| self.perform(output, consumer))
    }

    /// Performs what the core asked for inside callbacks; tells it of every append that was answered and of every
    /// tenant that was looked into. After an append that failed a later one may have succeeded, and only a new fold
    /// from what the topic holds keeps their order: where it was the topic's fault, or nobody answered, its tenant alone is
    /// recovered anew; else this worker ends.
    fn attend(&self, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        let asked = {
            let mut state = self.lock();
            (state.give_up_by, state.last_words) = (None, None);
            std::mem::take(&mut state.asked)
        };
        asked.into_iter().try_for_each(|output| self.perform(output, consumer))?;
        let done = self.lock().turn(&self.log);
        done.into_iter().try_for_each(|input| self.input(input, consumer))?;
        let answered = self.lock().answered(self.clock.now())?;
        answered.into_iter().try_for_each(|input| self.input(input, consumer))
    }

    /// Says that the worker goes round, and once a second what time it is and which tenants have nothing under way.
    fn pass_time(&self, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        self.progress.turned(PART);
        if self.lock().core.is_taking() {
            self.input(Input::Turned, consumer)?;
        }
        let now = Instant::now();
        {
            let mut state = self.lock();
            if state.told_at.is_some_and(|told| now.duration_since(told) < TELL) {
                return Ok(());
            }
            state.told_at = Some(now);
            state.core.idle().for_each(|tenant| state.tell(&self.progress, tenant));
        }
        self.input(Input::Passed(now.duration_since(self.begun)), consumer)
    }

    /// The worker ends on an error, which is no death of any tenant's record: it says so, if the log still takes it.
    fn give_all(&self) {
        let mut outputs = Vec::new();
        self.lock().core.end(&mut outputs);
        let words = outputs.into_iter().filter_map(|output| match output {
            Output::Append(tenant, _, kind, records) => Some((tenant, kind, records)),
            _ => None,
        });
        self.say(words.collect(), LAST_WORDS);
    }

    /// Appends these and waits until they are in the log, but not for longer than `most`.
    fn say(&self, words: Vec<(TenantId, TopicKind, Vec<NewRecord>)>, most: Duration) {
        let append = |(tenant, kind, records): (TenantId, _, _)| {
            let ack = self.log.append(&Topic::new(&tenant, kind), records);
            (tenant, ack)
        };
        let mut said: Vec<(TenantId, Ack)> = words.into_iter().map(append).collect();
        let by = Instant::now() + most;
        for (tenant, ack) in &mut said {
            if !matches!(ack.wait_until(by), Some(Ok(_))) {
                tracing::warn!(
                    tenant.id = %tenant,
                    "given up, and its last word is not known to be in the log: its next owner may take that for a death"
                );
            }
        }
    }

    fn perform(&self, output: Output, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        match output {
            Output::Recover(tenant, id, wait) => {
                self.lock().recover(Arc::clone(&self.log), tenant, id, wait);
            }
            Output::Look(tenant, from) => self.lock().looks.ask(Arc::clone(&self.log), tenant, from),
            Output::ReadFrom(tenant, id, offset) => match consumer.seek(&journal(&tenant), offset) {
                Ok(()) => consumer.resume(&journal(&tenant)),
                Err(error) => {
                    return self.input(Input::Recovered(tenant, id, Err(error.into())), consumer);
                }
            },
            Output::Append(tenant, id, kind, records) => self.append(tenant, id, kind, records),
            Output::Store(tenant, id, snapshot) => self.lock().stores.ask(tenant, id, snapshot),
            Output::Commit(tenant, next) => {
                reach(CrashPoint::TriggersAnswered);
                match consumer.commit(&journal(&tenant), next) {
                    Err(gone) if gone.is_of_a_topic() => {
                        return self.input(failed(tenant, &gone), consumer);
                    }
                    committed => committed?,
                }
                // What is acknowledged late lies before the record that it stands at.
                let mut state = self.lock();
                state.traces.done(&tenant, next);
                if !state.core.is_halted(&tenant) {
                    state.tell(&self.progress, &tenant);
                    self.incidents.end(IncidentKind::Halted, &tenant);
                }
            }
            Output::Pause(tenant) => consumer.pause(&journal(&tenant)),
            Output::Halt(tenant, reason) => {
                consumer.pause(&journal(&tenant));
                self.progress.parked(&tenant, PART);
                self.incidents.begin(IncidentKind::Halted, &tenant, reason);
            }
            Output::Resume(tenant) => consumer.resume(&journal(&tenant)),
        }
        Ok(())
    }
}

impl State {
    /// How long records may be waited for.
    fn wait(&self) -> Duration {
        if !self.appends.is_empty() || self.core.is_taking() {
            BUSY
        } else if self.recoveries.is_running() || self.stores.is_running() {
            BESIDE
        } else {
            IDLE
        }
    }

    /// Finds out what the owner before left; what was folded and is not done is folded anew then.
    fn recover(&mut self, log: Arc<dyn Log>, tenant: TenantId, id: RecoveryId, wait: Duration) {
        self.traces.forget(&tenant);
        self.recoveries.ask(log, tenant, id, wait);
    }

    /// Says that the tenant goes on.
    fn tell(&self, progress: &Progress, tenant: &TenantId) {
        match self.core.is_live(tenant) {
            true => progress.moved(tenant, PART),
            false => progress.recovering(tenant, PART),
        }
    }

    /// What the threads beside this one have done.
    fn turn(&mut self, log: &Arc<dyn Log>) -> Vec<Input> {
        let mut inputs = self.stores.turn(log);
        inputs.extend(self.looks.turn());
        for Answer { input, shelf } in self.recoveries.turn() {
            if let Some((tenant, shelf)) = shelf {
                self.stores.adopt(&tenant, shelf);
            }
            inputs.push(input);
        }
        inputs
    }

    /// Stores the tenant's last snapshot, as far as there is time. What is left of it then ends by itself: the next owner
    /// is as well served by the one before.
    fn store_last(&mut self, tenant: &TenantId, outputs: &mut Vec<Output>, log: &Arc<dyn Log>) {
        let by = *self.give_up_by.get_or_insert_with(|| Instant::now() + LAST_ANSWERS);
        for input in self.stores.settle(tenant, log, by) {
            self.core.step(input, outputs);
        }
        self.core.step(Input::Revoked(tenant.clone()), outputs);
        for output in outputs.extract_if(.., |output| matches!(output, Output::Store(..))) {
            if let Output::Store(tenant, id, snapshot) = output {
                self.stores.ask(tenant, id, snapshot);
            }
        }
        self.stores.settle(tenant, log, by);
        self.stores.cancel(tenant);
    }

    /// What follows from appends that were answered.
    fn answered(&mut self, now: Timestamp) -> Result<Vec<Input>, LogError> {
        let inputs = self.appends.answered()?.into_iter().map(|answered| match answered {
            Answered::Taken(tenant, mut append) => {
                append.acknowledged();
                let Append { id, since, .. } = append;
                since.into_iter().for_each(|since| TriggersTaken { tenant: &tenant, since, now }.emit());
                Input::Acknowledged(tenant, id)
            }
            Answered::Lost(tenant, gone) => Input::Lost(tenant, gone.to_string()),
        });
        Ok(inputs.collect())
    }
}

impl Member for Worker {
    fn wait(&self) -> Duration {
        self.lock().wait()
    }

    fn records(
        &self,
        topic: Topic,
        records: Vec<Record>,
        consumer: &mut dyn Consumer,
    ) -> Result<(), LogError> {
        self.fold(topic.tenant, records, consumer)
    }

    fn failed(&self, topic: Topic, error: LogError, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        self.input(failed(topic.tenant, &error), consumer)
    }

    fn turned(&self, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        self.attend(consumer)?;
        self.pass_time(consumer)
    }

    fn ends(&self, error: Option<&LogError>) {
        if error.is_some() {
            self.give_all();
        }
    }
}

impl Assignments for Worker {
    /// Nothing of it is read until the tenant is recovered, which takes longer than a group can wait.
    fn assigned(&mut self, topic: &Topic) -> Start {
        let mut state = self.lock();
        let State { core, asked, .. } = &mut *state;
        core.step(Input::Assigned(topic.tenant.clone()), asked);
        reach(CrashPoint::JournalAssigned);
        self.progress.recovering(&topic.tenant, PART);
        Start::Paused
    }

    /// Waits for what is under way, so that the next owner starts exactly behind it; but brokers that are away hold
    /// nobody up. What was not answered then is not committed, and is withheld or absorbed should it arrive late.
    fn revoked(&mut self, topic: &Topic) -> Option<u64> {
        let mut state = self.lock();
        state.recoveries.cancel(&topic.tenant);
        state.looks.cancel(&topic.tenant);
        // What it asked for in another callback of this poll would come after its last word.
        state.asked.retain(|asked| asked.tenant() != &topic.tenant);
        self.progress.left(&topic.tenant, PART);
        let mut outputs = Vec::new();
        for (mut ack, mut append) in state.appends.take(&topic.tenant) {
            if matches!(ack.wait_until(append.begun + LAST_ANSWERS), Some(Ok(_))) {
                append.acknowledged();
                state.core.step(Input::Acknowledged(topic.tenant.clone(), append.id), &mut outputs);
            }
        }
        state.store_last(&topic.tenant, &mut outputs, &self.log);
        // The consumer commits before it gives the topic up, and the next owner's word comes after this one's last.
        let LastAsked { commit, words, others } = LastAsked::of(&topic.tenant, outputs);
        commit.into_iter().for_each(|next| state.traces.done(&topic.tenant, next));
        state.traces.forget(&topic.tenant);
        state.asked.extend(others);
        let last_words = words.into_iter().map(|(kind, records)| (topic.tenant.clone(), kind, records));
        let (most, begun) = (*state.last_words.get_or_insert(LAST_WORDS), Instant::now());
        drop(state);
        reach(CrashPoint::JournalRevoked);
        self.say(last_words.collect(), most);
        self.lock().last_words = Some(most.saturating_sub(begun.elapsed()));
        commit
    }
}

#[cfg(test)]
mod tests;
