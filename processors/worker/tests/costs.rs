//! What snapshots cost and save, in figures. Not part of the gate; the profile and the machine decide what they are worth:
//!
//! `cargo test --workspace --locked --test costs -- --ignored --nocapture`
//!
//! `ALERTS` (100 000), `TICKS` (1 000 000) and `SYMBOLS` (33) say how large a tenant is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![expect(clippy::print_stdout, reason = "it prints its figures")]

mod walk;

use std::sync::Arc;
use std::time::Duration;

use bellwether_engine::snapshot::Part;
use bellwether_engine::{ENGINE_VERSION, Engine};
use bellwether_runtime::clock::Clock;
use bellwether_runtime::journal::entries;
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::embedded::{EmbeddedLog, Fsync, Options};
use bellwether_runtime::log::{Access, Log, NewRecord, scan};
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, PriceAlert, RsiTracker};
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::snapshots::{ContentHash, LateKept};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::time::DAY;
use bellwether_schemas::{AlertId, Entry, Timeframe, Timestamp, Topic, TopicKind, UserId, codec};
use bellwether_worker::recovery::recover;
use bellwether_worker::snapshots::{Shelf, Snapshot, store_snapshot};
use tokio::time::Instant;
use uuid::Uuid;
use walk::{origin, tenant};

/// Records of one append.
const BATCH: usize = 512;
const BLOCK: usize = 256;
/// What a worker copies of a state between two batches.
const EFFORT: usize = 8;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn name(symbol: usize) -> String {
    format!("S{symbol}")
}

/// Random as a linear congruential generator is.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn first_records(symbols: usize, alerts: usize) -> Vec<Vec<u8>> {
    let names = (0..symbols).map(|symbol| name(symbol).parse().unwrap()).collect();
    let settings = Settings { max_alerts: 10_000_000, ..Settings::with_symbols(names, "") };
    let change = SettingsChanged { origin: origin(), revision: 1, engine_version: ENGINE_VERSION, settings };
    let mut random = Random(7);
    let alert = |number: usize| {
        let price = PriceAlert {
            symbol: name(number % symbols),
            above: Some(1.5 + random.below(1_000) as f64 / 1e3),
            fires: "every".into(),
            ..PriceAlert::default()
        };
        let overbought = 70 + i32::try_from(random.below(20)).unwrap();
        let rsi = RsiTracker {
            timeframe: Timeframe::M5,
            rsi_period: 14,
            rsi_overbought: overbought,
            rsi_oversold: 10,
        };
        Entry::Alert(AlertChanged {
            origin: origin(),
            alert_id: AlertId(Uuid::from_u128(number as u128)),
            user_id: UserId(Uuid::from_u128(number as u128 / 10)),
            version: 1,
            active: true,
            deleted: false,
            parameters: match number % 2 {
                0 => AlertParameters::PriceAlert(price),
                _ => AlertParameters::RsiTracker(rsi),
            },
        })
    };
    let entries = std::iter::once(Entry::Settings(change)).chain((0..alerts).map(alert));
    entries.map(|entry| codec::encode_entry(&entry).unwrap()).collect()
}

/// Ticks of all symbols in turn, fifty a second, in full blocks; now and then a heartbeat.
struct Market {
    symbols: usize,
    number: i64,
    prices: Vec<i64>,
    random: Random,
}

impl Market {
    fn new(symbols: usize) -> Self {
        Self { symbols, number: 0, prices: vec![100_000; symbols], random: Random(3) }
    }

    fn block(&mut self) -> Vec<u8> {
        let ticks: Vec<Tick> = (0..BLOCK)
            .map(|_| {
                let symbol = usize::try_from(self.number).unwrap() % self.symbols;
                self.prices[symbol] += self.random.below(21).cast_signed() - 10;
                let (ts, bid) = (Timestamp(self.number * 20_000), self.prices[symbol]);
                self.number += 1;
                Tick { ts, symbol: u16::try_from(symbol).unwrap(), bid, ask: bid + 1 }
            })
            .collect();
        let block = TickBlock {
            origin: origin(),
            ingested_at: ticks[BLOCK - 1].ts,
            first_seq: Some((self.number.cast_unsigned()) - BLOCK as u64),
            symbols: (0..self.symbols).map(|symbol| BlockSymbol::of_quotes(name(symbol), 5)).collect(),
            ticks,
            volumes: Vec::new(),
        };
        codec::encode_entry(&Entry::Ticks(block)).unwrap()
    }
}

struct Bench {
    log: Arc<dyn Log>,
    dir: tempfile::TempDir,
}

fn topic(kind: TopicKind) -> Topic {
    Topic::new(&tenant(), kind)
}

fn open(dir: &std::path::Path) -> Arc<dyn Log> {
    let options = Options { fsync: Fsync::Never, segment_bytes: 64 << 20, segment_age: DAY };
    Arc::new(EmbeddedLog::open_with(dir, Access::Write, Clock::system(), options).unwrap())
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path());
        Topic::all(&tenant()).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
        Self { log, dir }
    }

    fn append(&self, records: &[Vec<u8>]) {
        for batch in records.chunks(BATCH) {
            let record = |value: &Vec<u8>| NewRecord { key: b"fxlabs".to_vec(), value: value.clone() };
            self.log.append(&topic(TopicKind::Journal), batch.iter().map(record).collect()).wait().unwrap();
        }
    }

    /// As a new owner does: what it takes to find the state, and to fold what follows; and the state.
    fn recovered(&self) -> (Duration, Duration, Engine, Gist) {
        let begun = Instant::now();
        let recovered = recover(self.log.as_ref(), &tenant()).unwrap();
        let found = begun.elapsed();
        let from = recovered.fold_from();
        let state = recovered.state.map(|state| (state.engine, state.gist));
        let (mut engine, mut gist) = state.unwrap_or_else(|| (Engine::new(tenant()), Gist::default()));
        let mut effects = Vec::new();
        for read in entries(self.log.as_ref(), &tenant(), from..u64::MAX).unwrap() {
            let (record, entry) = read.unwrap();
            if let Ok(entry) = entry {
                engine.apply(record.offset, &entry, &mut effects);
                gist.see(&record, &entry);
                effects.clear();
            }
        }
        (found, begun.elapsed() - found, engine, gist)
    }

    fn snapshot(&self, engine: &Engine, gist: &Gist) -> Snapshot {
        let next_offset = self.log.bounds(&topic(TopicKind::Journal)).unwrap().next;
        let last = scan(self.log.as_ref(), &topic(TopicKind::Journal), next_offset - 1..next_offset);
        let last = last.unwrap().next().unwrap().unwrap();
        Snapshot {
            next_offset,
            last: last.as_last_folded(),
            watermark: engine.watermark(),
            engine_version: ENGINE_VERSION,
            late: LateKept::default(),
            parts: engine.parts().collect(),
            gist: gist.taken(),
        }
    }

    fn store(&self, what: &str, shelf: &mut Shelf, engine: &Engine, gist: &Gist) {
        let snapshot = self.snapshot(engine, gist);
        let begun = Instant::now();
        let stored = store_snapshot(self.log.as_ref(), shelf, &snapshot).unwrap();
        println!("stored, {what}: {stored:?} in {:?}", begun.elapsed());
    }
}

/// CPU time of this thread: others use the machine too.
fn cpu<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let now = || {
        // What was used is told up to the last time that the thread gave way.
        std::thread::yield_now();
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        told.split(' ').next().unwrap().parse().map(Duration::from_nanos).unwrap()
    };
    let begun: Duration = now();
    let done = work();
    (now() - begun, done)
}

/// How long the fold stands still for a snapshot.
fn hold(engine: &mut Engine) {
    let (beginning, ()) = cpu(|| engine.begin_taking());
    let mut held = vec![beginning];
    let mut whole = None;
    while whole.is_none() {
        let (took, taken) = cpu(|| engine.go_on_taking(EFFORT));
        held.push(took);
        whole = taken;
    }
    held.sort_unstable();
    println!(
        "held: {beginning:?} to begin, {} times, median {:?}, longest {:?}",
        held.len(),
        held[held.len() / 2],
        held[held.len() - 1]
    );
    let (took, parts) = cpu(|| engine.parts().collect::<Vec<_>>());
    println!("all {} parts at once: {took:?}", parts.len());
    let (encoding, bytes) = cpu(|| parts.iter().map(|part| part.encode().unwrap()).collect::<Vec<_>>());
    let (hashing, _) = cpu(|| bytes.iter().map(|bytes| ContentHash::of(bytes)).collect::<Vec<_>>());
    let keys = parts.iter().map(Part::key).zip(&bytes);
    let (decoding, parts) =
        cpu(|| keys.map(|(key, bytes)| Part::decode(key, bytes).unwrap()).collect::<Vec<_>>());
    let (restoring, _) = cpu(|| Engine::from_parts(tenant(), parts).unwrap());
    println!("encoded {encoding:?}, hashed {hashing:?}, decoded {decoding:?}, restored {restoring:?}");
}

#[test]
#[ignore = "prints figures"]
fn what_a_snapshot_takes_and_saves() {
    let (alerts, ticks, symbols) =
        (number("ALERTS", 100_000), number("TICKS", 1_000_000), number("SYMBOLS", 33));
    println!("{symbols} symbols, {alerts} alerts, {ticks} ticks");
    let bench = Bench::new();
    let mut market = Market::new(symbols);
    bench.append(&first_records(symbols, alerts));
    let blocks: Vec<Vec<u8>> = (0..ticks / BLOCK).map(|_| market.block()).collect();
    bench.append(&blocks);
    let (found, folded, mut engine, gist) = bench.recovered();
    println!("recovered without a snapshot: {found:?} to look, {folded:?} to fold");
    hold(&mut engine);
    let mut shelf = Shelf::new(&tenant());
    bench.store("everything is new", &mut shelf, &engine, &gist);
    bench.append(&[b"changes nothing".to_vec()]);
    bench.store("nothing changed", &mut shelf, &engine, &gist);
    // A minute of ticks.
    let blocks: Vec<Vec<u8>> = (0..60 * 50 / BLOCK).map(|_| market.block()).collect();
    bench.append(&blocks);
    let (found, folded, engine, gist) = bench.recovered();
    println!("recovered with a snapshot a minute old: {found:?} to load, {folded:?} to fold");
    bench.store("a minute later", &mut shelf, &engine, &gist);
    let beat = Entry::Heartbeat(Heartbeat { origin: origin(), ts: Timestamp(market.number * 20_000) });
    bench.append(&[codec::encode_entry(&beat).unwrap()]);
    let (found, folded, ..) = bench.recovered();
    println!("recovered with a snapshot of the moment: {found:?} to load, {folded:?} to fold");
    drop(bench.dir);
}
