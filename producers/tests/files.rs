//! Input files into a journal. The golden lines are printed by tests/golden/files.py.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy takes for production code"
)]

mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use bellwether_producers::error::{InputError, LineError, ProducerError};
use bellwether_producers::play::Speed;
use bellwether_producers::run::{Ended, FileRun, Summary, run_file};
use bellwether_producers::sources::{FileOptions, Input};
use bellwether_schemas::Entry;
use support::{Journal, LATENESS, lines, tenant, ticks_only};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn both() -> Vec<Input> {
    let bars = ("GBPUSD".into(), golden("gbpusd.bid.csv"), Some(golden("gbpusd.ask.csv")));
    let ticks = ("EURUSD".into(), golden("eurusd.histdata.csv"), None);
    [ticks, bars].map(|(symbol, file, ask)| Input { symbol, file, ask }).to_vec()
}

fn file_run(inputs: Vec<Input>) -> FileRun {
    FileRun {
        tenant: tenant(),
        inputs,
        options: FileOptions::default(),
        speed: Speed::FREE,
        lateness_max: LATENESS,
    }
}

async fn played(journal: &Journal, inputs: Vec<Input>) -> Result<Summary, ProducerError> {
    run_file(&journal.ctx, file_run(inputs)).await
}

fn written(dir: &tempfile::TempDir, text: &[u8]) -> Vec<Input> {
    let file = dir.path().join("input.csv");
    std::fs::write(&file, text).unwrap();
    vec![Input { symbol: "EURUSD".into(), file, ask: None }]
}

async fn refused(text: &[u8]) -> InputError {
    let (dir, journal) = (tempfile::tempdir().unwrap(), Journal::new());
    let error = played(&journal, written(&dir, text)).await.unwrap_err();
    assert_eq!(journal.bytes().len(), 0, "nothing is published before the inputs are known to be readable");
    match error {
        ProducerError::Input(error) => error,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn files_become_the_ticks_and_heartbeats_that_the_specification_says() {
    let journal = Journal::new();
    let summary = played(&journal, both()).await.unwrap();
    let expected = std::fs::read_to_string(golden("files.expected")).unwrap();
    assert_eq!(lines(&journal.entries()).join("\n"), expected.trim_end());
    assert_eq!((summary.ticks, summary.heartbeats, summary.unreadable_total), (18, 5, 1));
    assert_eq!(summary.ended, Ended::Source);
}

#[tokio::test]
async fn records_say_that_the_clock_is_played_and_what_it_showed() {
    let journal = Journal::new();
    played(&journal, both()).await.unwrap();
    let entries = journal.entries();
    assert!(entries.iter().all(|entry| entry.origin().played && entry.origin().source == "file"));
    let clocks: Vec<String> = entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Ticks(block) => Some(block.ingested_at.to_string()),
            _ => None,
        })
        .collect();
    let expected =
        ["2020-01-01T22:00:59.999000Z", "2020-01-01T22:01:59.999000Z", "2020-01-01T22:03:59.999000Z"];
    assert_eq!(clocks, expected);
}

#[tokio::test]
async fn a_run_that_was_cut_anywhere_goes_on_without_a_gap_or_a_repeat() {
    let whole = Journal::new();
    played(&whole, both()).await.unwrap();
    let entries = whole.entries();
    for cut in 0..=entries.len() {
        let journal = Journal::holding(&entries[..cut]).await;
        played(&journal, both()).await.unwrap();
        assert_eq!(journal.entries(), entries, "cut after {cut} records");
    }
}

#[tokio::test]
async fn a_cut_in_the_middle_of_what_is_one_block_today_is_gone_on_from_too() {
    let whole = Journal::new();
    played(&whole, both()).await.unwrap();
    let entries = whole.entries();
    let mut first = entries[..2].to_vec();
    let Entry::Ticks(block) = &mut first[1] else { panic!("{first:?}") };
    block.ticks.truncate(3);
    let journal = Journal::holding(&first).await;
    played(&journal, both()).await.unwrap();
    assert_eq!(ticks_only(&journal.entries()), ticks_only(&entries));
}

#[tokio::test]
async fn other_content_is_another_session() {
    let (dir, journal) = (tempfile::tempdir().unwrap(), Journal::new());
    played(&journal, written(&dir, b"20200101 170000065,1.1,1.2,0\n")).await.unwrap();
    played(&journal, written(&dir, b"20200101 170000065,1.1,1.3,0\n")).await.unwrap();
    played(&journal, written(&dir, b"20200101 170000065,1.1,1.3,0\n")).await.unwrap();
    assert_eq!(ticks_only(&journal.entries()).len(), 2);
}

#[tokio::test]
async fn unreadable_lines_are_counted_the_first_ten_kept_and_the_rest_is_used() {
    let mut text = b"\xef\xbb\xbf20200101 170000065,1.1,1.2,0\r\n\r\n".to_vec();
    text.extend_from_slice(&[b'7'; 5000]);
    text.extend_from_slice(b"\n\xff\xfe\n20200101 170000066,1.0x,1.2,0\n");
    text.extend_from_slice("20200101\n".repeat(20).as_bytes());
    text.extend_from_slice(b"20200101 170000067,1.1,1.2,0");
    let (dir, journal) = (tempfile::tempdir().unwrap(), Journal::new());
    let summary = played(&journal, written(&dir, &text)).await.unwrap();
    assert_eq!((summary.ticks, summary.unreadable_total, summary.unreadable.len()), (2, 23, 10));
    let said: Vec<_> =
        summary.unreadable.iter().take(4).map(|line| (line.line, line.error.clone())).collect();
    assert_eq!(said[0], (3, LineError::TooLong(4096)));
    assert_eq!(said[1], (4, LineError::Columns { found: 1, needed: 3 }));
    assert_eq!((said[2].0, said[2].1.to_string().as_str()), (5, "bid: \"1.0x\" is not a decimal number"));
    assert_eq!(said[3], (6, LineError::Columns { found: 1, needed: 3 }));
}

#[tokio::test]
async fn inputs_that_cannot_be_used_say_why_and_have_their_exit_codes() {
    for (text, said) in [
        (&b"timestamp,open,high,low,close\nx,1,1,1,1\n"[..], "\"x\" is no time that is known"),
        (
            b"timestamp,open,high,low,close\n2020-01-01,1,x,1,1\n",
            "no readable line, 1 unreadable, the first is line 2",
        ),
        (b"timestamp,open,high,low,close\n", "no rows: it has a header and nothing else"),
        (b"ts,Ask,Volume\n2020-01-01,1,1\n", "nearest: ticks, but there is no column for bid"),
    ] {
        let error = refused(text).await;
        assert_eq!((error.exit_code(), error.to_string().contains(said)), (65, true), "{error}");
    }
    assert_eq!(refused(b"").await.exit_code(), 65);
    let journal = Journal::new();
    let missing = vec!["EURUSD=/nowhere/at/all.csv".parse().unwrap()];
    let error = played(&journal, missing).await.unwrap_err();
    let ProducerError::Input(error) = error else { panic!("{error}") };
    assert_eq!(
        (error.exit_code(), error.to_string().as_str()),
        (66, "/nowhere/at/all.csv: there is no such file")
    );
}

#[tokio::test]
async fn a_compressed_file_is_read_like_the_one_inside() {
    let text = std::fs::read(golden("eurusd.histdata.csv")).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(&text).unwrap();
    let (dir, journal, plain) = (tempfile::tempdir().unwrap(), Journal::new(), Journal::new());
    played(&journal, written(&dir, &packed.finish().unwrap())).await.unwrap();
    played(&plain, written(&dir, &text)).await.unwrap();
    assert_eq!(lines(&journal.entries()), lines(&plain.entries()));
    assert_eq!(lines(&journal.entries()).len(), 6 + 4);
}

#[tokio::test]
async fn a_form_can_be_forced_and_only_bars_have_a_second_file() {
    let journal = Journal::new();
    let mut run = file_run(both());
    run.options.form = Some("m1".parse().unwrap());
    let error = run_file(&journal.ctx, run).await.unwrap_err();
    assert!(error.to_string().contains("no readable line"), "{error}");
    let mut two = both();
    two[0].ask = Some(golden("gbpusd.ask.csv"));
    let ProducerError::Input(error) = played(&journal, two).await.unwrap_err() else { panic!() };
    assert_eq!(
        (error.exit_code(), error.to_string().contains("the ask file is of another form")),
        (65, true)
    );
}

#[tokio::test]
async fn an_unknown_tenant_is_a_hard_error() {
    let journal = Journal::new();
    let mut run = file_run(both());
    run.tenant = "nobody".parse().unwrap();
    let error = run_file(&journal.ctx, run).await.unwrap_err();
    assert!(error.to_string().contains("nobody.journal.v1 does not exist"), "{error}");
}
