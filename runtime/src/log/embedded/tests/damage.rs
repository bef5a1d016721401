//! Torn ends, flipped bytes, missing files, a disk that does not sync.

use super::*;

/// Three appends of two records each in one segment; where each frame ends.
fn three_frames(dir: &Path) -> Vec<usize> {
    let log = writer(dir, 1 << 20);
    let lengths = ["a", "b", "c"].map(|name| {
        log.append(&journal(), vec![record(name), record("and more")]).wait().unwrap();
        std::fs::metadata(segment_file(dir, 0)).unwrap().len()
    });
    lengths.map(|length| usize::try_from(length).unwrap()).to_vec()
}

/// The log of `dir` in another directory with other bytes in its segment, with or without its index.
fn with_segment(dir: &Path, bytes: &[u8], index: bool) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let topic = copy.path().join(journal().to_string());
    std::fs::create_dir(&topic).unwrap();
    std::fs::write(segment::path(&topic, 0), bytes).unwrap();
    if index {
        std::fs::copy(index::path(&dir.join(journal().to_string()), 0), index::path(&topic, 0)).unwrap();
    }
    copy
}

#[test]
fn a_last_frame_cut_at_any_byte_is_left_out_and_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let ends = three_frames(dir.path());
    let bytes = std::fs::read(segment_file(dir.path(), 0)).unwrap();
    for cut in ends[1]..ends[2] {
        let copy = with_segment(dir.path(), &bytes[..cut], cut % 2 == 0);
        let (records, error) = drain(&open(copy.path(), Access::Read), &journal());
        assert!(error.is_none() && records.len() == 4, "cut at {cut}: {error:?}");
        assert_eq!(open(copy.path(), Access::Read).bounds(&journal()).unwrap().next, 4);

        let log = open(copy.path(), Access::Write);
        assert_eq!(append(&log, "again"), 4, "cut at {cut}");
        let (records, error) = drain(&log, &journal());
        assert!(error.is_none(), "cut at {cut}: {error:?}");
        assert_eq!(values(&records), ["a", "and more", "b", "and more", "again"], "cut at {cut}");
        let file = std::fs::metadata(segment_file(copy.path(), 0)).unwrap();
        assert_eq!(
            file.len(),
            ends[1] as u64 + 32 + 12 + 6,
            "cut at {cut}: nothing of the torn frame is left"
        );
    }
}

#[test]
fn any_flipped_byte_in_the_middle_is_damage_at_its_offset() {
    let dir = tempfile::tempdir().unwrap();
    let ends = three_frames(dir.path());
    let bytes = std::fs::read(segment_file(dir.path(), 0)).unwrap();
    for at in ends[0]..ends[1] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x40;
        let copy = with_segment(dir.path(), &flipped, at % 2 == 0);
        for access in [Access::Read, Access::Write] {
            let log = open(copy.path(), access);
            let (records, error) = drain(&log, &journal());
            assert_eq!(values(&records), ["a", "and more"], "{access:?}, byte {at}");
            assert!(
                matches!(error, Some(LogError::Damaged { offset: 2, .. })),
                "{access:?}, {at}: {error:?}"
            );
        }
        let log = open(copy.path(), Access::Write);
        let refused = log.append(&journal(), vec![record("d")]).wait().unwrap_err();
        assert!(matches!(refused, LogError::Damaged { offset: 2, .. }), "nothing is added behind damage");
        assert_eq!(std::fs::read(segment_file(copy.path(), 0)).unwrap(), flipped, "nothing is cut off");
    }
}

#[test]
fn damage_in_a_closed_segment_is_damage_even_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 100);
    for name in ["a", "b", "c"] {
        append(&log, name);
    }
    let closed = segment_file(dir.path(), 0);
    let bytes = std::fs::read(&closed).unwrap();
    std::fs::write(&closed, &bytes[..bytes.len() - 1]).unwrap();
    drop(log);
    for access in [Access::Read, Access::Write] {
        let (_, error) = drain(&open(dir.path(), access), &journal());
        assert!(matches!(error, Some(LogError::Damaged { .. })), "{access:?}: {error:?}");
    }
}

#[test]
fn a_missing_segment_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 50);
    for name in ["a", "b", "c"] {
        append(&log, name);
    }
    drop(log);
    std::fs::remove_file(segment_file(dir.path(), 1)).unwrap();
    for access in [Access::Read, Access::Write] {
        let (records, error) = drain(&open(dir.path(), access), &journal());
        assert_eq!(values(&records), ["a"]);
        assert!(matches!(error, Some(LogError::Damaged { offset: 1, .. })), "{access:?}: {error:?}");
    }
}

#[test]
fn a_missing_or_wrong_index_costs_nothing_but_time() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp(0));
    let log = EmbeddedLog::open(dir.path(), Access::Write, clock.clone()).unwrap();
    log.create(&journal()).unwrap();
    let large = vec![7; 10_000];
    for _ in 0..40 {
        log.append(&journal(), vec![keyed("k", &large)]).wait().unwrap();
        clock.advance(1);
    }
    drop(log);
    let path = index::path(&dir.path().join(journal().to_string()), 0);
    let index = std::fs::read(&path).unwrap();
    assert!(index.len() > 4 * 24, "it has entries: {}", index.len());
    let finds = |access, what: &str| {
        let log = open(dir.path(), access);
        for offset in [0, 6, 7, 30, 39] {
            let read = log.reader(&journal(), offset).unwrap().read(1, Duration::ZERO).unwrap();
            assert_eq!(read[0].offset, offset, "{what}");
            let at = Timestamp(offset.cast_signed());
            assert_eq!(log.offset_at(&journal(), at).unwrap(), offset, "{what}");
        }
        assert_eq!(log.bounds(&journal()).unwrap().next, 40, "{what}");
    };
    std::fs::remove_file(&path).unwrap();
    finds(Access::Read, "no index");
    finds(Access::Write, "no index");
    assert_eq!(std::fs::read(&path).unwrap(), index, "rebuilt as it was");
    for (at, flip) in (0..index.len()).flat_map(|at| [(at, 0x01), (at, 0x20)]) {
        let mut wrong = index.clone();
        wrong[at] ^= flip;
        std::fs::write(&path, &wrong).unwrap();
        finds(Access::Read, &format!("byte {at} of the index is wrong"));
    }
    for length in 0..index.len() {
        std::fs::write(&path, &index[..length]).unwrap();
        finds(Access::Read, &format!("{length} bytes of the index"));
    }
    finds(Access::Write, "a torn index");
}

#[test]
fn damage_met_on_the_way_is_reported_once_and_other_topics_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let ends = three_frames(dir.path());
    let file = segment_file(dir.path(), 0);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[ends[1] - 1] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let log = open(dir.path(), Access::Write);
    let triggers = topic(TopicKind::Triggers);
    log.create(&triggers).unwrap();
    let topics = [journal(), triggers.clone()];
    let mut consumer = log.consumer("rows", &topics, Box::new(conformance::Ledger::default())).unwrap();
    let mut polls = Vec::new();
    for _ in 0..5 {
        log.append(&triggers, vec![record("t")]).wait().unwrap();
        for _ in 0..2 {
            polls.push(match consumer.poll(Duration::ZERO).unwrap() {
                Polled::Records(topic, records) => format!("{} {}", topic.kind.name(), records.len()),
                Polled::Failed(topic, LogError::Damaged { offset, .. }) => {
                    format!("{} damaged at {offset}", topic.kind.name())
                }
                other => format!("{other:?}"),
            });
        }
    }
    let count = |what: &str| polls.iter().filter(|poll| poll.starts_with(what)).count();
    assert_eq!(
        (count("journal 2"), count("journal damaged at 2"), count("triggers 1")),
        (1, 1, 5),
        "{polls:?}"
    );
}

#[test]
fn a_segment_that_could_not_be_begun_leaves_the_one_before_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let log = writer(dir.path(), 150);
    append(&log, "a");
    let in_the_way = index::path(&dir.path().join(journal().to_string()), 1);
    std::fs::create_dir(&in_the_way).unwrap();
    let long = "b".repeat(120);
    assert!(matches!(log.append(&journal(), vec![record(&long)]).wait(), Err(LogError::Io { .. })));
    assert_eq!(append(&log, "c"), 1, "what fits still goes into it");
    std::fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(append(&log, &long), 2);
    assert_eq!(values(&drain(&log, &journal()).0), ["a", "c", &long]);
    drop(log);
    assert_eq!(values(&drain(&open(dir.path(), Access::Write), &journal()).0), ["a", "c", &long]);
}

#[test]
fn after_a_failed_sync_nothing_is_appended_any_more() {
    let dir = tempfile::tempdir().unwrap();
    drop(writer(dir.path(), 1000));
    let segment = segment_file(dir.path(), 0);
    std::fs::remove_file(&segment).unwrap();
    // This device takes every byte and refuses to sync.
    std::os::unix::fs::symlink("/dev/null", &segment).unwrap();
    let options = Options { fsync: Fsync::EveryBatch, ..Options::default() };
    let log = EmbeddedLog::open_with(dir.path(), Access::Write, Clock::system(), options).unwrap();
    log.create(&topic(TopicKind::Triggers)).unwrap();
    let error = log.append(&journal(), vec![record("a")]).wait().unwrap_err();
    assert!(matches!(error, LogError::Poisoned { .. }), "{error}");
    let error = log.append(&topic(TopicKind::Triggers), vec![record("a")]).wait().unwrap_err();
    assert!(matches!(error, LogError::Poisoned { .. }), "every topic stops: {error}");
    assert_eq!(log.bounds(&journal()).unwrap().next, 0, "what was not acknowledged is not shown");
}
