//! The line to the browser as its users have it: the rows sink, killed again and again, writes into a real Postgres; tabs
//! follow their users' lines under row security, over a server that announces like Supabase's and breaks as the world
//! does. `LINE_EVENTS` and `LINE_USERS` make it larger (`make line`), `LINE_SEED` another run. The client itself needs
//! node: without it only the database's side is held.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and prints its figures"
)]

mod server;
mod sink;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bellwether_local::postgres::Postgres;
use bellwether_local::samples;
use bellwether_local::seed::{self, Seeded, User};
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{AlertState, AlertStatus, Cause, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Timestamp, UserId, ids};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

use server::Server;
use sink::Sinks;

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/line");
const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/typescript/line.ts");
/// What tells the server of each user's new events, where Supabase has `realtime.broadcast_changes`.
const REALTIME: &str = "create schema realtime;
    create function realtime.broadcast_changes(topic_name text, event_name text, operation text, table_name text,
      table_schema text, new record, old record, level text default 'ROW') returns void
      language plpgsql as $$ begin perform pg_notify('hints', topic_name); end $$";

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

fn user(number: usize) -> UserId {
    UserId(ids::derive(&format!("line user {number}")))
}

/// A change of a user's alert now and then, and else triggers of all kinds.
fn outcome(number: usize, users: usize) -> Outcome {
    let tenant = "fxlabs".parse().unwrap();
    let whose = ids::derive(&format!("whose {number}")).as_u128() as usize % users;
    let (user_id, alert_id) = (user(whose), AlertId(user(whose).0));
    let cause = Cause { offset: number as i64, index: 0 };
    if number.is_multiple_of(10) {
        return Outcome::Status(AlertStatus {
            tenant,
            kind: AlertKind::RsiTracker,
            alert_id,
            user_id,
            version: number as i64,
            state: AlertState::Active,
            reason: None,
            since: Some(Timestamp(number as i64)),
            cause,
        });
    }
    let kind = AlertKind::ALL[number % AlertKind::ALL.len()];
    let sample = samples::trigger(&tenant, kind, alert_id, user_id, 0);
    let id = bellwether_schemas::TriggerId(ids::derive(&format!("line trigger {number}")));
    Outcome::Fired(TriggerFired { id, cause, ..sample })
}

/// What a tab is to be given of each outcome, in its user's order.
fn lines(outcomes: &[Outcome]) -> BTreeMap<Uuid, Vec<String>> {
    let mut lines: BTreeMap<Uuid, Vec<String>> = BTreeMap::new();
    for outcome in outcomes {
        let (user, about) = match outcome {
            Outcome::Fired(trigger) => (trigger.user_id.0, trigger.id.to_string()),
            Outcome::Status(status) => {
                (status.user_id.0, format!("{} {}", status.version, status.state.name()))
            }
        };
        lines.entry(user).or_default().push(about);
    }
    lines
}

async fn database(postgres: &Postgres, users: usize) -> Seeded {
    let seeded = seed::database(postgres, "line", &"fxlabs".parse().unwrap()).await.unwrap();
    let someone =
        |number| User { id: user(number), email: format!("{number}@users.example"), confirmed: true };
    seed::add_users(&seeded.admin, &(0..users).map(someone).collect::<Vec<_>>()).await.unwrap();
    let mut admin = PgConnection::connect(seeded.admin.reveal()).await.unwrap();
    admin.execute(REALTIME).await.unwrap();
    let how = bellwether_runtime::config::Announce::Broadcast;
    assert!(bellwether_database::announce(&seeded.admin, how).await.unwrap());
    seeded
}

async fn count(seeded: &Seeded, sql: &str) -> i64 {
    let mut admin = PgConnection::connect(seeded.admin.reveal()).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut admin).await.unwrap()
}

/// Is there a node? Where there is none, the tests of the client say so and hold nothing.
fn node() -> bool {
    let there = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: no node on this machine, so the client in TypeScript is not run");
    }
    there
}

/// What the tabs of a run were given: by user and tab, `number about` each.
fn given(written: &Path) -> BTreeMap<(Uuid, String), Vec<String>> {
    let mut given: BTreeMap<(Uuid, String), Vec<String>> = BTreeMap::new();
    for line in std::fs::read_to_string(written).unwrap().lines() {
        let mut words = line.splitn(3, ' ');
        let [user, mode, event] = [(); 3].map(|()| words.next().unwrap());
        given.entry((user.parse().unwrap(), mode.into())).or_default().push(event.into());
    }
    given
}

/// Tabs of these users, running; what they write, and how they end.
struct Tabs {
    written: PathBuf,
    process: std::process::Child,
}

impl Tabs {
    fn open(dir: &Path, name: &str, server: &Server, modes: &[&str], users: &BTreeMap<Uuid, usize>) -> Self {
        let tab = |(user, until): (&Uuid, &usize), mode: &str| {
            format!(r#"{{"user":"{user}","mode":"{mode}","until":{until}}}"#)
        };
        let tabs: Vec<String> =
            users.iter().flat_map(|of| modes.iter().map(move |mode| tab(of, mode))).collect();
        let plan = format!(r#"{{"url":"{}","poll":500,"tabs":[{}]}}"#, server.url(), tabs.join(","));
        let (planned, written) = (dir.join(format!("{name}.json")), dir.join(name));
        std::fs::write(&planned, plan).unwrap();
        let script = Path::new(HERE).join("tabs.mjs");
        let process = Command::new("node").arg(script).args([Path::new(CLIENT), &planned, &written]).spawn();
        Self { written, process: process.unwrap() }
    }

    async fn end(mut self, most: Duration) -> BTreeMap<(Uuid, String), Vec<String>> {
        let deadline = tokio::time::Instant::now() + most;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            let late = tokio::time::Instant::now() > deadline;
            if late {
                self.process.kill().unwrap();
            }
            let found = || given(&self.written).into_iter().map(|(tab, events)| (tab, events.len()));
            assert!(!late, "tabs wait in vain; given: {:?}", found().collect::<Vec<_>>());
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(status.success());
        given(&self.written)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tab_is_given_every_event_once_and_in_order_whatever_breaks() {
    let (events, users) = (number("LINE_EVENTS", 1_500), number("LINE_USERS", 6));
    let dir = tempfile::tempdir().unwrap();
    let postgres = Postgres::temporary().await.unwrap();
    let seeded = database(&postgres, users).await;
    let outcomes: Vec<Outcome> = (0..events).map(|number| outcome(number, users)).collect();
    let lines = lines(&outcomes);
    let until: BTreeMap<Uuid, usize> = lines.iter().map(|(user, line)| (*user, line.len())).collect();
    let server = Server::start(&seeded.admin, number("LINE_SEED", 1) as u64).await;
    let modes = ["hinted", "second", "poll", "sleepy"];
    let tabs = node().then(|| Tabs::open(dir.path(), "tabs", &server, &modes, &until));

    let began = tokio::time::Instant::now();
    let sinks = Sinks::of(dir.path(), &seeded, &outcomes).await;
    let kills = sinks.run_and_kill(events as u64, 30).await;
    let written = began.elapsed();
    assert_eq!(count(&seeded, "select count(*) from public.user_events").await, events as i64);
    let holes = "select count(*) from (select seq - lag(seq, 1, 0::bigint) over (partition by user_id order by seq) as step
        from public.user_events) s where step <> 1";
    assert_eq!(count(&seeded, holes).await, 0);

    let Some(tabs) = tabs else { return };
    let given = tabs.end(Duration::from_secs(60 + events as u64 / 100)).await;
    assert_eq!(given.len(), users * modes.len());
    for ((user, mode), events) in &given {
        let expected: Vec<String> =
            (1..).zip(&lines[user]).map(|(number, about)| format!("{number} {about}")).collect();
        assert!(*events == expected, "tab {mode} of {user} was given {} of {}", events.len(), expected.len());
    }
    let events: usize = given.values().map(Vec::len).sum();
    eprintln!(
        "{} tabs were given {events} events: 0 missed, 0 twice, all in order; {kills} sinks killed while they wrote \
         for {written:.1?}; read whole after {:.1?}; {}",
        given.len(),
        began.elapsed(),
        server.faults()
    );
    a_late_tab_is_told_where_the_line_begins(dir.path(), &seeded, &server, &lines).await;
}

/// The front of every line is retired; who asks for it is told, and given the rest.
async fn a_late_tab_is_told_where_the_line_begins(
    dir: &Path,
    seeded: &Seeded,
    server: &Server,
    lines: &BTreeMap<Uuid, Vec<String>>,
) {
    let (user, line) = lines.first_key_value().unwrap();
    let mut admin = PgConnection::connect(seeded.admin.reveal()).await.unwrap();
    admin
        .execute("update public.user_events set at = now() - interval '50 days' where seq <= 20")
        .await
        .unwrap();
    admin
        .execute(
            "begin; set local app.tenant_id = 'fxlabs';
             select bellwether.retire('user_events', now() - interval '40 days', 1000000); commit",
        )
        .await
        .unwrap();
    let tabs = Tabs::open(dir, "late", server, &["poll"], &BTreeMap::from([(*user, line.len())]));
    let given = tabs.end(Duration::from_secs(60)).await.into_values().next().unwrap();
    let expected = (21..).zip(&line[20..]).map(|(number, about)| format!("{number} {about}"));
    let expected: Vec<String> = std::iter::once("jump 1 21 retired".into()).chain(expected).collect();
    assert!(given == expected, "{given:?}");
}

#[test]
fn the_client_notices_holes_fills_them_and_backs_off() {
    if node() {
        let script = Path::new(HERE).join("alone.mjs");
        assert!(Command::new("node").arg(script).arg(CLIENT).status().unwrap().success());
    }
}
