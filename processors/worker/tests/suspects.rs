//! A record that kills whoever folds it: three processes at most, then its tenant stands before it, and nothing else is
//! lost. What people do to processes is not held against a record.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod walk;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use bellwether_runtime::log::{NewRecord, Record};
use bellwether_runtime::words::Words;
use bellwether_schemas::codec::encode_snapshot;
use bellwether_schemas::decisions::Decision;
use bellwether_schemas::snapshots::SnapshotRecord;
use bellwether_schemas::snapshots::words::{OwnerWord, Word, WordKey};
use bellwether_schemas::{TenantId, Timestamp, TopicKind};
use bellwether_worker::core::{AppendId, Core, Input, Output, Recovered};
use proptest::prelude::*;
use walk::{journal, of_a_newer_build, straight, tenant};
use world::{LOST, World};

/// A journal with a record that kills, and what a fold without that one gives.
fn deadly(steps: &[(i64, i64)], at: usize) -> (World, u64) {
    let mut records = journal(steps);
    let at = 5 + at % (records.len() - 5);
    let harmless = {
        let mut harmless = records.clone();
        harmless.insert(at, b"nobody folds this".to_vec());
        straight(&harmless)
    };
    records.insert(at, of_a_newer_build());
    let mut world = World::new(records);
    (world.expected, world.is_deadly) = (harmless, true);
    (world, at as u64)
}

/// Everything goes on until nothing does any more, whoever dies meanwhile.
fn go_on(world: &mut World) {
    while world.halted.is_none()
        && (world.read != Some(world.journal.len() as u64) || !world.in_flight.is_empty())
    {
        world.recover(true);
        world.read(7);
        world.acknowledge(3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_record_that_kills_does_so_three_times_and_once_it_is_skipped_all_else_is_there(
        steps in prop::collection::vec((-3000i64..3000, -3000i64..3000), 10..40),
        at in any::<prop::sample::Index>(),
    ) {
        let (mut world, at) = deadly(&steps, at.index(1_000));
        go_on(&mut world);
        prop_assert_eq!(world.deaths, 3);
        let quarantine = world.words().quarantine.unwrap();
        prop_assert_eq!(quarantine.offset.cast_unsigned(), at);
        let told = format!("offset {at} ");
        prop_assert!(world.halted.as_ref().unwrap().contains(&told));
        // Whoever comes next stands there, too.
        world.crash(0);
        go_on(&mut world);
        prop_assert_eq!((world.deaths, world.committed), (3, at));
        world.decide(Decision::Skip { offset: at.cast_signed() });
        go_on(&mut world);
        prop_assert_eq!((world.deaths, world.committed), (3, world.journal.len() as u64));
        prop_assert_eq!(&world.topics[&TopicKind::Triggers], &world.expected);
        let words = world.words();
        prop_assert_eq!((words.quarantine, words.suspect), (None, None));
    }
}

#[test]
fn a_record_that_is_folded_after_all_and_kills_again_is_found_by_one_more_death() {
    let (mut world, at) = deadly(&[(900, -700); 20], 20);
    go_on(&mut world);
    world.decide(Decision::Again { offset: at.cast_signed() });
    go_on(&mut world);
    assert_eq!(world.deaths, 4);
    assert!(world.halted.is_some());
    world.crash(0);
    go_on(&mut world);
    assert_eq!(world.deaths, 4, "a decision that was followed lets nobody out again");
}

#[test]
fn what_killed_others_is_read_with_care_and_a_first_death_changes_nothing() {
    let mut world = World::new(journal(&[(900, -700); 30]));
    for deaths in 0..2 {
        world.recover(true);
        world.read(10);
        assert_eq!(world.words().suspect, None, "after {deaths} deaths");
        assert!(!world.paused);
        world.crash(0);
    }
    world.recover(true);
    world.read(10);
    assert!(world.paused && world.words().suspect.is_none(), "the note is on its way");
    let folded = |world: &World| world.in_flight.iter().any(|(_, kind, _)| *kind != TopicKind::Snapshots);
    assert!(!folded(&world), "nothing is folded before it is there");
    world.acknowledge(1);
    assert_eq!(world.words().suspect.unwrap().offset, 0);
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
    assert_eq!(world.words().suspect, None, "what was survived is no suspect");
}

#[test]
fn what_somebody_survived_is_folded_without_notes_and_care_begins_behind_it() {
    let mut world = World::new(journal(&[(900, -700); 30]));
    world.recover(true);
    world.read(10);
    world.acknowledge(usize::MAX);
    assert_eq!(world.committed, 10);
    world.crash(0);
    world.recover(true);
    world.crash(0);
    world.recover(true);
    world.read(8);
    assert!(!world.paused, "nothing of it is held");
    world.acknowledge(usize::MAX);
    assert_eq!((world.words().suspect, world.words().owner.unwrap().crashes), (None, 2));
    // A batch may begin before and end behind.
    world.read(10);
    world.acknowledge(1);
    assert_eq!(world.words().suspect.unwrap().offset, 10);
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
}

#[test]
fn processes_that_are_stopped_and_moved_are_no_deaths() {
    let mut world = World::new(journal(&[(900, -700); 30]));
    for _ in 0..9 {
        world.recover(true);
        world.read(3);
        world.revoke(0, usize::MAX);
        assert_eq!(world.words().crashes(0), 0);
    }
}

/// Two processes died, and the third has read some records.
fn after_two_deaths() -> World {
    let mut world = World::new(journal(&[(900, -700); 30]));
    for _ in 0..2 {
        world.recover(true);
        world.read(10);
        world.crash(0);
    }
    world.recover(true);
    world.read(10);
    world
}

/// The same, and a note of its next record is in the log.
fn read_with_care() -> World {
    let mut world = after_two_deaths();
    world.acknowledge(1);
    assert!(world.words().suspect.is_some());
    world
}

#[test]
fn what_is_recovered_anew_by_the_process_that_read_it_killed_nobody() {
    let mut world = read_with_care();
    world.input(Input::Lost(tenant(), LOST.into()));
    // The log has not got the word yet by which it was given up.
    let on_their_way = std::mem::take(&mut world.in_flight);
    world.recover(true);
    let words = world.words();
    assert_eq!((words.quarantine, words.suspect, words.owner.unwrap().crashes), (None, None, 2));
    drop(on_their_way);
    world.finish();
    assert_eq!((&world.topics[&TopicKind::Triggers], world.halted), (&world.expected, None));
}

#[test]
fn a_process_that_dies_while_it_waits_for_a_topic_of_the_tenant_dies_of_no_record() {
    let mut world = read_with_care();
    world.input(Input::Lost(tenant(), LOST.into()));
    world.acknowledge(usize::MAX);
    world.crash(0);
    world.recover(true);
    let words = world.words();
    assert_eq!((words.quarantine, words.suspect, words.owner.unwrap().crashes), (None, None, 2));
}

#[test]
fn a_note_of_what_was_committed_since_puts_nothing_in_quarantine() {
    let mut world = after_two_deaths();
    while world.words().suspect.is_none_or(|suspect| suspect.offset.cast_unsigned() >= world.committed) {
        world.acknowledge(1);
    }
    world.crash(0);
    world.recover(true);
    assert_eq!(world.words().quarantine, None);
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
}

/// Tenants of one worker, whose owners died twice.
struct Worker {
    core: Core,
    words: BTreeMap<TenantId, Words>,
    on_their_way: Vec<(TenantId, AppendId, TopicKind, Vec<NewRecord>)>,
}

impl Worker {
    fn step(&mut self, input: Input) {
        let mut outputs = Vec::new();
        self.core.step(input, &mut outputs);
        for output in outputs {
            match output {
                Output::Append(tenant, id, kind, records) => {
                    self.on_their_way.push((tenant, id, kind, records))
                }
                Output::Recover(tenant, id, _) => {
                    let mut words = Words::default();
                    let died = OwnerWord {
                        tenant: tenant.clone(),
                        owner: "before".into(),
                        word: Word::Took,
                        crashes: 1,
                        fold_from: 0,
                    };
                    let value = encode_snapshot(&SnapshotRecord::Owner(died)).unwrap();
                    words.see(&tenant, &record(0, WordKey::Owner.as_str().into(), value));
                    let found =
                        Recovered { words: Box::new(words), journal_end: 1_000, ..Recovered::default() };
                    self.step(Input::Recovered(tenant, id, Ok(found)));
                }
                _ => {}
            }
        }
    }

    fn acknowledge(&mut self) {
        let (tenant, id, kind, records) = self.on_their_way.remove(0);
        let words = self.words.entry(tenant.clone()).or_default();
        for NewRecord { key, value } in records.into_iter().filter(|_| kind == TopicKind::Snapshots) {
            words.see(&tenant, &record(0, key, value));
        }
        self.step(Input::Acknowledged(tenant, id));
    }
}

fn record(offset: u64, key: Vec<u8>, value: Vec<u8>) -> Record {
    Record { offset, appended_at: Timestamp(0), key, headers: Vec::new(), value }
}

#[test]
fn of_a_worker_that_dies_one_tenant_at_most_has_a_note_in_the_log() {
    let names = ["fxlabs", "hextech", "others"].map(|name| name.parse::<TenantId>().unwrap());
    let mut worker = Worker { core: Core::new(), words: BTreeMap::new(), on_their_way: Vec::new() };
    names.iter().for_each(|name| worker.step(Input::Assigned(name.clone())));
    names.iter().for_each(|_| worker.acknowledge());
    for name in &names {
        // They name another tenant where it is not the first: that is folded all the same, to a dead letter.
        let records = (0..).zip(journal(&[])).map(|(offset, value)| record(offset, Vec::new(), value));
        worker.step(Input::Records(name.clone(), records.collect()));
    }
    let mut noted = BTreeSet::new();
    while !worker.on_their_way.is_empty() {
        worker.acknowledge();
        let suspects = worker.words.iter().filter(|(_, words)| words.suspect.is_some());
        let suspects: Vec<TenantId> = suspects.map(|(tenant, _)| tenant.clone()).collect();
        assert!(suspects.len() <= 1, "{suspects:?}");
        noted.extend(suspects);
    }
    assert_eq!(noted, names.into(), "each had its turn");
}
