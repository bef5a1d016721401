//! Where a tenant stands, found out by an operator's command while a worker may have it: a worker that is there has not
//! died, and a record that one has folded is not skipped any more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod walk;

use bellwether_runtime::log::{GroupMember, Log, NewRecord};
use bellwether_schemas::codec::encode_snapshot;
use bellwether_schemas::snapshots::SnapshotRecord;
use bellwether_schemas::snapshots::words::{OwnerWord, Suspect, Word, WordKey};
use bellwether_schemas::{Topic, TopicKind, codec};
use bellwether_worker::standing::{Standing, find_standing};
use memory::Memory;
use walk::{journal, of_a_newer_build, tenant};

/// A log whose last record no fold by this build gets past; its offset.
fn log_with_a_halt() -> (Memory, u64) {
    log_with_a_halt_behind(journal(&[(900, -700); 5]))
}

fn log_with_a_halt_behind(mut records: Vec<Vec<u8>>) -> (Memory, u64) {
    let log = Memory::default();
    Topic::all(&tenant()).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
    records.push(of_a_newer_build());
    let at = records.len() as u64 - 1;
    let record = |value: &Vec<u8>| NewRecord { key: b"fxlabs".to_vec(), value: value.clone() };
    log.append(&Topic::new(&tenant(), TopicKind::Journal), records.iter().map(record).collect())
        .wait()
        .unwrap();
    *log.committed.lock().unwrap() = Some(at);
    (log, at)
}

fn say(log: &Memory, key: WordKey, said: SnapshotRecord) {
    let value = encode_snapshot(&said).unwrap();
    let record = NewRecord { key: key.as_str().into(), value };
    log.append(&Topic::new(&tenant(), TopicKind::Snapshots), vec![record]).wait().unwrap();
}

/// Somebody took the tenant behind so many who died.
fn take(log: &Memory, crashes: i32) {
    let (owner, word) = ("1/7/1".into(), Word::Took);
    let said = OwnerWord { tenant: tenant(), owner, word, crashes, fold_from: 0 };
    say(log, WordKey::Owner, SnapshotRecord::Owner(said));
}

fn note(log: &Memory, offset: i64) {
    say(log, WordKey::Suspect, SnapshotRecord::Suspect(Suspect { tenant: tenant(), offset }));
}

/// A worker reads the journal now.
fn join(log: &Memory) {
    let topics = vec![Topic::new(&tenant(), TopicKind::Journal)];
    log.members.lock().unwrap().push(GroupMember { id: "host-process-1".into(), topics });
}

#[test]
fn a_worker_that_is_there_has_not_died_and_what_it_stands_at_is_found() {
    let (log, at) = log_with_a_halt();
    take(&log, 1);
    assert_eq!(find_standing(&log, &tenant()).unwrap(), Standing::Dying(2));
    join(&log);
    for crashes in [1, 2, 3] {
        take(&log, crashes);
        let found = find_standing(&log, &tenant()).unwrap();
        assert!(matches!(found, Standing::Stopped { offset, .. } if offset == at), "{crashes}: {found:?}");
    }
}

#[test]
fn while_a_worker_looks_for_a_record_that_kills_nobody_else_folds_it() {
    let (log, at) = log_with_a_halt();
    take(&log, 2);
    join(&log);
    note(&log, at.cast_signed());
    assert_eq!(find_standing(&log, &tenant()).unwrap(), Standing::Dying(2));
}

#[test]
fn a_journal_that_grows_while_it_is_looked_at_is_not_another_one() {
    let (log, _) = log_with_a_halt();
    let log = Memory { goes_on: true, ..log };
    let found = find_standing(&log, &tenant()).unwrap();
    assert!(matches!(found, Standing::Passed { .. }), "{found:?}");
}

#[test]
fn a_record_that_a_worker_has_folded_is_nothing_that_a_tenant_stands_at() {
    let (log, at) = log_with_a_halt();
    *log.committed.lock().unwrap() = Some(at + 1);
    let found = find_standing(&log, &tenant()).unwrap();
    assert!(matches!(found, Standing::Passed { offset, .. } if offset == at), "{found:?}");
}

#[test]
fn a_record_of_which_an_outcome_is_in_the_log_was_folded_whatever_was_committed() {
    let mut records = journal(&[(900, -700); 30]);
    let told = walk::straight(&records).pop().expect("something came of it");
    let at = codec::decode_outcome(&told.value).unwrap().cause().offset.cast_unsigned();
    records.truncate(usize::try_from(at).unwrap());
    let (log, at) = log_with_a_halt_behind(records);
    log.append(&Topic::new(&tenant(), TopicKind::Triggers), vec![told]).wait().unwrap();
    let found = find_standing(&log, &tenant()).unwrap();
    assert!(matches!(found, Standing::Passed { offset, .. } if offset == at), "{found:?}");
}
