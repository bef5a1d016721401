//! Kills between two things that a worker does durably: whoever comes next goes on from the newest snapshot that is in
//! the log, leaves nothing out, and writes nothing that one straight fold would not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod walk;
mod world;

use bellwether_schemas::TopicKind;
use bellwether_worker::core::{Input, Output};
use walk::{journal, tenant};
use world::World;

fn world() -> World {
    let steps: Vec<(i64, i64)> =
        (0..40).map(|at| if at / 6 % 2 == 0 { (900, -700) } else { (-800, 950) }).collect();
    let mut world = World::new(journal(&steps));
    world.recover(true);
    world
}

/// Folds so many records, and stores the state when all that came of them is acknowledged; the offset it stands for.
fn store_after(world: &mut World, records: u64) -> u64 {
    world.read(records);
    world.acknowledge(usize::MAX);
    world.pass();
    world.turn(9);
    world.store(true);
    world.stored.last().unwrap().next_offset
}

#[test]
fn a_worker_that_dies_after_its_snapshot_and_before_its_commit_is_gone_on_from_at_the_snapshot() {
    for committed in [0, 7, 19] {
        let mut world = world();
        let stored = store_after(&mut world, 20);
        world.read(9);
        // Brokers are told of commits a moment later: the last ones that had arrived are older than the snapshot.
        world.committed = committed;
        world.crash(1);
        world.recover(true);
        assert_eq!(
            (stored, world.read),
            (20, Some(20)),
            "the first record that is read is the snapshot's next"
        );
        assert_eq!(world.committed, 20, "what a snapshot stands for is acknowledged");
        world.finish();
        assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
    }
}

/// The tenant is to be given up, and the process is killed when it has done so many of the things that this takes; false
/// where all of them were done.
fn die_giving_up(world: &mut World, done: usize) -> bool {
    let mut outputs = Vec::new();
    world.core.step(Input::Revoked(tenant()), &mut outputs);
    let is_killed = done < outputs.len();
    for output in outputs.into_iter().take(done) {
        match output {
            Output::Store(_, _, snapshot) => world.stored.push(*snapshot),
            Output::Append(_, _, kind, records) => world.topics.entry(kind).or_default().extend(records),
            Output::Commit(_, next) => world.committed = world.committed.max(next),
            other => panic!("{other:?}"),
        }
    }
    world.crash(0);
    is_killed
}

#[test]
fn a_worker_that_dies_while_it_gives_its_tenant_up_is_gone_on_from_at_the_last_snapshot_that_was_published() {
    let mut kills = 0;
    for acknowledged in [0, usize::MAX] {
        for done in 0.. {
            let mut world = world();
            let stored = store_after(&mut world, 20);
            world.read(9);
            world.acknowledge(acknowledged);
            let is_killed = die_giving_up(&mut world, done);
            let published = world.stored.iter().map(|snapshot| snapshot.next_offset).max().unwrap();
            assert!(published == stored || (published == 29 && acknowledged > 0), "{published}");
            world.recover(true);
            assert_eq!(world.read, Some(published), "{done} things done");
            world.finish();
            assert_eq!(world.topics[&TopicKind::Triggers], world.expected, "{done} things done");
            if !is_killed {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills >= 3, "before and after its snapshot, and before its word: {kills}");
}
