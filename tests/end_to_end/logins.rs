//! As whom a role logs in to a tenant's database is looked at when it starts: one that row security does not bind ends
//! it, whatever else the role would have to do; a database that is away does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed::{self, Seeded};
use bellwether_runtime::secret::Secret;
use sqlx::{AssertSqlSafe, Connection, Executor};

use support::{LIMIT, Place, Running};

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
        let said = support::until(LIMIT, || running.stderr().contains(waits) || running.has_ended());
        assert!(said && !running.has_ended(), "{role:?}: {}", running.stderr());
        running.stop(Duration::from_secs(30)).ended(0);
    }
}
