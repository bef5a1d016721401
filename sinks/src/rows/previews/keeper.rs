//! Stores one tenant's previews in the database that its file names now.

use std::sync::Arc;
use std::time::Duration;

use bellwether_database::tables::would_have::{self, Stored};
use bellwether_database::{Statements, TenantConnection, answered};
use bellwether_runtime::backoff::Backoff;
use bellwether_runtime::config::{Database, Tenant};
use bellwether_runtime::roles::{Context, TenantSet};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;
use bellwether_schemas::previews::AlertPreview;

use super::events::{PreviewsRetried, PreviewsStored};
use super::waiting::Waiting;
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
                Err(failure) => {
                    let first = !std::mem::replace(&mut self.is_failing, true);
                    PreviewsRetried { tenant: &self.tenant, failure: &failure, first }.emit();
                    break;
                }
            }
        }
        self.looks = self.looks.saturating_add(1);
    }

    async fn store(&mut self, tenant: &Tenant, previews: &[AlertPreview]) -> Result<Stored, WriteFailure> {
        // Taken out as long as something is under way on it: after an error it is of no use.
        let mut connection = match self.connection.take().filter(|(of, _)| *of == tenant.database) {
            Some((_, connection)) => connection,
            None => TenantConnection::open(tenant).await.map_err(|error| unreachable(&error))?,
        };
        let stored = transact(&mut connection, tenant, previews).await.map_err(|error| refused(&error))?;
        self.connection = Some((tenant.database.clone(), connection));
        Ok(stored)
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
