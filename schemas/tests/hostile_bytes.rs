//! Any bytes decode to a value or an error: never a panic, never a text too long for a log.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod samples;

use bellwether_schemas::codec::{
    DecodeError, SchemaName, decode_dead_letter, decode_entry, decode_outcome, decode_preview,
    decode_reading, decode_snapshot, encode_dead_letter, encode_entry, encode_outcome, encode_preview,
    encode_reading, encode_snapshot,
};
use bellwether_schemas::topics::MAX_RECORD_BYTES;
use proptest::prelude::*;
use samples::Record;

/// A refusal must fit into a log line.
const MAX_REASON: usize = 600;

fn decode_everywhere(bytes: &[u8]) -> [Result<Record, DecodeError>; 6] {
    let decoded = [
        decode_entry(bytes).map(Record::Entry),
        decode_outcome(bytes).map(Record::Outcome),
        decode_reading(bytes).map(Record::Reading),
        decode_dead_letter(bytes).map(Record::DeadLetter),
        decode_snapshot(bytes).map(Record::Snapshot),
        decode_preview(bytes).map(Record::Preview),
    ];
    for error in decoded.iter().filter_map(|result| result.as_ref().err()) {
        let text = error.to_string();
        assert!(text.len() <= MAX_REASON, "{} bytes: {text}", text.len());
    }
    decoded
}

fn encode(record: &Record) -> Vec<u8> {
    match record {
        Record::Entry(entry) => encode_entry(entry),
        Record::Outcome(outcome) => encode_outcome(outcome),
        Record::Reading(reading) => encode_reading(reading),
        Record::DeadLetter(letter) => encode_dead_letter(letter),
        Record::Snapshot(record) => encode_snapshot(record),
        Record::Preview(preview) => encode_preview(preview),
    }
    .unwrap()
}

fn valid_records() -> Vec<Vec<u8>> {
    samples::NAMES.iter().map(|name| encode(&samples::by_name(name))).collect()
}

fn header(schema: usize) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(SchemaName::ALL[schema].id().to_be_bytes());
    bytes
}

/// The bytes of a long, as Avro writes it.
fn long(value: i64) -> Vec<u8> {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest > 127 {
        bytes.push((rest % 128) as u8 + 128);
        rest /= 128;
    }
    bytes.push(rest as u8);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_everywhere(&bytes);
    }

    #[test]
    fn a_valid_header_and_random_bytes(
        schema in 0..SchemaName::ALL.len(), datum in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = decode_everywhere(&[header(schema), datum].concat());
    }

    #[test]
    fn a_valid_record_with_bytes_changed(
        which in 0..samples::NAMES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&samples::by_name(samples::NAMES[which]));
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        // What is still accepted is a record like any other: it can be written again.
        for record in decode_everywhere(&bytes).into_iter().flatten() {
            encode(&record);
        }
    }

    #[test]
    fn a_valid_record_with_a_number_put_in_anywhere(
        which in 0..samples::NAMES.len(), place: prop::sample::Index,
        number in prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX), Just(i64::from(i32::MAX)), -300..300i64],
    ) {
        let mut bytes = encode(&samples::by_name(samples::NAMES[which]));
        let place = 5 + place.index(bytes.len() - 5);
        bytes.splice(place..=place, long(number));
        let _ = decode_everywhere(&bytes);
    }
}

#[test]
fn a_record_cut_at_any_byte_is_refused() {
    for (name, bytes) in samples::NAMES.iter().zip(valid_records()) {
        for cut in 0..bytes.len() {
            let accepted = decode_everywhere(&bytes[..cut]).iter().any(Result::is_ok);
            assert!(!accepted, "{name} cut at {cut} of {}", bytes.len());
        }
    }
}

#[test]
fn a_byte_too_many_is_refused() {
    for (name, mut bytes) in samples::NAMES.iter().zip(valid_records()) {
        bytes.push(0);
        let refused = decode_everywhere(&bytes);
        assert!(refused.iter().any(|result| matches!(result, Err(DecodeError::Trailing(_, 1)))), "{name}");
        assert!(refused.iter().all(Result::is_err), "{name}");
    }
}

#[test]
fn a_record_longer_than_the_limit_is_refused_before_it_is_read() {
    let mut bytes = encode(&samples::by_name("dead_letter"));
    bytes.resize(MAX_RECORD_BYTES + 1, 0);
    let refused = decode_dead_letter(&bytes);
    assert!(
        matches!(refused, Err(DecodeError::TooLarge(length)) if length == MAX_RECORD_BYTES + 1),
        "{refused:?}"
    );
}

#[test]
fn a_record_longer_than_the_limit_is_not_written() {
    let Record::DeadLetter(mut letter) = samples::by_name("dead_letter") else { unreachable!() };
    letter.original = vec![0; MAX_RECORD_BYTES];
    assert!(encode_dead_letter(&letter).is_err());
}

#[test]
fn headers_of_nobody_say_so() {
    assert!(matches!(decode_entry(&[]), Err(DecodeError::Header)));
    assert!(matches!(decode_entry(&[0, 0, 0, 0]), Err(DecodeError::Header)));
    assert!(matches!(decode_entry(&[1, 0, 0, 0, 1, 0]), Err(DecodeError::Header)));
    assert!(matches!(decode_entry(&[0, 0, 0, 0, 0, 0]), Err(DecodeError::UnknownSchema(0))));
    assert!(matches!(decode_entry(&[0, 1, 0, 0, 1, 0]), Err(DecodeError::UnknownSchema(0x0100_0001))));
}

#[test]
fn a_refusal_names_the_record_and_the_value_and_not_the_schema() {
    let mut bytes = encode(&samples::by_name("heartbeat"));
    let played = bytes.len() - 2 * 8 - 1;
    assert_eq!(bytes[played], 1);
    bytes[played] = 2;
    assert_eq!(decode_entry(&bytes).unwrap_err().to_string(), "heartbeat.v1: bool: 2 is not a valid boolean");
}
