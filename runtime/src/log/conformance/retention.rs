//! What is thrown away.

use bellwether_schemas::time::DAY;
use bellwether_schemas::{Timestamp, Topic, TopicKind};

use super::Fixture;
use super::support::{append, read_all, read_from, record, topic, until, values};
use crate::log::{LogError, NewRecord, scan};

pub(super) fn old_records_go_and_offsets_stay(fixture: &Fixture) {
    let triggers = topic(fixture, TopicKind::Triggers);
    let log = fixture.log.as_ref();
    let first = append(log, &triggers, &["a", "b"]);
    let now = read_from(log, &triggers, first, 1)[0].appended_at;
    log.enforce_retention(&triggers, now.plus(399 * DAY)).unwrap();
    assert_eq!(values(&read_all(log, &triggers)), ["a", "b"], "young records stay");
    let next = log.bounds(&triggers).unwrap().next;
    log.enforce_retention(&triggers, now.plus(402 * DAY)).unwrap();
    until("old records to go", || (log.bounds(&triggers).unwrap().start == next).then_some(()));
    assert!(matches!(
        log.reader(&triggers, first).err().unwrap(),
        LogError::OffsetOutOfRange { start, .. } if start == next
    ));
    let offset = append(log, &triggers, &["c"]);
    assert!(offset >= next, "an offset is never used again");
    assert_eq!(values(&read_from(log, &triggers, next, 1)), ["c"]);
}

pub(super) fn a_scan_passes_over_what_is_gone(fixture: &Fixture) {
    let triggers = topic(fixture, TopicKind::Triggers);
    let log = fixture.log.as_ref();
    let first = append(log, &triggers, &["a", "b"]);
    let now = read_from(log, &triggers, first, 1)[0].appended_at;
    log.enforce_retention(&triggers, now.plus(402 * DAY)).unwrap();
    let next = log.bounds(&triggers).unwrap().next;
    until("old records to go", || (log.bounds(&triggers).unwrap().start == next).then_some(()));
    let over_the_gone = scan(log, &triggers, first..u64::MAX).unwrap();
    assert_eq!((over_the_gone.start(), over_the_gone.end(), over_the_gone.count()), (next, next, 0));
    append(log, &triggers, &["c"]);
    let begun = scan(log, &triggers, first..u64::MAX).unwrap();
    assert_eq!(begun.start(), next, "its beginning says that something is gone");
    let read: Vec<_> = begun.map(|record| record.unwrap()).collect();
    assert_eq!(values(&read), ["c"]);
}

pub(super) fn a_journal_is_kept(fixture: &Fixture) {
    let journal = topic(fixture, TopicKind::Journal);
    append(fixture.log.as_ref(), &journal, &["a"]);
    assert_eq!(fixture.log.enforce_retention(&journal, Timestamp::MAX).unwrap(), 0);
    assert_eq!(values(&read_all(fixture.log.as_ref(), &journal)), ["a"]);
}

/// A backend may keep what shares a file with records behind the cut.
pub(super) fn what_is_cut_off_was_before_the_cut_and_nothing_else(fixture: &Fixture) {
    let journal = topic(fixture, TopicKind::Journal);
    let log = fixture.log.as_ref();
    let first = append(log, &journal, &["a", "b", "c"]);
    let start = log.cut(&journal, first + 2).unwrap();
    assert!(start <= first + 2, "{start}");
    until("the cut to show", || (log.bounds(&journal).unwrap().start == start).then_some(()));
    assert_eq!(values(&read_from(log, &journal, first + 2, 1)), ["c"]);
    assert_eq!(log.cut(&journal, first).unwrap(), start, "nothing comes back");
    let next = log.bounds(&journal).unwrap().next;
    assert!(matches!(log.cut(&journal, next + 1), Err(LogError::OffsetOutOfRange { .. })));
    assert!(matches!(
        log.cut(&Topic::new(&fixture.other, TopicKind::Journal), 0),
        Err(LogError::UnknownTopic { .. })
    ));
    assert!(append(log, &journal, &["d"]) >= next, "an offset is never used again");
    let read = read_all(log, &journal);
    assert_eq!(values(&read)[read.len() - 2..], ["c", "d"]);
    assert_eq!(log.enforce_retention(&journal, Timestamp::MAX).unwrap(), 0, "nobody else throws away");
}

/// A backend may keep tombstones for a while, and values until it compacts.
pub(super) fn a_tombstone_is_read_as_one_and_nothing_comes_back_behind_it(fixture: &Fixture) {
    let readings = topic(fixture, TopicKind::Readings);
    let log = fixture.log.as_ref();
    log.append(&readings, vec![record("one", "1"), record("two", "1")]).wait().unwrap();
    log.append(&readings, vec![NewRecord::tombstone(b"one".to_vec())]).wait().unwrap();
    let before = read_all(log, &readings);
    let tombstone = &before[2];
    assert!(tombstone.is_tombstone() && tombstone.key == b"one");
    assert!(!before[0].is_tombstone() && !before[1].is_tombstone());
    log.enforce_retention(&readings, tombstone.appended_at.plus(2 * DAY)).unwrap();
    let after = read_all(log, &readings);
    assert!(after.contains(&before[1]), "another key is left alone");
    assert!(after.contains(tombstone) || !after.contains(&before[0]), "what it took stays away");
}

pub(super) fn compaction_keeps_the_newest_of_each_key(fixture: &Fixture) {
    let readings = topic(fixture, TopicKind::Readings);
    let log = fixture.log.as_ref();
    for (key, value) in [("one", "1"), ("two", "1"), ("one", "2"), ("one", "3")] {
        log.append(&readings, vec![record(key, value)]).wait().unwrap();
    }
    let before = read_all(log, &readings);
    log.enforce_retention(&readings, before[0].appended_at).unwrap();
    let after = read_all(log, &readings);
    assert!(after.iter().all(|record| before.contains(record)), "offsets and bytes stay");
    for newest in [&before[1], &before[3]] {
        assert!(after.contains(newest));
    }
}
