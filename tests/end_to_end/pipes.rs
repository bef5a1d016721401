//! Commands whose reader goes away, as with `| head`: they end quietly, with the code that what they did deserves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod journal;
mod support;

use std::time::Duration;

use journal::{Journal, quotes};
use support::{LIMIT, Place, Unread};

const ALERTS: &str = r#"[{"kind": "rsi_tracker", "timeframe": "5M"}]"#;

/// A log with something to show for every command: quotes that were folded, and a record that nobody can read.
fn place() -> Place {
    let place = Place::new();
    place.write("quotes.csv", quotes().join("\n").as_bytes());
    place.write("alerts.json", ALERTS.as_bytes());
    let journal = Journal::begin(&place);
    journal.append(b"\x01 no header");
    drop(journal);
    place
}

#[test]
fn a_command_that_nobody_reads_does_what_it_should_and_ends_without_a_word_about_it() {
    let place = place();
    for command in [
        "--help",
        "tenants check",
        "topics apply",
        "topics plan --json",
        "produce file --tenant fxlabs --speed 0 --input GBPUSD=quotes.csv",
        "process --drain",
        "replay --tenant fxlabs --verify",
        "replay --tenant fxlabs --verify --json",
        "journal cat --tenant fxlabs",
        "journal cat --tenant fxlabs --topic triggers --json",
        "deadletters list",
        "deadletters show 2/-/undecodable --json",
        "backtest --input GBPUSD=quotes.csv --alerts alerts.json",
        "backtest --input GBPUSD=quotes.csv --alerts alerts.json --json",
        "backtest --input GBPUSD=quotes.csv --alerts alerts.json --triggers -",
        "top --once",
        "top --json",
        "top",
    ] {
        let arguments: Vec<&str> = command.split(' ').collect();
        let ran = place.bellwether(&arguments).start_unread(Unread::Stdout).wait(LIMIT).ended(0);
        let silent = !["error", "panicked", "pipe"].iter().any(|word| ran.stderr.contains(word));
        assert!(silent, "{ran}");
        place.bellwether(&arguments).start_unread(Unread::Both).wait(LIMIT).ended(0);
    }
    let verdict = "deadletters show 9/-/undecodable".split(' ').collect::<Vec<_>>();
    place.bellwether(&verdict).start_unread(Unread::Both).wait(LIMIT).ended(66);
    assert!(place.run(&["journal", "cat", "--tenant", "fxlabs"]).ended(0).stdout.contains("tick_block"));
}

#[test]
fn what_shows_something_while_it_runs_ends_when_its_reader_has_seen_enough() {
    let place = place();
    let top = ["top", "--json", "--interval", "1h"];
    let (line, top) = place.bellwether(&top).start_for_one_line();
    assert!(line.starts_with('{'), "{line}");
    assert_eq!(top.wait(LIMIT).ended(0).stderr, "");
    let demo = ["demo", "--dir", "demo", "--port", "0", "--json"];
    let (line, demo) = place.bellwether(&demo).start_for_one_line();
    assert!(line.starts_with("http://"), "{line}");
    let ran = demo.wait(Duration::from_secs(180)).ended(0);
    assert!(!ran.stderr.contains("panicked"), "{ran}");
}
