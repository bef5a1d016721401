//! Bars, watermark, refusals, history and settings from records to effects.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;

use bellwether_engine::{Effect, RefusalReason};
use bellwether_schemas::alerts::PriceAlert;
use bellwether_schemas::bars::HistoryBar;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::{Price, SessionAnchor, Timeframe};
use journal::{Journal, closed, fired, history_bar, minute, refusals, second, settings};

#[test]
fn a_bar_closes_when_the_watermark_reaches_its_end_and_not_before() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.tick(second(0), "EURUSDm", "10");
    journal.tick(second(59), "EURUSDm", "12");
    assert_eq!(closed(&journal.heartbeat(second(61)), Timeframe::M1), []);
    let bars = closed(&journal.heartbeat(second(62)), Timeframe::M1);
    assert_eq!(
        (bars[0].open, bars[0].high, bars[0].low, bars[0].close, bars[0].ticks),
        (10.0, 12.0, 10.0, 12.0, 2)
    );
    assert_eq!((bars[0].open_time, bars[0].close_time), (second(0), second(60)));
}

#[test]
fn a_tick_within_lateness_still_joins_its_minute_and_after_it_is_late() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.tick(second(10), "EURUSDm", "10");
    journal.tick(second(61), "EURUSDm", "11");
    journal.tick(second(58), "EURUSDm", "12");
    let bars = closed(&journal.tick(second(62), "EURUSDm", "11"), Timeframe::M1);
    assert_eq!((bars[0].close, bars[0].ticks), (12.0, 2));
    assert_eq!(refusals(&journal.tick(second(59), "EURUSDm", "99")), [RefusalReason::Late]);
}

#[test]
fn longer_bars_are_made_of_their_minutes_and_close_without_a_tick_in_the_last_one() {
    let mut journal = Journal::new(&["EURUSDm"]);
    for (at, bid) in [(0, "100"), (60, "113"), (120, "99"), (121, "101")] {
        journal.tick(second(at), "EURUSDm", bid);
    }
    let bars = closed(&journal.heartbeat(minute(5).plus(2_000_000)), Timeframe::M5);
    assert_eq!(
        (bars[0].open, bars[0].high, bars[0].low, bars[0].close, bars[0].ticks),
        (100.0, 113.0, 99.0, 101.0, 4)
    );
}

#[test]
fn every_timeframe_closes_at_its_end() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.tick(second(0), "EURUSDm", "10");
    let effects = journal.heartbeat(minute(8 * 24 * 60));
    for timeframe in Timeframe::ALL {
        let bars = closed(&effects, timeframe);
        assert_eq!(bars.len(), 1, "{timeframe}");
        let span = SessionAnchor::FX.span(timeframe, second(0));
        assert_eq!((bars[0].open_time, bars[0].close_time), (span.open, span.close), "{timeframe}");
    }
    assert_eq!(closed(&effects, Timeframe::H4)[0].open_time, minute(-120), "22:00 UTC is 17:00 in New York");
}

#[test]
fn instants_are_taken_in_order_of_time_and_symbols_in_the_tenants() {
    let mut journal = Journal::new(&["GBPUSDm", "EURUSDm"]);
    for at in [0, 60] {
        journal.tick(second(at), "EURUSDm", "10");
        journal.tick(second(at), "GBPUSDm", "20");
    }
    let bars = closed(&journal.heartbeat(minute(3)), Timeframe::M1);
    // The heartbeat passes both instants: 00:01 first, and at each GBP before EUR.
    let order: Vec<_> = bars.iter().map(|bar| (bar.close_time, bar.symbol.as_str())).collect();
    assert_eq!(
        order,
        [(minute(1), "GBPUSDm"), (minute(1), "EURUSDm"), (minute(2), "GBPUSDm"), (minute(2), "EURUSDm"),]
    );
}

#[test]
fn refusals_are_checked_in_their_order() {
    let mut journal = Journal::new(&["EURUSDm"]);
    let price = |text: &str| Price::parse(text).unwrap();
    let mut refuse = |ts, symbol: &str, bid: &str, ask: i64, received| {
        refusals(&journal.quote(ts, symbol, price(bid), ask, received))
    };
    assert_eq!(refuse(second(0), "EURUSDm", "10", 9, second(0)), [RefusalReason::Malformed]);
    assert_eq!(refuse(second(0), "EURUSDm", "0", 9, second(0)), [RefusalReason::Malformed]);
    assert_eq!(
        refuse(second(0), "NOPE", "10", 9, second(0)),
        [RefusalReason::Malformed],
        "before the symbol"
    );
    assert_eq!(
        refuse(second(9), "NOPE", "10", 11, second(0)),
        [RefusalReason::UnknownSymbol],
        "before future"
    );
    assert_eq!(refuse(second(3), "EURUSDm", "10", 11, second(0)), [RefusalReason::Future]);
    assert_eq!(refuse(second(2), "EURUSDm", "10", 11, second(0)), [], "two seconds ahead are allowed");
    assert_eq!(refuse(second(3), "EURUSDm", "100", 101, second(3)), [RefusalReason::Absurd]);
}

#[test]
fn a_future_tick_moves_no_watermark() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.tick(second(0), "EURUSDm", "10");
    let ten_years = minute(10 * 365 * 24 * 60);
    let price = Price::parse("10").unwrap();
    let effects = journal.quote(ten_years, "EURUSDm", price, 11, second(1));
    assert_eq!(refusals(&effects), [RefusalReason::Future]);
    assert_eq!(closed(&effects, Timeframe::M1), []);
}

#[test]
fn a_repeated_record_is_refused_as_duplicate_and_changes_no_bar() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.tick(second(0), "EURUSDm", "10");
    let again = journal.entries.last().unwrap().clone();
    assert_eq!(refusals(&journal.append(again)), [RefusalReason::Duplicate]);
    let bars = closed(&journal.heartbeat(minute(2)), Timeframe::M1);
    assert_eq!(bars[0].ticks, 1);
}

#[test]
fn a_heartbeat_ahead_of_its_append_is_refused_unless_its_clock_is_played() {
    let mut journal = Journal::new(&["EURUSDm"]);
    let mut beat = bellwether_schemas::journal::Heartbeat { origin: journal.origin(), ts: second(3) };
    beat.origin.played = false;
    let effects = journal.append(bellwether_schemas::Entry::Heartbeat(beat.clone()));
    assert_eq!(refusals(&effects), [RefusalReason::Future]);
    beat.origin.played = true;
    assert_eq!(journal.append(bellwether_schemas::Entry::Heartbeat(beat)), []);
}

#[test]
fn history_of_one_close_time_shares_an_instant_and_a_bar_that_exists_is_refused() {
    let mut journal = Journal::new(&["EURUSDm", "GBPUSDm"]);
    let bar = |symbol: &str, at: i64| history_bar(symbol, Timeframe::M1, minute(at), minute(at + 1), 10);
    let effects = journal.history(vec![bar("EURUSDm", 4), bar("GBPUSDm", 4)]);
    assert_eq!(refusals(&effects), []);
    assert_eq!(closed(&effects, Timeframe::M5).len(), 2, "both minutes are in before 00:05 closes");
    assert_eq!(refusals(&journal.history(vec![bar("EURUSDm", 4)])), [RefusalReason::Late]);
    let hour = |open: i64| history_bar("EURUSDm", Timeframe::H1, minute(open), minute(open + 60), 10);
    assert_eq!(
        refusals(&journal.history(vec![hour(0)])),
        [RefusalReason::BarExists],
        "its minutes are filling it"
    );
    assert_eq!(refusals(&journal.history(vec![hour(-60)])), [RefusalReason::BarExists]);
}

#[test]
fn deep_history_of_a_long_timeframe_stands_before_the_minutes() {
    let mut journal = Journal::new(&["EURUSDm"]);
    let hour = |open: i64| history_bar("EURUSDm", Timeframe::H1, minute(open), minute(open + 60), 10);
    let effects = journal.history(vec![hour(-120), hour(-60)]);
    assert_eq!(closed(&effects, Timeframe::H1).len(), 2);
    assert_eq!(closed(&effects, Timeframe::M5).len(), 0);
    let minute_bar = history_bar("EURUSDm", Timeframe::M1, minute(0), minute(1), 10);
    assert_eq!(refusals(&journal.history(vec![minute_bar])), []);
}

fn close_above(level: f64, timeframe: Timeframe) -> PriceAlert {
    let (symbol, fires) = ("EUR/USD".into(), "every".into());
    PriceAlert { symbol, above: Some(level), fires, on_close: Some(timeframe), ..PriceAlert::default() }
}

fn minute_of_the_past(at: i64) -> HistoryBar {
    history_bar("EURUSDm", Timeframe::M1, minute(at), minute(at + 1), 10)
}

#[test]
fn a_bar_of_both_history_and_ticks_is_live() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.alert(1, 1, close_above(10.5, Timeframe::M5));
    journal.history(vec![minute_of_the_past(0), minute_of_the_past(5)]);
    journal.tick(minute(6), "EURUSDm", "11");
    let effects = journal.heartbeat(minute(11));
    let bars = closed(&effects, Timeframe::M5);
    assert_eq!((bars[0].open, bars[0].close), (10.0, 11.0));
    assert_eq!(fired(&effects).len(), 1);
}

#[test]
fn a_tick_makes_a_minute_live_that_was_given_as_history_before_it_was_over() {
    let mut journal = Journal::new(&["EURUSDm"]);
    let patient = Settings { source_idle: 600_000_000, ..settings(&["EURUSDm"]) };
    journal.settings(2, patient);
    journal.alert(1, 1, close_above(10.5, Timeframe::M1));
    journal.history(vec![minute_of_the_past(0)]);
    journal.tick(second(60), "EURUSDm", "10");
    let early = history_bar("EURUSDm", Timeframe::M1, minute(2), minute(3), 11);
    assert_eq!(refusals(&journal.history(vec![early])), []);
    journal.tick(second(150), "EURUSDm", "11");
    assert_eq!(fired(&journal.heartbeat(minute(4))).len(), 1);
}

#[test]
fn a_symbol_that_stays_keeps_its_bars_and_one_that_returns_is_cold() {
    let mut journal = Journal::new(&["EURUSDm", "GBPUSDm"]);
    journal.tick(second(0), "EURUSDm", "10");
    journal.tick(second(0), "GBPUSDm", "20");
    journal.settings(2, settings(&["GBPUSDm"]));
    assert_eq!(refusals(&journal.tick(second(1), "EURUSDm", "10")), [RefusalReason::UnknownSymbol]);
    journal.settings(3, settings(&["EURUSDm", "GBPUSDm"]));
    let bars = closed(&journal.heartbeat(minute(2)), Timeframe::M1);
    assert_eq!(bars.iter().map(|bar| bar.symbol.as_str()).collect::<Vec<_>>(), ["GBPUSDm"]);
}

#[test]
fn an_equal_revision_changes_nothing() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.settings(1, settings(&["GBPUSDm"]));
    assert_eq!(refusals(&journal.tick(second(1), "EURUSDm", "10")), []);
}

#[test]
fn a_new_anchor_restarts_the_bars_that_hang_on_it() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.tick(second(0), "EURUSDm", "10");
    journal.heartbeat(minute(2));
    journal.settings(2, Settings { session_anchor: SessionAnchor::UTC, ..settings(&["EURUSDm"]) });
    let effects = journal.heartbeat(minute(8 * 24 * 60));
    assert_eq!(closed(&effects, Timeframe::D1), []);
    assert_eq!(closed(&effects, Timeframe::H1).len(), 1);
}

#[test]
fn a_newer_engine_in_the_settings_stops_the_tenant() {
    let mut journal = Journal::new(&["EURUSDm"]);
    let origin = journal.origin();
    let effects =
        journal.append(bellwether_schemas::Entry::Settings(bellwether_schemas::settings::SettingsChanged {
            origin,
            revision: 2,
            engine_version: bellwether_engine::ENGINE_VERSION + 1,
            settings: settings(&["EURUSDm"]),
        }));
    assert!(matches!(&effects[..], [Effect::Halt(reason)] if reason.contains("upgrade me")));
    assert_eq!(journal.tick(second(1), "EURUSDm", "10"), [], "nothing is folded after it");
}

#[test]
fn the_slower_source_holds_the_bars_open() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.tick(second(55), "EURUSDm", "10");
    journal.source = "other".into();
    journal.tick(second(56), "EURUSDm", "11");
    assert_eq!(closed(&journal.heartbeat(second(64)), Timeframe::M1), [], "`feed` still counts");
    let bars = closed(&journal.heartbeat(second(66)), Timeframe::M1);
    assert_eq!(bars.len(), 1, "`feed` is more than ten seconds behind");
}

#[test]
fn history_takes_no_place_of_a_bar_that_is_still_open() {
    let mut journal = Journal::new(&["EURUSDm"]);
    for at in [10, 70, 298] {
        journal.tick(second(at), "EURUSDm", "10");
    }
    let ahead = history_bar("EURUSDm", Timeframe::M5, minute(5), minute(10), 99);
    let effects = journal.history(vec![ahead]);
    assert_eq!(refusals(&effects), [RefusalReason::BarExists]);
    let bars = closed(&effects, Timeframe::M5);
    assert_eq!(bars.iter().map(|bar| (bar.open_time, bar.ticks)).collect::<Vec<_>>(), [(minute(0), 3)]);
}

#[test]
fn a_minute_before_a_bar_of_history_stays_out_of_it() {
    let mut journal = Journal::new(&["EURUSDm", "GBPUSDm"]);
    journal.tick(second(298), "GBPUSDm", "10");
    let before = journal.effects.len();
    journal.history(vec![history_bar("EURUSDm", Timeframe::M5, minute(5), minute(10), 99)]);
    let bars = closed(&journal.effects[before..], Timeframe::M5);
    assert_eq!(bars.last().map(|bar| (bar.open, bar.ticks)), Some((99.0, 1)));
}

#[test]
fn a_bar_of_history_that_cannot_be_moves_no_time() {
    let mut journal = Journal::new(&["EURUSDm"]);
    journal.tick(second(0), "EURUSDm", "10");
    let far = minute(1_000_000);
    let mut upside_down = history_bar("EURUSDm", Timeframe::M1, far, far.plus(60_000_000), 10);
    upside_down.low = 11;
    let not_a_span = history_bar("EURUSDm", Timeframe::M1, far.plus(1), far.plus(60_000_001), 10);
    let unknown = history_bar("NOSUCH", Timeframe::M1, far, far.plus(60_000_000), 10);
    let refused = refusals(&journal.history(vec![upside_down, not_a_span, unknown]));
    let expected = [RefusalReason::Malformed, RefusalReason::Malformed, RefusalReason::UnknownSymbol];
    assert_eq!(refused, expected);
    assert_eq!(refusals(&journal.tick(second(1), "EURUSDm", "10")), []);
}
