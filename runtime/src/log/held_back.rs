//! Topics in which another application's transaction is open: their records are there, and nobody can read on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bellwether_schemas::{Topic, TopicKind};
use tokio::sync::watch;

use super::{Log, Result};
use crate::config::Tenant;
use crate::incident::{IncidentKind, Incidents};
use crate::shutdown::Shutdown;

/// Two questions a topic: not more often than somebody waits.
const EVERY: Duration = Duration::from_secs(10);

/// A transaction that ends soon is nobody's concern: one is told at the second look in a row.
const TOLD_AT: u32 = 2;

/// For how many looks in a row each topic was held back.
type Looks = BTreeMap<Topic, u32>;

/// Looks at that topic of each tenant until shutdown, and says which are held back.
pub async fn watch(
    log: Arc<dyn Log>,
    kind: TopicKind,
    tenants: watch::Receiver<Arc<Vec<Tenant>>>,
    incidents: Incidents,
    shutdown: Shutdown,
) {
    let mut looks = Looks::new();
    loop {
        let topics: Vec<Topic> = tenants.borrow().iter().map(|tenant| Topic::new(&tenant.id, kind)).collect();
        let (log, incidents, stop) = (Arc::clone(&log), incidents.clone(), shutdown.clone());
        let looked = tokio::task::spawn_blocking(move || {
            // The process does not end before this does: each look may take as long as brokers let it.
            let still = topics.iter().take_while(|_| !stop.is_raised());
            still.for_each(|topic| note(topic, log.held_back(topic), &mut looks, &incidents));
            looks.retain(|topic, _| topics.contains(topic));
            looks
        });
        looks = looked.await.unwrap_or_default();
        if shutdown.sleep(EVERY).await {
            return;
        }
    }
}

fn note(topic: &Topic, held_back: Result<u64>, looks: &mut Looks, incidents: &Incidents) {
    match held_back {
        Ok(0) => {
            looks.remove(topic);
            incidents.end(IncidentKind::HeldBack, &topic.tenant);
        }
        Ok(records) => {
            let times = looks.entry(topic.clone()).or_default();
            *times += 1;
            if *times == TOLD_AT {
                tracing::error!(tenant.id = %topic.tenant, log.topic = %topic, records,
                    "records stand behind another application's open transaction: nobody can read on");
                let text = format!("{records} records of {topic} stand behind an open transaction");
                incidents.begin(IncidentKind::HeldBack, &topic.tenant, text);
            }
        }
        // Whoever reads the topic says so.
        Err(error) => {
            tracing::debug!(log.topic = %topic, error = %error, "not known whether it is held back")
        }
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::Timestamp;

    use super::*;
    use crate::clock::Clock;
    use crate::log::LogError;

    /// What is told when it is found to be held back by so many records, look by look; `None`: it was not found out.
    fn told(found: &[Option<u64>]) -> Vec<usize> {
        let topic = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Journal);
        let (incidents, news) = Incidents::new(Clock::manual(Timestamp(0)));
        let mut looks = Looks::new();
        let found = found.iter().map(|found| {
            let found = found.ok_or(LogError::Unavailable { reason: "away".into() });
            note(&topic, found, &mut looks, &incidents);
            news.take().len()
        });
        found.collect()
    }

    #[test]
    fn what_is_held_back_twice_in_a_row_is_told_once_and_so_is_its_end() {
        assert_eq!(told(&[Some(3), Some(4), Some(5), Some(0), Some(0)]), [0, 1, 0, 1, 0]);
    }

    #[test]
    fn what_was_only_on_its_way_is_not_told() {
        // The first end of all is said once, in case an earlier process left an incident open.
        assert_eq!(told(&[Some(0), Some(3), Some(0), Some(2), Some(0)]), [1, 0, 0, 0, 0]);
    }

    #[test]
    fn brokers_that_are_away_begin_and_end_nothing() {
        assert_eq!(told(&[Some(3), None, Some(3), None, Some(0)]), [0, 0, 1, 0, 1]);
    }
}
