//! Ground truth from outside: `tests/vectors/indicators.json` (independent implementations, see its `about`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::cast_precision_loss)]

use bellwether_engine::indicators::RsiBank;
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/indicators.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn rsi14(closes: &[f64]) -> Vec<f64> {
    let mut bank = RsiBank::default();
    let value = |close: &f64| {
        bank.update(*close);
        bank.value(14)
    };
    closes.iter().filter_map(value).collect()
}

fn assert_close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-9, "{got} is not {expected}");
    }
}

#[test]
fn rsi_14_of_the_textbook() {
    let vectors = vectors();
    let textbook = &vectors["textbook_rsi14"];
    assert_close(&rsi14(&numbers(&textbook["closes"])), &numbers(&textbook["rsi"]));
}

#[test]
fn rsi_14_of_300_generated_bars() {
    let vectors = vectors();
    let seed = &vectors["seed42_300_bars"];
    let values = rsi14(&generated_closes(42, 300));
    assert_eq!(values.len() as u64, seed["rsi14_len"].as_u64().unwrap());
    assert_close(&values[..3], &numbers(&seed["rsi14_first3"]));
    assert_close(&values[values.len() - 5..], &numbers(&seed["rsi14_last5"]));
}

/// The generator that the vectors describe.
fn generated_closes(seed: u32, bars: usize) -> Vec<f64> {
    let mut x = seed;
    let mut draw = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(x >> 16)
    };
    let mut close = 110_000;
    let mut next = || {
        let (a, _, _) = (draw(), draw(), draw());
        close += a % 201 - 100;
        close as f64 / 100_000.0
    };
    (0..bars).map(|_| next()).collect()
}
