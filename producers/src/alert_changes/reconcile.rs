//! Tables against journal: where they differ and no change is under way, the tables are right.

use std::collections::{HashMap, HashSet};

use bellwether_database::tables::alert_status::Standing;
use bellwether_database::tables::alerts::AlertRow;
use bellwether_database::{Statements, begin, begin_snapshot, tables};
use bellwether_schemas::AlertId;
use bellwether_schemas::alerts::AlertChanged;
use sqlx::postgres::PgPool;
use sqlx::types::JsonValue;
use uuid::Uuid;

use super::row::{change, standing};
use super::{Changes, Interrupted, events};

/// What the database holds at one moment.
struct Tables {
    /// Of every kind, each with the name of its table.
    alerts: Vec<(&'static str, AlertRow)>,
    /// Alerts with changes in the queue: those are on their way.
    queued: HashSet<Uuid>,
}

impl Changes<'_> {
    /// Publishes every alert in which tables and journal differ.
    pub(super) async fn reconcile(&mut self, pool: &PgPool) -> Result<(), Interrupted> {
        // Before the tables: another producer may be publishing, and what the journal has by now is in the tables the
        // next moment, unless they really are behind. What that one publishes in between is published once more, with
        // the version and the content that it has.
        self.view.advance(&self.context.log, &self.tenant.id).await?;
        let tables = self.tables(pool).await?;
        let changes = self.differences(&tables);
        self.tell(pool, &standings(&tables, &changes)).await?;
        if changes.is_empty() {
            return Ok(());
        }
        // Before the journal: should we die in between, the next comparison finds the counter ahead of it.
        self.raise_counters(pool, &changes).await?;
        events::reconciled(&self.tenant.id, changes.len());
        self.publish(changes).await?;
        Ok(())
    }

    async fn tables(&self, pool: &PgPool) -> Result<Tables, sqlx::Error> {
        let statements = Statements::of(self.tenant);
        let mut transaction = begin_snapshot(pool, &self.tenant.id).await?;
        let mut alerts = Vec::new();
        for kind in tables::all() {
            let rows = kind.alerts(&mut transaction, statements).await?;
            alerts.extend(rows.into_iter().map(|row| (kind.alerts.name, row)));
        }
        let queued = "select distinct alert_id from bellwether.alert_change where tenant_id = $1";
        let queued: Vec<Uuid> = statements.query_scalar(queued).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(Tables { alerts, queued: queued.into_iter().collect() })
    }

    fn differences(&self, tables: &Tables) -> Vec<AlertChanged> {
        let present: HashSet<Uuid> = tables.alerts.iter().map(|(_, row)| row.alert_id).collect();
        let quiet = |id: &Uuid| !tables.queued.contains(id);
        let changed = tables.alerts.iter().filter(|(_, row)| quiet(&row.alert_id));
        let changed = changed.filter_map(|(table, row)| self.difference(table, row));
        let alive = self.view.alerts.values().filter(|known| !known.deleted);
        let gone = alive.filter(|known| !present.contains(&known.alert_id.0) && quiet(&known.alert_id.0));
        let deletion = |known: &AlertChanged| AlertChanged {
            origin: self.origin(),
            version: known.version + 1,
            deleted: true,
            ..known.clone()
        };
        changed.chain(gone.map(deletion)).collect()
    }

    fn difference(&self, table: &str, row: &AlertRow) -> Option<AlertChanged> {
        match change(row, self.origin()) {
            Ok(change) => {
                let known = self.view.alerts.get(&AlertId(row.alert_id));
                Some(AlertChanged { version: next_version(known, &change)?, ..change })
            }
            Err(reason) => {
                events::bad_row(&self.tenant.id, &format!("public.{table}"), &row.alert_id, &reason);
                None
            }
        }
    }

    async fn raise_counters(&self, pool: &PgPool, changes: &[AlertChanged]) -> Result<(), sqlx::Error> {
        let ids: Vec<Uuid> = changes.iter().map(|change| change.alert_id.0).collect();
        let versions: Vec<i64> = changes.iter().map(|change| change.version).collect();
        let mut transaction = begin(pool, &self.tenant.id).await?;
        let raise = "insert into bellwether.alert_version as counter (tenant_id, alert_id, version)
            select $1, * from unnest($2::uuid[], $3::bigint[])
            on conflict (tenant_id, alert_id) do update set version = greatest(counter.version, excluded.version)";
        let query = Statements::of(self.tenant).query(raise).bind(ids).bind(versions);
        query.execute(&mut *transaction).await?;
        transaction.commit().await
    }
}

/// What users are to be told: of every row that cannot be read, of those switched off that the journal had not, and of
/// those that are gone without a word.
fn standings(tables: &Tables, changes: &[AlertChanged]) -> Vec<(AlertRow, Standing)> {
    let news: HashMap<Uuid, i64> = changes.iter().map(|change| (change.alert_id.0, change.version)).collect();
    let rows = tables.alerts.iter().map(|(_, row)| row).filter(|row| !tables.queued.contains(&row.alert_id));
    let told = rows.filter_map(|row| {
        let (standing, published) = (standing(row)?, news.get(&row.alert_id));
        let news = published.is_some() || standing != Standing::Inactive;
        let version = published.copied().unwrap_or(row.version);
        news.then(|| (AlertRow { version, ..row.clone() }, standing))
    });
    told.chain(changes.iter().filter(|change| change.deleted).map(gone)).collect()
}

/// No row says anything of it any more.
fn gone(change: &AlertChanged) -> (AlertRow, Standing) {
    let row = AlertRow {
        alert_id: change.alert_id.0,
        kind: change.parameters.kind().name().into(),
        user_id: change.user_id.0,
        version: change.version,
        active: change.active,
        deleted: true,
        parameters: JsonValue::Null,
    };
    (row, Standing::Inactive)
}

/// The same but for version and origin.
pub(super) fn is_same(one: &AlertChanged, other: &AlertChanged) -> bool {
    one.user_id == other.user_id
        && one.active == other.active
        && one.deleted == other.deleted
        && one.parameters == other.parameters
}

/// The version to publish the row's state with, whose own is the counter's; none where the journal has it. A counter
/// below the journal's would make the next edit look old, so it is raised even where the content is the same.
fn next_version(known: Option<&AlertChanged>, row: &AlertChanged) -> Option<i64> {
    match known {
        None => Some(row.version.max(1)),
        Some(known) if is_same(known, row) && row.version >= known.version => None,
        Some(known) if row.version > known.version => Some(row.version),
        Some(known) => Some(known.version + 1),
    }
}
