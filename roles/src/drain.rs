//! When a group has read all there is.

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::log::{Log, LogError, blocking};
use bellwether_runtime::roles::Group;
use bellwether_schemas::Topic;

/// Between two looks at how far the group is.
const LOOK: Duration = Duration::from_millis(50);

/// Where each tenant's topic ended when it was asked, as far as the group has not read it.
pub struct Drain {
    log: Arc<dyn Log>,
    group: Group,
    left: Vec<(Topic, u64)>,
}

impl Drain {
    /// Remembers where the group's topics end now. Asks the log.
    ///
    /// # Errors
    /// A topic does not exist, or the log is out of reach.
    pub async fn begin(log: Arc<dyn Log>, group: Group, tenants: &[Tenant]) -> Result<Self, LogError> {
        let topics: Vec<Topic> = tenants.iter().map(|tenant| Topic::new(&tenant.id, group.reads)).collect();
        let asked = Arc::clone(&log);
        let ends = move || {
            let end = |topic: Topic| asked.bounds(&topic).map(|bounds| (topic, bounds.next));
            topics.into_iter().map(end).collect::<Result<Vec<_>, LogError>>()
        };
        Ok(Self { log, group, left: blocking(ends).await?? })
    }

    /// Waits until the group has read all of that. A log out of reach is asked again.
    ///
    /// # Errors
    /// The asking itself broke.
    pub async fn end(self) -> Result<(), LogError> {
        let Self { log, group, mut left } = self;
        while !left.is_empty() {
            let log = Arc::clone(&log);
            let unread = move |(topic, end): &(Topic, u64)| !matches!(log.committed(group.name, topic), Ok(next) if next.unwrap_or(0) >= *end);
            left = blocking(move || left.into_iter().filter(unread).collect()).await?;
            if !left.is_empty() {
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }
}
