//! The thin thread around the core: takes inputs from the log, performs outputs on it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::log::{Ack, Assignments, Consumer, Log, LogError, Polled, Start};
use bellwether_runtime::progress::Progress;
use bellwether_runtime::roles::{Context, PROCESS, Role};
use bellwether_schemas::{TenantId, Topic, TopicKind};
use tokio::time::Instant;

use crate::WorkerError;
use crate::core::{AppendId, Core, Input, Output};
use crate::recovering::{Answer, Recoveries};
use crate::storing::{Stores, Upkeep};

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

/// Folds the journals of the tenants assigned to this worker until shutdown. Blocks: give it a thread of its own.
///
/// # Errors
/// The log cannot be used any more; start again and it goes on from what was acknowledged.
pub fn run(context: Context) -> Result<(), WorkerError> {
    let worker = Worker::new(&context);
    let Context { log, mut tenants, shutdown, .. } = context;
    let topics = journals(&tenants.borrow_and_update());
    let mut consumer = log.consumer(GROUP, &topics, Box::new(worker.clone()))?;
    while !shutdown.is_raised() {
        if tenants.has_changed().unwrap_or(false) {
            consumer.subscribe(&journals(&tenants.borrow_and_update()))?;
        }
        // Bound first: a guard inside the match's head would still be held while callbacks ask for it.
        let wait = worker.lock().wait();
        match consumer.poll(wait)? {
            Polled::Records(topic, records) => {
                worker.input(Input::Records(topic.tenant, records), consumer.as_mut())?;
            }
            Polled::Failed(topic, error) => {
                worker.input(Input::Failed(topic.tenant, error.to_string()), consumer.as_mut())?;
            }
            Polled::Nothing => {}
        }
        worker.attend(consumer.as_mut())?;
        worker.pass_time(consumer.as_mut())?;
    }
    consumer.close()?;
    Ok(())
}

fn journals(tenants: &[Tenant]) -> Vec<Topic> {
    tenants.iter().map(|tenant| journal(&tenant.id)).collect()
}

fn journal(tenant: &TenantId) -> Topic {
    Topic::new(tenant, TopicKind::Journal)
}

/// Shared with the consumer's callback, which runs inside `poll` on the same thread.
#[derive(Clone)]
struct Worker {
    log: Arc<dyn Log>,
    incidents: Incidents,
    progress: Progress,
    state: Arc<Mutex<State>>,
    begun: Instant,
}

#[derive(Default)]
struct State {
    core: Core,
    /// What the core asked for inside a callback: performed once the poll is over.
    asked: Vec<Output>,
    /// In the order of their calls.
    appends: VecDeque<Append>,
    recoveries: Recoveries,
    stores: Stores,
    /// When it was told which tenants go on.
    told_at: Option<Instant>,
    /// Until when snapshots are waited for whose tenants go all at once.
    give_up_by: Option<Instant>,
}

/// An append that is not known to be acknowledged.
struct Append {
    tenant: TenantId,
    id: AppendId,
    ack: Ack,
    begun: Instant,
}

impl Worker {
    fn new(context: &Context) -> Self {
        let Context { log, tenants, clock, incidents, progress, snapshot_every, .. } = context.clone();
        let stores = Stores::new(Upkeep { tenants, clock });
        let state = State { core: Core::with_snapshots_every(snapshot_every), stores, ..State::default() };
        Self { log, incidents, progress, state: Arc::new(Mutex::new(state)), begun: Instant::now() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn input(&self, input: Input, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        let mut outputs = Vec::new();
        self.lock().core.step(input, &mut outputs);
        outputs.into_iter().try_for_each(|output| self.perform(output, consumer))
    }

    /// Performs what the core asked for inside callbacks; tells it of every append that was answered and of every
    /// tenant that was looked into. An append that failed stops this worker: a later one may have succeeded, and only
    /// a new fold from what the topic holds keeps their order. One to a topic that was deleted stops its tenant alone.
    fn attend(&self, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        let asked = {
            let mut state = self.lock();
            state.give_up_by = None;
            std::mem::take(&mut state.asked)
        };
        asked.into_iter().try_for_each(|output| self.perform(output, consumer))?;
        let done = self.lock().turn(&self.log);
        done.into_iter().try_for_each(|input| self.input(input, consumer))?;
        loop {
            // Bound first: a guard inside the loop's condition would still be held while the core is stepped.
            let answered = self.lock().next_answered()?;
            let Some(input) = answered else { return Ok(()) };
            self.input(input, consumer)?;
        }
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
            state.core.idle().for_each(|tenant| self.progress.moved(tenant, PART));
        }
        self.input(Input::Passed(now.duration_since(self.begun)), consumer)
    }

    fn perform(&self, output: Output, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        match output {
            Output::Recover(tenant, id, wait) => self.lock().recoveries.ask(tenant, id, wait),
            Output::ReadFrom(tenant, id, offset) => match consumer.seek(&journal(&tenant), offset) {
                Ok(()) => consumer.resume(&journal(&tenant)),
                Err(error) => {
                    return self.input(Input::Recovered(tenant, id, Err(error.into())), consumer);
                }
            },
            Output::Append(tenant, id, kind, records) => {
                let ack = self.log.append(&Topic::new(&tenant, kind), records);
                self.lock().appends.push_back(Append { tenant, id, ack, begun: Instant::now() });
            }
            Output::Store(tenant, id, snapshot) => self.lock().stores.ask(tenant, id, snapshot),
            Output::Commit(tenant, next) => {
                match consumer.commit(&journal(&tenant), next) {
                    Err(gone @ LogError::UnknownTopic { .. }) => {
                        return self.input(Input::Failed(tenant, gone.to_string()), consumer);
                    }
                    committed => committed?,
                }
                self.progress.moved(&tenant, PART);
                // What it may have been halted at lies behind it.
                self.incidents.end(IncidentKind::Halted, &tenant);
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

    /// What the threads beside this one have done.
    fn turn(&mut self, log: &Arc<dyn Log>) -> Vec<Input> {
        let mut inputs = self.stores.turn(log);
        for Answer { input, shelf } in self.recoveries.turn(log) {
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

    /// The oldest append, if it was answered.
    fn next_answered(&mut self) -> Result<Option<Input>, LogError> {
        let Some(oldest) = self.appends.front_mut() else { return Ok(None) };
        let Some(answer) = oldest.ack.poll() else { return Ok(None) };
        let gone = match answer {
            Ok(_) => None,
            Err(gone @ LogError::UnknownTopic { .. }) => Some(gone),
            Err(error) => return Err(error),
        };
        Ok(self.appends.pop_front().map(|Append { tenant, id, .. }| match gone {
            None => Input::Acknowledged(tenant, id),
            Some(gone) => Input::Failed(tenant, gone.to_string()),
        }))
    }

    /// The appends of that tenant, which are this worker's no more.
    fn take_appends(&mut self, tenant: &TenantId) -> VecDeque<Append> {
        let (gone, others) = self.appends.drain(..).partition(|append| append.tenant == *tenant);
        self.appends = others;
        gone
    }
}

impl Assignments for Worker {
    /// Nothing of it is read until the tenant is recovered, which takes longer than a group can wait.
    fn assigned(&mut self, topic: &Topic) -> Start {
        let mut state = self.lock();
        let State { core, asked, .. } = &mut *state;
        core.step(Input::Assigned(topic.tenant.clone()), asked);
        self.progress.moved(&topic.tenant, PART);
        Start::Paused
    }

    /// Waits for what is under way, so that the next owner starts exactly behind it; but brokers that are away hold
    /// nobody up. What was not answered then is not committed, and is withheld or absorbed should it arrive late.
    fn revoked(&mut self, topic: &Topic) -> Option<u64> {
        let mut state = self.lock();
        state.recoveries.cancel(&topic.tenant);
        self.progress.left(&topic.tenant, PART);
        let mut outputs = Vec::new();
        for Append { tenant, id, mut ack, begun } in state.take_appends(&topic.tenant) {
            if matches!(ack.wait_until(begun + LAST_ANSWERS), Some(Ok(_))) {
                state.core.step(Input::Acknowledged(tenant, id), &mut outputs);
            }
        }
        state.store_last(&topic.tenant, &mut outputs, &self.log);
        let mut reached = None;
        for output in outputs {
            match output {
                // The consumer commits it before it gives the topic up.
                Output::Commit(_, next) => reached = Some(next),
                other => state.asked.push(other),
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bellwether_engine::ENGINE_VERSION;
    use bellwether_runtime::clock::Clock;
    use bellwether_runtime::config::load_tenant;
    use bellwether_runtime::incident::Change;
    use bellwether_runtime::log::{Access, NewRecord, open};
    use bellwether_runtime::shutdown::Shutdown;
    use bellwether_schemas::settings::SettingsChanged;
    use bellwether_schemas::{Entry, Origin, Timestamp, codec};
    use tokio::sync::watch;

    use super::*;

    struct Run {
        log: Arc<dyn Log>,
        tenant: Tenant,
        _dir: tempfile::TempDir,
    }

    impl Run {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let url = format!("embedded:{}", dir.path().display());
            let log = open(&url, Access::Write, Clock::system()).unwrap();
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tenants/fxlabs.toml");
            let tenant = load_tenant(&file, &|_| None).unwrap();
            Topic::all(&tenant.id).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
            Self { log, tenant, _dir: dir }
        }

        /// Settings that ask for that version of the rules.
        fn append(&self, revision: i64, engine_version: i32) {
            let id = &self.tenant.id;
            let origin = Origin {
                tenant: id.clone(),
                source: "test".into(),
                session: "1".into(),
                played: true,
                appended_at: Timestamp(0),
            };
            let settings = self.tenant.settings.clone();
            let change = SettingsChanged { origin, revision, engine_version, settings };
            let value = codec::encode_entry(&Entry::Settings(change)).unwrap();
            let record = NewRecord { key: id.as_str().as_bytes().to_vec(), value };
            self.log.append(&journal(id), vec![record]).wait().unwrap();
        }

        /// What a worker says until then.
        fn until(&self, told: impl Fn(&[Change]) -> bool) -> Vec<Change> {
            let (_keep, tenants) = watch::channel(Arc::new(vec![self.tenant.clone()]));
            let shutdown = Shutdown::new();
            let (incidents, news) = Incidents::new(Clock::system());
            let base = Context::new(self.log.clone(), tenants, Clock::system(), shutdown.clone());
            let context = Context { incidents, ..base };
            let progress = context.progress.clone();
            let worker = std::thread::spawn(move || run(context));
            let (mut all, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(30));
            while !told(&all) {
                assert!(Instant::now() < deadline && !worker.is_finished(), "waited in vain: {all:?}");
                let taken = news.take().into_iter();
                all.extend(taken.map(|((_, kind), change)| {
                    assert_eq!(kind, IncidentKind::Halted);
                    change
                }));
                std::thread::yield_now();
            }
            if began(&all) {
                let silent = progress.silent(Duration::ZERO);
                assert!(!silent.iter().any(|who| who == "process of fxlabs"), "known to wait: {silent:?}");
            }
            shutdown.raise();
            worker.join().unwrap().unwrap();
            all
        }
    }

    fn began(told: &[Change]) -> bool {
        told.iter().any(|change| matches!(change, Change::Began { text, .. } if text.contains("upgrade me")))
    }

    #[test]
    fn an_append_to_a_topic_that_was_deleted_stops_its_tenant_alone() {
        let tenant: TenantId = "fxlabs".parse().unwrap();
        let answered = |error| {
            let ack = Ack::ready(Err(error));
            let append = Append { tenant: tenant.clone(), id: 7, ack, begun: Instant::now() };
            State { appends: [append].into(), ..State::default() }.next_answered()
        };
        let gone = answered(LogError::UnknownTopic { topic: "fxlabs.triggers.v1".into() }).unwrap();
        let Some(Input::Failed(whose, reason)) = gone else { panic!("{gone:?}") };
        assert!(whose == tenant && reason.contains("fxlabs.triggers.v1 does not exist"), "{reason}");
        assert!(answered(LogError::Poisoned { reason: "fsync failed".into() }).is_err());
    }

    #[test]
    fn a_tenant_that_is_halted_is_said_to_be_and_said_to_go_on_once_it_is_folded_past_that_record() {
        let run = Run::new();
        run.append(1, ENGINE_VERSION);
        let told = run.until(|told| !told.is_empty());
        assert!(matches!(told[..], [Change::Ended { .. }]), "it goes on: {told:?}");
        run.append(2, ENGINE_VERSION + 1);
        let told = run.until(began);
        assert_eq!(told.len(), 1, "what is read again says nothing of the record: {told:?}");
    }
}
