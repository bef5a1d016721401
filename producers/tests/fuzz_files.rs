//! Random and mutated files: whatever they hold, opening and reading them ends, in bounded memory and without a panic.
//! A process of its own, because memory is measured.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "forms/dress.rs"]
mod dress;
#[path = "forms/writers/mod.rs"]
#[expect(dead_code, reason = "what the test of the forms needs besides")]
mod writers;

use bellwether_producers::sources::files::open;
use bellwether_producers::sources::files::report::Report;
use bellwether_producers::sources::{FileOptions, Input};
use peak_alloc::PeakAlloc;

use dress::{Dress, Encoding, Packed};
use writers::{BAR_FORMS, Bar, START, TICK_FORMS, Tick};

const MINUTE: i64 = 60_000_000;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Files in the gate; `FUZZ=1000000 cargo test --test fuzz_files` tries more.
const FILES: u64 = 10_000;
/// Most bytes of a file here, unpacked: what is allocated must not follow what a file claims.
const MAX_BYTES: usize = 16 * 1024;
/// Buffers, the zone database and a thousand times a small file.
const MAX_ALLOCATED: f32 = 48.0;

/// A generator whose numbers follow from its seed: a failure is repeated with `SEED`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        const LIKELY: &[u8] = b"0123456789.,;:-+/\"'\\ \t\r\n[]{}<>eETZ\0\xff\xfeaMopen";
        if self.below(4) == 0 { self.next().to_le_bytes()[0] } else { LIKELY[self.below(LIKELY.len())] }
    }
}

fn variable(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn dress(random: &mut Random) -> Dress {
    let encoding = [Encoding::Utf8, Encoding::Bom, Encoding::Utf16Le, Encoding::Utf16Be][random.below(4)];
    let packed = [Packed::Plain, Packed::Plain, Packed::Gzip, Packed::Zip][random.below(4)];
    let line_end = ["\n", "\r\n", "\r"][random.below(3)];
    let delimiter = [',', ';', '\t'][random.below(3)];
    let (quoted, decimal_comma, capitals) = (random.below(2) == 0, false, random.below(2) == 0);
    Dress { encoding, packed, line_end, delimiter, quoted, decimal_comma, capitals, seed: random.next() }
}

/// A file of some form, with some of its bytes changed, cut out, doubled or put in.
fn mutated(random: &mut Random) -> Vec<u8> {
    let bar =
        |at: i64| Bar { at: START + at * MINUTE, open: 131_000, high: 131_010, low: 130_990, close: 131_005 };
    let tick = |at: i64| Tick { at: START + at * 1_000_000, bid: 131_000 + at, ask: 131_010 + at };
    let rows = i64::try_from(random.below(30)).unwrap() + 1;
    let dress = dress(random);
    let mut files = if random.below(2) == 0 {
        let bars: Vec<Bar> = (0..rows).map(bar).collect();
        BAR_FORMS[random.below(BAR_FORMS.len())].write_bars(&bars, &dress)
    } else {
        let ticks: Vec<Tick> = (0..rows).map(tick).collect();
        TICK_FORMS[random.below(TICK_FORMS.len())].write_ticks(&ticks, &dress)
    };
    let (_, mut bytes) = files.swap_remove(0);
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 if !bytes.is_empty() => bytes[at] = random.byte(),
            1 => bytes.insert(at, random.byte()),
            2 => bytes.truncate(at),
            3 if !bytes.is_empty() => {
                let end = (at + random.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let end = (at + random.below(200)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
    bytes
}

fn noise(random: &mut Random) -> Vec<u8> {
    (0..random.below(MAX_BYTES)).map(|_| random.byte()).collect()
}

#[test]
fn no_file_makes_the_readers_panic_run_on_or_fill_memory() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("input.csv");
    let (files, seed) = (variable("FUZZ", FILES), variable("SEED", 1));
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let zone = Some("Europe/Athens".parse().unwrap());
    let options = FileOptions { zone, ..FileOptions::default() };
    let (mut opened, mut quotes) = (0u64, 0usize);
    for number in 0..files {
        let bytes = if random.below(5) == 0 { noise(&mut random) } else { mutated(&mut random) };
        std::fs::write(&file, &bytes).unwrap();
        let input = Input { symbol: "EURUSD".into(), file: file.clone(), ask: None };
        ALLOCATOR.reset_peak_usage();
        if let Ok(found) = open(&[input], &options, &Report::default()) {
            opened += 1;
            let read = found.quotes.take_while(Result::is_ok).count();
            assert!(read <= 4 * bytes.len().max(MAX_BYTES), "file {number} of seed {seed} has {read} quotes");
            quotes += read;
        }
        let peak = ALLOCATOR.peak_usage_as_mb();
        assert!(peak <= MAX_ALLOCATED, "file {number} of seed {seed} takes {peak} MB");
    }
    assert!(
        opened > files / 10 && quotes > 0,
        "{opened} of {files} were read: what is mutated must mostly be read"
    );
}
