//! Real processes on a real Kafka, Postgres and SMTP, killed and disturbed at moments that a seed chooses, judged by a
//! computation that shares no code with the pipeline. `make chaos` runs it; `cargo test` does not build it.
//!
//! Always in this order: disturb under load, heal, drain until quiet, judge.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod crowd;
mod day;
mod faults;
mod ground;
#[path = "../end_to_end/judged.rs"]
mod judged;
mod judgement;
mod load;
mod market;
mod processes;
mod quarantine;
#[path = "../end_to_end/support/mod.rs"]
mod support;
mod trials;
mod world;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use judged::Random;
use load::Load;
use processes::{Processes, Role};
use world::World;

/// Least time of load, whatever the rounds take.
const LOAD: Duration = Duration::from_secs(90);
/// Where the chart of a load is written, from the package's directory.
const LOAD_DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/load");
/// Victims of a round: 30 rounds kill each of the five roles 12 times.
const VICTIMS: u64 = 2;
/// One victim in so many stays away for longer than its session, so that another process takes its tenants.
const STAYS_AWAY: u64 = 8;

fn main() -> ExitCode {
    let count = |name, otherwise| usize::try_from(argument(name, otherwise)).unwrap();
    if std::env::var_os("QUARANTINE").is_some() {
        return quarantine::run(count("TENANTS", 100), count("WORKERS", 5));
    }
    let seed = argument("SEED", 1);
    if std::env::var_os("DAY").is_some() {
        return day::run(count("TENANTS", 10), count("WORKERS", 3), count("CUTS", 1_000), seed);
    }
    let what = What::asked();
    world::progress(&format!("chaos: {what:?}, seed {seed}"));
    let world = World::new(u8::try_from(argument("BROKERS", 1)).unwrap());
    let mut processes = Processes::new(&world);
    processes.start_all();
    let begun = world::now();
    let (mut lines, load) = disturb(&what, &world, &mut processes, &mut Random(seed));
    while begun.elapsed() < LOAD {
        processes.tend();
    }
    let under_load = begun.elapsed();
    world.drain(&mut processes);
    lines.extend(load.iter().flat_map(|load| load.report(&world, Path::new(LOAD_DIR))));
    let judgement = judgement::judge(&world, processes.late());
    lines.push(judgement.text);
    lines.push(processes.counted());
    lines.iter().for_each(|line| println!("{line}"));
    let broken = [processes.findings(), judgement.findings].concat();
    broken.iter().for_each(|finding| println!("broken: {finding}"));
    let kills = Role::ALL.iter().map(|role| format!("{} {}", role.name(), processes.kills(*role)));
    let kills = kills.collect::<Vec<_>>().join(", ");
    let tried = format!("{:.0} s of load, kill -9: {kills}; {}", under_load.as_secs_f64(), what.tried());
    if broken.is_empty() {
        println!("verdict: kept: {tried}: {}", judgement.found);
        return ExitCode::SUCCESS;
    }
    let (count, logs, found) = (broken.len(), world.keep(), judgement.found);
    println!("verdict: BROKEN ({count} findings, logs in {logs}): {tried}: {found}");
    ExitCode::FAILURE
}

/// What is done to the pipeline.
#[derive(Debug)]
enum What {
    /// Kills in rounds, and one of each fault.
    Chaos { rounds: u64 },
    /// The rows of [`trials`] that are named.
    Trials(String),
    /// Nothing, for so many minutes.
    Load { minutes: u64 },
}

impl What {
    fn asked() -> Self {
        match (std::env::var("TRIALS"), argument("MINUTES", 0)) {
            (Ok(rows), _) if !rows.is_empty() => Self::Trials(rows),
            (_, 0) => Self::Chaos { rounds: argument("ROUNDS", 30) },
            (_, minutes) => Self::Load { minutes },
        }
    }

    fn tried(&self) -> String {
        match self {
            Self::Chaos { .. } => faults::TRIED.into(),
            Self::Trials(rows) => format!("trials {rows}"),
            Self::Load { minutes } => format!("{minutes} minutes without a fault"),
        }
    }
}

/// A line for whoever reads the verdict, for each thing that was seen.
fn disturb(
    what: &What,
    world: &World,
    processes: &mut Processes<'_>,
    random: &mut Random,
) -> (Vec<String>, Option<Load>) {
    match what {
        What::Chaos { rounds } => {
            rounds_of_kills(world, processes, random, *rounds);
            faults::all(world, processes, random);
            (trials::run(world, processes, random, "crashes"), None)
        }
        What::Trials(rows) => (trials::run(world, processes, random, rows), None),
        What::Load { minutes } => (Vec::new(), Some(Load::watch(world, processes, *minutes))),
    }
}

/// Roles are dealt from a shuffled deck, so that each has its share however few rounds there are.
fn rounds_of_kills(world: &World, processes: &mut Processes, random: &mut Random, rounds: u64) {
    let mut deck = Vec::new();
    for round in 1..=rounds {
        let mut victims = Vec::new();
        for _ in 0..VICTIMS {
            processes.tend_for(Duration::from_millis(200 + random.next() % 1_300));
            if deck.is_empty() {
                deck = Role::ALL.to_vec();
            }
            let role = deck.swap_remove(usize::try_from(random.next()).unwrap() % deck.len());
            let away = match random.next() % STAYS_AWAY {
                0 => Duration::from_millis(7_000 + random.next() % 2_000),
                _ => Duration::from_millis(random.next() % 500),
            };
            victims.push(processes.kill(role, random.next(), away));
        }
        world.announce();
        world::progress(&format!("round {round}/{rounds}: killed {}", victims.join(" and ")));
    }
    processes.tend_until_all_run();
}

fn argument(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        Err(_) => otherwise,
    }
}
