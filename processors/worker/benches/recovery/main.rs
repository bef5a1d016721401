//! What a recovery and the start of a producer take, over tenants of many sizes, on an embedded log.
//!
//! `cargo bench -p bellwether-worker --bench recovery [-- ALERTSxSYMBOLS …]` prints, for each size, what finding and
//! loading the newest snapshot takes beside reading and decoding its parts, and what a tail takes beside reading, decoding
//! and folding it; then how long a worker that was killed takes until all is acknowledged, and what a producer's start
//! takes with a snapshot and without. Each figure is the least of several: others use the machine, too.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench ends where it cannot go on"
)]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::cast_precision_loss, reason = "counts of a bench")]

mod tenant;

use std::sync::Arc;
use std::time::Duration;

use bellwether_engine::Engine;
use bellwether_engine::snapshot::Part;
use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::load_tenant;
use bellwether_runtime::journal::entries;
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::scan;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::TopicKind;
use bellwether_schemas::codec::decode_snapshot;
use bellwether_schemas::triggers::Cause;
use bellwether_worker::core::{Core, Input, Output, Recovered};
use bellwether_worker::recovery::recover;
use bellwether_worker::snapshots::{Shelf, Snapshot, State, store_snapshot};
use bellwether_worker::{Context, GROUP, run};
use tenant::{BLOCK, Market, Place, first_records, tenant, topic};
use tokio::sync::watch;
use tokio::time::Instant;

/// Blocks before a snapshot, and behind it: long enough to be measured.
const WARM: usize = 400;
const TAIL: usize = 400;
/// Records of a batch that a worker is given.
const BATCH: usize = 512;
/// What the design allows: loading beside reading and decoding what is loaded, and a tail beside reading, decoding and
/// folding it.
const MOST_LOAD: f64 = 2.0;
/// What loading may take where it does not meet that: at all, for an alert, for a symbol (`docs/adr/0011`).
const LOAD: [Duration; 3] = [Duration::from_millis(10), Duration::from_micros(5), Duration::from_micros(200)];
const MOST_TAIL: f64 = 1.3;
const IN_PLACE: Duration = Duration::from_secs(1);
/// Each figure is the best of so many: others use the machine too.
const TIMES: usize = 3;
/// Which tenants, unless arguments say otherwise: alerts and symbols.
const USUAL: &str = "1000x33 10000x33 100000x33 1000000x33 10000x100 10000x300 10000x1000 1000000x1000";

struct Row {
    alerts: usize,
    symbols: usize,
    /// Finding the newest state and making an engine of it.
    load: Duration,
    /// Reading the records that it is in, and decoding its parts.
    parts: Duration,
    /// What is behind it, as a worker does that recovers.
    tail: Duration,
    /// Reading, decoding and folding the same.
    fold: Duration,
    /// Of the topic of snapshots.
    bytes: usize,
}

impl Row {
    fn load_ratio(&self) -> f64 {
        self.load.as_secs_f64() / self.parts.as_secs_f64()
    }

    fn most_load(&self) -> Duration {
        let [at_all, alert, symbol] = LOAD;
        at_all + alert * u32::try_from(self.alerts).unwrap() + symbol * u32::try_from(self.symbols).unwrap()
    }

    fn tail_ratio(&self) -> f64 {
        self.tail.as_secs_f64() / self.fold.as_secs_f64()
    }
}

fn best<T>(mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut best: Option<(Duration, T)> = None;
    for _ in 0..TIMES {
        let begun = Instant::now();
        let done = work();
        let took = begun.elapsed();
        if best.as_ref().is_none_or(|(least, _)| took < *least) {
            best = Some((took, done));
        }
    }
    best.unwrap()
}

/// The state at the end of the journal is stored; its parts by their names.
fn stored(place: &Place) -> (Snapshot, Vec<(String, Vec<u8>)>) {
    let (engine, gist) = place.recovered();
    let snapshot = place.snapshot(&engine, &gist);
    store_snapshot(place.log.as_ref(), &mut Shelf::new(&tenant()), &snapshot).unwrap();
    let parts = snapshot.parts.iter().map(|part| (part.key().to_string(), part.encode().unwrap()));
    let parts = parts.chain(snapshot.gist.parts().map(|part| part.unwrap())).collect();
    (snapshot, parts)
}

/// Bytes of the topic of snapshots.
fn read_records(place: &Place) -> usize {
    let records = scan(place.log.as_ref(), &topic(TopicKind::Snapshots), 0..u64::MAX).unwrap();
    let records = records.map(|record| record.unwrap());
    let sizes = records.map(|record| {
        drop(decode_snapshot(&record.value));
        record.value.len()
    });
    sizes.sum()
}

fn decode(parts: &[(String, Vec<u8>)]) -> (usize, Gist) {
    let of_engine = parts.iter().filter(|(name, _)| !name.starts_with("gist/"));
    let decoded: Vec<Part> =
        of_engine.map(|(name, bytes)| Part::decode(name.parse().unwrap(), bytes).unwrap()).collect();
    let gist = Gist::of_parts(parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    (decoded.len(), gist.unwrap())
}

/// As a worker does that recovers: everything that comes of records before `committed` is in the log. Its own word is
/// acknowledged at once; what it asks for then.
fn work(place: &Place, state: State, committed: u64) -> (Core, Vec<Output>) {
    let (from, end) = (state.next_offset, place.end());
    let last_cause = Some(Cause { offset: i64::MAX, index: 0 });
    let state = Some(Box::new(state));
    let recovered = Recovered { last_cause, committed, journal_end: end, state, ..Recovered::default() };
    let (mut core, mut outputs) = (Core::new(), Vec::new());
    core.step(Input::Assigned(tenant()), &mut outputs);
    let Some(Output::Recover(_, id, _)) = outputs.pop() else { panic!("{outputs:?}") };
    core.step(Input::Recovered(tenant(), id, Ok(recovered)), &mut outputs);
    let Some(Output::Append(_, id, ..)) = outputs.pop() else { panic!("{outputs:?}") };
    core.step(Input::Acknowledged(tenant(), id), &mut outputs);
    assert!(matches!(outputs.pop(), Some(Output::ReadFrom(_, _, offset)) if offset == from));
    let mut records = scan(place.log.as_ref(), &topic(TopicKind::Journal), from..end).unwrap();
    loop {
        let batch: Vec<_> = records.by_ref().take(BATCH).map(|record| record.unwrap()).collect();
        if batch.is_empty() {
            return (core, outputs);
        }
        core.step(Input::Records(tenant(), batch), &mut outputs);
    }
}

/// A worker of which nothing is committed behind the state appends what came of it, and commits all of it then.
fn check_work(place: &Place) {
    let state = loaded(place);
    let from = state.next_offset;
    let (mut core, asked) = work(place, state, from);
    let mut outputs = Vec::new();
    for output in asked {
        if let Output::Append(_, id, ..) = output {
            core.step(Input::Acknowledged(tenant(), id), &mut outputs);
        }
    }
    let end = place.end();
    assert!(outputs.iter().any(|output| matches!(output, Output::Commit(_, next) if *next == end)));
}

fn fold(place: &Place, mut engine: Engine, from: u64) {
    let mut effects = Vec::new();
    for read in entries(place.log.as_ref(), &tenant(), from..u64::MAX).unwrap() {
        let (record, entry) = read.unwrap();
        engine.apply(record.offset, &entry.unwrap(), &mut effects);
        effects.clear();
    }
}

fn loaded(place: &Place) -> State {
    *recover(place.log.as_ref(), &tenant()).unwrap().state.unwrap()
}

/// The best of several: each is given a state of its own, which is not measured.
fn best_with_state(place: &Place, mut work: impl FnMut(State)) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..TIMES {
        let state = loaded(place);
        let begun = Instant::now();
        work(state);
        least = least.min(begun.elapsed());
    }
    least
}

fn row(alerts: usize, symbols: usize) -> Row {
    let (place, mut market) = (Place::new(), Market::new(symbols));
    place.append(&first_records(symbols, alerts));
    place.append(&(0..WARM).map(|_| market.block()).collect::<Vec<_>>());
    let (snapshot, parts) = stored(&place);
    let (load, _) = best(|| loaded(&place));
    let (reading, bytes) = best(|| read_records(&place));
    let (decoding, _) = best(|| decode(&parts));
    place.append(&(0..TAIL).map(|_| market.block()).collect::<Vec<_>>());
    check_work(&place);
    let tail = best_with_state(&place, |state| drop(work(&place, state, place.end())));
    let fold = best_with_state(&place, |state| fold(&place, state.engine, snapshot.next_offset));
    Row { alerts, symbols, load, parts: reading + decoding, tail, fold, bytes }
}

/// Alerts and symbols of each tenant.
fn sizes(arguments: &[String]) -> Vec<(usize, usize)> {
    let size = |text: &str| {
        let (alerts, symbols) = text.split_once('x').expect("ALERTSxSYMBOLS");
        (alerts.parse().expect("a number of alerts"), symbols.parse().expect("a number of symbols"))
    };
    if arguments.is_empty() {
        return USUAL.split(' ').map(size).collect();
    }
    arguments.iter().map(|text| size(text)).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    recovery_by_size(&sizes(&arguments));
    killed_in_place();
    start_of_a_producer();
}

/// The verdict on a goal, as the other benches say it.
fn goal(is_met: bool, what: &str) {
    println!("goal {}: {what}", if is_met { "met" } else { "missed" });
}

fn recovery_by_size(sizes: &[(usize, usize)]) {
    let ticks = TAIL * BLOCK;
    println!(
        "| Alerts | Symbols | Snapshots | Load | ÷ reading and decoding | Tail of {ticks} ticks | ÷ folding |"
    );
    println!("|---|---|---|---|---|---|---|");
    let rows: Vec<Row> = sizes.iter().map(|(alerts, symbols)| told(row(*alerts, *symbols))).collect();
    goal(
        rows.iter().all(|row| row.load_ratio() <= MOST_LOAD),
        "loading ≤ 2 × reading and decoding its parts",
    );
    goal(
        rows.iter().all(|row| row.load <= row.most_load()),
        "loading ≤ 10 ms + 5 µs an alert + 0.2 ms a symbol",
    );
    goal(
        rows.iter().all(|row| row.tail_ratio() <= MOST_TAIL),
        "a tail ≤ 1.3 × reading, decoding and folding it",
    );
}

fn told(row: Row) -> Row {
    println!(
        "| {} | {} | {:.2} MB | {:.1?} | {:.2} | {:.1?} | {:.2} |",
        row.alerts,
        row.symbols,
        row.bytes as f64 / 1e6,
        row.load,
        row.load_ratio(),
        row.tail,
        row.tail_ratio()
    );
    row
}

/// A worker begins where another was killed a minute of ticks ago, fifty a second.
fn killed_in_place() {
    let (place, mut market) = (Place::new(), Market::new(33));
    place.append(&first_records(33, 10_000));
    place.append(&(0..WARM).map(|_| market.block()).collect::<Vec<_>>());
    drop(stored(&place));
    place.append(&(0..60 * 50 / BLOCK).map(|_| market.block()).collect::<Vec<_>>());
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tenants/fxlabs.toml");
    let served = Arc::new(vec![load_tenant(file.as_ref(), &|_| None).unwrap()]);
    let (_keep, tenants) = watch::channel(served);
    let shutdown = Shutdown::new();
    let context = Context::new(Arc::clone(&place.log), tenants, Clock::system(), shutdown.clone());
    let begun = Instant::now();
    let worker = std::thread::spawn(move || run(context));
    while place.log.committed(GROUP, &topic(TopicKind::Journal)).unwrap() != Some(place.end()) {
        assert!(!worker.is_finished(), "it ended");
        std::thread::yield_now();
    }
    let took = begun.elapsed();
    shutdown.raise();
    worker.join().unwrap().unwrap();
    let triggers = scan(place.log.as_ref(), &topic(TopicKind::Triggers), 0..u64::MAX).unwrap().count();
    println!(
        "10000 alerts, 33 symbols, a minute of ticks unfolded: {triggers} triggers acknowledged after {took:.1?}"
    );
    goal(took <= IN_PLACE, "all is acknowledged a second after the worker began");
}

/// What a source resumes by, and what alerts are compared with, from a snapshot and from the journal's start.
fn start_of_a_producer() {
    let (alerts, ticks) = (100_000, 1_000_000);
    let (place, mut market) = (Place::new(), Market::new(33));
    place.append(&first_records(33, alerts));
    place.append(&(0..ticks / BLOCK).map(|_| market.block()).collect::<Vec<_>>());
    // What a source resumes by; and what alerts are compared with.
    let resume = || Gist::read(place.log.as_ref(), &tenant()).unwrap().0;
    let compare = || resume().alerts().filter_map(|seen| seen.change()).count();
    let (from_start, whole) = (best(resume), best(compare));
    drop(stored(&place));
    place.append(&(0..60 * 50 / BLOCK).map(|_| market.block()).collect::<Vec<_>>());
    let (from_snapshot, short) = (best(resume), best(compare));
    assert_eq!(whole.1, short.1);
    println!(
        "{ticks} ticks and {alerts} alerts: a source resumes after {:.1?}, from the journal's start after {:.1?}; alerts \
         are compared after {:.1?}, from the journal's start after {:.1?}",
        from_snapshot.0, from_start.0, short.0, whole.0
    );
}
