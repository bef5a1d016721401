//! A rows sink that stands still in the middle of a transaction for longer than its group waits for it, and wakes up when
//! another one has its tenant: every trigger is one row, counted once.
//!
//! `ROUNDS` (2) times, by turns with its transaction still open and with one that the server has ended meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

use bellwether_local::kafka::Kafka;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::samples;
use bellwether_local::seed::{self, Seeded};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Log, NewRecord, open};
use bellwether_runtime::roles::ROWS;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::codec::encode_outcome;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Topic, TopicKind};
use sqlx::{Connection, PgConnection};
use tokio::runtime::Runtime;

use support::{LIMIT, Place, Running, until};

/// Triggers of each round: more than one transaction takes.
const TRIGGERS: u16 = 700;

struct World {
    runtime: Runtime,
    place: Place,
    kafka: Kafka,
    seeded: Seeded,
    tenant: TenantId,
    appended: u16,
}

impl World {
    fn start(&self) -> Running {
        let command = self.place.bellwether(&["sink", "rows"]).env("BELLWETHER_LOG", self.kafka.url());
        let command = command.env("TMPDIR", self.place.path("."));
        command.env("FXLABS_DATABASE_URL", self.seeded.pipeline.reveal()).start()
    }

    fn topic(&self) -> Topic {
        Topic::new(&self.tenant, TopicKind::Triggers)
    }

    /// Who of the group has the tenant now.
    fn owner(&self, log: &dyn Log) -> Option<String> {
        let members = log.members(ROWS.name).unwrap_or_default();
        members.into_iter().find(|member| member.topics.contains(&self.topic())).map(|member| member.id)
    }

    fn append(&mut self, log: &dyn Log, many: u16) {
        let (users, alerts) = seed::sample(&self.tenant);
        let record = |number| {
            let (kind, alert, user) = (AlertKind::RsiTracker, alerts[0].id, users[0].id);
            let outcome = Outcome::Fired(samples::trigger(&self.tenant, kind, alert, user, number));
            NewRecord { key: outcome.key().into_bytes(), value: encode_outcome(&outcome).unwrap() }
        };
        let records = (self.appended..self.appended + many).map(record).collect();
        log.append(&self.topic(), records).wait().unwrap();
        self.appended += many;
    }

    fn number(&self, sql: &'static str) -> i64 {
        self.runtime.block_on(async {
            let mut admin = PgConnection::connect(self.seeded.admin.reveal()).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut admin).await.unwrap()
        })
    }

    fn has_passed_all(&self) -> bool {
        self.number("select coalesce(max(next_offset), 0) from bellwether.sink_cursor")
            == i64::from(self.appended)
    }

    /// A sink's transaction waits for somebody.
    fn somebody_waits(&self) -> bool {
        let waits = "select count(*) from pg_stat_activity where datname = current_database()
            and usename = 'bellwether_fxlabs' and wait_event_type = 'Lock'";
        self.number(waits) > 0
    }

    /// Every trigger once, as a row, at its alert and in its user's line.
    fn assert_exact(&self) {
        let counts = [
            "select count(*) from public.rsi_tracker_alert_triggers",
            "select count(distinct id) from public.rsi_tracker_alert_triggers",
            "select sum(trigger_count)::bigint from public.alert_status",
            "select count(*) from public.user_events",
            "select sum(next_seq - 1)::bigint from public.user_line",
        ]
        .map(|sql| self.number(sql));
        assert_eq!(counts, [i64::from(self.appended); 5]);
    }
}

#[test]
fn a_sink_that_wakes_up_when_another_has_its_tenant_changes_nothing() {
    if !Kafka::is_available() && std::env::var_os("CI").is_none() {
        return eprintln!("\n*** SKIPPED: Java or Maven is missing: run scripts/setup ***\n");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (place, tenant): (Place, TenantId) = (Place::new(), "fxlabs".parse().unwrap());
    std::fs::remove_file(place.path("tenants/hextech.toml")).unwrap();
    let server = runtime.block_on(Postgres::start(&place.path("postgres"), Options::default())).unwrap();
    let seeded = runtime.block_on(seed::database(&server, "zombies", &tenant)).unwrap();
    runtime.block_on(seed::add_users(&seeded.admin, &seed::sample(&tenant).0)).unwrap();
    let kafka = Kafka::start(&place.path("services"), 1).unwrap();
    let log = open(kafka.url(), Access::Write, Clock::system()).unwrap();
    for topic in Topic::all(&tenant) {
        log.create(&topic).unwrap();
    }
    let mut world = World { runtime, place, kafka, seeded, tenant, appended: 0 };
    let mut sinks = Vec::new();
    for number in 0..2 {
        let sink = world.start();
        assert!(until(LIMIT, || log.members(ROWS.name).unwrap_or_default().len() == number + 1));
        assert!(until(LIMIT, || world.owner(log.as_ref()).is_some()), "{}", sink.stderr());
        sinks.push(sink);
    }
    // The first one took the first free slot, and keeps the tenant when the other comes.
    let first = world.owner(log.as_ref()).unwrap();
    let rounds = std::env::var("ROUNDS").map_or(2, |text| text.parse().unwrap());
    for round in 0..rounds {
        let owner = world.owner(log.as_ref()).unwrap();
        let frozen = &sinks[usize::from(owner != first)];
        freeze(&mut world, log.as_ref(), frozen, &owner, round % 2 == 1);
        world.assert_exact();
    }
    for sink in sinks {
        sink.stop(LIMIT).ended(0);
    }
    world.runtime.block_on(server.stop()).unwrap();
}

/// One round: `frozen`, which has the tenant, stands still with a transaction under way.
fn freeze(world: &mut World, log: &dyn Log, frozen: &Running, owner: &str, ended: bool) {
    let admin = world.seeded.admin.clone();
    let mut holder = world.runtime.block_on(PgConnection::connect(admin.reveal())).unwrap();
    let lock = "begin; lock table public.rsi_tracker_alert_triggers in access exclusive mode";
    world.runtime.block_on(sqlx::raw_sql(lock).execute(&mut holder)).unwrap();
    world.append(log, TRIGGERS);
    assert!(until(LIMIT, || world.somebody_waits()), "{}", frozen.stderr());
    frozen.signal("STOP");
    world.runtime.block_on(sqlx::raw_sql("rollback").execute(&mut holder)).unwrap();
    if ended {
        let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = 'bellwether_fxlabs'
            and datname = current_database()";
        assert!(world.number(end) >= 1);
    }
    let is_anothers = || world.owner(log).is_some_and(|other| other != owner);
    assert!(until(LIMIT, is_anothers), "the group waits for who stands still");
    if ended {
        assert!(until(LIMIT, || world.has_passed_all()));
    } else {
        // Whoever has the tenant now waits for the cursor that the other one holds.
        assert!(until(LIMIT, || world.somebody_waits()));
    }
    frozen.signal("CONT");
    world.append(log, TRIGGERS);
    assert!(until(LIMIT, || world.has_passed_all()), "{}", frozen.stderr());
    assert!(until(LIMIT, || log.members(ROWS.name).unwrap_or_default().len() == 2), "it comes back");
}
