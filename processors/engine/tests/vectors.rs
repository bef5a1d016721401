//! Ground truth from outside: `tests/vectors/indicators.json` (independent implementations, see its `about`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss)]

mod generated;

use bellwether_engine::Version;
use bellwether_engine::indicators::{Indicators, Ohlc, PairReturns, RsiBank, log_return};
use bellwether_engine::strength::{CURRENCIES, legs, strength};
use generated::{Shape, bars, points, price};
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/indicators.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
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

/// What `reading` gives at every bar at which it gives something.
fn series<T>(bars: &[Ohlc], reading: impl Fn(&Indicators) -> Option<T>) -> Vec<T> {
    let mut indicators = Indicators::default();
    let mut next = |bar| {
        indicators.update(bar, Version::NEWEST);
        reading(&indicators)
    };
    bars.iter().filter_map(&mut next).collect()
}

fn last<T: Clone>(values: &[T], count: usize) -> &[T] {
    &values[values.len() - count..]
}

#[test]
fn rsi_14_of_the_textbook() {
    let vectors = vectors();
    let textbook = &vectors["textbook_rsi14"];
    let mut bank = RsiBank::default();
    let mut value = |close: &f64| {
        bank.update(*close, Version::NEWEST);
        bank.value(14)
    };
    let values: Vec<f64> = numbers(&textbook["closes"]).iter().filter_map(&mut value).collect();
    assert_close(&values, &numbers(&textbook["rsi"]));
}

#[test]
fn the_generator_is_the_one_that_the_vectors_describe() {
    let vectors = vectors();
    let seed = &vectors["seed42_300_bars"];
    let as_points = |key: &str| seed[key].as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect();
    let (first, last): (Vec<i64>, Vec<i64>) = (as_points("first_bar_points"), as_points("last_bar_points"));
    let bars = points(Shape::plain(42), 300);
    assert_eq!((bars[0].to_vec(), bars[299].to_vec()), (first, last));
}

#[test]
fn rsi_14_of_300_generated_bars() {
    let vectors = vectors();
    let seed = &vectors["seed42_300_bars"];
    let values = series(&bars(Shape::plain(42), 300), |indicators| indicators.rsi.value(14));
    assert_eq!(values.len() as u64, seed["rsi14_len"].as_u64().unwrap());
    assert_close(&values[..3], &numbers(&seed["rsi14_first3"]));
    assert_close(last(&values, 5), &numbers(&seed["rsi14_last5"]));
}

#[test]
fn ema_21_50_200_of_300_generated_bars() {
    let vectors = vectors();
    let seed = &vectors["seed42_300_bars"];
    let bars = bars(Shape::plain(42), 300);
    let emas = [
        ("ema21_last3", series(&bars, |indicators| indicators.ema21.value())),
        ("ema50_last3", series(&bars, |indicators| indicators.ema50.value())),
        ("ema200_last3", series(&bars, |indicators| indicators.ema200.value())),
    ];
    for (name, values) in &emas {
        assert_close(last(values, 3), &numbers(&seed[name]));
    }
    assert_eq!(emas.map(|(_, values)| values.len()), [280, 251, 101]);
}

#[test]
fn macd_of_300_generated_bars() {
    let vectors = vectors();
    let seed = &vectors["seed42_300_bars"];
    let values = series(&bars(Shape::plain(42), 300), |indicators| indicators.macd.value());
    assert_eq!(values.len() as u64, seed["macd_lens"][0].as_u64().unwrap());
    let [line, signal, histogram] = [0, 1, 2].map(|row| numbers(&seed["macd_last2"][row]));
    let newest = last(&values, 2);
    assert_close(&newest.iter().map(|macd| macd.line).collect::<Vec<_>>(), &line);
    assert_close(&newest.iter().map(|macd| macd.signal).collect::<Vec<_>>(), &signal);
    assert_close(&newest.iter().map(|macd| macd.histogram()).collect::<Vec<_>>(), &histogram);
}

#[test]
fn atr_10_of_300_generated_bars() {
    let vectors = vectors();
    let seed = &vectors["seed42_300_bars"];
    let values = series(&bars(Shape::plain(42), 300), |indicators| indicators.atr.value());
    assert_eq!(values.len(), 291);
    assert_close(&values[..1], &[seed["atr10_first"].as_f64().unwrap()]);
    assert_close(last(&values, 3), &numbers(&seed["atr10_last3"]));
}

#[test]
fn ichimoku_at_the_last_of_300_generated_bars() {
    let vectors = vectors();
    let expected = |key: &str| vectors["seed42_ichimoku_at_last"][key].as_f64().unwrap();
    let mut indicators = Indicators::default();
    bars(Shape::plain(42), 300).iter().for_each(|bar| indicators.update(bar, Version::NEWEST));
    let ichimoku = &indicators.ichimoku;
    let (cloud, ahead) = (ichimoku.cloud().unwrap(), ichimoku.projected().unwrap());
    assert_close(
        &[ichimoku.tenkan().unwrap(), ichimoku.kijun().unwrap(), cloud.a, cloud.b, ahead.a, ahead.b],
        &[
            expected("tenkan"),
            expected("kijun"),
            expected("senkou_a_cloud_now"),
            expected("senkou_b_cloud_now"),
            expected("senkou_a_projected"),
            expected("senkou_b_projected"),
        ],
    );
}

#[test]
fn correlation_of_50_returns() {
    let vectors = vectors();
    let correlation = &vectors["correlation_window_50"];
    let a = numbers(&correlation["close_points_a"]);
    let cases = correlation["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let mut returns = PairReturns::default();
        for (a, b) in a.iter().zip(numbers(&case["close_points_b"])) {
            returns.update(a / 100_000.0, b / 100_000.0);
        }
        let expected = case.as_object().unwrap().iter().find(|(key, _)| *key != "close_points_b").unwrap();
        assert_close(&[returns.coefficient(50).unwrap()], &[expected.1.as_f64().unwrap()]);
        assert_eq!(returns.coefficient(51), None);
    }
}

#[test]
fn strength_of_28_pairs() {
    let vectors = vectors();
    let closes = vectors["currency_strength"]["prev_and_last_close_points"].as_object().unwrap();
    let pairs = closes.iter().filter_map(|(symbol, closes)| {
        let (base, quote) = legs(symbol.strip_suffix('m').unwrap())?;
        let [previous, close] = [0, 1].map(|place| price(closes[place].as_i64().unwrap()));
        Some((base, quote, log_return(previous, close)))
    });
    let pairs: Vec<_> = pairs.collect();
    assert_eq!(pairs.len(), 28);
    let score = strength(pairs.into_iter()).unwrap();
    let expected = &vectors["currency_strength"]["expected"];
    for (place, currency) in CURRENCIES.into_iter().enumerate() {
        assert_close(&[score.scores[place].unwrap()], &[expected[currency].as_f64().unwrap()]);
    }
    assert_eq!((CURRENCIES[score.strongest], CURRENCIES[score.weakest]), ("GBP", "JPY"));
}
