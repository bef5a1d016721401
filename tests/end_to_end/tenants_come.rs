//! Tenants come while the roles run on a real Kafka, their topics go and come back, and a tenant can have processes of
//! its own: nobody else notices, and no role is started again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::process::Command;
use std::time::Duration;

use bellwether_local::kafka::Kafka;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed::{self, Seeded};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, GroupMember, Log, open};
use bellwether_runtime::roles::PROCESS;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use sqlx::Connection;

use support::{LIMIT, Place, Running, until};

/// From the moment a tenant's topics are there.
const TAKEN_UP: Duration = Duration::from_secs(10);
const STOP: Duration = Duration::from_secs(30);

struct World {
    place: Place,
    kafka: Kafka,
    fxlabs: Seeded,
    acme: Seeded,
}

impl World {
    fn start(&self, arguments: &[&str]) -> Running {
        let command = self.place.bellwether(arguments).env("BELLWETHER_LOG", self.kafka.url());
        let command = command.env("TMPDIR", self.place.path("."));
        let command = command.env("FXLABS_DATABASE_URL", self.fxlabs.pipeline.reveal());
        command.env("ACME_DATABASE_URL", self.acme.pipeline.reveal()).start()
    }

    fn rows(&self) -> i64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut admin = sqlx::PgConnection::connect(self.acme.admin.reveal()).await.unwrap();
            let count = "select count(*) from public.rsi_tracker_alert_triggers";
            sqlx::query_scalar(count).fetch_one(&mut admin).await.unwrap()
        })
    }
}

async fn seeded(server: &Postgres, id: &str) -> Seeded {
    let tenant: TenantId = id.parse().unwrap();
    let seeded = seed::database(server, &format!("come_{id}"), &tenant).await.unwrap();
    let (users, alerts) = seed::sample(&tenant);
    seed::add_users(&seeded.admin, &users).await.unwrap();
    seed::add_alerts(&seeded.admin, &alerts).await.unwrap();
    seeded
}

fn is_there() -> bool {
    let there = Kafka::is_available() || std::env::var_os("CI").is_some();
    if !there {
        eprintln!(
            "\n*** SKIPPED: Kafka is not tested, because Java or Maven is missing: run scripts/setup ***\n"
        );
    }
    there
}

fn journal(tenant: &TenantId) -> Topic {
    Topic::new(tenant, TopicKind::Journal)
}

/// How far the tenant's journal is folded.
fn folded(log: &dyn Log, tenant: &TenantId) -> u64 {
    log.committed(PROCESS.name, &journal(tenant)).ok().flatten().unwrap_or(0)
}

/// Whose journals the group's members have, member by member.
fn shared_out(log: &dyn Log) -> Vec<Vec<String>> {
    let topics = |member: GroupMember| member.topics.iter().map(ToString::to_string).collect();
    let mut members: Vec<Vec<String>> =
        log.members(PROCESS.name).unwrap_or_default().into_iter().map(topics).collect();
    members.sort();
    members
}

fn next(log: &dyn Log, tenant: &TenantId, kind: TopicKind) -> u64 {
    log.bounds(&Topic::new(tenant, kind)).map_or(0, |bounds| bounds.next)
}

/// A world without topics in which two tenants have databases and one has a file.
fn world(runtime: &tokio::runtime::Runtime) -> (World, Postgres) {
    let place = Place::new();
    std::fs::remove_file(place.path("tenants/hextech.toml")).unwrap();
    let server = runtime.block_on(Postgres::start(&place.path("postgres"), Options::default())).unwrap();
    let fxlabs = runtime.block_on(seeded(&server, "fxlabs"));
    let acme = runtime.block_on(seeded(&server, "acme"));
    let kafka = Kafka::start(&place.path("services"), 1).unwrap();
    (World { place, kafka, fxlabs, acme }, server)
}

#[test]
fn tenants_come_and_their_topics_go_and_nobody_else_notices() {
    if !is_there() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (world, server) = world(&runtime);
    let log = open(world.kafka.url(), Access::Write, Clock::system()).unwrap();
    let log = log.as_ref();
    let (fxlabs, acme): (TenantId, TenantId) = ("fxlabs".parse().unwrap(), "acme".parse().unwrap());

    // Nobody has topics yet: the roles wait for them.
    let [process, rows, alerts, market] = [
        &["process"][..],
        &["sink", "rows"],
        &["produce", "alerts"],
        &["produce", "synthetic", "--speed", "1200"],
    ]
    .map(|arguments| world.start(arguments));
    let roles = [&process, &rows, &alerts, &market];
    let said = || roles.map(Running::stderr).join("\n---\n");
    let all_say = |words: &str| until(LIMIT, || roles.iter().all(|role| role.stderr().contains(words)));
    assert!(all_say("no tenant has all of its topics"), "{}", said());
    world.start(&["topics", "apply"]).wait(LIMIT).ended(0);
    assert!(until(LIMIT, || folded(log, &fxlabs) > 5), "{}", said());

    // A file first, so that every role meets a tenant whose topics are not there yet.
    world.place.copy_tenant("fxlabs", "acme");
    assert!(all_say("a tenant was added tenant.id=acme"), "{}", said());
    world.start(&["topics", "apply", "--tenant", "acme"]).wait(LIMIT).ended(0);
    assert!(until(TAKEN_UP, || folded(log, &acme) > 5), "{}", said());
    let has_rows = || next(log, &acme, TopicKind::Triggers) > 0 && world.rows() > 0;
    assert!(until(LIMIT, has_rows), "{}", said());

    // Somebody raises its journal's partitions: it alone stops, in every role that runs and in one that starts.
    world.kafka.divide(&journal(&acme).to_string(), 2).unwrap();
    assert!(all_say("acme.journal.v1 has 2 partitions and must have one"), "{}", said());
    let begins = world.start(&["process", "--tenant", "acme"]);
    let refuses = || begins.stderr().contains("acme.journal.v1 has 2 partitions and must have one");
    assert!(until(LIMIT, refuses), "{}", begins.stderr());
    begins.stop(STOP).ended(0);
    let plan = world.start(&["topics", "plan", "--tenant", "acme"]).wait(LIMIT).ended(1);
    assert!(plan.stdout.contains("divided    acme.journal.v1"), "{plan}");
    let before = folded(log, &fxlabs);
    assert!(until(LIMIT, || folded(log, &fxlabs) > before + 5), "{}", said());
    let acme_stands_at = folded(log, &acme);
    let before = folded(log, &fxlabs);
    assert!(until(LIMIT, || folded(log, &fxlabs) > before + 5), "{}", said());
    assert_eq!(folded(log, &acme), acme_stands_at, "nobody folds on");

    // Its journal goes: it alone stops, in every role.
    assert!(log.delete(&journal(&acme)).unwrap());
    assert!(all_say("a topic was deleted: its tenant is stopped"), "{}", said());
    let before = folded(log, &fxlabs);
    assert!(until(LIMIT, || folded(log, &fxlabs) > before + 5), "{}", said());
    assert!(roles.iter().all(|role| {
        !role.stderr().contains("is stopped until it is there again, others go on tenant.id=fxlabs")
    }));

    // It is made again, empty: not the one that its triggers came of, so it is not folded.
    market.stop(STOP).ended(0);
    world.start(&["topics", "apply", "--tenant", "acme"]).wait(LIMIT).ended(0);
    for role in [&process, &alerts] {
        let refuses = || role.stderr().contains("it was deleted and made anew");
        assert!(until(LIMIT, refuses), "{}", role.stderr());
    }
    for role in [process, rows] {
        role.stop(STOP).ended(0);
    }
    // Of that tenant nothing more was produced, which whoever started it is to know.
    alerts.stop(STOP).ended(65);
    processes_of_their_own(&world, log);
    runtime.block_on(server.stop()).unwrap();
}

/// Two processes of one group, each for one tenant. A third tenant's secret is a pipe that nobody writes, which holds
/// whoever opens it for ever, and a fourth one's file is no file at all.
fn processes_of_their_own(world: &World, log: &dyn Log) {
    let hextech = world.place.read("tenants/fxlabs.toml").replace("@fxlabs.example", "@hextech.example");
    let hextech = hextech.replace("[database]", "[database]\nurl_file = \"never.url\"");
    let pipe = Command::new("mkfifo").arg(world.place.path("tenants/never.url")).status();
    assert!(pipe.unwrap().success());
    world.place.write("tenants/hextech.toml", hextech.as_bytes());
    world.place.write("tenants/broken.toml", b"this is no file of a tenant");
    let of = |id| world.start(&["process", "--tenant", id]);
    let (fxlabs, acme) = (of("fxlabs"), of("acme"));
    let each_has_its_own = || shared_out(log) == [["acme.journal.v1"], ["fxlabs.journal.v1"]];
    assert!(until(LIMIT, each_has_its_own), "{:?}\n{}\n{}", shared_out(log), fxlabs.stderr(), acme.stderr());
    acme.stop(STOP).ended(0);
    assert!(until(LIMIT, || shared_out(log) == [["fxlabs.journal.v1"]]), "{:?}", shared_out(log));
    let ran = fxlabs.stop(STOP).ended(0);
    for other in ["acme", "hextech", "broken"] {
        assert!(!ran.stderr.contains(other), "{ran}");
    }
}
