//! Who may do what in which table of ours: what the migrations give, and what is held against the catalogue. Whatever is
//! not listed here nobody may do.

use crate::tables;

/// Users who signed in.
pub(super) const USERS: &str = "authenticated";
/// Who has not signed in.
pub(super) const ANYBODY: &str = "anon";
/// The group of the tenants' pipeline roles.
pub(super) const PIPELINE: &str = "bellwether_pipeline";
/// The group of the tenants' gateway roles.
pub(super) const GATEWAY: &str = "bellwether_gateway";

const ALL: &[&str] = &["select", "insert", "update", "delete"];
const READ: &[&str] = &["select"];

/// What a role may do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Right {
    pub(super) role: &'static str,
    /// In small letters.
    pub(super) privileges: &'static [&'static str],
    /// None: all of them.
    pub(super) columns: &'static [&'static str],
}

const fn whole(role: &'static str, privileges: &'static [&'static str]) -> Right {
    Right { role, privileges, columns: &[] }
}

const fn some(
    role: &'static str,
    privileges: &'static [&'static str],
    columns: &'static [&'static str],
) -> Right {
    Right { role, privileges, columns }
}

/// Users do what they like with their own alerts.
const ALERTS: &[Right] = &[whole(USERS, ALL), whole(PIPELINE, READ)];
/// Users read and acknowledge their own triggers; nobody changes one.
const TRIGGERS: &[Right] = &[
    whole(USERS, READ),
    some(USERS, &["update"], &["is_acknowledged", "acknowledged_at"]),
    whole(PIPELINE, &["select", "insert"]),
];
/// The gateway switches mails off and learns nothing by it.
const PREFERENCES: &[Right] = &[
    whole(USERS, ALL),
    whole(PIPELINE, READ),
    some(GATEWAY, READ, &["tenant_id", "user_id", "kind"]),
    some(GATEWAY, &["insert"], &["tenant_id", "user_id", "kind", "email"]),
    some(GATEWAY, &["update"], &["email"]),
];

/// What only the pipeline sees it writes as it likes, but for what is to stay as it was.
const WRITTEN: &[Right] = &[whole(PIPELINE, ALL)];
const KEPT: &[Right] = &[whole(PIPELINE, &["select", "insert", "update"])];
const ONLY_READ: &[Right] = &[whole(PIPELINE, READ)];
/// Users see what the pipeline says.
const TOLD: &[Right] = &[whole(USERS, READ), whole(PIPELINE, &["select", "insert", "update"])];
const EVENTS: &[Right] = &[whole(USERS, READ), whole(PIPELINE, &["insert"])];

/// What may be done in that table, by its name with its schema.
pub(super) fn of(table: &str) -> &'static [Right] {
    let (schema, name) = table.split_once('.').unwrap_or(("", table));
    if schema == "public" {
        return in_public(name);
    }
    match name {
        "quarantine" | "tenant_login" => &[],
        "schema_migration" | "forgotten_user" => ONLY_READ,
        "schedule_run" | "incident" => KEPT,
        _ => WRITTEN,
    }
}

fn in_public(name: &str) -> &'static [Right] {
    match name {
        tables::alert_status::NAME | tables::user_events::LINE => TOLD,
        tables::user_events::NAME => EVENTS,
        "notification_preferences" => PREFERENCES,
        name if tables::all().any(|kind| kind.triggers.name == name) => TRIGGERS,
        _ => ALERTS,
    }
}
