//! What only this backend promises. Kills and full disks happen to a child: this test binary, started again for
//! one of the `child_…` functions, which do nothing unless [`CHILD`] is set.

mod children;
mod creation;
mod damage;
mod frames;
mod upkeep;

use std::time::Duration;

use bellwether_schemas::TopicKind;
use tokio::time::Instant;

use super::*;
use crate::log::conformance::{self, Fixture};
use crate::log::{Polled, Record};

const WAIT: Duration = Duration::from_secs(20);
const CHILD: &str = "BELLWETHER_TEST_CHILD";

fn topic(kind: TopicKind) -> Topic {
    Topic::new(&"fxlabs".parse().unwrap(), kind)
}

fn journal() -> Topic {
    topic(TopicKind::Journal)
}

fn keyed(key: &str, value: &[u8]) -> NewRecord {
    NewRecord { key: key.into(), value: value.to_vec() }
}

fn record(value: &str) -> NewRecord {
    keyed("k", value.as_bytes())
}

fn open(dir: &Path, access: Access) -> EmbeddedLog {
    EmbeddedLog::open(dir, access, Clock::system()).unwrap()
}

/// Opened for writing with small segments, its journal created.
fn writer(dir: &Path, segment_bytes: u64) -> EmbeddedLog {
    let options = Options { segment_bytes, ..Options::default() };
    let log = EmbeddedLog::open_with(dir, Access::Write, Clock::system(), options).unwrap();
    log.create(&journal()).unwrap();
    log
}

fn append(log: &EmbeddedLog, value: &str) -> u64 {
    log.append(&journal(), vec![record(value)]).wait().unwrap()
}

/// What can be read from the start on, and the error it ends with.
fn drain(log: &EmbeddedLog, topic: &Topic) -> (Vec<Record>, Option<LogError>) {
    let mut records = Vec::new();
    let mut reader = log.reader(topic, log.bounds(topic).unwrap().start).unwrap();
    loop {
        match reader.read(100, Duration::ZERO) {
            Ok(read) if read.is_empty() => return (records, None),
            Ok(read) => records.extend(read),
            Err(error) => return (records, Some(error)),
        }
    }
}

fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8_lossy(&record.value).into_owned()).collect()
}

fn segment_file(dir: &Path, base: u64) -> PathBuf {
    segment::path(&dir.join(journal().to_string()), base)
}

#[test]
fn the_embedded_log_keeps_the_promises_of_the_seam() {
    for segment_bytes in [300, 64 * 1024 * 1024] {
        conformance::run(&mut || {
            let dir = tempfile::tempdir().unwrap();
            let options = Options { segment_bytes, ..Options::default() };
            let log = EmbeddedLog::open_with(dir.path(), Access::Write, Clock::system(), options).unwrap();
            Fixture {
                log: Arc::new(log),
                tenant: "fxlabs".parse().unwrap(),
                other: "hextech".parse().unwrap(),
                group: "rows".into(),
                keep: Box::new(dir),
            }
        });
    }
}

#[test]
fn a_group_has_one_member() {
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 1000);
    let join = || log.consumer("rows", &[journal()], Box::new(conformance::Ledger::default()));
    let member = join().unwrap();
    match join().err().unwrap() {
        LogError::Held { location, holder } => {
            assert_eq!((location, holder), ("group rows".into(), std::process::id().to_string()));
        }
        other => panic!("{other}"),
    }
    drop(member);
    join().unwrap();
}

#[test]
fn a_log_opened_for_reading_refuses_to_write() {
    let dir = tempfile::tempdir().unwrap();
    drop(writer(dir.path(), 1000));
    let log = open(dir.path(), Access::Read);
    let refused = [
        log.append(&journal(), vec![record("a")]).wait().unwrap_err(),
        log.create(&topic(TopicKind::Triggers)).unwrap_err(),
        log.enforce_retention(&journal(), Timestamp(0)).unwrap_err(),
        log.consumer("rows", &[], Box::new(conformance::Ledger::default())).err().unwrap(),
    ];
    for error in refused {
        assert!(matches!(error, LogError::ReadOnly { .. }), "{error}");
    }
    assert!(EmbeddedLog::open(&dir.path().join("nowhere"), Access::Read, Clock::system()).is_err());
}

#[test]
fn a_reader_beside_the_writer_sees_new_records_and_new_segments() {
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 200);
    append(&log, "0");
    let beside = open(dir.path(), Access::Read);
    let mut reader = beside.reader(&journal(), 0).unwrap();
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut records = Vec::new();
            while records.len() < 100 {
                let read = reader.read(100, WAIT).unwrap();
                assert!(!read.is_empty(), "only {} came", records.len());
                records.extend(read);
            }
            records
        });
        let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        names[1..].iter().for_each(|name| {
            append(&log, name);
        });
        assert_eq!(values(&reading.join().unwrap()), names);
    });
    assert_eq!(beside.bounds(&journal()).unwrap(), Bounds { start: 0, next: 100 });
    assert!(segment::list(&dir.path().join(journal().to_string())).unwrap().len() > 10);
}

#[test]
fn an_append_wakes_who_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 1000);
    let triggers = topic(TopicKind::Triggers);
    log.create(&triggers).unwrap();
    let mut reader = log.reader(&journal(), 0).unwrap();
    let ledger = Box::new(conformance::Ledger::default());
    let mut consumer = log.consumer("rows", std::slice::from_ref(&triggers), ledger).unwrap();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        // Each answers the other, so both have to be woken again and again.
        scope.spawn(|| {
            for _ in 0..20 {
                assert_eq!(reader.read(1, WAIT).unwrap().len(), 1);
                log.append(&triggers, vec![record("answer")]).wait().unwrap();
            }
        });
        for _ in 0..20 {
            append(&log, "question");
            assert!(
                matches!(consumer.poll(WAIT).unwrap(), Polled::Records(_, records) if records.len() == 1)
            );
        }
    });
    assert!(begun.elapsed() < WAIT, "somebody waited in vain");
}

#[test]
fn a_topic_with_much_to_read_does_not_hold_up_another() {
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 1 << 30);
    let triggers = topic(TopicKind::Triggers);
    log.create(&triggers).unwrap();
    log.append(&journal(), (0..5000).map(|_| record("many")).collect()).wait().unwrap();
    log.append(&triggers, vec![record("one")]).wait().unwrap();
    let topics = [journal(), triggers.clone()];
    let mut consumer = log.consumer("rows", &topics, Box::new(conformance::Ledger::default())).unwrap();
    let mut polled = || match consumer.poll(WAIT).unwrap() {
        Polled::Records(topic, _) => topic,
        other => panic!("{other:?}"),
    };
    assert_eq!([polled(), polled(), polled()], [journal(), triggers, journal()]);
}

#[test]
fn a_frame_that_is_being_written_is_neither_read_nor_taken_for_damage() {
    const BATCHES: u64 = 40;
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 20_000_000);
    let beside = open(dir.path(), Access::Read);
    let large = vec![b'x'; 200_000];
    std::thread::scope(|scope| {
        for log in [&log, &beside] {
            let mut reader = log.reader(&journal(), 0).unwrap();
            scope.spawn(move || {
                while reader.next_offset() < BATCHES * 20 {
                    for record in reader.read(1000, Duration::from_micros(10)).unwrap() {
                        assert_eq!(record.value.len(), 200_000);
                    }
                }
            });
        }
        for _ in 0..BATCHES {
            log.append(&journal(), vec![keyed("k", &large); 20]).wait().unwrap();
        }
    });
}

#[test]
fn append_times_never_go_back_even_when_the_clock_does() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp(1_000));
    for step in [0, -500, 600, -900] {
        clock.advance(step);
        let log = EmbeddedLog::open(dir.path(), Access::Write, clock.clone()).unwrap();
        log.create(&journal()).unwrap();
        append(&log, "a");
    }
    let (records, _) = drain(&open(dir.path(), Access::Read), &journal());
    let times: Vec<i64> = records.iter().map(|record| record.appended_at.0).collect();
    assert_eq!(times, [1_000, 1_000, 1_100, 1_100]);
}

#[test]
fn a_batch_over_the_limit_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 1 << 30);
    let large = vec![0; 200 * 1024];
    let batch = |count: usize| (0..count).map(|_| keyed("", &large)).collect::<Vec<_>>();
    let error = log.append(&journal(), batch(41)).wait().unwrap_err();
    assert!(matches!(error, LogError::TooLarge { limit: crate::log::MAX_BATCH_BYTES, .. }), "{error}");
    assert_eq!(log.append(&journal(), batch(40)).wait().unwrap(), 0);
    assert_eq!(drain(&log, &journal()).0.len(), 40);
}

/// The rest of a full batch is less than its headers would take.
#[test]
fn a_full_batch_is_taken_without_its_traces() {
    const RECORD: usize = 12;
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 1 << 30);
    let large = vec![0; 200 * 1024];
    let mut left = crate::log::MAX_BATCH_BYTES - 8;
    let mut records = Vec::new();
    while left > 0 {
        let bytes = left.min(large.len());
        records.push(keyed("", &large[..bytes - RECORD]));
        left -= bytes;
    }
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    let (count, traces) = (records.len(), vec![Some(trace); records.len()]);
    assert_eq!(log.append_traced(&journal(), records, &traces).wait().unwrap(), 0);
    let (read, error) = drain(&log, &journal());
    assert!(error.is_none() && read.len() == count, "{error:?}");
    assert!(read.iter().all(|record| record.headers.is_empty()));
}

#[test]
fn a_group_name_cannot_leave_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 1000);
    for bad in ["", "..", "../x", "a/b", "a\0"] {
        assert!(log.committed(bad, &journal()).is_err(), "{bad:?}");
    }
}
