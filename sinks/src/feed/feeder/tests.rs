use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Polled, Result, open};
use bellwether_schemas::TopicKind;

use super::*;

/// A member of a group of which one thing is seen: whether its topic is paused.
#[derive(Default)]
struct Seen {
    is_paused: bool,
}

impl Consumer for Seen {
    fn poll(&mut self, _wait: Duration) -> Result<Polled> {
        Ok(Polled::Nothing)
    }
    fn commit(&mut self, _topic: &Topic, _next_offset: u64) -> Result<()> {
        Ok(())
    }
    fn pause(&mut self, _topic: &Topic) {
        self.is_paused = true;
    }
    fn resume(&mut self, _topic: &Topic) {
        self.is_paused = false;
    }
    fn seek(&mut self, _topic: &Topic, _offset: u64) -> Result<()> {
        Ok(())
    }
    fn subscribe(&mut self, _topics: &[Topic]) -> Result<()> {
        Ok(())
    }
    fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_topic_that_could_not_be_read_is_tried_again_when_it_is_given_anew() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(&format!("embedded:{}", dir.path().display()), Access::Write, Clock::system()).unwrap();
    let topic = Topic::new(&crate::simulated::tenant(), TopicKind::Triggers);
    log.create(&topic).unwrap();
    let (sender, mut batches) = mpsc::channel(4);
    let (shared, mut consumer) = (Arc::<Shared>::default(), Seen::default());
    let task = tokio::spawn(async {});
    let mut feeder = Feeder::new("test", topic.clone(), Arc::clone(&shared), sender, task);
    let give = || {
        let mut state = shared.lock();
        (state.assigned, state.reassigned) = (true, true);
    };
    give();
    feeder.stop(&LogError::UnknownTopic { topic: topic.to_string() });
    feeder.tend(log.as_ref(), &mut consumer);
    assert!(!feeder.offer_nothing(log.as_ref(), Timestamp(0)));
    assert!(consumer.is_paused && batches.try_recv().is_err());

    give();
    feeder.tend(log.as_ref(), &mut consumer);
    assert!(!consumer.is_paused);
    assert!(feeder.offer_nothing(log.as_ref(), Timestamp(0)));
    feeder.tend(log.as_ref(), &mut consumer);
    assert_eq!(batches.try_recv().unwrap().next_offset, 0);
}
