//! From a trigger's append to its committed row, and what neighbours with bad databases change of it.
//!
//! `cargo bench -p bellwether-sinks --bench neighbours`. One tenant's triggers are appended to an embedded log at fixed times,
//! a few in a record of time, whatever becomes of those before; a latency counts from the time at which the trigger was to
//! be appended, and ends with its transaction's commit (`track_commit_timestamp`). First the top rate: how fast what waits
//! is written. Then the latency at half of it. Then, at a quarter, `PAIRS` (8) times `SECONDS` (20) alone and as many
//! beside three tenants with triggers waiting: one whose server is away, one whose server takes a second for each row,
//! one whose server never answers.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock")]

#[allow(dead_code, reason = "a bench uses its part")]
#[path = "../tests/bad_databases/hostile.rs"]
mod hostile;
#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bellwether_local::postgres::{Options, Postgres};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::Tenant;
use hostile::{Fake, Manner};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use support::proxy::Proxy;
use support::*;
use uuid::Uuid;

const ID: &str = "healthy";
/// Triggers that wait when the top rate is measured.
const WAITING: usize = 30_000;
/// Between two appends.
const STEP: Duration = Duration::from_millis(10);
/// Most that neighbours may do to the 99th percentile.
const MOST: f64 = 1.25;

#[tokio::main]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let server = server_with_commit_times(dir.path()).await;
    let home = Home::on(&server, "bench", ID, 1).await;
    let neighbours = Neighbours::new(&server).await;
    let mut world = World::new(vec![home.tenant.clone()]);
    let mut bench = Bench { home: &home, appended: 0 };
    let sink = Sink::start(&world);
    let top = bench.top_rate(&world).await;
    println!("top rate: {top:.0} triggers/s written of one tenant that waited");
    let half = bench.latencies(&world, top / 2.0, Duration::from_secs(30)).await;
    println!(
        "at half of it: p50 {:.1} ms, p99 {:.1} ms, {} rows",
        at(&half, 0.5),
        at(&half, 0.99),
        half.len()
    );

    let (pairs, seconds) = (size("PAIRS", 8), Duration::from_secs(size("SECONDS", 20)));
    neighbours.fill(&world).await;
    let mut ratios = Vec::new();
    for pair in 0..pairs {
        let mut p99 = [0.0; 2];
        for beside in if pair % 2 == 0 { [0, 1] } else { [1, 0] } {
            let others = if beside == 1 { neighbours.tenants() } else { Vec::new() };
            let tenants = others.into_iter().chain([home.tenant.clone()]).collect();
            world.tenants.send_replace(Arc::new(tenants));
            p99[beside] = at(&bench.latencies(&world, top / 4.0, seconds).await, 0.99);
        }
        println!("pair {pair}: p99 alone {:.1} ms, beside them {:.1} ms", p99[0], p99[1]);
        ratios.push(p99[1] / p99[0]);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    if let [first, .., last] = ratios[..] {
        let median = f64::midpoint(ratios[(ratios.len() - 1) / 2], ratios[ratios.len() / 2]);
        let met = if median <= MOST { "met" } else { "missed" };
        println!("goal {met}: median of the ratios <= {MOST}: {median:.2} ({first:.2} to {last:.2})");
    }
    sink.stop(&mut world).await;
    server.remove().await.unwrap();
}

fn size(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// The value below which that share of them lies.
fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

async fn server_with_commit_times(dir: &std::path::Path) -> Postgres {
    let options = Options { fsync: true, ..Options::default() };
    let server = Postgres::start(dir, options).await.unwrap();
    let mut admin = PgConnection::connect(server.url("postgres").reveal()).await.unwrap();
    admin.execute("alter system set track_commit_timestamp = on").await.unwrap();
    admin.close().await.unwrap();
    server.stop().await.unwrap();
    Postgres::start(dir, options).await.unwrap()
}

struct Bench<'a> {
    home: &'a Home,
    appended: usize,
}

impl Bench<'_> {
    fn next(&mut self, many: usize) -> Range<usize> {
        let from = self.appended;
        self.appended += many;
        from..self.appended
    }

    async fn top_rate(&mut self, world: &World) -> f64 {
        // The first round warms up.
        let mut rate = 0.0;
        for _ in 0..2 {
            world.append(ID, &fired(ID, self.next(WAITING))).await;
            let (begun, before) = (Instant::now(), self.home.rows().await);
            self.home.passed(self.appended as u64).await;
            rate = (self.home.rows().await - before) as f64 / begun.elapsed().as_secs_f64();
        }
        rate
    }

    /// Milliseconds of each trigger, in order.
    async fn latencies(&mut self, world: &World, rate: f64, time: Duration) -> Vec<f64> {
        let each = (rate * STEP.as_secs_f64()).round().max(1.0) as usize;
        let (begun, clock) = (tokio::time::Instant::now(), Clock::system());
        let began_at = clock.now();
        let mut due = HashMap::new();
        for step in 0..(time.as_micros() / STEP.as_micros()) as u32 {
            tokio::time::sleep_until(begun + STEP * step).await;
            let outcomes = fired(ID, self.next(each));
            let at = began_at.0 + i64::from(step) * STEP.as_micros() as i64;
            due.extend((self.appended - each..self.appended).map(|number| (trigger(ID, number).id.0, at)));
            world.append(ID, &outcomes).await;
        }
        self.home.passed(self.appended as u64).await;
        let mut admin = self.home.admin().await;
        let rows: Vec<(Uuid, i64)> = sqlx::query_as(
            "select id, (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000000)::bigint
             from public.rsi_tracker_alert_triggers where created_at >= $1",
        )
        .bind(began_at.utc())
        .fetch_all(&mut admin)
        .await
        .unwrap();
        let taken = |(id, committed): (Uuid, i64)| due.get(&id).map(|due| (committed - due) as f64 / 1_000.0);
        let mut taken: Vec<f64> = rows.into_iter().filter_map(taken).collect();
        assert_eq!(taken.len(), due.len(), "a row a trigger");
        taken.sort_unstable_by(f64::total_cmp);
        taken
    }
}

/// Tenants whose databases are bad.
struct Neighbours {
    away: Home,
    slow: Home,
    mute: Fake,
}

impl Neighbours {
    async fn new(server: &Postgres) -> Self {
        let proxy = Proxy::to(server.port()).await;
        let away = Home::on(server, "bench", "away", 1).await.over(&proxy);
        proxy.lead_to(None);
        let slow = Home::on(server, "bench", "slow", 1).await;
        slow.execute(
            "create schema faults;
             create function faults.wait() returns trigger language plpgsql as $$
             begin perform pg_sleep(1); return new; end $$;
             create trigger wait before insert on public.rsi_tracker_alert_triggers
               for each row execute function faults.wait();
             grant usage on schema faults to public",
        )
        .await;
        Self { away, slow, mute: Fake::start(Manner::Mute).await }
    }

    fn tenants(&self) -> Vec<Tenant> {
        let url = format!("postgres://somebody:secret@127.0.0.1:{}/database", self.mute.port);
        vec![self.away.tenant.clone(), self.slow.tenant.clone(), tenant("mute", Some(&url))]
    }

    /// What they are behind with.
    async fn fill(&self, world: &World) {
        for tenant in self.tenants() {
            world.create_topics(&tenant.id);
            world.append(tenant.id.as_str(), &fired(tenant.id.as_str(), 0..5_000)).await;
        }
    }
}
