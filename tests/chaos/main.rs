//! Real processes on a real Kafka, Postgres and SMTP, killed and disturbed at moments that a seed chooses, judged by a
//! computation that shares no code with the pipeline. `make chaos` runs it; `cargo test` does not build it.
//!
//! Always in this order: disturb under load, heal, drain until quiet, judge.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod crowd;
mod faults;
#[path = "../end_to_end/judged.rs"]
mod judged;
mod judgement;
mod processes;
#[path = "../end_to_end/support/mod.rs"]
mod support;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use judged::Random;
use processes::{Processes, Role};
use world::World;

/// Least time of load, whatever the rounds take.
const LOAD: Duration = Duration::from_secs(90);
/// Victims of a round: 30 rounds kill each of the four roles 15 times.
const VICTIMS: u64 = 2;
/// One victim in so many stays away for longer than its session, so that another process takes its tenants.
const STAYS_AWAY: u64 = 8;

fn main() -> ExitCode {
    let rounds = argument("ROUNDS", 30);
    let seed = argument("SEED", 1);
    world::progress(&format!("chaos: {rounds} rounds, seed {seed}"));
    let world = World::new(u8::try_from(argument("BROKERS", 1)).unwrap());
    let mut processes = Processes::new(&world);
    processes.start_all();
    let begun = world::now();
    let mut random = Random(seed);
    rounds_of_kills(&mut processes, &mut random, rounds);
    faults::all(&world, &mut processes, &mut random);
    while begun.elapsed() < LOAD {
        processes.tend();
    }
    let load = begun.elapsed();
    world.drain(&mut processes);
    let judgement = judgement::judge(&world);
    let kills: Vec<String> =
        Role::ALL.iter().map(|role| format!("{} {}", role.name(), processes.kills(*role))).collect();
    let broken = [processes.findings(), judgement.findings].concat();
    println!("{}", judgement.text);
    println!("{}", processes.counted());
    broken.iter().for_each(|finding| println!("broken: {finding}"));
    let tried =
        format!("{:.0} s of load, kill -9: {}; {}", load.as_secs_f64(), kills.join(", "), faults::TRIED);
    if broken.is_empty() {
        println!("verdict: kept: {tried}: {}", judgement.found);
        return ExitCode::SUCCESS;
    }
    println!(
        "verdict: BROKEN ({} findings, logs in {}): {tried}: {}",
        broken.len(),
        world.keep(),
        judgement.found
    );
    ExitCode::FAILURE
}

/// Roles are dealt from a shuffled deck, so that each has its share however few rounds there are.
fn rounds_of_kills(processes: &mut Processes, random: &mut Random, rounds: u64) {
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
