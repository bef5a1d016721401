//! What a new owner of a journal finds out from the log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::{Access, Log, NewRecord, open};
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{AlertState, AlertStatus, Cause, Outcome};
use bellwether_schemas::{AlertId, TenantId, Topic, TopicKind, UserId, codec};
use bellwether_worker::WorkerError;
use bellwether_worker::recovery::recover;
use uuid::Uuid;

fn tenant() -> TenantId {
    "fxlabs".parse().unwrap()
}

fn cause(offset: i64) -> Cause {
    Cause { offset, index: 0 }
}

/// A log whose triggers topic has outcomes of these journal offsets, in this order, each an append of its own.
fn log_with(offsets: &[i64], dir: &tempfile::TempDir) -> Arc<dyn Log> {
    let log = open(&format!("embedded:{}", dir.path().display()), Access::Write, Clock::system()).unwrap();
    for topic in Topic::all(&tenant()) {
        log.create(&topic).unwrap();
    }
    let noise = (0..10).map(|_| NewRecord { key: Vec::new(), value: b"journal".to_vec() }).collect();
    log.append(&Topic::new(&tenant(), TopicKind::Journal), noise).wait().unwrap();
    let triggers = Topic::new(&tenant(), TopicKind::Triggers);
    for offset in offsets {
        let record = NewRecord { key: b"k".to_vec(), value: outcome(*offset) };
        log.append(&triggers, vec![record]).wait().unwrap();
    }
    log
}

fn outcome(offset: i64) -> Vec<u8> {
    let status = AlertStatus {
        tenant: tenant(),
        kind: AlertKind::RsiTracker,
        alert_id: AlertId(Uuid::from_u128(1)),
        user_id: UserId(Uuid::from_u128(2)),
        version: 1,
        state: AlertState::Active,
        reason: None,
        since: None,
        cause: cause(offset),
    };
    codec::encode_outcome(&Outcome::Status(status)).unwrap()
}

#[test]
fn behind_a_worker_that_wrote_again_what_another_had_written_the_largest_cause_counts() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_with(&[3, 7, 9, 3, 7], &dir);
    assert_eq!(recover(log.as_ref(), &tenant()).unwrap().last_cause, Some(cause(9)));
}

#[test]
fn an_unreadable_end_of_the_topic_is_looked_behind() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_with(&[3, 7], &dir);
    let triggers = Topic::new(&tenant(), TopicKind::Triggers);
    let noise = (0..100).map(|_| NewRecord { key: Vec::new(), value: b"nobody can read this".to_vec() });
    log.append(&triggers, noise.collect()).wait().unwrap();
    assert_eq!(recover(log.as_ref(), &tenant()).unwrap().last_cause, Some(cause(7)));
}

#[test]
fn a_journal_that_ends_before_what_came_of_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(recover(log_with(&[9], &dir).as_ref(), &tenant()).is_ok(), "the last record");
    let dir = tempfile::tempdir().unwrap();
    let refused = recover(log_with(&[10], &dir).as_ref(), &tenant());
    assert!(
        matches!(refused, Err(WorkerError::JournalReplaced { next: 10, reached: 11, .. })),
        "{refused:?}"
    );
}

#[test]
fn where_nothing_was_ever_written_nothing_is_withheld() {
    let dir = tempfile::tempdir().unwrap();
    let recovered = recover(log_with(&[], &dir).as_ref(), &tenant()).unwrap();
    assert_eq!((recovered.last_cause, recovered.committed), (None, 0));
}
