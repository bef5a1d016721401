//! `heatmap_indicator_tracker` from records to triggers. The turns themselves are held in `indicators.rs` and by the
//! reference; here it is which of them an alert is told of.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_possible_truncation)]

mod generated;
mod journal;

use bellwether_engine::Effect;
use bellwether_engine::Version;
use bellwether_engine::heatmap::{CellName, Turn};
use bellwether_engine::indicators::{Indicators, Ohlc};
use bellwether_schemas::alerts::HeatmapIndicatorTracker;
use bellwether_schemas::readings::Signal;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::AlertState;
use bellwether_schemas::{Price, Timeframe};
use generated::{Shape, points};
use journal::{Journal, fired, history_bar, minute, statuses};

const EUR: &str = "EURUSDm";

fn tracker(indicator: &str) -> HeatmapIndicatorTracker {
    HeatmapIndicatorTracker {
        pairs: vec!["EURUSD".into()],
        timeframe: Timeframe::M5,
        indicator: indicator.into(),
    }
}

/// Bar and signal of every trigger.
fn turns(effects: &[Effect]) -> Vec<(i64, String)> {
    let of = |trigger: &bellwether_schemas::triggers::TriggerFired| {
        (trigger.open_time.since(minute(0)) / (5 * MINUTE), trigger.condition.to_string())
    };
    fired(effects).iter().map(of).collect()
}

fn turn(bar: i64, signal: &str) -> (i64, String) {
    (bar, signal.into())
}

/// Closes of a generated walk, in whole points; a bar has one tick.
fn walk(bars: usize) -> Vec<i64> {
    points(Shape { seed: 5, drift: 0, steps: 401, wick: 40, size: 1, calm_from: usize::MAX }, bars)
        .into_iter()
        .map(|[_, _, _, close]| close)
        .collect()
}

/// What the cell says at each bar of such closes; none where it is missing.
fn said(cell: CellName, closes: &[i64]) -> Vec<Option<Turn>> {
    let mut indicators = Indicators::default();
    let mut next = |points: &i64| {
        let price = *points as f64;
        indicators.update(&Ohlc { open: price, high: price, low: price, close: price }, Version::NEWEST);
        indicators.turn(cell)
    };
    closes.iter().map(&mut next).collect()
}

/// The rule, in a few lines: the first bar that says anything is the baseline and stores its own.
fn expected(said: &[Option<Turn>], alert_from: usize) -> Vec<(i64, String)> {
    let mut last = None;
    let mut found = Vec::new();
    for (bar, turn) in said.iter().enumerate().skip(alert_from) {
        let Some(turn) = turn else { continue };
        let baseline = last.is_none();
        let before = last.unwrap_or(Signal::Neutral);
        last = Some(if turn.signal == Signal::Neutral { before } else { turn.signal });
        if !baseline && turn.signal != Signal::Neutral && turn.signal != before {
            found.push((bar as i64, turn.signal.name().to_string()));
        }
    }
    found
}

#[test]
fn every_indicator_fires_at_each_change_of_its_signal_and_at_no_other_bar() {
    let closes = walk(700);
    for cell in CellName::ALL {
        let said = said(cell, &closes);
        for alert_from in [0, 300, 450] {
            let mut journal = Journal::new(&[EUR]);
            journal.five_minute_closes(EUR, 0, &closes[..alert_from]);
            journal.alert(1, 1, tracker(cell.name()));
            let effects = journal.five_minute_closes(EUR, alert_from as i64, &closes[alert_from..]);
            let expected = expected(&said, alert_from);
            assert_eq!(turns(&effects), expected, "{} from bar {alert_from}", cell.name());
            assert!(alert_from > 0 || expected.len() > 3, "{}: {expected:?}", cell.name());
        }
    }
}

/// Twenty-one equal closes, then one above the average and so on.
fn flat_then(closes: &[i64]) -> Vec<i64> {
    [&[1000; 22][..], closes].concat()
}

#[test]
fn the_same_signal_twice_fires_once_even_with_neutral_bars_between() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, tracker("ema21"));
    // Up over the average, back onto nothing new, a touch, up again: UP, then down.
    let effects = journal.five_minute_closes(EUR, 0, &flat_then(&[1100, 1100, 1100, 900, 900, 1100]));
    assert_eq!(turns(&effects), [turn(22, "buy"), turn(25, "sell"), turn(27, "buy")]);
    // After an edit the alert has seen no turn: its first bar is neutral, and the next cross fires though the
    // last one before the edit was the same.
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, tracker("EMA21"));
    journal.five_minute_closes(EUR, 0, &flat_then(&[1100, 900, 1100, 1100]));
    journal.alert(1, 2, tracker("EMA21"));
    let effects = journal.five_minute_closes(EUR, 26, &[1100, 900, 900, 1100]);
    assert_eq!(turns(&effects), [turn(27, "sell"), turn(29, "buy")]);
}

#[test]
fn the_first_bar_of_the_cell_is_the_baseline_and_stores_its_own_signal() {
    // EMA21 exists from the 21st bar; Ichimoku's signal is there with its first cell, from bar 78.
    let rising: Vec<i64> = (0..90).map(|bar| 1000 + bar * 10).collect();
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, tracker("ichimoku_clone"));
    let effects = journal.five_minute_closes(EUR, 0, &rising);
    assert_eq!(turns(&effects), [], "buy at the baseline, and buy ever since");
    let states: Vec<_> = statuses(&effects).iter().map(|status| (status.state, status.since)).collect();
    assert_eq!(states, [(AlertState::Active, Some(minute(78 * 5)))]);
    assert_eq!(turns(&journal.five_minute_closes(EUR, 90, &[100])), [turn(90, "sell")]);
}

#[test]
fn a_trigger_explains_itself_by_indicator() {
    let closes = walk(700);
    let mut journal = Journal::new(&[EUR]);
    for (number, cell) in (1..).zip(CellName::ALL) {
        journal.alert(number, 1, tracker(cell.name()));
    }
    let all = fired(&journal.five_minute_closes(EUR, 0, &closes));
    let close = |bar: usize| Some(closes[bar] as f64);
    for trigger in &all {
        let bar = (trigger.open_time.since(minute(0)) / (5 * MINUTE)) as usize;
        let detail: serde_json::Value = serde_json::from_str(trigger.detail.as_str()).unwrap();
        assert_eq!(trigger.price, close(bar));
        assert_eq!(detail["signal"], trigger.condition.name());
        let (value, before) = (trigger.value.unwrap(), trigger.previous.unwrap());
        let up = trigger.condition.name() == "buy";
        match detail["indicator"].as_str().unwrap() {
            "ICHIMOKU" => assert_eq!((trigger.value, trigger.threshold), (close(bar), None)),
            "RSI" => {
                assert!(trigger.threshold == Some(50.0) && (value > 50.0) == up && (before > 50.0) != up)
            }
            "MACD" => assert!((value > trigger.threshold.unwrap()) == up && (value > 0.0) == up),
            _ => {
                assert_eq!((trigger.value, trigger.previous), (close(bar), close(bar - 1)));
                assert_eq!(value > trigger.threshold.unwrap(), up, "{trigger:?}");
            }
        }
    }
    let names: std::collections::BTreeSet<_> = all.iter().map(|trigger| trigger.alert_id).collect();
    assert_eq!(names.len(), CellName::ALL.len());
}

#[test]
fn a_stale_turn_moves_state_and_fires_nothing() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, tracker("EMA21"));
    journal.five_minute_closes(EUR, 0, &flat_then(&[]));
    journal.tick(minute(22 * 5), EUR, "1100");
    assert_eq!(turns(&journal.heartbeat(minute(23 * 5 + 10).plus(2_000_001))), []);
    let effects = journal.five_minute_closes(EUR, 26, &[1000, 900, 900, 1200]);
    assert_eq!(turns(&effects), [turn(26, "sell"), turn(29, "buy")], "the buy is known: a sell is a change");
    // The other way round: what was stale is not fired later.
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, tracker("EMA21"));
    journal.five_minute_closes(EUR, 0, &flat_then(&[]));
    journal.tick(minute(22 * 5), EUR, "1100");
    assert_eq!(turns(&journal.heartbeat(minute(23 * 5 + 10).plus(2_000_000))), [turn(22, "buy")]);
}

/// The sell that nobody was told of lies between two buys: the second is a change.
#[test]
fn after_a_stale_sell_a_second_buy_is_a_change() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, tracker("EMA21"));
    let effects = journal.five_minute_closes(EUR, 0, &flat_then(&[1100]));
    assert_eq!(turns(&effects), [turn(22, "buy")]);
    journal.tick(minute(23 * 5), EUR, "900");
    assert_eq!(turns(&journal.heartbeat(minute(24 * 5 + 10).plus(2_000_001))), []);
    assert_eq!(turns(&journal.five_minute_closes(EUR, 27, &[1100])), [turn(27, "buy")]);
}

#[test]
fn history_moves_state_and_fires_nothing() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, tracker("EMA21"));
    let bars = (0..).zip(flat_then(&[1100, 900, 1050]));
    let bars = bars
        .map(|(bar, price)| history_bar(EUR, Timeframe::M5, minute(bar * 5), minute(bar * 5 + 5), price))
        .collect();
    assert_eq!(turns(&journal.history(bars)), []);
    let effects = journal.five_minute_closes(EUR, 25, &[1100, 900, 1100]);
    assert_eq!(turns(&effects), [turn(26, "sell"), turn(27, "buy")]);
}

#[test]
fn symbols_of_one_instant_stand_in_the_tenants_order_and_an_unknown_one_is_left_out() {
    let mut journal = Journal::new(&["GBPUSDm", EUR]);
    let pairs = vec!["eurusd".into(), "NOTHING".into(), "GBP/USD".into()];
    let status =
        statuses(&journal.alert(1, 1, HeatmapIndicatorTracker { pairs, ..tracker("EMA21") })).remove(0);
    assert_eq!(status.state, AlertState::Warming);
    assert_eq!(status.reason.as_deref(), Some(r#"left out, as it is not watched here: "NOTHING""#));
    let mut effects = Vec::new();
    for (bar, close) in (0..).zip(flat_then(&[1100])) {
        let bid = Price { mantissa: close, scale: 0 };
        effects.extend(journal.five_minutes(bar, &[(EUR, bid), ("GBPUSDm", bid)]));
    }
    let names: Vec<_> = fired(&effects)
        .iter()
        .map(|t| (t.symbol.clone().unwrap().as_str().to_string(), t.group.size))
        .collect();
    assert_eq!(names, [("GBPUSDm".to_string(), 2), (EUR.to_string(), 2)]);
}

#[test]
fn an_unknown_indicator_is_refused_with_the_names_there_are() {
    let status = statuses(&Journal::new(&[EUR]).alert(1, 1, tracker("EMA20"))).remove(0);
    let known = "EMA21, EMA50, EMA200, MACD, RSI, UTBOT, ICHIMOKU";
    let reason = format!(r#"indicator is "EMA20", it must be one of {known}"#);
    assert_eq!((status.state, status.reason), (AlertState::Refused, Some(reason)));
}
