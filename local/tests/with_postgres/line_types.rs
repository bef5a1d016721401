//! The types of the client in TypeScript are those of the tables: `clients/typescript/types.ts` is written from a
//! migrated database and what the sink writes into it. `BELLWETHER_WRITE_TYPES=1` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use bellwether_database::tables::user_events::Event;
use bellwether_database::tables::{alert_status, would_have};
use bellwether_database::{Statements, begin};
use bellwether_local::samples;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::previews::{AlertPreview, Followed, PreviewState, WouldHaveFired};
use bellwether_schemas::triggers::{AlertState, AlertStatus, Cause, Condition, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Timestamp, UserId};
use serde_json::Value;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use crate::line::{Line, event};
use crate::support::{ASHA, id, open};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/typescript/types.ts");
const HEAD: &str = "/**
 * What the tables of the line hold, and what users wish of their mail. Written from the migrations by the test `the_clients_types_are_the_tables`
 * (`make types` writes it anew): not to be edited.
 */
";

fn status_of(alert: Uuid, reason: Option<&str>, since: Option<Timestamp>) -> AlertStatus {
    AlertStatus {
        tenant: id("fxlabs"),
        kind: AlertKind::RsiTracker,
        alert_id: AlertId(alert),
        user_id: UserId(ASHA),
        version: 1,
        state: AlertState::Refused,
        reason: reason.map(Into::into),
        since,
        cause: Cause { offset: 0, index: 0 },
    }
}

fn status(reason: Option<&str>, since: Option<Timestamp>) -> Event {
    Event::of(&Outcome::Status(status_of(ASHA, reason, since)))
}

/// An answer with everything, and one that lacks whatever may be missing.
fn previews() -> [AlertPreview; 2] {
    let (at, subject, condition) = (Timestamp(0), "EURUSD".to_owned(), Condition::Overbought);
    let fired = |value| WouldHaveFired { at, subject: subject.clone(), condition, value, price: value };
    let none = AlertPreview {
        tenant: id("fxlabs"),
        kind: AlertKind::RsiTracker,
        alert_id: AlertId(Uuid::from_u128(1)),
        version: 1,
        offset: 0,
        state: PreviewState::NotEnoughHistory,
        by_minutes: true,
        from: None,
        to: None,
        times: 0,
        per_week: None,
        last: Vec::new(),
        followed: Vec::new(),
    };
    let all = AlertPreview {
        alert_id: AlertId(Uuid::from_u128(2)),
        state: PreviewState::Answered,
        from: Some(at),
        to: Some(at),
        times: 2,
        per_week: Some(0.5),
        last: vec![fired(Some(70.5)), fired(None)],
        followed: vec![Followed { bars: 1, count: 2, median_percent: 0.5 }],
        ..none.clone()
    };
    [none, all]
}

/// Each beside the status of its alert, as the rows sink stores it and tells the page.
async fn store_previews(line: &Line) {
    let statements = Statements::of(&line.tenant);
    let mut transaction = begin(&line.pool, &line.tenant.id).await.unwrap();
    for preview in &previews() {
        let status = status_of(preview.alert_id.0, None, None);
        alert_status::write(&mut transaction, statements, &[&status]).await.unwrap();
        let stored = would_have::write(&mut transaction, statements, &[preview]).await.unwrap();
        assert_eq!(stored.changed, 1);
    }
    transaction.commit().await.unwrap();
}

/// Of each key of these objects, what it may be.
fn shape(objects: &[Value]) -> Vec<(String, String)> {
    let mut found: BTreeMap<&String, BTreeSet<&str>> = BTreeMap::new();
    for (key, value) in objects.iter().flat_map(|object| object.as_object().unwrap()) {
        let of = match (key.as_str(), value) {
            ("state", Value::String(_)) => "\"answered\" | \"not_enough_history\"",
            ("last", Value::Array(_)) => "WouldHaveFired[]",
            ("followed", Value::Array(_)) => "Followed[]",
            (_, Value::String(_)) => "string",
            (_, Value::Number(_)) => "number",
            (_, Value::Bool(_)) => "boolean",
            (_, Value::Null) => "null",
            (_, other) => panic!("{key}: {other}"),
        };
        found.entry(key).or_default().insert(of);
    }
    let text = |kinds: BTreeSet<&str>| {
        let nullable = kinds.contains("null").then_some("null");
        kinds.into_iter().filter(|of| *of != "null").chain(nullable).collect::<Vec<_>>().join(" | ")
    };
    found.into_iter().map(|(key, kinds)| (key.clone(), text(kinds))).collect()
}

/// What a row's `would_have` holds.
async fn stored(admin: &mut PgConnection, text: &mut String) {
    let sql = "select would_have::text from alert_status where would_have is not null order by alert_id";
    let stored: Vec<String> = sqlx::query_scalar(sql).fetch_all(admin).await.unwrap();
    let stored: Vec<Value> = stored.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let states: Vec<&str> = stored.iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["not_enough_history", "answered"], "the states above");
    let within = |key: &str| -> Vec<Value> {
        stored.iter().flat_map(|one| one[key].as_array().unwrap().clone()).collect()
    };
    let what = "How often an alert's version would have fired in the thirty days before it was there.";
    interface(text, what, "export interface WouldHave", &shape(&stored), "");
    let what = "One of the newest triggers that there would have been.";
    interface(text, what, "export interface WouldHaveFired", &shape(&within("last")), "");
    let what = "What the price did so many bars after: the middle of the moves, in percent.";
    interface(text, what, "export interface Followed", &shape(&within("followed")), "");
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
            when column_name = 'would_have' then 'WouldHave'
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
        match (key.as_str(), types.as_str()) {
            // Where it is what changed.
            ("would_have", "object") => writeln!(rest, "    would_have?: WouldHave;").unwrap(),
            (key, types) => writeln!(rest, "    {key}: {types};").unwrap(),
        }
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
    let row = columns(admin, "alert_status").await;
    let what = "A row of `public.alert_status`: where an alert stands.";
    interface(&mut text, what, "export interface AlertStatus", &row, "");
    stored(admin, &mut text).await;
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
    store_previews(&line).await;
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
