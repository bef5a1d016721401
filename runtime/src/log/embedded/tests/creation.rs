//! Topics that come while others look for them: everybody shares one writer, so nobody waits for records that went
//! through another.

use std::thread;

use super::*;

const ROUNDS: usize = 200;

/// Opens the journal as soon as it is there.
fn reader_of_the_first(log: &EmbeddedLog) -> Box<dyn Reader> {
    loop {
        match log.bounds(&journal()) {
            Ok(bounds) => return log.reader(&journal(), bounds.start).unwrap(),
            Err(LogError::UnknownTopic { .. }) => thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// One thread creates the journal and appends, another does `meanwhile`; who opened it then sees the record.
fn read_while(meanwhile: impl Fn(&EmbeddedLog) -> Box<dyn Reader> + Sync) {
    for round in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let log = open(dir.path(), Access::Write);
        thread::scope(|scope| {
            let other = scope.spawn(|| meanwhile(&log));
            log.create(&journal()).unwrap();
            append(&log, "first");
            let mut reader = other.join().unwrap();
            append(&log, "second");
            let mut read = 0;
            while read < 2 {
                let records = reader.read(2, Duration::from_secs(5)).unwrap();
                assert!(!records.is_empty(), "round {round}: read {read} of 2 records");
                read += records.len();
            }
        });
    }
}

#[test]
fn who_opens_a_topic_while_it_is_created_sees_what_is_appended() {
    read_while(reader_of_the_first);
}

#[test]
fn a_listing_taken_while_a_topic_is_created_does_not_close_it() {
    read_while(|log| {
        let reader = loop {
            log.topics().unwrap();
            if let Ok(reader) = log.reader(&journal(), 0) {
                break reader;
            }
        };
        log.topics().unwrap();
        reader
    });
}
