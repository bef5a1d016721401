//! Policies of row security: each lets its role at rows that are bound to the user or the tenant, and none is missing.

use super::catalogue::{Policy, SHARED, Table};
use super::rights::{self, ANYBODY, GATEWAY, PIPELINE, USERS};
use crate::WITHOUT_TENANT;

/// Migrations may be run again by hand: that makes policies anew.
const AGAIN: &str = "run the files of migrations/ again with psql: they are safe to repeat";
/// Bypasses row security anyway.
const SERVICE: &str = "service_role";

/// What is wrong with the table's policies, each with what to do.
pub(super) fn judge(table: &Table, owner: &str) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for policy in &table.policies {
        let found = policy.roles.iter().find_map(|role| one(table, policy, role, owner));
        wrong.extend(found.map(|found| (found, format!("drop policy {:?} on {}", policy.name, table.name))));
    }
    for right in rights::of(&table.name) {
        let missing: Vec<&str> =
            right.privileges.iter().copied().filter(|what| !allows(table, right.role, what)).collect();
        if !missing.is_empty() {
            let found = format!("no policy lets {} {}: it finds no row", right.role, missing.join(", "));
            wrong.push((found, AGAIN.into()));
        }
    }
    wrong
}

/// What is wrong with a policy, as far as it concerns that role.
fn one(table: &Table, policy: &Policy, role: &str, owner: &str) -> Option<String> {
    let name = &policy.name;
    if !policy.permissive {
        return restrictive(policy, role);
    }
    match role {
        "public" => Some(format!("policy {name:?} is for everybody")),
        ANYBODY => Some(format!("policy {name:?} is for anon, who may do nothing")),
        USERS => unbound(policy, is_of_user)
            .map(|expression| format!("policy {name:?} shows users more than their own rows: {expression}")),
        PIPELINE | GATEWAY if !WITHOUT_TENANT.contains(&table.name.as_str()) => unbound(policy, is_of_tenant)
            .map(|expression| {
                format!("policy {name:?} shows {role} more than its tenant's rows: {expression}")
            }),
        PIPELINE | GATEWAY | SERVICE => None,
        role if role == owner => None,
        other => Some(format!("policy {name:?} is for role {other}, which is none of ours")),
    }
}

/// Of those that narrow, only the two of a shared database are ours.
fn restrictive(policy: &Policy, role: &str) -> Option<String> {
    let name = &policy.name;
    if !SHARED.contains(&name.as_str()) {
        return Some(format!("policy {name:?} is restrictive, and none of ours: it hides rows from {role}"));
    }
    unbound(policy, is_of_own_tenant)
        .map(|expression| format!("policy {name:?} holds {role} to no tenant: {expression}"))
}

/// The first of the policy's expressions that does not bind its rows.
fn unbound(policy: &Policy, is_bound: impl Fn(&str) -> bool) -> Option<String> {
    let sees = policy.command != "a";
    let visible = if sees { Some(policy.visible.as_deref().unwrap_or("true")) } else { None };
    let writes = match policy.command.as_str() {
        "a" => Some(policy.written.as_deref().unwrap_or("true")),
        _ => policy.written.as_deref(),
    };
    let mut expressions = visible.into_iter().chain(writes);
    expressions.find(|expression| is_open(expression) || !is_bound(expression)).map(ToOwned::to_owned)
}

fn is_of_user(expression: &str) -> bool {
    expression.contains("auth.uid()") && is_equal_to("user_id", expression)
}

fn is_of_tenant(expression: &str) -> bool {
    expression.contains("current_setting('app.tenant_id'") && is_equal_to("tenant_id", expression)
}

/// The tenant is the login role's, or the token's: neither is said by whoever asks.
fn is_of_own_tenant(expression: &str) -> bool {
    let owns = ["acting_tenant()", "'app_metadata'"];
    owns.iter().any(|own| expression.contains(own)) && is_equal_to("tenant_id", expression)
}

/// Whether the column is compared for being equal, and nothing for being more, less or another.
fn is_equal_to(column: &str, expression: &str) -> bool {
    // What reads a field of a token is no comparison.
    let plain = expression.replace("->>", "").replace("->", "").replace(' ', "");
    let equal = [format!("={column}"), format!("{column}=")];
    equal.iter().any(|equal| plain.contains(equal)) && !plain.contains(['<', '>'])
}

/// Whether there is a way round what it asks: `true`, `or`, `is null`.
fn is_open(expression: &str) -> bool {
    // The second argument of current_setting is no condition.
    let plain = expression.replace("'::text, true)", "'::text)").to_lowercase();
    let words: Vec<&str> =
        plain.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    words.iter().any(|word| matches!(*word, "true" | "or"))
        || words.windows(2).any(|pair| pair == ["is", "null"])
}

fn allows(table: &Table, role: &str, privilege: &str) -> bool {
    let letter = match privilege {
        "select" => "r",
        "insert" => "a",
        "update" => "w",
        _ => "d",
    };
    let allows = |policy: &Policy| {
        policy.permissive
            && policy.roles.iter().any(|one| one == role)
            && (policy.command == "*" || policy.command == letter)
    };
    table.policies.iter().any(allows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "(( SELECT auth.uid() AS uid) = user_id)";
    const TENANT: &str = "(tenant_id = NULLIF(current_setting('app.tenant_id'::text, true), ''::text))";

    fn wrong(policy: Policy) -> Option<String> {
        let role = policy.roles[0].clone();
        let table = Table { name: "public.t".into(), state: None, policies: Vec::new(), grants: Vec::new() };
        one(&table, &policy, &role, "owner")
    }

    #[test]
    fn a_policy_that_binds_its_rows_is_as_it_must_be() {
        for policy in [
            Policy::made_up(USERS, "*", Some(OWN), Some(OWN)),
            Policy::made_up(USERS, "r", Some(OWN), None),
            Policy::made_up(USERS, "*", Some(OWN), None),
            Policy::made_up(PIPELINE, "r", Some(TENANT), None),
            Policy::made_up(GATEWAY, "a", None, Some(&format!("({TENANT} AND (NOT email))"))),
            Policy::made_up("owner", "*", Some("true"), None),
        ] {
            assert_eq!(wrong(policy.clone()), None, "{policy:?}");
        }
    }

    #[test]
    fn a_policy_with_a_way_round_is_told() {
        let or_null = format!("({OWN} OR (user_id IS NULL))");
        let or_another = format!("({OWN} OR (user_id = alert_id))");
        for (policy, words) in [
            (Policy::made_up("public", "r", Some(OWN), None), "for everybody"),
            (Policy::made_up(ANYBODY, "r", Some(OWN), None), "for anon"),
            (Policy::made_up(USERS, "r", Some("true"), None), "more than their own"),
            (Policy::made_up(USERS, "r", Some(&or_null), None), "IS NULL"),
            (Policy::made_up(USERS, "r", Some(&or_another), None), "more than their own"),
            (Policy::made_up(USERS, "*", Some(OWN), Some("true")), "more than their own"),
            (Policy::made_up(USERS, "a", None, None), "more than their own"),
            (Policy::made_up(USERS, "r", Some("(auth.uid() <> user_id)"), None), "more than their own"),
            (Policy::made_up(USERS, "r", Some("((auth.jwt() ->> 'email') = user_email)"), None), "more than"),
            (Policy::made_up(PIPELINE, "r", Some("(tenant_id <> ''::text)"), None), "its tenant's"),
            (Policy::made_up(PIPELINE, "r", Some("true"), None), "its tenant's"),
            (Policy::made_up("analyst", "r", Some(OWN), None), "none of ours"),
        ] {
            let found = wrong(policy.clone()).unwrap_or_default();
            assert!(found.contains(words), "{policy:?}: {found:?}");
        }
    }
}
