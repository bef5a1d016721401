//! The sinks' cursors in the tenant's database against the triggers topic.

use std::sync::Arc;

use bellwether_database::Statements;
use bellwether_database::checks::Session;
use bellwether_database::cursor::{self, Reached};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_runtime::log::{Log, LogError, blocking};
use bellwether_runtime::roles::{MAIL, ROWS};
use bellwether_schemas::{Timestamp, Topic, TopicKind};

use super::{away, readers};
use crate::feed;

/// How far each sink is, since when, and what waits for it.
pub(super) async fn look(
    session: &mut Session,
    log: Option<&Arc<dyn Log>>,
    tenant: &Tenant,
    now: Timestamp,
) -> sqlx::Result<Vec<Finding>> {
    let mut transaction = session.begin().await?;
    // Which other sinks have a row there to lock does not matter here.
    let mut reached = cursor::all(&mut transaction, Statements::unnamed(&tenant.id)).await?;
    reached.retain(|reached| [ROWS, MAIL].map(|role| role.short_name()).contains(&reached.sink.as_str()));
    let Some(log) = log else {
        return Ok(reached.iter().map(|reached| Finding::ok(about(&reached.sink), moved(reached))).collect());
    };
    let (log, triggers) = (Arc::clone(log), Topic::new(&tenant.id, TopicKind::Triggers));
    let compared = blocking(move || {
        let of = |sink: &str| compare(log.as_ref(), &triggers, sink, &reached, now);
        [of(ROWS.short_name()), of(MAIL.short_name())].into_iter().collect::<Result<Vec<Finding>, LogError>>()
    });
    Ok(compared.await.and_then(|compared| compared).unwrap_or_else(|error| vec![away(&error)]))
}

fn about(sink: &str) -> String {
    format!("cursor of {sink}")
}

fn moved(reached: &Reached) -> String {
    let Reached { next_offset, moved_at, .. } = reached;
    format!("stands at offset {next_offset}, and moved last at {}", Timestamp::from(*moved_at))
}

fn compare(
    log: &dyn Log,
    triggers: &Topic,
    sink: &str,
    reached: &[Reached],
    now: Timestamp,
) -> Result<Finding, LogError> {
    let found = reached.iter().find(|reached| reached.sink == sink);
    if let Some(reached) = found
        && let Some(other) = feed::compare(log, triggers, reached)?
    {
        let todo = "see that `log` is the one this database was filled from; docs/RUNBOOK.md says what else it may be";
        return Ok(Finding::fault(about(sink), other.to_string(), todo));
    }
    let start = log.bounds(triggers)?.start;
    let next = found.map_or(start, |reached| reached.next_offset.max(start));
    let mut finding = readers::behind(log, triggers, &about(sink), next, now)?;
    if let (true, Some(reached)) = (finding.is_fault(), found) {
        finding.found = format!("parked: {}; its cursor {}", finding.found, moved(reached));
    }
    Ok(finding)
}
