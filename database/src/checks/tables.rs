//! Each table of ours: there, under row security that binds its owner too, given to its tenant, and open to nobody but
//! those it is for. One line says all of a table that is as it must be.

use bellwether_runtime::finding::Finding;
use bellwether_schemas::TenantId;

use super::catalogue::{Grant, SHARED, State, Table};
use super::policies;
use super::rights::{self, ANYBODY, GATEWAY, PIPELINE, USERS};
use crate::WITHOUT_TENANT;

/// Whose rows a table is to take.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whose<'a> {
    /// That tenant's, and nobody else's.
    One(&'a TenantId),
    /// Some tenant's, or several tenants'; whose does not matter.
    Somebodys,
    /// Several tenants': each process and each user is held to those of their own.
    Several,
    /// It is said elsewhere that it is nobody's.
    Unsaid,
}

/// What is wrong with a table, each with what to do; or that nothing is. Of a table that is missing nothing is said where
/// migrations are missing: they would make it.
pub(super) fn judge(table: &Table, whose: Whose<'_>, behind: bool) -> Vec<Finding> {
    let Some(state) = &table.state else {
        let missing = || Finding::fault(&table.name, "is missing", "run `bellwether migrate`");
        return if behind { Vec::new() } else { vec![missing()] };
    };
    let mut wrong: Vec<(String, String)> = Vec::new();
    wrong.extend(security(&table.name, state));
    wrong.extend(belongs(table, state, whose));
    wrong.extend(grants(table));
    wrong.extend(policies::judge(table, &state.owner));
    if wrong.is_empty() {
        return vec![Finding::ok(&table.name, as_it_is(table))];
    }
    wrong.into_iter().map(|(found, advice)| Finding::fault(&table.name, found, advice)).collect()
}

fn as_it_is(table: &Table) -> String {
    let policy = |policy: &super::catalogue::Policy| format!("{} ({})", policy.name, policy.roles.join(", "));
    let policies: Vec<String> = table.policies.iter().map(policy).collect();
    format!("row security is on and forced; policies: {}", policies.join(", "))
}

fn security(name: &str, state: &State) -> Option<(String, String)> {
    let remedy = |what: &str| format!("alter table {name} {what} row level security");
    match (state.secured, state.forced) {
        (false, _) => Some((
            "row security is off: whoever may read the table reads every row".into(),
            remedy("enable row level security, force"),
        )),
        (true, false) => Some(("row security does not bind the table's owner".into(), remedy("force"))),
        (true, true) => None,
    }
}

/// Whether it takes rows of the right tenants alone.
fn belongs(table: &Table, state: &State, whose: Whose<'_>) -> Option<(String, String)> {
    if WITHOUT_TENANT.contains(&table.name.as_str()) {
        return None;
    }
    match (whose, &state.tenant) {
        (Whose::Unsaid, _) | (Whose::Somebodys, Some(_)) => None,
        (Whose::One(tenant), Some(owner)) if owner == tenant.as_str() => None,
        (Whose::Several | Whose::Somebodys, None) if is_held(table) => None,
        (Whose::Several, None) => Some((
            "holds nobody to the rows of their own tenant".into(),
            "as the tables' owner: select bellwether.reshape()".into(),
        )),
        (Whose::One(_) | Whose::Somebodys, None) => Some((
            "takes rows of any tenant: it is no tenant's yet".into(),
            "run `bellwether tenants init`".into(),
        )),
        (Whose::One(_) | Whose::Several, Some(owner)) => Some((
            format!("takes rows of tenant {owner} alone"),
            "give each tenant the URL of its own database".into(),
        )),
    }
}

/// In a shared database processes are held to the tenant of their login role, users to that of their token.
fn is_held(table: &Table) -> bool {
    let [processes, users] = SHARED;
    let has = |name: &str| table.policies.iter().any(|policy| policy.name == name);
    has(processes) && (has(users) || !table.name.starts_with("public."))
}

/// What somebody may do and must not, and the other way round.
fn grants(table: &Table) -> Vec<(String, String)> {
    let rights = rights::of(&table.name);
    let watched = ["public", ANYBODY, USERS, PIPELINE, GATEWAY];
    let is_given = |grant: &&Grant| {
        rights.iter().any(|right| {
            right.role == grant.role
                && right.privileges.contains(&grant.privilege.as_str())
                && match &grant.column {
                    None => right.columns.is_empty(),
                    Some(column) => right.columns.is_empty() || right.columns.contains(&column.as_str()),
                }
        })
    };
    let ours = table.grants.iter().filter(|grant| watched.contains(&grant.role.as_str()));
    let mut wrong: Vec<_> =
        ours.filter(|grant| !is_given(grant)).map(|grant| too_much(table, grant)).collect();
    for right in rights {
        let missing: Vec<&str> =
            right.privileges.iter().copied().filter(|privilege| !has(table, right, privilege)).collect();
        if !missing.is_empty() {
            wrong.push(too_little(table, right, &missing.join(", ")));
        }
    }
    wrong
}

fn too_much(table: &Table, Grant { role, privilege, column, .. }: &Grant) -> (String, String) {
    let columns = column.as_ref().map_or_else(String::new, |column| format!(" ({column})"));
    let who = if role == "public" { "everybody" } else { role };
    (
        format!("{who} may {privilege}{columns}, and must not"),
        format!("revoke {privilege}{columns} on {} from {role}", table.name),
    )
}

fn too_little(table: &Table, right: &rights::Right, missing: &str) -> (String, String) {
    let columns =
        if right.columns.is_empty() { String::new() } else { format!(" ({})", right.columns.join(", ")) };
    (
        format!("{} may not {missing}{columns}, and must", right.role),
        format!("grant {missing}{columns} on {} to {}", table.name, right.role),
    )
}

fn has(table: &Table, right: &rights::Right, privilege: &str) -> bool {
    let has = |column: Option<&str>| {
        table.grants.iter().any(|grant| {
            grant.role == right.role
                && grant.privilege == privilege
                && (grant.column.is_none() || grant.column.as_deref() == column)
        })
    };
    if right.columns.is_empty() { has(None) } else { right.columns.iter().all(|column| has(Some(column))) }
}
