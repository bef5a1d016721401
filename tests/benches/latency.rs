//! From a tick's append to the commit of the row it caused, on a real Kafka and Postgres; beside the same path with an
//! engine that computes nothing.
//!
//! `cargo bench -p bellwether-tests --bench latency`. Ticks are appended at fixed times, five in a record, 200 records a
//! second, whatever becomes of those before; a latency counts from the time at which the record was to be appended.
//! Commits carry Postgres' own time (`track_commit_timestamp`), on this host's clock. The empty engine reads the same
//! records and appends, for each that fires something, the bytes that the engine's worker appends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]
#![expect(clippy::cast_possible_wrap, clippy::cast_precision_loss, reason = "counts of a bench")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bellwether_engine::{ENGINE_VERSION, Effect, Engine};
use bellwether_local::kafka::Kafka;
use bellwether_local::postgres::{Options, Postgres};
use bellwether_local::seed::{self, Alert, Seeded, User};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::{Tenant, load_tenant};
use bellwether_runtime::log::kafka::{KafkaLog, Options as Appearance};
use bellwether_runtime::log::{Access, Assignments, Log, NewRecord, Polled, Start};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::settings::SettingsChanged;
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::time::SECOND;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{AlertId, Entry, Origin, Timeframe, Timestamp, Topic, TopicKind, UserId, codec};
use bellwether_sinks::rows;
use sqlx::{Connection, Executor, PgConnection};
use tokio::sync::watch;
use uuid::Uuid;

const ROUNDS: usize = 3;
/// Records of a round, one every [`EVERY`] microseconds.
const RECORDS: usize = 6_000;
const EVERY: i64 = 5_000;
const TICKS: usize = 5;
/// Event time from a tick to the next: ten minutes of the market in a second.
const STEP: i64 = 600_000;
/// A price rises for so long, then falls for so long.
const SWING: i64 = 1_200 * SECOND;
/// 2024-01-08T00:00:00Z, a Monday.
const START: Timestamp = Timestamp(1_704_672_000_000_000);
const SCALE: u8 = 5;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let kafka = Kafka::start(&dir.path().join("services"), 1).unwrap();
    let options =
        Appearance { host: "bench".into(), slots: dir.path().join("slots"), ..Appearance::default() };
    let log: Arc<dyn Log> = Arc::new(KafkaLog::open_with(kafka.brokers(), Access::Write, options).unwrap());
    let postgres = runtime.block_on(postgres(&dir.path().join("postgres")));
    let mut paths =
        ["full", "empty"].map(|id| Measured::new(id, dir.path(), &postgres, log.as_ref(), &runtime));
    let shutdown = Shutdown::new();
    let all: Vec<Tenant> = paths.iter().map(|path| path.tenant.clone()).collect();
    let (_followed, tenants) = watch::channel(Arc::new(all.clone()));
    let context =
        bellwether_sinks::feed::Context::new(Arc::clone(&log), tenants, Clock::system(), shutdown.clone());
    let sink = runtime.spawn(rows::run(context));
    let (_followed, tenants) = watch::channel(Arc::new(vec![all[0].clone()]));
    let context =
        bellwether_worker::Context::new(Arc::clone(&log), tenants, Clock::system(), shutdown.clone());
    let worker = std::thread::spawn(move || bellwether_worker::run(context).unwrap());
    let [_, found] = paths.each_mut().map(Measured::fold);
    let empty = empty_engine(Arc::clone(&log), all[1].clone(), found, shutdown.clone());
    let mut taken: [Vec<Vec<i64>>; 2] = Default::default();
    for round in 0..ROUNDS {
        eprintln!("round {} of {ROUNDS}", round + 1);
        for (path, taken) in paths.iter_mut().zip(&mut taken) {
            taken.push(path.round(round, log.as_ref(), &runtime));
        }
    }
    print(taken);
    shutdown.raise();
    worker.join().unwrap();
    empty.join().unwrap();
    runtime.block_on(sink).unwrap().unwrap();
    runtime.block_on(postgres.remove()).unwrap();
}

/// One that tells when a transaction was committed, and commits to the disk.
async fn postgres(dir: &Path) -> Postgres {
    let options = Options { fsync: true, ..Options::default() };
    let postgres = Postgres::start(dir, options).await.unwrap();
    let mut admin = PgConnection::connect(postgres.url("postgres").reveal()).await.unwrap();
    admin.execute("alter system set track_commit_timestamp = on").await.unwrap();
    admin.close().await.unwrap();
    postgres.stop().await.unwrap();
    Postgres::start(dir, options).await.unwrap()
}

/// A tenant whose rows are waited for.
struct Measured {
    tenant: Tenant,
    database: Seeded,
    /// Every record of every round, from offset 0 on.
    entries: Vec<Entry>,
    /// What each trigger's row is called, and the offset that caused it.
    causes: BTreeMap<Uuid, usize>,
}

impl Measured {
    fn new(
        id: &str,
        dir: &Path,
        postgres: &Postgres,
        log: &dyn Log,
        runtime: &tokio::runtime::Runtime,
    ) -> Self {
        let text =
            include_str!("../../tenants/fxlabs.toml").replace("alerts@fxlabs", &format!("alerts@{id}"));
        let file = dir.join(format!("{id}.toml"));
        std::fs::write(&file, text).unwrap();
        let tenant_id = id.parse().unwrap();
        let database = runtime.block_on(seed::database(postgres, id, &tenant_id)).unwrap();
        let url = database.pipeline.reveal().to_owned();
        let tenant = load_tenant(&file, &|key| key.ends_with("DATABASE_URL").then(|| url.clone())).unwrap();
        let (user, alert) = alert();
        runtime.block_on(seed::add_users(&database.admin, &[user])).unwrap();
        runtime.block_on(seed::add_alerts(&database.admin, &[alert])).unwrap();
        for topic in Topic::all(&tenant_id) {
            log.create(&topic).unwrap();
        }
        let entries = entries(&tenant);
        Self { tenant, database, entries, causes: BTreeMap::new() }
    }

    /// What must come of the records; by offset, the bytes for the triggers topic.
    fn fold(&mut self) -> BTreeMap<u64, Vec<NewRecord>> {
        let mut engine = Engine::new(self.tenant.id.clone()).without_readings();
        let mut found: BTreeMap<u64, Vec<NewRecord>> = BTreeMap::new();
        let mut effects = Vec::new();
        for (offset, entry) in self.entries.iter().enumerate() {
            engine.apply(offset as u64, entry, &mut effects);
            for effect in effects.drain(..) {
                let Effect::Outcome(outcome) = effect else { continue };
                if let Outcome::Fired(trigger) = &outcome {
                    self.causes.insert(trigger.id.0, offset);
                }
                let value = codec::encode_outcome(&outcome).unwrap();
                let record = NewRecord { key: outcome.key().into_bytes(), value };
                found.entry(offset as u64).or_default().push(record);
            }
        }
        found
    }

    /// Appends the round's records at their times; microseconds from there to the commit of each row.
    fn round(&mut self, round: usize, log: &dyn Log, runtime: &tokio::runtime::Runtime) -> Vec<i64> {
        let preamble = self.entries.len() - ROUNDS * RECORDS;
        let first = if round == 0 { 0 } else { preamble + round * RECORDS };
        let next = preamble + (round + 1) * RECORDS;
        let topic = Topic::new(&self.tenant.id, TopicKind::Journal);
        let record = |entry: &Entry| NewRecord {
            key: self.tenant.id.as_str().into(),
            value: codec::encode_entry(entry).unwrap(),
        };
        let records: Vec<NewRecord> = self.entries[first..next].iter().map(record).collect();
        let clock = Clock::system();
        let began = clock.now();
        let at = |offset: usize| began.plus((offset - first) as i64 * EVERY);
        let mut acks = Vec::new();
        for (offset, record) in (first..).zip(records) {
            let left = at(offset).since(clock.now());
            std::thread::sleep(Duration::from_micros(u64::try_from(left).unwrap_or(0)));
            acks.push((offset, log.append(&topic, vec![record])));
        }
        acks.into_iter().for_each(|(offset, ack)| assert_eq!(ack.wait().unwrap(), offset as u64));
        let due = self.causes.values().filter(|cause| **cause < next).count();
        let commits = runtime.block_on(self.commits(due));
        assert!(commits.keys().all(|id| self.causes.contains_key(id)), "rows that nothing caused");
        let of_round = commits.into_iter().filter(|(id, _)| self.causes[id] >= first);
        of_round.map(|(id, committed)| committed - at(self.causes[&id]).0).collect()
    }

    async fn commits(&self, due: usize) -> BTreeMap<Uuid, i64> {
        let mut admin = PgConnection::connect(self.database.admin.reveal()).await.unwrap();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let rows: Vec<(Uuid, i64)> = sqlx::query_as(
                "select id, (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000000)::bigint
                 from rsi_tracker_alert_triggers",
            )
            .fetch_all(&mut admin)
            .await
            .unwrap();
            if rows.len() >= due {
                assert_eq!(rows.len(), due, "more rows than triggers");
                return rows.into_iter().collect();
            }
            assert!(tokio::time::Instant::now() < deadline, "{} of {due} rows came", rows.len());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn alert() -> (User, Alert) {
    let user_id = UserId(Uuid::from_u128(2));
    let parameters =
        RsiTracker { timeframe: Timeframe::M5, rsi_period: 5, rsi_overbought: 60, rsi_oversold: 40 };
    let parameters = AlertParameters::RsiTracker(parameters);
    let user = User { id: user_id, email: "user@users.example".into(), confirmed: true };
    (user, Alert { id: AlertId(Uuid::from_u128(1)), user_id, parameters })
}

/// Settings, one alert of every symbol, and the ticks of all rounds.
fn entries(tenant: &Tenant) -> Vec<Entry> {
    let origin = Origin {
        tenant: tenant.id.clone(),
        source: "synthetic".into(),
        session: "1".into(),
        played: true,
        appended_at: START,
    };
    let (_, Alert { id, user_id, parameters }) = alert();
    let settings = SettingsChanged {
        origin: origin.clone(),
        revision: tenant.revision,
        engine_version: ENGINE_VERSION,
        settings: tenant.settings.clone(),
    };
    let alert = AlertChanged {
        origin: origin.clone(),
        alert_id: id,
        user_id,
        version: 1,
        active: true,
        deleted: false,
        parameters,
    };
    let mut entries = vec![Entry::Settings(settings), Entry::Alert(alert)];
    let names: Vec<String> = tenant.settings.symbols.iter().map(|symbol| symbol.name.to_string()).collect();
    for first in (0..ROUNDS * RECORDS * TICKS).step_by(TICKS) {
        let numbers = first..first + TICKS;
        let name = |number: usize| names[number % names.len()].clone();
        let block = TickBlock {
            origin: origin.clone(),
            ingested_at: START.plus(numbers.end as i64 * STEP),
            first_seq: Some(first as u64),
            symbols: numbers.clone().map(|number| BlockSymbol::of_quotes(name(number), SCALE)).collect(),
            ticks: numbers.map(|number| tick(number, first, names.len())).collect(),
            volumes: Vec::new(),
        };
        entries.push(Entry::Ticks(block));
    }
    entries
}

/// Prices go up and down in swings, each symbol's at its own time.
fn tick(number: usize, first: usize, symbols: usize) -> Tick {
    let at = number as i64 * STEP;
    let phase = (at + (number % symbols) as i64 * 2 * SWING / symbols as i64) % (2 * SWING);
    let height = if phase < SWING { phase } else { 2 * SWING - phase };
    let bid = 110_000 + height / SECOND;
    Tick { ts: START.plus(at), symbol: u16::try_from(number - first).unwrap(), bid, ask: bid + 12 }
}

/// Reads what a worker reads and appends what it would append.
fn empty_engine(
    log: Arc<dyn Log>,
    tenant: Tenant,
    mut found: BTreeMap<u64, Vec<NewRecord>>,
    shutdown: Shutdown,
) -> JoinHandle<()> {
    let topic = |kind| Topic::new(&tenant.id, kind);
    let (journal, triggers) = (topic(TopicKind::Journal), topic(TopicKind::Triggers));
    std::thread::spawn(move || {
        let mut consumer =
            log.consumer("bench-empty", std::slice::from_ref(&journal), Box::new(FromStart)).unwrap();
        while !shutdown.is_raised() {
            let Polled::Records(_, records) = consumer.poll(Duration::from_millis(100)).unwrap() else {
                continue;
            };
            let next = records.last().unwrap().offset + 1;
            let fired: Vec<NewRecord> =
                records.iter().filter_map(|record| found.remove(&record.offset)).flatten().collect();
            if !fired.is_empty() {
                log.append(&triggers, fired).wait().unwrap();
            }
            consumer.commit(&journal, next).unwrap();
        }
        consumer.close().unwrap();
    })
}

struct FromStart;

impl Assignments for FromStart {
    fn assigned(&mut self, _: &Topic) -> Start {
        Start::At(0)
    }

    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        None
    }
}

fn print(taken: [Vec<Vec<i64>>; 2]) {
    let of = |rounds: &[Vec<i64>], share: f64| {
        let mut found: Vec<f64> = rounds.iter().map(|round| percentile(round, share)).collect();
        found.sort_unstable_by(f64::total_cmp);
        found[found.len() / 2]
    };
    println!("tick appended to row committed, milliseconds; the median of {ROUNDS} rounds");
    println!("{:<14} {:>6} {:>8} {:>8} {:>8}", "", "rows", "p50", "p99", "worst");
    for (name, rounds) in ["engine", "empty engine"].iter().zip(&taken) {
        let rows: usize = rounds.iter().map(Vec::len).sum();
        let [p50, p99, worst] = [0.5, 0.99, 1.0].map(|share| of(rounds, share));
        println!("{name:<14} {rows:>6} {p50:>8.2} {p99:>8.2} {worst:>8.2}");
    }
    let [full, empty] = &taken;
    let [p50, p99] = [0.5, 0.99].map(|share| of(full, share) / of(empty, share));
    goal("p50 beside an empty engine's", p50, 2.0);
    goal("p99 beside an empty engine's", p99, 4.0);
}

fn percentile(latencies: &[i64], share: f64) -> f64 {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1] as f64 / 1000.0
}

/// For `make bench`.
fn goal(what: &str, found: f64, most: f64) {
    let met = if found <= most { "met" } else { "missed" };
    println!("goal {met}: {what} <= {most}: {found:.2}");
}
