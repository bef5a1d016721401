//! How much hostile bytes can make a decoder allocate. One test, so that nothing else allocates meanwhile and the
//! process has decoded nothing before.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod samples;

use bellwether_schemas::codec::{
    SchemaName, decode_dead_letter, decode_entry, decode_outcome, decode_preview, decode_reading,
    decode_snapshot, encode_entry, encode_snapshot,
};
use bellwether_schemas::topics::MAX_RECORD_BYTES;
use peak_alloc::PeakAlloc;
use samples::Record;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// A claimed length reserves no more than the record limit for a text, and no more than serde's 1 MiB for a list.
const BOMB_LIMIT: usize = (1 << 20) + MAX_RECORD_BYTES;
/// Two bytes of an empty reading's value take 40 in memory, and a growing vector holds its old half meanwhile.
const FULL_LIMIT: usize = MAX_RECORD_BYTES / 2 * 40 * 3;

fn header(name: SchemaName) -> Vec<u8> {
    [&[0], &name.id().to_be_bytes()[..]].concat()
}

/// A count of `i64::MAX`, as Avro writes it, then `i64::MIN`, half a gigabyte, and a little above the limit.
const BOMBS: [&[u8]; 4] = [
    &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0x80, 0x80, 0x80, 0x80, 0x04],
    &[0x82, 0x80, 0x20],
];

/// Most bytes that were allocated at once beyond what was there before.
fn peak_of(work: impl FnOnce()) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    work();
    ALLOCATOR.peak_usage() - before
}

fn decode_everywhere(bytes: &[u8]) {
    let _ = decode_entry(bytes);
    let _ = decode_outcome(bytes);
    let _ = decode_reading(bytes);
    let _ = decode_dead_letter(bytes);
    let _ = decode_snapshot(bytes);
    let _ = decode_preview(bytes);
}

#[test]
fn no_record_makes_a_decoder_allocate_beyond_its_limits() {
    SchemaName::ALL.iter().for_each(|name| assert_ne!(name.id(), 0)); // the registry is not counted
    the_first_decode_sets_the_limit();
    bombs_at_the_front_of_every_schema();
    bombs_at_every_place_of_a_block();
    the_largest_record_of_the_smallest_items();
}

fn the_first_decode_sets_the_limit() {
    let bomb = [header(SchemaName::Heartbeat), BOMBS[2].to_vec()].concat();
    let error = decode_entry(&bomb).unwrap_err().to_string();
    assert!(error.contains("allocate"), "{error}");
    assert_eq!(apache_avro::util::max_allocation_bytes(usize::MAX), MAX_RECORD_BYTES);
}

fn bombs_at_the_front_of_every_schema() {
    for name in SchemaName::ALL {
        for bomb in BOMBS {
            let bytes = [&header(*name), bomb, &[0; 64]].concat();
            let peak = peak_of(|| decode_everywhere(&bytes));
            assert!(peak <= BOMB_LIMIT, "{} allocates {peak} bytes for {bomb:?}", name.name());
        }
    }
}

fn bombs_at_every_place_of_a_block() {
    for name in ["tick_block_of_bars", "bar_block", "settings_changed", "snapshot_manifest"] {
        let valid = match samples::by_name(name) {
            Record::Entry(entry) => encode_entry(&entry).unwrap(),
            Record::Snapshot(record) => encode_snapshot(&record).unwrap(),
            _ => unreachable!(),
        };
        for at in 5..valid.len() {
            for bomb in BOMBS {
                let bytes = [&valid[..at], bomb, &valid[at + 1..]].concat();
                let peak = peak_of(|| decode_everywhere(&bytes));
                assert!(peak <= BOMB_LIMIT, "{name} with {bomb:?} at {at} allocates {peak} bytes");
            }
        }
    }
}

fn the_largest_record_of_the_smallest_items() {
    let mut bytes = header(SchemaName::ReadingV1);
    for text in ["fxlabs", "bar", "EURUSD", "5M"] {
        bytes.push(u8::try_from(text.len() * 2).unwrap());
        bytes.extend(text.bytes());
    }
    bytes.extend([0, 0]);
    let items = (MAX_RECORD_BYTES - bytes.len() - 4) / 2;
    let count = items * 2;
    bytes.extend([count as u8 & 0x7f | 0x80, (count >> 7) as u8 & 0x7f | 0x80, (count >> 14) as u8 & 0x7f]);
    bytes.resize(bytes.len() + items * 2 + 1, 0);
    assert!(decode_reading(&bytes).is_ok());
    let peak = peak_of(|| decode_everywhere(&bytes));
    assert!(peak <= FULL_LIMIT, "{peak} bytes");
}
