//! A log that takes no dead letters for a while: nothing goes on behind a record that is not kept, and nobody else waits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use bellwether_runtime::log::{
    Ack, Assignments, Bounds, Consumer, GroupMember, Log, LogError, NewRecord, Reader, Result,
};
use bellwether_schemas::{Timestamp, Topic, TopicKind};
use bellwether_sinks::feed::Context;
use bellwether_sinks::rows;

use crate::support::*;

/// The embedded log, whose topics of dead letters nobody can write while it is shut.
struct NoLetters {
    log: Arc<dyn Log>,
    shut: AtomicBool,
    refused: AtomicU32,
}

impl Log for NoLetters {
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
        if topic.kind == TopicKind::DeadLetters && self.shut.load(Ordering::SeqCst) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return Ack::ready(Err(LogError::Unavailable { reason: "the line is cut".into() }));
        }
        self.log.append(topic, records)
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

#[tokio::test]
async fn nothing_passes_a_record_whose_dead_letter_is_not_kept_and_other_tenants_go_on() {
    let (refusing, unread) =
        (Home::new("letters", "refusing", 1).await, Home::new("letters", "unread", 1).await);
    let healthy = Home::new("letters", "healthy", 1).await;
    refusing
        .execute(
            "alter table public.rsi_tracker_alert_triggers add check (triggered_at <> '2012-02-01T00:10:00Z')",
        )
        .await;
    let homes = [&refusing, &unread, &healthy];
    let mut world = World::new(homes.iter().map(|home| home.tenant.clone()).collect());
    let log = Arc::new(NoLetters {
        log: Arc::clone(&world.log),
        shut: AtomicBool::new(true),
        refused: AtomicU32::new(0),
    });
    // The second of five rows is refused by one database; nobody can read the second record of the other tenant.
    world.append("refusing", &fired("refusing", 0..5)).await;
    world.append("unread", &fired("unread", 0..1)).await;
    world.append_raw("unread", vec![NewRecord { key: b"key".to_vec(), value: b"nobody's".to_vec() }]).await;
    world.append("unread", &fired("unread", 1..4)).await;
    let sink = Sink::of(Context { log: log.clone(), ..world.context() });
    for number in 0..20 {
        world.append("healthy", &fired("healthy", number..number + 1)).await;
        healthy.passed(number as u64 + 1).await;
    }
    refusing.passed(1).await;
    eventually("letters to be refused", async || log.refused.load(Ordering::SeqCst) > 5).await;
    assert_eq!((refusing.rows().await, unread.rows().await), (1, 0));
    for tenant in ["refusing", "unread"] {
        assert_eq!(world.committed(rows::SINK, tenant), 0);
    }

    log.shut.store(false, Ordering::SeqCst);
    for home in [&refusing, &unread] {
        home.passed(5).await;
        assert_eq!(home.rows().await, 4);
    }
    sink.stop(&mut world).await;
    for (tenant, reason) in [("refusing", "row_refused"), ("unread", "undecodable")] {
        let letters = world.dead_letters(tenant);
        let kept: BTreeSet<(i64, &str)> =
            letters.iter().map(|letter| (letter.offset, letter.reason.as_str())).collect();
        assert_eq!(kept, BTreeSet::from([(1, reason)]), "{tenant}");
    }
}
