//! One simulated world for all that decides: the cores of workers, of the rows sink, the composer, the mail session and the
//! schedule, over a log, databases, a mail server and clocks that fail in every way that a seed draws.
//!
//! Everything follows from the seed: who acts next, how long it takes, what goes wrong. Things go wrong for a while, then
//! all is healed, whoever has something to do does it, and the world is judged ([`judge`]) by what one straight fold of
//! the journals says there should be. A seed that fails explains itself ([`explain`]).
//!
//! `SEEDS=10000 FROM=0` (`make simulate`) runs more than the gate does; one seed alone tells all of its steps.

mod beside_postgres;
mod database;
mod explain;
mod faults;
mod judge;
mod log;
mod market;
mod outbox;
mod parties;
mod seats;
mod server;
mod world;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use faults::{Kind, Plan};
use judge::Verdict;
use world::{Ran, run};

/// Seeds that the gate runs.
const SEEDS: u64 = 200;
/// One of so many is run twice.
const TWICE: u64 = 50;

/// What came of many seeds.
#[derive(Default)]
struct Tally {
    seeds: u64,
    steps: u64,
    repeats: usize,
    refused: usize,
    faults: BTreeMap<Kind, u64>,
    failed: BTreeMap<u64, Ran>,
    /// Seeds that did not do the same twice.
    unlike: Vec<u64>,
}

impl Tally {
    fn take(&mut self, seed: u64, ran: Ran) {
        self.seeds += 1;
        self.steps += ran.told.len() as u64;
        self.repeats += ran.repeats;
        self.refused += ran.refused;
        for (_, fault) in &ran.faults {
            *self.faults.entry(fault.kind).or_default() += 1;
        }
        if !ran.verdict.is_good() {
            self.failed.insert(seed, ran);
        }
    }
}

/// Runs these seeds on all processors, until one fails.
fn run_all(from: u64, many: u64) -> Tally {
    let (next, first_failed) = (AtomicU64::new(from), AtomicU64::new(u64::MAX));
    let (tally, bar) = (Mutex::new(Tally::default()), Bar::new(many));
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= from + many || seed > first_failed.load(Ordering::Relaxed) {
            return;
        }
        let ran = run(&Plan::of(seed));
        let is_unlike = seed % TWICE == 7 && {
            let again = run(&Plan::of(seed));
            again.told != ran.told || again.verdict != ran.verdict
        };
        if !ran.verdict.is_good() {
            first_failed.fetch_min(seed, Ordering::Relaxed);
        }
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.unlike.extend(is_unlike.then_some(seed));
        tally.take(seed, ran);
        bar.show(tally.seeds);
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// How far many seeds are, on a terminal.
struct Bar {
    many: u64,
    is_shown: bool,
    begun: Instant,
}

impl Bar {
    fn new(many: u64) -> Self {
        Self { many, is_shown: std::io::stderr().is_terminal(), begun: Instant::now() }
    }

    fn show(&self, done: u64) {
        if self.is_shown && (done.is_multiple_of(20) || done == self.many) {
            let left = self.begun.elapsed().mul_f64((self.many - done) as f64 / done.max(1) as f64);
            let filled = usize::try_from(done * 40 / self.many).unwrap();
            let (bar, end) = ("#".repeat(filled), if done == self.many { "\n" } else { "" });
            let line =
                format!("\r[{bar:<40}] {done} of {} seeds, {} s left   {end}", self.many, left.as_secs());
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

#[test]
fn whatever_goes_wrong_every_promise_is_kept() {
    let (from, many) = (number("FROM").unwrap_or(0), number("SEEDS").unwrap_or(SEEDS));
    if many == 1 {
        run(&Plan::of(from)).told.iter().for_each(|told| println!("{told}"));
    }
    let begun = Instant::now();
    let mut tally = run_all(from, many);
    let took = begun.elapsed();
    if let Some((seed, failed)) = tally.failed.pop_first() {
        // Who tries defects knows what is wrong.
        assert!(std::env::var_os("BRIEFLY").is_none(), "seed {seed} fails: {}", failed.verdict);
        let begun = Instant::now();
        let story = explain::explain(seed, failed);
        panic!("{story}\nfound after {} s, explained in {} s", took.as_secs(), begun.elapsed().as_secs());
    }
    report(&tally, took);
    assert!(tally.unlike.is_empty(), "these seeds did not do the same twice: {:?}", tally.unlike);
    if many >= SEEDS {
        let missed: Vec<Kind> =
            Kind::ALL.into_iter().filter(|kind| !tally.faults.contains_key(kind)).collect();
        assert_eq!(missed, [], "faults that never happened");
        assert!(tally.repeats > 0, "nothing was ever written twice");
        assert!(tally.refused > 0, "no row was ever refused for good");
    }
}

fn report(tally: &Tally, took: Duration) {
    let seconds = took.as_secs_f64();
    println!("{} seeds, {} steps in {seconds:.1} s", tally.seeds, tally.steps);
    for kind in Kind::ALL {
        println!("{:>8}  {kind:?}", tally.faults.get(&kind).copied().unwrap_or(0));
    }
    println!("{:>8}  triggers that were there already", tally.repeats);
    println!("{:>8}  triggers whose rows a database refused for good", tally.refused);
    println!("verdict: {}", Verdict::default());
}
