//! The tenants' databases, connected to when they are first needed. One that is away keeps nobody else waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bellwether_database::{DatabaseError, GatewayDatabase};
use bellwether_runtime::config::{Database, Tenant};
use bellwether_schemas::TenantId;
use tokio::sync::OnceCell;

/// One tenant's, as its file asked for it.
#[derive(Default)]
struct Place {
    asked: Option<Database>,
    open: Arc<OnceCell<GatewayDatabase>>,
}

/// Those that were needed so far; at most one a tenant.
#[derive(Default)]
pub(super) struct Databases(Mutex<HashMap<TenantId, Place>>);

impl Databases {
    /// The tenant's, connected. Where several ask at once, one of them connects.
    ///
    /// # Errors
    /// As [`GatewayDatabase::open`]; whoever asks next tries anew.
    pub(super) async fn of(&self, tenant: &Tenant) -> Result<GatewayDatabase, DatabaseError> {
        let open = self.place(tenant);
        open.get_or_try_init(|| GatewayDatabase::open(tenant)).await.cloned()
    }

    /// A place of its own; a new one where the tenant's file says something else by now.
    fn place(&self, tenant: &Tenant) -> Arc<OnceCell<GatewayDatabase>> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(tenant.id.clone()).or_default();
        if place.asked.as_ref() != Some(&tenant.database) {
            *place = Place { asked: Some(tenant.database.clone()), open: Arc::default() };
        }
        Arc::clone(&place.open)
    }
}
