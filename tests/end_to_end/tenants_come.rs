//! A tenant is added while the roles run on a real Kafka: each takes it up, and none is started again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod support;

use std::time::Duration;

use bellwether_local::kafka::Kafka;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed::{self, Seeded};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Log, open};
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

fn next(log: &dyn Log, tenant: &TenantId, kind: TopicKind) -> u64 {
    log.bounds(&Topic::new(tenant, kind)).map_or(0, |bounds| bounds.next)
}

#[test]
fn a_tenant_added_while_roles_run_on_kafka_is_taken_up_within_ten_seconds() {
    if !Kafka::is_available() && std::env::var_os("CI").is_none() {
        eprintln!(
            "\n*** SKIPPED: Kafka is not tested, because Java or Maven is missing: run scripts/setup ***\n"
        );
        return;
    }
    let place = Place::new();
    std::fs::remove_file(place.path("tenants/hextech.toml")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Postgres::start(&place.path("postgres"), Options::default())).unwrap();
    let fxlabs = runtime.block_on(seeded(&server, "fxlabs"));
    let acme = runtime.block_on(seeded(&server, "acme"));
    let kafka = Kafka::start(&place.path("services"), 1).unwrap();
    let world = World { place, kafka, fxlabs, acme };
    world.start(&["topics", "apply"]).wait(LIMIT).ended(0);
    let roles = [
        world.start(&["process"]),
        world.start(&["sink", "rows"]),
        world.start(&["produce", "alerts"]),
        world.start(&["produce", "synthetic", "--speed", "1200"]),
    ];
    let log = open(world.kafka.url(), Access::Read, Clock::system()).unwrap();
    let folded = |id: &TenantId| {
        log.committed("bellwether-process", &Topic::new(id, TopicKind::Journal)).is_ok_and(|at| at > Some(5))
    };
    let said = || roles.iter().map(Running::stderr).collect::<Vec<_>>().join("\n---\n");
    assert!(until(LIMIT, || folded(&"fxlabs".parse().unwrap())), "{}", said());

    // The file first, so that every role meets a tenant whose topics are not there yet.
    world.place.copy_tenant("fxlabs", "acme");
    assert!(until(LIMIT, || roles[0].stderr().contains("a tenant was added tenant.id=acme")), "{}", said());
    let acme: TenantId = "acme".parse().unwrap();
    world.start(&["topics", "apply", "--tenant", "acme"]).wait(LIMIT).ended(0);
    assert!(until(TAKEN_UP, || folded(&acme)), "{}", said());
    assert!(
        until(LIMIT, || next(log.as_ref(), &acme, TopicKind::Triggers) > 0 && world.rows() > 0),
        "{}",
        said()
    );
    for role in roles {
        role.stop(STOP).ended(0);
    }
    runtime.block_on(server.stop()).unwrap();
}
