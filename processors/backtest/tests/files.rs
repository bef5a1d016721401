//! Runs over files of every form: what is read, when alerts come in, and where it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::Write;

use bellwether_backtest::BacktestError;
use bellwether_producers::InputError;
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{HOUR, MINUTE, SECOND};
use serde_json::Value;

use support::{Ask, Place, START, as_ticks, closes, quotes};

const ALERTS: &str = r#"[
    {"kind": "rsi_tracker", "timeframe": "5M", "name": "rsi"},
    {"kind": "heatmap_indicator_tracker", "pairs": ["EURUSD"], "timeframe": "5M", "indicator": "macd"},
    {"kind": "price_alert", "symbol": "EURUSD", "above": 1.2702, "below": 1.2698, "fires": "every"}
]"#;

fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

#[test]
fn every_form_of_the_same_quotes_gives_the_same_lines() {
    let place = Place::new();
    let quotes = quotes(6);
    let of = |header: &str, line: &dyn Fn(&(Timestamp, String, String)) -> String| {
        let lines: Vec<String> = quotes.iter().map(line).collect();
        format!("{header}{}\n", lines.join("\n"))
    };
    let clock = |ts: Timestamp, form: &str| ts.utc().format(form).to_string();
    let est = |ts: Timestamp| clock(ts.plus(-5 * HOUR), "%Y%m%d %H%M%S%3f");
    let gmt = |ts: Timestamp| clock(ts, "%d.%m.%Y %H:%M:%S%.3f");
    let millis = |ts: Timestamp| ts.0 / 1_000;
    place.write("histdata", of("", &|(ts, bid, ask)| format!("{},{bid},{ask},0", est(*ts))));
    place.write(
        "truefx",
        of("", &|(ts, bid, ask)| format!("EUR/USD,{},{bid},{ask}", clock(*ts, "%Y%m%d %H:%M:%S%.3f"))),
    );
    place.write("micros", as_ticks(&quotes));
    place.write(
        "millis",
        of("timestamp,bid,ask,volume\r\n", &|(ts, bid, ask)| format!("{},{bid},{ask},7", millis(*ts))),
    );
    place.write("named", of("ts,symbol,bid,ask\n", &|(ts, bid, ask)| format!("{ts},eur/usd,{bid},{ask}")));
    place.write(
        "dukascopy",
        of("Gmt time,Ask,Bid,AskVolume,BidVolume\n", &|(ts, bid, ask)| {
            format!("{},{ask},{bid},1.5,0.75", gmt(*ts))
        }),
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(as_ticks(&quotes).as_bytes()).unwrap();
    place.write("packed.gz", gzip.finish().unwrap());

    let first = place.run(&Ask { inputs: &["EURUSD=histdata"], alerts: ALERTS, ..Ask::default() });
    assert_eq!(first.finished.summary.ticks, 6 * 360);
    assert!(of_kind(&first.triggers, "rsi_tracker").len() > 2, "{:?}", first.finished.summary);
    for file in ["truefx", "micros", "millis", "named", "dukascopy", "packed.gz"] {
        let input = format!("EURUSD={file}");
        let ran = place.run(&Ask { inputs: &[&input], alerts: ALERTS, ..Ask::default() });
        assert_eq!((&ran.readings, &ran.triggers), (&first.readings, &first.triggers), "{file}");
    }
}

#[test]
fn the_last_minute_closes_and_lines_stand_in_the_engines_order() {
    let place = Place::new();
    place.write("a", as_ticks(&quotes(1)));
    let ran = place.run(&Ask { inputs: &["GBPUSD=a", "EURUSD=a"], alerts: "[]", ..Ask::default() });
    let end = START.plus(HOUR);
    let last = ran.readings.iter().filter(|line| line["type"] == "bar" && closes(line) == end);
    let last: Vec<String> =
        last.map(|bar| format!("{} {}", bar["symbol"], bar["timeframe"]).replace('"', "")).collect();
    let expected = ["GBPUSD", "EURUSD"]
        .map(|symbol| ["1M", "5M", "15M", "30M", "1H"].map(|tf| format!("{symbol} {tf}")));
    assert_eq!(last, expected.concat());
    assert!(ran.readings.windows(2).all(|two| closes(&two[0]) <= closes(&two[1])), "by instant");
}

#[test]
fn the_first_evaluation_at_or_after_from_is_the_baseline() {
    let place = Place::new();
    place.write("a", as_ticks(&quotes(8)));
    let inputs = &["EURUSD=a"];
    let whole = place.run(&Ask { inputs, alerts: ALERTS, ..Ask::default() });
    let all = of_kind(&whole.triggers, "rsi_tracker");
    let middle = closes(all[all.len() / 2]);
    let after = |from: Timestamp| -> Vec<Value> {
        let ran = place.run(&Ask { inputs, alerts: ALERTS, from: Some(from), ..Ask::default() });
        assert!(ran.readings.iter().all(|line| closes(line) >= from), "what is before is silent");
        let whole: Vec<&Value> = whole.readings.iter().filter(|line| closes(line) >= from).collect();
        assert!(ran.readings.iter().eq(whole), "what is before warms");
        of_kind(&ran.triggers, "rsi_tracker").into_iter().cloned().collect()
    };
    let expected = |from: Timestamp| -> Vec<Value> {
        all.iter().filter(|trigger| closes(trigger) > from).map(|trigger| (*trigger).clone()).collect()
    };
    assert!(!expected(middle).is_empty());
    // The bar at `middle` is the first evaluated, wherever between the bar before and itself the time lies.
    for from in
        [middle, middle.plus(-1), middle.plus(-SECOND), middle.plus(-MINUTE), middle.plus(1 - 5 * MINUTE)]
    {
        assert_eq!(after(from), expected(middle), "{from}");
    }
    assert_eq!(after(middle.plus(1)), expected(middle.plus(1)), "a microsecond later it is the next bar's");
    assert_eq!(
        after(middle.plus(-5 * MINUTE)),
        expected(middle.plus(-5 * MINUTE)),
        "and before it the one before"
    );
    assert!(expected(middle.plus(-5 * MINUTE)).iter().any(|trigger| closes(trigger) == middle));
}

#[test]
fn an_alert_on_ticks_takes_its_baseline_at_the_first_tick_at_or_after_from() {
    let place = Place::new();
    place.write("a", as_ticks(&quotes(8)));
    let inputs = &["EURUSD=a"];
    let whole = place.run(&Ask { inputs, alerts: ALERTS, ..Ask::default() });
    let all = of_kind(&whole.triggers, "price_alert");
    let middle = closes(all[all.len() / 2]);
    let after = |from: Timestamp| -> Vec<Value> {
        let ran = place.run(&Ask { inputs, alerts: ALERTS, from: Some(from), ..Ask::default() });
        of_kind(&ran.triggers, "price_alert").into_iter().cloned().collect()
    };
    let later: Vec<Value> =
        all.iter().filter(|trigger| closes(trigger) > middle).map(|trigger| (*trigger).clone()).collect();
    assert_eq!(after(middle), later, "the tick that crosses is the baseline");
    assert_eq!(after(middle.plus(-9 * SECOND)), later);
    assert_eq!(after(middle.plus(-10 * SECOND)).len(), later.len() + 1, "the one before it is");
}

#[test]
fn ticks_at_or_after_to_are_not_played_and_the_last_minute_still_closes() {
    let place = Place::new();
    place.write("a", as_ticks(&quotes(2)));
    let end = START.plus(90 * MINUTE + 3 * SECOND);
    let ran = place.run(&Ask { inputs: &["EURUSD=a"], alerts: "[]", to: Some(end), ..Ask::default() });
    assert_eq!(ran.finished.summary.ticks, 90 * 6);
    assert_eq!(closes(ran.readings.last().unwrap()), START.plus(90 * MINUTE));
    let one_more = Ask { inputs: &["EURUSD=a"], alerts: "[]", to: Some(end.plus(1)), ..Ask::default() };
    let ran = place.run(&one_more);
    assert_eq!(closes(ran.readings.last().unwrap()), START.plus(91 * MINUTE));
}

#[test]
fn lines_of_another_symbol_are_refused_as_unknown_and_unreadable_ones_counted() {
    let place = Place::new();
    let mut text = String::from("ts,symbol,bid,ask\n");
    for (number, (ts, bid, ask)) in quotes(1).iter().enumerate() {
        let symbol = if number % 10 == 9 { "GBPUSD" } else { "EURUSD" };
        text += &format!("{ts},{symbol},{bid},{ask}\n");
        if number % 20 == 0 {
            text += "yesterday,EURUSD,1,1\n";
        }
    }
    place.write("a", text);
    place.write("b", as_ticks(&quotes(1)));
    let ran = place.run(&Ask { inputs: &["EURUSD=a", "GBPUSD=b"], alerts: "[]", ..Ask::default() });
    let summary = &ran.finished.summary;
    assert_eq!(summary.refused.iter().collect::<Vec<_>>(), [(&"unknown_symbol", &36)]);
    assert_eq!((summary.unreadable, summary.unreadable_lines.len()), (18, 10));
    assert!(
        summary.unreadable_lines[0].ends_with("a:3: \"yesterday\" is not a time of this form"),
        "{summary:?}"
    );
}

#[test]
fn what_cannot_be_used_says_why() {
    let place = Place::new();
    place.write("words", "these are\nno quotes\n");
    place.write("header", "ts,bid,ask\n2024-01-02T10:00:00Z,x,1\n");
    place.write("a", as_ticks(&quotes(1)));
    let fails = |inputs: &[&str], alerts: &str, sweep: &[&str]| {
        place.attempt(&Ask { inputs, alerts, sweep, ..Ask::default() }).map(drop).unwrap_err()
    };
    assert!(matches!(fails(&["E=none"], "[]", &[]), BacktestError::Input(InputError::Missing { .. })));
    assert!(matches!(fails(&["E=words"], "[]", &[]), BacktestError::Input(InputError::Form { .. })));
    let nothing = fails(&["E=header"], "[]", &[]);
    assert!(
        matches!(nothing, BacktestError::Input(InputError::NothingReadable { unreadable: 1, .. })),
        "{nothing}"
    );
    assert!(matches!(fails(&["E=a"], "{}", &[]), BacktestError::Alerts { .. }));
    let swept = fails(&["E=a"], ALERTS, &["moon=1,2"]).to_string();
    assert!(swept.ends_with("alerts.json: --sweep moon: no alert has such a column"), "{swept}");
}

#[test]
fn an_alert_that_is_refused_stops_no_other_even_where_its_time_never_comes() {
    let place = Place::new();
    place.write("a", as_ticks(&quotes(4)));
    let alerts = r#"[{"kind": "rsi_tracker", "timeframe": "5M", "rsi_period": 99}, {"kind": "rsi_tracker", "timeframe": "5M"}]"#;
    let ran = place.run(&Ask { inputs: &["EURUSD=a"], alerts, ..Ask::default() });
    let [refused, good] = ran.finished.summary.alerts.try_into().unwrap();
    assert_eq!((refused.state, refused.fired), ("refused", 0));
    assert!(refused.reason.unwrap().contains("99"));
    assert!(good.fired > 0 && good.reason.is_none());
    let from = Some(START.plus(100 * HOUR));
    let ran = place.run(&Ask { inputs: &["EURUSD=a"], alerts, from, ..Ask::default() });
    assert_eq!(ran.finished.summary.alerts.iter().map(|alert| alert.state).next(), Some("refused"));
    assert_eq!((ran.readings.len(), ran.triggers.len()), (0, 0));
}

#[test]
fn a_sweep_runs_every_setting_beside_the_others_as_it_would_alone() {
    let place = Place::new();
    place.write("a", as_ticks(&quotes(8)));
    let alerts =
        |line: u32| format!(r#"[{{"kind": "rsi_tracker", "timeframe": "5M", "rsi_overbought": {line}}}]"#);
    let sweep = &["rsi_overbought=65,75"];
    let ran = place.run(&Ask { inputs: &["EURUSD=a"], alerts: &alerts(70), sweep, ..Ask::default() });
    for (place_of, line) in [(0, 65), (1, 75)] {
        let alone = place.run(&Ask { inputs: &["EURUSD=a"], alerts: &alerts(line), ..Ask::default() });
        assert_eq!(ran.finished.summary.alerts[place_of].fired, alone.finished.summary.triggers, "{line}");
    }
    assert_ne!(ran.finished.summary.alerts[0].fired, ran.finished.summary.alerts[1].fired);
}

#[test]
fn a_stop_ends_it_with_what_there_is() {
    let place = Place::new();
    place.write("a", as_ticks(&quotes(1)));
    let shutdown = Shutdown::new();
    shutdown.raise();
    let ran = place.run(&Ask { inputs: &["EURUSD=a"], alerts: ALERTS, shutdown, ..Ask::default() });
    assert!(ran.finished.summary.stopped && ran.finished.summary.ticks < 360);
}
