//! Retention and compaction in this backend's files.

use super::*;

fn files(dir: &Path, topic: &Topic) -> usize {
    std::fs::read_dir(dir.join(topic.to_string())).unwrap().count()
}

#[test]
fn whole_segments_go_and_the_young_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp(0));
    let log = EmbeddedLog::open(dir.path(), Access::Write, clock.clone()).unwrap();
    let letters = topic(TopicKind::DeadLetters);
    log.create(&letters).unwrap();
    for _ in 0..10 {
        // A day closes a segment.
        clock.advance(DAY);
        log.append(&letters, vec![record("a"), record("b")]).wait().unwrap();
    }
    let mut behind = log.reader(&letters, 0).unwrap();
    behind.read(2, Duration::ZERO).unwrap();
    let beside = open(dir.path(), Access::Read);
    let mut also_behind = beside.reader(&letters, 0).unwrap();
    also_behind.read(2, Duration::ZERO).unwrap();
    assert_eq!(log.enforce_retention(&letters, Timestamp(34 * DAY)).unwrap(), 6);
    assert_eq!(log.bounds(&letters).unwrap(), Bounds { start: 6, next: 20 });
    assert_eq!(drain(&log, &letters).0.len(), 14);
    for reader in [&mut behind, &mut also_behind] {
        let error = reader.read(1, Duration::ZERO).unwrap_err();
        assert!(matches!(error, LogError::OffsetOutOfRange { requested: 2, start: 6, .. }), "{error}");
    }
    assert_eq!(log.enforce_retention(&letters, Timestamp(100 * DAY)).unwrap(), 14);
    assert_eq!(files(dir.path(), &letters), 2);
    drop((log, behind));
    let log = EmbeddedLog::open(dir.path(), Access::Write, Clock::manual(Timestamp(0))).unwrap();
    assert_eq!(log.append(&letters, vec![record("c")]).wait().unwrap(), 20);
}

#[test]
fn a_cut_takes_the_segments_before_it_and_leaves_the_one_it_falls_into() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp(0));
    let log = EmbeddedLog::open(dir.path(), Access::Write, clock.clone()).unwrap();
    log.create(&journal()).unwrap();
    for _ in 0..5 {
        clock.advance(DAY);
        log.append(&journal(), vec![record("a"), record("b"), record("c")]).wait().unwrap();
    }
    let cut = |before| log.cut(&journal(), before).unwrap();
    assert_eq!([cut(0), cut(2), cut(3), cut(11), cut(1)], [0, 0, 3, 9, 9]);
    assert_eq!(cut(15), 12, "the one that is written stays");
    assert_eq!(log.bounds(&journal()).unwrap(), Bounds { start: 12, next: 15 });
    assert_eq!(drain(&open(dir.path(), Access::Read), &journal()).0.len(), 3);
    drop(log);
    let log = EmbeddedLog::open(dir.path(), Access::Write, clock).unwrap();
    assert_eq!(append(&log, "d"), 15);
}

#[test]
fn compaction_takes_what_has_a_newer_record_and_moves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 400, ..Options::default() };
    let log = EmbeddedLog::open_with(dir.path(), Access::Write, Clock::system(), options).unwrap();
    let readings = topic(TopicKind::Readings);
    log.create(&readings).unwrap();
    for number in 0..200 {
        let value = format!("{number}");
        let key = if number == 3 { "once".to_string() } else { format!("key {}", number % 3) };
        log.append(&readings, vec![keyed(&key, value.as_bytes()), keyed("each", value.as_bytes())])
            .wait()
            .unwrap();
    }
    let before = drain(&log, &readings).0;
    let mut reading = log.reader(&readings, 0).unwrap();
    let first = reading.read(5, Duration::ZERO).unwrap();
    let many = files(dir.path(), &readings);
    let removed = log.enforce_retention(&readings, Timestamp(0)).unwrap();
    assert_eq!(log.enforce_retention(&readings, Timestamp(0)).unwrap(), 0, "once is enough");

    let (after, error) = drain(&log, &readings);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(before.len() - after.len(), usize::try_from(removed).unwrap());
    assert!(after.len() < 20 && files(dir.path(), &readings) < many / 4, "{} records", after.len());
    assert!(after.iter().all(|record| before.contains(record)));
    for key in ["once", "each", "key 0", "key 1", "key 2"] {
        let newest = before.iter().rfind(|record| record.key == key.as_bytes());
        assert_eq!(after.iter().rfind(|record| record.key == key.as_bytes()), newest);
    }
    let once = after[0].clone();
    assert_eq!((once.offset, &once.key[..]), (6, &b"once"[..]));
    assert_eq!(log.reader(&readings, 5).unwrap().read(1, Duration::ZERO).unwrap(), [once]);
    let mut rest = reading.read(1000, Duration::ZERO).unwrap();
    while rest.last().unwrap().offset < 399 {
        rest.extend(reading.read(1000, Duration::ZERO).unwrap());
    }
    assert!(first.len() == 5 && rest.is_sorted_by(|one, next| one.offset < next.offset));
    assert_eq!(log.offset_at(&readings, Timestamp::MAX).unwrap(), 400);
    drop((log, reading));
    for access in [Access::Read, Access::Write] {
        let log = open(dir.path(), access);
        assert_eq!(drain(&log, &readings).0, after);
        assert_eq!(log.bounds(&readings).unwrap(), Bounds { start: 0, next: 400 });
    }
}

#[test]
fn a_tombstone_takes_what_stood_under_its_key_and_goes_a_day_later() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 100, ..Options::default() };
    let log =
        EmbeddedLog::open_with(dir.path(), Access::Write, Clock::manual(Timestamp(0)), options).unwrap();
    let readings = topic(TopicKind::Readings);
    log.create(&readings).unwrap();
    for (key, value) in [("gone", "1"), ("gone", "2"), ("stays", "1"), ("gone", "")] {
        log.append(&readings, vec![keyed(key, value.as_bytes())]).wait().unwrap();
    }
    // More than one segment holds, so that what stands above is closed.
    log.append(&readings, vec![keyed("filler", &[1; 200])]).wait().unwrap();
    log.append(&readings, vec![keyed("filler", b"2")]).wait().unwrap();
    let left = |now: i64| -> Vec<String> {
        log.enforce_retention(&readings, Timestamp(now)).unwrap();
        let records = drain(&log, &readings).0;
        records.iter().map(|record| String::from_utf8_lossy(&record.key).into_owned()).collect()
    };
    assert_eq!(left(DAY), ["stays", "gone", "filler"], "readers behind still learn of it");
    assert_eq!(left(DAY + 1), ["stays", "filler"]);
}

#[test]
fn readers_go_on_while_a_topic_is_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 500, ..Options::default() };
    let log = EmbeddedLog::open_with(dir.path(), Access::Write, Clock::system(), options).unwrap();
    let readings = topic(TopicKind::Readings);
    log.create(&readings).unwrap();
    let beside = open(dir.path(), Access::Read);
    std::thread::scope(|scope| {
        for log in [&log, &beside] {
            let mut reader = log.reader(&readings, 0).unwrap();
            scope.spawn(move || {
                let mut last = None;
                while last != Some(1999) {
                    for record in reader.read(50, WAIT).unwrap() {
                        assert!(last.is_none_or(|last| last < record.offset));
                        last = Some(record.offset);
                    }
                }
            });
        }
        for number in 0..2000 {
            log.append(&readings, vec![keyed("k", number.to_string().as_bytes())]).wait().unwrap();
            if number % 100 == 99 {
                log.enforce_retention(&readings, Timestamp(0)).unwrap();
            }
        }
    });
    assert!(drain(&log, &readings).0.len() < 50);
}

#[test]
fn what_a_killed_compaction_left_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    append(&writer(dir.path(), 1000), "a");
    let left = dir.path().join(journal().to_string()).join("00000000000000000000.tmp");
    std::fs::write(&left, "half").unwrap();
    assert_eq!(values(&drain(&writer(dir.path(), 1000), &journal()).0), ["a"]);
    assert!(!left.exists());
}
