//! What an operator is told of a tenant whose database is well, of one whose is away, of a user who gets nothing, and of
//! a trigger.

use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed::{self, Seeded};
use bellwether_schemas::ids;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use uuid::Uuid;

use crate::journal::{Journal, quotes};
use crate::support::{LIMIT, Place, Ran};

/// The user and the alert with which a journal by hand begins.
fn asha() -> Uuid {
    ids::derive("fxlabs user 1")
}

/// A place with a journal by hand, and a database of fxlabs with the user and the alert that stand there.
struct Clinic {
    place: Place,
    seeded: Seeded,
    away: String,
    _postgres: Postgres,
    _runtime: tokio::runtime::Runtime,
}

impl Clinic {
    fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let place = Place::new();
        drop(Journal::begin(&place));
        let postgres =
            runtime.block_on(Postgres::start(&place.path("postgres"), Options::default())).unwrap();
        let seeded = runtime.block_on(seed::database(&postgres, "well", &"fxlabs".parse().unwrap())).unwrap();
        runtime.block_on(async {
            let mut admin = PgConnection::connect(seeded.admin.reveal()).await.unwrap();
            for (id, statement) in [
                (asha(), "insert into auth.users (id, email) values ($1, 'asha@users.example')"),
                (
                    ids::derive("fxlabs alert 1"),
                    "insert into rsi_tracker_alerts (id, user_id) values ($1, (select id from auth.users))",
                ),
            ] {
                sqlx::query(statement).bind(id).execute(&mut admin).await.unwrap();
            }
            admin.execute("delete from bellwether.alert_change").await.unwrap();
        });
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let away = format!("postgres://nobody:nothing@127.0.0.1:{port}/away");
        Self { place, seeded, away, _postgres: postgres, _runtime: runtime }
    }

    fn doctor(&self, arguments: &[&str]) -> Ran {
        self.place
            .bellwether(&[&["doctor"], arguments].concat())
            .env("FXLABS_DATABASE_URL", self.seeded.pipeline.reveal())
            .env("FXLABS_ADMIN_DATABASE_URL", self.seeded.admin.reveal())
            .env("HEXTECH_DATABASE_URL", &self.away)
            .start()
            .wait(LIMIT)
    }
}

/// What stands of a tenant in a section, but for what is as it should be.
fn wrong<'a>(lines: &'a [Value], of: &str, section: &str) -> Vec<&'a Value> {
    let wrong = |line: &&Value| line["of"] == of && line["section"] == section && line["level"] != "ok";
    lines.iter().filter(wrong).collect()
}

#[test]
fn a_database_that_is_away_and_a_file_that_is_wrong_are_lines_and_keep_nobody_else_waiting() {
    let clinic = Clinic::new();
    let lines = clinic.doctor(&["--json"]).ended(1).json();
    for section in ["schema", "access", "server", "work", "outside"] {
        assert_eq!(wrong(&lines, "fxlabs", section), [] as [&Value; 0]);
        assert!(lines.iter().any(|line| line["of"] == "fxlabs" && line["section"] == section), "{section}");
    }
    let away = wrong(&lines, "hextech", "database");
    assert!(away.len() == 1 && away[0]["level"] == "fault" && !away[0]["advice"].is_null(), "{away:?}");
    let parked = lines.iter().filter(|line| line["of"] == "hextech" && line["section"] == "delivery");
    assert_eq!(parked.count(), 2, "what waits for it is told from the log");
    let idle = wrong(&lines, "fxlabs", "log");
    assert!(
        idle.iter().any(|line| line["found"] == "nobody reads fxlabs.journal.v1 as `bellwether process`")
    );

    clinic.place.edit("tenants/hextech.toml", "recipients = \"database\"", "recipients = \"auth_api\"");
    let auth = "[auth]\nurl = \"https://x.example/auth/v1\"\nkey_file = \"key\"\n[mail]\n";
    clinic.place.edit("tenants/hextech.toml", "[mail]\n", auth);
    clinic.place.write("tenants/key", b"sb_publishable_swordfish");
    let told = clinic.doctor(&["--json"]).ended(1);
    let lines = told.json();
    let found = wrong(&lines, "hextech", "file")[0]["found"].as_str().unwrap();
    assert!(found.contains("auth.key_file: is a publishable key"), "{found}");
    assert!(!told.to_string().contains("swordfish"));
    assert_eq!(wrong(&lines, "fxlabs", "access"), [] as [&Value; 0]);
    let short = clinic.doctor(&["--tenant", "fxlabs"]).ended(1).stdout;
    assert!(short.contains("  ok      access      ") && !short.contains("hextech"), "{short}");
}

#[test]
fn why_a_user_gets_nothing_is_told_without_their_address() {
    let clinic = Clinic::new();
    let (user, tenant) = (asha().to_string(), ["--tenant", "fxlabs"]);
    let told = clinic.doctor(&[&["--user", &user], &tenant[..]].concat()).ended(1);
    for words in [
        "has not confirmed their address: no mail goes to them",
        "nobody has said yet where it stands",
        "nothing is known yet of what it watches",
        "reads no row of others in ",
        "none was owed to them within a week",
    ] {
        assert!(told.stdout.contains(words), "{words}: {told}");
    }
    assert!(!told.to_string().contains("asha@"), "{told}");
    let stranger = Uuid::from_u128(5).to_string();
    let told = clinic.doctor(&[&["--user", &stranger], &tenant[..]].concat()).ended(1).stdout;
    assert!(told.contains("is no user of this tenant") && told.contains("has no alert"), "{told}");

    let seen = clinic.doctor(&[&["rls", "--json", "--as", &user], &tenant[..]].concat()).ended(0).json();
    let of = |table: &str| seen.iter().find(|line| line["table"] == table).unwrap();
    let alerts = of("public.rsi_tracker_alerts");
    assert_eq!((&alerts["own"], &alerts["others"]), (&1.into(), &0.into()));
    assert_eq!(
        (&alerts["policies"][0], &alerts["index"]),
        (&"own".into(), &"rsi_tracker_alerts_user_id_key".into())
    );
    assert_eq!(of("bellwether.mail_outbox")["refused"], true);
}

#[test]
fn a_trigger_is_explained_by_the_version_that_fired_it_and_an_unknown_one_is_not() {
    let place = Place::new();
    drop(Journal::begin(&place));
    place.write("good.csv", quotes().join("\n").as_bytes());
    place.run(&["produce", "file", "--input", "GBPUSD=good.csv", "--speed", "0"]).ended(0);
    place.run(&["process", "--drain"]).ended(0);
    let triggers = ["journal", "cat", "--tenant", "fxlabs", "--topic", "triggers", "--json"];
    let triggers = place.run(&triggers).ended(0).json();
    let fired = triggers.iter().find(|line| line["type"] == "trigger_fired").unwrap();
    let id = fired["key"].as_str().unwrap();
    let explained = &place.run(&["explain", id, "--tenant", "fxlabs", "--json"]).ended(0).json()[0];
    assert_eq!(explained["trigger"], fired["record"]);
    // The settings are the journal's first record, the alert its second.
    let version = &explained["alert_version"];
    assert_eq!(
        (&version["version"], &version["since"]["offset"], &version["until"]),
        (&1.into(), &1.into(), &Value::Null)
    );
    assert_eq!(explained["cause"]["place"]["offset"], fired["record"]["cause"]["offset"]);
    let told = place.run(&["explain", id, "--tenant", "fxlabs"]).ended(0).stdout;
    assert!(told.contains(explained["sentence"].as_str().unwrap()), "{told}");
    assert!(told.contains("1, in force since journal offset 1, at "), "{told}");
    let foreign = place.run(&["explain", id, "--tenant", "hextech"]).ended(1);
    assert!(foreign.error().contains("is in the log"), "{foreign}");
}
