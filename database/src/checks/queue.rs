//! The queue of what users changed: the alert producer empties it within seconds.

use bellwether_runtime::config::Tenant;
use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::{Looked, ask};

const ABOUT: &str = "queue";
/// Seconds after which a change counts as left lying.
const LATE: f64 = 30.0;

/// How long the oldest change waits.
pub(super) async fn look(connection: &mut PgConnection, tenant: &Tenant) -> Looked {
    let (waiting, oldest): (i64, Option<f64>) = ask::rows(
        "select count(*), extract(epoch from clock_timestamp() - min(changed_at))::float8
         from bellwether.alert_change where tenant_id = $1",
    )
    .bind(tenant.id.as_str())
    .fetch_one(connection)
    .await?;
    Ok(vec![judge(waiting, oldest.unwrap_or(0.0))])
}

fn judge(waiting: i64, oldest: f64) -> Finding {
    if oldest <= LATE {
        return Finding::ok(ABOUT, format!("{waiting} changes of alerts wait"));
    }
    Finding::fault(
        ABOUT,
        format!(
            "{waiting} changes of alerts wait, the oldest for {oldest:.0} s: no alert counts as its user set it"
        ),
        "see that `bellwether produce alerts` runs and what it logs",
    )
}
