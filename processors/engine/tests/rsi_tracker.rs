//! `rsi_tracker` from records to triggers. RSI 5 of the closes used, by Wilder's formula in a few lines of Python:
//! `1000 990 980 970 960 950` → 0; then `1050` 71.43, `1060` 73.77, `1070` 76.21, `900` 25.62, `890` 24.42,
//! `1090` 65.07. And `1000 1010 1020 1030 1040 1050` → 100; then `1060` 100, `1000` 52.17…, `900` below 30.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;

use bellwether_engine::Effect;
use bellwether_schemas::Timeframe;
use bellwether_schemas::alerts::RsiTracker;
use bellwether_schemas::triggers::AlertState;
use journal::{Journal, alert_id, exact, fired, history_bar, minute, rsi, settings, statuses};

const DOWN: [i64; 6] = [1000, 990, 980, 970, 960, 950];

fn five() -> RsiTracker {
    rsi(Timeframe::M5, 5, 70, 30)
}

fn sides(effects: &[Effect]) -> Vec<(String, i64)> {
    let bar = |open: bellwether_schemas::Timestamp| (open.0 - minute(0).0) / 300_000_000;
    fired(effects).iter().map(|trigger| (trigger.condition.to_string(), bar(trigger.open_time))).collect()
}

fn side(name: &str, bar: i64) -> (String, i64) {
    (name.into(), bar)
}

#[test]
fn it_fires_on_the_transition_and_never_again_while_inside() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, five());
    journal.five_minute_closes("EURUSDm", 0, &DOWN);
    let effects = journal.five_minute_closes("EURUSDm", 6, &[1050, 1060, 1070, 900, 890, 1090]);
    assert_eq!(sides(&effects), [side("overbought", 6), side("oversold", 9)]);
}

/// Closes at which RSI 5 takes these values, one after the other: Wilder's formula solved for the next change.
fn closes_from(mut gain: f64, mut loss: f64, mut close: f64, values: &[f64]) -> Vec<f64> {
    let period = 5.0;
    let mut next = |value: &f64| {
        let ratio = value / (100.0 - value);
        let (calm_gain, calm_loss) = (gain * (period - 1.0) / period, loss * (period - 1.0) / period);
        if calm_gain / calm_loss < ratio {
            (gain, loss) = (calm_loss * ratio, calm_loss);
            close += (gain - calm_gain) * period;
        } else {
            (gain, loss) = (calm_gain, calm_gain / ratio);
            close -= (loss - calm_loss) * period;
        }
        close
    };
    values.iter().map(&mut next).collect()
}

/// From `tests/vectors/indicators.json`: what RSI is at each position, and where it fires.
#[test]
fn rsi_case_65_66_72_73_69_71_29_28_31_30_fires_at_2_5_6_and_9() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/indicators.json");
    let vectors: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let case = &vectors["rsi_tracker"];
    let mut values: Vec<f64> = case["rsi"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    // Prices have nine decimals: the value that touches its line comes as near to it as they allow, from below.
    *values.last_mut().unwrap() -= 1e-6;
    let line = |key: &str| i32::try_from(case[key].as_i64().unwrap()).unwrap();
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, rsi(Timeframe::M5, 5, line("ob"), line("os")));
    // Five changes of one, three up and two down, then one of a half down.
    let warm_up = [1000.0, 1001.0, 1000.0, 1001.0, 1000.0, 1001.0, 1000.5];
    let mut play = |(bar, close): (i64, f64)| journal.five_minutes(bar, &[("EURUSDm", exact(close))]);
    for (bar, close) in (0..).zip(warm_up) {
        play((bar, close));
    }
    let (gain, loss) = (0.6 * 0.8, 0.4 * 0.8 + 0.5 / 5.0);
    let effects: Vec<Effect> = (7..).zip(closes_from(gain, loss, 1000.5, &values)).flat_map(play).collect();
    let expected: Vec<(String, i64)> = case["triggers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(position, condition)| side(condition.as_str().unwrap(), 7 + position.parse::<i64>().unwrap()))
        .collect();
    assert_eq!(sides(&effects), expected);
    for (trigger, position) in fired(&effects).iter().zip([2, 5, 6, 9]) {
        let (value, before) = (trigger.value.unwrap(), trigger.previous.unwrap());
        assert!((value - values[position]).abs() < 1e-5 && (before - values[position - 1]).abs() < 1e-5);
    }
}

#[test]
fn touching_a_line_counts_as_reaching_it() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, rsi(Timeframe::M5, 5, 80, 20));
    // First averages: gains 0, losses 5/5. Then one gain of 16: 16/5 against 4/5 is exactly 80.
    let effects = journal.five_minute_closes("EURUSDm", 0, &[1005, 1004, 1003, 1002, 1001, 1000, 1016]);
    assert_eq!(fired(&effects).iter().map(|trigger| trigger.value.unwrap()).collect::<Vec<_>>(), [80.0]);
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, rsi(Timeframe::M5, 5, 80, 20));
    let effects = journal.five_minute_closes("EURUSDm", 0, &[1000, 1001, 1002, 1003, 1004, 1005, 989]);
    assert_eq!(fired(&effects).iter().map(|trigger| trigger.value.unwrap()).collect::<Vec<_>>(), [20.0]);
}

#[test]
fn a_trigger_explains_itself() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 3, five());
    journal.five_minute_closes("EURUSDm", 0, &DOWN);
    let trigger = fired(&journal.five_minute_closes("EURUSDm", 6, &[1050])).remove(0);
    assert_eq!(trigger.alert_id, alert_id(1));
    assert_eq!(trigger.alert_version, 3);
    assert_eq!(trigger.symbol.as_ref().unwrap().as_str(), "EURUSDm");
    assert_eq!((trigger.open_time, trigger.close_time), (minute(30), minute(35)));
    assert!((trigger.value.unwrap() - 71.428_571_428_571_43).abs() < 1e-9);
    assert_eq!((trigger.previous, trigger.threshold, trigger.price), (Some(0.0), Some(70.0), Some(1050.0)));
    let sentence = "RSI 5 on 5M went from 0.0 to 71.4, at or above your 70";
    let detail = format!(r#"{{"rsi_period":5,"overbought":70,"oversold":30,"text":"{sentence}"}}"#);
    assert_eq!(trigger.detail.as_str(), detail);
    assert_eq!((trigger.group.index, trigger.group.size), (0, 1));
}

#[test]
fn inside_at_the_baseline_it_fires_only_after_leaving_and_entering_again() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.five_minute_closes("EURUSDm", 0, &DOWN);
    journal.alert(1, 1, five());
    // The first evaluation after the alert is already overbought: it only records where things stand.
    let effects = journal.five_minute_closes("EURUSDm", 6, &[1050, 1060, 900, 880]);
    assert_eq!(sides(&effects), [side("oversold", 8)]);
}

#[test]
fn an_edit_begins_with_a_fresh_baseline() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, five());
    journal.five_minute_closes("EURUSDm", 0, &DOWN);
    journal.alert(1, 2, rsi(Timeframe::M5, 5, 71, 30));
    assert_eq!(sides(&journal.five_minute_closes("EURUSDm", 6, &[1050])), []);
}

#[test]
fn an_old_version_changes_nothing() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 2, five());
    journal.five_minute_closes("EURUSDm", 0, &DOWN);
    for version in [1, 2] {
        assert_eq!(journal.change(1, version, five(), false, true), [], "version {version}");
    }
    assert_eq!(sides(&journal.five_minute_closes("EURUSDm", 6, &[1050])), [side("overbought", 6)]);
}

#[test]
fn switched_off_or_deleted_it_is_silent() {
    for deleted in [false, true] {
        let mut journal = Journal::new(&["EURUSDm"]);
        journal.alert(1, 1, five());
        journal.five_minute_closes("EURUSDm", 0, &DOWN);
        journal.change(1, 2, five(), false, deleted);
        assert_eq!(sides(&journal.five_minute_closes("EURUSDm", 6, &[1050])), []);
    }
}

#[test]
fn a_bad_edit_is_refused_with_its_reason_and_the_version_before_stays() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, five());
    journal.five_minute_closes("EURUSDm", 0, &DOWN);
    let status = statuses(&journal.alert(1, 2, rsi(Timeframe::M5, 51, 70, 30))).remove(0);
    assert_eq!(status.state, AlertState::Refused);
    assert_eq!(status.reason.as_deref(), Some("rsi_period is 51, it must be from 5 to 50"));
    let fired = fired(&journal.five_minute_closes("EURUSDm", 6, &[1050]));
    assert_eq!(fired[0].alert_version, 1);
}

#[test]
fn over_the_cap_an_alert_is_refused_with_the_cap_named() {
    let mut journal = Journal::new(&[]);
    let one = bellwether_schemas::settings::Settings { max_alerts: 1, ..settings(&["EURUSDm"]) };
    journal.settings(2, one);
    journal.alert(1, 1, five());
    let status = statuses(&journal.alert(2, 1, five())).remove(0);
    assert_eq!(status.reason.as_deref(), Some("no more alerts can be taken: all 1 places are in use"));
    assert_eq!(
        statuses(&journal.alert(1, 2, five()))[0].state,
        AlertState::Warming,
        "an edit is not one more"
    );
}

#[test]
fn an_alert_is_warming_until_its_first_value() {
    let mut journal = Journal::new(&["EURUSDm"]);
    assert_eq!(statuses(&journal.alert(1, 1, five()))[0].state, AlertState::Warming);
    let effects = journal.five_minute_closes("EURUSDm", 0, &DOWN);
    let states: Vec<_> = statuses(&effects).iter().map(|status| (status.state, status.since)).collect();
    assert_eq!(states, [(AlertState::Active, Some(minute(30)))]);
    assert_eq!(statuses(&journal.alert(2, 1, five()))[0].state, AlertState::Active);
}

#[test]
fn a_stored_1m_is_read_as_5m() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, rsi(Timeframe::M1, 5, 70, 30));
    journal.five_minute_closes("EURUSDm", 0, &DOWN);
    let trigger = fired(&journal.five_minute_closes("EURUSDm", 6, &[1050])).remove(0);
    assert_eq!(trigger.timeframe, Some(Timeframe::M5));
}

#[test]
fn all_symbols_of_one_instant_are_one_group_in_the_tenants_order() {
    let mut journal = Journal::new(&["GBPUSDm", "EURUSDm"]);
    journal.alert(2, 1, five());
    journal.alert(1, 1, five());
    let closes = [&DOWN[..], &[1050]].concat();
    let before = journal.effects.len();
    for (bar, close) in (0..).zip(closes) {
        journal.tick(minute(bar * 5), "EURUSDm", &close.to_string());
        journal.tick(minute(bar * 5), "GBPUSDm", &close.to_string());
        journal.heartbeat(minute(bar * 5 + 5).plus(2_000_000));
    }
    let fired = fired(&journal.effects[before..]);
    let found: Vec<_> = fired
        .iter()
        .map(|t| {
            (t.symbol.as_ref().unwrap().as_str(), t.alert_id, t.group.index, t.group.size, t.cause.index)
        })
        .collect();
    // Symbols in the settings' order, then alerts by the offset of their first record.
    assert_eq!(
        found,
        [
            ("GBPUSDm", alert_id(2), 0, 2, 0),
            ("GBPUSDm", alert_id(1), 0, 2, 1),
            ("EURUSDm", alert_id(2), 1, 2, 2),
            ("EURUSDm", alert_id(1), 1, 2, 3),
        ]
    );
    assert_eq!(fired[0].group.id, fired[2].group.id);
    assert_ne!(fired[0].group.id, fired[1].group.id);
    assert_eq!(
        fired[0].cause.offset,
        journal.entries.len() as i64 - 1,
        "the record whose time closed the bar"
    );
}

#[test]
fn all_that_one_record_brings_has_a_place_of_its_own() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, five());
    journal.five_minute_closes("EURUSDm", 0, &DOWN);
    journal.alert(2, 1, rsi(Timeframe::M5, 7, 70, 30));
    journal.tick(minute(30), "EURUSDm", "1050");
    journal.tick(minute(35), "EURUSDm", "850");
    // Two instants: a trigger, then the second alert's first value and another trigger.
    let effects = journal.heartbeat(minute(40).plus(2_000_000));
    assert_eq!(sides(&effects), [side("overbought", 6), side("oversold", 7)]);
    let places = effects.iter().filter_map(|effect| match effect {
        Effect::Outcome(outcome) => Some(outcome.cause().index),
        _ => None,
    });
    assert_eq!(places.collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn a_stale_bar_moves_state_and_fires_nothing() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, five());
    journal.five_minute_closes("EURUSDm", 0, &DOWN);
    journal.tick(minute(30), "EURUSDm", "1050");
    // Closed at minute 35; 10 minutes and a microsecond later it is stale, at exactly 10 it is not.
    let late = journal.heartbeat(minute(45).plus(2_000_001));
    assert_eq!(sides(&late), []);
    let effects = journal.five_minute_closes("EURUSDm", 9, &[1060, 900]);
    assert_eq!(sides(&effects), [side("oversold", 10)], "state moved while nothing fired");

    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, five());
    journal.five_minute_closes("EURUSDm", 0, &DOWN);
    journal.tick(minute(30), "EURUSDm", "1050");
    assert_eq!(sides(&journal.heartbeat(minute(45).plus(2_000_000))), [side("overbought", 6)]);
}

#[test]
fn history_warms_and_never_fires() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, five());
    let closes = [&DOWN[..], &[1050]].concat();
    let bars = (0..)
        .zip(closes)
        .map(|(bar, close)| {
            history_bar("EURUSDm", Timeframe::M1, minute(bar * 5), minute(bar * 5 + 1), close)
        })
        .collect();
    let effects = journal.history(bars);
    assert_eq!(sides(&effects), []);
    // Closes the bar that rises over the line, of history too.
    assert_eq!(sides(&journal.heartbeat(minute(35).plus(2_000_000))), []);
    let effects = journal.five_minute_closes("EURUSDm", 7, &[850]);
    assert_eq!(sides(&effects), [side("oversold", 7)], "warmed by history, the next live bar fires");
}
