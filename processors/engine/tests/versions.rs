//! Each version of the rules gives what it always gave, and a newer one holds from the settings that name it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;
mod parts;

use bellwether_engine::indicators::{MAX_PERIOD, MIN_PERIOD, RsiBank};
use bellwether_engine::snapshot::PartKey;
use bellwether_engine::{ENGINE_VERSION, Effect, Version};
use bellwether_schemas::alerts::{
    CurrencyStrengthTracker, HeatmapIndicatorTracker, PriceAlert, RsiCorrelationTracker,
};
use bellwether_schemas::readings::Reading;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::triggers::{Detail, TriggerFired};
use bellwether_schemas::{Price, Timeframe};
use journal::{Journal, Watched, fired, minute, rsi, settings, statuses};
use parts::{changed, written};
use proptest::prelude::*;

const SYMBOL: &str = "EURUSDm";

/// Steps after which RSI(14) is 70: of 100 that moved 70 went up.
const TO_SEVENTY: [i64; 14] = [10, -6, 10, 10, -6, 10, 10, -6, 10, 10, -6, 0, 0, -6];

/// Whole prices, of which every difference is exact.
fn whole(mantissa: i64) -> Price {
    Price { mantissa, scale: 0 }
}

/// An alert on RSI(14) at 70, and five-minute bars up to where it is 70 exactly: what price they end at.
fn to_seventy(version: i32) -> (Journal, i64) {
    let mut journal = Journal::of_version(version, &[SYMBOL]);
    journal.alert(1, 1, rsi(Timeframe::M5, 14, 70, 30));
    let mut price = 110_000;
    journal.five_minutes(0, &[(SYMBOL, whole(price))]);
    for (bar, step) in (1..).zip(TO_SEVENTY) {
        price += step;
        journal.five_minutes(bar, &[(SYMBOL, whole(price))]);
    }
    assert_eq!(last_rsi(&journal.effects), Some(70.0));
    (journal, price)
}

fn last_rsi(effects: &[Effect]) -> Option<f64> {
    let rsi = |effect: &Effect| match effect {
        Effect::Reading(Reading::Indicators(reading)) if reading.timeframe == Timeframe::M5 => {
            Some(reading.rsi14)
        }
        _ => None,
    };
    effects.iter().rev().find_map(rsi).flatten()
}

fn still_bars(journal: &mut Journal, price: i64, bars: std::ops::Range<i64>) -> Vec<TriggerFired> {
    let before = journal.effects.len();
    bars.for_each(|bar| drop(journal.five_minutes(bar, &[(SYMBOL, whole(price))])));
    fired(&journal.effects[before..])
}

#[test]
fn an_rsi_that_is_exactly_70_fires_nothing_in_700_bars_that_do_not_move() {
    let (mut journal, price) = to_seventy(2);
    assert_eq!(still_bars(&mut journal, price, 15..715), []);
    assert_eq!(last_rsi(&journal.effects), Some(70.0));
    let moved = journal.five_minutes(715, &[(SYMBOL, whole(price - 100))]);
    assert!(last_rsi(&moved) < Some(30.0), "behind so long a calm one step is everything");
    assert_eq!(fired(&moved).len(), 1, "oversold");
}

#[test]
fn the_first_version_goes_on_firing_where_rounding_wobbled_over_the_line() {
    let (mut journal, price) = to_seventy(1);
    let triggers = still_bars(&mut journal, price, 15..715);
    assert!(triggers.len() > 5, "{}", triggers.len());
    assert!(triggers.iter().all(|trigger| trigger.engine_version == 1));
}

#[test]
fn a_newer_version_holds_from_the_settings_that_name_it_at_the_same_revision() {
    let (mut first, price) = to_seventy(1);
    let (mut switched, _) = to_seventy(1);
    let before = still_bars(&mut first, price, 15..365);
    assert!(!before.is_empty());
    assert_eq!(still_bars(&mut switched, price, 15..365), before, "before the switch nothing differs");
    switched.version = 2;
    switched.settings(1, settings(&[SYMBOL]));
    let value = last_rsi(&switched.effects);
    assert!(!still_bars(&mut first, price, 365..715).is_empty());
    assert_eq!(still_bars(&mut switched, price, 365..715), [], "behind it nothing wobbles any more");
    assert_eq!(last_rsi(&switched.effects), value, "what stands is what the first version computed last");
    let moved = switched.five_minutes(715, &[(SYMBOL, whole(price - 100))]);
    assert_eq!(fired(&moved)[0].engine_version, 2);
}

#[test]
fn settings_that_only_name_a_newer_version_change_nothing_else() {
    let (mut journal, _) = to_seventy(1);
    journal.alert(2, 1, rsi(Timeframe::H1, 14, 70, 30));
    let before = written(&journal.engine);
    assert_eq!(journal.settings(1, settings(&[SYMBOL])), [], "the same again is no news");
    assert_eq!(changed(&before, &written(&journal.engine)), []);
    journal.version = ENGINE_VERSION;
    assert_eq!(journal.settings(1, settings(&[SYMBOL])), []);
    assert_eq!(changed(&before, &written(&journal.engine)), [PartKey::Core]);
    let upgraded = written(&journal.engine);
    journal.version = 1;
    journal.settings(1, settings(&[SYMBOL]));
    assert_eq!(changed(&upgraded, &written(&journal.engine)), [], "nor is the same revision by older rules");
    journal.settings(2, settings(&[SYMBOL]));
    assert_ne!(written(&journal.engine)[0], upgraded[0]);
}

#[test]
fn a_stored_state_goes_on_by_the_rules_that_were_in_force() {
    for version in 1..=ENGINE_VERSION {
        let (mut straight, price) = to_seventy(version);
        let mut restored = straight.copy();
        restored.engine = parts::read(journal::tenant(), &written(&straight.engine)).unwrap();
        let expected = still_bars(&mut straight, price, 15..100);
        assert_eq!(still_bars(&mut restored, price, 15..100), expected, "version {version}");
    }
}

#[test]
fn a_pair_sees_the_value_that_stands() {
    for (version, expected) in [(1, true), (2, false)] {
        let mut journal = Journal::of_version(version, &[SYMBOL, "GBPUSDm", "USDCHFm"]);
        journal.alert(
            1,
            1,
            RsiCorrelationTracker {
                timeframe: Timeframe::M5,
                mode: "rsi_threshold".into(),
                rsi_period: 14,
                rsi_overbought: 70,
                rsi_oversold: 30,
                correlation_window: 50,
            },
        );
        let (mut price, mut fired_later) = (110_000, false);
        for bar in 0..715 {
            price += usize::try_from(bar - 1).ok().and_then(|at| TO_SEVENTY.get(at)).unwrap_or(&0);
            let both = [(SYMBOL, whole(price)), ("USDCHFm", whole(price))];
            let effects = journal.five_minutes(bar, &both);
            fired_later |= bar > 15 && !fired(&effects).is_empty();
        }
        assert_eq!(fired_later, expected, "version {version}: EURUSD and USDCHF both on 70");
    }
}

/// One bar of EUR/USD and GBP/USD after another, each so many points further.
fn strengths(version: i32, steps: &[[i64; 2]]) -> Journal {
    let mut journal = Journal::of_version(version, &[SYMBOL, "GBPUSDm"]);
    journal.alert(1, 1, CurrencyStrengthTracker { timeframe: Timeframe::M5 });
    let mut prices = [110_000, 130_000];
    for (bar, step) in (0..).zip(steps) {
        prices = [prices[0] + step[0], prices[1] + step[1]];
        let closes = [(SYMBOL, whole(prices[0])), ("GBPUSDm", whole(prices[1]))];
        journal.five_minutes(bar, &closes);
    }
    journal
}

fn strength_readings(journal: &Journal) -> Vec<(i64, String)> {
    let strength = |effect: &Effect| match effect {
        Effect::Reading(Reading::Strength(reading)) if reading.timeframe == Timeframe::M5 => {
            let bar = reading.close_time.since(minute(0)) / 300_000_000 - 1;
            Some((bar, reading.strongest.to_string()))
        }
        _ => None,
    };
    journal.effects.iter().filter_map(strength).collect()
}

#[test]
fn where_nothing_moves_there_is_no_strength_reading_and_no_baseline_changes() {
    let steps = [[0, 0], [50, 20], [0, 0], [0, 0], [50, 20], [20, 50]];
    let journal = strengths(2, &steps);
    let eur = |bar| (bar, String::from("EUR"));
    assert_eq!(strength_readings(&journal), [eur(1), eur(4), (5, "GBP".into())]);
    let told: Vec<(i64, &str)> = fired(&journal.effects)
        .iter()
        .map(|trigger| (trigger.open_time.since(minute(0)) / 300_000_000, trigger.condition.name()))
        .collect();
    assert_eq!(told, [(5, "strongest")], "compared with the reading before the calm");
    assert_eq!(
        fired(&journal.effects)[0].previous,
        fired(&journal.effects)[0].previous.filter(|v| *v < 100.0)
    );
}

#[test]
fn flat_rows_before_the_first_reading_are_no_baseline() {
    let journal = strengths(2, &[[0, 0], [0, 0], [0, 0], [50, 20], [50, 20]]);
    assert_eq!(strength_readings(&journal).len(), 2);
    assert_eq!(fired(&journal.effects), []);
}

#[test]
fn the_first_version_says_that_the_first_of_the_list_leads_where_nothing_moves() {
    let journal = strengths(1, &[[0, 0], [50, 20], [0, 0]]);
    assert_eq!(strength_readings(&journal), [(1, "EUR".into()), (2, "USD".into())]);
    assert_eq!(fired(&journal.effects).len(), 1, "USD already trailed");
}

#[test]
fn a_strength_trigger_tells_the_scores_of_all_currencies_since_the_third_version() {
    let told = |version: i32| {
        let journal = strengths(version, &[[0, 0], [50, 20], [20, 50]]);
        let trigger = fired(&journal.effects).remove(0);
        let Detail::Leader(change) = trigger.read_detail().unwrap() else { panic!("{trigger:?}") };
        let text = trigger.sentence().unwrap();
        (change.scores, text, TriggerFired { detail: "".into(), engine_version: 0, ..trigger })
    };
    let [(first, text, rest), second, (third, ..)] = [told(1), told(2), told(3)];
    assert_eq!((first, second.0.clone()), (None, None));
    assert_eq!(told(3), (third.clone(), text.clone(), rest.clone()), "but for them it is the same trigger");
    assert_eq!(second, (None, text, rest));
    let scores = third.unwrap();
    assert_eq!(scores.len(), 8, "{scores:?}");
    assert_eq!((scores["GBP"], scores["USD"], scores["JPY"]), (Some(100.0), Some(-100.0), None));
    assert!(scores["EUR"].is_some_and(|score| score > -100.0 && score < 100.0), "{scores:?}");
}

/// What an alert is told by the rules of that version where the tenant watches EUR/USD alone, and one alert at most.
fn told(version: i32, alert: impl Watched) -> Option<String> {
    let mut journal = Journal::of_version(version, &[SYMBOL]);
    let status = statuses(&journal.alert(1, 1, alert)).remove(0);
    status.reason
}

#[test]
fn a_refusal_keeps_the_words_of_its_version() {
    let price = || PriceAlert { symbol: "GBPUSD".into(), above: Some(1.5), ..PriceAlert::default() };
    let turn = |pairs: &[&str]| HeatmapIndicatorTracker {
        pairs: pairs.iter().map(|name| (*name).into()).collect(),
        timeframe: Timeframe::M5,
        indicator: "RSI".into(),
    };
    let full = |version| {
        let mut journal = Journal::of_version(version, &[SYMBOL]);
        journal.settings(2, Settings { max_alerts: 0, ..settings(&[SYMBOL]) });
        statuses(&journal.alert(1, 1, rsi(Timeframe::M5, 14, 70, 30))).remove(0).reason
    };
    let all = |version| {
        [
            told(version, price()),
            told(version, turn(&["A", "B"])),
            told(version, turn(&["EURUSD", "A", "B"])),
            full(version),
            told(version, rsi(Timeframe::M5, 51, 70, 30)),
        ]
        .map(Option::unwrap)
    };
    let of_columns = "rsi_period is 51, it must be from 5 to 50";
    let before = [
        r#"symbol "GBPUSD" is not one of the tenant's"#,
        r#"none of pairs is one of the tenant's symbols: "A", "B""#,
        r#""A", "B": not one of the tenant's symbols, left out"#,
        "the tenant's limit of 0 alerts is reached",
        of_columns,
    ];
    assert_eq!((all(1), all(2)), (before.map(String::from), before.map(String::from)));
    let since = [
        r#""GBPUSD" is no symbol that is watched here"#,
        r#"none of the pairs is watched here: "A", "B""#,
        r#"left out, as it is not watched here: "A", "B""#,
        "no more alerts can be taken: all 0 places are in use",
        of_columns,
    ];
    assert_eq!(all(3), since);
}

/// Whole closes of which many stand.
fn closes() -> impl Strategy<Value = Vec<f64>> {
    let step = prop_oneof![3 => Just(0_i32), 2 => -50..50_i32];
    prop::collection::vec(step, 2..400).prop_map(|steps| {
        let mut close = 100_000;
        let mut next = |step| {
            close += step;
            f64::from(close)
        };
        steps.into_iter().map(&mut next).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// What the first version computes is Wilder's RSI: the second shows it wherever the close moved.
    #[test]
    fn rsi_of_every_period_is_the_one_before_over_a_still_close_and_wilders_over_any_other(closes in closes()) {
        let (mut first, mut second) = (RsiBank::default(), RsiBank::default());
        let mut before: Vec<Option<f64>> = vec![None; MAX_PERIOD + 1];
        for (at, close) in closes.iter().enumerate() {
            first.update(*close, Version::V1);
            second.update(*close, Version::V2);
            let stands = at > 0 && closes[at - 1] == *close;
            for (period, before) in before.iter_mut().enumerate().skip(MIN_PERIOD) {
                let kept = before.filter(|_| stands);
                let expected = kept.or_else(|| first.value(period));
                prop_assert_eq!(second.value(period), expected, "RSI({}) at {}", period, at);
                prop_assert_eq!(second.previous(period), *before);
                *before = expected;
            }
        }
    }
}
