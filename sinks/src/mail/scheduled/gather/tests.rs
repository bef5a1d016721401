use std::borrow::Cow;

use bellwether_schemas::readings::{Cells, Correlation, Heatmap, Indicators, Trending};
use bellwether_schemas::time::HOUR;

use super::*;
use crate::mail::samples;

/// Wednesday, 09:00 in Kolkata.
const WEDNESDAY: &str = "2026-03-04T03:30:00Z";
/// Saturday, 09:00 in Kolkata: foreign exchange closed five and a half hours ago.
const SATURDAY: &str = "2026-03-07T03:30:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

fn heatmap(of: &str, buy_percent: f64, close_time: Timestamp) -> Reading {
    let label = match buy_percent {
        buy if buy >= 62.5 => "buy",
        sell if sell <= 37.5 => "sell",
        _ => "wait",
    };
    Reading::Heatmap(Heatmap {
        symbol: symbol(of),
        style: "scalper".into(),
        close_time,
        coverage: 1.0,
        raw: 0.0,
        r#final: 2.0 * buy_percent - 100.0,
        buy_percent,
        sell_percent: 100.0 - buy_percent,
        label: label.into(),
    })
}

fn indicators(of: &str, timeframe: Timeframe, close_time: Timestamp) -> Indicators {
    Indicators {
        symbol: symbol(of),
        timeframe,
        close_time,
        rsi14: None,
        ema21: None,
        ema50: None,
        ema200: None,
        macd: None,
        macd_signal: None,
        macd_histogram: None,
        atr10: None,
        utbot_long_stop: None,
        utbot_short_stop: None,
        tenkan: None,
        kijun: None,
        senkou_a: None,
        senkou_b: None,
        cells: Cells::default(),
        quiet: false,
        raw: None,
        r#final: None,
        buy_percent: None,
        other_rsi: BTreeMap::new(),
    }
}

fn rsi(of: &str, value: f64, close_time: Timestamp) -> Reading {
    let four_hours = indicators(of, Timeframe::H4, close_time);
    Reading::Indicators(Box::new(Indicators { rsi14: Some(value), ..four_hours }))
}

fn correlation(pair: &str, value: Option<f64>, close_time: Timestamp) -> Reading {
    let pair = Cow::Owned(pair.into());
    Reading::Correlation(Correlation { pair, timeframe: Timeframe::H1, window: 50, close_time, value })
}

fn item(id: &str, time: &str, impact: Impact) -> CalendarItem {
    CalendarItem {
        id: id.into(),
        time: at(time),
        currency: "USD".into(),
        title: "Non-Farm Payrolls".into(),
        impact,
        previous: None,
        forecast: None,
        actual: None,
        source: "file".into(),
    }
}

fn occasion(now: &str) -> Occasion {
    let due = at(now);
    let date = due.utc().with_timezone(&chrono_tz::Asia::Kolkata).date_naive();
    Occasion { date, due, now: due, next: None }
}

fn made(readings: &[Reading], now: &str) -> Brief {
    after(readings, now, None)
}

fn after(readings: &[Reading], now: &str, previous: Option<&Brief>) -> Brief {
    let by_key = readings.iter().map(|reading| (reading.key(), reading.clone())).collect();
    brief(&by_key, &[], &samples::tenant("fxlabs"), occasion(now), previous)
}

/// What is said of EURUSD.
fn euro(reading: Reading, now: &str) -> Option<f64> {
    let brief = made(&[reading], now);
    let signal = brief.signals.iter().find(|signal| signal.symbol.as_str() == "EURUSDm").unwrap();
    signal.score.as_ref().map(|score| score.buy_percent)
}

#[test]
fn without_readings_every_core_symbol_has_no_score_and_no_fifty_percent() {
    let brief = made(&[], WEDNESDAY);
    let symbols: Vec<&str> = brief.signals.iter().map(|signal| signal.symbol.as_str()).collect();
    assert_eq!(symbols, ["EURUSDm", "XAUUSDm", "USOILm", "BTCUSDm"]);
    assert!(brief.signals.iter().all(|signal| signal.score.is_none()));
    assert!(brief.overbought.is_empty() && brief.oversold.is_empty() && brief.trending.is_empty());
    assert!(brief.news.is_empty() && brief.largest.is_none() && brief.changed.is_none());
}

#[test]
fn a_reading_is_too_old_when_its_market_was_open_for_more_than_two_bars_of_four_hours_since() {
    let now = at(WEDNESDAY);
    let aged = |age: i64| euro(heatmap("EURUSDm", 78.5, now.plus(-age)), WEDNESDAY);
    assert_eq!(aged(0), Some(78.5));
    assert_eq!(aged(8 * HOUR), Some(78.5));
    assert_eq!(aged(8 * HOUR + 1), None);
    assert_eq!(aged(-HOUR), Some(78.5), "made late, from what came after it was due");
}

#[test]
fn over_a_weekend_no_reading_of_a_closed_market_grows_old() {
    let friday = at("2026-03-06T20:00:00Z");
    assert_eq!(euro(heatmap("EURUSDm", 30.0, friday), SATURDAY), Some(30.0));
    assert_eq!(
        euro(heatmap("EURUSDm", 30.0, friday), "2026-03-09T03:00:00Z"),
        Some(30.0),
        "Monday, 8 h open"
    );
    assert_eq!(euro(heatmap("EURUSDm", 30.0, friday), "2026-03-09T03:00:01Z"), None);
    let bitcoin = made(&[heatmap("BTCUSDm", 30.0, friday)], "2026-03-07T04:30:00Z");
    assert_eq!(bitcoin.signals[3].score, None, "it traded all night");
    let open: Vec<bool> = made(&[], SATURDAY).signals.iter().map(|signal| signal.open).collect();
    assert_eq!(open, [false, false, false, true]);
}

#[test]
fn prices_that_stopped_while_their_market_was_open_are_told_to_be_delayed() {
    let delayed = |last: &str, now: &str| {
        let bars = Reading::Indicators(Box::new(indicators("EURUSDm", Timeframe::M5, at(last))));
        made(&[bars], now).signals[0].delayed
    };
    assert!(!delayed("2026-03-04T03:15:00Z", WEDNESDAY), "three bars");
    assert!(delayed("2026-03-04T03:10:00Z", WEDNESDAY), "four");
    assert!(!delayed("2026-03-06T22:00:00Z", SATURDAY), "its market closed then");
    assert!(!delayed("2026-03-04T03:35:00Z", WEDNESDAY), "made late, from what came after it was due");
    assert!(!made(&[], WEDNESDAY).signals[0].delayed, "what never had a price is not late");
}

#[test]
fn what_is_too_old_is_asked_of_the_time_at_which_a_late_brief_is_made() {
    let reading = heatmap("EURUSDm", 78.5, at(WEDNESDAY));
    let by_key = BTreeMap::from([(reading.key(), reading)]);
    let late = Occasion { now: at(WEDNESDAY).plus(8 * HOUR + 1), ..occasion(WEDNESDAY) };
    let brief = brief(&by_key, &[], &samples::tenant("fxlabs"), late, None);
    assert_eq!((brief.signals[0].score.clone(), brief.due), (None, at(WEDNESDAY)));
}

#[test]
fn a_score_says_whether_the_style_acts_and_what_its_timeframes_have() {
    let now = at(WEDNESDAY);
    let column = |timeframe, percent| {
        let empty = indicators("EURUSDm", timeframe, now);
        Reading::Indicators(Box::new(Indicators { buy_percent: percent, ..empty }))
    };
    let old =
        Indicators { buy_percent: Some(1.0), ..indicators("EURUSDm", Timeframe::H4, now.plus(-9 * HOUR)) };
    let readings = [
        heatmap("EURUSDm", 62.5, now),
        heatmap("XAUUSDm", 50.0, now),
        column(Timeframe::M5, Some(85.7)),
        column(Timeframe::M15, None),
        column(Timeframe::D1, Some(99.0)),
        Reading::Indicators(Box::new(old)),
    ];
    let brief = made(&readings, WEDNESDAY);
    let [euro, gold] = [0, 1].map(|place| brief.signals[place].score.clone().unwrap());
    assert_eq!((euro.acts, euro.by_timeframe), (true, BTreeMap::from([(Timeframe::M5, 85.7)])));
    assert_eq!((gold.acts, gold.buy_percent, gold.by_timeframe.len()), (false, 50.0, 0));
}

#[test]
fn rsi_lists_hold_what_is_on_or_beyond_its_line_furthest_first() {
    let now = at(WEDNESDAY);
    let readings = [
        rsi("EURUSDm", 70.0, now),
        rsi("GBPUSDm", 69.99, now),
        rsi("XAGUSDm", 81.5, now),
        rsi("USDJPYm", 30.0, now),
        rsi("USDCHFm", 30.01, now),
        rsi("NZDUSDm", 12.0, now),
        rsi("AUDUSDm", 95.0, now.plus(-9 * HOUR)),
    ];
    let brief = made(&readings, WEDNESDAY);
    let listed = |list: &[Rsi]| -> Vec<String> { list.iter().map(|rsi| rsi.symbol.to_string()).collect() };
    assert_eq!(listed(&brief.overbought), ["XAGUSDm", "EURUSDm"]);
    assert_eq!(listed(&brief.oversold), ["NZDUSDm", "USDJPYm"]);
}

#[test]
fn news_of_today_is_that_of_the_tenants_calendar_in_its_order_and_of_high_impact() {
    let calendar = [
        item("late", "2026-03-04T18:29:59Z", Impact::High),
        item("tomorrow", "2026-03-04T18:30:00Z", Impact::High),
        item("first", "2026-03-03T18:30:00Z", Impact::High),
        item("yesterday", "2026-03-03T18:29:59Z", Impact::High),
        item("medium", "2026-03-04T12:00:00Z", Impact::Medium),
    ];
    let brief = brief(&BTreeMap::new(), &calendar, &samples::tenant("fxlabs"), occasion(WEDNESDAY), None);
    let ids: Vec<&str> = brief.news.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["first", "late"]);
}

#[test]
fn the_strongest_coefficient_is_that_furthest_from_zero_on_either_side() {
    let now = at(WEDNESDAY);
    let readings = [
        correlation("EURUSD-GBPUSD", Some(0.8), now),
        correlation("EURUSD-USDCHF", Some(-0.9), now),
        correlation("EURUSD-AUDUSD", Some(0.99), now.plus(-3 * HOUR)),
        correlation("BTCUSD-ETHUSD", None, now),
        correlation("USDJPY-CADJPY", Some(1.0), now),
    ];
    let brief = made(&readings, WEDNESDAY);
    let legs = ["EURUSDm", "USDCHFm"].map(symbol);
    assert_eq!(brief.largest, Some(Coefficient { legs, value: -0.9 }));
    let kept: Vec<&str> = brief.coefficients.keys().map(String::as_str).collect();
    assert_eq!(kept, ["EURUSD-GBPUSD", "EURUSD-USDCHF"], "neither old, nor undefined, nor of no listed pair");
    assert_eq!(brief.changed, None, "there is no brief before");
}

#[test]
fn the_largest_change_is_that_against_the_brief_before() {
    let (now, before) = (at(WEDNESDAY), at("2026-03-03T03:30:00Z"));
    let day_before = made(
        &[
            correlation("EURUSD-GBPUSD", Some(0.9), before),
            correlation("XAUUSD-EURUSD", Some(0.4), before),
            correlation("XAUUSD-USDJPY", Some(-0.1), before),
        ],
        "2026-03-03T03:30:00Z",
    );
    let readings = [
        correlation("EURUSD-GBPUSD", Some(0.85), now),
        correlation("XAUUSD-USDJPY", Some(-0.6), now),
        correlation("EURUSD-USDCHF", Some(-0.99), now),
    ];
    let change = after(&readings, WEDNESDAY, Some(&day_before)).changed.unwrap();
    assert_eq!(change.now.legs, ["XAUUSDm", "USDJPYm"].map(symbol));
    assert_eq!((change.now.value, change.before), (-0.6, -0.1));
    assert_eq!(change.since, day_before.date);
    let same = [correlation("EURUSD-GBPUSD", Some(0.900_4), now)];
    assert_eq!(after(&same, WEDNESDAY, Some(&day_before)).changed, None, "nothing that shows");
}

#[test]
fn what_is_closed_or_not_watched_does_not_trend() {
    let now = at(SATURDAY);
    let mover = |of: &str, percent| Mover { symbol: symbol(of), percent };
    let symbols =
        vec![mover("EURUSDm", 3.0), mover("DOGEUSDm", 2.0), mover("BTCUSDm", -1.5), mover("ETHUSDm", 1.0)];
    let trending =
        |close_time| made(&[Reading::Trending(Trending { close_time, symbols: symbols.clone() })], SATURDAY);
    assert_eq!(trending(now.plus(-2 * HOUR)).trending, [mover("BTCUSDm", -1.5), mover("ETHUSDm", 1.0)]);
    assert_eq!(trending(now.plus(-2 * HOUR - 1)).trending, []);
    let many = (0..9).map(|_| mover("ETHUSDm", 1.0)).collect();
    let many = Reading::Trending(Trending { close_time: now, symbols: many });
    assert_eq!(made(&[many], SATURDAY).trending.len(), MOST_TRENDING);
}

#[test]
fn core_symbols_are_those_of_the_tenants_file_in_its_order() {
    let mut tenant = samples::tenant("fxlabs");
    tenant.core_symbols = ["GBPJPYm", "EURUSDm"].map(symbol).into();
    let brief = brief(&BTreeMap::new(), &[], &tenant, occasion(WEDNESDAY), None);
    let symbols: Vec<&str> = brief.signals.iter().map(|signal| signal.symbol.as_str()).collect();
    assert_eq!(symbols, ["GBPJPYm", "EURUSDm"]);
}
