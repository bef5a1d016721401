//! Every bar of four generated series against `golden/indicators.json`, which an independent reference computed
//! (`golden/make.py`). Every cell, turn and score must be equal, values within 1e-9 at the first bars of each indicator
//! and around them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod generated;

use std::collections::BTreeMap;

use bellwether_engine::Version;
use bellwether_engine::heatmap::CellName;
use bellwether_engine::indicators::Indicators;
use bellwether_schemas::readings::Signal;
use bellwether_schemas::{Symbol, Timeframe, Timestamp};
use generated::{Shape, bars};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Story {
    name: String,
    #[serde(flatten)]
    shape: Shape,
    cells: Vec<String>,
    values: BTreeMap<usize, BTreeMap<String, f64>>,
}

fn stories() -> Vec<Story> {
    serde_json::from_str(include_str!("golden/indicators.json")).unwrap()
}

fn letter(indicators: &Indicators, which: CellName) -> char {
    let Some(cell) = indicators.cell(which) else { return '-' };
    let letter = match cell.signal {
        Signal::Buy => 'b',
        Signal::Sell => 's',
        Signal::Neutral => 'n',
    };
    if cell.is_new { letter.to_ascii_uppercase() } else { letter }
}

fn turn(indicators: &Indicators, which: CellName) -> char {
    indicators.turn(which).map_or('-', |turn| match turn.signal {
        Signal::Buy => 'b',
        Signal::Sell => 's',
        Signal::Neutral => '.',
    })
}

fn cells(indicators: &Indicators) -> String {
    let letters: String = CellName::ALL.iter().map(|which| letter(indicators, *which)).collect();
    let turns: String = CellName::ALL.iter().map(|which| turn(indicators, *which)).collect();
    let eighths = CellName::ALL.iter().filter_map(|which| indicators.cell(*which)).map(|cell| cell.eighths);
    let sum: i32 = eighths.map(i32::from).sum();
    format!("{letters} {turns} {sum}{}", if indicators.is_quiet() { " quiet" } else { "" })
}

#[test]
fn every_cell_turn_and_score_is_the_references() {
    for Story { name, shape, cells: expected, .. } in stories() {
        let mut indicators = Indicators::default();
        for (place, bar) in bars(shape, expected.len()).iter().enumerate() {
            indicators.update(bar, Version::NEWEST);
            assert_eq!(cells(&indicators), expected[place], "{name}, bar {}", place + 1);
        }
    }
}

#[test]
fn first_values_and_those_around_them_are_the_references() {
    let symbol: Symbol = "EURUSD".parse().unwrap();
    for Story { name, shape, cells, values } in stories() {
        let mut indicators = Indicators::default();
        for (place, bar) in bars(shape, cells.len()).iter().enumerate() {
            indicators.update(bar, Version::NEWEST);
            let reading = indicators.reading(&symbol, Timeframe::H1, Timestamp(0), &[5, 14, 21, 50]);
            let reading = serde_json::to_value(reading).unwrap();
            if let Some(expected) = values.get(&(place + 1)) {
                assert_same(&format!("{name}, bar {}", place + 1), &reading, expected);
            }
        }
    }
}

/// Every number of the reading is expected and every expected one is there.
fn assert_same(place: &str, reading: &Value, expected: &BTreeMap<String, f64>) {
    let numbers: BTreeMap<&String, f64> =
        reading.as_object().unwrap().iter().filter_map(|(key, value)| Some((key, value.as_f64()?))).collect();
    assert_eq!(numbers.keys().copied().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{place}");
    for (key, number) in numbers {
        assert!((number - expected[key]).abs() < 1e-9, "{place}: {key} is {number}, not {}", expected[key]);
    }
}
