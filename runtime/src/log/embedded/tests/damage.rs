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
    let log = writer(dir.path(), 1 << 30);
    let large = vec![7; 10_000];
    for _ in 0..100 {
        log.append(&journal(), vec![keyed("k", &large)]).wait().unwrap();
    }
    drop(log);
    let path = index::path(&dir.path().join(journal().to_string()), 0);
    let index = std::fs::read(&path).unwrap();
    assert!(index.len() > 10 * 24, "it has entries: {}", index.len());
    let found = |access| {
        let log = open(dir.path(), access);
        let read = log.reader(&journal(), 77).unwrap().read(1, Duration::ZERO).unwrap();
        assert_eq!(read[0].offset, 77);
        assert_eq!(log.offset_at(&journal(), read[0].appended_at.plus(1)).unwrap().max(78), {
            let all = drain(&log, &journal()).0;
            all.iter().find(|other| other.appended_at > read[0].appended_at).map_or(100, |other| other.offset)
        });
    };
    std::fs::remove_file(&path).unwrap();
    found(Access::Read);
    found(Access::Write);
    assert_eq!(std::fs::read(&path).unwrap(), index, "rebuilt as it was");
    for at in 0..index.len() {
        let mut wrong = index.clone();
        wrong[at] ^= 0x81;
        wrong.truncate(index.len() - at % 30);
        std::fs::write(&path, &wrong).unwrap();
        let read =
            open(dir.path(), Access::Read).reader(&journal(), 77).unwrap().read(1, Duration::ZERO).unwrap();
        assert_eq!(read[0].offset, 77, "byte {at} of the index");
    }
    found(Access::Write);
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
