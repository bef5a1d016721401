//! `bellwether.alert_change`: changes that the journal has not acknowledged yet.

use bellwether_database::tables::alerts::AlertRow;
use bellwether_database::{Statements, begin};
use bellwether_schemas::AlertId;
use bellwether_schemas::alerts::AlertChanged;
use sqlx::postgres::PgPool;

use super::row::{change, standing};
use super::{Changes, Interrupted, events};

/// Most changes that are read, published and deleted together.
const BATCH: i64 = 2_048;
const TABLE: &str = "bellwether.alert_change";

#[derive(sqlx::FromRow)]
struct Queued {
    seq: i64,
    #[sqlx(flatten)]
    row: AlertRow,
}

impl Changes<'_> {
    /// Publishes all that is queued, in the order of the queue. True when the database's versions are behind the
    /// journal's, so that a change of it would be ignored there.
    pub(super) async fn publish_queue(&mut self, pool: &PgPool) -> Result<bool, Interrupted> {
        let mut behind = false;
        loop {
            let queued = self.queued(pool).await?;
            let changes = queued.iter().filter_map(|queued| self.readable(&queued.row)).collect::<Vec<_>>();
            behind |= changes.iter().any(|change| self.is_behind(change));
            self.publish(changes).await?;
            let told = queued.iter().filter_map(|queued| Some((queued.row.clone(), standing(&queued.row)?)));
            self.tell(pool, &told.collect::<Vec<_>>()).await?;
            self.delete(pool, &queued).await?;
            if (queued.len() as i64) < BATCH {
                return Ok(behind);
            }
        }
    }

    async fn queued(&self, pool: &PgPool) -> Result<Vec<Queued>, sqlx::Error> {
        let mut transaction = begin(pool, &self.tenant.id).await?;
        let oldest = "select seq, alert_id, kind, user_id, version, active, deleted, parameters
            from bellwether.alert_change where tenant_id = $1 order by seq limit $2";
        let query = Statements::of(self.tenant).query_as(oldest).bind(BATCH);
        let queued = query.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(queued)
    }

    /// One bad row never stops the rest. A deletion needs nothing of the row but its id.
    fn readable(&self, row: &AlertRow) -> Option<AlertChanged> {
        let known = self.view.alerts.get(&AlertId(row.alert_id));
        match (change(row, self.origin()), known) {
            (Ok(change), _) => Some(change),
            (Err(_), Some(known)) if row.deleted => Some(AlertChanged {
                origin: self.origin(),
                version: row.version,
                deleted: true,
                ..known.clone()
            }),
            (Err(reason), _) => {
                events::bad_row(&self.tenant.id, TABLE, &row.alert_id, &reason);
                None
            }
        }
    }

    /// A repeat says what the journal says; an older version with other content was raised from a counter that fell.
    fn is_behind(&self, change: &AlertChanged) -> bool {
        let known = self.view.alerts.get(&change.alert_id);
        known
            .is_some_and(|known| change.version <= known.version && !super::reconcile::is_same(known, change))
    }

    async fn delete(&self, pool: &PgPool, queued: &[Queued]) -> Result<(), sqlx::Error> {
        if queued.is_empty() {
            return Ok(());
        }
        let numbers: Vec<i64> = queued.iter().map(|queued| queued.seq).collect();
        let mut transaction = begin(pool, &self.tenant.id).await?;
        let delete = "delete from bellwether.alert_change where tenant_id = $1 and seq = any($2)";
        Statements::of(self.tenant).query(delete).bind(numbers).execute(&mut *transaction).await?;
        transaction.commit().await
    }
}
