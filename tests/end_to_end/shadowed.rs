//! `bellwether shadow` as somebody types it before an upgrade: production's journal by its own rules and by others, in words, in
//! JSON and by the exit code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod journal;
mod support;

use bellwether_runtime::log::NewRecord;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, PriceAlert};
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{AlertId, Entry, Origin, Timestamp, Topic, TopicKind, UserId, codec, ids};
use serde_json::Value;

use journal::{Journal, quotes};
use support::Place;

const SHADOW: [&str; 3] = ["shadow", "--tenant", "fxlabs"];

/// Twelve hours, folded; an alert of which version 2 of the rules spoke in other words than version 3.
fn folded() -> Place {
    let place = Place::new();
    Journal::begin(&place).append(&codec::encode_entry(&Entry::Alert(refused())).unwrap());
    place.write("quotes.csv", quotes().join("\n").as_bytes());
    let produce = ["produce", "file", "--tenant", "fxlabs", "--speed", "0", "--input", "GBPUSD=quotes.csv"];
    place.run(&produce).ended(0);
    place.run(&["process", "--drain", "--tenant", "fxlabs"]).ended(0);
    place
}

/// Of a symbol that nobody lists.
fn refused() -> AlertChanged {
    let level = PriceAlert { symbol: "DOGEUSD".into(), above: Some(1.0), ..PriceAlert::default() };
    AlertChanged {
        origin: Origin {
            tenant: "fxlabs".parse().unwrap(),
            source: "by hand".into(),
            session: "1".into(),
            played: false,
            appended_at: Timestamp(0),
        },
        alert_id: AlertId(ids::derive("of an unknown symbol")),
        user_id: UserId(ids::derive("fxlabs user 1")),
        version: 1,
        active: true,
        deleted: false,
        parameters: AlertParameters::PriceAlert(level),
    }
}

fn asked<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SHADOW.iter().chain(more).copied().collect()
}

fn json(place: &Place, more: &[&str], code: i32) -> Value {
    place.run(&asked(&[more, &["--json"]].concat())).ended(code).json().remove(0)
}

#[test]
fn the_same_rules_give_the_same_and_others_are_told_with_what_each_gives() {
    let place = folded();
    let text = place.run(&SHADOW).ended(0).stdout;
    assert!(text.ends_with("the same\n") && text.contains("journal records folded by both"), "{text}");
    let same = json(&place, &[], 0);
    assert_eq!(
        (&same["type"], &same["same"], &same["tenant"]),
        (&"shadow".into(), &true.into(), &"fxlabs".into())
    );
    assert_eq!((&same["rules"], &same["production_differs_from_its_records"]), (&3.into(), &0.into()));
    assert!(same["found"]["outcomes"].as_u64().unwrap() > 3, "{same}");
    assert!(same["found"]["readings"].as_u64().unwrap() > 100, "{same}");

    let text = place.run(&asked(&["--rules", "2"])).ended(1).stdout;
    for part in [
        "an outcome differs in reason",
        "is no symbol that is watched here",
        "is not one of the tenant's",
        "outcomes that differ: 1; values of readings: 0",
    ] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
    let other = json(&place, &["--rules", "2"], 1);
    assert_eq!(
        (&other["same"], &other["rules"], &other["found"]["differing"]),
        (&false.into(), &2.into(), &1.into())
    );
    let [difference] = &other["found"]["differences"].as_array().unwrap()[..] else { panic!("{other}") };
    assert_eq!(
        (&difference["fields"], &difference["offset"]),
        (&serde_json::json!(["reason"]), &2.into()),
        "{other}"
    );
    // Behind the alert nothing hangs on it.
    let behind = json(&place, &["--rules", "2", "--from", "2024-01-02T11:00:00Z"], 0);
    assert!(behind["found"]["outcomes"].as_u64() < same["found"]["outcomes"].as_u64(), "{behind}");
    let before = json(&place, &["--rules", "2", "--to", "2"], 0);
    assert_eq!(
        (&before["found"]["records"], &before["found"]["outcomes"]),
        (&2.into(), &1.into()),
        "{before}"
    );
}

#[test]
fn records_that_production_did_not_give_are_told_and_are_a_no() {
    let place = folded();
    let (mut trigger, triggers) = a_trigger(&place);
    trigger.value = trigger.value.map(|value| value + 1.0);
    let outcome = Outcome::Fired(trigger);
    let record =
        NewRecord { key: outcome.key().into_bytes(), value: codec::encode_outcome(&outcome).unwrap() };
    Journal::again(&place).log().append(&triggers, vec![record]).wait().unwrap();
    let found = json(&place, &[], 1);
    assert_eq!((&found["same"], &found["production_differs_from_its_records"]), (&false.into(), &1.into()));
    let text = place.run(&SHADOW).ended(1).stdout;
    for part in [
        "production's own rules do not give what was recorded (differences: 1)",
        "`bellwether replay --verify` says",
    ] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
    assert!(text.ends_with("both rules give the same\n"), "{text}");
}

fn a_trigger(place: &Place) -> (bellwether_schemas::triggers::TriggerFired, Topic) {
    let journal = Journal::again(place);
    let topic = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Triggers);
    let mut records = bellwether_runtime::log::scan(journal.log(), &topic, 0..u64::MAX).unwrap();
    let fired = records.find_map(|record| match codec::decode_outcome(&record.unwrap().value).unwrap() {
        Outcome::Fired(trigger) => Some(trigger),
        Outcome::Status(_) => None,
    });
    (fired.unwrap(), topic)
}

#[test]
fn what_cannot_be_asked_has_its_own_code() {
    let place = folded();
    let error = |more: &[&str], code| place.run(&asked(more)).ended(code).error().to_string();
    assert!(
        error(&["--rules", "9"], 64).contains("--rules 9: this build knows the rules of versions 1 to 3")
    );
    assert!(error(&["--rules", "0"], 64).contains("versions 1 to 3"));
    assert!(error(&["--from", "yesterday"], 64).contains("yesterday"));
    assert!(error(&["--log", "embedded:nowhere"], 66).contains("nowhere"));
    assert!(error(&["--log", "ftp://x"], 64).contains("ftp://x"));
    let behind = ["--from", "400", "--to", "300"];
    assert!(error(&behind, 64).contains("nothing lies between --from (offset 400) and --to (offset 300)"));
    let replay = ["replay", "--tenant", "fxlabs", "--verify", "--from", "100000000"];
    assert!(place.run(&replay).ended(64).error().contains("nothing lies between --from"));
    place.run(&["shadow"]).ended(64);
    let help = place.run(&["shadow", "--help"]).ended(0).stdout;
    assert!(help.contains("Examples:") && help.contains("--rules"), "{help}");
}
