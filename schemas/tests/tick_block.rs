//! `TickBlock` by hand against apache-avro, in both directions, and whatever else Avro allows a writer to do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use bellwether_schemas::codec::{SchemaName, decode_entry, encode_entry};
use bellwether_schemas::tick_codec::{self, TickCodecError, TickColumns};
use bellwether_schemas::ticks::{BlockSymbol, MAX_TICKS, Spacing, Tick, TickBlock};
use bellwether_schemas::{Entry, Origin, Timestamp};
use proptest::prelude::*;

fn by_library(block: &TickBlock) -> Vec<u8> {
    let writer =
        GenericDatumWriter::builder(SchemaName::TickBlock.schema()).human_readable(false).build().unwrap();
    let mut out = Vec::new();
    writer.write_ser(&mut out, &TickColumns::from(block)).unwrap();
    out
}

fn read_by_library(bytes: &[u8]) -> TickColumns {
    read_by_library_as(SchemaName::TickBlock, bytes)
}

fn read_by_library_as(name: SchemaName, mut bytes: &[u8]) -> TickColumns {
    let reader = GenericDatumReader::builder(name.schema()).human_readable(false).build().unwrap();
    let columns = reader.read_deser(&mut bytes).unwrap();
    assert!(bytes.is_empty(), "{} bytes left", bytes.len());
    columns
}

fn by_hand(block: &TickBlock) -> Vec<u8> {
    let mut out = Vec::new();
    tick_codec::write(block, &mut out);
    out
}

fn blocks() -> impl Strategy<Value = TickBlock> {
    (origins(), any::<i64>(), any::<Option<u64>>(), symbols(), any::<bool>()).prop_flat_map(
        |(origin, ingested_at, first_seq, symbols, with_volumes)| {
            let most = if symbols.is_empty() { 0 } else { 40 };
            let last = symbols.len().max(1);
            prop::collection::vec((ticks(last), -1e12..1e12f64), 0..=most).prop_map(move |rows| TickBlock {
                origin: origin.clone(),
                ingested_at: Timestamp(ingested_at),
                first_seq,
                symbols: symbols.clone(),
                ticks: rows.iter().map(|row| row.0).collect(),
                volumes: if with_volumes { rows.iter().map(|row| row.1).collect() } else { vec![] },
            })
        },
    )
}

fn origins() -> impl Strategy<Value = Origin> {
    ("[a-z][a-z0-9-]{1,30}", "\\PC{0,12}", "\\PC{0,12}", any::<bool>(), any::<i64>()).prop_map(
        |(tenant, source, session, played, appended_at)| Origin {
            tenant: tenant.parse().unwrap(),
            source,
            session,
            played,
            appended_at: Timestamp(appended_at),
        },
    )
}

fn symbols() -> impl Strategy<Value = Vec<BlockSymbol>> {
    prop::collection::vec(
        ("\\PC{0,12}", any::<u8>(), any::<bool>(), prop::option::of(1..=i64::MAX)).prop_map(
            |(name, scale, judged, spacing)| {
                let spacing = spacing.and_then(Spacing::new);
                BlockSymbol { name, scale, judged, spacing }
            },
        ),
        0..5,
    )
}

fn ticks(symbols: usize) -> impl Strategy<Value = Tick> {
    let number = prop_oneof![any::<i64>(), 0..10_000_000i64, Just(i64::MAX), Just(i64::MIN)];
    (number.clone(), 0..symbols, number.clone(), number).prop_map(|(ts, symbol, bid, ask)| Tick {
        ts: Timestamp(ts),
        symbol: u16::try_from(symbol).unwrap(),
        bid,
        ask,
    })
}

/// An encoder of the test's own: arrays in pieces, with or without the size of each piece.
struct InPieces {
    size: usize,
    with_bytes: bool,
    /// Symbols say nothing of bars.
    v1: bool,
}

impl InPieces {
    fn block(&self, block: &TickBlock) -> Vec<u8> {
        let mut out = Vec::new();
        let origin = &block.origin;
        for text in [origin.tenant.as_str(), &origin.source, &origin.session] {
            write_text(text, &mut out);
        }
        out.push(u8::from(origin.played));
        write_long(origin.appended_at.0, &mut out);
        write_long(block.ingested_at.0, &mut out);
        write_long(i64::from(block.first_seq.is_some()), &mut out);
        block.first_seq.into_iter().for_each(|seq| write_long(seq.cast_signed(), &mut out));
        self.array(&mut out, &block.symbols, |symbol, out| {
            write_text(&symbol.name, out);
            write_long(i64::from(symbol.scale), out);
            if !self.v1 {
                out.push(u8::from(symbol.judged));
                write_long(i64::from(symbol.spacing.is_some()), out);
                symbol.spacing.into_iter().for_each(|spacing| write_long(spacing.micros(), out));
            }
        });
        let mut before = 0i64;
        let since = |tick: &Tick| tick.ts.0.wrapping_sub(std::mem::replace(&mut before, tick.ts.0));
        self.longs(&mut out, block.ticks.iter().map(since).collect());
        self.longs(&mut out, block.ticks.iter().map(|tick| i64::from(tick.symbol)).collect());
        let mut last = vec![0i64; block.symbols.len()];
        let moved = |tick: &Tick| {
            let before = std::mem::replace(&mut last[usize::from(tick.symbol)], tick.bid);
            tick.bid.wrapping_sub(before)
        };
        self.longs(&mut out, block.ticks.iter().map(moved).collect());
        self.longs(&mut out, block.ticks.iter().map(|tick| tick.ask.wrapping_sub(tick.bid)).collect());
        self.array(&mut out, &block.volumes, |volume, out| out.extend(volume.to_le_bytes()));
        out
    }

    fn longs(&self, out: &mut Vec<u8>, column: Vec<i64>) {
        self.array(out, &column, |value, out| write_long(*value, out));
    }

    fn array<T>(&self, out: &mut Vec<u8>, items: &[T], write: impl Fn(&T, &mut Vec<u8>)) {
        for piece in items.chunks(self.size) {
            let mut bytes = Vec::new();
            piece.iter().for_each(|item| write(item, &mut bytes));
            let count = i64::try_from(piece.len()).unwrap();
            write_long(if self.with_bytes { -count } else { count }, out);
            if self.with_bytes {
                write_long(i64::try_from(bytes.len()).unwrap(), out);
            }
            out.extend(bytes);
        }
        write_long(0, out);
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_long(i64::try_from(text.len()).unwrap(), out);
    out.extend_from_slice(text.as_bytes());
}

fn write_long(value: i64, out: &mut Vec<u8>) {
    let mut rest = (value as u64).wrapping_mul(2) ^ if value < 0 { u64::MAX } else { 0 };
    while rest > 127 {
        out.push((rest % 128) as u8 + 128);
        rest /= 128;
    }
    out.push(rest as u8);
}

proptest! {
    #[test]
    fn what_is_written_by_hand_the_library_reads(block in blocks()) {
        prop_assert_eq!(read_by_library(&by_hand(&block)), TickColumns::from(&block));
    }

    #[test]
    fn what_the_library_writes_is_read_by_hand(block in blocks()) {
        let bytes = by_library(&block);
        prop_assert_eq!(tick_codec::read(&bytes).unwrap(), (block, bytes.len()));
    }

    #[test]
    fn both_write_the_same_bytes(block in blocks()) {
        prop_assert_eq!(by_hand(&block), by_library(&block));
    }

    #[test]
    fn arrays_in_several_pieces_and_with_negative_counts_read_the_same(
        block in blocks(), size in 1usize..7, with_bytes: bool,
    ) {
        let bytes = InPieces { size, with_bytes, v1: false }.block(&block);
        prop_assert_eq!(read_by_library(&bytes), TickColumns::from(&block));
        prop_assert_eq!(tick_codec::read(&bytes).unwrap(), (block, bytes.len()));
    }

    #[test]
    fn a_block_of_the_first_version_holds_quotes_and_is_read_as_the_library_reads_it(
        block in blocks(), size in 1usize..7, with_bytes: bool,
    ) {
        let bytes = InPieces { size, with_bytes, v1: true }.block(&block);
        let quotes = |symbol: &BlockSymbol| BlockSymbol::of_quotes(symbol.name.clone(), symbol.scale);
        let plain = TickBlock { symbols: block.symbols.iter().map(quotes).collect(), ..block };
        prop_assert_eq!(read_by_library_as(SchemaName::TickBlockV1, &bytes), TickColumns::from(&plain));
        prop_assert_eq!(tick_codec::read_v1(&bytes).unwrap(), (plain, bytes.len()));
    }

    #[test]
    fn a_block_that_is_accepted_for_writing_is_accepted_when_read(block in blocks()) {
        let bytes = encode_entry(&Entry::Ticks(block.clone())).unwrap();
        prop_assert_eq!(decode_entry(&bytes).unwrap(), Entry::Ticks(block));
    }
}

fn block_of(ticks: usize) -> TickBlock {
    let one = Tick { ts: Timestamp(1), symbol: 0, bid: 1, ask: 2 };
    TickBlock {
        origin: Origin {
            tenant: "fxlabs".parse().unwrap(),
            source: "file".into(),
            session: "s".into(),
            played: true,
            appended_at: Timestamp(0),
        },
        ingested_at: Timestamp(0),
        first_seq: None,
        symbols: vec![BlockSymbol::of_quotes("EURUSD", 5)],
        ticks: vec![one; ticks],
        volumes: vec![],
    }
}

#[test]
fn a_full_block_is_read_and_one_tick_more_is_refused() {
    // In numbers: readers that are not of this crate hold to the same limit.
    let full = block_of(256);
    assert_eq!(tick_codec::read(&by_hand(&full)).unwrap().0, full);
    let over = tick_codec::read(&by_hand(&block_of(257)));
    assert_eq!(over, Err(TickCodecError::TooMany("ts", 257, 256)));
}

#[test]
fn pieces_count_together_towards_the_limit() {
    let bytes = InPieces { size: 100, with_bytes: true, v1: false }.block(&block_of(MAX_TICKS + 1));
    assert!(matches!(tick_codec::read(&bytes), Err(TickCodecError::TooMany("ts", _, MAX_TICKS))));
}

#[test]
fn columns_of_different_length_are_refused() {
    let mut ragged = block_of(3);
    ragged.volumes = vec![1.0, 2.0];
    assert_eq!(tick_codec::read(&by_hand(&ragged)), Err(TickCodecError::Ragged("volumes", 2, 3)));
}

#[test]
fn a_tick_of_a_symbol_outside_the_dictionary_is_refused() {
    let mut block = block_of(2);
    block.ticks[1].symbol = 1;
    assert_eq!(tick_codec::read(&by_hand(&block)), Err(TickCodecError::Invalid("symbol")));
}

#[test]
fn a_block_that_no_reader_would_accept_is_not_written() {
    let mut ragged = block_of(3);
    ragged.volumes = vec![1.0];
    let mut stray = block_of(1);
    stray.ticks[0].symbol = 1;
    let mut wordy = block_of(1);
    wordy.origin.session = "x".repeat(257);
    for block in [block_of(MAX_TICKS + 1), ragged, stray, wordy] {
        let error = encode_entry(&Entry::Ticks(block)).unwrap_err().to_string();
        assert!(error.starts_with("cannot encode a tick_block.v2: "), "{error}");
    }
}

/// A block of zeros with columns of these lengths, and the byte that says whether it was played.
fn raw(source: &str, played: u8, columns: [usize; 4]) -> Vec<u8> {
    raw_of_bars(source, played, &[0, 0], columns)
}

/// As [`raw`], with the bytes that say whether its symbol is of bars.
fn raw_of_bars(source: &str, played: u8, bars: &[u8], columns: [usize; 4]) -> Vec<u8> {
    let mut out = Vec::new();
    ["fxlabs", source, "s"].iter().for_each(|text| write_text(text, &mut out));
    out.extend([played, 0, 0, 0]);
    let pieces = InPieces { size: MAX_TICKS, with_bytes: false, v1: false };
    pieces.array(&mut out, &["EURUSD"], |name, out| {
        write_text(name, out);
        write_long(5, out);
        out.extend(bars);
    });
    columns.iter().for_each(|length| pieces.longs(&mut out, vec![0; *length]));
    out.push(0);
    out
}

#[test]
fn a_column_that_is_shorter_or_longer_than_the_times_is_refused() {
    assert!(tick_codec::read(&raw("file", 1, [2, 2, 2, 2])).is_ok());
    for (place, what) in [(1, "symbol"), (2, "bid"), (3, "spread")] {
        for length in [0, 1, 3] {
            let mut columns = [2; 4];
            columns[place] = length;
            let refused = tick_codec::read(&raw("file", 1, columns));
            assert_eq!(refused, Err(TickCodecError::Ragged(what, length, 2)));
        }
    }
}

#[test]
fn a_boolean_is_a_zero_or_a_one() {
    assert_eq!(tick_codec::read(&raw("file", 2, [1; 4])), Err(TickCodecError::Invalid("played")));
}

#[test]
fn what_a_symbol_says_of_bars_is_a_boolean_and_a_length_or_none() {
    let read = |bars: &[u8]| tick_codec::read(&raw_of_bars("file", 1, bars, [1; 4]));
    assert_eq!(read(&[1, 2, 2]).unwrap().0.symbols[0].spacing, Spacing::new(1));
    assert_eq!(read(&[2, 0]), Err(TickCodecError::Invalid("judged")));
    for length in [0, 1] {
        assert_eq!(read(&[1, 2, length]), Err(TickCodecError::Invalid("spacing")), "zero, and minus one");
    }
    assert_eq!(read(&[1, 4, 2]), Err(TickCodecError::Invalid("spacing")), "no such branch");
}

#[test]
fn a_text_beyond_the_limit_is_refused() {
    assert!(tick_codec::read(&raw(&"x".repeat(256), 0, [1; 4])).is_ok());
    let refused = tick_codec::read(&raw(&"x".repeat(257), 0, [1; 4]));
    assert_eq!(refused, Err(TickCodecError::TooMany("source", 257, 256)));
}

#[test]
fn a_number_longer_than_a_long_is_refused() {
    let prefix = &raw("file", 1, [1; 4])[..15];
    let longest = [&[0xff; 9][..], &[0x01]].concat();
    let too_long = [&[0xff; 9][..], &[0x02]].concat();
    let endless = [0xff; 11];
    let read = |number: &[u8]| tick_codec::read(&[prefix, number, &[0; 12]].concat());
    assert_eq!(read(&longest).unwrap().0.origin.appended_at, Timestamp(i64::MIN));
    assert_eq!(read(&too_long), Err(TickCodecError::LongNumber("appended_at")));
    assert_eq!(read(&endless), Err(TickCodecError::LongNumber("appended_at")));
}
