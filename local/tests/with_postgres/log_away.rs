//! The log is away while alert changes are published: the producer of a tenant goes on once it is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bellwether_runtime::log::{
    Ack, Assignments, Bounds, Consumer, GroupMember, Log, LogError, NewRecord, Reader, Result,
};
use bellwether_schemas::{Timestamp, Topic};

use crate::alert_changes::Stage;

/// A log that answers no question while it is away.
struct Away {
    log: Arc<dyn Log>,
    is_away: Arc<AtomicBool>,
    /// Questions that were not answered.
    asked: Arc<AtomicBool>,
}

impl Away {
    fn reached(&self) -> Result<&dyn Log> {
        if self.is_away.load(Ordering::SeqCst) {
            self.asked.store(true, Ordering::SeqCst);
            return Err(LogError::Unavailable { reason: "all brokers are down".into() });
        }
        Ok(self.log.as_ref())
    }
}

impl Log for Away {
    fn create(&self, topic: &Topic) -> Result<bool> {
        self.reached()?.create(topic)
    }
    fn delete(&self, topic: &Topic) -> Result<bool> {
        self.reached()?.delete(topic)
    }
    fn topics(&self) -> Result<Vec<Topic>> {
        self.reached()?.topics()
    }
    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        self.log.append(topic, records)
    }
    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        self.reached()?.bounds(topic)
    }
    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        self.reached()?.reader(topic, from)
    }
    fn members(&self, group: &str) -> Result<Vec<GroupMember>> {
        self.reached()?.members(group)
    }
    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64> {
        self.reached()?.offset_at(topic, appended_at)
    }
    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        self.reached()?.committed(group, topic)
    }
    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        told: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        self.reached()?.consumer(group, topics, told)
    }
    fn enforce_retention(&self, topic: &Topic, now: Timestamp) -> Result<u64> {
        self.reached()?.enforce_retention(topic, now)
    }
    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        self.reached()?.cut(topic, before)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_away_while_it_was_read_is_gone_on_with() {
    let mut stage = Stage::new("direct").await;
    let (is_away, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    stage.behind(|log| Arc::new(Away { log, is_away: Arc::clone(&is_away), asked: Arc::clone(&asked) }));
    stage.start();
    stage.user_does(super::alert_changes::INSERT).await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '15M'").await;
    stage.journal_has("an edit before", |change| change.version == 2).await;

    is_away.store(true, Ordering::SeqCst);
    // A number that the journal has already makes it read what the journal says.
    stage.user_does("update bellwether.alert_version set version = 1").await;
    stage.user_does("update rsi_tracker_alerts set timeframe = '4H'").await;
    let in_vain = tokio::time::timeout(Duration::from_secs(10), async {
        while !asked.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    in_vain.await.expect("it is read");
    tokio::time::sleep(Duration::from_millis(400)).await;
    is_away.store(false, Ordering::SeqCst);

    stage.journal_has("an edit of meanwhile", |change| change.version == 3).await;
    stage.stop().await;
}
