//! What a trigger came of, in one file: it folds the same anywhere, is refused where it is not whole, and shrinks to what
//! a fault needs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod journal;
mod support;

use std::process::Command;

use bellwether_runtime::log::NewRecord;
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::{Entry, Origin, TenantId, Timestamp, Topic, TopicKind, codec};
use serde_json::Value;

use journal::{Journal, quotes};
use support::{LIMIT, Place, Ran};

/// A journal in two parts, with a snapshot between them and what both gave.
fn two_parts() -> Place {
    let place = Place::new();
    drop(Journal::begin(&place));
    let quotes = quotes();
    for (name, lines) in [("first.csv", &quotes[..2_400]), ("second.csv", &quotes[2_400..])] {
        place.write(name, lines.join("\n").as_bytes());
        let input = format!("GBPUSD={name}");
        place.run(&["produce", "file", "--tenant", "fxlabs", "--speed", "0", "--input", &input]).ended(0);
        place.run(&["process", "--drain", "--tenant", "fxlabs"]).ended(0);
    }
    place
}

/// Ids of the triggers that were recorded, in their order.
fn triggers(place: &Place) -> Vec<String> {
    let cat = ["journal", "cat", "--tenant", "fxlabs", "--topic", "triggers", "--json"];
    let lines = place.run(&cat).ended(0).json();
    let fired = lines.iter().filter(|line| line["type"] == "trigger_fired");
    fired.map(|line| line["record"]["id"].as_str().unwrap().to_owned()).collect()
}

fn bundle(place: &Place, what: &str, out: &str) -> Value {
    place.run(&["bundle", what, "--tenant", "fxlabs", "--out", out, "--json"]).ended(0).json().remove(0)
}

/// Where nothing is but the file.
fn elsewhere(place: &Place, file: &str, arguments: &[&str]) -> (tempfile::TempDir, Ran) {
    let nowhere = tempfile::tempdir().unwrap();
    std::fs::copy(place.path(file), nowhere.path().join("F")).unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_bellwether"))
        .args(arguments)
        .current_dir(nowhere.path())
        .env_clear()
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (nowhere, Ran::of(arguments, ran.status.code(), text(ran.stdout), text(ran.stderr)))
}

#[test]
fn a_bundle_gives_the_recorded_bytes_where_there_is_nothing_but_its_file() {
    let place = two_parts();
    let ids = triggers(&place);
    let last = ids.last().unwrap();
    let made = bundle(&place, last, "F");
    assert!(made["state_at"].as_u64().unwrap() > 2, "it begins at the snapshot between the parts: {made}");
    let (_here, ran) = elsewhere(&place, "F", &["rerun", "F", "--json"]);
    let mut lines = ran.ended(0).json();
    let found = lines.pop().unwrap();
    assert_eq!((&found["as_recorded"], &found["fired"]), (&true.into(), &true.into()), "{found}");
    assert_eq!(found["compared"]["identical"], made["recorded"], "{found}");
    assert!(lines.iter().any(|line| line["id"] == last.as_str()), "{lines:?}");
    // The alert's bundle goes from its version to its last trigger, and has them all.
    let alert = lines[0]["alert_id"].as_str().unwrap().to_owned();
    let whole = bundle(&place, &alert, "A");
    assert_eq!(
        (&whole["state_at"], whole["about"]["alert"]["id"].as_str()),
        (&Value::Null, Some(alert.as_str()))
    );
    let (_there, ran) = elsewhere(&place, "A", &["rerun", "F"]);
    let found: Vec<Value> = ran.ended(0).json();
    assert_eq!(found.iter().map(|line| line["id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
}

#[test]
fn what_was_recorded_otherwise_is_told_with_the_answer_no() {
    let place = two_parts();
    let first = triggers(&place).remove(0);
    // A second version of the first trigger, as if another build had written it.
    let journal = Journal::again(&place);
    let topic = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Triggers);
    let records = bellwether_runtime::log::scan(journal.log(), &topic, 0..u64::MAX).unwrap();
    let all: Vec<_> = records.map(Result::unwrap).collect();
    journal.log().delete(&topic).unwrap();
    journal.log().create(&topic).unwrap();
    for record in all {
        let mut value = record.value;
        if record.key == first.as_bytes() {
            *value.last_mut().unwrap() ^= 2;
        }
        journal.log().append(&topic, vec![NewRecord { key: record.key, value }]).wait().unwrap();
    }
    drop(journal);
    bundle(&place, &first, "F");
    let ran = place.run(&["rerun", "F"]).ended(1);
    assert!(
        ran.stderr.contains("not what was recorded") && ran.stderr.contains("1 with other bytes"),
        "{ran}"
    );
}

#[test]
fn a_decision_behind_a_bundle_is_in_it_and_followed() {
    let place = two_parts();
    let ids = triggers(&place);
    let first = bundle(&place, &ids[0], "F");
    let cause = first["about"]["trigger"]["cause"]["offset"].as_i64().unwrap();
    let origin = Origin {
        tenant: "fxlabs".parse().unwrap(),
        source: "operator".into(),
        session: String::new(),
        played: false,
        appended_at: Timestamp(0),
    };
    let decision = Decision::Skip { offset: cause - 1 };
    let decided = OperatorDecision { origin, decision, who: "asha".into(), why: "a test".into() };
    Journal::again(&place).append(&codec::encode_entry(&Entry::Decision(decided)).unwrap());
    let second = bundle(&place, &ids[0], "F");
    assert_eq!(second["records"].as_u64(), first["records"].as_u64().map(|records| records + 1));
    let ran = place.run(&["rerun", "F", "--json"]);
    assert_eq!(ran.json().pop().unwrap()["put_aside"]["skipped"], 1, "{ran}");
}

#[test]
fn a_trigger_that_does_not_come_out_any_more_is_the_answer_no() {
    let place = two_parts();
    bundle(&place, &triggers(&place)[0], "F");
    let ran = place.run(&["shrink", "F", "--while", "true", "--json"]).ended(0).json().remove(0);
    assert_eq!((&ran["records"], &ran["exit"]), (&0.into(), &0.into()), "{ran}");
    let ran = place.run(&["rerun", "F.small"]).ended(1);
    assert!(ran.stderr.contains("the trigger that the bundle is about does not come out"), "{ran}");
    // What still has it is smaller than all, and has it.
    let asked = ["shrink", "F", "--while", concat!(env!("CARGO_BIN_EXE_bellwether"), " rerun"), "--json"];
    let kept = place.run(&asked).ended(0).json().remove(0);
    assert!(kept["records"].as_u64() < kept["of"].as_u64(), "{kept}");
    place.run(&["rerun", "F.small"]).ended(0);
}

#[test]
fn a_file_that_is_no_whole_bundle_is_refused_with_its_name_and_why() {
    let place = two_parts();
    bundle(&place, "3", "F");
    let whole = std::fs::read(place.path("F")).unwrap();
    let refused = |bytes: &[u8], why: &str| {
        place.write("bad", bytes);
        for command in [&["rerun", "bad"][..], &["shrink", "bad", "--while", "true"]] {
            let ran = place.run(command).ended(65);
            assert!(ran.error().starts_with("bad: ") && ran.error().contains(why), "{why}: {ran}");
        }
    };
    refused(b"SYMBOL,PRICE\n1,2\n", "it is no bundle");
    refused(b"", "it is no bundle");
    let newer = String::from_utf8_lossy(&whole[..20]).replace("bundle 1\n", "bundle 9\n").into_bytes();
    refused(&[&newer[..], &whole[20..]].concat(), "its format 9 is newer than this build's, 1: upgrade");
    for end in [20, whole.len() / 2, whole.len() - 1] {
        refused(&whole[..end], "it is cut off or damaged");
    }
    for at in [30, whole.len() / 2, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        refused(&bytes, "it is cut off or damaged");
    }
    let missing = place.run(&["rerun", "nowhere"]).ended(66);
    assert!(missing.error().starts_with("nowhere: "), "{missing}");
    let taken = place.run(&["bundle", "3", "--tenant", "fxlabs", "--out", "no/such/dir"]).ended(74);
    assert!(taken.error().starts_with("no/such/dir: "), "{taken}");
    for (what, code) in [("4294967296", 1), ("6f1c0f9e-6b1d-5d0e-9b57-0f4f0f8f3a11", 1), ("nothing", 64)] {
        place.run(&["bundle", what, "--tenant", "fxlabs", "--out", "F"]).ended(code);
    }
}

/// A tick a second; far from the end its price rises for two hours, so that RSI goes through its upper line once.
fn plant(place: &Place, records: usize) {
    let journal = Journal::begin(place);
    let tenant: TenantId = "fxlabs".parse().unwrap();
    let topic = Topic::new(&tenant, TopicKind::Journal);
    let start = Timestamp(1_704_189_600_000_000);
    let rise = records * 7 / 10..(records * 7 / 10 + 7_200);
    let mut bid: i64 = 127_000;
    let record = |second: usize| {
        let up: i64 = if rise.contains(&second) && second.is_multiple_of(60) { 5 } else { 0 };
        // Otherwise up and down with each bar: RSI stays in the middle.
        let step = i64::from(second.is_multiple_of(30));
        bid += up + if (second / 300).is_multiple_of(2) { step } else { -step };
        let ts = start.plus(i64::try_from(second).unwrap() * 1_000_000);
        let origin = Origin {
            tenant: tenant.clone(),
            source: "plan".into(),
            session: "1".into(),
            played: true,
            appended_at: ts,
        };
        let block = TickBlock {
            origin,
            ingested_at: ts,
            first_seq: Some(second as u64),
            symbols: vec![BlockSymbol::of_quotes("GBPUSD", 5)],
            ticks: vec![Tick { ts, symbol: 0, bid, ask: bid + 10 }],
            volumes: Vec::new(),
        };
        NewRecord { key: b"fxlabs".to_vec(), value: codec::encode_entry(&Entry::Ticks(block)).unwrap() }
    };
    let all: Vec<NewRecord> = (0..records).map(record).collect();
    for records in all.chunks(10_000) {
        journal.log().append(&topic, records.to_vec()).wait().unwrap();
    }
}

/// With RECORDS=1000000 it says how long a million takes.
#[test]
fn a_fault_in_many_records_shrinks_to_the_few_that_it_needs() {
    let records = std::env::var("RECORDS").map_or(40_000, |text| text.parse().unwrap());
    let place = Place::new();
    plant(&place, records);
    let last = (records + 1).to_string();
    let made = place.run_within(
        LIMIT * 5,
        &["bundle", &last, "--to", "end", "--tenant", "fxlabs", "--out", "F", "--json"],
    );
    let made = made.ended(0).json().remove(0);
    assert_eq!(made["records"].as_u64(), Some(records as u64 + 2), "{made}");
    let program = env!("CARGO_BIN_EXE_bellwether");
    let shows = format!("{program} rerun \"$BUNDLE\" | grep -q overbought");
    let ran = place.run_within(LIMIT * 5, &["shrink", "F", "--while", &shows]).ended(0);
    eprintln!("{}", ran.stdout);
    let (_here, ran) = elsewhere(&place, "F.small", &["rerun", "F", "--json"]);
    let found = ran.json().pop().unwrap();
    assert!(ran.stdout.contains("overbought"), "{ran}");
    assert!(found["records"].as_u64().unwrap() <= 50, "{found}");
    assert!(!place.path("F.small.candidate").exists(), "what it tried is left behind");
}

#[test]
fn a_command_that_cannot_be_run_is_told_and_one_that_tells_nothing_leaves_all() {
    let place = two_parts();
    bundle(&place, "3", "F");
    let ran = place.run(&["shrink", "F", "--while", "no-such-command-anywhere"]).ended(64);
    assert!(ran.error().contains("no-such-command-anywhere"), "{ran}");
    // What cannot be run any more half way loses nothing of what was found out by then.
    let once = "test -e ran && exit 127; touch ran; :";
    let ran = place.run(&["shrink", "F", "--while", once, "--out", "half"]).ended(64);
    assert!(ran.stdout.contains("half: "), "{ran}");
    place.run(&["rerun", "half"]).ended(0);
    let ran = place.run(&["shrink", "F", "--while", "test F -ef", "--json"]).ended(0);
    // No other file is the same file as itself.
    let told = ran.json().remove(0);
    assert_eq!(told["records"], told["of"], "{ran}");
    assert!(ran.stderr.contains("nothing could go"), "{ran}");
}
