//! The worker's core in a simulated world: a log that answers late, loses what it did not acknowledge, and a process
//! that dies, loses its tenant or cannot recover it at any moment; snapshots that come late, get lost, or are all deleted.
//! Whatever happens, the triggers topic ends as one straight fold would have written it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod walk;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_runtime::log::{LogError, NewRecord, Record};
use bellwether_schemas::journal::Entry;
use bellwether_schemas::{Timestamp, TopicKind, codec};
use bellwether_worker::core::{Core, Input, NotRecovered, Output, Recovered, SNAPSHOT_EVERY};
use proptest::prelude::*;
use walk::{journal, of_a_newer_build, straight, tenant, unknown};
use world::{LOST, World};

#[derive(Debug, Clone)]
enum Act {
    Read(u64),
    Acknowledge(usize),
    Crash(usize),
    Revoke(usize, usize),
    Recover(bool),
    RecoverLate,
    Stray(u64),
    Pass,
    Turn(usize),
    Store(bool),
    Delete(bool),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (1u64..40).prop_map(Act::Read),
        6 => (0usize..6).prop_map(Act::Acknowledge),
        1 => (0usize..5).prop_map(Act::Crash),
        1 => (0usize..5, 0usize..3).prop_map(|(waited_for, written)| Act::Revoke(waited_for, written)),
        4 => any::<bool>().prop_map(Act::Recover),
        1 => Just(Act::RecoverLate),
        1 => (1u64..40).prop_map(Act::Stray),
        4 => Just(Act::Pass),
        4 => (1usize..4).prop_map(Act::Turn),
        3 => prop::bool::weighted(0.8).prop_map(Act::Store),
        1 => any::<bool>().prop_map(Act::Delete),
    ];
    prop::collection::vec(act, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_happens_the_triggers_are_those_of_one_straight_fold(
        steps in prop::collection::vec((-3000i64..3000, -3000i64..3000), 20..60),
        acts in acts(),
    ) {
        let mut world = World::new(journal(&steps));
        for act in acts {
            match act {
                Act::Read(count) => world.read(count),
                Act::Acknowledge(count) => world.acknowledge(count),
                Act::Crash(written) => world.crash(written),
                Act::Revoke(waited_for, written) => world.revoke(waited_for, written),
                Act::Recover(reached) => world.recover(reached),
                Act::RecoverLate => world.recover_late(),
                Act::Stray(count) => world.stray(count),
                Act::Pass => world.pass(),
                Act::Turn(times) => world.turn(times),
                Act::Store(is_stored) => world.store(is_stored),
                Act::Delete(all) => world.delete(all),
            }
        }
        world.finish();
        prop_assert_eq!(&world.topics[&TopicKind::Triggers], &world.expected);
        prop_assert_eq!(world.committed, world.journal.len() as u64);
        let mut undisturbed = World::new(journal(&steps));
        undisturbed.finish();
        prop_assert_eq!(letters(&world)?, letters(&undisturbed)?, "however often they were written");
    }
}

/// Dead letters by key. What is written again under a key is the same.
fn letters(world: &World) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, TestCaseError> {
    let mut letters = BTreeMap::new();
    for NewRecord { key, value } in &world.topics[&TopicKind::DeadLetters] {
        prop_assert_eq!(letters.entry(key.clone()).or_insert_with(|| value.clone()), value);
    }
    Ok(letters)
}

#[test]
fn each_refused_tick_has_its_letter_and_the_first_of_a_record_holds_its_bytes() {
    let mut world = World::new(journal(&[(100, -100); 20]));
    let unknown = codec::encode_entry(&Entry::Ticks(unknown())).unwrap();
    world.finish();
    let letters: Vec<_> = world.topics[&TopicKind::DeadLetters]
        .iter()
        .map(|record| {
            (
                String::from_utf8(record.key.clone()).unwrap(),
                codec::decode_dead_letter(&record.value).unwrap(),
            )
        })
        .filter(|(_, letter)| letter.reason == "unknown_symbol")
        .collect();
    let at = world.journal.iter().position(|record| *record == unknown).unwrap();
    let keys: Vec<_> = letters.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, [0, 1, 2].map(|index| format!("{at}/{index}/unknown_symbol")));
    let originals: Vec<_> = letters.iter().map(|(_, letter)| (&letter.original[..], letter.size)).collect();
    let size = i64::try_from(unknown.len()).unwrap();
    assert_eq!(originals, [(&unknown[..], Some(size)), (&[], None), (&[], None)]);
}

#[test]
fn a_snapshot_waits_for_what_is_on_its_way_and_a_new_owner_goes_on_from_it() {
    let mut world = World::new(journal(&[(900, -700); 30]));
    world.recover(true);
    world.read(40);
    world.pass();
    assert!(world.core.is_taking());
    world.read(1);
    world.turn(9);
    assert!(world.storing.is_empty() && !world.core.is_taking(), "triggers are on their way");
    world.acknowledge(usize::MAX);
    assert_eq!(world.storing.len(), 1, "at once when they are there");
    world.store(true);
    world.read(5);
    world.acknowledge(usize::MAX);
    world.crash(0);
    world.recover(true);
    assert_eq!((world.began_at, world.stored[0].next_offset), (40, 40));
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
}

#[test]
fn a_recovery_that_is_over_is_not_gone_through_again() {
    let mut world = World::new(journal(&[(900, -700); 30]));
    world.recover(true);
    world.read(20);
    world.acknowledge(usize::MAX);
    world.input(Input::Passed(Duration::from_secs(1)));
    assert!(!world.core.is_taking(), "it is on its way");
    world.read(u64::MAX >> 1);
    world.acknowledge(usize::MAX);
    world.input(Input::Passed(Duration::from_secs(2)));
    assert!(world.core.is_taking(), "a minute would be long");
}

#[test]
fn late_ticks_of_one_minute_are_counted_on_by_who_goes_on_from_a_snapshot() {
    let mut world = World::new(journal(&[(900, -700); 30]));
    let first = world.journal.windows(2).position(|two| two[0] == two[1]).unwrap() as u64;
    world.recover(true);
    world.read(first + 1);
    world.acknowledge(usize::MAX);
    world.pass();
    world.turn(9);
    world.store(true);
    world.crash(0);
    world.recover(true);
    assert_eq!(world.began_at, first + 1, "between the two records that have too many");
    world.finish();
    let late = letters(&world).unwrap().into_keys();
    assert_eq!(late.filter(|key| key.ends_with(b"/late")).count(), 100);
}

#[test]
fn whoever_gives_a_tenant_up_leaves_its_state_behind() {
    let mut world = World::new(journal(&[(900, -700); 30]));
    world.recover(true);
    world.read(33);
    world.revoke(usize::MAX, 0);
    world.store(true);
    world.recover(true);
    assert_eq!(world.began_at, 33);
    world.revoke(usize::MAX, 0);
    assert!(world.storing.is_empty(), "the log has that state");
    world.recover(true);
    world.read(20);
    world.revoke(0, 0);
    assert!(world.storing.is_empty(), "what is not acknowledged is not left behind");
}

#[test]
fn a_tenant_that_stopped_has_no_state_to_store() {
    let mut core = Core::new();
    let mut outputs = Vec::new();
    core.step(Input::Assigned(tenant()), &mut outputs);
    let [Output::Recover(_, id, _)] = outputs[..] else { panic!("{outputs:?}") };
    let record = |offset: u64, value: Vec<u8>| Record {
        offset,
        appended_at: Timestamp(0),
        key: Vec::new(),
        headers: Vec::new(),
        value,
    };
    core.step(Input::Recovered(tenant(), id, Ok(Recovered::default())), &mut outputs);
    let Some(Output::Append(_, word, TopicKind::Snapshots, _)) = outputs.last() else {
        panic!("{outputs:?}")
    };
    core.step(Input::Acknowledged(tenant(), *word), &mut outputs);
    let records = vec![record(0, b"nobody can read this".to_vec()), record(1, of_a_newer_build())];
    core.step(Input::Records(tenant(), records), &mut outputs);
    assert!(matches!(outputs.last(), Some(Output::Halt(..))), "{outputs:?}");
    outputs.retain(|output| matches!(output, Output::Append(..)));
    for output in std::mem::take(&mut outputs) {
        let Output::Append(_, id, ..) = output else { unreachable!() };
        core.step(Input::Acknowledged(tenant(), id), &mut outputs);
    }
    core.step(Input::Passed(SNAPSHOT_EVERY), &mut outputs);
    (0..9).for_each(|_| core.step(Input::Turned, &mut outputs));
    core.step(Input::Revoked(tenant()), &mut outputs);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Store(..))), "{outputs:?}");
}

#[test]
fn the_walks_do_fire() {
    let steps: Vec<(i64, i64)> =
        (0..60).map(|i| if i / 8 % 2 == 0 { (900, -700) } else { (-800, 950) }).collect();
    assert!(straight(&journal(&steps)).len() > 20);
}

#[test]
fn a_journal_far_ahead_of_its_acknowledgements_is_paused_and_read_on() {
    let mut world = World::new(journal(&vec![(100, -100); 200]));
    world.recover(true);
    for _ in 0..200 {
        world.read(1);
    }
    assert!(world.paused);
    world.acknowledge(usize::MAX);
    assert!(!world.paused);
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
}

#[test]
fn a_recovery_that_fails_is_tried_again_after_longer_and_longer_waits_until_it_succeeds() {
    let mut world = World::new(journal(&[(100, -100); 20]));
    for _ in 0..12 {
        world.recover(false);
        world.stray(5);
    }
    assert_eq!(world.waits[0], Duration::ZERO, "at once");
    assert!(world.waits[1] > Duration::ZERO && world.waits.is_sorted(), "{:?}", world.waits);
    assert!(world.waits[11] <= Duration::from_secs(30), "{:?}", world.waits);
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
}

#[test]
fn what_was_lost_with_a_topic_that_was_made_anew_is_written_again_whatever_came_after_it() {
    let steps: Vec<(i64, i64)> =
        (0..60).map(|i| if i / 8 % 2 == 0 { (900, -700) } else { (-800, 950) }).collect();
    let mut world = World::new(journal(&steps));
    world.recover(true);
    (0..30).for_each(|_| world.read(4));
    let is_trigger = |append: &&(_, TopicKind, _)| append.1 == TopicKind::Triggers;
    assert!(world.in_flight.iter().filter(is_trigger).count() > 2);
    let first = world.in_flight.iter().position(|append| is_trigger(&append)).unwrap();
    world.in_flight.remove(first);
    // What came after it is in the topic that was made anew.
    for (_, kind, records) in std::mem::take(&mut world.in_flight) {
        world.topics.entry(kind).or_default().extend(records);
    }
    world.input(Input::Lost(tenant(), LOST.into()));
    assert!(
        world.recovery.is_some() && world.waits[1] > Duration::ZERO,
        "it is tried again, and not at once"
    );
    world.finish();
    let written = &world.topics[&TopicKind::Triggers];
    let missing: Vec<_> = world.expected.iter().filter(|record| !written.contains(record)).collect();
    assert!(missing.is_empty(), "{} of {}", missing.len(), world.expected.len());
}

#[test]
fn a_journal_that_could_not_be_read_from_where_it_was_to_be_is_recovered_again() {
    let mut world = World::new(journal(&[(100, -100); 20]));
    let id = world.recovery.unwrap();
    world.recover(true);
    let away = NotRecovered::Unavailable("no broker to seek at".into());
    world.input(Input::Recovered(tenant(), id, Err(away)));
    assert!(world.read.is_none() && world.recovery.is_some());
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected);
}

#[test]
fn a_tenant_whose_topics_the_brokers_refuse_is_told_of_and_tried_again_later_and_later() {
    let mut world = World::new(journal(&[(100, -100); 20]));
    let mut core = Core::new();
    let mut outputs = Vec::new();
    core.step(Input::Assigned(tenant()), &mut outputs);
    let mut waits = Vec::new();
    for _ in 0..3 {
        let Some(Output::Recover(_, id, wait)) = outputs.pop() else { panic!("{outputs:?}") };
        waits.push(wait);
        outputs.clear();
        let refused = LogError::Refused { topic: "fxlabs.snapshots.v1".into(), reason: "no right".into() };
        core.step(Input::Recovered(tenant(), id, Err(refused.into())), &mut outputs);
        let [Output::Halt(_, reason), Output::Recover(..)] = &outputs[..] else { panic!("{outputs:?}") };
        assert!(reason.contains("the brokers refuse fxlabs.snapshots.v1: no right"), "{reason}");
    }
    assert!(waits[0] < waits[1] && waits[1] < waits[2] && !core.is_halted(&tenant()), "{waits:?}");
    let id = world.recovery.take().unwrap();
    world.input(Input::Recovered(tenant(), id, Err(NotRecovered::Barred(LOST.into()))));
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], world.expected, "it goes on once it may");
}

#[test]
fn a_tenant_that_no_fold_can_begin_with_stops_and_stays_so() {
    let mut core = Core::new();
    let mut outputs = Vec::new();
    core.step(Input::Assigned(tenant()), &mut outputs);
    let [Output::Recover(_, id, _)] = outputs[..] else { panic!("{outputs:?}") };
    let cut = || Err(NotRecovered::Refused("its front is gone".into()));
    for (input, stops) in [
        (Input::Recovered(tenant(), id, cut()), true),
        (Input::Recovered(tenant(), id, cut()), false),
        (Input::Recovered(tenant(), id, Ok(Recovered::default())), false),
        (Input::Failed(tenant(), "again".into()), false),
    ] {
        outputs.clear();
        core.step(input, &mut outputs);
        let halted = [Output::Halt(tenant(), "its front is gone".into())];
        assert_eq!(outputs, if stops { &halted[..] } else { &[] });
    }
}

#[test]
fn a_record_under_another_tenants_key_is_put_aside() {
    for (key, letters) in [(&b"fxlabs"[..], 0), (b"hextech", 2)] {
        let mut world = World::new(journal(&[]));
        world.key = key;
        if letters > 0 {
            world.expected.clear();
        }
        world.finish();
        let kept = world.topics.get(&TopicKind::DeadLetters).map_or(&[][..], Vec::as_slice);
        let reasons = kept.iter().map(|record| codec::decode_dead_letter(&record.value).unwrap().reason);
        let reasons: Vec<String> = reasons.filter(|reason| reason == "misrouted").collect();
        assert_eq!(reasons.len().min(letters), letters, "{reasons:?}");
        assert!(letters > 0 || reasons.is_empty(), "{reasons:?}");
    }
}

#[test]
fn a_record_of_another_tenant_is_put_aside_and_folded_under_neither() {
    let mut foreign = codec::decode_entry(&journal(&[(0, 0)])[1]).unwrap();
    let Entry::Alert(change) = &mut foreign else { panic!("the second record is an alert") };
    change.origin.tenant = "hextech".parse().unwrap();
    let mut world = World::new(vec![codec::encode_entry(&foreign).unwrap()]);
    world.finish();
    assert_eq!(world.topics[&TopicKind::Triggers], []);
    let letter = codec::decode_dead_letter(&world.topics[&TopicKind::DeadLetters][0].value).unwrap();
    assert_eq!((letter.reason.as_str(), letter.tenant), ("misrouted", tenant()));
}
