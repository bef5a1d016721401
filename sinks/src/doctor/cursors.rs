//! The sinks' cursors in the tenant's database against the triggers topic.

use std::sync::Arc;

use bellwether_database::checks::{Session, ask};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use bellwether_runtime::log::{Log, LogError, blocking};
use bellwether_runtime::roles::{MAIL, ROWS};
use bellwether_schemas::{Timestamp, Topic, TopicKind};
use chrono::{DateTime, Utc};

use super::{away, readers};

#[derive(Debug, Clone, sqlx::FromRow)]
struct Stands {
    sink: String,
    next_offset: i64,
    updated_at: DateTime<Utc>,
}

/// How far each sink is, since when, and what waits for it.
pub(super) async fn look(
    session: &mut Session,
    log: Option<&Arc<dyn Log>>,
    tenant: &Tenant,
    now: Timestamp,
) -> sqlx::Result<Vec<Finding>> {
    let mut transaction = session.begin().await?;
    let stands: Vec<Stands> = ask::rows(
        "select sink, next_offset, updated_at from bellwether.sink_cursor where tenant_id = $1 and sink = any($2)",
    )
    .bind(tenant.id.as_str())
    .bind([ROWS.short_name(), MAIL.short_name()].as_slice())
    .fetch_all(&mut *transaction)
    .await?;
    let Some(log) = log else {
        return Ok(stands.iter().map(|stands| Finding::ok(about(&stands.sink), moved(stands))).collect());
    };
    let (log, triggers) = (Arc::clone(log), Topic::new(&tenant.id, TopicKind::Triggers));
    let compared = blocking(move || {
        let of = |sink: &str| compare(log.as_ref(), &triggers, sink, &stands, now);
        [of(ROWS.short_name()), of(MAIL.short_name())].into_iter().collect::<Result<Vec<Finding>, LogError>>()
    });
    Ok(compared.await.and_then(|compared| compared).unwrap_or_else(|error| vec![away(&error)]))
}

fn about(sink: &str) -> String {
    format!("cursor of {sink}")
}

fn moved(stands: &Stands) -> String {
    format!(
        "stands at offset {}, and moved last at {}",
        stands.next_offset,
        Timestamp::from(stands.updated_at)
    )
}

fn compare(
    log: &dyn Log,
    triggers: &Topic,
    sink: &str,
    stands: &[Stands],
    now: Timestamp,
) -> Result<Finding, LogError> {
    let bounds = log.bounds(triggers)?;
    let found = stands.iter().find(|stands| stands.sink == sink);
    let next = found.map_or(bounds.start, |stands| u64::try_from(stands.next_offset).unwrap_or(0));
    if next > bounds.next {
        return Ok(Finding::fault(
            about(sink),
            format!(
                "its cursor stands at offset {next}, and {triggers} ends at {}: it is another log's",
                bounds.next
            ),
            "see that `log` is the one this database was filled from",
        ));
    }
    let mut finding = readers::behind(log, triggers, &about(sink), next.max(bounds.start), now)?;
    if let (true, Some(stands)) = (finding.is_fault(), found) {
        finding.found = format!("parked: {}; its cursor {}", finding.found, moved(stands));
    }
    Ok(finding)
}
