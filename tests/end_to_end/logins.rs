//! As whom a role logs in to a tenant's database is looked at when it starts: one that row security does not bind leaves
//! its tenant out, whatever else the role would have to do, and ends a role that has no other; a database that is away does
//! neither.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;
mod support;

use std::time::Duration;

use bellwether_local::inbox::Inbox;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed::{self, Seeded, User};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::secret::Secret;
use bellwether_schemas::{TenantId, UserId, ids};
use sqlx::{AssertSqlSafe, Connection, Executor};

use journal::{Journal, quotes};
use support::{LIMIT, Place, Running, until};

const ROLES: [&[&str]; 5] = [
    &["sink", "rows"],
    &["sink", "mail"],
    &["sink", "schedule"],
    &["produce", "alerts"],
    &["gateway", "--listen", "127.0.0.1:0"],
];

fn start(place: &Place, role: &[&str], url: &Secret) -> Running {
    let command = place.bellwether(role).env("FXLABS_DATABASE_URL", url.reveal());
    command.env("FXLABS_GATEWAY_DATABASE_URL", url.reveal()).start()
}

/// A role of that database's server which may more than a pipeline, and in which way.
async fn powerful(server: &Postgres, seeded: &Seeded) -> Vec<(Secret, &'static str)> {
    let mut admin = sqlx::PgConnection::connect(seeded.admin.reveal()).await.unwrap();
    let mut roles = vec![(seeded.admin.clone(), "is a superuser")];
    for (name, attribute, power) in
        [("passes", "bypassrls", "bypasses row security"), ("makes", "createrole", "may create roles")]
    {
        let password = server.password_of(name);
        let create = format!("create role {name} login {attribute} password '{}'", password.reveal());
        admin.execute(AssertSqlSafe(create)).await.unwrap();
        roles.push((server.url_as(name, &password, "logins_fxlabs"), power));
    }
    let password = server.password_of("owner");
    let create = format!(
        "create role owner login password '{}'; alter table public.user_line owner to owner",
        password.reveal()
    );
    admin.execute(AssertSqlSafe(create)).await.unwrap();
    roles.push((server.url_as("owner", &password, "logins_fxlabs"), "owns the tables"));
    roles
}

#[test]
fn a_role_that_row_security_does_not_bind_is_refused_at_the_start_and_a_database_that_is_away_is_not() {
    let place = Place::new();
    std::fs::remove_file(place.path("tenants/hextech.toml")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let home = tempfile::tempdir().unwrap();
    let server = runtime.block_on(Postgres::start(home.path(), Options::default())).unwrap();
    let id = "fxlabs".parse().unwrap();
    let seeded = runtime.block_on(seed::database(&server, "logins_fxlabs", &id)).unwrap();
    let powerful = runtime.block_on(powerful(&server, &seeded));
    let every_role = ROLES.iter().zip(powerful.iter().cycle());
    let every_power = std::iter::repeat(&ROLES[0]).zip(&powerful);
    for (role, (url, power)) in every_role.chain(every_power) {
        let ran = start(&place, role, url).wait(LIMIT).ended(78);
        let told = ran.error().contains("tenant fxlabs") && ran.error().contains(power);
        assert!(told, "{role:?}: {}", ran.error());
    }
    let right = seeded.pipeline.clone();
    runtime.block_on(server.remove()).unwrap();
    for role in &ROLES[..4] {
        let mut running = start(&place, role, &right);
        let waits = "cannot connect to the database of tenant fxlabs";
        let said = until(LIMIT, || running.stderr().contains(waits) || running.has_ended());
        assert!(said && !running.has_ended(), "{role:?}: {}", running.stderr());
        running.stop(Duration::from_secs(30)).ended(0);
    }
}

#[test]
fn a_gateways_wrong_login_is_told_to_the_operator_and_other_tenants_links_are_answered() {
    let place = Place::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(Postgres::start(&place.path("postgres"), Options::default())).unwrap();
    let id = "fxlabs".parse().unwrap();
    let seeded = runtime.block_on(seed::database(&server, "gateway_fxlabs", &id)).unwrap();
    let inbox = runtime.block_on(Inbox::start(([127, 0, 0, 1], 0).into(), None, Clock::system())).unwrap();
    let command = place.bellwether(&["gateway", "--listen", "127.0.0.1:0"]);
    let command = command.env("BELLWETHER_OPERATOR_SMTP", format!("smtp://{}?tls=none", inbox.addr));
    let command = command.env("BELLWETHER_OPERATOR_FROM", "ops@ops.example");
    let command = command.env("BELLWETHER_OPERATOR_TO", "oncall@ops.example");
    let command = command.env("FXLABS_GATEWAY_DATABASE_URL", seeded.admin.reveal());
    // One that is away may be right.
    let command = command.env("HEXTECH_GATEWAY_DATABASE_URL", "postgres://x:x@127.0.0.1:9/x");
    let mut running = command.start();
    let told = until(LIMIT, || inbox.store.taken() > 0 || running.has_ended());
    assert!(told && !running.has_ended(), "{}", running.stderr());
    running.stop(Duration::from_secs(30)).ended(0);
    assert_eq!(inbox.store.taken(), 1);
    runtime.block_on(server.remove()).unwrap();
}

/// A database with its user for each of two tenants, whose logs have a trigger of that user's alert.
async fn with_triggers(place: &Place, server: &Postgres) -> [Seeded; 2] {
    let seeded = ["fxlabs", "hextech"].map(async |id| {
        let tenant: TenantId = id.parse().unwrap();
        let seeded = seed::database(server, &format!("several_{id}"), &tenant).await.unwrap();
        let id = UserId(ids::derive(&format!("{tenant} user 1")));
        let user = User { id, email: format!("one@{tenant}.example"), confirmed: true };
        seed::add_users(&seeded.admin, &[user]).await.unwrap();
        place.write(&format!("tenants/{tenant}.url"), seeded.pipeline.reveal().as_bytes());
        let url = format!("[database]\nurl_file = \"{tenant}.url\"");
        place.edit(&format!("tenants/{tenant}.toml"), "[database]", &url);
        seeded
    });
    let [fxlabs, hextech] = seeded;
    let seeded = [fxlabs.await, hextech.await];
    place.write("good.csv", quotes().join("\n").as_bytes());
    place.run(&["produce", "file", "--input", "GBPUSD=good.csv", "--speed", "0"]).ended(0);
    place.run(&["process", "--drain"]).ended(0);
    seeded
}

async fn rows(seeded: &Seeded) -> i64 {
    let mut admin = sqlx::PgConnection::connect(seeded.admin.reveal()).await.unwrap();
    let count = "select count(*) from public.rsi_tracker_alert_triggers";
    sqlx::query_scalar(count).fetch_one(&mut admin).await.unwrap()
}

#[test]
fn of_several_tenants_a_bad_file_and_a_powerful_login_leave_out_their_own_until_they_are_mended() {
    let place = Place::new();
    drop(Journal::begin(&place));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(Postgres::start(&place.path("postgres"), Options::default())).unwrap();
    let [fxlabs, hextech] = runtime.block_on(with_triggers(&place, &server));
    let drained = |place: &Place| place.run(&["sink", "rows", "--drain"]);

    place.write("tenants/fxlabs.url", fxlabs.admin.reveal().as_bytes());
    place.write("tenants/acme.toml", b"revision = true");
    // One that ends by itself has served the others by then, and says what it did not do.
    let ran = drained(&place).ended(78);
    assert!(ran.error().starts_with("tenants/acme.toml: "), "{ran}");
    assert!(ran.stderr.contains("tenant fxlabs: ") && ran.stderr.contains("is a superuser"), "{ran}");
    let counted = runtime.block_on(async { (rows(&fxlabs).await, rows(&hextech).await) });
    assert!(counted.0 == 0 && counted.1 > 0, "{counted:?}: {ran}");

    // One that goes on takes them up as they are mended.
    let running = place.bellwether(&["sink", "rows"]).start();
    let says = |text: &str| until(LIMIT, || running.stderr().contains(text));
    assert!(says("it is left out until that is mended tenant.id=fxlabs"), "{}", running.stderr());
    assert!(says("a tenant's file is not used"), "{}", running.stderr());
    place.write("tenants/fxlabs.url", fxlabs.pipeline.reveal().as_bytes());
    place.copy_tenant("hextech", "acme");
    place.edit("tenants/acme.toml", "hextech.url", "acme.url");
    place.write("tenants/acme.url", b"postgres://acme:x@127.0.0.1:9/acme");
    assert!(says("is right again: it is served tenant.id=fxlabs"), "{}", running.stderr());
    assert!(says("a tenant was added tenant.id=acme"), "{}", running.stderr());
    assert!(until(LIMIT, || runtime.block_on(rows(&fxlabs)) > 0), "{}", running.stderr());
    running.stop(Duration::from_secs(30)).ended(0);

    // Named alone, or with others that are no better, it is refused as ever.
    place.write("tenants/fxlabs.url", fxlabs.admin.reveal().as_bytes());
    place.write("tenants/acme.toml", b"revision = true");
    place.run(&["sink", "rows", "--tenant", "fxlabs"]).ended(78);
    place.run(&["sink", "rows", "--tenant", "fxlabs", "--tenant", "acme"]).ended(78);
    runtime.block_on(server.remove()).unwrap();
}
