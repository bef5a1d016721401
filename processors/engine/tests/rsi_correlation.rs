//! `rsi_correlation_tracker` from records to triggers. RSI 5 of a run in one direction is 100 or 0; of a see-saw it stays
//! between 30 and 70.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;

use bellwether_engine::Effect;
use bellwether_schemas::alerts::RsiCorrelationTracker;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::AlertState;
use bellwether_schemas::{Price, Timeframe};
use journal::{Journal, alert_id, fired, history_bar, minute, settings, statuses};

/// EURUSD-GBPUSD moves together, EURUSD-USDCHF and GBPUSD-USDCHF against each other.
const THREE: [&str; 3] = ["EURUSDm", "GBPUSDm", "USDCHFm"];
const MINUTES: i64 = 5;

fn by_rsi() -> RsiCorrelationTracker {
    RsiCorrelationTracker { timeframe: Timeframe::M5, rsi_period: 5, ..RsiCorrelationTracker::default() }
}

fn by_coefficient(window: i32) -> RsiCorrelationTracker {
    RsiCorrelationTracker { mode: "real_correlation".into(), correlation_window: window, ..by_rsi() }
}

/// A market whose next closes are given as steps.
struct Market {
    journal: Journal,
    symbols: Vec<&'static str>,
    levels: Vec<i64>,
    bar: i64,
}

impl Market {
    fn new(symbols: &[&'static str]) -> Self {
        let levels = vec![100_000; symbols.len()];
        Self { journal: Journal::new(symbols), symbols: symbols.to_vec(), levels, bar: 0 }
    }

    /// One bar; a symbol without a step has none.
    fn step(&mut self, steps: &[Option<i64>]) -> Vec<Effect> {
        self.step_late(steps, 0)
    }

    fn step_late(&mut self, steps: &[Option<i64>], late: i64) -> Vec<Effect> {
        let before = self.journal.effects.len();
        for ((symbol, level), step) in self.symbols.iter().zip(&mut self.levels).zip(steps) {
            let Some(step) = step else { continue };
            *level += step;
            let bid = Price { mantissa: *level, scale: 0 };
            let open = minute(self.bar * MINUTES);
            self.journal.quote(open, symbol, bid, *level, open);
        }
        self.bar += 1;
        self.journal.heartbeat(minute(self.bar * MINUTES).plus(2_000_000 + late));
        self.journal.effects[before..].to_vec()
    }

    /// Bars in which every symbol goes up and down by turns, the second half of them the other way round.
    fn see_saw(&mut self, bars: usize) -> Vec<Effect> {
        let step = |market: &mut Self, bar: usize| {
            let by = if bar.is_multiple_of(2) { 100 } else { -100 };
            market.step(&vec![Some(by); market.symbols.len()])
        };
        (0..bars).flat_map(|bar| step(self, bar)).collect()
    }

    /// So many bars of the same steps.
    fn run(&mut self, bars: usize, steps: &[i64]) -> Vec<Effect> {
        let steps: Vec<Option<i64>> = steps.iter().copied().map(Some).collect();
        (0..bars).flat_map(|_| self.step(&steps)).collect()
    }
}

/// Pair, and the bar's number.
fn pairs(effects: &[Effect]) -> Vec<(String, i64)> {
    let of = |trigger: &bellwether_schemas::triggers::TriggerFired| {
        (trigger.pair.clone().unwrap(), trigger.open_time.since(minute(0)) / (MINUTES * MINUTE))
    };
    fired(effects).iter().map(of).collect()
}

fn pair(key: &str, bar: i64) -> (String, i64) {
    (key.into(), bar)
}

const TOGETHER: &str = "EURUSD-GBPUSD";
const AGAINST: &str = "EURUSD-USDCHF";

#[test]
fn a_positive_pair_fires_when_one_is_overbought_while_the_other_is_oversold() {
    let mut market = Market::new(&THREE[..2]);
    market.journal.alert(1, 1, by_rsi());
    assert_eq!(pairs(&market.see_saw(10)), []);
    assert_eq!(pairs(&market.run(1, &[1000, -1000])), [pair(TOGETHER, 10)]);
    assert_eq!(pairs(&market.run(3, &[1000, -1000])), [], "not again while it lasts");
    assert_eq!(pairs(&market.run(1, &[-9000, 0])), [], "left");
    assert_eq!(pairs(&market.run(1, &[-9000, 90_000])), [pair(TOGETHER, 15)], "and the other way round");
    assert_eq!(pairs(&market.run(3, &[1000, 1000])), [], "both up is as it should be");
}

#[test]
fn a_negative_pair_fires_when_both_are_on_the_same_side() {
    let mut market = Market::new(&["EURUSDm", "USDCHFm"]);
    market.journal.alert(1, 1, by_rsi());
    market.see_saw(10);
    assert_eq!(pairs(&market.run(1, &[1000, 1000])), [pair(AGAINST, 10)]);
    assert_eq!(pairs(&market.run(1, &[-9000, -9000])), [], "from both high to both low it never stopped");
    assert_eq!(pairs(&market.run(1, &[90_000, 0])), []);
    assert_eq!(pairs(&market.run(1, &[1000, 90_000])), [pair(AGAINST, 13)]);
    assert_eq!(pairs(&market.run(3, &[1000, -90_000])), [], "against each other is as it should be");
}

#[test]
fn several_pairs_of_one_instant_are_one_group_in_the_order_of_the_settings() {
    let mut market = Market::new(&["USDCHFm", "GBPUSDm", "EURUSDm"]);
    market.journal.alert(1, 1, by_rsi());
    market.see_saw(10);
    let effects = market.run(1, &[1000, 1000, -1000]);
    assert_eq!(pairs(&effects), [pair(TOGETHER, 10), pair("GBPUSD-USDCHF", 10)]);
    let groups: Vec<_> =
        fired(&effects).iter().map(|trigger| (trigger.group.index, trigger.group.size)).collect();
    assert_eq!(groups, [(0, 2), (1, 2)]);
}

#[test]
fn a_pair_is_compared_where_both_closed_a_bar_and_nowhere_else() {
    let mut market = Market::new(&THREE[..2]);
    market.journal.alert(1, 1, by_rsi());
    market.see_saw(10);
    assert_eq!(pairs(&market.step(&[Some(1000), None])), []);
    assert_eq!(
        pairs(&market.step(&[None, Some(-1000)])),
        [],
        "one is high and one is low, but never at once"
    );
    assert_eq!(pairs(&market.step(&[Some(1), Some(-1)])), [pair(TOGETHER, 12)]);
}

#[test]
fn a_mismatch_at_the_baseline_fires_only_after_it_ended_and_began_again() {
    let mut market = Market::new(&THREE[..2]);
    market.see_saw(10);
    market.journal.alert(1, 1, by_rsi());
    assert_eq!(pairs(&market.run(2, &[1000, -1000])), []);
    market.run(1, &[-9000, 0]);
    assert_eq!(pairs(&market.run(1, &[90_000, -1000])), [pair(TOGETHER, 13)]);
    market.run(1, &[-90_000, 0]);
    market.journal.alert(2, 1, by_rsi());
    market.run(1, &[-90_000, 0]);
    market.journal.alert(1, 2, by_rsi());
    let found = fired(&market.run(1, &[900_000, -1000]));
    assert_eq!(found.len(), 1, "an edit begins with a fresh one");
    assert_eq!(found[0].alert_id, alert_id(2), "the other alert had its own before");
}

#[test]
fn a_trigger_of_both_rsi_explains_itself() {
    let mut market = Market::new(&THREE[..2]);
    market.journal.alert(1, 3, RsiCorrelationTracker { timeframe: Timeframe::M1, ..by_rsi() });
    market.see_saw(10);
    market.run(1, &[0, -1]);
    let trigger = fired(&market.run(1, &[900_000, -90_000])).remove(0);
    assert_eq!(trigger.timeframe, Some(Timeframe::M5), "a stored 1M is read as 5M");
    assert_eq!((trigger.open_time, trigger.close_time), (minute(55), minute(60)));
    assert_eq!((trigger.symbol.clone(), trigger.threshold, trigger.price), (None, None, None));
    assert_eq!(trigger.condition.name(), "rsi_mismatch");
    let detail: serde_json::Value = serde_json::from_str(trigger.detail.as_str()).unwrap();
    let [a, b] = [0, 1].map(|place| detail["rsi"][place].as_f64().unwrap());
    assert!(a >= 70.0 && b <= 30.0);
    assert_eq!(trigger.value, Some((a + b) / 2.0));
    let previous = trigger.previous.unwrap();
    assert!(previous > 30.0 && previous < 70.0, "the mean before: {previous}");
    assert_eq!((&detail["mode"], &detail["expected"]), (&"rsi_threshold".into(), &"together".into()));
    assert!(
        detail["text"]
            .as_str()
            .unwrap()
            .starts_with("EURUSD and GBPUSD usually move together, but on 5M RSI 5")
    );
}

#[test]
fn a_positive_pairs_coefficient_fires_once_it_is_below_a_quarter() {
    let mut market = Market::new(&THREE[..2]);
    market.journal.alert(1, 2, by_coefficient(20));
    assert_eq!(pairs(&market.see_saw(30)), [], "they move as one");
    let mut effects = Vec::new();
    for bar in 0..12 {
        let by = if bar % 2 == 0 { 100 } else { -100 };
        effects.extend(market.run(1, &[by, -by]));
    }
    let found = fired(&effects);
    assert_eq!(found.len(), 1);
    let trigger = &found[0];
    assert_eq!(trigger.condition.name(), "real_mismatch");
    assert_eq!((trigger.threshold, trigger.price), (Some(0.25), None));
    assert!(trigger.value.unwrap() < 0.25 && trigger.previous.unwrap() >= 0.25);
    let detail: serde_json::Value = serde_json::from_str(trigger.detail.as_str()).unwrap();
    assert_eq!((&detail["correlation_window"], &detail["strength"]), (&20.into(), &"weak".into()));
    assert!(detail["text"].as_str().unwrap().ends_with(", past 0.25"), "{detail}");
}

#[test]
fn a_negative_pairs_coefficient_fires_once_it_is_above_minus_fifteen_hundredths() {
    let mut market = Market::new(&["EURUSDm", "USDCHFm"]);
    market.journal.alert(1, 1, by_coefficient(20));
    let swing = |market: &mut Market, bars: i64, same: i64| -> Vec<Effect> {
        (0..bars)
            .flat_map(|bar| market.run(1, &[100 - bar % 2 * 200, (100 - bar % 2 * 200) * same]))
            .collect()
    };
    assert_eq!(pairs(&swing(&mut market, 30, -1)), []);
    let found = fired(&swing(&mut market, 12, 1));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].threshold, Some(-0.15));
    assert!(found[0].value.unwrap() > -0.15 && found[0].previous.unwrap() <= -0.15);
}

#[test]
fn an_undefined_coefficient_keeps_the_state() {
    // Against each other first (the baseline is a mismatch), then GBP stands still until nothing is defined.
    let opposed = |market: &mut Market, bars: i64| -> Vec<Effect> {
        (0..bars).flat_map(|bar| market.run(1, &[100 - bar % 2 * 200, bar % 2 * 200 - 100])).collect()
    };
    let still = |market: &mut Market, bars: i64| -> Vec<Effect> {
        (0..bars).flat_map(|bar| market.run(1, &[100 - bar % 2 * 200, 0])).collect()
    };
    let mut market = Market::new(&THREE[..2]);
    market.journal.alert(1, 1, by_coefficient(20));
    assert_eq!(pairs(&opposed(&mut market, 30)), []);
    assert_eq!(pairs(&still(&mut market, 24)), []);
    assert_eq!(pairs(&opposed(&mut market, 30)), [], "it never stopped being a mismatch");

    let mut market = Market::new(&THREE[..2]);
    market.journal.alert(1, 1, by_coefficient(20));
    market.see_saw(30);
    // Both stand still at once: from moving as one to nothing, without a mismatch between.
    assert_eq!(pairs(&market.run(24, &[0, 0])), []);
    let effects = opposed(&mut market, 4);
    let found = fired(&effects);
    assert_eq!(found.len(), 1, "what it was before it was undefined counts");
    assert!(found[0].previous.unwrap() > 0.99, "the last defined one: {:?}", found[0].previous);
}

#[test]
fn each_window_is_a_state_of_its_own() {
    let mut market = Market::new(&THREE[..2]);
    for (number, window) in [(1, 20), (2, 50), (3, 90), (4, 120)] {
        market.journal.alert(number, 1, by_coefficient(window));
    }
    market.see_saw(130);
    let effects: Vec<Effect> =
        (0..120).flat_map(|bar| market.run(1, &[100 - bar % 2 * 200, bar % 2 * 200 - 100])).collect();
    let order: Vec<u128> = fired(&effects).iter().map(|trigger| trigger.alert_id.0.as_u128()).collect();
    assert_eq!(order, [1, 2, 3, 4], "the longer the window, the later");
}

#[test]
fn a_stale_or_historic_mismatch_moves_state_and_fires_nothing() {
    let mut market = Market::new(&THREE[..2]);
    market.journal.alert(1, 1, by_rsi());
    market.see_saw(10);
    assert_eq!(pairs(&market.step_late(&[Some(1000), Some(-1000)], 10 * MINUTE + 1)), []);
    market.bar += 3;
    assert_eq!(pairs(&market.run(1, &[1000, -1000])), [], "state moved");

    let mut market = Market::new(&THREE[..2]);
    market.journal.alert(1, 1, by_rsi());
    market.see_saw(10);
    assert_eq!(pairs(&market.step_late(&[Some(1000), Some(-1000)], 10 * MINUTE)), [pair(TOGETHER, 10)]);

    let mut market = Market::new(&THREE[..2]);
    market.journal.alert(1, 1, by_rsi());
    market.see_saw(10);
    let bar = |symbol: &str, price: i64| history_bar(symbol, Timeframe::M5, minute(50), minute(55), price);
    assert_eq!(pairs(&market.journal.history(vec![bar("EURUSDm", 101_000), bar("GBPUSDm", 99_000)])), []);
    market.bar += 1;
    assert_eq!(pairs(&market.run(1, &[2000, -2000])), [], "state moved");
    market.run(1, &[-90_000, 0]);
    assert_eq!(pairs(&market.run(1, &[900_000, -9000])), [pair(TOGETHER, 13)]);
}

#[test]
fn a_stale_or_historic_coefficient_moves_state_and_fires_nothing() {
    let opposed = |bar: i64| [Some(100 - bar % 2 * 200), Some(bar % 2 * 200 - 100)];
    let after = |late: i64| {
        let mut market = Market::new(&THREE[..2]);
        market.journal.alert(1, 1, by_coefficient(20));
        market.see_saw(30);
        let mut effects = Vec::new();
        for bar in 0..20 {
            effects.extend(market.step_late(&opposed(bar), late));
            market.bar += 3;
        }
        pairs(&effects).len()
    };
    assert_eq!((after(10 * MINUTE), after(10 * MINUTE + 1)), (1, 0));
}

#[test]
fn a_tenants_own_pairs_count_and_one_that_is_dropped_and_listed_again_starts_empty() {
    let mut market = Market::new(&THREE[..2]);
    let listed = |positive: &[&str]| Settings {
        positive_pairs: positive.iter().map(ToString::to_string).collect(),
        negative_pairs: Vec::new(),
        ..settings(&THREE[..2])
    };
    market.journal.alert(1, 1, by_rsi());
    market.see_saw(10);
    market.journal.settings(2, listed(&["gbp/usd-EURUSDm", "EURUSD-XAUUSD"]));
    assert_eq!(pairs(&market.run(1, &[1000, -1000])), [], "a new pair takes its baseline");
    market.run(1, &[-9000, 0]);
    assert_eq!(pairs(&market.run(1, &[90_000, -1000])), [pair("GBPUSD-EURUSD", 12)], "named as listed");
    market.journal.settings(3, listed(&[]));
    market.run(1, &[-900_000, 0]);
    market.journal.settings(4, listed(&["GBPUSD-EURUSD"]));
    assert_eq!(pairs(&market.run(1, &[9_000_000, -1000])), [], "a baseline again");
}

#[test]
fn it_is_warming_until_a_pair_has_a_value() {
    let mut market = Market::new(&THREE[..2]);
    let state = |effects: &[Effect]| statuses(effects).iter().map(|status| status.state).collect::<Vec<_>>();
    assert_eq!(state(&market.journal.alert(1, 1, by_rsi())), [AlertState::Warming]);
    assert_eq!(state(&market.journal.alert(2, 1, by_coefficient(20))), [AlertState::Warming]);
    assert_eq!(state(&market.see_saw(5)), []);
    assert_eq!(state(&market.see_saw(1)), [AlertState::Active], "six closes make five changes");
    assert_eq!(state(&market.see_saw(14)), []);
    assert_eq!(state(&market.see_saw(1)), [AlertState::Active], "21 closes make 20 returns");
}

#[test]
fn a_wrong_column_is_refused_with_its_reason() {
    let refused = |alert: RsiCorrelationTracker| {
        let status = statuses(&Journal::new(&THREE).alert(1, 1, alert)).remove(0);
        assert_eq!(status.state, AlertState::Refused);
        status.reason.unwrap()
    };
    assert_eq!(refused(by_coefficient(30)), "correlation_window is 30, it must be 20, 50, 90 or 120");
    let mode = RsiCorrelationTracker { mode: "both".into(), ..by_rsi() };
    assert_eq!(refused(mode), r#"mode is "both", it must be one of rsi_threshold, real_correlation"#);
    let line = RsiCorrelationTracker { rsi_oversold: 41, ..by_rsi() };
    assert_eq!(refused(line), "rsi_oversold is 41, it must be from 10 to 40");
}
