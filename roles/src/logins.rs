//! As whom each tenant's database lets a role in, looked at when the role starts and not with its first batch. That nobody
//! works with a login that may do more than it is for, every connection sees to by itself when it is opened: here it is
//! said.

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_database::{DatabaseError, GatewayDatabase, TenantConnection};
use bellwether_runtime::config::{Database, Tenant};
use bellwether_runtime::incident::{IncidentKind, Incidents};
use bellwether_runtime::roles::{Role, TenantSet};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TenantId;
use tokio::task::JoinSet;

use crate::error::RoleError;

/// Between two looks at logins that are not known to be right.
const LOOK: Duration = Duration::from_secs(30);

/// Looks at the login of every tenant that is new or changed, and at a wrong one again until it is right, beside what the
/// role does. One that may do more than it is for, or that the tenant's file describes wrongly, leaves its tenant out with
/// an alarm, and others go on; a database that is away is waited for by the role itself.
///
/// # Errors
/// All of those that the role starts with have such a login: the first of them. The stop is raised then.
pub async fn watch(
    role: Role,
    mut tenants: TenantSet,
    incidents: Incidents,
    shutdown: Shutdown,
) -> Result<(), RoleError> {
    let mut watch = Watch { role, incidents, right: BTreeMap::new(), wrong: BTreeMap::new() };
    let mut starting = true;
    loop {
        let now = tenants.borrow_and_update().clone();
        watch.forget_all_but(&now);
        let mut looks = looks(role, now.iter().filter(|tenant| !watch.is_right(tenant)).cloned());
        let mut first = None;
        while let Some(looked) = looks.next(&shutdown).await {
            first = watch.take(looked).or(first);
        }
        if starting
            && !now.is_empty()
            && now.len() == watch.wrong.len()
            && let Some(error) = first
        {
            shutdown.raise();
            return Err(error);
        }
        starting &= now.is_empty();
        let stays = tokio::select! {
            () = shutdown.raised() => return Ok(()),
            changed = tenants.changed() => changed.is_ok(),
            () = tokio::time::sleep(LOOK) => true,
        };
        // Whoever passes tenants on has ended: what is there is still looked at.
        if !stays && shutdown.sleep(LOOK).await {
            return Ok(());
        }
    }
}

/// Those of the tenants whose login is not known to be wrong, and what is wrong with the others': for a role that ends by
/// itself, which would wait for these in vain.
pub async fn right(role: Role, tenants: Vec<Tenant>, shutdown: &Shutdown) -> (Vec<Tenant>, Vec<RoleError>) {
    let mut looks = looks(role, tenants.iter().cloned());
    let mut wrong = BTreeMap::new();
    while let Some((tenant, looked)) = looks.next(shutdown).await {
        if let Err(source) = looked
            && !source.is_transient()
        {
            wrong.insert(tenant.id.clone(), RoleError::Login { tenant: tenant.id, source });
        }
    }
    let right = tenants.into_iter().filter(|tenant| !wrong.contains_key(&tenant.id)).collect();
    (right, wrong.into_values().collect())
}

type Looked = (Tenant, Result<(), DatabaseError>);

struct Looks(JoinSet<Looked>);

/// At all of them at once.
fn looks(role: Role, tenants: impl Iterator<Item = Tenant>) -> Looks {
    let mut looks = JoinSet::new();
    for tenant in tenants.filter(|tenant| is_used(role, tenant)) {
        looks.spawn(async move {
            let looked = look(role, &tenant).await;
            (tenant, looked)
        });
    }
    Looks(looks)
}

impl Looks {
    /// None once all were looked at, or a stop is asked for.
    async fn next(&mut self, shutdown: &Shutdown) -> Option<Looked> {
        loop {
            let looked = tokio::select! {
                looked = self.0.join_next() => looked?,
                () = shutdown.raised() => return None,
            };
            if let Ok(looked) = looked {
                return Some(looked);
            }
        }
    }
}

struct Watch {
    role: Role,
    incidents: Incidents,
    /// As whose file described it when it was found right.
    right: BTreeMap<TenantId, Database>,
    /// What was said of each.
    wrong: BTreeMap<TenantId, String>,
}

impl Watch {
    fn is_right(&self, tenant: &Tenant) -> bool {
        self.right.get(&tenant.id) == Some(&tenant.database)
    }

    fn forget_all_but(&mut self, tenants: &[Tenant]) {
        let stays = |id: &TenantId| tenants.iter().any(|tenant| tenant.id == *id);
        self.right.retain(|id, _| stays(id));
        self.wrong.retain(|id, _| stays(id));
    }

    /// What is wrong with it, where something is.
    fn take(&mut self, (tenant, looked): Looked) -> Option<RoleError> {
        match looked {
            Ok(()) => {
                if self.wrong.remove(&tenant.id).is_some() {
                    tracing::info!(
                        tenant.id = %tenant.id, role = self.role.name(),
                        "a tenant's login to its database is right again: it is served"
                    );
                }
                self.incidents.end(IncidentKind::WrongLogin, &tenant.id);
                self.right.insert(tenant.id, tenant.database);
                None
            }
            Err(source) if source.is_transient() => None,
            Err(source) => Some(self.found_wrong(tenant.id, source)),
        }
    }

    fn found_wrong(&mut self, tenant: TenantId, source: DatabaseError) -> RoleError {
        let reason = source.to_string();
        self.right.remove(&tenant);
        self.incidents.begin(IncidentKind::WrongLogin, &tenant, &reason);
        if self.wrong.insert(tenant.clone(), reason.clone()).as_ref() != Some(&reason) {
            tracing::error!(
                tenant.id = %tenant, role = self.role.name(), error = reason,
                "a tenant's database cannot be used as its file says: it is left out until that is mended"
            );
        }
        RoleError::Login { tenant, source }
    }
}

const fn is_used(role: Role, tenant: &Tenant) -> bool {
    match role {
        Role::ProduceAlerts | Role::SinkRows | Role::SinkMail | Role::SinkSchedule => true,
        Role::Gateway => tenant.database.gateway_url.is_some(),
        Role::ProduceFile
        | Role::ProduceSynthetic
        | Role::ProduceHistory
        | Role::ProduceCalendar
        | Role::Process
        | Role::Preview => false,
    }
}

async fn look(role: Role, tenant: &Tenant) -> Result<(), DatabaseError> {
    match role {
        Role::Gateway => GatewayDatabase::open(tenant).await.map(drop),
        _ => TenantConnection::open(tenant).await.map(drop),
    }
}
