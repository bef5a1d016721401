//! Ticks that are corners of bars, and bars of history: judged as rows, and made into no more than they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;

use std::collections::BTreeMap;

use bellwether_engine::{Effect, RefusalReason};
use bellwether_schemas::bars::{BarBlock, HistoryBar};
use bellwether_schemas::readings::{Bar, Reading};
use bellwether_schemas::ticks::{BlockSymbol, Spacing};
use bellwether_schemas::{Entry, Origin, Price, SessionAnchor, Timeframe, Timestamp};
use journal::{Journal, closed, history_bar, minute, refusals, second};
use proptest::prelude::*;

const SYMBOL: &str = "EURUSDm";
const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

/// The four corners of the bar that begins at `open`, then the heartbeat of a file's end.
fn play(journal: &mut Journal, open: Timestamp, spacing: i64, corners: [&str; 4]) -> Vec<Effect> {
    let steps = [0, spacing / 3, spacing * 2 / 3, spacing - 1_000];
    let mut effects = Vec::new();
    for (step, corner) in steps.into_iter().zip(corners) {
        effects.extend(journal.corner(open.plus(step), SYMBOL, corner, spacing));
    }
    effects.extend(journal.heartbeat(open.plus(spacing + 2_000_000)));
    effects
}

fn timeframes(effects: &[Effect]) -> Vec<Timeframe> {
    let timeframe = |effect: &Effect| match effect {
        Effect::Reading(Reading::Bar(bar)) => Some(bar.timeframe),
        _ => None,
    };
    let mut found: Vec<Timeframe> = effects.iter().filter_map(timeframe).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn hourly_bars_make_hours_and_what_is_longer_and_nothing_shorter() {
    let mut journal = Journal::new(&[SYMBOL]);
    for hour in 0..8 * 24 {
        play(&mut journal, minute(hour * 60), HOUR, ["1.10", "1.05", "1.20", "1.15"]);
    }
    use Timeframe::{D1, H1, H4, W1};
    assert_eq!(timeframes(&journal.effects), [H1, H4, D1, W1]);
    let hours = closed(&journal.effects, H1);
    assert_eq!(hours.len(), 8 * 24);
    let Bar { open, high, low, close, ticks, .. } = &hours[5];
    assert_eq!((*open, *high, *low, *close, *ticks), (1.10, 1.20, 1.05, 1.15, 4));
    assert!(journal.effects.iter().all(|effect| !matches!(effect, Effect::Refused(_))));
}

#[test]
fn bars_that_make_no_timeframe_move_time_and_nothing_else() {
    let mut journal = Journal::new(&[SYMBOL]);
    let effects = play(&mut journal, minute(0), 11 * MINUTE, ["1.1", "1.0", "1.2", "1.1"]);
    assert_eq!(effects, []);
    assert_eq!(journal.engine.watermark(), Some(minute(11)));
}

#[test]
fn the_first_version_knew_no_spacing_and_judged_every_tick() {
    let mut journal = Journal::of_version(1, &[SYMBOL]);
    journal.corner(minute(0), SYMBOL, "1.00", 5 * MINUTE);
    let wick = journal.corner(second(10), SYMBOL, "0.75", 5 * MINUTE);
    assert_eq!(refusals(&wick), [RefusalReason::Absurd]);
    assert_eq!(closed(&journal.heartbeat(second(62)), Timeframe::M1).len(), 1);
}

#[test]
fn a_wick_of_a_row_that_was_judged_is_played_whole() {
    let mut journal = Journal::new(&[SYMBOL]);
    play(&mut journal, minute(0), MINUTE, ["1.00", "1.00", "1.00", "1.00"]);
    let effects = play(&mut journal, minute(1), MINUTE, ["1.01", "0.75", "1.03", "1.02"]);
    assert_eq!(refusals(&effects), []);
    let bars = closed(&effects, Timeframe::M1);
    assert_eq!((bars[0].low, bars[0].close, bars[0].ticks), (0.75, 1.02, 4));
}

#[test]
fn a_judged_tick_sets_the_last_price_and_empties_the_run() {
    let mut journal = Journal::new(&[SYMBOL]);
    journal.tick(second(0), SYMBOL, "1.00");
    for tick in 1..=9 {
        assert_eq!(refusals(&journal.tick(second(1), SYMBOL, "2.00")), [RefusalReason::Absurd], "{tick}");
    }
    assert_eq!(refusals(&journal.corner(second(2), SYMBOL, "4.00", MINUTE)), []);
    assert_eq!(refusals(&journal.tick(second(3), SYMBOL, "2.00")), [RefusalReason::Absurd], "against 4.00");
    assert_eq!(refusals(&journal.tick(second(4), SYMBOL, "2.00")), [RefusalReason::Absurd], "not the tenth");
    assert_eq!(refusals(&journal.tick(second(5), SYMBOL, "4.10")), []);
}

fn hour(open: i64, close: i64) -> HistoryBar {
    let (low, high) = (close.min(1_000), close.max(1_000));
    let span = history_bar(SYMBOL, Timeframe::H1, minute(open * 60), minute(open * 60 + 60), close);
    HistoryBar { open: 1_000, low, high, ..span }
}

#[test]
fn history_is_judged_by_its_closes_as_rows_of_a_file_are() {
    let mut journal = Journal::new(&[SYMBOL]);
    let closes = [1_000, 1_200, 1_500, 1_100, 2_000, 2_100, 2_200, 2_300, 1_000];
    let rows: Vec<HistoryBar> = (0..).zip(closes).map(|(open, close)| hour(open, close)).collect();
    let effects = journal.history(rows);
    assert_eq!(refusals(&effects), [RefusalReason::Absurd; 5]);
    let kept: Vec<f64> = closed(&effects, Timeframe::H1).iter().map(|bar| bar.close).collect();
    assert_eq!(kept, [1_000.0, 1_200.0, 1_100.0, 2_300.0]);
}

#[test]
fn behind_a_hole_history_is_believed_and_the_first_version_believes_all() {
    let mut journal = Journal::new(&[SYMBOL]);
    assert_eq!(refusals(&journal.history(vec![hour(0, 1_000), hour(2, 9_000), hour(3, 9_100)])), []);
    let mut first = Journal::of_version(1, &[SYMBOL]);
    assert_eq!(refusals(&first.history(vec![hour(0, 1_000), hour(1, 9_000)])), []);
}

#[test]
fn each_timeframe_of_history_is_judged_by_its_own_rows() {
    let mut journal = Journal::new(&[SYMBOL]);
    let day = history_bar(SYMBOL, Timeframe::M5, minute(60), minute(65), 3_000);
    assert_eq!(refusals(&journal.history(vec![hour(0, 1_000), day])), []);
}

#[test]
fn a_bar_of_history_that_closes_after_it_was_written_is_of_the_future() {
    for (version, expected) in [(2, vec![RefusalReason::Future]), (1, vec![])] {
        let mut journal = Journal::of_version(version, &[SYMBOL]);
        let written = |before: i64| {
            let origin = Origin { appended_at: minute(60).plus(-before), ..journal.origin() };
            Entry::Bars(BarBlock { origin, bars: vec![hour(0, 1_000)] })
        };
        let (early, in_time) = (written(2_000_001), written(2_000_000));
        assert_eq!(refusals(&journal.copy().append(in_time)), []);
        assert_eq!(refusals(&journal.append(early)), expected);
    }
}

/// Quotes and corners of bars of one symbol, mixed: seconds, price and spacing in minutes.
fn mixed() -> impl Strategy<Value = Vec<(i64, i64, Option<i64>)>> {
    let spacing =
        prop::sample::select(vec![None, None, Some(1), Some(5), Some(15), Some(60), Some(120), Some(11)]);
    let tick = (0..5 * 3_600i64, 100..110i64, spacing);
    prop::collection::vec(tick, 1..80).prop_map(|mut ticks| {
        // Minute by minute, in any order within each: nothing is late.
        ticks.sort_by_key(|tick| tick.0 / 60);
        ticks
    })
}

/// The bars of a timeframe by the text: those of all ticks whose bars make it, first and last by time.
fn due(ticks: &[(i64, i64, Option<i64>)], timeframe: Timeframe, until: Timestamp) -> Vec<[f64; 4]> {
    let makes =
        |spacing: Option<i64>| spacing.is_none_or(|minutes| timeframe.nominal() % (minutes * MINUTE) == 0);
    let mut bars: BTreeMap<Timestamp, Vec<(i64, f64)>> = BTreeMap::new();
    for (at, price, _) in ticks.iter().filter(|tick| makes(tick.2)) {
        let span = SessionAnchor::FX.span(timeframe, second(*at));
        if span.close <= until {
            bars.entry(span.open).or_default().push((*at, *price as f64));
        }
    }
    let bar = |mut ticks: Vec<(i64, f64)>| {
        ticks.sort_by_key(|tick| tick.0);
        let prices = || ticks.iter().map(|tick| tick.1);
        let (high, low) = (prices().fold(f64::MIN, f64::max), prices().fold(f64::MAX, f64::min));
        [ticks[0].1, high, low, ticks[ticks.len() - 1].1]
    };
    bars.into_values().map(bar).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_timeframe_is_made_of_the_ticks_that_make_it_however_they_are_mixed(ticks in mixed()) {
        let mut journal = Journal::new(&[SYMBOL]);
        for (at, price, spacing) in &ticks {
            let spacing = spacing.and_then(|minutes| Spacing::new(minutes * MINUTE));
            let symbol = BlockSymbol { spacing, ..BlockSymbol::of_quotes(SYMBOL, 0) };
            let bid = Price { mantissa: *price, scale: 0 };
            let effects = journal.tick_of(symbol, second(*at), bid, *price, second(*at));
            prop_assert_eq!(refusals(&effects), []);
        }
        let until = minute(24 * 60);
        journal.heartbeat(until.plus(2_000_000));
        for timeframe in Timeframe::ALL {
            let found: Vec<[f64; 4]> = closed(&journal.effects, timeframe)
                .iter()
                .map(|bar| [bar.open, bar.high, bar.low, bar.close])
                .collect();
            prop_assert_eq!(found, due(&ticks, timeframe, until), "{:?}", timeframe);
        }
    }
}
