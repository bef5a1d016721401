//! Housekeeping: policies are applied once an hour, by whoever runs the log.

use std::sync::Arc;
use std::time::Duration;

use bellwether_schemas::Topic;
use tokio::sync::watch;

use super::Log;
use crate::clock::Clock;
use crate::config::Tenant;
use crate::shutdown::Shutdown;

/// Segments close after a day or 64 MiB: more often would find nothing.
const EVERY: Duration = Duration::from_secs(3600);

/// Applies every topic's policy at once and then each hour, until shutdown. A topic that fails is logged and tried
/// again with the next round.
pub async fn run(
    log: Arc<dyn Log>,
    tenants: watch::Receiver<Arc<Vec<Tenant>>>,
    clock: Clock,
    shutdown: Shutdown,
) {
    loop {
        let topics: Vec<Topic> = tenants.borrow().iter().flat_map(|tenant| Topic::all(&tenant.id)).collect();
        let (log, now) = (Arc::clone(&log), clock.now());
        let round = move || topics.iter().for_each(|topic| apply(log.as_ref(), topic, now));
        let _ = tokio::task::spawn_blocking(round).await;
        if shutdown.sleep(EVERY).await {
            return;
        }
    }
}

fn apply(log: &dyn Log, topic: &Topic, now: bellwether_schemas::Timestamp) {
    match log.enforce_retention(topic, now) {
        Ok(0) => {}
        Ok(records) => tracing::info!(log.topic = %topic, records, "retention removed records"),
        Err(error) => {
            tracing::warn!(log.topic = %topic, error = %error, "retention could not be applied")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::embedded::{EmbeddedLog, Fsync, Options};
    use crate::log::{Access, NewRecord};
    use bellwether_schemas::time::DAY;
    use bellwether_schemas::{Timestamp, TopicKind};

    #[tokio::test]
    async fn what_is_older_than_its_policy_is_gone_after_a_round() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp(0));
        let options = Options { fsync: Fsync::Never, segment_bytes: 1, segment_age: DAY };
        let log = EmbeddedLog::open_with(dir.path(), Access::Write, clock.clone(), options).unwrap();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../tenants/fxlabs.toml");
        let tenant = crate::config::load_tenant(file.as_ref(), &|_| None).unwrap();
        let topic = Topic::new(&tenant.id, TopicKind::DeadLetters);
        log.create(&topic).unwrap();
        for _ in 0..2 {
            let record = NewRecord { key: Vec::new(), value: b"letter".to_vec() };
            log.append(&topic, vec![record]).answer().await.unwrap();
            clock.advance(31 * DAY);
        }
        let (_keep, tenants) = watch::channel(Arc::new(vec![tenant]));
        let shutdown = Shutdown::new();
        let task = tokio::spawn(run(Arc::new(log.clone()), tenants, clock, shutdown.clone()));
        let deadline = Duration::from_secs(20);
        let removed = async {
            while log.bounds(&topic).unwrap().start == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(deadline, removed).await.expect("the old segment goes");
        shutdown.raise();
        task.await.unwrap();
    }
}
