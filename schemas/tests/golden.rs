//! The bytes of each record, held equal to an encoder that shares nothing with ours: golden/make.py wrote the .hex
//! files with fastavro from golden/values.json; here the same values are built by hand.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod samples;

use std::collections::BTreeSet;

use bellwether_schemas::Entry;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::codec::{
    SchemaName, decode_dead_letter, decode_entry, decode_outcome, decode_preview, decode_reading,
    decode_snapshot, encode_dead_letter, encode_entry, encode_outcome, encode_preview, encode_reading,
    encode_snapshot,
};
use samples::Record;

fn all() -> Vec<(&'static str, Vec<u8>, Record)> {
    let hex = |name: &str| {
        let file = format!("{}/tests/golden/{name}.hex", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(file).unwrap()
    };
    samples::NAMES.into_iter().map(|name| (name, bytes(&hex(name)), samples::by_name(name))).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn encode(record: &Record) -> Vec<u8> {
    match record {
        Record::Entry(entry) => encode_entry(entry).unwrap(),
        Record::Outcome(outcome) => encode_outcome(outcome).unwrap(),
        Record::Reading(reading) => encode_reading(reading).unwrap(),
        Record::DeadLetter(letter) => encode_dead_letter(letter).unwrap(),
        Record::Snapshot(record) => encode_snapshot(record).unwrap(),
        Record::Preview(preview) => encode_preview(preview).unwrap(),
    }
}

fn decode_like(record: &Record, bytes: &[u8]) -> Record {
    match record {
        Record::Entry(_) => Record::Entry(decode_entry(bytes).unwrap()),
        Record::Outcome(_) => Record::Outcome(decode_outcome(bytes).unwrap()),
        Record::Reading(_) => Record::Reading(decode_reading(bytes).unwrap()),
        Record::DeadLetter(_) => Record::DeadLetter(decode_dead_letter(bytes).unwrap()),
        Record::Snapshot(_) => Record::Snapshot(decode_snapshot(bytes).unwrap()),
        Record::Preview(_) => Record::Preview(decode_preview(bytes).unwrap()),
    }
}

#[test]
fn every_record_is_written_as_its_golden_bytes() {
    for (name, golden, record) in all().into_iter().filter(|(name, ..)| !samples::OLD.contains(name)) {
        assert_eq!(encode(&record), golden, "{name}");
    }
}

#[test]
fn golden_bytes_read_back_to_the_values_they_were_made_of() {
    for (name, golden, record) in all() {
        assert_eq!(decode_like(&record, &golden), record, "{name}");
    }
}

#[test]
fn every_released_schema_has_golden_bytes() {
    let goldens = all();
    for schema in SchemaName::ALL {
        let id = schema.id().to_be_bytes();
        assert!(goldens.iter().any(|(_, bytes, _)| bytes[1..5] == id), "{} has none", schema.name());
    }
}

#[test]
fn every_kind_of_alert_has_golden_bytes_of_the_newest_schema() {
    let newest = all().into_iter().filter(|(name, ..)| !samples::OLD.contains(name));
    let kind = |record| match record {
        Record::Entry(Entry::Alert(change)) => Some(change.parameters.kind()),
        _ => None,
    };
    let kinds: BTreeSet<AlertKind> = newest.filter_map(|(.., record)| kind(record)).collect();
    assert_eq!(kinds, AlertKind::ALL.into());
}

#[test]
fn a_record_is_refused_on_the_topic_of_another() {
    for (name, golden, record) in all() {
        let accepted = [
            decode_entry(&golden).is_ok(),
            decode_outcome(&golden).is_ok(),
            decode_reading(&golden).is_ok(),
            decode_dead_letter(&golden).is_ok(),
            decode_snapshot(&golden).is_ok(),
            decode_preview(&golden).is_ok(),
        ];
        let mine = match record {
            Record::Entry(_) => 0,
            Record::Outcome(_) => 1,
            Record::Reading(_) => 2,
            Record::DeadLetter(_) => 3,
            Record::Snapshot(_) => 4,
            Record::Preview(_) => 5,
        };
        assert!((0..6).all(|topic| accepted[topic] == (topic == mine)), "{name}: {accepted:?}");
    }
}
