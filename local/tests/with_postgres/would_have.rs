//! What an alert would have done, beside its status: of the version that the row speaks of, and of no other.

use bellwether_database::tables::alert_status::{self, Standing};
use bellwether_database::tables::alerts::AlertRow;
use bellwether_database::tables::would_have::{self, Stored};
use bellwether_database::{Statements, begin, connect};
use bellwether_runtime::config::Tenant;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::previews::{AlertPreview, PreviewState};
use bellwether_schemas::triggers::{AlertState, AlertStatus, Cause};
use bellwether_schemas::{AlertId, TenantId, UserId, ids};
use sqlx::PgPool;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::support::{ASHA, MAYA, database, open, shared_database, tenant};

fn alert() -> AlertId {
    AlertId(ids::derive("an alert"))
}

fn status(of: &TenantId, user: Uuid, version: i64, offset: i64) -> AlertStatus {
    AlertStatus {
        tenant: of.clone(),
        kind: AlertKind::RsiTracker,
        alert_id: alert(),
        user_id: UserId(user),
        version,
        state: AlertState::Active,
        reason: None,
        since: None,
        cause: Cause { offset, index: 0 },
    }
}

fn preview(of: &TenantId, version: i64, times: i64) -> AlertPreview {
    AlertPreview {
        tenant: of.clone(),
        kind: AlertKind::RsiTracker,
        alert_id: alert(),
        version,
        offset: version,
        state: PreviewState::Answered,
        by_minutes: false,
        from: None,
        to: None,
        times,
        per_week: Some(1.5),
        last: Vec::new(),
        followed: Vec::new(),
    }
}

/// A tenant's database as its pipeline sees it.
struct Side {
    tenant: Tenant,
    pool: PgPool,
    user: Uuid,
}

impl Side {
    async fn new(of: &str, url: &bellwether_runtime::secret::Secret, user: Uuid) -> Self {
        let tenant = tenant(of, url, "direct");
        let pool = connect(&tenant).await.unwrap();
        Self { tenant, pool, user }
    }

    async fn status(&self, version: i64, offset: i64) {
        let mut transaction = begin(&self.pool, &self.tenant.id).await.unwrap();
        let status = status(&self.tenant.id, self.user, version, offset);
        alert_status::write(&mut transaction, Statements::of(&self.tenant), &[&status]).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn store(&self, version: i64, times: i64) -> Stored {
        let mut transaction = begin(&self.pool, &self.tenant.id).await.unwrap();
        let preview = preview(&self.tenant.id, version, times);
        let stored =
            would_have::write(&mut transaction, Statements::of(&self.tenant), &[&preview]).await.unwrap();
        transaction.commit().await.unwrap();
        stored
    }
}

fn stored(changed: usize, is_settled: bool) -> Stored {
    Stored { changed, settled: is_settled.then(alert).into_iter().collect() }
}

/// What the row says: its version, and how often which version would have fired.
async fn says(admin: &mut PgConnection, of: &str) -> Vec<(i64, Option<i64>, Option<i64>)> {
    let sql = "select version, (would_have ->> 'version')::bigint, (would_have ->> 'times')::bigint
        from alert_status where tenant_id = $1";
    sqlx::query_as(sql).bind(of).fetch_all(admin).await.unwrap()
}

async fn told(admin: &mut PgConnection, of: &str) -> i64 {
    let sql = "select count(*) from user_events where tenant_id = $1 and type = 'status'
        and payload -> 'would_have' ->> 'times' is not null and payload ->> 'state' = 'active'";
    sqlx::query_scalar(sql).bind(of).fetch_one(admin).await.unwrap()
}

#[tokio::test]
async fn a_preview_is_stored_where_the_row_speaks_of_its_version_and_a_newer_version_begins_without() {
    let (_, seeded) = database("fxlabs").await;
    let side = Side::new("fxlabs", &seeded.pipeline, ASHA).await;
    let mut admin = open(&seeded.admin).await;
    assert_eq!(side.store(1, 10).await, stored(0, false), "its status is on its way: it waits");
    side.status(1, 1).await;
    assert_eq!(side.store(2, 20).await, stored(0, false), "the row speaks of a version before");
    assert_eq!(says(&mut admin, "fxlabs").await, [(1, None, None)]);
    assert_eq!(side.store(1, 10).await, stored(1, true));
    assert_eq!(side.store(1, 10).await, stored(0, true), "said again, nothing changes and nobody is told");
    assert_eq!(
        (says(&mut admin, "fxlabs").await, told(&mut admin, "fxlabs").await),
        (vec![(1, Some(1), Some(10))], 1)
    );
    side.status(2, 2).await;
    assert_eq!(says(&mut admin, "fxlabs").await, [(2, None, None)]);
    assert_eq!(side.store(1, 11).await, stored(0, true), "of an older version nothing is said any more");
    assert_eq!(side.store(2, 20).await, stored(1, true));
    // Its user switches it off: the alert producer tells so, of the next version.
    let row = AlertRow {
        alert_id: alert().0,
        kind: "rsi_tracker".into(),
        user_id: ASHA,
        version: 3,
        active: false,
        deleted: false,
        parameters: serde_json::json!({}),
    };
    let mut transaction = begin(&side.pool, &side.tenant.id).await.unwrap();
    let statements = Statements::of(&side.tenant);
    alert_status::tell(&mut transaction, statements, &[(row.clone(), Standing::Inactive)]).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(says(&mut admin, "fxlabs").await, [(3, None, None)]);
    // What is told of the same version again leaves what is known of it.
    assert_eq!(side.store(3, 30).await, stored(1, true));
    side.status(3, 3).await;
    assert_eq!(says(&mut admin, "fxlabs").await, [(3, Some(3), Some(30))]);
}

#[tokio::test]
async fn in_a_shared_database_the_same_alert_id_of_another_tenant_is_not_touched() {
    let [fxlabs, hextech] = shared_database(["fxlabs", "hextech"]).await;
    let sides = [
        Side::new("fxlabs", &fxlabs.pipeline, ASHA).await,
        Side::new("hextech", &hextech.pipeline, MAYA).await,
    ];
    for side in &sides {
        side.status(1, 1).await;
    }
    assert_eq!(sides[1].store(1, 7).await, stored(1, true));
    let mut admin = open(&fxlabs.admin).await;
    assert_eq!(says(&mut admin, "fxlabs").await, [(1, None, None)]);
    assert_eq!(says(&mut admin, "hextech").await, [(1, Some(1), Some(7))]);
    assert_eq!((told(&mut admin, "fxlabs").await, told(&mut admin, "hextech").await), (0, 1));
}
