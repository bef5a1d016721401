//! What is wrong with input, configuration or surroundings is said with an exit code, and everything else goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod journal;
mod outage;
mod support;

use std::collections::BTreeMap;
use std::net::TcpListener;

use bellwether_producers::sources::files::report::Report;
use bellwether_producers::sources::{FileOptions, Input, files};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, open};
use bellwether_schemas::{Topic, TopicKind};
use serde_json::Value;

use journal::{Journal, quotes};
use support::{LIMIT, Place, until};

const LOG: &str = "embedded:data/log";

fn one_line(error: &str, parts: &[&str]) {
    assert!(parts.iter().all(|part| error.contains(part)), "{error:?} lacks one of {parts:?}");
    assert!(!error.contains('\n'), "{error:?} is one line");
}

#[test]
fn a_tenant_that_is_not_there_is_told_from_those_that_are() {
    let place = Place::new();
    let produce = ["produce", "synthetic", "--tenant", "nobody"];
    assert_eq!(
        place.run(&produce).ended(78).error(),
        "no tenant \"nobody\" in tenants: it has fxlabs, hextech"
    );
    drop(Journal::begin(&place));
    for reading in
        [&["journal", "cat", "--tenant", "nobody"][..], &["replay", "--tenant", "nobody", "--verify"]]
    {
        let ran = place.run(reading).ended(78);
        assert_eq!(ran.error(), "no tenant \"nobody\" in embedded:data/log: it has fxlabs, hextech");
    }
}

#[test]
fn a_wrong_value_or_key_is_told_with_its_file() {
    let place = Place::new();
    place.edit("tenants/fxlabs.toml", "Asia/Kolkata", "Asia/Kolkatta");
    assert_eq!(
        place.run(&["process", "--drain"]).ended(78).error(),
        "tenants/fxlabs.toml: zone: \"Asia/Kolkatta\" is not a zone of the IANA database, such as Asia/Kolkata"
    );
    place.edit("tenants/fxlabs.toml", "Asia/Kolkatta", "Asia/Kolkata");
    place.edit("tenants/fxlabs.toml", "#07c05c", "green");
    assert_eq!(
        place.run(&["process", "--drain"]).ended(78).error(),
        "tenants/fxlabs.toml: brand.bar: \"green\" is not a colour such as #19235d"
    );
    place.edit("tenants/fxlabs.toml", "green", "#07c05c");
    place.edit("tenants/hextech.toml", "<alerts@hextech.example>", "<Alerts@fxlabs.example>");
    assert_eq!(
        place.run(&["process", "--drain"]).ended(78).error(),
        "tenants/fxlabs.toml: mail.from: is that of tenant hextech too: every tenant has its own"
    );
    place.edit("tenants/hextech.toml", "<Alerts@fxlabs.example>", "<alerts@hextech.example>");
    place.write("bellwether.toml", b"[telemetry]\nlevle = \"info\"\n");
    let error = place.run(&["tenants", "check"]).ended(78).error().to_string();
    assert!(
        error.starts_with("bellwether.toml: telemetry: unknown field `levle`, expected one of `level`"),
        "{error}"
    );
    place.write("bellwether.toml", b"[telemetry]\nlevel = \"loud\"\n");
    one_line(place.run(&["tenants", "check"]).ended(78).error(), &["telemetry.level: \"loud\" is no level"]);
    place.write("bellwether.toml", b"log = \"data\"\n");
    one_line(place.run(&["process"]).ended(64).error(), &["\"data\" is not a log: use embedded:DIR"]);
}

#[test]
fn a_secret_that_is_missing_is_told_by_file_key_and_variable_and_never_printed() {
    let place = Place::new();
    let url = "postgres://bellwether_fxlabs:swordfish@127.0.0.1:9/fxlabs";
    for command in [
        &["sink", "rows", "--drain"][..],
        &["sink", "mail", "--tenant", "hextech"],
        &["produce", "alerts", "--tenant", "hextech"],
    ] {
        let ran = place.bellwether(command).env("FXLABS_DATABASE_URL", url).start().wait(LIMIT).ended(78);
        assert_eq!(
            ran.error(),
            "tenants/hextech.toml: tenant hextech has no database: set database.url_file in its file, or \
             HEXTECH_DATABASE_URL"
        );
        assert!(!ran.stderr.contains("swordfish"), "{ran}");
    }
    let file = "[database]\nurl_file = \"secrets/url\"";
    place.edit("tenants/fxlabs.toml", "[database]", file);
    assert_eq!(
        place.run(&["process", "--drain"]).ended(78).error(),
        "tenants/fxlabs.toml: database.url_file: tenants/secrets/url: No such file or directory (os error 2): put \
         the secret there, or take the key out and set FXLABS_DATABASE_URL"
    );
    place.write("tenants/secrets/url", b"fxlabs:swordfish@somewhere\n");
    let ran = place.run(&["sink", "rows"]).ended(78);
    one_line(ran.error(), &["tenants/fxlabs.toml: the database's url is not of the form postgres://"]);
    assert!(!ran.stderr.contains("swordfish"), "{ran}");
    place.write("tenants/secrets/url", url.as_bytes());
    place.edit("tenants/fxlabs.toml", "smtp://127", "smtp://apikey@127");
    let other = url.replace("fxlabs", "hextech");
    let mail = place.bellwether(&["sink", "mail", "--tenant", "fxlabs"]);
    let ran = mail.env("HEXTECH_DATABASE_URL", other).start().wait(LIMIT);
    one_line(
        ran.ended(78).error(),
        &["tenants/fxlabs.toml: mail.smtp names a user: set mail.password_file or"],
    );
    let of_all = place.run(&["migrate"]).ended(78).stderr;
    for tenant in ["FXLABS", "HEXTECH"] {
        let told = format!("{tenant}_ADMIN_DATABASE_URL is not set");
        assert!(of_all.contains(&told), "one tenant keeps the others waiting: {of_all}");
    }
    for (command, variable) in [
        (&["migrate", "--tenant", "fxlabs"][..], "FXLABS_ADMIN_DATABASE_URL"),
        (&["tenants", "init", "fxlabs"], "FXLABS_DATABASE_PASSWORD"),
    ] {
        one_line(place.run(command).ended(78).error(), &[variable, "is not set: it holds the"]);
        let in_file = format!("{variable}_FILE");
        let ran = place.bellwether(command).env(&in_file, "nowhere").start().wait(LIMIT).ended(78);
        one_line(ran.error(), &[&in_file, "nowhere cannot be read"]);
        let both = place.bellwether(command).env(&in_file, "nowhere").env(variable, "postgres://secret");
        let ran = both.start().wait(LIMIT).ended(78);
        one_line(ran.error(), &[&in_file, "are both set"]);
        assert!(!ran.error().contains("secret"));
    }
}

#[test]
fn one_tenants_settings_that_fight_with_its_journal_leave_out_it_alone() {
    let place = Place::new();
    drop(Journal::begin(&place));
    place.write("good.csv", quotes().join("\n").as_bytes());
    place.edit("tenants/fxlabs.toml", "revision = 1", "revision = 1\nlateness_max = \"7s\"");
    let produce = ["produce", "file", "--input", "GBPUSD=good.csv", "--speed", "0"];
    let ran = place.run(&produce).ended(78);
    let fights = "fxlabs.toml: revision: is 1, and the journal has other settings under that number";
    assert!(ran.error().starts_with(fights), "{ran}");
    assert!(ran.stdout.starts_with("hextech: ") && ran.stdout.lines().count() == 1, "{ran}");
    let alone = place.run(&[&produce[..], &["--tenant", "fxlabs"]].concat()).ended(78);
    assert!(alone.error().starts_with(fights) && alone.stdout.is_empty(), "{alone}");
}

#[test]
fn a_journal_that_is_not_the_one_of_its_snapshots_leaves_out_its_tenant_alone() {
    let place = Place::new();
    drop(Journal::begin(&place));
    place.write("good.csv", quotes().join("\n").as_bytes());
    let produce = ["produce", "file", "--input", "GBPUSD=good.csv", "--speed", "0"];
    place.run(&produce).ended(0);
    place.run(&["process", "--drain"]).ended(0);
    let url = format!("embedded:{}", place.path("data/log").display());
    let log = open(&url, Access::Write, Clock::system()).unwrap();
    let journal = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Journal);
    assert!(log.delete(&journal).unwrap() && log.create(&journal).unwrap());
    drop(log);
    let ran = place.run(&produce).ended(65);
    assert!(ran.error().starts_with("fxlabs.journal.v1 does not have the record"), "{ran}");
    assert!(ran.stdout.starts_with("hextech: ") && ran.stdout.lines().count() == 1, "{ran}");
    let alone = place.run(&[&produce[..], &["--tenant", "fxlabs"]].concat()).ended(65);
    assert!(alone.stdout.is_empty(), "{alone}");
}

#[test]
fn a_port_in_use_is_told_with_the_option_that_chooses_another() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = place.run(&["demo", "--dir", "demo", "--port", &port]).ended(69);
    assert_eq!(
        ran.error(),
        format!(
            "cannot listen on 127.0.0.1:{port} (choose another with --port): Address already in use (os error 98)"
        )
    );
}

#[test]
fn a_metrics_address_in_use_is_told_with_its_key() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let process = place.bellwether(&["process", "--drain"]).env("BELLWETHER_TELEMETRY_METRICS", &address);
    let ran = process.start().wait(LIMIT).ended(69);
    one_line(
        ran.error(),
        &[&format!("telemetry.metrics: cannot listen on {address}: Address already in use")],
    );
}

#[test]
fn without_a_postgres_the_demo_says_what_to_install() {
    let place = Place::new();
    place.write("nothing/here", b"");
    let demo = place.bellwether(&["demo", "--dir", "demo", "--port", "0"]);
    let ran = demo.env("BELLWETHER_POSTGRES_BIN", "nothing").start().wait(LIMIT).ended(69);
    assert_eq!(
        ran.error(),
        "no Postgres server in nothing (BELLWETHER_POSTGRES_BIN): install one (as root: apt-get install postgresql)"
    );
}

#[test]
fn ctrl_c_ends_the_demo_with_everything_delivered_although_it_reaches_the_whole_terminal() {
    let place = Place::new();
    place.write("good.csv", quotes().join("\n").as_bytes());
    let demo =
        ["demo", "--dir", "demo", "--port", "0", "--json", "--input", "GBPUSD=good.csv", "--speed", "600"];
    let running = place.bellwether(&demo).in_a_group().start();
    assert!(until(LIMIT, || running.stderr().contains("producing")), "{}", running.stderr());
    running.interrupt_group();
    let ran = running.wait(LIMIT).ended(0);
    assert!(ran.stdout.lines().last().unwrap().starts_with("{\"type\":\"summary\""), "{ran}");
}

#[test]
fn a_second_writer_is_told_who_holds_the_log_and_readers_are_not_kept_out() {
    let place = Place::new();
    let held = Journal::begin(&place);
    let ran = place.run(&["process", "--drain"]).ended(69);
    let holder = std::process::id();
    assert_eq!(
        ran.error(),
        format!(
            "data/log is in use by process {holder}: stop it first, or read with a command that does not write"
        )
    );
    let beside = place.run(&["journal", "cat", "--tenant", "fxlabs", "--json"]).ended(0).json();
    assert_eq!(beside.len(), 2, "settings and an alert");
    drop(held);
    place.run(&["process", "--drain"]).ended(0);
}

#[test]
fn input_that_is_missing_unreadable_or_no_input_at_all_has_its_own_code() {
    let place = Place::new();
    let file =
        |input: &str| place.run(&["produce", "file", "--tenant", "fxlabs", "--speed", "0", "--input", input]);
    assert_eq!(file("GBPUSD=none.csv").ended(66).error(), "none.csv: there is no such file");
    place.write("words.csv", b"these are\nno quotes\n");
    let words = file("GBPUSD=words.csv").ended(65);
    for said in [
        "words.csv: form not recognised",
        "seen: no columns, it begins with \"these are\"",
        "histdata           HistData, ASCII ticks (EST)",
    ] {
        assert!(words.stderr.contains(said), "{said}: {words}");
    }
    place.write("header.csv", b"timestamp,open,high,low,close\nyesterday,1,1,1,1\n");
    assert_eq!(
        file("GBPUSD=header.csv").ended(65).error(),
        "header.csv: \"yesterday\" is no time that is known: write 2012-02-01T00:00:00Z, 2012-02-01 00:00:00, or epoch \
         seconds or milliseconds"
    );
    one_line(
        file("words.csv").ended(64).error().lines().next().unwrap(),
        &["there is no =: use SYMBOL=FILE"],
    );
    assert_eq!(
        place.run(&["journal", "cat", "--tenant", "fxlabs", "--log", "embedded:elsewhere"]).ended(66).error(),
        "elsewhere: there is no log: nothing was written to it yet, or --log names another directory"
    );
    let speed = place.run(&["produce", "synthetic", "--speed=-1"]).ended(64);
    one_line(speed.error(), &["--speed -1 is not a speed: use 0"]);
    place.run(&["produce"]).ended(64);
}

/// What came out: triggers by id, readings as they stand, without what says where in the log they are.
fn outcome(place: &Place, tenant: &str) -> (Vec<Value>, BTreeMap<String, Value>) {
    let cat = |topic: &str| {
        place
            .run(&["journal", "cat", "--log", LOG, "--tenant", tenant, "--topic", topic, "--json"])
            .ended(0)
            .json()
    };
    let fired = cat("triggers").into_iter().filter(|line| line["type"] == "trigger_fired");
    let triggers = fired.map(|line| line["record"]["id"].clone()).collect();
    let newest = |line: Value| (line["key"].as_str().unwrap().into(), line["record"].clone());
    (triggers, cat("readings").into_iter().map(newest).collect())
}

/// Dead letters by reason: how many, and the first.
fn dead_letters(place: &Place, tenant: &str) -> BTreeMap<String, (usize, Value)> {
    let cat = ["journal", "cat", "--log", LOG, "--tenant", tenant, "--topic", "deadletters", "--json"];
    let mut letters = BTreeMap::new();
    for line in place.run(&cat).ended(0).json() {
        let letter = &line["record"];
        letters.entry(letter["reason"].as_str().unwrap().to_string()).or_insert((0, letter.clone())).0 += 1;
    }
    letters
}

fn verified(place: &Place, tenant: &str) {
    let ran = place.run(&["replay", "--tenant", tenant, "--verify", "--json"]).ended(0);
    assert_eq!((&ran.json()[0]["identical"], &ran.json()[0]["pending"]), (&true.into(), &0.into()), "{ran}");
}

/// Twelve hours of one symbol, without a fault, through both tenants' pipelines.
fn sound() -> Place {
    let place = Place::new();
    drop(Journal::begin(&place));
    place.write("good.csv", quotes().join("\n").as_bytes());
    let ran = place.run(&["produce", "file", "--input", "GBPUSD=good.csv", "--speed", "0"]).ended(0);
    assert!(!ran.stderr.contains("left out"), "{ran}");
    place.run(&["process", "--drain"]).ended(0);
    place
}

#[test]
fn a_bad_line_quote_or_symbol_is_counted_and_everything_else_goes_through() {
    let (sound, place) = (sound(), Place::new());
    drop(Journal::begin(&place));
    let mut lines = quotes();
    lines.insert(3, "20240102 23".into());
    lines.insert(41, "20240102 050640000,1.28000,1.27000,0".into());
    lines.insert(60, "20249999 051000000,1.27000,1.27010,0".into());
    place.write("bad.csv", lines.join("\n").as_bytes());
    place.write("other.csv", quotes()[..25].join("\n").as_bytes());
    let input = ["--input", "GBPUSD=bad.csv", "--input", "NOSUCH=other.csv"];
    let ran = place
        .run(&[&["produce", "file", "--speed", "0", "--tenant", "fxlabs"][..], &input].concat())
        .ended(0);
    for said in [
        "line left out: columns: 1 found, 3 needed file.path=bad.csv file.line=4",
        "line left out: \"20249999 051000000\" is not a time of this form file.path=bad.csv file.line=61",
        "fxlabs: 2 unreadable lines were left out",
    ] {
        assert_eq!(ran.stderr.matches(said).count(), 1, "{said}: {ran}");
    }
    assert!(ran.stdout.starts_with(&format!("fxlabs: {} ticks", quotes().len() + 1 + 25)), "{ran}");

    let ran = place.run(&["process", "--drain"]).ended(0);
    for reason in ["malformed", "unknown_symbol"] {
        let said = format!("reason=\"{reason}\"");
        assert_eq!(ran.stderr.matches(&said).count(), 1, "{reason} is said once: {ran}");
    }
    let letters = dead_letters(&place, "fxlabs");
    let counts: Vec<(&str, usize)> =
        letters.iter().map(|(reason, (count, _))| (reason.as_str(), *count)).collect();
    assert_eq!(counts, [("malformed", 1), ("unknown_symbol", 25)]);
    assert_eq!(
        letters["malformed"].1["detail"],
        "GBPUSD of 2024-01-02T10:06:40.000000Z is malformed: prices are above 0, an ask is not below its bid, a bar \
         spans its own time"
    );
    let detail = letters["unknown_symbol"].1["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("NOSUCH of 2024-01-02T10:00:00.000000Z is not among the tenant's symbols"),
        "{detail}"
    );

    let (good, bad) = (outcome(&sound, "fxlabs"), outcome(&place, "fxlabs"));
    assert!(good.0.len() >= 5, "a test in which nothing fires shows nothing: {}", good.0.len());
    assert_eq!(bad, good);
    verified(&place, "fxlabs");
}

#[test]
fn records_that_are_damaged_anothers_or_ahead_of_time_become_dead_letters_and_change_nothing_else() {
    let (sound, place) = (sound(), Place::new());
    let journal = Journal::begin(&place);
    journal.append(b"\x01 no header");
    let unknown = [&[0, 0, 0, 9, 9][..], b"an unknown schema"].concat();
    journal.append(&unknown);
    place.write("good.csv", quotes().join("\n").as_bytes());
    let file = Input { symbol: "GBPUSD".into(), file: place.path("good.csv"), ask: None };
    let (inputs, options) = ([file], FileOptions::default());
    let opened = files::open(&inputs, &options, &Report::default()).unwrap();
    let session = files::session(&inputs, &options, &opened).unwrap();
    let others = [journal.others_settings(), journal.others_alert(), journal.others_heartbeat(session)];
    others.iter().for_each(|record| journal.append(record));
    journal.append(&journal.tick_of_the_future());
    journal.append(&journal.heartbeat_of_the_future());
    drop(journal);
    let produce = ["produce", "file", "--input", "GBPUSD=good.csv", "--speed", "0"];
    place.run(&produce).ended(0);
    // After the fold of a first half, and once more: nothing is kept twice.
    for _ in 0..2 {
        place.run(&["process", "--drain"]).ended(0);
    }

    let letters = dead_letters(&place, "fxlabs");
    let counts: Vec<(&str, usize)> =
        letters.iter().map(|(reason, (count, _))| (reason.as_str(), *count)).collect();
    assert_eq!(counts, [("future", 2), ("misrouted", 3), ("undecodable", 2)]);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (undecodable, misrouted) = (&letters["undecodable"].1, &letters["misrouted"].1);
    assert_eq!(undecodable["original"], hex(b"\x01 no header"));
    assert_eq!(undecodable["offset"], 2);
    assert!(undecodable["detail"].as_str().unwrap().starts_with("no wire header"), "{undecodable}");
    assert_eq!(misrouted["original"], hex(&others[0]));
    assert_eq!(misrouted["detail"], "the record names tenant hextech");
    let future = letters["future"].1["detail"].as_str().unwrap();
    assert!(future.starts_with("GBPUSD of 2034-01-02T10:00:00.000000Z is ahead of the moment"), "{future}");
    assert!(dead_letters(&place, "hextech").is_empty());

    let seen = ["journal", "cat", "--tenant", "fxlabs", "--from", "2", "--to", "4", "--json"];
    let seen = place.run(&seen).ended(0).json();
    assert!(seen.iter().all(|line| line["type"] == "undecodable"), "{seen:?}");
    for tenant in ["fxlabs", "hextech"] {
        assert_eq!(outcome(&place, tenant), outcome(&sound, tenant), "{tenant}");
        verified(&place, tenant);
    }
    let log = open(&format!("embedded:{}", place.path("data/log").display()), Access::Read, Clock::system())
        .unwrap();
    let tally = bellwether_worker::tally::tally(log.as_ref(), &"fxlabs".parse().unwrap()).unwrap();
    assert_eq!(
        (tally.ticks, tally.triggers),
        (quotes().len() as u64, outcome(&sound, "fxlabs").0.len() as u64)
    );
    // A second run of the same file finds what it wrote, whatever lies between.
    let again = place.run(&produce).ended(0);
    assert!(again.stdout.contains("fxlabs: 0 ticks") && again.stdout.contains("hextech: 0 ticks"), "{again}");
    // Another tenant's revision 99 does not stand before our revision 2.
    place.edit("tenants/fxlabs.toml", "revision = 1", "revision = 2");
    place.run(&produce).ended(0);
    let journal = place.run(&["journal", "cat", "--tenant", "fxlabs", "--json"]).ended(0).json();
    let settings = journal.iter().rfind(|line| line["type"] == "settings_changed").unwrap();
    assert_eq!(
        (&settings["record"]["revision"], &settings["record"]["origin"]["tenant"]),
        (&2.into(), &"fxlabs".into())
    );
}
