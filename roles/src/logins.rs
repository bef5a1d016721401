//! As whom each tenant's database lets a role in, looked at when the role starts and not with its first batch.

use bellwether_database::{DatabaseError, GatewayDatabase, TenantConnection};
use bellwether_runtime::config::Tenant;
use bellwether_runtime::roles::Role;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;
use tokio::task::JoinSet;

use crate::error::RoleError;

/// Looks at every tenant's at once, beside what the role does. A login that may do more than it is for, or that the
/// tenant's file describes wrongly, stops the role; a database that is away is waited for by the role itself.
///
/// # Errors
/// The first such login.
pub async fn refuse_wrong(role: Role, tenants: Vec<Tenant>, shutdown: Shutdown) -> Result<(), RoleError> {
    let mut looks = JoinSet::new();
    for tenant in tenants.into_iter().filter(|tenant| is_used(role, tenant)) {
        looks.spawn(async move { (tenant.id.clone(), look(role, &tenant).await) });
    }
    loop {
        let looked = tokio::select! {
            looked = looks.join_next() => looked,
            () = shutdown.raised() => return Ok(()),
        };
        match looked {
            Some(Ok((tenant, Err(source)))) if !source.is_transient() => {
                shutdown.raise();
                return Err(wrong(tenant, source));
            }
            Some(_) => {}
            None => return Ok(()),
        }
    }
}

fn wrong(tenant: TenantId, source: DatabaseError) -> RoleError {
    RoleError::Login { tenant, source }
}

const fn is_used(role: Role, tenant: &Tenant) -> bool {
    match role {
        Role::ProduceAlerts | Role::SinkRows | Role::SinkMail | Role::SinkSchedule => true,
        Role::Gateway => tenant.database.gateway_url.is_some(),
        Role::ProduceFile
        | Role::ProduceSynthetic
        | Role::ProduceHistory
        | Role::ProduceCalendar
        | Role::Process => false,
    }
}

async fn look(role: Role, tenant: &Tenant) -> Result<(), DatabaseError> {
    match role {
        Role::Gateway => GatewayDatabase::open(tenant).await.map(drop),
        _ => TenantConnection::open(tenant).await.map(drop),
    }
}
