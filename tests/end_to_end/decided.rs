//! What an operator decides, as it is decided: with the command, and a worker that acts on it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod journal;
mod support;

use std::time::Duration;

use bellwether_local::kafka::Kafka;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed::{self, Seeded};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Log, open};
use bellwether_runtime::roles::PROCESS;
use bellwether_schemas::{AlertId, TenantId, Topic, TopicKind, ids};
use serde_json::Value;
use sqlx::Connection;
use tokio::runtime::Runtime;

use journal::{Journal, quotes};
use support::{LIMIT, Place, Ran, Running, until};

const STOP: Duration = Duration::from_secs(30);

fn drained(place: &Place) {
    place.run(&["process", "--drain"]).ended(0);
}

fn cat(place: &Place, topic: &str) -> Vec<Value> {
    let arguments = ["journal", "cat", "--tenant", "fxlabs", "--topic", topic, "--json"];
    place.run(&arguments).ended(0).json()
}

/// How often the triggers topic has a trigger, and the newest state that it tells of the alert.
fn told(place: &Place) -> (usize, Value) {
    let triggers = cat(place, "triggers");
    let fired = triggers.iter().filter(|line| line["type"] == "trigger_fired").count();
    let mut statuses = triggers.iter().filter(|line| line["type"] == "alert_status");
    (fired, statuses.next_back().unwrap()["record"].clone())
}

fn played(place: &Place, name: &str, lines: &[String]) {
    place.write(name, lines.join("\n").as_bytes());
    place
        .run(&["produce", "file", "--tenant", "fxlabs", "--speed", "0", "--input", &format!("GBPUSD={name}")])
        .ended(0);
}

#[test]
fn an_alert_that_an_operator_disables_fires_no_more_and_says_so_until_it_is_enabled() {
    let place = Place::new();
    drop(Journal::begin(&place));
    let alert = AlertId(ids::derive("fxlabs alert 1")).to_string();
    let decide = |what: &str, id: &str| -> Ran {
        place.run(&["alerts", what, id, "--tenant", "fxlabs", "--why", "floods its user", "--json"])
    };
    let nobody = AlertId(ids::derive("nobody's")).to_string();
    let refused = decide("disable", &nobody).ended(1);
    assert!(refused.error().contains(&format!("its journal has no alert {nobody}")), "{refused}");
    let decided = decide("disable", &alert).ended(0).json().remove(0);
    assert_eq!(
        (&decided["decision"], &decided["alert_id"]),
        (&"disable_alert".into(), &alert.as_str().into())
    );
    let quotes = quotes();
    let (first, second) = quotes.split_at(quotes.len() / 2);
    played(&place, "first.csv", first);
    drained(&place);
    let (fired, status) = told(&place);
    assert_eq!(
        (fired, &status["state"], &status["reason"]),
        (0, &"disabled".into(), &"floods its user".into())
    );

    decide("enable", &alert).ended(0);
    played(&place, "second.csv", second);
    // The state that the worker before left behind knows who is disabled.
    drained(&place);
    let (fired, status) = told(&place);
    assert!(fired > 0);
    assert_eq!((&status["state"], &status["reason"]), (&"active".into(), &Value::Null));
    place.run(&["replay", "--tenant", "fxlabs", "--verify"]).ended(0);
    assert_eq!(cat(&place, "deadletters").len(), 0);
}

/// One tenant on a real Kafka, with a database.
struct World {
    place: Place,
    kafka: Kafka,
    database: Seeded,
    log: std::sync::Arc<dyn Log>,
    tenant: TenantId,
    runtime: Runtime,
    _server: Postgres,
}

impl World {
    fn new() -> Option<Self> {
        if !Kafka::is_available() && std::env::var_os("CI").is_none() {
            eprintln!(
                "\n*** SKIPPED: Kafka is not tested, because Java or Maven is missing: run scripts/setup ***\n"
            );
            return None;
        }
        let place = Place::new();
        std::fs::remove_file(place.path("tenants/hextech.toml")).unwrap();
        let tenant: TenantId = "fxlabs".parse().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (server, database) = runtime.block_on(async {
            let server = Postgres::start(&place.path("postgres"), Options::default()).await.unwrap();
            let database = seed::database(&server, "decided", &tenant).await.unwrap();
            let (users, alerts) = seed::sample(&tenant);
            seed::add_users(&database.admin, &users).await.unwrap();
            seed::add_alerts(&database.admin, &alerts).await.unwrap();
            (server, database)
        });
        let kafka = Kafka::start(&place.path("services"), 1).unwrap();
        let log = open(kafka.url(), Access::Write, Clock::system()).unwrap();
        let world = Self { place, kafka, database, log, tenant, runtime, _server: server };
        world.start(&["topics", "apply"]).wait(LIMIT).ended(0);
        Some(world)
    }

    fn start(&self, arguments: &[&str]) -> Running {
        let command = self.place.bellwether(arguments).env("BELLWETHER_LOG", self.kafka.url());
        let command = command.env("TMPDIR", self.place.path("."));
        command.env("FXLABS_DATABASE_URL", self.database.pipeline.reveal()).start()
    }

    fn call(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).wait(LIMIT)
    }

    fn topic(&self, kind: TopicKind) -> Topic {
        Topic::new(&self.tenant, kind)
    }

    fn next(&self, kind: TopicKind) -> u64 {
        self.log.bounds(&self.topic(kind)).unwrap().next
    }

    fn folded(&self) -> u64 {
        self.log.committed(PROCESS.name, &self.topic(TopicKind::Journal)).ok().flatten().unwrap_or(0)
    }

    fn execute(&self, sql: &'static str) {
        self.runtime.block_on(async {
            let mut admin = sqlx::PgConnection::connect(self.database.admin.reveal()).await.unwrap();
            sqlx::query(sql).execute(&mut admin).await.unwrap();
        });
    }

    fn rows(&self) -> i64 {
        self.runtime.block_on(async {
            let mut admin = sqlx::PgConnection::connect(self.database.admin.reveal()).await.unwrap();
            let count = "select count(*) from public.rsi_tracker_alert_triggers";
            sqlx::query_scalar(count).fetch_one(&mut admin).await.unwrap()
        })
    }
}

#[test]
fn rows_that_a_database_refused_are_redriven_and_a_gap_is_accepted_on_a_real_kafka() {
    let Some(world) = World::new() else { return };
    let [process, alerts] =
        [&["process"][..], &["produce", "alerts"]].map(|arguments| world.start(arguments));
    assert!(until(LIMIT, || world.next(TopicKind::Triggers) > 0), "{}", process.stderr());
    let market = world.start(&["produce", "synthetic", "--speed", "1200"]);
    refused_rows_are_redriven(&world);
    market.stop(STOP).ended(0);
    alerts.stop(STOP).ended(0);
    assert!(until(LIMIT, || world.folded() == world.next(TopicKind::Journal)), "{}", process.stderr());
    process.stop(STOP).ended(0);
    a_gap_is_accepted(&world);
}

/// A check that the tenant added refuses every row, until it is dropped again.
fn refused_rows_are_redriven(world: &World) {
    world.execute(
        "alter table public.rsi_tracker_alert_triggers add constraint nothing_fits check (false) not valid",
    );
    let rows = world.start(&["sink", "rows"]);
    let letters = || world.next(TopicKind::DeadLetters) > 2;
    assert!(until(LIMIT, letters), "{}", rows.stderr());
    let again = world.call(&["deadletters", "redrive", "--tenant", "fxlabs", "--json"]).ended(1).json();
    assert!(again.iter().all(|letter| letter["result"] == "refused again"), "{again:?}");
    assert_eq!(world.rows(), 0);
    rows.stop(STOP).ended(0);
    world.execute("alter table public.rsi_tracker_alert_triggers drop constraint nothing_fits");
    let written = world.call(&["deadletters", "redrive", "--tenant", "fxlabs", "--json"]).ended(0).json();
    assert!(written.len() > 2 && written.iter().all(|letter| letter["result"] == "written"), "{written:?}");
    assert_eq!(world.rows(), i64::try_from(written.len()).unwrap());
    let repeated = world.call(&["deadletters", "redrive", "--tenant", "fxlabs", "--json"]).ended(0).json();
    assert!(repeated.iter().all(|letter| letter["result"] == "was there"), "{repeated:?}");
    assert_eq!(world.rows(), i64::try_from(written.len()).unwrap());
}

/// Somebody throws records away that no snapshot stands for.
fn a_gap_is_accepted(world: &World) {
    let folded = world.folded();
    world.start(&["produce", "synthetic", "--speed", "1200", "--for", "3s"]).wait(LIMIT).ended(0);
    let end = world.next(TopicKind::Journal);
    assert!(end > folded + 4, "{folded} {end}");
    world.log.cut(&world.topic(TopicKind::Journal), folded + 3).unwrap();
    // The one base there is is older: nothing can begin with it.
    let process = world.start(&["process"]);
    let stands = || process.stderr().contains("are gone");
    assert!(until(LIMIT, stands), "{}", process.stderr());
    let skip = world.call(&["tenants", "resume", "fxlabs", "--skip", "1", "--why", "a try"]).ended(1);
    assert!(skip.error().contains("use --accept-gap"), "{skip}");
    let accept =
        ["tenants", "resume", "fxlabs", "--accept-gap", "--why", "retention was too short", "--json"];
    let decided = world.call(&accept).ended(0).json().remove(0);
    assert_eq!(
        (&decided["offset"], &decided["first_readable"]),
        (&(folded - 1).into(), &(folded + 3).into())
    );
    let end = world.next(TopicKind::Journal);
    assert!(until(LIMIT, || world.folded() == end), "{}", process.stderr());
    process.stop(STOP).ended(0);
    let again = world.call(&accept).ended(1);
    assert!(again.error().contains("can be folded to its end"), "{again}");
}
