//! Why a trigger fired, with its market around it, and why an alert did not, out of the log of a journal in three parts with
//! a snapshot behind each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod journal;
mod support;

use bellwether_schemas::alerts::{AlertChanged, AlertParameters, RsiTracker};
use bellwether_schemas::{AlertId, Entry, Origin, Timeframe, Timestamp, UserId, codec, ids};
use serde_json::Value;

use journal::{Journal, quotes};
use support::Place;

const PART: usize = 1_440;

/// Three parts of four hours from 10:00, each folded; before the second the alert is paused.
fn three_parts() -> Place {
    let place = Place::new();
    drop(Journal::begin(&place));
    for (part, lines) in quotes().chunks(PART).enumerate() {
        if part == 1 {
            Journal::again(&place).append(&codec::encode_entry(&Entry::Alert(paused())).unwrap());
        }
        let name = format!("{part}.csv");
        place.write(&name, lines.join("\n").as_bytes());
        let input = format!("GBPUSD={name}");
        place.run(&["produce", "file", "--tenant", "fxlabs", "--speed", "0", "--input", &input]).ended(0);
        place.run(&["process", "--drain", "--tenant", "fxlabs"]).ended(0);
    }
    place
}

fn alert() -> String {
    ids::derive("fxlabs alert 1").to_string()
}

/// As `journal.rs` has it, switched off.
fn paused() -> AlertChanged {
    let tracker =
        RsiTracker { timeframe: Timeframe::M5, rsi_period: 14, rsi_overbought: 70, rsi_oversold: 30 };
    AlertChanged {
        origin: Origin {
            tenant: "fxlabs".parse().unwrap(),
            source: "by hand".into(),
            session: "1".into(),
            played: false,
            appended_at: Timestamp(0),
        },
        alert_id: AlertId(ids::derive("fxlabs alert 1")),
        user_id: UserId(ids::derive("fxlabs user 1")),
        version: 2,
        active: false,
        deleted: false,
        parameters: AlertParameters::RsiTracker(tracker),
    }
}

fn why_not(place: &Place, from: &str, to: &str) -> Value {
    let alert = alert();
    let asked = ["explain", "--not", &alert, "--tenant", "fxlabs", "--from", from, "--to", to, "--json"];
    place.run(&asked).ended(0).json().remove(0)
}

fn findings(told: &Value) -> Vec<&str> {
    told["answer"]["findings"].as_array().unwrap().iter().map(|one| one["found"].as_str().unwrap()).collect()
}

#[test]
fn an_alert_that_did_not_fire_says_why_and_from_the_snapshot_before() {
    let place = three_parts();
    // The first part is a sine of the price: it fires as it turns.
    let fired = why_not(&place, "start", "2024-01-02T13:59:00Z");
    assert_eq!(findings(&fired)[0], "fired", "{fired}");
    let first = fired["answer"]["findings"][0]["first"]["at"].as_str().unwrap().to_owned();
    let before: Timestamp = first.parse().unwrap();
    let until = before.plus(-60_000_000).to_string();
    // The first look, when it was warm, only recorded that the market was beyond a line already.
    let look = why_not(&place, "2024-01-02T11:15:00Z", &until);
    assert_eq!(findings(&look)[0], "held", "{look}");
    assert_eq!(look["answer"]["findings"][0]["by"], "baseline", "{look}");
    let near = why_not(&place, "2024-01-02T11:16:00Z", &until);
    assert_eq!(findings(&near)[0], "nearest", "nothing was reached before the first trigger: {near}");
    assert_eq!(near["answer"]["findings"][0]["point"]["subject"], "GBPUSDm", "{near}");
    // Of all other symbols there is not a single tick.
    let gap = near["answer"]["findings"].as_array().unwrap().iter().find(|one| one["found"] == "no_data");
    let silent = gap.unwrap()["subjects"].as_array().unwrap();
    assert!(
        silent.iter().any(|name| name == "EURUSDm") && silent.iter().all(|name| name != "GBPUSDm"),
        "{near}"
    );
    // Warm after fifteen bars, and not before.
    let cold = why_not(&place, "start", "2024-01-02T10:42:00Z");
    assert_eq!(findings(&cold)[0], "warming", "{cold}");
    assert_eq!(cold["answer"]["findings"][0]["bars"], 7, "eight of fifteen had closed: {cold}");
    paused_is_told(&place);
}

fn paused_is_told(place: &Place) {
    // In the second part the fold sees the change; before the third, the state was stored with it.
    for (from, to) in [("2024-01-02T14:30:00Z", "2024-01-02T15:00:00Z"), ("2024-01-02T19:00:00Z", "end")] {
        let told = why_not(place, from, to);
        assert_eq!(findings(&told), ["off"], "{told}");
        let off = &told["answer"]["findings"][0];
        assert_eq!(off["state"], "paused", "{told}");
        let since = off["since"].as_u64().unwrap();
        assert!(told["appended"][since.to_string()].is_string(), "when the log took the change: {told}");
        assert!(told["began"].as_u64().unwrap() > 2, "it began at a snapshot: {told}");
    }
    let alert = alert();
    let asked = ["explain", "--not", &alert, "--tenant", "fxlabs", "--from", "2024-01-02T19:00:00Z"];
    let text = place.run(&asked).ended(0).stdout;
    assert!(text.contains("paused by its user") && text.contains("was appended at"), "{text}");
    let nobody = "6f1c0f9e-6b1d-5d0e-9b57-0f4f0f8f3a11";
    let unknown = place.run(&["explain", "--not", nobody, "--tenant", "fxlabs"]).ended(1);
    assert!(unknown.error().contains("no alert"), "{unknown}");
    place.run(&["explain", nobody, "--not", nobody, "--tenant", "fxlabs"]).ended(64);
    for (from, to) in [("end", "end"), ("start", "start"), ("2024-01-02T15:00:00Z", "2024-01-02T14:00:00Z")] {
        let backwards =
            ["explain", "--not", &alert, "--tenant", "fxlabs", "--from", from, "--to", to, "--json"];
        assert!(place.run(&backwards).ended(64).error().contains("nothing lies between"), "{from} {to}");
    }
    place.run(&["explain", nobody, "--from", "start", "--tenant", "fxlabs"]).ended(64);
}

#[test]
fn a_trigger_is_told_with_its_ticks_the_bars_around_it_and_that_nobody_was_asked_of_its_delivery() {
    let place = three_parts();
    let fired = why_not(&place, "start", "2024-01-02T13:59:00Z");
    let at: Timestamp = fired["answer"]["findings"][0]["first"]["at"].as_str().unwrap().parse().unwrap();
    let cat = ["journal", "cat", "--tenant", "fxlabs", "--topic", "triggers", "--json"];
    let lines = place.run(&cat).ended(0).json();
    let trigger = lines.iter().find(|line| line["type"] == "trigger_fired").unwrap();
    let id = trigger["record"]["id"].as_str().unwrap();
    let told = place.run(&["explain", id, "--tenant", "fxlabs", "--json"]).ended(0).json().remove(0);
    let bars = told["market"]["bars"].as_array().unwrap();
    let closes: Vec<&str> = bars.iter().map(|bar| bar["close_time"].as_str().unwrap()).collect();
    let minutes = |minutes: i64| at.plus(minutes * 60_000_000).to_string();
    assert_eq!(closes, [minutes(-5), minutes(0), minutes(5)], "before, its own, after: {told}");
    // A quote every ten seconds.
    assert_eq!((&told["market"]["count"], &told["market"]["refused"]), (&30.into(), &0.into()), "{told}");
    let last = told["market"]["ticks"][29]["bid"].as_f64();
    assert_eq!(last, bars[1]["close"].as_f64(), "the last tick is the bar's close: {told}");
    assert!(told["delivered"]["not_asked"].is_string(), "{told}");
    let text = place.run(&["explain", id, "--tenant", "fxlabs"]).ended(0).stdout;
    for part in ["was reached from", "bar before", "bar after", "30", "not asked: "] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
}
