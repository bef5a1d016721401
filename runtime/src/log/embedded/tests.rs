use std::time::Duration;

use bellwether_schemas::TopicKind;

use super::*;
use crate::log::conformance::{self, Fixture};
use crate::log::{Polled, Start};

const WAIT: Duration = Duration::from_secs(10);

fn topic(tenant: &str, kind: TopicKind) -> Topic {
    Topic::new(&tenant.parse().unwrap(), kind)
}

fn record(text: &str) -> NewRecord {
    NewRecord { key: b"k".to_vec(), value: text.as_bytes().to_vec() }
}

struct FromStart;

impl Assignments for FromStart {
    fn assigned(&mut self, _: &Topic) -> Start {
        Start::Committed
    }
    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        None
    }
}

#[test]
fn what_is_appended_is_read_and_consumed_and_found_again_after_opening() {
    let dir = tempfile::tempdir().unwrap();
    let journal = topic("fxlabs", TopicKind::Journal);
    for round in 0..3 {
        let log = EmbeddedLog::open(dir.path(), Access::Write, Clock::system()).unwrap();
        log.create(&journal).unwrap();
        assert_eq!(log.append(&journal, vec![record("a"), record("b")]).wait().unwrap(), round * 2);
        let read = log.reader(&journal, 0).unwrap().read(100, WAIT).unwrap();
        assert_eq!(read.len() as u64, (round + 1) * 2);
        let mut consumer = log.consumer("rows", std::slice::from_ref(&journal), Box::new(FromStart)).unwrap();
        match consumer.poll(WAIT).unwrap() {
            Polled::Records(_, records) => assert_eq!(records[0].offset, round * 2),
            other => panic!("{other:?}"),
        }
        consumer.commit(&journal, round * 2 + 2).unwrap();
        consumer.close().unwrap();
        assert_eq!(log.committed("rows", &journal).unwrap(), Some(round * 2 + 2));
    }
}

#[test]
fn the_embedded_log_keeps_the_promises_of_the_seam() {
    conformance::run(&mut || {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes: 300, ..Options::default() };
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
