//! A journal that lost records behind the newest snapshot, without a base to begin at: nothing comes of it until an
//! operator accepts that very gap; then the state goes on with the first record that is left.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod walk;

use bellwether_engine::{Effect, Engine};
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::{Log, NewRecord, Record};
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::snapshots::{ContentHash, LastFolded, LateKept};
use bellwether_schemas::{Entry, Origin, Timestamp, Topic, TopicKind, codec};
use bellwether_worker::WorkerError;
use bellwether_worker::recovery::recover;
use bellwether_worker::snapshots::{Shelf, Snapshot, store_snapshot};
use bellwether_worker::standing::{Standing, find_standing};
use memory::Memory;
use walk::{journal, tenant};

/// Records that are folded when the state is stored, and the first one that is left.
const FOLDED: usize = 20;
const LEFT_FROM: u64 = 25;

fn topic(kind: TopicKind) -> Topic {
    Topic::new(&tenant(), kind)
}

/// A log with a snapshot behind the first records, and its journal cut behind those.
fn log_with_a_gap() -> (Memory, Vec<Record>) {
    let log = Memory::default();
    Topic::all(&tenant()).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
    let steps: Vec<_> = (0..60).map(|at| if at / 8 % 2 == 0 { (900, -700) } else { (-800, 950) }).collect();
    let record = |value: &Vec<u8>| NewRecord { key: b"fxlabs".to_vec(), value: value.clone() };
    log.append(&topic(TopicKind::Journal), journal(&steps).iter().map(record).collect()).wait().unwrap();
    let whole = log.records(&topic(TopicKind::Journal));
    let (mut engine, mut gist) = (Engine::new(tenant()), Gist::default());
    fold(&mut engine, &mut gist, &whole[..FOLDED]);
    let last = &whole[FOLDED - 1];
    let snapshot = Snapshot {
        next_offset: last.offset + 1,
        last: LastFolded {
            offset: last.offset.cast_signed(),
            appended_at: last.appended_at,
            sha256: ContentHash::of_record(&last.key, &last.value).bytes().to_vec(),
        },
        watermark: engine.watermark(),
        engine_version: engine.version().number(),
        late: LateKept::default(),
        parts: engine.parts().collect(),
        gist: gist.taken(),
    };
    store_snapshot(&log, &mut Shelf::new(&tenant()), &snapshot).unwrap();
    *log.committed.lock().unwrap() = Some(last.offset + 1);
    log.cut(&topic(TopicKind::Journal), LEFT_FROM).unwrap();
    (log, whole)
}

/// What the records cause.
fn fold(engine: &mut Engine, gist: &mut Gist, records: &[Record]) -> Vec<Vec<u8>> {
    let mut effects = Vec::new();
    for record in records {
        let Ok(entry) = record.entry(&tenant()) else { continue };
        engine.apply(record.offset, &entry, &mut effects);
        gist.see(record, &entry);
    }
    let outcome = |effect| match effect {
        Effect::Outcome(outcome) => Some(codec::encode_outcome(&outcome).unwrap()),
        _ => None,
    };
    effects.into_iter().filter_map(outcome).collect()
}

fn accept(log: &Memory, last_folded: i64, first_readable: i64) {
    let origin = Origin {
        tenant: tenant(),
        source: "operator".into(),
        session: String::new(),
        played: false,
        appended_at: Timestamp(0),
    };
    let decision = Decision::AcceptGap { last_folded, first_readable };
    let (who, why) = ("asha".into(), "retention was too short".into());
    let value =
        codec::encode_entry(&Entry::Decision(OperatorDecision { origin, decision, who, why })).unwrap();
    log.append(&topic(TopicKind::Journal), vec![NewRecord { key: b"fxlabs".to_vec(), value }])
        .wait()
        .unwrap();
}

#[test]
fn records_that_are_gone_stop_a_tenant_until_somebody_accepts_that_very_gap() {
    let (log, whole) = log_with_a_gap();
    let last_folded = FOLDED as u64 - 1;
    let refused = recover(&log, &tenant()).unwrap_err();
    let WorkerError::JournalGap { last_folded: found, first_readable, .. } = &refused else {
        panic!("{refused}")
    };
    assert_eq!((*found, *first_readable), (last_folded, LEFT_FROM));
    assert_eq!(
        find_standing(&log, &tenant()).unwrap(),
        Standing::Gap { last_folded, first_readable: LEFT_FROM }
    );
    for another in [(18, 25), (19, 24), (19, 26)] {
        accept(&log, another.0, another.1);
        assert!(matches!(recover(&log, &tenant()), Err(WorkerError::JournalGap { .. })), "{another:?}");
    }
    accept(&log, last_folded.cast_signed(), LEFT_FROM.cast_signed());
    let recovered = recover(&log, &tenant()).unwrap();
    assert_eq!(recovered.fold_from(), LEFT_FROM);
    assert_eq!(find_standing(&log, &tenant()).unwrap(), Standing::Nowhere);
    let state = recovered.state.unwrap();
    let rest = &whole[usize::try_from(LEFT_FROM).unwrap()..];
    let (mut engine, mut gist) = (Engine::new(tenant()), Gist::default());
    fold(&mut engine, &mut gist, &whole[..FOLDED]);
    let expected = fold(&mut engine, &mut gist, rest);
    let (mut engine, mut gist) = (state.engine, state.gist);
    assert_eq!(fold(&mut engine, &mut gist, rest), expected, "the state stays as it was before the gap");
    assert!(!expected.is_empty());
}

#[test]
fn a_gap_that_grew_after_it_was_accepted_is_another_one() {
    let (log, _) = log_with_a_gap();
    accept(&log, FOLDED as i64 - 1, LEFT_FROM.cast_signed());
    log.cut(&topic(TopicKind::Journal), LEFT_FROM + 2).unwrap();
    let refused = recover(&log, &tenant()).unwrap_err();
    assert!(matches!(refused, WorkerError::JournalGap { .. }), "{refused}");
}

#[test]
fn a_journal_that_was_written_anew_has_no_gap_and_is_not_folded_twice() {
    let (log, whole) = log_with_a_gap();
    let copied = whole.into_iter().skip(10).map(|record| Record { appended_at: Timestamp(7), ..record });
    log.topics_of().insert(topic(TopicKind::Journal), copied.collect());
    accept(&log, FOLDED as i64 - 1, 10);
    let refused = recover(&log, &tenant()).unwrap_err();
    assert!(matches!(refused, WorkerError::Snapshot(_)), "{refused}");
}

#[test]
fn without_any_state_there_is_no_gap_to_accept() {
    let (log, _) = log_with_a_gap();
    let keys = log.records(&topic(TopicKind::Snapshots)).into_iter().map(|record| record.key);
    let tombstones = keys.map(NewRecord::tombstone).collect();
    log.append(&topic(TopicKind::Snapshots), tombstones).wait().unwrap();
    accept(&log, FOLDED as i64 - 1, LEFT_FROM.cast_signed());
    let refused = recover(&log, &tenant()).unwrap_err();
    assert!(matches!(refused, WorkerError::Snapshot(_)), "{refused}");
}
