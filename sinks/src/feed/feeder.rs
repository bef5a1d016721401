//! The driver's end of one lane: what is held back, what was handed over, how far is committed.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bellwether_runtime::log::{Ack, Consumer, Log, LogError, Record};
use bellwether_schemas::dead_letter::DeadLetter;
use bellwether_schemas::time::SECOND;
use bellwether_schemas::{Timestamp, Topic};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinHandle;

use super::decode::decode;
use super::lane::{Batch, Shared};
use super::{BATCH_RECORDS, append_dead_letter};
use crate::events::{DeadLettered, Rewound, TopicStopped};

/// Where nothing comes for so long, an empty batch is handed over: a database that was restored shows it by where it
/// stands, and what it lacks does not wait for the next trigger.
const QUIET: i64 = 60 * SECOND;
/// Until the log is asked again where the group stands.
const ASK_AGAIN: i64 = SECOND;

pub(super) struct Feeder {
    pub(super) sink: &'static str,
    pub(super) topic: Topic,
    pub(super) shared: Arc<Shared>,
    /// None once the lane is closed: nothing more will be handed over.
    pub(super) sender: Option<mpsc::Sender<Batch>>,
    pub(super) task: JoinHandle<()>,
    held: VecDeque<Held>,
    /// The offset after the last record taken; none where the group's own position has to be asked for.
    position: Option<u64>,
    /// When nothing is handed over, and the position for which that was said.
    quiet: (Timestamp, Option<u64>),
    /// What was to be read again and is gone: from where, and where the topic begins.
    gone: Option<Range<u64>>,
    committed: u64,
    paused: bool,
    stopped: bool,
}

/// A batch that its dead letters or a full lane keep back.
struct Held {
    batch: Batch,
    letters: Vec<(DeadLetter, Option<Ack>)>,
}

impl Feeder {
    pub(super) fn new(
        sink: &'static str,
        topic: Topic,
        shared: Arc<Shared>,
        sender: mpsc::Sender<Batch>,
        task: JoinHandle<()>,
    ) -> Self {
        let held = VecDeque::new();
        let sender = Some(sender);
        Self {
            sink,
            topic,
            shared,
            sender,
            task,
            held,
            position: None,
            quiet: (Timestamp::MIN, None),
            gone: None,
            committed: 0,
            paused: false,
            stopped: false,
        }
    }

    /// Takes what a poll brought and decodes it into batches.
    pub(super) fn take(&mut self, log: &dyn Log, records: Vec<Record>) {
        let epoch = {
            let mut state = self.shared.lock();
            if std::mem::take(&mut state.reassigned) {
                self.position = None;
                self.held.clear();
            }
            if state.rewind.is_some() {
                return; // From where the topic stood before; they will be read again.
            }
            state.epoch
        };
        let Some(first) = records.first().map(|record| record.offset) else { return };
        let mut from = match self.position {
            Some(position) => position,
            // Not known: taken too far rather than not far enough, which costs at most a rewind.
            None => self.stood_at(log).map_or(first, |stood_at| stood_at.min(first)),
        };
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            let chunk = records.by_ref().take(BATCH_RECORDS).collect();
            let (batch, letters) = decode(&self.topic, chunk, from, epoch);
            from = batch.next_offset;
            letters.iter().for_each(|letter| self.report(letter));
            let letters = letters.into_iter().map(|letter| (letter, None)).collect();
            self.held.push_back(Held { batch, letters });
        }
        self.position = Some(from);
    }

    /// Hands over a batch of nothing where the topic was just assigned, where nothing is left of what was to be read
    /// again, and where it is quiet. True where the log was asked for it.
    pub(super) fn offer_nothing(&mut self, log: &dyn Log, now: Timestamp) -> bool {
        let (epoch, reassigned) = {
            let state = self.shared.lock();
            if !state.assigned || state.rewind.is_some() || !self.held.is_empty() || self.stopped {
                return false;
            }
            (state.epoch, state.reassigned)
        };
        let known = self.position.filter(|_| !reassigned);
        if reassigned && self.quiet.1.is_some() {
            self.quiet = (Timestamp::MIN, None);
        }
        if known.is_some() && known != self.quiet.1 {
            self.quiet = (now.plus(QUIET), known);
        }
        if now < self.quiet.0 {
            return false;
        }
        let Some(stands) = known.or_else(|| self.stood_at(log).ok()) else {
            self.quiet = (now.plus(ASK_AGAIN), None);
            return true;
        };
        self.shared.lock().reassigned = false;
        let gone = self.gone.take().filter(|gone| gone.start == stands);
        let next_offset = gone.map_or(stands, |gone| gone.end);
        (self.position, self.quiet) = (Some(next_offset), (now.plus(QUIET), Some(next_offset)));
        let batch = Batch::empty(&self.topic, stands..next_offset, epoch);
        self.held.push_back(Held { batch, letters: Vec::new() });
        known.is_none()
    }

    /// Where the group stood when the topic was assigned.
    fn stood_at(&self, log: &dyn Log) -> Result<u64, LogError> {
        match log.committed(&super::group(self.sink), &self.topic)? {
            Some(offset) => Ok(offset),
            None => Ok(log.bounds(&self.topic)?.start),
        }
    }

    fn report(&self, letter: &DeadLetter) {
        let (reason, detail) = (letter.reason.as_str(), letter.detail.as_str());
        let offset = letter.offset.unsigned_abs();
        DeadLettered { sink: self.sink, tenant: &self.topic.tenant, offset, reason, detail }.emit();
    }

    /// Hands over what can be, commits what is done, and pauses or resumes the topic.
    pub(super) fn tend(&mut self, log: &dyn Log, consumer: &mut dyn Consumer) {
        // What stopped it for another owner, or this one's last time, need not be there any more.
        self.stopped &= !self.shared.lock().reassigned;
        self.rewind(log, consumer);
        self.hand_over(log);
        self.commit(consumer);
        let pause = self.stopped || !self.held.is_empty();
        if pause != self.paused {
            if pause {
                consumer.pause(&self.topic)
            } else {
                consumer.resume(&self.topic)
            }
            self.paused = pause;
        }
    }

    fn rewind(&mut self, log: &dyn Log, consumer: &mut dyn Consumer) {
        let Some(to) = self.shared.lock().rewind else { return };
        let sought = log.bounds(&self.topic).and_then(|bounds| {
            consumer.seek(&self.topic, to.clamp(bounds.start, bounds.next))?;
            Ok(bounds.start)
        });
        match sought {
            Ok(start) => {
                // `to` and not where it came out: between the two there is nothing any more to be delivered.
                self.position = Some(to);
                self.held.clear();
                self.gone = (to < start).then_some(to..start);
                if self.gone.is_some() {
                    self.quiet = (Timestamp::MIN, Some(to));
                }
                self.shared.lock().rewind.take_if(|asked| *asked == to);
                Rewound { sink: self.sink, tenant: &self.topic.tenant, to, start }.emit();
            }
            Err(error) => tracing::debug!(log.topic = %self.topic, %error, "cannot go back yet"),
        }
    }

    fn hand_over(&mut self, log: &dyn Log) {
        while let (Some(mut held), Some(sender)) = (self.held.pop_front(), &self.sender) {
            if !held.letters_kept(log) {
                return self.held.push_front(held);
            }
            let next_offset = held.batch.next_offset;
            match sender.try_send(held.batch) {
                Ok(()) => {
                    let mut state = self.shared.lock();
                    state.handed = state.handed.max(next_offset);
                }
                Err(TrySendError::Full(batch) | TrySendError::Closed(batch)) => {
                    return self.held.push_front(Held { batch, letters: Vec::new() });
                }
            }
        }
    }

    /// What is refused or late is done again on a later turn: only a commit that succeeded counts.
    fn commit(&mut self, consumer: &mut dyn Consumer) {
        let next_offset = self.shared.lock().committable();
        if next_offset > self.committed {
            match consumer.commit(&self.topic, next_offset) {
                Ok(()) => self.committed = next_offset,
                Err(error) => tracing::debug!(log.topic = %self.topic, %error, "not committed yet"),
            }
        }
    }

    /// The tenant is gone: nothing more of what was handed over is taken. False, for the caller's `retain`.
    pub(super) fn abandon(&mut self) -> bool {
        self.shared.lock().epoch += 1;
        self.sender = None;
        false
    }

    /// This topic cannot be read on.
    pub(super) fn stop(&mut self, error: &LogError) {
        if !self.stopped {
            TopicStopped { sink: self.sink, topic: &self.topic, error }.emit();
        }
        (self.stopped, self.position) = (true, None);
        self.shared.lock().reassigned = false;
    }

    /// Has something that could not be handed over.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Shutdown: closes the lane behind the last batch. True when there is nothing left to wait for.
    pub(super) fn finish(&mut self) -> bool {
        if self.held.is_empty() {
            self.sender = None;
        }
        let state = self.shared.lock();
        (self.sender.is_none() && state.done >= state.handed) || self.task.is_finished()
    }

    /// A new task in place of one that ended: it begins where that one was done.
    pub(super) fn replace(&mut self, log: &dyn Log, sender: mpsc::Sender<Batch>, task: JoinHandle<()>) {
        let stood_at = self.stood_at(log).unwrap_or(0);
        let mut state = self.shared.lock();
        state.epoch += 1;
        let from = state.done.max(stood_at);
        state.rewind.get_or_insert(from);
        (self.sender, self.task) = (Some(sender), task);
    }
}

impl Held {
    /// Every dead letter of this batch is acknowledged; those that are not are appended, again if need be.
    fn letters_kept(&mut self, log: &dyn Log) -> bool {
        self.letters.retain_mut(|(letter, ack)| match ack.as_mut().map(Ack::poll) {
            Some(Some(Ok(_))) => false,
            Some(None) => true,
            Some(Some(Err(_))) | None => match append_dead_letter(log, letter) {
                Ok(appended) => {
                    *ack = Some(appended);
                    true
                }
                Err(error) => {
                    tracing::error!(tenant.id = %letter.tenant, %error, "a dead letter cannot be written at all");
                    false
                }
            },
        });
        self.letters.is_empty()
    }
}

#[cfg(test)]
mod tests;
