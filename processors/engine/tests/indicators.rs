//! Rules of indicators, cells and pairs that a generated series does not meet by chance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod generated;

use bellwether_engine::Version;
use bellwether_engine::heatmap::CellName;
use bellwether_engine::indicators::{Ichimoku, Indicators, Mode, Ohlc, PairReturns, UtBot};
use bellwether_schemas::readings::Signal;
use generated::{Shape, bars};
use proptest::prelude::*;

fn flat(price: f64) -> Ohlc {
    Ohlc { open: price, high: price, low: price, close: price }
}

fn after(bars: impl IntoIterator<Item = Ohlc>) -> Indicators {
    let mut indicators = Indicators::default();
    bars.into_iter().for_each(|bar| indicators.update(&bar, Version::NEWEST));
    indicators
}

fn signal(indicators: &Indicators, which: CellName) -> Option<Signal> {
    indicators.cell(which).map(|cell| cell.signal)
}

fn turned(indicators: &Indicators, which: CellName) -> Option<Signal> {
    indicators.turn(which).map(|turn| turn.signal)
}

// Indicators

#[test]
fn every_indicator_has_its_first_value_at_its_bar_and_none_before() {
    let bars = bars(Shape::plain(5), 200);
    let first = |exists: &dyn Fn(&Indicators) -> bool| {
        let mut indicators = Indicators::default();
        let at = bars.iter().position(|bar| {
            indicators.update(bar, Version::NEWEST);
            exists(&indicators)
        });
        at.unwrap() + 1
    };
    assert_eq!(first(&|i| i.rsi.value(14).is_some()), 15);
    assert_eq!(first(&|i| i.rsi.value(50).is_some()), 51);
    assert_eq!(first(&|i| i.rsi.previous(14).is_some()), 16);
    assert_eq!([first(&|i| i.ema21.value().is_some()), first(&|i| i.ema200.value().is_some())], [21, 200]);
    assert_eq!([first(&|i| i.macd.value().is_some()), first(&|i| i.atr.value().is_some())], [34, 10]);
    assert_eq!(first(&|i| i.utbot.stops().is_some()), 50);
    assert_eq!(
        [first(&|i| i.ichimoku.tenkan().is_some()), first(&|i| i.ichimoku.kijun().is_some())],
        [9, 26]
    );
    assert_eq!(
        [first(&|i| i.ichimoku.senkou_a().is_some()), first(&|i| i.ichimoku.senkou_b().is_some())],
        [52, 78]
    );
    assert_eq!(first(&|i| i.previous_close().is_some()), 2);
    assert_eq!(CellName::ALL.map(|which| first(&|i| i.cell(which).is_some())), [21, 50, 200, 34, 15, 50, 78]);
    assert_eq!(CellName::ALL.map(|which| first(&|i| i.turn(which).is_some())), [21, 50, 200, 34, 15, 50, 78]);
    assert_eq!(first(&|i| i.score().is_some()), 60);
}

#[test]
fn a_market_that_never_moves_is_neutral_everywhere() {
    let still = after((0..300).map(|_| flat(1.25)));
    assert_eq!(still.rsi.value(14), Some(50.0));
    assert_eq!(still.atr.value(), Some(0.0));
    assert!(!still.is_quiet(), "200 equal ranges: none is strictly below the others");
    for which in CellName::ALL {
        let cell = still.cell(which).unwrap();
        assert_eq!((cell.signal, cell.is_new, cell.eighths), (Signal::Neutral, false, 0), "{which:?}");
        assert_eq!(turned(&still, which), Some(Signal::Neutral));
    }
    let score = still.score().unwrap();
    assert_eq!((score.raw(), score.final_(), score.buy_percent()), (0.0, 0.0, 50.0));
}

#[test]
fn rsi_is_100_without_losses_and_counts_as_touching_70() {
    let rising = after((1..=20).map(|i| flat(f64::from(i))));
    assert_eq!(rising.rsi.value(14), Some(100.0));
    assert_eq!(signal(&rising, CellName::Rsi), Some(Signal::Sell));
}

#[test]
fn rsi_of_exactly_70_and_30_is_inside() {
    // Seven gains and seven losses whose sums are as 7 to 3, or 3 to 7.
    let closes = |gain: f64, loss: f64| {
        let steps = [gain, -loss].into_iter().cycle().take(14);
        let path = steps.scan(1000.0, |close, step| {
            *close += step;
            Some(*close)
        });
        after([1000.0].into_iter().chain(path).map(flat))
    };
    let (high, low) = (closes(7.0, 3.0), closes(3.0, 7.0));
    assert_eq!((high.rsi.value(14), signal(&high, CellName::Rsi)), (Some(70.0), Some(Signal::Sell)));
    assert_eq!(low.rsi.value(14).map(|rsi| (rsi - 30.0).abs() < 1e-12), Some(true));
}

#[test]
fn a_gap_counts_in_the_true_range_and_the_first_bar_has_none() {
    let bar = |low: f64, high: f64, close: f64| Ohlc { open: low, high, low, close };
    let calm = (0..9).map(|_| bar(10.0, 11.0, 10.5));
    let gap_up = after(calm.clone().chain([bar(20.0, 21.0, 20.5)]));
    assert!((gap_up.atr.value().unwrap() - (9.0 + 10.5) / 10.0).abs() < 1e-12);
    let gap_down = after(calm.chain([bar(1.0, 2.0, 1.5), bar(1.0, 2.0, 1.5)]));
    assert!((gap_down.atr.value().unwrap() - ((9.0 + 9.5) / 10.0 * 9.0 + 1.0) / 10.0).abs() < 1e-12);
}

// UTBot

/// UTBot fed by hand: closes, with an EMA50 of 100 and an ATR of 1 unless given.
fn utbot(steps: &[(f64, f64, f64)]) -> Vec<(Mode, f64, f64)> {
    let mut utbot = UtBot::default();
    let mut next = |(close, ema, atr): &(f64, f64, f64)| {
        utbot.update(*close, Some(*ema), Some(*atr));
        let stops = utbot.stops().unwrap();
        (utbot.mode(), stops.long, stops.short)
    };
    steps.iter().map(&mut next).collect()
}

#[test]
fn utbot_stays_neutral_on_the_edge_of_the_band_and_trails_nothing() {
    let seen = utbot(&[(103.0, 100.0, 1.0), (97.0, 100.0, 1.0), (100.0, 100.0, 2.0)]);
    assert_eq!(seen[0], (Mode::Neutral, 97.0, 103.0));
    assert_eq!(seen[1], (Mode::Neutral, 97.0, 103.0));
    assert_eq!(seen[2], (Mode::Neutral, 94.0, 106.0));
}

#[test]
fn in_long_mode_the_long_stop_never_falls_and_the_other_follows() {
    let seen = utbot(&[(104.0, 100.0, 1.0), (104.0, 101.0, 1.0), (104.0, 100.0, 2.0), (98.0, 100.0, 2.0)]);
    assert_eq!(seen[0], (Mode::Long, 97.0, 103.0));
    assert_eq!(seen[1], (Mode::Long, 98.0, 104.0));
    assert_eq!(seen[2], (Mode::Long, 98.0, 106.0));
    assert_eq!(seen[3].0, Mode::Long, "on the stop is not below it");
}

#[test]
fn a_close_below_the_trailed_stop_flips_and_the_bar_shows_the_stop_that_broke() {
    let seen = utbot(&[
        (104.0, 100.0, 1.0),
        (104.0, 101.0, 1.0),
        (97.9, 100.0, 2.0),
        (97.0, 99.0, 1.0),
        (96.0, 99.0, 2.0),
    ]);
    assert_eq!(seen[2], (Mode::Short, 98.0, 106.0));
    assert_eq!(seen[3], (Mode::Short, 96.0, 102.0), "the short stop trails from 106 down to 102");
    assert_eq!(seen[4], (Mode::Short, 93.0, 102.0), "and does not rise again");
}

#[test]
fn leaving_neutral_at_the_first_bar_is_a_flip() {
    // 49 still bars, then one far above: EMA50 and both stops exist for the first time.
    let still = (0..49).map(|_| flat(1.0));
    let jumped = after(still.clone().chain([flat(2.0)]));
    let turn = jumped.turn(CellName::Utbot).unwrap();
    assert_eq!((turn.signal, turn.value, turn.previous), (Signal::Buy, Some(2.0), Some(1.0)));
    assert_eq!(turn.threshold, jumped.utbot.stops().map(|stops| stops.short));
    assert!(jumped.cell(CellName::Utbot).unwrap().is_new);
    let waited = after(still.chain([flat(1.0)]));
    let turn = waited.turn(CellName::Utbot).unwrap();
    assert_eq!((turn.signal, turn.threshold), (Signal::Neutral, None));
}

// Ichimoku

/// 78 bars whose cloud at the next bar lies from 10 to 20, then bars that close at the given prices. Highs and lows
/// stay from 0 to 40 afterwards, so Tenkan and Kijun do not cross.
fn ichimoku_at(closes: &[f64]) -> Vec<(Signal, bool, &'static str)> {
    let wide = |close| Ohlc { open: close, high: 40.0, low: 0.0, close };
    // Middle of 52 is 10, of 9 and 26 is 20, at the bars that the cloud will be computed from.
    let early = (0..26).map(|_| Ohlc { open: 10.0, high: 10.0, low: -20.0, close: 10.0 });
    let late = (0..53).map(|_| Ohlc { open: 20.0, high: 40.0, low: 0.0, close: 15.0 });
    let mut indicators = after(early.chain(late));
    let mut next = |close: &f64| {
        indicators.update(&wide(*close), Version::NEWEST);
        let cell = indicators.cell(CellName::Ichimoku).unwrap();
        (cell.signal, cell.is_new, cell.reason)
    };
    closes.iter().map(&mut next).collect()
}

#[test]
fn the_edge_of_the_cloud_is_inside_and_beyond_it_is_a_breakout_for_three_bars() {
    let mut ichimoku = Ichimoku::default();
    (0..26).for_each(|_| ichimoku.update(10.0, -20.0));
    (0..54).for_each(|_| ichimoku.update(40.0, 0.0));
    let cloud = ichimoku.cloud().unwrap();
    assert_eq!((cloud.a, cloud.b), (20.0, 10.0), "what the cases below stand on");

    let seen = ichimoku_at(&[20.0, 20.5, 21.0, 21.0, 21.0]);
    assert_eq!(seen[0], (Signal::Buy, false, "close inside the cloud, which rises"));
    assert_eq!(seen[1], (Signal::Buy, true, "close above the cloud, broke out at this bar"));
    assert_eq!(seen[3], (Signal::Buy, true, "close above the cloud, broke out two bars ago"));
    assert_eq!(seen[4], (Signal::Buy, false, "close above the cloud"));
}

#[test]
fn a_breakout_stays_new_after_the_close_went_back_inside() {
    let seen = ichimoku_at(&[15.0, 9.0, 10.0]);
    assert_eq!(seen[1], (Signal::Sell, true, "close below the cloud, broke out at this bar"));
    assert_eq!(seen[2], (Signal::Buy, true, "close inside the cloud, which rises, broke out one bar ago"));
}

#[test]
fn from_one_side_of_the_cloud_to_the_other_is_a_breakout() {
    let seen = ichimoku_at(&[25.0, 25.0, 25.0, 25.0, 5.0]);
    assert_eq!(seen[3], (Signal::Buy, false, "close above the cloud"));
    assert_eq!(seen[4], (Signal::Sell, true, "close below the cloud, broke out at this bar"));
}

// Correlation

fn pair(closes: impl IntoIterator<Item = (f64, f64)>) -> PairReturns {
    let mut returns = PairReturns::default();
    closes.into_iter().for_each(|(a, b)| returns.update(a, b));
    returns
}

fn wave(i: i32) -> f64 {
    100.0 + f64::from(i * 7919 % 101) / 10.0
}

#[test]
fn a_coefficient_needs_a_full_window_of_returns() {
    let closes = |count| (0..count).map(|i| (wave(i), wave(i + 5)));
    assert_eq!(pair(closes(20)).coefficient(20), None);
    assert!(pair(closes(21)).coefficient(20).is_some());
    assert_eq!(pair(closes(120)).coefficient(120), None);
    assert!(pair(closes(121)).coefficient(120).is_some());
}

#[test]
fn a_symbol_that_stands_still_has_no_correlation_until_it_moves() {
    let still_then = |moves: i32| (0..40 + moves).map(|i| (wave(i), if i < 40 { 1.5 } else { wave(i) }));
    assert_eq!(pair(still_then(0)).coefficient(20), None);
    assert!(pair(still_then(1)).coefficient(20).is_some());
    // Doubling every bar: returns that are equal and not zero.
    let doubling = (0..30).map(|i| (2f64.powi(i), wave(i)));
    assert_eq!(pair(doubling).coefficient(20), None);
}

#[test]
fn one_with_itself_is_1_and_with_its_inverse_minus_1() {
    let same = pair((0..121).map(|i| (wave(i), wave(i))));
    let inverse = pair((0..121).map(|i| (wave(i), 1.0 / wave(i))));
    for window in [20, 50, 90, 120] {
        assert!((same.coefficient(window).unwrap() - 1.0).abs() < 1e-12);
        assert!((inverse.coefficient(window).unwrap() + 1.0).abs() < 1e-12);
        assert!(same.coefficient(window).unwrap() <= 1.0);
    }
}

#[test]
fn only_the_last_returns_of_the_window_count() {
    let tail = |i: i32| (wave(i), wave(i * 3 + 1));
    let long = pair((0..500).map(|i| if i < 400 { (wave(i + 9), 1.0) } else { tail(i) }));
    let short = pair((449..500).map(tail));
    assert_eq!(long.coefficient(50), short.coefficient(50));
}

// What must hold for every series

fn any_bar() -> impl Strategy<Value = Ohlc> {
    let price = prop_oneof![
        4 => (90_000..110_000i64).prop_map(|points| points as f64 / 100_000.0),
        1 => prop::sample::select(vec![1e-9, 0.5, 1.0, 9.2e18]),
        1 => (1..=i64::MAX).prop_map(|points| points as f64 / 1e9),
    ];
    prop::array::uniform4(price).prop_map(|[a, b, c, d]| {
        let (high, low) = (a.max(b).max(c).max(d), a.min(b).min(c).min(d));
        Ohlc { open: a, high, low, close: b }
    })
}

fn numbers(text: &str) -> usize {
    text.matches("inf").count() + text.matches("NaN").count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_price_that_the_log_can_carry_makes_state_or_reading_other_than_finite(
        bars in prop::collection::vec(any_bar(), 1..300),
    ) {
        let (mut indicators, mut pair) = (Indicators::default(), PairReturns::default());
        for bar in &bars {
            indicators.update(bar, Version::NEWEST);
            pair.update(bar.open, bar.close);
        }
        prop_assert_eq!(numbers(&format!("{indicators:?} {pair:?}")), 0);
        for which in CellName::ALL {
            prop_assert!(indicators.cell(which).is_none_or(|cell| cell.eighths.abs() <= 10));
        }
        let in_range = |value: Option<f64>, least: f64| value.is_none_or(|x| (least..=100.0).contains(&x));
        prop_assert!((5..=50).all(|period| in_range(indicators.rsi.value(period), 0.0)));
        prop_assert!(in_range(indicators.score().map(|score| score.final_()), -100.0));
        let coefficients = [20, 50, 90, 120].map(|window| pair.coefficient(window));
        prop_assert!(coefficients.iter().flatten().all(|r| (-1.0..=1.0).contains(r)));
    }

    #[test]
    fn an_ema_lies_between_the_smallest_and_largest_close(
        bars in prop::collection::vec(any_bar(), 21..120),
    ) {
        let closes = || bars.iter().map(|bar| bar.close);
        let (least, most) = (closes().fold(f64::MAX, f64::min), closes().fold(0.0, f64::max));
        let ema = after(bars.iter().copied()).ema21.value().unwrap();
        prop_assert!(least * (1.0 - 1e-12) <= ema && ema <= most * (1.0 + 1e-12));
    }
}
