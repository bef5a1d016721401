//! The driver that all sinks share, over an embedded log.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::NewRecord;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{DAY, SECOND};
use bellwether_sinks::error::SinkError;
use bellwether_sinks::feed::{self, BATCH_RECORDS, Batch, Lane};
use support::*;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

const SINK: &str = "test";

/// A sink whose lanes the test holds in its own hands.
struct Sink {
    lanes: mpsc::Receiver<Held>,
    end: JoinHandle<Result<(), SinkError>>,
}

/// A lane; its task ends when this is dropped.
struct Held {
    lane: Lane,
    _task: oneshot::Sender<()>,
}

impl Sink {
    fn start(world: &World) -> Self {
        let (give, lanes) = mpsc::channel(16);
        let task = move |lane: Lane| -> feed::Task {
            let give = give.clone();
            let (_task, ended) = oneshot::channel();
            Box::pin(async move {
                give.send(Held { lane, _task }).await.ok();
                let _ = ended.await;
            })
        };
        Self { lanes, end: tokio::spawn(feed::run(world.context(), SINK, task)) }
    }

    async fn lane(&mut self) -> Held {
        tokio::time::timeout(SOON, self.lanes.recv()).await.unwrap().unwrap()
    }

    async fn stop(self, world: &World) {
        world.shutdown.raise();
        self.end.await.unwrap().unwrap();
    }
}

impl Deref for Held {
    type Target = Lane;
    fn deref(&self) -> &Lane {
        &self.lane
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Lane {
        &mut self.lane
    }
}

impl Held {
    async fn batch(&mut self) -> Batch {
        tokio::time::timeout(SOON, self.lane.next()).await.unwrap().unwrap()
    }

    /// Everything up to that offset, as offsets.
    async fn take_to(&mut self, next_offset: u64) -> Vec<u64> {
        let mut offsets = Vec::new();
        loop {
            let batch = self.batch().await;
            assert!(batch.records.len() <= BATCH_RECORDS && batch.tenant == *self.tenant_id());
            offsets.extend(batch.records.iter().map(|record| record.offset));
            if batch.next_offset >= next_offset {
                return offsets;
            }
        }
    }
}

fn record(value: &[u8]) -> NewRecord {
    NewRecord { key: b"key".to_vec(), value: value.to_vec() }
}

#[tokio::test]
async fn each_tenants_records_come_in_order_on_its_own_lane_and_done_is_committed() {
    let world = World::new(vec![tenant("fxlabs", None), tenant("hextech", None)]);
    world.append("fxlabs", &fired("fxlabs", 0..1200)).await;
    world.append("hextech", &fired("hextech", 0..3)).await;
    let mut sink = Sink::start(&world);
    let mut lanes = Vec::new();
    for _ in 0..2 {
        let mut lane = sink.lane().await;
        let name = lane.tenant_id().to_string();
        let many = if name == "fxlabs" { 1200 } else { 3 };
        assert_eq!(lane.take_to(many).await, (0..many).collect::<Vec<_>>());
        assert_eq!(world.committed(SINK, &name), 0);
        lane.done(many);
        eventually("the commit", async || world.committed(SINK, &name) == many).await;
        lane.done(1);
        lanes.push(lane);
    }
    drop(lanes);
    sink.stop(&world).await;
    assert_eq!((world.committed(SINK, "fxlabs"), world.committed(SINK, "hextech")), (1200, 3));
}

#[tokio::test]
async fn a_full_lane_pauses_its_own_topic_and_no_other() {
    let world = World::new(vec![tenant("fxlabs", None), tenant("hextech", None)]);
    let many = 40 * BATCH_RECORDS as u64;
    world.append("fxlabs", &fired("fxlabs", 0..many as usize)).await;
    let mut sink = Sink::start(&world);
    let (one, other) = (sink.lane().await, sink.lane().await);
    let (mut stuck, mut free) =
        if one.tenant_id().as_str() == "fxlabs" { (one, other) } else { (other, one) };
    for number in 0..50_u64 {
        world.append("hextech", &fired("hextech", number as usize..number as usize + 1)).await;
        assert_eq!(free.take_to(number + 1).await, [number]);
    }
    // What waits is bounded: shutdown hands over what was read and no more.
    free.done(50);
    world.shutdown.raise();
    let mut next_offset = 0;
    while let Some(batch) = stuck.next().await {
        assert_eq!(batch.from, next_offset);
        next_offset = batch.next_offset;
    }
    assert!(next_offset < many, "a full lane did not pause its topic");
    drop((stuck, free));
    sink.end.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_cannot_be_decoded_or_is_anothers_is_a_dead_letter_and_the_rest_goes_on() {
    let world = World::new(vec![tenant("fxlabs", None)]);
    world.append("fxlabs", &fired("fxlabs", 0..1)).await;
    world.append_raw("fxlabs", vec![record(b"no record at all")]).await;
    world.append("fxlabs", &fired("hextech", 1..2)).await;
    world.append("fxlabs", &fired("fxlabs", 2..3)).await;
    let mut sink = Sink::start(&world);
    let mut lane = sink.lane().await;
    assert_eq!(lane.take_to(4).await, [0, 3]);
    let letters = world.dead_letters("fxlabs");
    let told: Vec<_> = letters.iter().map(|letter| (letter.offset, letter.reason.as_str())).collect();
    assert_eq!(told, [(1, "undecodable"), (2, "misrouted")]);
    assert_eq!(letters[0].original, b"no record at all");
    assert_eq!(letters[0].topic, "fxlabs.triggers.v1");
    drop(lane);
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_batch_of_nothing_but_dead_letters_can_be_passed() {
    let world = World::new(vec![tenant("fxlabs", None)]);
    world.append_raw("fxlabs", vec![record(b"x")]).await;
    let mut sink = Sink::start(&world);
    let mut lane = sink.lane().await;
    let batch = lane.batch().await;
    assert_eq!((batch.records.len(), batch.from, batch.next_offset), (0, 0, 1));
    lane.done(1);
    eventually("the commit", async || world.committed(SINK, "fxlabs") == 1).await;
    drop(lane);
    sink.stop(&world).await;
}

#[tokio::test]
async fn what_was_not_done_is_delivered_again_by_the_next_process() {
    let mut world = World::new(vec![tenant("fxlabs", None)]);
    world.append("fxlabs", &fired("fxlabs", 0..10)).await;
    let mut sink = Sink::start(&world);
    let mut lane = sink.lane().await;
    lane.take_to(10).await;
    lane.done(4);
    drop(lane);
    sink.stop(&world).await;
    assert_eq!(world.committed(SINK, "fxlabs"), 4);

    world.next_process();
    let mut sink = Sink::start(&world);
    let mut lane = sink.lane().await;
    let batch = lane.batch().await;
    assert_eq!((batch.from, batch.records[0].offset), (4, 4));
    drop(lane);
    sink.stop(&world).await;
}

#[tokio::test]
async fn shutdown_hands_over_what_was_read_waits_until_it_is_done_and_commits() {
    let world = World::new(vec![tenant("fxlabs", None)]);
    world.append("fxlabs", &fired("fxlabs", 0..6 * BATCH_RECORDS)).await;
    let mut sink = Sink::start(&world);
    let mut lane = sink.lane().await;
    let first = lane.batch().await;
    world.shutdown.raise();
    let mut done = first.next_offset;
    while let Some(batch) = lane.next().await {
        assert_eq!(batch.from, done);
        done = batch.next_offset;
    }
    assert!(done > first.next_offset && !sink.end.is_finished());
    lane.done(done);
    // The lane is still held: what ends it is being done.
    eventually("the commit", async || world.committed(SINK, "fxlabs") == done).await;
    drop(lane);
    sink.end.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_tenant_added_while_running_is_fed_and_one_removed_gets_nothing_more() {
    let world = World::new(vec![]);
    let mut sink = Sink::start(&world);
    let (fxlabs, hextech) = (tenant("fxlabs", None), tenant("hextech", None));
    world.tenants.send_replace(Arc::new(vec![fxlabs.clone()]));
    // Its topics may come later than its file.
    tokio::task::yield_now().await;
    world.create_topics(&fxlabs.id);
    world.append("fxlabs", &fired("fxlabs", 0..2)).await;
    let mut first = sink.lane().await;
    assert_eq!(first.take_to(2).await, [0, 1]);

    world.create_topics(&hextech.id);
    world.append("hextech", &fired("hextech", 0..1)).await;
    world.tenants.send_replace(Arc::new(vec![fxlabs, hextech.clone()]));
    let mut second = sink.lane().await;
    assert_eq!(second.tenant_id(), &hextech.id);
    assert_eq!(second.take_to(1).await, [0]);

    // Waiting on its lane by the time the other's later record is there.
    world.append("fxlabs", &fired("fxlabs", 2..3)).await;
    world.append("hextech", &fired("hextech", 1..2)).await;
    assert_eq!(second.take_to(2).await, [1]);
    world.tenants.send_replace(Arc::new(vec![hextech]));
    eventually("its lane to close", async || first.is_closed()).await;
    let end = tokio::time::timeout(SOON, first.next()).await.unwrap();
    assert!(end.is_none());
    world.append("hextech", &fired("hextech", 2..3)).await;
    assert_eq!(second.take_to(3).await, [2]);
    drop(second);
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_rewind_delivers_again_from_there_and_drops_what_was_waiting() {
    let mut world = World::new(vec![tenant("fxlabs", None)]);
    let many = 12 * BATCH_RECORDS as u64;
    world.append("fxlabs", &fired("fxlabs", 0..many as usize)).await;
    let mut sink = Sink::start(&world);
    let mut lane = sink.lane().await;
    lane.take_to(3 * BATCH_RECORDS as u64).await;
    lane.rewind(7);
    let batch = lane.batch().await;
    assert_eq!((batch.from, batch.records[0].offset), (7, 7));
    lane.done(many);
    eventually("only what was handed over is committed", async || {
        (1..many).contains(&world.committed(SINK, "fxlabs"))
    })
    .await;
    drop(lane);
    sink.stop(&world).await;

    // A database that is behind what the group committed is found by where its first batch begins.
    world.next_process();
    let mut sink = Sink::start(&world);
    let mut lane = sink.lane().await;
    assert!(lane.batch().await.from > 0);
    lane.rewind(0);
    assert_eq!(lane.take_to(many).await, (0..many).collect::<Vec<_>>());
    drop(lane);
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_task_that_ends_is_started_again_where_it_was_done() {
    let world = World::new(vec![tenant("fxlabs", None)]);
    world.append("fxlabs", &fired("fxlabs", 0..10)).await;
    let mut sink = Sink::start(&world);
    let mut lane = sink.lane().await;
    lane.take_to(10).await;
    lane.done(6);
    drop(lane);
    let mut lane = sink.lane().await;
    assert_eq!(lane.take_to(10).await, [6, 7, 8, 9]);
    drop(lane);
    sink.stop(&world).await;
}

#[tokio::test]
async fn a_tenant_without_triggers_is_looked_at_when_it_is_taken_up_and_after_each_quiet_minute() {
    let tenants = vec![tenant("fxlabs", None), tenant("hextech", None)];
    let world = World::by(Clock::manual(Timestamp(0)), tenants);
    world.append("fxlabs", &fired("fxlabs", 0..3)).await;
    let mut sink = Sink::start(&world);
    let (one, other) = (sink.lane().await, sink.lane().await);
    let (mut busy, mut quiet) =
        if one.tenant_id().to_string() == "fxlabs" { (one, other) } else { (other, one) };
    assert_eq!(busy.take_to(3).await, [0, 1, 2]);
    let first = quiet.batch().await;
    assert_eq!((first.records.len(), first.from, first.next_offset), (0, 0, 0));
    for _ in 0..3 {
        world.clock.advance(59 * SECOND);
        assert!(tokio::time::timeout(Duration::from_millis(300), busy.lane.next()).await.is_err());
        world.clock.advance(2 * SECOND);
        let batch = busy.batch().await;
        assert_eq!((batch.records.len(), batch.from, batch.next_offset), (0, 3, 3));
        assert_eq!(quiet.batch().await.next_offset, 0);
    }
    drop((busy, quiet));
    sink.stop(&world).await;
}

#[tokio::test]
async fn what_was_to_be_read_again_and_is_gone_is_said_to_be() {
    let world = World::by(Clock::manual(Timestamp(0)), vec![tenant("fxlabs", None)]);
    world.append("fxlabs", &fired("fxlabs", 0..40)).await;
    world.clock.advance(2 * DAY);
    world.append("fxlabs", &fired("fxlabs", 40..50)).await;
    let mut sink = Sink::start(&world);
    let mut lane = sink.lane().await;
    lane.take_to(50).await;
    world.log.cut(&triggers("fxlabs"), 40).unwrap();
    assert_eq!(world.log.bounds(&triggers("fxlabs")).unwrap().start, 40);
    lane.rewind(7);
    let batch = lane.batch().await;
    assert_eq!((batch.records.len(), batch.from, batch.next_offset), (0, 7, 40));
    let batch = lane.batch().await;
    assert_eq!((batch.records.len(), batch.from, batch.next_offset), (10, 40, 50));
    drop(lane);
    sink.stop(&world).await;
}
