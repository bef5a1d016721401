//! Files as people have them: what is strange about one is said with its line, what to do, and the right exit code,
//! and nothing is lost in silence.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bellwether_backtest::BacktestError;
use bellwether_producers::InputError;
use bellwether_producers::sources::FileOptions;
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{DAY, HOUR, MINUTE, SECOND};

use support::{Ask, Place, Ran, START};

const RSI: &str = r#"[{"kind": "rsi_tracker", "timeframe": "5M", "name": "mine"}]"#;

/// A bar a minute for so many minutes, up and down so that an RSI crosses its lines.
fn bars(minutes: u32) -> Vec<(Timestamp, [f64; 4])> {
    let price = |minute: u32| {
        let minute = f64::from(minute);
        1.27 + 0.01 * (minute / 31.0).sin() + 0.000_7 * (minute / 1.7).sin()
    };
    let bar = |minute: u32| {
        let (open, close) = (price(minute), price(minute + 1));
        let (high, low) = (open.max(close) + 0.0002, open.min(close) - 0.0002);
        (START.plus(i64::from(minute) * MINUTE), [open, high, low, close])
    };
    (0..minutes).map(bar).collect()
}

fn line((ts, prices): &(Timestamp, [f64; 4])) -> String {
    let [open, high, low, close] = prices;
    format!("{},{open:.5},{high:.5},{low:.5},{close:.5}", ts.utc().format("%Y-%m-%d %H:%M:%S"))
}

/// Lines under the usual header.
fn table(lines: impl IntoIterator<Item = String>) -> String {
    let lines = std::iter::once("timestamp,open,high,low,close".to_owned()).chain(lines);
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn run(place: &Place, input: &str, alerts: &str) -> Ran {
    place.run(&Ask { inputs: &[input], alerts, ..Ask::default() })
}

fn fails(place: &Place, inputs: &[&str]) -> BacktestError {
    place.attempt(&Ask { inputs, alerts: RSI, ..Ask::default() }).map(drop).unwrap_err()
}

/// What is said about the files, without their directory.
fn notices(place: &Place, ran: &Ran) -> Vec<String> {
    let directory = format!("{}", place.path("").display());
    ran.finished.summary.notices.iter().map(|notice| notice.replace(&directory, "")).collect()
}

#[test]
fn a_file_that_stands_newest_first_is_read_from_its_end() {
    let place = Place::new();
    let lines: Vec<String> = bars(600).iter().map(line).collect();
    place.write("up", table(lines.clone()));
    place.write("down", table(lines.into_iter().rev()));
    let (up, down) = (run(&place, "EURUSD=up", RSI), run(&place, "EURUSD=down", RSI));
    assert!(up.triggers.len() > 2);
    assert_eq!((&up.triggers, &up.readings), (&down.triggers, &down.readings));
    assert_eq!(notices(&place, &down), ["down: newest first: it is read from the end"]);
    assert_eq!(notices(&place, &up), [] as [&str; 0]);
}

#[test]
fn a_row_of_another_century_is_left_out_and_a_weekend_is_not() {
    let place = Place::new();
    let mut rows = bars(600);
    let late = rows.split_off(300).into_iter().map(|(ts, prices)| (ts.plus(2 * DAY), prices));
    rows.extend(late);
    let lines: Vec<String> = rows.iter().map(line).collect();
    place.write("sound", table(lines.clone()));
    let mut with_a_jump = lines;
    with_a_jump.insert(200, with_a_jump[200].replace("2024", "2092"));
    place.write("jumps", table(with_a_jump));
    let (sound, jumps) = (run(&place, "EURUSD=sound", RSI), run(&place, "EURUSD=jumps", RSI));
    assert_eq!((&sound.triggers, &sound.readings), (&jumps.triggers, &jumps.readings));
    assert_eq!(notices(&place, &sound), [] as [&str; 0]);
    let said = "jumps:202: time jumps ahead and back: one row is left out (absurd_time): is a date mistyped?";
    assert_eq!(notices(&place, &jumps), [said]);
}

#[test]
fn a_last_row_a_month_ahead_is_left_out() {
    let place = Place::new();
    for (days, left_out) in [(29, 0), (31, 1)] {
        let mut rows = bars(60);
        let (ts, prices) = rows[59];
        rows.push((ts.plus(days * DAY), prices));
        place.write("a", table(rows.iter().map(line)));
        assert_eq!(run(&place, "EURUSD=a", RSI).finished.summary.unreadable, left_out, "{days} days");
    }
}

#[test]
fn an_hour_that_comes_twice_asks_for_the_zone_and_with_it_comes_once() {
    let place = Place::new();
    // 28 October 2012: at 01:00 UTC clocks in Athens go from 04:00 back to 03:00.
    let begin = "2012-10-28T00:00:00Z".parse::<Timestamp>().unwrap();
    let shift = begin.since(START);
    let local = |(ts, prices): (Timestamp, [f64; 4])| {
        let ts = ts.plus(shift);
        let hours = if ts.since(begin) < HOUR { 3 } else { 2 };
        (ts.plus(hours * HOUR), prices)
    };
    place.write("local", table(bars(300).into_iter().map(local).map(|row| line(&row))));
    place.write("utc", table(bars(300).into_iter().map(|(ts, prices)| line(&(ts.plus(shift), prices)))));
    let guessed = notices(&place, &run(&place, "EURUSD=local", RSI));
    let said =
        "local:62: 59 minutes come twice: a change of clocks in a file without a zone: say --zone Area/City";
    assert_eq!(guessed[0], said);
    assert!(
        guessed[1].starts_with("local:62: 59 of 300 lines (19.7 %) were left out, mostly late:"),
        "{guessed:?}"
    );
    let options = FileOptions { zone: Some("Europe/Athens".parse().unwrap()), ..FileOptions::default() };
    let told = place.run(&Ask { inputs: &["EURUSD=local"], alerts: RSI, options, ..Ask::default() });
    let utc = run(&place, "EURUSD=utc", RSI);
    assert_eq!((notices(&place, &told), &told.readings), (Vec::new(), &utc.readings));
}

#[test]
fn a_file_of_another_symbol_is_refused_and_one_of_several_is_picked_from() {
    let place = Place::new();
    let lines =
        |name: &str| -> Vec<String> { bars(60).iter().map(|row| format!("{},{name}", line(row))).collect() };
    let header = "timestamp,open,high,low,close,pair";
    place.write("gbp", format!("{header}\n{}\n", lines("GBP/USD").join("\n")));
    let error = fails(&place, &["EURUSD=gbp"]);
    let BacktestError::Input(input) = &error else { unreachable!("{error}") };
    assert_eq!(input.exit_code(), 65);
    assert!(error.to_string().contains("the file names GBP/USD, you said EURUSD"), "{error}");

    let both: Vec<String> =
        lines("GBP/USD").into_iter().zip(lines("EUR/USD")).flat_map(|(a, b)| [a, b]).collect();
    place.write("both", format!("{header}\n{}\n", both.join("\n")));
    place.write("one", table(bars(60).iter().map(line)));
    let options = FileOptions { symbol_column: Some("pair".into()), ..FileOptions::default() };
    let picked = place.run(&Ask { inputs: &["EURUSD=both"], alerts: RSI, options, ..Ask::default() });
    let one = run(&place, "EURUSD=one", RSI);
    assert_eq!((notices(&place, &picked), &picked.readings), (Vec::new(), &one.readings));
    let mixed = notices(&place, &run(&place, "EURUSD=both", RSI));
    assert!(mixed[0].contains("mostly unknown_symbol: rows of other symbols: --symbol-column"), "{mixed:?}");
}

#[test]
fn prices_that_a_program_made_of_doubles_are_read_with_a_notice_and_zeros_without() {
    let place = Place::new();
    let with = |ending: &'static str| {
        let line = move |row: &(Timestamp, [f64; 4])| {
            line(row).replace(',', ";").replace(';', &format!("{ending};"))
        };
        table(bars(60).iter().map(move |row| {
            let text = line(row);
            let (time, rest) = text.split_once(';').unwrap();
            format!("{};{rest}{ending}", time.trim_end_matches(ending)).replace(';', ",")
        }))
    };
    place.write("plain", table(bars(60).iter().map(line)));
    place.write("zeros", with("00000"));
    place.write("artefacts", with("00000000002"));
    let [plain, zeros, artefacts] =
        ["EURUSD=plain", "EURUSD=zeros", "EURUSD=artefacts"].map(|input| run(&place, input, RSI));
    assert_eq!((&plain.readings, notices(&place, &zeros)), (&zeros.readings, Vec::new()));
    assert_eq!(plain.readings, artefacts.readings);
    let said = "artefacts:2: 240 prices with more than 9 decimals are what a program made of doubles: read with 15 digits";
    assert_eq!(notices(&place, &artefacts), [said]);
}

#[test]
fn bars_of_four_hours_lie_on_the_symbols_days() {
    let place = Place::new();
    let midnight = START.floor(DAY);
    let four =
        |(place, (_, prices)): (i64, (Timestamp, [f64; 4]))| line(&(midnight.plus(place * 4 * HOUR), prices));
    place.write("four", table((0..).zip(bars(100)).map(four)));
    let error = fails(&place, &["EURUSD=four"]);
    assert!(
        matches!(&error, BacktestError::Input(input @ InputError::Grid { .. }) if input.exit_code() == 65)
    );
    let said = error.to_string();
    assert!(said.contains("four:2: bars of 4 hours") && said.ends_with("say --anchor-utc EURUSD"), "{said}");
    let alerts = r#"[{"kind": "rsi_tracker", "timeframe": "4H"}]"#;
    let anchor_utc = vec!["EURUSD".to_owned()];
    let ran = place.run(&Ask { inputs: &["EURUSD=four"], alerts, anchor_utc, ..Ask::default() });
    let closed =
        ran.readings.iter().filter(|reading| reading["type"] == "bar" && reading["timeframe"] == "4H");
    assert_eq!(closed.count(), 100);
}

#[test]
fn files_of_bid_and_ask_that_were_swapped_or_differ_are_told_apart() {
    let place = Place::new();
    let above = |(ts, prices): (Timestamp, [f64; 4])| (ts, prices.map(|price| price + 0.0002));
    place.write("bid", table(bars(60).iter().map(line)));
    place.write("ask", table(bars(60).into_iter().map(above).map(|row| line(&row))));
    let both = |bid: &str, ask: &str| format!("EURUSD={bid}+{}", place.path(ask).display());
    assert_eq!(notices(&place, &run(&place, &both("bid", "ask"), RSI)), [] as [&str; 0]);
    let swapped = notices(&place, &run(&place, &both("ask", "bid"), RSI));
    assert_eq!(swapped, ["ask:2: the asks lie below the bids in 60 of 60 rows: are the files swapped?"]);
    place.write("ticks", "ts,bid,ask\n2024-01-02T10:00:00Z,1.27,1.28\n");
    let error = fails(&place, &[&both("bid", "ticks")]).to_string();
    assert!(error.contains("the ask file is of another form: ticks beside m1"), "{error}");
}

#[test]
fn where_nothing_is_accepted_it_says_so() {
    let place = Place::new();
    let crossed = |second: i64| format!("{},1.28,1.27", START.plus(second * SECOND));
    place.write("crossed", "ts,bid,ask\n".to_owned() + &(0..20).map(crossed).collect::<Vec<_>>().join("\n"));
    let error = fails(&place, &["EURUSD=crossed"]);
    assert!(matches!(&error, BacktestError::NothingAccepted { ticks: 20, .. }), "{error}");
    assert!(error.to_string().contains("20 malformed were refused"), "{error}");
    assert!(error.to_string().contains("are bid and ask swapped?"), "{error}");
}

#[test]
fn what_is_no_table_is_named_as_what_it_is() {
    let place = Place::new();
    for (bytes, said) in [
        (&b"PAR1\x15\x04"[..], "is a Parquet file: write it as CSV"),
        (b"ARROW1\0\0", "is an Arrow or Feather file"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"", "no rows: it is empty"),
        (b"timestamp,open,high,low,close\n", "no rows: it has a header and nothing else"),
        (b"{\"data\": [1, 2]}", "is a JSON document of another shape"),
        (b"[[1328054400000, 1.5, 1.5,", "is not a whole JSON document"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b", "damaged archive"),
        (b"PK\x03\x04\x14\0\0\0", "damaged archive"),
        (b"01/02/2012 00:00,1.5,1.6,1.4,1.5\n", "has the day or the month first"),
    ] {
        place.write("a", bytes);
        let error = fails(&place, &["EURUSD=a"]);
        assert!(error.to_string().contains(said), "{said}: {error}");
        assert!(matches!(error, BacktestError::Input(input) if input.exit_code() == 65), "{said}");
    }
}
#[test]
fn bars_of_an_hour_serve_alerts_of_an_hour_and_refuse_shorter_ones() {
    let place = Place::new();
    let hourly = |(hour, (_, prices)): (i64, (Timestamp, [f64; 4]))| line(&(START.plus(hour * HOUR), prices));
    place.write("hours", table((0..).zip(bars(400)).map(hourly)));
    let alerts = r#"[{"kind": "rsi_tracker", "timeframe": "5M"}, {"kind": "rsi_tracker", "timeframe": "1H"},
                     {"kind": "heatmap_tracker", "pairs": ["EURUSD"], "trading_style": "scalper"},
                     {"kind": "price_alert", "symbol": "EURUSD", "above": 1.2702, "on": "tick", "fires": "every"}]"#;
    let ran = run(&place, "EURUSD=hours", &alerts.replace(r#""on": "tick", "#, ""));
    let states: Vec<(&str, bool)> =
        ran.finished.summary.alerts.iter().map(|alert| (alert.state, alert.fired > 0)).collect();
    assert_eq!(states, [("refused", false), ("active", true), ("refused", false), ("active", true)]);
    let reason = ran.finished.summary.alerts[0].reason.as_deref().unwrap();
    assert_eq!(reason, "timeframe: 5M cannot be made of bars of 1 hour: give a file of shorter ones");
    let timeframes: std::collections::BTreeSet<&str> = ran
        .readings
        .iter()
        .filter(|reading| reading["type"] == "bar")
        .map(|reading| reading["timeframe"].as_str().unwrap())
        .collect();
    assert_eq!(timeframes.into_iter().collect::<Vec<_>>(), ["1D", "1H", "1W", "4H"]);
}

#[test]
fn a_row_of_a_crash_is_played_whole_and_one_beyond_the_band_is_left_out_with_its_line() {
    let place = Place::new();
    let row =
        |minute: i64, prices: &str| format!("{},{prices}", START.plus(minute * MINUTE).utc().format("%F %T"));
    let calm = "1.2010,1.2011,1.2009,1.2010";
    let rows = |close: &str| {
        let crash = format!("1.2010,1.2010,0.8500,{close}");
        table([row(0, calm), row(1, calm), row(2, &crash), row(3, "1.0200,1.0300,1.0100,1.0200")])
    };
    place.write("crash", rows("1.0200"));
    let crash = run(&place, "EURCHF=crash", RSI);
    assert_eq!((crash.finished.summary.refused.len(), notices(&place, &crash)), (0, Vec::new()));
    let lows =
        crash.readings.iter().filter(|reading| reading["type"] == "bar" && reading["timeframe"] == "1M");
    assert!(lows.into_iter().any(|bar| bar["low"] == 0.85));

    place.write("error", rows("0.8600"));
    let wrong = run(&place, "EURCHF=error", RSI);
    assert_eq!(wrong.finished.summary.unreadable_lines.len(), 1);
    assert!(
        wrong.finished.summary.unreadable_lines[0]
            .ends_with("error:4: absurd: the close 0.86 lies further than 20 % from 1.201")
    );
    let options = FileOptions { absurd_band: Some(0.0), ..FileOptions::default() };
    let off = place.run(&Ask { inputs: &["EURCHF=error"], alerts: RSI, options, ..Ask::default() });
    assert_eq!(off.finished.summary.unreadable, 0);
}
