//! The thin thread around the core: takes inputs from the log, performs outputs on it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Answered, Assignments, Consumer, Log, LogError, Outstanding, Record, Start};
use bellwether_runtime::member::{self, go_round};
use bellwether_runtime::progress::Progress;
use bellwether_runtime::roles::{Context, PREVIEW, Role};
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind};
use tokio::time::Instant;

use crate::PreviewError;
use crate::answering::Answers;
use crate::core::{Core, Input, Number, Output};
use crate::events::{AnswersTaken, Stopped};
use crate::recovering::Recoveries;

/// The consumer group that shares journals out among members.
pub const GROUP: &str = PREVIEW.name;
/// What its progress is called.
const PART: &str = Role::Preview.name();
/// Between two commits, and two times that tenants are told to go on.
const TELL: Duration = Duration::from_millis(250);
/// Wait for records when nothing is under way.
const IDLE: Duration = Duration::from_millis(100);
/// Wait for records while there is work beside this thread.
const BESIDE: Duration = Duration::from_millis(10);

/// Folds the journals of the tenants assigned to this member and answers changes of alerts until shutdown. Blocks: give it
/// a thread of its own.
///
/// # Errors
/// The log cannot be used any more; start again and it goes on from what was acknowledged.
pub fn run(context: Context) -> Result<(), PreviewError> {
    Ok(go_round(&Member::new(&context), PREVIEW, context)?)
}

fn journal(tenant: &TenantId) -> Topic {
    Topic::new(tenant, TopicKind::Journal)
}

/// Shared with the consumer's callback, which runs inside `poll` on the same thread.
#[derive(Clone)]
struct Member {
    log: Arc<dyn Log>,
    progress: Progress,
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    core: Core,
    /// What the core asked for inside a callback: performed once the poll is over.
    asked: Vec<Output>,
    recoveries: Recoveries,
    answers: Answers,
    appends: Outstanding<Append>,
    /// What is done and not committed yet.
    commits: BTreeMap<TenantId, u64>,
    told_at: Option<Instant>,
}

/// An append that is not known to be in the log.
struct Append {
    id: Number,
    answers: usize,
    /// When the oldest change was appended that is answered; none for what answers nothing.
    since: Option<Timestamp>,
}

impl Member {
    fn new(context: &Context) -> Self {
        let Context { log, clock, progress, .. } = context.clone();
        Self { log, progress, clock, state: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn input(&self, input: Input, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        let mut outputs = Vec::new();
        self.lock().core.step(input, &mut outputs);
        outputs.into_iter().try_for_each(|output| self.perform(output, consumer))
    }

    /// What was asked for inside callbacks, what the threads beside this one have done, and what the log answered.
    fn attend(&self, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        let asked = std::mem::take(&mut self.lock().asked);
        asked.into_iter().try_for_each(|output| self.perform(output, consumer))?;
        let done = {
            let mut state = self.lock();
            let mut done = state.recoveries.turn();
            done.extend(state.answers.turn());
            done.extend(state.answered(self.clock.now())?);
            done
        };
        done.into_iter().try_for_each(|input| self.input(input, consumer))
    }

    fn perform(&self, output: Output, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        match output {
            Output::Recover(tenant, id, wait) => {
                self.lock().recoveries.ask(Arc::clone(&self.log), tenant, id, wait);
            }
            Output::ReadFrom(tenant, offset) => match consumer.seek(&journal(&tenant), offset) {
                Ok(()) => consumer.resume(&journal(&tenant)),
                Err(error) => return self.input(Input::Lost(tenant, error.to_string()), consumer),
            },
            Output::Answer(id, breadth, job) => self.lock().answers.ask(id, breadth, job),
            Output::Follow(id, ended) => self.lock().answers.follow(id, ended),
            Output::Append(tenant, id, records, since) => {
                let answers = records.len();
                let ack = self.log.append(&Topic::new(&tenant, TopicKind::Previews), records);
                self.lock().appends.push(tenant, ack, Append { id, answers, since });
            }
            Output::Commit(tenant, next) => drop(self.lock().commits.insert(tenant, next)),
            Output::Pause(tenant) => consumer.pause(&journal(&tenant)),
            Output::Resume(tenant) => consumer.resume(&journal(&tenant)),
            Output::Stopped(tenant, reason) => {
                consumer.pause(&journal(&tenant));
                self.lock().give_up(&tenant);
                Stopped { tenant: &tenant, reason: &reason }.emit();
                self.progress.parked(&tenant, PART);
            }
        }
        Ok(())
    }

    /// Commits what is done, and says who goes on.
    fn pass_time(&self, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        self.progress.turned(PART);
        let now = Instant::now();
        let commits = {
            let mut state = self.lock();
            if state.told_at.is_some_and(|told| now.duration_since(told) < TELL) {
                return Ok(());
            }
            state.told_at = Some(now);
            for (tenant, is_live) in state.core.folded() {
                match is_live {
                    true => self.progress.moved(tenant, PART),
                    false => self.progress.recovering(tenant, PART),
                }
            }
            state.recoveries.going_on().for_each(|tenant| self.progress.recovering(tenant, PART));
            std::mem::take(&mut state.commits)
        };
        for (tenant, next) in commits {
            match consumer.commit(&journal(&tenant), next) {
                Err(gone) if gone.is_of_a_topic() => {
                    self.input(Input::Lost(tenant, gone.to_string()), consumer)?;
                }
                committed => committed?,
            }
        }
        Ok(())
    }
}

impl State {
    /// How long records may be waited for.
    fn wait(&self) -> Duration {
        let is_idle = self.appends.is_empty() && !self.recoveries.is_running() && !self.answers.is_running();
        if is_idle { IDLE } else { BESIDE }
    }

    /// What follows from appends that were answered.
    fn answered(&mut self, now: Timestamp) -> Result<Vec<Input>, LogError> {
        let inputs = self.appends.answered()?.into_iter().map(|answered| match answered {
            Answered::Taken(tenant, Append { id, answers, since }) => {
                since
                    .into_iter()
                    .for_each(|since| AnswersTaken { tenant: &tenant, answers, since, now }.emit());
                Input::Acknowledged(tenant, id)
            }
            Answered::Lost(tenant, gone) => Input::Lost(tenant, gone.to_string()),
        });
        Ok(inputs.collect())
    }

    /// Nobody waits for what is under way for the tenant.
    fn give_up(&mut self, tenant: &TenantId) {
        self.recoveries.cancel(tenant);
        self.answers.cancel(tenant);
        self.appends.take(tenant);
        self.commits.remove(tenant);
    }
}

impl member::Member for Member {
    fn wait(&self) -> Duration {
        self.lock().wait()
    }

    fn records(
        &self,
        topic: Topic,
        records: Vec<Record>,
        consumer: &mut dyn Consumer,
    ) -> Result<(), LogError> {
        self.input(Input::Records(topic.tenant, records), consumer)
    }

    fn failed(&self, topic: Topic, error: LogError, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        self.input(Input::Lost(topic.tenant, error.to_string()), consumer)
    }

    fn turned(&self, consumer: &mut dyn Consumer) -> Result<(), LogError> {
        self.attend(consumer)?;
        self.pass_time(consumer)
    }

    fn ends(&self, _error: Option<&LogError>) {
        let mut state = self.lock();
        state.recoveries.cancel_all();
        state.answers.cancel_all();
    }
}

impl Assignments for Member {
    /// Nothing of it is read until its minutes are there, which takes longer than a group can wait.
    fn assigned(&mut self, topic: &Topic) -> Start {
        let mut state = self.lock();
        let State { core, asked, .. } = &mut *state;
        core.step(Input::Assigned(topic.tenant.clone()), asked);
        self.progress.recovering(&topic.tenant, PART);
        Start::Paused
    }

    /// What is not answered yet is the next owner's to answer: it gives the same bytes.
    fn revoked(&mut self, topic: &Topic) -> Option<u64> {
        let mut state = self.lock();
        let done = state.core.done(&topic.tenant);
        state.give_up(&topic.tenant);
        state.asked.retain(|asked| asked.tenant() != &topic.tenant);
        let mut outputs = Vec::new();
        state.core.step(Input::Revoked(topic.tenant.clone()), &mut outputs);
        self.progress.left(&topic.tenant, PART);
        done
    }
}
