//! Finding a place in a journal by event time. Record times are append times, so the records are read.

use std::time::Duration;

use bellwether_schemas::{Timestamp, Topic};

use super::{Log, LogError, Record, Result};

const BATCH: usize = 1024;
/// Longest silence of a backend while records are known to follow.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first offset whose entry carries an event time at or after `at`; the topic's end when there is none. Bytes
/// that are no entry have no time.
///
/// # Errors
/// The topic does not exist, is damaged, or the log is out of reach.
pub fn find_event_time(log: &dyn Log, topic: &Topic, at: Timestamp) -> Result<u64> {
    let bounds = log.bounds(topic)?;
    let mut reader = log.reader(topic, bounds.start)?;
    while reader.next_offset() < bounds.next {
        let records = reader.read(BATCH, PATIENCE)?;
        if records.is_empty() {
            return Err(LogError::Unavailable {
                reason: format!("{topic} gave no records for {PATIENCE:?}"),
            });
        }
        let found = records.iter().find(|record| event_time(topic, record).is_some_and(|time| time >= at));
        if let Some(record) = found {
            return Ok(record.offset);
        }
    }
    Ok(reader.next_offset())
}

fn event_time(topic: &Topic, record: &Record) -> Option<Timestamp> {
    record.entry(&topic.tenant).ok()?.event_time()
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::journal::Heartbeat;
    use bellwether_schemas::{Entry, Origin, TopicKind, codec};

    use super::*;
    use crate::clock::Clock;
    use crate::log::{Access, NewRecord, open};

    fn heartbeat(ts: i64) -> NewRecord {
        let origin = Origin {
            tenant: "fxlabs".parse().unwrap(),
            source: "test".into(),
            session: "1".into(),
            played: true,
            appended_at: Timestamp(0),
        };
        let entry = Entry::Heartbeat(Heartbeat { origin, ts: Timestamp(ts) });
        NewRecord { key: Vec::new(), value: codec::encode_entry(&entry).unwrap() }
    }

    #[test]
    fn an_event_time_is_found_by_what_entries_carry_and_not_by_when_they_were_appended() {
        let dir = tempfile::tempdir().unwrap();
        let log =
            open(&format!("embedded:{}", dir.path().display()), Access::Write, Clock::system()).unwrap();
        let journal = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Journal);
        log.create(&journal).unwrap();
        let garbage = NewRecord { key: Vec::new(), value: b"no entry".to_vec() };
        let records = vec![heartbeat(10), garbage, heartbeat(20), heartbeat(15), heartbeat(30)];
        log.append(&journal, records).wait().unwrap();
        let found = |at| find_event_time(log.as_ref(), &journal, Timestamp(at)).unwrap();
        assert_eq!([found(0), found(10), found(11), found(20), found(21), found(31)], [0, 0, 2, 2, 4, 5]);
    }
}
