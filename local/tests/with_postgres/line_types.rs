//! The types of the client in TypeScript are those of the tables: `clients/typescript/types.ts` is written from a
//! migrated database and what the sink writes into it. `BELLWETHER_WRITE_TYPES=1` writes it anew.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use bellwether_database::tables::user_events::Event;
use bellwether_local::samples;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{AlertState, AlertStatus, Cause, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Timestamp, UserId};
use sqlx::postgres::PgConnection;

use crate::line::{Line, event};
use crate::support::{ASHA, id, open};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/typescript/types.ts");
const HEAD: &str = "/**
 * What the tables of the line hold, and what users wish of their mail. Written from the migrations by the test `the_clients_types_are_the_tables`
 * (`make types` writes it anew): not to be edited.
 */
";

fn status(reason: Option<&str>, since: Option<Timestamp>) -> Event {
    Event::of(&Outcome::Status(AlertStatus {
        tenant: id("fxlabs"),
        kind: AlertKind::RsiTracker,
        alert_id: AlertId(ASHA),
        user_id: UserId(ASHA),
        version: 1,
        state: AlertState::Refused,
        reason: reason.map(Into::into),
        since,
        cause: Cause { offset: 0, index: 0 },
    }))
}

/// A trigger of each kind and two that lack what most have: a tick's, and one whose detail nobody can read.
fn everything() -> Vec<Event> {
    let (tenant, alert, user) = (id("fxlabs"), AlertId(ASHA), UserId(ASHA));
    let tick = samples::trigger(&tenant, AlertKind::PriceAlert, alert, user, 9);
    let tick = TriggerFired { timeframe: None, detail: "{}".into(), ..tick };
    let statuses = [status(Some("a reason"), Some(Timestamp(0))), status(None, None)];
    let kinds = 0..u16::try_from(AlertKind::ALL.len()).unwrap();
    let triggers = kinds.map(|number| event(ASHA, number)).chain([Event::of(&Outcome::Fired(tick))]);
    triggers.chain(statuses).collect()
}

/// Of each key of the payloads of that type, what it may be.
async fn payload(admin: &mut PgConnection, of: &str) -> BTreeMap<String, String> {
    let types =
        "select key, string_agg(distinct jsonb_typeof(value), ' | ' order by jsonb_typeof(value) desc)
        from user_events, jsonb_each(payload) where type = $1 group by key";
    let found: Vec<(String, String)> = sqlx::query_as(types).bind(of).fetch_all(admin).await.unwrap();
    // Sorted so, null would stand between the others.
    found.into_iter().map(|(key, types)| (key, types.replace("null | number", "number | null"))).collect()
}

/// The table's columns in their order, as a client gets them.
async fn columns(admin: &mut PgConnection, table: &str) -> Vec<(String, String)> {
    let columns = "select column_name::text, case when data_type in ('bigint', 'integer') then 'number'
            when data_type = 'boolean' then 'boolean' when data_type = 'ARRAY' then 'string[]'
            when data_type in ('text', 'uuid', 'timestamp with time zone', 'time without time zone') then 'string' end
            || case when is_nullable = 'YES' then ' | null' else '' end
        from information_schema.columns where table_schema = 'public' and table_name = $1
          and column_name not in ('type', 'trigger_id', 'payload') order by ordinal_position";
    sqlx::query_as(columns).bind(table).fetch_all(admin).await.unwrap()
}

fn interface(text: &mut String, what: &str, head: &str, fields: &[(String, String)], rest: &str) {
    writeln!(text, "\n/** {what} */\n{head} {{").unwrap();
    for (name, of) in fields {
        let of = if name == "kind" && of == "string" { "AlertKind" } else { of };
        writeln!(text, "  {name}: {of};").unwrap();
    }
    writeln!(text, "{rest}}}").unwrap();
}

/// Its columns that have a few values each.
fn of_preferences((name, of): (String, String)) -> (String, String) {
    let quoted =
        |values: &[&str]| values.iter().map(|value| format!("\"{value}\"")).collect::<Vec<_>>().join(" | ");
    let of = match name.as_str() {
        "kind" => format!(
            "{} | AlertKind",
            quoted(&["all", "daily_brief", "digest", "news_reminder", "news_correction"])
        ),
        "quiet_action" => quoted(&["hold", "drop", "digest"]),
        _ => of,
    };
    (name, of)
}

/// One of the values that the check on `type` allows.
async fn one_event(admin: &mut PgConnection, text: &mut String, of: &str, trigger_id: &str) {
    let mut rest = format!("  type: \"{of}\";\n  trigger_id: {trigger_id};\n  payload: {{\n");
    for (key, types) in payload(admin, of).await {
        writeln!(rest, "    {key}: {types};").unwrap();
    }
    rest.push_str("  };\n");
    let name = format!("{}Event", of[..1].to_uppercase() + &of[1..]);
    let head = format!("export interface {name} extends AnyEvent");
    let what = format!("An event of type `{of}`, and what a page shows of it.");
    interface(text, &what, &head, &[], &rest);
}

async fn types(admin: &mut PgConnection) -> String {
    let mut text = HEAD.to_owned();
    let kinds: Vec<String> = AlertKind::ALL.iter().map(|kind| format!("\n  | \"{}\"", kind.name())).collect();
    writeln!(text, "\n/** Kind of an alert. */\nexport type AlertKind ={};", kinds.concat()).unwrap();
    let line = columns(admin, "user_line").await;
    interface(&mut text, "A row of `public.user_line`.", "export interface UserLine", &line, "");
    let event = columns(admin, "user_events").await;
    interface(&mut text, "What every row of `public.user_events` has.", "interface AnyEvent", &event, "");
    one_event(admin, &mut text, "trigger", "string").await;
    one_event(admin, &mut text, "status", "null").await;
    let wishes = columns(admin, "notification_preferences").await;
    let wishes: Vec<(String, String)> = wishes.into_iter().map(of_preferences).collect();
    let head = "export interface NotificationPreferences";
    interface(
        &mut text,
        "A row of `public.notification_preferences`: docs/PREFERENCES.md.",
        head,
        &wishes,
        "",
    );
    text + "\n/** A row of `public.user_events`. */\nexport type UserEvent = TriggerEvent | StatusEvent;\n"
}

#[tokio::test]
async fn the_clients_types_are_the_tables() {
    let line = Line::new().await;
    line.append(&everything()).await;
    let mut admin = open(&line.seeded.admin).await;
    let allowed =
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'user_events_type_check'";
    let allowed: String = sqlx::query_scalar(allowed).fetch_one(&mut admin).await.unwrap();
    assert_eq!(allowed, "CHECK ((type = ANY (ARRAY['trigger'::text, 'status'::text])))", "the types below");
    let types = types(&mut admin).await;
    if std::env::var_os("BELLWETHER_WRITE_TYPES").is_some() {
        std::fs::write(Path::new(FILE), &types).unwrap();
    }
    assert_eq!(std::fs::read_to_string(FILE).unwrap(), types, "`make types` writes it anew");
}
