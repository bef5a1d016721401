//! The demo as a user runs it, killed at random moments: every row, one mail a group, judged by a computation that
//! shares no code with the pipeline.
//!
//! `BELLWETHER_KILLS` (2) says how often it is killed, `BELLWETHER_SEED` (1) when: between 5 and 14 s after a start,
//! so that ten kills are more than 90 s of paced load.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod judged;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bellwether_local::postgres::{Options, Postgres};
use bellwether_schemas::alerts::AlertKind;
use bellwether_tests::reference;
use judged::{Fired, ROWS, Random, alerts, every_trigger, market, text};
use serde_json::Value;
use sqlx::Connection;
use support::{Place, until};
use uuid::Uuid;

const TENANTS: [&str; 2] = ["fxlabs", "hextech"];
/// Four minutes of the market a second: in less than twenty bars of 5M not every kind may fire.
const DEMO: [&str; 8] = ["demo", "--dir", "demo", "--port", "0", "--speed", "240", "--json"];
const LOG: &str = "embedded:demo/log";

#[test]
fn killed_at_any_moment_the_demo_ends_with_every_row_and_one_mail_a_group() {
    let place = Place::new();
    let mut random = Random(number("BELLWETHER_SEED", 1));
    for _ in 0..number("BELLWETHER_KILLS", 2) {
        run_and_kill(&place, Duration::from_millis(5_000 + random.next() % 9_000));
    }
    let ended = place.bellwether(&[&DEMO[..], &["--for", "15s"]].concat()).start();
    let ended = ended.wait(Duration::from_secs(180)).ended(0);
    let summary: Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_no_process_left(&place);

    for tenant in TENANTS {
        let journal = cat(&place, tenant, "journal");
        let expected = every_trigger(&journal);
        let groups: BTreeSet<_> =
            expected.iter().map(|trigger| (trigger.alert_id, trigger.close_time)).collect();
        let (rows, owed) = stored(&place, tenant);
        let mails = mails(&place, tenant);
        let repeats: usize = mails.values().map(|copies| copies - 1).sum();
        println!(
            "{tenant}: {} journal records, {} triggers, {} mails, {repeats} repeats: {}",
            journal.len(),
            expected.len(),
            mails.len(),
            summary["tenants"][tenant]
        );
        assert_eq!(rows, by_kind(&expected), "{tenant}: rows of every table, by id");
        let rsi = reference::triggers(&market(tenant, &journal), &alerts(&journal)).unwrap();
        let rsi: BTreeSet<Uuid> = rsi.iter().map(|trigger| trigger.id).collect();
        assert_eq!(rows["rsi_tracker"], rsi, "{tenant}: what the other computation finds");
        assert_eq!(mails.keys().cloned().collect::<BTreeSet<_>>(), owed, "{tenant}: one mail a group");
        assert_eq!(summary["tenants"][tenant]["triggers"], expected.len(), "{tenant}");
        assert_eq!(summary["tenants"][tenant]["mail_groups"], groups.len(), "{tenant}");
        assert_most_kinds_arrived(tenant, &summary["tenants"][tenant]["kinds"]);
        verify(&place, tenant);
    }
}

#[test]
fn the_morning_comes_when_it_is_wanted_with_brief_reminder_and_correction_of_both_brands() {
    let place = Place::new();
    let morning = ["demo", "--dir", "demo", "--port", "0", "--brief-in", "20s", "--for", "60s", "--json"];
    let running = place.bellwether(&morning).start();
    let links = TENANTS.map(|tenant| one_click_link(&place, tenant));
    for link in &links {
        let answer = press(link);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{link}: {answer}");
    }
    running.wait(Duration::from_secs(240)).ended(0);
    for (tenant, link) in TENANTS.into_iter().zip(links) {
        let Morning { mails, switched_off } = morning_of(&place, tenant);
        assert!(
            switched_off.iter().any(|(user, kind)| link.contains(&format!("user={user}&kind={kind}&"))),
            "{link}"
        );
        let kinds: BTreeSet<&str> = mails.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, BTreeSet::from(["daily_brief", "news_correction", "news_reminder"]), "{tenant}");
        let readers = mails.iter().filter(|(kind, _)| kind == "daily_brief").count();
        assert!(readers > 1 && mails.len() == 3 * readers, "{tenant}: one of each for everybody: {mails:?}");
        let brand = if tenant == "fxlabs" { "FXLabs" } else { "HexTech" };
        assert!(mails.iter().all(|(_, subject)| subject.starts_with(brand)), "{mails:?}");
    }
}

/// The address that a mail's headers name for one click, in the first mail of the tenant that the inbox took.
fn one_click_link(place: &Place, tenant: &str) -> String {
    let mut link = None;
    let arrived = until(Duration::from_secs(120), || {
        link = contents(place).iter().find_map(|mail| {
            let headers = mail.split("\r\n\r\n").next()?.replace("\r\n ", " ");
            let (_, after) = headers.split_once("List-Unsubscribe: <")?;
            let link = after.split('>').next()?;
            link.contains(&format!("tenant={tenant}&")).then(|| link.to_owned())
        });
        link.is_some()
    });
    assert!(arrived, "no mail of {tenant} has a link");
    link.unwrap()
}

/// Every mail that the inbox took.
fn contents(place: &Place) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(place.path("demo/inbox/mails")) else { return Vec::new() };
    let mails =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension() == Some("eml".as_ref()));
    mails.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

/// What a mail program does when its user presses *unsubscribe* (RFC 8058): the answer.
fn press(link: &str) -> String {
    let (host, path) = link.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let body = "List-Unsubscribe=One-Click";
    let request = format!(
        "POST /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(host).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

/// What a tenant's database says when all is over.
struct Morning {
    /// Kind and subject of every mail that was sent because a clock said so.
    mails: Vec<(String, String)>,
    /// Which kinds which users have switched off.
    switched_off: Vec<(Uuid, String)>,
}

fn morning_of(place: &Place, tenant: &str) -> Morning {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Postgres::start(&place.path("demo/postgres"), Options::default()).await.unwrap();
        let url = server.url(&format!("demo_{tenant}"));
        let mut connection = sqlx::PgConnection::connect(url.reveal()).await.unwrap();
        let sent =
            "select kind, subject from bellwether.mail_outbox where schedule is not null and state = 'sent'";
        let mails = sqlx::query_as(sent).fetch_all(&mut connection).await.unwrap();
        let off = "select user_id, kind from public.notification_preferences where not email";
        let switched_off = sqlx::query_as(off).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        server.stop().await.unwrap();
        Morning { mails, switched_off }
    })
}

/// The sample's people have seen something of most kinds, in rows as in groups, and been sent mail. What the market does in so
/// short a time depends on the hour: `every_kind` waits until one of each kind came, and was sent.
fn assert_most_kinds_arrived(tenant: &str, kinds: &Value) {
    let count = |kind: AlertKind, what: &str| kinds[kind.name()][what].as_u64().unwrap_or(0);
    let sent: u64 = AlertKind::ALL.into_iter().map(|kind| count(kind, "sent")).sum();
    assert!(sent > 0, "{tenant}: nobody was sent anything: {kinds}");
    let fired: Vec<AlertKind> =
        AlertKind::ALL.into_iter().filter(|kind| count(*kind, "triggers") > 0).collect();
    assert!(fired.len() >= 4, "{tenant}: only {fired:?} have fired: {kinds}");
    for kind in fired {
        assert_eq!(count(kind, "rows"), count(kind, "triggers"), "{tenant}: {kind}: {kinds}");
        assert!(count(kind, "mail_groups") > 0, "{tenant}: {kind} has no mail_groups: {kinds}");
    }
}

fn by_kind(fired: &[Fired]) -> BTreeMap<String, BTreeSet<Uuid>> {
    let mut ids: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
    for trigger in fired {
        assert!(ids.entry(trigger.kind.clone()).or_default().insert(trigger.id), "{trigger:?} twice");
    }
    ids
}

/// When to kill is the point of it: the moment is random, the seed says which.
fn run_and_kill(place: &Place, after: Duration) {
    let running = place.bellwether(&DEMO).start();
    std::thread::sleep(after);
    running.signal("KILL");
    running.wait(Duration::from_secs(10));
}

/// Neither a server nor a child with this directory in its command line.
fn assert_no_process_left(place: &Place) {
    let dir = place.path("");
    let name = dir.file_name().unwrap().to_str().unwrap();
    let left: Vec<String> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(name))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

fn cat(place: &Place, tenant: &str, topic: &str) -> Vec<Value> {
    let arguments = ["journal", "cat", "--log", LOG, "--tenant", tenant, "--topic", topic, "--json"];
    place.run(&arguments).ended(0).json()
}

fn verify(place: &Place, tenant: &str) {
    let ran = place.run(&["replay", "--log", LOG, "--tenant", tenant, "--verify", "--json"]).ended(0);
    let report = &ran.json()[0];
    assert_eq!((&report["identical"], &report["pending"]), (&true.into(), &0.into()), "{report}");
}

/// Ids of the rows by kind, and Message-IDs of the mails owed to users who may get one, as they stand in the database.
fn stored(place: &Place, tenant: &str) -> (BTreeMap<String, BTreeSet<Uuid>>, BTreeSet<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Postgres::start(&place.path("demo/postgres"), Options::default()).await.unwrap();
        let url = server.url(&format!("demo_{tenant}"));
        let mut connection = sqlx::PgConnection::connect(url.reveal()).await.unwrap();
        let rows: Vec<(String, Uuid)> = sqlx::query_as(ROWS).fetch_all(&mut connection).await.unwrap();
        let mut ids: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
        for (kind, id) in rows {
            ids.entry(kind).or_default().insert(id);
        }
        let owed: Vec<String> =
            sqlx::query_scalar("select message_id from bellwether.mail_outbox where state <> 'suppressed'")
                .fetch_all(&mut connection)
                .await
                .unwrap();
        connection.close().await.unwrap();
        server.stop().await.unwrap();
        let bare = |id: String| id.trim_matches(['<', '>']).to_string();
        (ids, owed.into_iter().map(bare).collect())
    })
}

/// How often the inbox took each Message-ID of this tenant's sender.
fn mails(place: &Place, tenant: &str) -> BTreeMap<String, usize> {
    let mut taken = BTreeMap::new();
    for entry in std::fs::read_dir(place.path("demo/inbox/mails")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let mail: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            if text(&mail["envelope"]["from"]).contains(tenant) {
                *taken.entry(text(&mail["message_id"])).or_default() += 1;
            }
        }
    }
    taken
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect(variable))
}
