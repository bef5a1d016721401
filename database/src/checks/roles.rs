//! Roles: those that log in for us have no right beyond row security, and those that users act as have none of ours.

use bellwether_runtime::finding::Finding;
use sqlx::PgConnection;

use super::rights::{ANYBODY, GATEWAY, PIPELINE, USERS};
use super::{Looked, ask};

/// Who logs in for a tenant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Logins<'a> {
    /// As the pipeline.
    pub(super) pipeline: &'a str,
    /// As the gateway, where the tenant's file says.
    pub(super) gateway: Option<&'a str>,
}

/// What a role may do.
#[derive(Debug, sqlx::FromRow)]
struct Role {
    name: String,
    superuser: bool,
    bypasses: bool,
    creates: bool,
    owns: bool,
    /// Roles of ours and of Supabase that it can act as.
    acts_as: Vec<String>,
}

/// What is wrong with the roles; or that nothing is.
pub(super) async fn look(connection: &mut PgConnection, tables: &[String], logins: Logins<'_>) -> Looked {
    let names: Vec<&str> =
        [logins.pipeline, PIPELINE, GATEWAY, USERS, ANYBODY].into_iter().chain(logins.gateway).collect();
    let roles: Vec<Role> = ask::rows(
        "select r.rolname::text as name, r.rolsuper as superuser, r.rolbypassrls as bypasses,
                r.rolcreaterole as creates,
                exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                        where n.nspname || '.' || c.relname = any($2)
                          and pg_has_role(r.oid, c.relowner, 'member')) as owns,
                array(select g.rolname::text from pg_roles g
                      where g.rolname in ('anon', 'authenticated', 'service_role', $3, $4) and g.oid <> r.oid
                        and pg_has_role(r.oid, g.oid, 'member') order by 1) as acts_as
         from pg_roles r where r.rolname = any($1) order by array_position($1, r.rolname::text)",
    )
    .bind(&names)
    .bind(tables)
    .bind(PIPELINE)
    .bind(GATEWAY)
    .fetch_all(connection)
    .await?;
    Ok(roles.iter().map(|role| judge(role, logins)).collect())
}

/// What a role may act as.
fn allowed(role: &Role, logins: Logins<'_>) -> &'static [&'static str] {
    if role.name == logins.pipeline {
        &[PIPELINE]
    } else if Some(role.name.as_str()) == logins.gateway {
        &[GATEWAY]
    } else {
        &[]
    }
}

fn judge(role: &Role, logins: Logins<'_>) -> Finding {
    let name = &role.name;
    let login = "connect as the role that `bellwether tenants init` made";
    let powers = [
        (
            role.superuser,
            "is a superuser: row security does not bind it",
            format!("alter role {name} nosuperuser; or {login}"),
        ),
        (role.bypasses, "bypasses row security", format!("alter role {name} nobypassrls")),
        (
            role.owns,
            "owns tables of ours, or is a member of who does",
            format!("revoke that from {name}, or {login}"),
        ),
        (role.creates, "may create roles", format!("alter role {name} nocreaterole")),
    ];
    if let Some((_, found, advice)) = powers.into_iter().find(|(has, ..)| *has) {
        return Finding::fault(name, found, advice);
    }
    let allowed = allowed(role, logins);
    if let Some(other) = role.acts_as.iter().find(|other| !allowed.contains(&other.as_str())) {
        let advice = format!("revoke {other} from {name}");
        return Finding::fault(name, format!("may act as {other}, and so do what that may"), advice);
    }
    match allowed.iter().find(|group| !role.acts_as.iter().any(|one| one == *group)) {
        Some(group) => Finding::fault(
            name,
            format!("is no member of {group}: it may do nothing"),
            format!("grant {group} to {name}"),
        ),
        None => Finding::ok(name, "has no right beyond its own"),
    }
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::finding::Level;

    use super::*;

    const LOGINS: Logins<'_> =
        Logins { pipeline: "bellwether_fxlabs", gateway: Some("bellwether_fxlabs_gateway") };

    fn role(name: &str, acts_as: &[&str]) -> Role {
        let acts_as = acts_as.iter().map(ToString::to_string).collect();
        Role { name: name.into(), superuser: false, bypasses: false, creates: false, owns: false, acts_as }
    }

    fn found(role: &Role) -> String {
        let finding = judge(role, LOGINS);
        if finding.level == Level::Ok { String::new() } else { finding.found }
    }

    #[test]
    fn a_role_acts_as_its_own_group_and_no_other() {
        for (name, acts_as, words) in [
            ("bellwether_fxlabs", &[PIPELINE][..], ""),
            ("bellwether_fxlabs_gateway", &[GATEWAY], ""),
            ("authenticated", &[], ""),
            ("bellwether_fxlabs", &[], "no member of bellwether_pipeline"),
            ("bellwether_fxlabs", &[PIPELINE, "service_role"], "act as service_role"),
            ("bellwether_fxlabs_gateway", &[GATEWAY, PIPELINE], "act as bellwether_pipeline"),
            ("authenticated", &[PIPELINE], "act as bellwether_pipeline"),
        ] {
            let found = found(&role(name, acts_as));
            assert!(found.contains(words) && words.is_empty() == found.is_empty(), "{name}: {found}");
        }
    }

    #[test]
    fn a_power_that_row_security_does_not_bind_is_told_first() {
        let ours = || role("bellwether_fxlabs", &[PIPELINE]);
        for (role, words) in [
            (Role { superuser: true, owns: true, ..ours() }, "superuser"),
            (Role { bypasses: true, ..ours() }, "bypasses"),
            (Role { owns: true, ..ours() }, "owns"),
            (Role { creates: true, ..ours() }, "create roles"),
        ] {
            assert!(found(&role).contains(words), "{role:?}");
        }
    }
}
