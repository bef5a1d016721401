//! A record that kills the process that folds it: three deaths at most, then its tenant stands before it until somebody
//! decides. The workers of this build can be told to die of a text, which no released one can.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod journal;
mod support;

use journal::Journal;
use support::{LIMIT, Place, Running, until};

fn worker(place: &Place) -> Running {
    place.bellwether(&["process"]).env("BELLWETHER_TEST_DIES_OF", "KILLER").start()
}

/// Two tenants; the first one's journal kills at offset 3.
fn deadly() -> Place {
    let place = Place::new();
    let journal = Journal::begin(&place);
    journal.append(&journal.ticks_of("GBPUSD", 1));
    journal.append(&journal.ticks_of("KILLER", 1));
    journal.append(&journal.ticks_of("GBPUSD", 3));
    place
}

fn resume(place: &Place, arguments: &[&str]) -> support::Ran {
    place.run(&[&["tenants", "resume"], arguments, &["--why", "it kills"]].concat())
}

#[test]
fn a_record_that_kills_is_in_quarantine_after_three_deaths_and_all_goes_on_once_it_is_skipped() {
    let place = deadly();
    for death in 1..=3 {
        let ran = worker(&place).wait(LIMIT);
        assert_eq!(ran.code, None, "death {death}: {ran}");
    }
    let standing = worker(&place);
    let stands = until(LIMIT, || standing.stderr().contains("died of the journal record at offset 3 "));
    assert!(stands, "{}", standing.stderr());

    // One process writes an embedded log: it is said what to do about that.
    let refused = resume(&place, &["fxlabs", "--skip", "3"]);
    assert!(refused.error().contains("stop the one that has it"), "{refused}");
    standing.stop(LIMIT).ended(0);
    let elsewhere = resume(&place, &["fxlabs", "--skip", "4"]).ended(1);
    assert!(elsewhere.error().contains("--skip 3"), "{elsewhere}");
    let gap = resume(&place, &["fxlabs", "--accept-gap"]).ended(1);
    assert!(gap.error().contains("it stands before offset 3"), "{gap}");
    let other = resume(&place, &["hextech", "--skip", "1"]).ended(1);
    assert!(other.error().contains("can be folded to its end"), "{other}");

    let decided = resume(&place, &["fxlabs", "--skip", "3", "--json"]).ended(0).json().remove(0);
    assert_eq!((&decided["decision"], &decided["journal_offset"]), (&"skip".into(), &5.into()));
    let drain = place.bellwether(&["process", "--drain"]).env("BELLWETHER_TEST_DIES_OF", "KILLER");
    drain.start().wait(LIMIT).ended(0);
    let letters = place.run(&["deadletters", "list", "--json"]).ended(0).json();
    let keys: Vec<&str> = letters.iter().map(|letter| letter["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["3/-/skipped"]);
    for tenant in ["fxlabs", "hextech"] {
        place.run(&["replay", "--tenant", tenant, "--verify"]).ended(0);
    }
    let decided =
        place.run(&["journal", "cat", "--tenant", "fxlabs", "--from", "5", "--json"]).ended(0).stdout;
    assert!(decided.contains("operator_decision") && decided.contains("it kills"), "{decided}");
}
