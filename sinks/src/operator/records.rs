//! `bellwether.incident`: what was told of a tenant, in its own database, so that it is told once whoever notices it. What
//! the database cannot keep is remembered here.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use bellwether_database as database;
use bellwether_runtime::config::{Database, Tenant};
use bellwether_runtime::incident::{Change, IncidentKey};
use bellwether_runtime::roles::TenantSet;
use bellwether_schemas::{TenantId, Timestamp};
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::time::timeout;

/// A database that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most incidents of one mail.
const MOST: usize = 40;

/// What the operator has to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Untold {
    pub(super) key: IncidentKey,
    /// Its row; none where it is remembered here.
    pub(super) id: Option<i64>,
    pub(super) text: String,
    pub(super) began_at: Timestamp,
    /// None while it lasts.
    pub(super) ended_at: Option<Timestamp>,
}

/// An incident whose tenant's database was away when it began.
#[derive(Debug, Clone)]
struct Remembered {
    text: String,
    began_at: Timestamp,
    told: bool,
    ended_at: Option<Timestamp>,
}

/// What is known of incidents, wherever it is kept.
pub(super) struct Records {
    tenants: TenantSet,
    pools: BTreeMap<TenantId, (Database, PgPool)>,
    remembered: BTreeMap<IncidentKey, Remembered>,
    /// Of which a row may be there that nobody has told.
    touched: BTreeSet<IncidentKey>,
    /// Of which rows that were left open have still to be ended.
    ended: BTreeMap<IncidentKey, End>,
}

/// An end that has still to be written.
#[derive(Debug, Clone, Copy)]
struct End {
    at: Timestamp,
    /// It is told from here.
    told: bool,
}

/// The database is away, or the tenant has none.
struct Away;

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    text: String,
    began_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

impl Records {
    pub(super) const fn new(tenants: TenantSet) -> Self {
        Self {
            tenants,
            pools: BTreeMap::new(),
            remembered: BTreeMap::new(),
            touched: BTreeSet::new(),
            ended: BTreeMap::new(),
        }
    }

    /// Writes it down.
    pub(super) async fn note(&mut self, key: IncidentKey, change: Change) {
        match change {
            Change::Began { at, text } => {
                self.ended.remove(&key);
                if self.began(&key, at, &text).await.is_err() {
                    let new = Remembered { text, began_at: at, told: false, ended_at: None };
                    self.remembered.insert(key, new);
                } else {
                    self.touched.insert(key);
                }
            }
            Change::Ended { at } => {
                let remembered = self.remembered.get_mut(&key);
                let told = remembered.map(|remembered| remembered.ended_at = Some(at)).is_some();
                self.ended.insert(key, End { at, told });
            }
        }
    }

    /// What is to be told now. Nobody else tells it until it is released, or a while has passed.
    pub(super) async fn claim(&mut self) -> Vec<Untold> {
        self.end().await;
        let mut untold = Vec::new();
        for key in self.touched.clone() {
            if let Ok((rows, others)) = self.claim_rows(&key).await {
                if rows.is_empty() && !others {
                    self.touched.remove(&key);
                }
                untold.extend(rows.into_iter().map(|row| row.untold(&key)));
            }
            if untold.len() >= MOST {
                return untold;
            }
        }
        let remembered = self.remembered.iter();
        let remembered = remembered.filter(|(_, it)| !it.told || it.ended_at.is_some());
        untold.extend(remembered.map(|(key, it)| it.untold(key)).take(MOST));
        untold
    }

    /// It was told.
    pub(super) async fn told(&mut self, untold: &[Untold]) {
        for told in untold {
            match (told.id, self.remembered.get_mut(&told.key)) {
                (Some(id), _) => {
                    // Where it cannot be written, it is told again: better than never.
                    let _ = self.told_row(&told.key.0, id, told.ended_at.is_some()).await;
                }
                (None, Some(remembered)) => {
                    remembered.told = true;
                    if told.ended_at.is_some() {
                        self.remembered.remove(&told.key);
                    }
                }
                (None, None) => {}
            }
        }
    }

    /// It was not told: anybody may.
    pub(super) async fn release(&mut self, untold: &[Untold]) {
        for (told, id) in untold.iter().filter_map(|untold| untold.id.map(|id| (untold, id))) {
            let _ = self.release_row(&told.key.0, id).await;
        }
    }

    /// Ends rows that were left open, by this process or one before it.
    async fn end(&mut self) {
        for (key, end) in self.ended.clone() {
            match self.ended(&key, end).await {
                Ok(()) => {
                    self.ended.remove(&key);
                    self.touched.insert(key);
                }
                // Nothing of it can stand in a database that the tenant does not have.
                Err(Away) if self.tenant(&key.0).is_none_or(|tenant| tenant.database.url.is_none()) => {
                    self.ended.remove(&key);
                }
                Err(Away) => {}
            }
        }
    }

    async fn began(&mut self, key: &IncidentKey, at: Timestamp, text: &str) -> Result<(), Away> {
        let pool = self.pool(&key.0).await?;
        within(async {
            let mut transaction = database::begin(&pool, &key.0).await?;
            sqlx::query(
                "insert into bellwether.incident (tenant_id, kind, text, began_at) values ($1, $2, $3, $4)
                 on conflict (tenant_id, kind) where ended_at is null do nothing",
            )
            .bind(key.0.as_str())
            .bind(key.1.name())
            .bind(text)
            .bind(at.utc())
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await
        })
        .await
    }

    async fn ended(&mut self, key: &IncidentKey, end: End) -> Result<(), Away> {
        let pool = self.pool(&key.0).await?;
        within(async {
            let mut transaction = database::begin(&pool, &key.0).await?;
            sqlx::query(
                "update bellwether.incident
                 set ended_at = greatest($3, began_at), told_at = case when $4 then coalesce(told_at, now()) else told_at end,
                     ended_told_at = case when $4 then now() end
                 where tenant_id = $1 and kind = $2 and ended_at is null",
            )
            .bind(key.0.as_str())
            .bind(key.1.name())
            .bind(end.at.utc())
            .bind(end.told)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await
        })
        .await
    }

    /// Rows that are ours to tell; and whether there are some that another process is telling.
    async fn claim_rows(&mut self, key: &IncidentKey) -> Result<(Vec<Row>, bool), Away> {
        let pool = self.pool(&key.0).await?;
        within(async {
            let mut transaction = database::begin(&pool, &key.0).await?;
            let rows: Vec<Row> = sqlx::query_as(
                "update bellwether.incident set lease_until = now() + interval '2 minutes'
                 where tenant_id = $1 and kind = $2
                   and (told_at is null or (ended_at is not null and ended_told_at is null))
                   and (lease_until is null or lease_until < now())
                 returning id, text, began_at, ended_at",
            )
            .bind(key.0.as_str())
            .bind(key.1.name())
            .fetch_all(&mut *transaction)
            .await?;
            let others: bool = sqlx::query_scalar(
                "select exists (select from bellwether.incident
                                where tenant_id = $1 and kind = $2
                                  and (told_at is null or (ended_at is not null and ended_told_at is null)))",
            )
            .bind(key.0.as_str())
            .bind(key.1.name())
            .fetch_one(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok((rows, others))
        })
        .await
    }

    async fn told_row(&mut self, tenant: &TenantId, id: i64, ended: bool) -> Result<(), Away> {
        let pool = self.pool(tenant).await?;
        within(async {
            let mut transaction = database::begin(&pool, tenant).await?;
            sqlx::query(
                "update bellwether.incident
                 set told_at = coalesce(told_at, now()), lease_until = null,
                     ended_told_at = case when $3 then now() end
                 where tenant_id = $1 and id = $2",
            )
            .bind(tenant.as_str())
            .bind(id)
            .bind(ended)
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await
        })
        .await
    }

    async fn release_row(&mut self, tenant: &TenantId, id: i64) -> Result<(), Away> {
        let pool = self.pool(tenant).await?;
        within(async {
            let mut transaction = database::begin(&pool, tenant).await?;
            sqlx::query("update bellwether.incident set lease_until = null where tenant_id = $1 and id = $2")
                .bind(tenant.as_str())
                .bind(id)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await
        })
        .await
    }

    fn tenant(&self, id: &TenantId) -> Option<Tenant> {
        self.tenants.borrow().iter().find(|tenant| tenant.id == *id).cloned()
    }

    async fn pool(&mut self, id: &TenantId) -> Result<PgPool, Away> {
        let tenant = self.tenant(id).ok_or(Away)?;
        if let Some((database, pool)) = self.pools.get(id)
            && *database == tenant.database
        {
            return Ok(pool.clone());
        }
        let connected = timeout(PATIENCE, database::connect(&tenant)).await.map_err(|_| Away)?;
        let pool = connected.map_err(|error| {
            tracing::debug!(tenant.id = %id, %error, "what is told of a tenant is remembered, not written");
            Away
        })?;
        self.pools.insert(id.clone(), (tenant.database.clone(), pool.clone()));
        Ok(pool)
    }
}

impl Remembered {
    fn untold(&self, key: &IncidentKey) -> Untold {
        let Self { text, began_at, ended_at, .. } = self.clone();
        Untold { key: key.clone(), id: None, text, began_at, ended_at }
    }
}

impl Row {
    fn untold(self, key: &IncidentKey) -> Untold {
        let Self { id, text, began_at, ended_at } = self;
        let (began_at, ended_at) = (began_at.into(), ended_at.map(Into::into));
        Untold { key: key.clone(), id: Some(id), text, began_at, ended_at }
    }
}

async fn within<T>(asked: impl Future<Output = sqlx::Result<T>>) -> Result<T, Away> {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => {
            tracing::debug!(%error, "what is told of a tenant cannot be written for now");
            Err(Away)
        }
        Err(_) => Err(Away),
    }
}
