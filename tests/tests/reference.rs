//! The reference against numbers that neither it nor the pipeline made: a referee must be right itself.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bellwether_tests::m1;
use bellwether_tests::reference::{Market, Quote, RsiAlert, accepted, bars, crossed, rsi, triggers};
use chrono::DateTime;
use serde_json::Value;
use uuid::Uuid;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/indicators.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn assert_close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-9, "{got} is not {expected}");
    }
}

fn at(text: &str) -> i64 {
    DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
}

fn quote(ts: i64, bid: f64) -> Quote {
    Quote { ts, symbol: "EURUSD".into(), bid, ask: bid }
}

fn alert(timeframe: &str, period: usize) -> RsiAlert {
    RsiAlert {
        id: Uuid::from_u128(1),
        version: 1,
        user_id: Uuid::from_u128(2),
        timeframe: timeframe.into(),
        period,
        overbought: 70.0,
        oversold: 30.0,
    }
}

/// One quote at the middle of each five minutes.
fn every_five_minutes(closes: &[f64]) -> Vec<Quote> {
    let start = at("2012-02-01T00:02:30Z");
    closes.iter().zip(0..).map(|(close, n)| quote(start + n * 300_000_000, *close)).collect()
}

/// The generator that the vectors describe.
fn seed_42_closes() -> Vec<f64> {
    let mut x: u32 = 42;
    let mut draw = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(x >> 16)
    };
    let mut close = 110_000;
    let mut next = || {
        let [a, _, _] = [draw(), draw(), draw()];
        close += a % 201 - 100;
        close as f64 / 100_000.0
    };
    (0..300).map(|_| next()).collect()
}

#[test]
fn rsi_is_the_textbooks() {
    let textbook = &vectors()["textbook_rsi14"];
    let values = rsi(&numbers(&textbook["closes"]), 14);
    assert_eq!(values.iter().take_while(|value| value.is_none()).count(), 14);
    assert_close(&values.into_iter().flatten().collect::<Vec<_>>(), &numbers(&textbook["rsi"]));
}

#[test]
fn rsi_follows_the_generated_series() {
    let expected = &vectors()["seed42_300_bars"];
    let values: Vec<f64> = rsi(&seed_42_closes(), 14).into_iter().flatten().collect();
    assert_eq!(values.len() as u64, expected["rsi14_len"].as_u64().unwrap());
    assert_close(&values[..3], &numbers(&expected["rsi14_first3"]));
    assert_close(&values[values.len() - 5..], &numbers(&expected["rsi14_last5"]));
}

#[test]
fn rsi_of_a_flat_and_of_a_rising_series() {
    assert_eq!(rsi(&[1.0; 6], 5), [None, None, None, None, None, Some(50.0)]);
    assert_eq!(rsi(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 5)[5], Some(100.0));
    assert_eq!(rsi(&[1.0; 5], 5), [None; 5]);
}

#[test]
fn rsi_over_a_close_that_stands_is_the_one_before() {
    let closes = [10.0, 11.0, 10.0, 12.0, 11.0, 13.0, 13.0, 13.0, 12.0];
    let values = rsi(&closes, 5);
    assert_eq!((values[6], values[7]), (values[5], values[5]));
    // The averages went on: by hand (1·4/5)·4/5 of the gains, and a loss of 1 after two still closes.
    let (gain, loss) = (1.0 * 0.8 * 0.8 * 0.8, (0.4 * 0.8 * 0.8 * 4.0 + 1.0) / 5.0);
    assert_close(&[values[8].unwrap()], &[100.0 - 100.0 / (1.0 + gain / loss)]);
}

#[test]
fn a_trigger_stands_where_its_line_is_reached_and_not_again_while_inside() {
    // RSI(5), by a calculator: 50.0 30.8 23.3 20.2 46.6 62.2 72.3 75.1.
    let closes = [1.5, 1.4, 1.6, 1.5, 1.6, 1.5, 1.2, 1.0, 0.9, 1.2, 1.5, 1.8, 1.9];
    let values = rsi(&closes, 5);
    let mut market = Market::new("fxlabs", every_five_minutes(&closes));
    market.absurd_band = 9.0;
    market.closed_until = Some(i64::MAX);
    let found = triggers(&market, &[alert("5M", 5)]).unwrap();
    for trigger in &found {
        let bar = usize::try_from((trigger.close_time - at("2012-02-01T00:05:00Z")) / 300_000_000).unwrap();
        assert_eq!((Some(trigger.value), Some(trigger.previous)), (values[bar], values[bar - 1]));
        assert_eq!(trigger.price, closes[bar]);
    }
    let seen: Vec<_> = found.iter().map(|trigger| (trigger.condition, trigger.price)).collect();
    assert_eq!(seen, [("oversold", 1.0), ("overbought", 1.8)]);
}

#[test]
fn the_specs_own_sequence_fires_where_the_spec_says() {
    let spec = &vectors()["rsi_tracker"];
    let sequence = numbers(&spec["rsi"]);
    let lines = |name: &str| spec[name].as_f64().unwrap();
    let alert = RsiAlert { overbought: lines("ob"), oversold: lines("os"), ..alert("5M", 14) };
    let fired = (1..sequence.len())
        .filter_map(|n| crossed(&alert, sequence[n - 1], sequence[n]).map(|(condition, _)| (n, condition)));
    let fired: Vec<_> = fired.collect();
    assert_eq!(fired, [(2, "overbought"), (5, "overbought"), (6, "oversold"), (9, "oversold")]);
}

#[test]
fn touching_a_line_counts_as_inside() {
    let side = |previous, value| crossed(&alert("5M", 14), previous, value).map(|(condition, _)| condition);
    assert_eq!(side(69.9, 70.0), Some("overbought"));
    assert_eq!(side(70.0, 71.0), None);
    assert_eq!(side(30.1, 30.0), Some("oversold"));
    assert_eq!(side(30.0, 29.0), None);
    assert_eq!(side(20.0, 80.0), Some("overbought"));
}

#[test]
fn an_id_is_the_one_that_another_implementation_derives() {
    // Python: uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, "triggers.bellwether"), "fxlabs|rsi_tracker|"
    //   "00000000-0000-0000-0000-000000000001|1|EURUSD|5M|2012-02-01T00:35:00.000000Z|oversold")
    let closes = [1.5, 1.4, 1.6, 1.5, 1.6, 1.5, 1.2, 1.0, 0.9];
    let mut market = Market::new("fxlabs", every_five_minutes(&closes));
    market.absurd_band = 9.0;
    market.closed_until = Some(i64::MAX);
    let found = triggers(&market, &[alert("1M", 5)]).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].timeframe, "5M");
    assert_eq!(found[0].id.to_string(), "420ab186-af40-53f1-a851-50d35f75b710");
}

#[test]
fn a_file_closes_the_bars_that_its_last_minute_ends() {
    let quotes = vec![quote(at("2012-02-01T00:04:10Z"), 1.0), quote(at("2012-02-01T00:05:20Z"), 2.0)];
    let market = Market::new("fxlabs", quotes.clone());
    let count = |timeframe| bars(&market, &quotes, timeframe).unwrap().len();
    assert_eq!(["1M", "5M", "15M", "4H"].map(count), [2, 1, 0, 0]);
}

#[test]
fn long_bars_follow_the_anchor_over_a_change_of_clocks() {
    // New York went to summer time on 2012-03-11: the day that ends then has 23 hours, its last 4H bar three.
    let hours = |from: &str, count: i64| {
        (0..count).map(|n| quote(at(from) + n * 3_600_000_000, 1.0)).collect::<Vec<_>>()
    };
    let quotes = hours("2012-03-10T22:00:00Z", 48);
    let market = Market::new("fxlabs", quotes.clone());
    let spans = |timeframe| -> Vec<(i64, i64)> {
        let bars = bars(&market, &quotes, timeframe).unwrap();
        bars.iter().map(|bar| (bar.open_time, bar.close_time)).collect()
    };
    assert_eq!(spans("1D")[0], (at("2012-03-10T22:00:00Z"), at("2012-03-11T21:00:00Z")));
    assert_eq!(spans("1D")[1].0, at("2012-03-11T21:00:00Z"));
    assert_eq!(spans("4H")[5], (at("2012-03-11T18:00:00Z"), at("2012-03-11T21:00:00Z")));
    assert_eq!(spans("4H")[6].0, at("2012-03-11T21:00:00Z"));
    let mut whole = market.clone();
    whole.closed_until = Some(i64::MAX);
    let week = bars(&whole, &quotes, "1W").unwrap();
    assert_eq!(week[0].open_time, at("2012-03-04T22:00:00Z"));
    assert_eq!(week[0].close_time, at("2012-03-11T21:00:00Z"));
}

#[test]
fn days_of_a_symbol_that_is_always_open_are_those_of_utc() {
    let quotes: Vec<_> =
        (0..48).map(|hour| quote(at("2012-03-10T23:30:00Z") + hour * 3_600_000_000, 1.0)).collect();
    let mut market = Market::new("fxlabs", quotes.clone());
    market.always_open = vec!["EURUSD".into()];
    let opens = |timeframe| bars(&market, &quotes, timeframe).unwrap()[0].open_time;
    assert_eq!(opens("1D"), at("2012-03-10T00:00:00Z"));
    assert_eq!(opens("4H"), at("2012-03-10T20:00:00Z"));
}

#[test]
fn late_crossed_and_absurd_quotes_enter_no_bar() {
    let minute = at("2012-02-01T00:00:00Z");
    let crossed = Quote { ask: 0.5, ..quote(minute + 1_000_000, 1.0) };
    let quotes = vec![
        quote(minute, 1.0),
        crossed,
        quote(minute + 2_000_000, 1.3), // absurd: 30 % above
        quote(minute + 3_000_000, 1.1),
        quote(minute + 62_000_000, 1.2), // the watermark reaches the minute's end
        quote(minute + 4_000_000, 1.15), // late
        quote(minute + 119_000_000, 1.1),
    ];
    let market = Market::new("fxlabs", quotes);
    let found = triggers(&market, &[]).unwrap();
    assert!(found.is_empty());
    let accepted = accepted(&market);
    let bids: Vec<f64> = accepted["EURUSD"].iter().map(|quote| quote.bid).collect();
    assert_eq!(bids, [1.0, 1.1, 1.2, 1.1]);
}

#[test]
fn a_new_level_is_believed_after_ten_quotes_in_five_seconds() {
    let start = at("2012-02-01T00:00:00Z");
    let jump = (1..=12).map(|n| quote(start + n * 500_000, 2.0));
    let market = Market::new("fxlabs", [quote(start, 1.0)].into_iter().chain(jump).collect());
    let accepted = accepted(&market);
    let bids: Vec<f64> = accepted["EURUSD"].iter().map(|quote| quote.bid).collect();
    assert_eq!(bids, [1.0, 2.0, 2.0]);
}

#[test]
fn a_minute_bar_is_played_as_four_quotes() {
    let bid = "timestamp,open,high,low,close\n2012-02-01 00:00:00+00:00,1.5,1.7,1.4,1.6\n\
        2012-02-01T00:01:00Z,1.6,1.7,1.4,1.5,99\n2012-02-01 00:02:00,1.5,1.5,1.5,1.5\nrubbish\n";
    let ask = "timestamp,open,high,low,close\n2012-02-01 00:00:00+00:00,1.51,1.71,1.39,1.61\n";
    let quotes = m1::quotes("GBPUSD", bid, ask).unwrap();
    let start = at("2012-02-01T00:00:00Z");
    let rows: Vec<_> = quotes.iter().map(|quote| (quote.ts - start, quote.bid, quote.ask)).collect();
    let expected = [
        (0, 1.5, 1.51),
        (20_000_000, 1.4, 1.4),
        (40_000_000, 1.7, 1.71),
        (59_999_000, 1.6, 1.61),
        (60_000_000, 1.6, 1.6),
        (80_000_000, 1.7, 1.7),
        (100_000_000, 1.4, 1.4),
        (119_999_000, 1.5, 1.5),
    ];
    assert_eq!(rows[..8], expected);
    assert_eq!(rows[8..].len(), 4);
}

/// Real minutes of GBP/USD, where they are at hand: `BELLWETHER_FX_DATA` names the directory.
#[test]
fn a_month_of_real_minutes_has_as_many_triggers_as_a_script_of_its_own_counts() {
    let Some(directory) = std::env::var_os("BELLWETHER_FX_DATA").map(std::path::PathBuf::from) else {
        println!("skipped: BELLWETHER_FX_DATA names no directory with gbpusd-m1-{{bid,ask}}-2012-02.csv");
        return;
    };
    let file = |side: &str| directory.join(format!("gbpusd-m1-{side}-2012-02.csv"));
    let quotes = m1::read("GBPUSD", &file("bid"), Some(&file("ask"))).unwrap();
    let market = Market::new("fxlabs", quotes);
    let count = |timeframe: &str| triggers(&market, &[alert(timeframe, 14)]).unwrap().len();
    let counts = ["5M", "15M", "30M", "1H", "4H"].map(|timeframe| (timeframe, count(timeframe)));
    assert_eq!(counts, [("5M", 148), ("15M", 57), ("30M", 32), ("1H", 17), ("4H", 1)]);
}
