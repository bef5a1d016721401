//! What lies on disk, byte for byte: a log that is there already has to be read by what comes after.

use super::*;

/// Of two records without headers, laid out apart from this code by what the frame says of itself.
const PLAIN: &str = "\
    62776631564b9cd21d000000020000000000000000000000e8030000000000000000000001000000030000006b6f6e65\
    0100000001000000000000006b";

/// Of a record with a trace, and one without behind it.
const TRACED: &str = "\
    6277663253bcd81e74000000020000000200000000000000e8030000000000000000000001000000030000004a000000\
    6b74776f0b000000370000007472616365706172656e7430302d34626639326633353737623334646136613363653932\
    396430653065343733362d303066303637616130626139303262372d3031010000000100000005000000000000006b74\
    68726565";

#[test]
fn records_without_headers_lie_in_the_bytes_they_always_had_and_others_in_frames_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp(1_000));
    let log = EmbeddedLog::open_with(dir.path(), Access::Write, clock, Options::default()).unwrap();
    log.create(&journal()).unwrap();
    log.append_traced(&journal(), vec![record("one"), record("")], &[None, None]).wait().unwrap();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    log.append_traced(&journal(), vec![record("two"), record("three")], &[Some(trace)]).wait().unwrap();
    let bytes = std::fs::read(segment_file(dir.path(), 0)).unwrap();
    let found: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, format!("{PLAIN}{TRACED}"));
    let traces: Vec<bool> =
        drain(&log, &journal()).0.iter().map(|record| record.trace() == Some(trace)).collect();
    assert_eq!(traces, [false, false, true, false]);
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// Neither to be written over nor to be read past, and nothing is taken off it.
#[test]
fn what_a_later_version_wrote_is_not_taken_for_a_torn_append() {
    let plain = bytes_of(PLAIN);
    let later = bytes_of(TRACED);
    // The checksum begins behind the magic: this frame is whole, whoever wrote it.
    for (magic, taken) in [(*b"bwf3", later.len()), (*b"bwg1", later.len()), (*b"bwf3", 20)] {
        let dir = tempfile::tempdir().unwrap();
        drop(writer(dir.path(), 1 << 20));
        let mut bytes = [&plain[..], &magic, &later[4..taken]].concat();
        std::fs::write(segment_file(dir.path(), 0), &bytes).unwrap();
        for access in [Access::Read, Access::Write] {
            let log = open(dir.path(), access);
            let (records, error) = drain(&log, &journal());
            assert_eq!(values(&records), ["one", ""], "{access:?}");
            let Some(LogError::Damaged { offset: 2, reason, .. }) = error else {
                panic!("{access:?}: {error:?}")
            };
            assert_eq!(reason, "a later version of bellwether wrote this", "{access:?}");
        }
        let refused =
            open(dir.path(), Access::Write).append(&journal(), vec![record("four")]).wait().unwrap_err();
        assert!(matches!(refused, LogError::Damaged { offset: 2, .. }), "{refused}");
        assert_eq!(std::fs::read(segment_file(dir.path(), 0)).unwrap(), bytes, "nothing is cut off");
        bytes.truncate(plain.len() + 3);
        std::fs::write(segment_file(dir.path(), 0), &bytes).unwrap();
        assert_eq!(append(&open(dir.path(), Access::Write), "three"), 2, "too little to say who wrote it");
    }
}
