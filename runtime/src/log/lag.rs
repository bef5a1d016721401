//! How far a group is behind, as a metric.

use std::sync::Arc;
use std::time::Duration;

use bellwether_schemas::{Topic, TopicKind};
use metrics::gauge;
use tokio::sync::watch;

use super::{Log, Result};
use crate::config::Tenant;
use crate::metric_names::LAG;
use crate::shutdown::Shutdown;

/// Two questions a topic: not more often than somebody looks.
const EVERY: Duration = Duration::from_secs(10);

/// Measures how many records of that topic of each tenant the group has still to read, until shutdown. Every member
/// says it of all tenants, so that a tenant whom nobody reads is seen too.
pub async fn measure(
    log: Arc<dyn Log>,
    group: String,
    kind: TopicKind,
    tenants: watch::Receiver<Arc<Vec<Tenant>>>,
    shutdown: Shutdown,
) {
    loop {
        let topics: Vec<Topic> = tenants.borrow().iter().map(|tenant| Topic::new(&tenant.id, kind)).collect();
        let (log, group) = (Arc::clone(&log), group.clone());
        let round = move || topics.iter().for_each(|topic| report(log.as_ref(), &group, topic));
        let _ = tokio::task::spawn_blocking(round).await;
        if shutdown.sleep(EVERY).await {
            return;
        }
    }
}

fn report(log: &dyn Log, group: &str, topic: &Topic) {
    match lag(log, group, topic) {
        Ok(lag) => gauge!(
            LAG, "tenant" => topic.tenant.to_string(), "group" => group.to_owned(), "topic" => topic.to_string()
        )
        .set(lag as f64),
        Err(error) => tracing::debug!(log.topic = %topic, error = %error, "its lag is not known"),
    }
}

/// Records of the topic that the group has still to read.
///
/// # Errors
/// The topic does not exist or the log is out of reach.
pub fn lag(log: &dyn Log, group: &str, topic: &Topic) -> Result<u64> {
    let bounds = log.bounds(topic)?;
    let next = log.committed(group, topic)?.unwrap_or(bounds.start);
    Ok(bounds.next.saturating_sub(next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::log::conformance::Ledger;
    use crate::log::{Access, NewRecord, Polled, open};

    #[test]
    fn a_lag_is_what_the_group_has_not_committed() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("embedded:{}", dir.path().display());
        let log = open(&url, Access::Write, Clock::system()).unwrap();
        let topic = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Journal);
        assert!(lag(log.as_ref(), "g", &topic).is_err(), "a topic that is not there has none");
        log.create(&topic).unwrap();
        let record = NewRecord { key: Vec::new(), value: b"v".to_vec() };
        log.append(&topic, vec![record; 3]).wait().unwrap();
        assert_eq!(lag(log.as_ref(), "g", &topic).unwrap(), 3);
        let mut member =
            log.consumer("g", std::slice::from_ref(&topic), Box::new(Ledger::default())).unwrap();
        assert!(matches!(member.poll(Duration::from_secs(10)).unwrap(), Polled::Records(..)));
        member.commit(&topic, 2).unwrap();
        assert_eq!(lag(log.as_ref(), "g", &topic).unwrap(), 1);
    }
}
