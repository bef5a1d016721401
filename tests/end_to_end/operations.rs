//! What an operator sees: what was put aside, and how far everybody is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod doctor;
mod journal;
mod support;

use std::time::Duration;

use bellwether_local::kafka::Kafka;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Assignments, NewRecord, Start, open};
use bellwether_runtime::roles::SCHEDULE;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use bellwether_worker::tally::tally;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use journal::{Journal, quotes};
use support::{LIMIT, Place, until};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn letters(place: &Place, filters: &[&str]) -> Vec<Value> {
    place.run(&[&["deadletters", "list", "--json"], filters].concat()).ended(0).json()
}

fn keys(letters: &[Value]) -> Vec<&str> {
    letters.iter().map(|letter| letter["key"].as_str().unwrap()).collect()
}

/// A journal whose records 2 to 6 cannot be used: unreadable, another's, another's by its key, two ticks of a symbol
/// that the tenant does not have, a tick of the future.
fn poisoned() -> Place {
    let place = Place::new();
    let journal = Journal::begin(&place);
    journal.append(b"\x01 no \x1b[2J header");
    journal.append(&journal.others_alert());
    journal.append_keyed(b"hextech", &journal.ticks_of("GBPUSD", 1));
    journal.append_keyed(b"fxlabs", &journal.ticks_of("NOSUCH", 2));
    journal.append(&journal.tick_of_the_future());
    drop(journal);
    place.run(&["process", "--drain"]).ended(0);
    place
}

const ALL: [&str; 6] = [
    "2/-/undecodable",
    "3/-/misrouted",
    "4/-/misrouted",
    "5/0/unknown_symbol",
    "5/1/unknown_symbol",
    "6/0/future",
];

#[test]
fn what_was_put_aside_is_listed_newest_last_and_found_by_tenant_reason_time_and_place() {
    let place = poisoned();
    let all = letters(&place, &[]);
    assert_eq!(keys(&all), ALL);
    let first = &all[0];
    assert_eq!(
        (
            &first["tenant"],
            &first["topic"],
            &first["offset"],
            &first["index"],
            &first["times"],
            &first["size"]
        ),
        (&"fxlabs".into(), &"fxlabs.journal.v1".into(), &2.into(), &Value::Null, &1.into(), &16.into())
    );
    assert_eq!(all[2]["detail"], "the record's key names tenant hextech");
    assert_eq!(keys(&letters(&place, &["--limit", "2"])), ALL[4..]);
    assert_eq!(keys(&letters(&place, &["--reason", "misrouted"])), ALL[1..3]);
    assert_eq!(keys(&letters(&place, &["--from", "1", "--to", "3"])), ALL[1..3]);
    assert_eq!(keys(&letters(&place, &["--from", first["first_at"].as_str().unwrap()])), ALL);
    assert_eq!(letters(&place, &["--to", "2020-01-01T00:00:00Z"]), [Value::Null; 0]);
    assert_eq!(letters(&place, &["--tenant", "hextech"]), [Value::Null; 0]);

    let table =
        place.run(&["deadletters", "list", "--tenant", "fxlabs", "--tenant", "hextech"]).ended(0).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 1 + ALL.len(), "{table}");
    assert!(lines[0].starts_with("WHEN") && lines[0].ends_with("WHY"), "{table}");
    assert!(lines[4].contains("fxlabs.journal.v1  5/0/unknown_symbol      1"), "{table}");
    place.run(&["deadletters", "list", "--tenant", "nobody"]).ended(78);
}

#[test]
fn a_letter_written_again_after_a_crash_is_listed_once_with_how_often() {
    let place = poisoned();
    // As after a crash between what was appended and the commit.
    std::fs::remove_file(place.path("data/log/groups/bellwether-process/fxlabs.journal.v1.offset")).unwrap();
    // Else it goes on behind all of it.
    std::fs::remove_dir_all(place.path("data/log/fxlabs.snapshots.v1")).unwrap();
    place.run(&["process", "--drain"]).ended(0);
    let all = letters(&place, &[]);
    assert_eq!(keys(&all), ALL);
    assert!(
        all.iter().all(|letter| letter["times"] == 2 && letter["first_at"] != letter["last_at"]),
        "{all:?}"
    );
}

#[test]
fn a_position_that_was_lost_is_found_again_by_the_snapshot_with_nothing_left_to_fold() {
    let place = poisoned();
    std::fs::remove_file(place.path("data/log/groups/bellwether-process/fxlabs.journal.v1.offset")).unwrap();
    place.run(&["process", "--drain"]).ended(0);
    let all = letters(&place, &[]);
    assert_eq!(keys(&all), ALL);
    assert!(all.iter().all(|letter| letter["times"] == 1), "nothing is folded twice: {all:?}");
}

#[test]
fn a_letter_is_shown_with_its_reason_its_origin_and_the_bytes_of_its_record() {
    let place = poisoned();
    let shown = place.run(&["deadletters", "show", "2/-/undecodable"]).ended(0).stdout;
    for part in [
        "fxlabs 2/-/undecodable\n",
        "reason      undecodable\n",
        "origin      fxlabs.journal.v1, partition 0, offset 2\n",
        "key         by hand (62792068616e64)\n",
        "record      16 bytes, kept among the dead letters\n",
        "it says     nothing that can be read: no wire header",
        "00000000  01 20 6e 6f 20 1b 5b 32  4a 20 68 65 61 64 65 72  |. no .[2J header|\n",
    ] {
        assert!(shown.contains(part), "{part:?} in\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "a record cannot drive the terminal");

    let show = |key: &str| place.run(&["deadletters", "show", key, "--json"]).ended(0).json().remove(0);
    let journal = Journal::again(&place);
    // The second letter of a record has its bytes from the first.
    let (tick, block) = (show("5/1/unknown_symbol"), journal.ticks_of("NOSUCH", 2));
    assert_eq!(tick["original"]["bytes"], hex(&block));
    assert_eq!(tick["original"]["key"], hex(b"fxlabs"));
    assert_eq!(
        (&tick["decoded"]["type"], &tick["decoded"]["refused"]["bid"]),
        (&"tick_block".into(), &1.27.into())
    );
    let misrouted = show("3/-/misrouted");
    assert_eq!(misrouted["original"]["bytes"], hex(&journal.others_alert()));
    assert_eq!(misrouted["decoded"]["record"]["origin"]["tenant"], "hextech");

    let missing = place.run(&["deadletters", "show", "9/-/undecodable"]).ended(66);
    assert_eq!(
        missing.error(),
        "no dead letter \"9/-/undecodable\" of fxlabs, hextech: `deadletters list` names those there are"
    );
}

#[test]
fn a_letter_that_is_no_refused_row_is_not_redriven_and_it_is_said_why() {
    let place = poisoned();
    let said =
        place.run(&["deadletters", "redrive", "2/-/undecodable", "--tenant", "fxlabs"]).ended(1).stdout;
    assert_eq!(
        said,
        "fxlabs 2/-/undecodable  not redriven: nobody can fold it: whoever wrote it has to write it rightly\n"
    );
    let none = place.run(&["deadletters", "redrive", "--tenant", "fxlabs"]).ended(0).stdout;
    assert_eq!(none, "fxlabs: no row was refused\n");
    place.run(&["deadletters", "redrive", "9/-/row_refused", "--tenant", "fxlabs"]).ended(66);
}

#[test]
fn a_record_longer_than_a_letter_is_read_from_its_topic_again() {
    let place = Place::new();
    let long = vec![b'x'; 100_000];
    Journal::begin(&place).append(&long);
    place.run(&["process", "--drain"]).ended(0);
    let shown = place.run(&["deadletters", "show", "2/-/undecodable", "--json"]).ended(0).json().remove(0);
    let original = &shown["original"];
    assert_eq!((&original["whole"], &original["size"]), (&true.into(), &100_000.into()));
    assert_eq!(original["from"], "read from its topic again");
    assert_eq!(original["bytes"].as_str().unwrap(), hex(&long));
}

const TOP: [&str; 5] = ["top", "--once", "--json", "--interval", "50ms"];

/// What `top` says of a tenant's role.
fn row(place: &Place, tenant: &str, role: &str) -> Value {
    let rows = place.run(&TOP).ended(0).json();
    assert_eq!(rows.len(), 10, "two tenants, five roles: {rows:?}");
    rows.into_iter().find(|row| row["tenant"] == tenant && row["role"] == role).unwrap()
}

#[test]
fn top_says_how_far_each_role_is_and_that_nobody_reads() {
    let place = Place::new();
    drop(Journal::begin(&place));
    place.write("good.csv", quotes().join("\n").as_bytes());
    place.run(&["produce", "file", "--input", "GBPUSD=good.csv", "--speed", "0"]).ended(0);
    let before = row(&place, "fxlabs", "process");
    let records = before["end_offset"].as_u64().unwrap();
    assert!(records > 100, "{before}");
    assert_eq!((&before["lag"], &before["owner"]), (&records.into(), &Value::Null));
    assert_eq!((&before["watermark"], &before["records_per_second"]), (&Value::Null, &0.0.into()));

    place.run(&["process", "--drain"]).ended(0);
    let fxlabs: TenantId = "fxlabs".parse().unwrap();
    let tally = tally(Journal::again(&place).log(), &fxlabs).unwrap();
    let watermark = Value::from(tally.watermark.unwrap().to_string());
    let after = row(&place, "fxlabs", "process");
    assert_eq!((&after["lag"], &after["next_offset"]), (&0.into(), &records.into()));
    assert_eq!((&after["watermark"], &after["watermark_age_seconds"]), (&watermark, &0.0.into()));
    assert_eq!(after["played"], true);
    // Nobody delivered anything: the first outcome of all holds the sink.
    let sink = row(&place, "fxlabs", "sink rows");
    assert!(sink["lag"].as_u64().unwrap() > tally.triggers, "triggers and states: {sink}");
    assert!(
        sink["watermark"].is_null() || sink["watermark_age_seconds"].as_f64().unwrap() > 3_600.0,
        "{sink}"
    );

    // The schedule reads another topic, in which it may stand further on than there are triggers.
    let read = schedule_has_read_all_but_one(&place);
    let schedule = row(&place, "fxlabs", "sink schedule");
    assert_eq!((&schedule["next_offset"], &schedule["lag"]), (&read.into(), &1.into()));
    assert!(schedule["watermark"].is_null(), "{schedule}");

    let table = place.run(&["top", "--once", "--interval", "50ms", "--tenant", "fxlabs"]).ended(0).stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines.len() == 6 && lines[0].starts_with("TENANT  ROLE"), "{table}");
    assert!(lines[1].starts_with("fxlabs  process        -"), "{table}");
    place.run(&["top", "--once", "--tenant", "nobody"]).ended(78);
}

/// Wherever the group left off.
struct Anywhere;

impl Assignments for Anywhere {
    fn assigned(&mut self, _: &Topic) -> Start {
        Start::Committed
    }

    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        None
    }
}

fn schedule_has_read_all_but_one(place: &Place) -> u64 {
    let journal = Journal::again(place);
    let (log, readings) = (journal.log(), Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Readings));
    let read = log.bounds(&readings).unwrap().next - 1;
    let mut member =
        log.consumer(SCHEDULE.name, std::slice::from_ref(&readings), Box::new(Anywhere)).unwrap();
    member.poll(Duration::from_millis(10)).unwrap();
    member.commit(&readings, read).unwrap();
    member.close().unwrap();
    let triggers = log.bounds(&Topic::new(&readings.tenant, TopicKind::Triggers)).unwrap();
    assert!(read > triggers.next, "{read} readings, {triggers:?}");
    read
}

#[test]
fn top_goes_on_beside_a_running_worker_names_it_and_ends_at_ctrl_c() {
    let place = Place::new();
    drop(Journal::begin(&place));
    let worker = place.bellwether(&["process"]).start();
    let owner = format!("process {}", worker.pid());
    assert!(until(LIMIT, || row(&place, "fxlabs", "process")["owner"] == owner), "{}", worker.stderr());
    assert_eq!(row(&place, "fxlabs", "sink mail")["owner"], Value::Null);
    let top = place.bellwether(&["top", "--json", "--interval", "20ms"]).start();
    assert!(until(LIMIT, || top.stdout().lines().count() > 12), "{}", top.stderr());
    top.signal("INT");
    let ran = top.wait(LIMIT).ended(0);
    assert!(ran.json().iter().any(|row| row["lag"] == 0), "{ran}");
    assert!(!ran.stdout.contains('\u{1b}'), "it writes to no terminal");
    worker.signal("KILL");
    worker.wait(LIMIT);
    assert_eq!(row(&place, "fxlabs", "process")["owner"], Value::Null);
}

#[test]
fn on_kafka_top_names_members_and_dead_letters_are_listed() {
    if !Kafka::is_available() && std::env::var_os("CI").is_none() {
        eprintln!(
            "\n*** SKIPPED: Kafka is not tested, because Java or Maven is missing: run scripts/setup ***\n"
        );
        return;
    }
    let place = Place::new();
    let kafka = Kafka::start(&place.path("services"), 1).unwrap();
    let url = format!("kafka://{}", kafka.brokers());
    let run =
        |arguments: &[&str]| place.bellwether(arguments).env("BELLWETHER_LOG", &url).start().wait(LIMIT);
    run(&["topics", "apply"]).ended(0);
    place.write("good.csv", quotes().join("\n").as_bytes());
    run(&["produce", "file", "--input", "GBPUSD=good.csv", "--speed", "0"]).ended(0);
    let log = open(&url, Access::Write, Clock::system()).unwrap();
    let journal = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Journal);
    let garbage = NewRecord { key: b"by hand".to_vec(), value: b"nobody can read this".to_vec() };
    let offset = log.append(&journal, vec![garbage]).wait().unwrap();

    let worker = place.bellwether(&["process"]).env("BELLWETHER_LOG", &url).start();
    let row = || run(&TOP).ended(0).json().into_iter().find(|row| row["tenant"] == "fxlabs").unwrap();
    assert!(until(LIMIT, || row()["lag"] == 0), "{}", worker.stderr());
    let row = row();
    assert!(row["owner"].as_str().unwrap().contains("-bellwether-process-"), "{row}");
    assert_eq!((&row["role"], &row["next_offset"]), (&"process".into(), &(offset + 1).into()));
    assert_eq!(row["watermark"], "2024-01-02T22:00:00.000000Z", "{row}");

    let key = format!("{offset}/-/undecodable");
    let listed = run(&["deadletters", "list", "--json"]).ended(0).json();
    assert_eq!(keys(&listed), [key.as_str()]);
    let shown = run(&["deadletters", "show", &key, "--log", &url]).ended(0).stdout;
    assert!(shown.contains("|nobody can read |"), "{shown}");
    worker.stop(LIMIT).ended(0);
}

/// One mail that may have arrived.
const AMBIGUOUS: &str = "insert into bellwether.mail_outbox
    (tenant_id, occurrence, kind, message_id, user_id, recipient, content, state, reason, due_at)
    values ('fxlabs', 'o1', 'rsi_tracker', '<o1@fxlabs.example>', '00000000-0000-4000-8000-000000000001',
            'asha@users.example', 'x', 'ambiguous', 'lost: asha@users.example did not answer', 'infinity')";

#[test]
fn mails_are_listed_shown_resolved_and_paused_by_hand_and_addresses_stay_hidden_until_asked_for() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place::new();
    let postgres = runtime.block_on(Postgres::start(&place.path("postgres"), Options::default())).unwrap();
    let seeded = runtime.block_on(seed::database(&postgres, "by_hand", &"fxlabs".parse().unwrap())).unwrap();
    runtime.block_on(async {
        let mut admin = PgConnection::connect(seeded.admin.reveal()).await.unwrap();
        admin.execute(AMBIGUOUS).await.unwrap();
    });
    let run = |arguments: &[&str]| {
        let arguments = [&["mail"], arguments, &["--tenant", "fxlabs"]].concat();
        place.bellwether(&arguments).env("FXLABS_DATABASE_URL", seeded.pipeline.reveal()).start().wait(LIMIT)
    };
    let listed = run(&["list"]).ended(0).stdout;
    assert!(listed.contains("ambiguous") && listed.contains("a…@users.example"), "{listed}");
    assert!(!listed.contains("asha@"), "{listed}");
    assert!(run(&["list", "--addresses"]).ended(0).stdout.contains("asha@users.example"));
    assert_eq!(run(&["list", "--state", "sent", "--json"]).ended(0).json(), [Value::Null; 0]);
    let shown = &run(&["show", "o1", "--json"]).ended(0).json()[0];
    assert_eq!((&shown["state"], &shown["to"]), (&"ambiguous".into(), &"a…@users.example".into()));

    let why = ["--who", "asha", "--why", "their log has it"];
    run(&[&["resolve", "o1", "--as", "sent"][..], &why].concat()).ended(0);
    run(&["resolve", "o1", "--as", "failed"]).ended(1);
    let shown = run(&["show", "o1"]).ended(0).stdout;
    assert!(shown.contains("resolved as sent: asha: their log has it"), "{shown}");
    run(&["show", "nothing"]).ended(66);

    assert!(run(&["pause", "--reason", "a flood"]).ended(0).stdout.contains("its mail is paused"));
    assert!(run(&["resume"]).ended(0).stdout.contains("goes out again"));
    let refused = run(&["test", "--to", "asha@users.example"]).ended(78);
    assert!(refused.error().contains("mail.test_addresses"), "{}", refused.error());
}
