//! `bellwether.alert_change`: changes that the journal has not acknowledged yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bellwether_database::tables::alerts::AlertRow;
use bellwether_database::{Statements, begin};
use bellwether_runtime::crash::{CrashPoint, reach};
use bellwether_schemas::AlertId;
use bellwether_schemas::alerts::AlertChanged;
use sqlx::postgres::{PgConnection, PgPool};
use tokio::time::Instant;

use super::row::{change, standing};
use super::{Changes, Interrupted, events};

/// Most changes that are read, published and deleted together.
const BATCH: usize = 2_048;
/// As many changes that a mass of others would keep waiting are taken past it at a time.
const PAST: usize = 256;
/// Most masses that are found at one look.
const MASSES: usize = 4;
/// Between two looks for those, which read all that is queued.
const LOOK_PAST: Duration = Duration::from_millis(500);
const TABLE: &str = "bellwether.alert_change";

#[derive(sqlx::FromRow)]
struct Queued {
    seq: i64,
    /// The number of the transaction it was made in.
    made_in: String,
    #[sqlx(flatten)]
    row: AlertRow,
}

/// Where nothing is queued, nothing is half done.
fn pass(point: CrashPoint, queued: &[Queued]) {
    if !queued.is_empty() {
        reach(point);
    }
}

impl Changes<'_> {
    /// Publishes all that is queued, each alert's changes in the order of the queue: from its front, and beside that what
    /// stands behind a mass of one transaction's and has no alert in it, so that nobody's edit waits for all of those.
    /// True when the database's versions are behind the journal's, so that a change of it would be ignored there.
    pub(super) async fn publish_queue(&mut self, pool: &PgPool) -> Result<bool, Interrupted> {
        let (mut behind, mut masses, mut looked) = (false, BTreeSet::new(), None::<Instant>);
        loop {
            let front = self.front(pool).await?;
            behind |= self.pass_on(pool, &front).await?;
            if front.len() < BATCH {
                return Ok(behind);
            }
            masses.extend(masses_of(&front, PAST));
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK_PAST) {
                let past = self.past(pool, &mut masses).await?;
                behind |= self.pass_on(pool, &past).await?;
                looked = Some(Instant::now());
            }
        }
    }

    /// Publishes them, tells what is to be told, and deletes what the log has acknowledged.
    async fn pass_on(&mut self, pool: &PgPool, queued: &[Queued]) -> Result<bool, Interrupted> {
        let changes = queued.iter().filter_map(|queued| self.readable(&queued.row)).collect::<Vec<_>>();
        let behind = changes.iter().any(|change| self.is_behind(change));
        pass(CrashPoint::ChangesRead, queued);
        self.publish(changes).await?;
        let told = queued.iter().filter_map(|queued| Some((queued.row.clone(), standing(&queued.row)?)));
        self.tell(pool, &told.collect::<Vec<_>>()).await?;
        pass(CrashPoint::ChangesPublished, queued);
        self.delete(pool, queued).await?;
        Ok(behind)
    }

    async fn front(&self, pool: &PgPool) -> Result<Vec<Queued>, sqlx::Error> {
        let mut transaction = begin(pool, &self.tenant.id).await?;
        let oldest =
            "select seq, xmin::text as made_in, alert_id, kind, user_id, version, active, deleted, parameters
            from bellwether.alert_change where tenant_id = $1 order by seq limit $2";
        let query = Statements::of(self.tenant).query_as(oldest).bind(BATCH as i64);
        let queued = query.fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(queued)
    }

    /// The oldest changes that are of none of these transactions, nor of an alert that one of them changed before. Where
    /// they are most of what is found, there is another mass, which is passed, too.
    async fn past(&self, pool: &PgPool, masses: &mut BTreeSet<String>) -> Result<Vec<Queued>, sqlx::Error> {
        let mut transaction = begin(pool, &self.tenant.id).await?;
        let mut found = self.but_of(&mut transaction, masses).await?;
        for _ in 0..MASSES {
            let others = if found.len() < PAST { BTreeSet::new() } else { masses_of(&found, PAST / 4) };
            if others.is_empty() {
                break;
            }
            masses.extend(others);
            found = self.but_of(&mut transaction, masses).await?;
        }
        transaction.commit().await?;
        Ok(found)
    }

    async fn but_of(
        &self,
        connection: &mut PgConnection,
        masses: &BTreeSet<String>,
    ) -> Result<Vec<Queued>, sqlx::Error> {
        let past = "select c.seq, c.xmin::text as made_in, c.alert_id, c.kind, c.user_id, c.version, c.active, c.deleted,
                c.parameters
            from bellwether.alert_change c
            where c.tenant_id = $1 and c.xmin::text <> all($2) and not exists (
                select from bellwether.alert_change before
                where before.tenant_id = $1 and before.alert_id = c.alert_id and before.seq < c.seq
                  and before.xmin::text = any($2))
            order by c.seq limit $3";
        let masses: Vec<&String> = masses.iter().collect();
        Statements::of(self.tenant).query_as(past).bind(masses).bind(PAST as i64).fetch_all(connection).await
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

/// The transactions that have so many of these changes.
fn masses_of(queued: &[Queued], least: usize) -> BTreeSet<String> {
    let mut counts = BTreeMap::<&str, usize>::new();
    for queued in queued {
        *counts.entry(&queued.made_in).or_default() += 1;
    }
    let masses = counts.into_iter().filter(|(_, count)| *count >= least);
    masses.map(|(made_in, _)| made_in.to_owned()).collect()
}
