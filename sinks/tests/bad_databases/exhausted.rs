//! Servers that have nothing left to give, and a day on which every database is away.

use bellwether_database::TenantConnection;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_runtime::incident::{Change, IncidentKind, Incidents};
use bellwether_sinks::feed::Context;
use bellwether_sinks::rows;
use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::neighbours::resident;
use crate::support::proxy::Proxy;
use crate::support::*;

/// Connections of the small server, of which three are its superuser's.
const CONNECTIONS: u16 = 10;
/// Triggers that each tenant has when memory is looked at first: more than its lane and what is read ahead hold.
const FIRST: usize = 6_000;
/// Triggers that come after that.
const LATER: usize = 12_000;
/// Most that the process grows by meanwhile, bytes: what would be kept of them is twice that.
const GROWTH: u64 = 8 << 20;

#[tokio::test]
async fn a_server_without_a_free_connection_keeps_its_newcomers_waiting_and_those_it_has_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { connections: CONNECTIONS, ..Options::default() };
    let server = Postgres::start(dir.path(), options).await.unwrap();
    let (early, late) =
        (Home::on(&server, "few", "early", 1).await, Home::on(&server, "few", "late", 1).await);
    let mut world = World::new(vec![early.tenant.clone(), late.tenant.clone()]);
    let sink = Sink::start(&world);
    world.append("early", &fired("early", 0..5)).await;
    early.passed(5).await;

    // The sink looked into both at once; `late` loses what it had, and somebody takes every place that is free. Should the sink
    // be faster, it loses that again.
    let mut admin = PgConnection::connect(late.seeded.admin.reveal()).await.unwrap();
    let (mut held, mut pids): (Vec<PgConnection>, Vec<i32>) = Default::default();
    let full = loop {
        match PgConnection::connect(late.seeded.pipeline.reveal()).await {
            Ok(mut connection) => {
                let pid = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await;
                pids.push(pid.unwrap());
                held.push(connection);
            }
            Err(error) => {
                let lost = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where usename = 'bellwether_late' and pid <> all($1)";
                let lost: i64 = sqlx::query_scalar(lost).bind(&pids).fetch_one(&mut admin).await.unwrap();
                if lost == 0 {
                    break error.as_database_error().and_then(|error| error.code().map(String::from));
                }
            }
        }
        assert!(held.len() < usize::from(CONNECTIONS));
    };
    assert_eq!(full.as_deref(), Some("53300"));
    world.append("late", &fired("late", 0..20)).await;
    let error = TenantConnection::open(&late.tenant).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    for number in 5..10 {
        world.append("early", &fired("early", number..number + 1)).await;
        early.passed(number as u64 + 1).await;
    }
    assert_eq!(late.rows().await, 0);
    drop(held);
    late.passed(20).await;
    sink.stop(&mut world).await;
    assert_eq!((early.rows().await, late.rows().await), (10, 20));
    server.remove().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_every_database_is_away_intake_goes_on_memory_stays_flat_and_all_of_it_comes_after() {
    let proxy = Proxy::to(server().await.port()).await;
    let homes =
        [Home::new("day", "away1", 1).await.over(&proxy), Home::new("day", "away2", 1).await.over(&proxy)];
    proxy.lead_to(None);
    let mut world = World::new(homes.iter().map(|home| home.tenant.clone()).collect());
    let append = async |numbers: std::ops::Range<usize>| {
        for home in &homes {
            let id = home.tenant.id.as_str();
            world.append(id, &fired(id, numbers.clone())).await;
        }
    };
    append(0..FIRST).await;
    let sink = Sink::start(&world);
    let tried = async |times: u32| {
        let before = proxy.asked();
        eventually("the databases to be tried", async || proxy.asked() >= before + times).await;
    };
    tried(6).await;
    let before = resident();
    append(FIRST..FIRST + LATER).await;
    tried(4).await;
    let grown = resident().saturating_sub(before);
    println!("{} triggers more, and {} KiB", homes.len() * LATER, grown / 1024);
    assert!(grown < GROWTH, "what waits is kept in memory: {grown} bytes more");
    for home in &homes {
        assert_eq!(world.committed(rows::SINK, home.tenant.id.as_str()), 0);
    }

    proxy.lead_to(Some(server().await.port()));
    for home in &homes {
        home.passed((FIRST + LATER) as u64).await;
        assert_eq!(home.rows().await, (FIRST + LATER) as i64);
    }
    sink.stop(&mut world).await;
    for home in &homes {
        assert_eq!(world.dead_letters(home.tenant.id.as_str()), []);
    }
}

/// A directory of Postgres' user on a file system of its own of some 8 MB: `mount -t tmpfs -o size=8m,mode=777`.
const SMALL_DISK: &str = "SMALL_DISK";

#[tokio::test]
#[ignore = "wants a small file system, which only root can make: SMALL_DISK names a directory of Postgres' user there"]
async fn a_disk_that_is_full_parks_its_tenant_alone_until_there_is_room() {
    let small = std::env::var(SMALL_DISK).unwrap();
    let (home, neighbour) = (Home::new("disk", "fxlabs", 1).await, Home::new("disk", "hextech", 1).await);
    home.execute(&format!("create tablespace small location '{small}'")).await;
    home.execute("alter table public.rsi_tracker_alert_triggers set tablespace small").await;
    home.execute("create table public.filler (text text) tablespace small").await;
    let fill = "insert into public.filler select repeat(md5(n::text), 30) from generate_series(1, $1) n";
    for rows in [1_000, 100, 10, 1] {
        let mut admin = home.admin().await;
        while sqlx::query(fill).bind(rows).execute(&mut admin).await.is_ok() {}
    }
    let mut world = World::new(vec![home.tenant.clone(), neighbour.tenant.clone()]);
    let (incidents, news) = Incidents::new(world.context().clock);
    let sink = Sink::of(Context { incidents, ..world.context() });
    world.append("fxlabs", &fired("fxlabs", 0..2_000)).await;
    let mut told = String::new();
    let begun = tokio::time::Instant::now();
    let mut others = 0;
    while told.is_empty() {
        assert!(begun.elapsed() < 3 * SOON);
        world.append("hextech", &fired("hextech", others..others + 1)).await;
        others += 1;
        neighbour.passed(others as u64).await;
        told = news
            .take()
            .into_iter()
            .find_map(|((_, kind), change)| match change {
                Change::Began { text, .. } if kind == IncidentKind::Parked => Some(text),
                _ => None,
            })
            .unwrap_or_default();
    }
    println!("{others} rows of the neighbour meanwhile; told: {told}");
    assert!(told.starts_with("53100"), "{told}");
    home.execute("drop table public.filler").await;
    home.passed(2_000).await;
    sink.stop(&mut world).await;
    assert_eq!((home.rows().await, neighbour.rows().await), (2_000, others as i64));
    assert_eq!(world.dead_letters("fxlabs"), []);
}
