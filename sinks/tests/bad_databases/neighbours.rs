//! One tenant that is well among tenants whose databases are bad in every way at once.

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::config::Tenant;
use bellwether_runtime::secret::Secret;
use sqlx::{Connection, Executor};
use tokio::time::Instant;

use crate::hostile::{Fake, Manner};
use crate::support::proxy::Proxy;
use crate::support::*;

const MANNERS: [(Manner, &str); 5] = [
    (Manner::Silent, "silent"),
    (Manner::Endless, "endless"),
    (Manner::Notices, "notices"),
    (Manner::Dripping, "dripping"),
    (Manner::Mute, "mute"),
];
/// Until whoever does not answer was given up and asked again: ten seconds each time.
const WATCHED: Duration = Duration::from_secs(12);
/// Most that a row of the healthy one takes on a machine that is busy with others.
const SOON_ENOUGH: Duration = Duration::from_secs(3);
/// Most that the process grows by, bytes.
const GROWTH: u64 = 128 << 20;

fn at(id: &str, port: u16) -> Tenant {
    tenant(id, Some(&format!("postgres://somebody:secret@127.0.0.1:{port}/database")))
}

/// Memory of this process, bytes.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A database that waits a second for each row until `faults.wait` is empty.
async fn slow() -> Home {
    let slow = Home::new("slow", "slow", 1).await;
    slow.execute(
        "create schema faults; create table faults.wait as select 1;
         create function faults.wait() returns trigger language plpgsql security definer as $$
         begin perform pg_sleep(1) from faults.wait; return new; end $$;
         create trigger wait before insert on public.rsi_tracker_alert_triggers
           for each row execute function faults.wait()",
    )
    .await;
    slow
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_that_are_away_slow_blocked_or_hostile_delay_no_other_tenant_and_get_every_row_once_they_are_well()
 {
    let proxy = Proxy::to(server().await.port()).await;
    let (away, slow) = (Home::new("away", "away", 1).await.over(&proxy), slow().await);
    let (blocked, healthy) =
        (Home::new("blocked", "blocked", 1).await, Home::new("healthy", "healthy", 1).await);
    proxy.lead_to(None);
    let mut holder = blocked.admin().await;
    let mut lock = holder.begin().await.unwrap();
    lock.execute("lock table public.rsi_tracker_alert_triggers in access exclusive mode").await.unwrap();
    let mut fakes = Vec::new();
    for (manner, id) in MANNERS {
        fakes.push((id, Fake::start(manner).await));
    }
    let homes = [&away, &slow, &blocked, &healthy];
    let mut tenants: Vec<Tenant> = homes.iter().map(|home| home.tenant.clone()).collect();
    tenants.extend(fakes.iter().map(|(id, fake)| at(id, fake.port)));
    let mut world = World::new(tenants.clone());
    for tenant in tenants.iter().filter(|tenant| tenant.id.as_str() != "healthy") {
        world.append(tenant.id.as_str(), &fired(tenant.id.as_str(), 0..4)).await;
    }
    let before = resident();
    let sink = Sink::start(&world);
    let (begun, mut longest, mut rows) = (Instant::now(), Duration::ZERO, 0);
    while begun.elapsed() < WATCHED || fakes.iter().any(|(_, fake)| fake.asked() < 2) {
        assert!(
            begun.elapsed() < SOON,
            "somebody is still waited for: {:?}",
            fakes.iter().map(|(id, fake)| (id, fake.asked())).collect::<Vec<_>>()
        );
        let appended = Instant::now();
        world.append("healthy", &fired("healthy", rows..rows + 1)).await;
        rows += 1;
        healthy.passed(rows as u64).await;
        longest = longest.max(appended.elapsed());
    }
    let grown = resident().saturating_sub(before);
    println!(
        "{rows} rows of the healthy tenant, the slowest after {longest:?}; grown by {} KiB",
        grown / 1024
    );
    assert!(longest < SOON_ENOUGH, "a row of the healthy tenant took {longest:?}");
    assert!(grown < GROWTH, "what others send is kept: {grown} bytes more");
    assert_eq!(away.rows().await, 0);

    proxy.lead_to(Some(server().await.port()));
    lock.rollback().await.unwrap();
    slow.execute("delete from faults.wait").await;
    // Somebody mends the file of one whose server was none.
    let mended = Home::new("mended", "silent", 1).await;
    let others = tenants.into_iter().filter(|tenant| tenant.id.as_str() != "silent");
    world.tenants.send_replace(Arc::new(others.chain([mended.tenant.clone()]).collect()));
    for home in [&away, &slow, &blocked, &mended] {
        home.passed(4).await;
        assert_eq!(home.rows().await, 4);
    }
    sink.stop(&mut world).await;
    assert_eq!(healthy.rows().await, rows as i64);
}

#[tokio::test]
async fn a_pooler_that_a_tenants_file_says_nothing_of_is_called_by_its_name() {
    // Said by pgbouncer of what it does not pass on.
    let text = "SFATAL\0C08P01\0Munsupported startup parameter: extra_float_digits\0\0";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(crate::hostile::refuse_all(listener, text));
    let error = bellwether_database::TenantConnection::open(&at("fxlabs", port)).await.unwrap_err();
    assert!(error.to_string().contains("set database.mode"), "{error}");
    let url = Secret::new("postgres://a:b@127.0.0.1/c?sslmode=sometimes");
    let mut tenant = at("fxlabs", port);
    tenant.database.url = Some(url);
    let error = bellwether_database::check_configured(&tenant).unwrap_err();
    assert!(error.to_string().starts_with("sslmode in the database's url is none of"), "{error}");
}
