//! Rows written in every form that is read, and read back: the same ticks, whatever the order of columns, line ends,
//! encoding and quoting.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dress;
mod writers;

use std::path::Path;

use bellwether_producers::sources::files::report::Report;
use bellwether_producers::sources::files::{OpenFiles, open};
use bellwether_producers::sources::{FileOptions, Input, NumberedQuote};
use proptest::prelude::*;

use dress::{Dress, Encoding, Packed};
use writers::{BAR_FORMS, Bar, Form, START, TICK_FORMS, Tick};

const MINUTE: i64 = 60_000_000;
/// What is compared of a quote: its time, and bid and ask in units of 10⁻⁵.
type Said = (i64, i64, i64);

fn said(quote: &NumberedQuote) -> Said {
    let quote = quote.quote;
    let up = 10i64.pow(9 - u32::from(quote.scale));
    (quote.ts.0, quote.bid * up / 10_000, quote.ask * up / 10_000)
}

fn read(form: &Form, dir: &Path, files: &[(String, Vec<u8>)]) -> Vec<Said> {
    let paths: Vec<_> = files.iter().map(|(name, _)| dir.join(name)).collect();
    for (path, (_, bytes)) in paths.iter().zip(files) {
        std::fs::write(path, bytes).unwrap();
    }
    let input = Input { symbol: "EURUSD".into(), file: paths[0].clone(), ask: paths.get(1).cloned() };
    let zone = form.zone.map(|zone| zone.parse().unwrap());
    let options = FileOptions { zone, ..FileOptions::default() };
    let report = Report::default();
    let OpenFiles { quotes, forms, .. } = open(&[input], &options, &report).unwrap();
    assert_eq!(forms[0].name(), form.name, "recognised as");
    let quotes: Vec<NumberedQuote> = quotes.map(Result::unwrap).collect();
    assert_eq!((report.total(), report.notices()), (0, Vec::new()), "{}", form.name);
    quotes.iter().map(said).collect()
}

/// Bars of a minute, most of them right behind each other, that stay within a hundredth of where they begin.
fn bars() -> impl Strategy<Value = Vec<Bar>> {
    let row = (0i64..10, 0i64..40, 0i64..40, -30i64..30);
    prop::collection::vec(row, 8..40).prop_map(|rows| {
        let (mut open_at, mut price) = (START, 131_000);
        let bar = |(place, (gap, up, down, move_by)): (usize, (i64, i64, i64, i64))| {
            open_at += if gap == 0 && place % 4 == 3 { 3 * MINUTE } else { MINUTE };
            let (open, close) = (price, price + move_by);
            price = close;
            Bar { at: open_at, open, high: open.max(close) + up, low: open.min(close) - down, close }
        };
        rows.into_iter().enumerate().map(bar).collect()
    })
}

fn ticks() -> impl Strategy<Value = Vec<Tick>> {
    let row = (1i64..90_000, -30i64..30, 1i64..20);
    prop::collection::vec(row, 3..40).prop_map(|rows| {
        let (mut at, mut bid) = (START, 131_000);
        let tick = |(millis, move_by, spread): (i64, i64, i64)| {
            at += millis * 1_000;
            bid += move_by;
            Tick { at, bid, ask: bid + spread }
        };
        rows.into_iter().map(tick).collect()
    })
}

fn dress() -> impl Strategy<Value = Dress> {
    let encoding =
        prop::sample::select(&[Encoding::Utf8, Encoding::Bom, Encoding::Utf16Le, Encoding::Utf16Be][..]);
    let packed = prop::sample::select(&[Packed::Plain, Packed::Gzip, Packed::Zip][..]);
    let line_end = prop::sample::select(&["\n", "\r\n", "\r"][..]);
    let delimiter = prop::sample::select(&[',', ';', '\t'][..]);
    (encoding, packed, line_end, delimiter, any::<[bool; 3]>(), any::<u64>()).prop_map(
        |(encoding, packed, line_end, delimiter, [quoted, decimal_comma, capitals], seed)| Dress {
            encoding,
            packed,
            line_end,
            delimiter,
            quoted,
            decimal_comma: decimal_comma && delimiter != ',',
            capitals,
            seed,
        },
    )
}

/// The path through a bar, as `interface.md` of the project says it: four ticks.
fn played(bar: &Bar) -> [Said; 4] {
    let (second, third) = if bar.close >= bar.open { (bar.low, bar.high) } else { (bar.high, bar.low) };
    let steps = [(0, bar.open), (20_000_000, second), (40_000_000, third), (59_999_000, bar.close)];
    steps.map(|(after, price)| (bar.at + after, price, price))
}

fn quoted(tick: &Tick) -> Said {
    (tick.at, tick.bid, tick.ask)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bars_of_every_form_are_read_back_as_they_were_written(rows in bars(), dress in dress()) {
        let dir = tempfile::tempdir().unwrap();
        let expected: Vec<Said> = rows.iter().flat_map(played).collect();
        for form in BAR_FORMS {
            let files = form.write_bars(&rows, &dress);
            prop_assert_eq!(&read(form, dir.path(), &files), &expected, "{} {:?}", form.title, dress);
        }
    }

    #[test]
    fn ticks_of_every_form_are_read_back_as_they_were_written(rows in ticks(), dress in dress()) {
        let dir = tempfile::tempdir().unwrap();
        for form in TICK_FORMS {
            let rows: Vec<Tick> = rows.iter().map(|tick| form.keeps(tick)).collect();
            let expected: Vec<Said> = rows.iter().map(quoted).collect();
            let files = form.write_ticks(&rows, &dress);
            prop_assert_eq!(&read(form, dir.path(), &files), &expected, "{} {:?}", form.title, dress);
        }
    }
}

#[test]
fn every_form_of_the_table_is_written_by_this_test() {
    let written: Vec<&str> = BAR_FORMS.iter().chain(TICK_FORMS).map(|form| form.name).collect();
    let table = bellwether_producers::sources::files::forms::names();
    let missing: Vec<&str> = table.into_iter().filter(|name| !written.contains(name)).collect();
    assert_eq!(missing, [] as [&str; 0]);
}
