//! The log fails on the way: nothing is lost, nothing changes its order, and what is final is said.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy takes for production code")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bellwether_producers::error::ProducerError;
use bellwether_producers::run::{ProducerContext, run_synthetic};
use bellwether_runtime::log::{
    Ack, Assignments, Bounds, Consumer, GroupMember, Log, LogError, NewRecord, Reader, Result,
};
use bellwether_schemas::{Timestamp, Topic};
use support::{Journal, settings, synthetic, ticks_only};

/// What happens to an append before it reaches the real log.
#[derive(Clone, Copy)]
enum Fault {
    /// Every third one does not arrive.
    Lost,
    /// Every third one arrives, and its answer does not.
    Unanswered,
    /// From the third on the log is broken.
    Broken,
    /// None arrives.
    Away,
    /// It takes what it is given and answers nothing: brokers that are away for a while.
    Silent,
}

/// The embedded log behind a line that fails.
struct Failing {
    log: Arc<dyn Log>,
    fault: Fault,
    appends: AtomicU64,
}

impl Log for Failing {
    fn create(&self, topic: &Topic) -> Result<bool> {
        self.log.create(topic)
    }
    fn delete(&self, topic: &Topic) -> Result<bool> {
        self.log.delete(topic)
    }
    fn topics(&self) -> Result<Vec<Topic>> {
        self.log.topics()
    }
    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        let nth = self.appends.fetch_add(1, Ordering::SeqCst);
        let away = || Ack::ready(Err(LogError::Unavailable { reason: "the line is cut".into() }));
        match self.fault {
            Fault::Lost if nth.is_multiple_of(3) => away(),
            Fault::Unanswered if nth.is_multiple_of(3) => {
                drop(self.log.append(topic, records));
                away()
            }
            Fault::Broken if nth >= 2 => {
                Ack::ready(Err(LogError::Poisoned { reason: "fsync failed".into() }))
            }
            Fault::Away => away(),
            Fault::Silent => {
                let (ack, answer) = Ack::pending();
                std::mem::forget(answer);
                ack
            }
            _ => self.log.append(topic, records),
        }
    }
    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        self.log.bounds(topic)
    }
    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        self.log.reader(topic, from)
    }
    fn members(&self, group: &str) -> Result<Vec<GroupMember>> {
        self.log.members(group)
    }
    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64> {
        self.log.offset_at(topic, appended_at)
    }
    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        self.log.committed(group, topic)
    }
    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        told: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        self.log.consumer(group, topics, told)
    }
    fn enforce_retention(&self, topic: &Topic, now: Timestamp) -> Result<u64> {
        self.log.enforce_retention(topic, now)
    }
    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        self.log.cut(topic, before)
    }
}

fn behind(journal: &Journal, fault: Fault) -> ProducerContext {
    let log = Arc::new(Failing { log: Arc::clone(&journal.ctx.log), fault, appends: AtomicU64::new(0) });
    ProducerContext { log, ..journal.ctx.clone() }
}

async fn play(ctx: &ProducerContext) -> std::result::Result<u64, ProducerError> {
    let run = synthetic(settings(33), "2026-03-04T10:00:00Z", "2026-03-04T10:40:00Z");
    run_synthetic(ctx, run).await.map(|summary| summary.ticks)
}

async fn undisturbed() -> Vec<String> {
    let journal = Journal::new();
    play(&journal.ctx).await.unwrap();
    ticks_only(&journal.entries())
}

#[tokio::test]
async fn an_append_out_of_reach_is_tried_again_before_anything_behind_it() {
    let journal = Journal::new();
    let ticks = play(&behind(&journal, Fault::Lost)).await.unwrap();
    let written = ticks_only(&journal.entries());
    assert_eq!(written.len() as u64, ticks);
    assert_eq!(written, undisturbed().await);
}

#[tokio::test]
async fn an_append_without_an_answer_is_repeated_and_the_repeats_stand_behind_what_they_repeat() {
    let journal = Journal::new();
    play(&behind(&journal, Fault::Unanswered)).await.unwrap();
    let (mut highest, mut first_times) = (None, Vec::new());
    for line in ticks_only(&journal.entries()) {
        let seq: u64 = line.split(' ').next().unwrap().parse().unwrap();
        // What the engine keeps: a place not above the last one is a duplicate.
        if highest < Some(seq) {
            (highest, first_times) = (Some(seq), {
                first_times.push(line);
                first_times
            });
        }
    }
    assert_eq!(first_times, undisturbed().await);
}

#[tokio::test]
async fn a_broken_log_ends_the_producer_at_once() {
    let journal = Journal::new();
    let error = play(&behind(&journal, Fault::Broken)).await.unwrap_err();
    assert!(matches!(error, ProducerError::Log(LogError::Poisoned { .. })), "{error}");
}

#[tokio::test]
async fn a_stop_is_not_held_up_for_ever_by_a_log_that_stays_away() {
    stop_at(Fault::Away, 2).await;
}

#[tokio::test]
async fn a_stop_is_not_held_up_for_ever_by_a_log_that_does_not_answer() {
    stop_at(Fault::Silent, 1).await;
}

/// Asks for a stop after so many attempts.
async fn stop_at(fault: Fault, attempts: u64) {
    let journal = Journal::new();
    let log = Arc::new(Failing { log: Arc::clone(&journal.ctx.log), fault, appends: AtomicU64::new(0) });
    let ctx = ProducerContext { log: Arc::<Failing>::clone(&log), ..journal.ctx.clone() };
    let stop = ctx.shutdown.clone();
    let task = tokio::spawn(async move { play(&ctx).await });
    let tried_again = async {
        while log.appends.load(Ordering::SeqCst) < attempts {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), tried_again).await.unwrap();
    assert!(!task.is_finished(), "it goes on trying until it is asked to stop");
    stop.raise();
    let ended = tokio::time::timeout(Duration::from_secs(30), task).await.unwrap().unwrap();
    assert!(matches!(ended, Err(ProducerError::Log(LogError::Unavailable { .. }))), "{ended:?}");
}
