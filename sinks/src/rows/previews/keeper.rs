//! Stores one tenant's previews, and what is said to its users, in the database that its file names now.

use std::sync::Arc;
use std::time::Duration;

use bellwether_database::tables::user_followed;
use bellwether_database::tables::would_have::{self, Stored};
use bellwether_database::{Statements, TenantConnection, answered, cursor};
use bellwether_runtime::backoff::Backoff;
use bellwether_runtime::config::{Database, Tenant};
use bellwether_runtime::roles::{Context, TenantSet};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::previews::{AlertPreview, UserFollowed};
use bellwether_schemas::{TenantId, UserId};

use super::events::{PreviewsRetried, PreviewsStored};
use super::waiting::Waiting;
use crate::rows::SINK;
use crate::rows::core::WriteFailure;
use crate::rows::writer::{refused, unreachable};

/// Previews that one transaction stores.
const AT_ONCE: usize = 500;
/// Until those are looked at again whose rows do not speak of their version yet: their status is on its way, or their
/// alerts are gone.
const AGAIN: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

pub(super) struct Keeper {
    tenant: TenantId,
    tenants: TenantSet,
    waiting: Arc<Waiting>,
    shutdown: Shutdown,
    connection: Option<(Database, TenantConnection)>,
    /// Looks in a row that left some waiting.
    looks: u32,
    is_failing: bool,
}

impl Keeper {
    pub(super) fn new(
        tenant: TenantId,
        waiting: Arc<Waiting>,
        context: &Context,
        shutdown: Shutdown,
    ) -> Self {
        let tenants = context.tenants.clone();
        Self { tenant, tenants, waiting, shutdown, connection: None, looks: 0, is_failing: false }
    }

    pub(super) async fn run(mut self) {
        while !self.stops().await {
            self.store_all().await;
        }
        // What was read until now is stored all the same.
        self.store_all().await;
    }

    /// Waits until there is something to do.
    async fn stops(&mut self) -> bool {
        let again = match self.waiting.is_empty() {
            true => Duration::MAX,
            false => AGAIN.after(self.looks),
        };
        tokio::select! {
            () = self.shutdown.raised() => true,
            () = self.waiting.came() => {
                self.looks = 0;
                false
            }
            () = tokio::time::sleep(again) => false,
        }
    }

    async fn store_all(&mut self) {
        self.tell_users().await;
        self.store_previews().await;
        self.looks = self.looks.saturating_add(1);
    }

    async fn tell_users(&mut self) {
        loop {
            let said = self.waiting.users(AT_ONCE);
            let Some(tenant) = self.file().filter(|_| !said.is_empty()) else { return };
            match self.tell(&tenant, &said).await {
                Ok(rows) => {
                    self.is_failing = false;
                    self.waiting.said(&said);
                    tracing::debug!(tenant.id = %self.tenant, rows, "what users are told of their own alerts is stored");
                }
                Err(failure) => return self.failed(&failure),
            }
        }
    }

    fn failed(&mut self, failure: &WriteFailure) {
        let first = !std::mem::replace(&mut self.is_failing, true);
        PreviewsRetried { tenant: &self.tenant, failure, first }.emit();
    }

    async fn store_previews(&mut self) {
        let mut last = None;
        loop {
            let previews = self.waiting.behind(last, AT_ONCE);
            let Some(end) = previews.last() else { break };
            last = Some(end.alert_id);
            let Some(tenant) = self.file() else { return };
            match self.store(&tenant, &previews).await {
                Ok(stored) => {
                    self.is_failing = false;
                    let settled =
                        previews.iter().filter(|preview| stored.settled.contains(&preview.alert_id));
                    settled.for_each(|preview| self.waiting.settled(preview));
                    PreviewsStored { tenant: &self.tenant, rows: stored.changed }.emit();
                }
                Err(failure) => return self.failed(&failure),
            }
        }
    }

    async fn store(&mut self, tenant: &Tenant, previews: &[AlertPreview]) -> Result<Stored, WriteFailure> {
        let mut connection = self.connection(tenant).await?;
        let stored = transact(&mut connection, tenant, previews).await.map_err(|error| refused(&error))?;
        self.connection = Some((tenant.database.clone(), connection));
        Ok(stored)
    }

    async fn tell(
        &mut self,
        tenant: &Tenant,
        said: &[(UserId, Option<UserFollowed>)],
    ) -> Result<u64, WriteFailure> {
        let mut connection = self.connection(tenant).await?;
        let rows = tell_all(&mut connection, tenant, said).await.map_err(|error| refused(&error))?;
        self.connection = Some((tenant.database.clone(), connection));
        Ok(rows)
    }

    /// Taken out as long as something is under way on it: after an error it is of no use.
    async fn connection(&mut self, tenant: &Tenant) -> Result<TenantConnection, WriteFailure> {
        match self.connection.take().filter(|(of, _)| *of == tenant.database) {
            Some((_, connection)) => Ok(connection),
            None => TenantConnection::open(tenant).await.map_err(|error| unreachable(&error)),
        }
    }

    fn file(&mut self) -> Option<Tenant> {
        self.tenants.borrow_and_update().iter().find(|tenant| tenant.id == self.tenant).cloned()
    }
}

async fn transact(
    connection: &mut TenantConnection,
    tenant: &Tenant,
    previews: &[AlertPreview],
) -> sqlx::Result<Stored> {
    let mut transaction = connection.begin().await?;
    let previews: Vec<&AlertPreview> = previews.iter().collect();
    let stored = answered(would_have::write(&mut transaction, Statements::of(tenant), &previews)).await?;
    answered(transaction.commit()).await?;
    Ok(stored)
}

async fn tell_all(
    connection: &mut TenantConnection,
    tenant: &Tenant,
    said: &[(UserId, Option<UserFollowed>)],
) -> sqlx::Result<u64> {
    let (statements, mut transaction) = (Statements::of(tenant), connection.begin().await?);
    // Whoever is being forgotten waits for it, or is forgotten already.
    answered(cursor::lock(&mut transaction, statements, SINK)).await?;
    let rows = answered(user_followed::write(&mut transaction, statements, said)).await?;
    answered(transaction.commit()).await?;
    Ok(rows)
}
