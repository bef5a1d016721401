//! What is disturbed besides kills of roles, while the load goes on.

use std::time::Duration;

use crate::judged::Random;
use crate::processes::{Processes, Role};
use crate::trials;
use crate::world::{World, progress};

/// In words, for the verdict.
pub(crate) const TRIED: &str = "brokers: kill -9 at least twice, SIGSTOP; a frozen process, rows and mail sink (9 s); a \
                                graceful stop of each role; 4 s without SMTP; the databases' server killed -9 twice; members that come and \
                                go; all snapshots deleted, all damaged, all torn; every crash point";

/// Times that a member comes or goes.
const MOVES: u64 = 12;
/// Longer than a session.
const FROZEN: Duration = Duration::from_secs(9);

pub(crate) fn all(world: &World, processes: &mut Processes<'_>, random: &mut Random) {
    for node in (1..=world.brokers).cycle().take(usize::from(world.brokers).max(2)) {
        progress(&format!("broker {node}: kill -9"));
        kill_broker(world, processes, node, Duration::from_millis(random.next() % 3_000));
        processes.tend_for(Duration::from_secs(8));
    }
    let away = Duration::from_secs(crate::argument("AWAY", 8));
    progress(&format!("all brokers: SIGSTOP for {away:?}"));
    let before = processes.largest();
    (1..=world.brokers).for_each(|node| world.kafka.signal(node, "STOP").unwrap());
    processes.tend_for(away);
    let after = processes.largest();
    (1..=world.brokers).for_each(|node| world.kafka.signal(node, "CONT").unwrap());
    processes.note(format!(
        "largest process {before} MiB before all brokers were stopped for {away:?}, {after} MiB after"
    ));
    processes.tend_for(Duration::from_secs(5));
    for role in [Role::Process, Role::Rows, Role::Mail] {
        progress(&format!("{}: SIGSTOP for longer than its session", role.name()));
        processes.freeze(role, random.next(), FROZEN);
        processes.tend_for(Duration::from_secs(2));
    }
    for role in Role::ALL {
        progress(&format!("{}: SIGTERM", role.name()));
        processes.restart(role, random.next());
        processes.tend_for(Duration::from_secs(1));
    }
    progress("SMTP: connections are refused for 4 s");
    world.without_smtp(|| processes.tend_for(Duration::from_secs(4)));
    for away in [Duration::ZERO, Duration::from_secs(6)] {
        progress(&format!("the databases' server: kill -9, away for {away:?}"));
        world.without_databases(|| processes.tend_for(away));
        processes.tend_for(Duration::from_secs(5));
    }
    progress("members of groups come and go");
    let seen = trials::members_come_and_go(world, processes, random, MOVES);
    processes.note(seen);
    spoil_snapshots(world, processes, random);
}

/// Kills that broker, and starts it again after that time.
pub(crate) fn kill_broker(world: &World, processes: &mut Processes<'_>, node: u8, away: Duration) {
    world.kafka.signal(node, "KILL").unwrap();
    processes.tend_for(away);
    world.kafka.up().unwrap();
}

/// What is written in place of a record's bytes.
type Spoil = fn(&[u8]) -> Vec<u8>;

/// Whoever is given the dead process's tenants has to do without the newest snapshot, or without any.
fn spoil_snapshots(world: &World, processes: &mut Processes<'_>, random: &mut Random) {
    let damaged = |value: &[u8]| match value {
        [whole @ .., last] => [whole, &[last ^ 1]].concat(),
        [] => Vec::new(),
    };
    let torn = |value: &[u8]| value[..value.len() / 2].to_vec();
    let ways: [(&str, Spoil); 3] = [("deleted", |_| Vec::new()), ("damaged", damaged), ("torn", torn)];
    for (what, spoiled) in ways {
        let count = world.spoil_snapshots(spoiled);
        let killed = processes.kill(Role::Process, random.next(), Duration::ZERO);
        progress(&format!("snapshots: all {count} records {what}, and kill -9 of {killed}"));
        // Long enough to recover from the journal's start and to store a state anew.
        processes.tend_for(Duration::from_secs(12));
    }
}
