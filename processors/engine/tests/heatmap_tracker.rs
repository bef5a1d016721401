//! `heatmap_tracker` from records to triggers. A path of prices that gives a wanted Buy% is found while it is played: at
//! each bar a copy of the engine is asked what some closes would lead to, and the first that fits is taken. The
//! readings themselves are held elsewhere (`golden.rs`, `vectors.rs`, the reference); here it is what follows from them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;

use bellwether_engine::Effect;
use bellwether_schemas::alerts::HeatmapTracker;
use bellwether_schemas::readings::Reading;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::{Price, Timeframe, Timestamp};
use journal::{Journal, fired, history_bar, minute, settings, statuses};

const BTC: &str = "BTCUSDm";
/// What the market stood at for a day before the tests begin.
const LEVEL: i64 = 100_000;

/// Where a reading is to stand, for an alert with both lines at 60.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Zone {
    Buy,
    Neither,
    Sell,
}

use Zone::{Buy, Neither, Sell};

impl Zone {
    fn of(buy_percent: f64) -> Self {
        match buy_percent {
            high if high >= 60.0 => Buy,
            low if low <= 40.0 => Sell,
            _ => Neither,
        }
    }
}

/// Minutes since midnight of the first day.
fn clock(hours: i64, minutes: i64) -> i64 {
    hours * 60 + minutes
}

fn tracker(style: &str) -> HeatmapTracker {
    HeatmapTracker {
        pairs: vec!["BTC/USD".into()],
        trading_style: style.into(),
        buy_threshold: 60,
        sell_threshold: 60,
    }
}

/// Up to 06:50 of the first day: enough five-minute and half-hour bars for a scalper's reading of coverage 0.5.
fn warm() -> Journal {
    let mut journal = Journal::new(&[BTC]);
    journal.history(past(BTC));
    journal
}

fn past(symbol: &str) -> Vec<bellwether_schemas::bars::HistoryBar> {
    // A slow wave, so that the averages stand apart and a close can lie between them.
    let price = |bar: i64| LEVEL + (bar.rem_euclid(40) - 20).abs() * 10 + bar.rem_euclid(2) * 10;
    let short = (-220..82)
        .map(|bar| history_bar(symbol, Timeframe::M5, minute(bar * 5), minute(bar * 5 + 5), price(bar)));
    let long = (-60..13)
        .map(|bar| history_bar(symbol, Timeframe::M30, minute(bar * 30), minute(bar * 30 + 30), price(bar)));
    let mut bars: Vec<_> = short.chain(long).collect();
    bars.sort_by_key(|bar| bar.close_time);
    bars
}

fn scalper_at(effects: &[Effect], at: Timestamp) -> Option<f64> {
    effects.iter().rev().find_map(|effect| match effect {
        Effect::Reading(Reading::Heatmap(heatmap))
            if heatmap.style == "scalper" && heatmap.close_time == at =>
        {
            Some(heatmap.buy_percent)
        }
        _ => None,
    })
}

/// Every close that is tried, the nearest to the level first.
fn closes() -> impl Iterator<Item = i64> {
    let near = (1..60).map(|step| step * 10);
    let far = [1000, 3000, 6000, 10_000, 15_000, 20_000, 30_000, 45_000];
    near.chain(far).flat_map(|by| [LEVEL + by, LEVEL - by])
}

/// A five-minute bar that closes at that minute with the reading in that zone, closed `delay` later than it could be.
fn steer_late(journal: &mut Journal, close: i64, zone: Zone, delay: i64) -> Vec<Effect> {
    let play = |journal: &mut Journal, price: i64| {
        let before = journal.effects.len();
        let bid = Price { mantissa: price, scale: 0 };
        journal.quote(minute(close - 5), BTC, bid, price, minute(close - 5));
        journal.heartbeat(minute(close).plus(2_000_000 + delay));
        journal.effects[before..].to_vec()
    };
    let mut reached = Vec::new();
    let mut fits = |price: &i64| {
        let effects = play(&mut journal.copy(), *price);
        let buy_percent = scalper_at(&effects, minute(close)).unwrap();
        reached.push((*price, buy_percent));
        Zone::of(buy_percent) == zone
    };
    let found = closes().find(&mut fits);
    let price = found.unwrap_or_else(|| panic!("nothing leads to {zone:?} at minute {close}: {reached:?}"));
    play(journal, price)
}

fn steer(journal: &mut Journal, close: i64, zone: Zone) -> Vec<Effect> {
    steer_late(journal, close, zone, 0)
}

/// Side and minute of every trigger.
fn fires(effects: &[Effect]) -> Vec<(String, i64)> {
    let of = |time: Timestamp| time.since(minute(0)) / MINUTE;
    fired(effects).iter().map(|trigger| (trigger.condition.to_string(), of(trigger.close_time))).collect()
}

/// Plays the path from 06:55 on, where the alert's baseline is taken outside both zones.
fn path(steps: &[(i64, Zone)]) -> Vec<(String, i64)> {
    let mut journal = warm();
    journal.alert(1, 1, tracker("scalper"));
    played(&mut journal, steps)
}

fn played(journal: &mut Journal, steps: &[(i64, Zone)]) -> Vec<(String, i64)> {
    let before = journal.effects.len();
    steer(journal, clock(6, 55), Neither);
    for (close, zone) in steps {
        steer(journal, *close, *zone);
    }
    fires(&journal.effects[before..])
}

fn buy(hours: i64, minutes: i64) -> (String, i64) {
    ("buy".into(), clock(hours, minutes))
}

fn sell(hours: i64, minutes: i64) -> (String, i64) {
    ("sell".into(), clock(hours, minutes))
}

#[test]
fn timing_case_1_nothing_fires_in_four_hours_and_the_same_side_not_after_them() {
    let steps = [
        (clock(7, 0), Buy),
        (clock(7, 5), Sell),
        (clock(7, 10), Buy),
        (clock(10, 55), Sell),
        (clock(11, 0), Buy),
    ];
    assert_eq!(path(&steps), [buy(7, 0)]);
}

#[test]
fn timing_case_2_the_same_side_stays_silent_after_the_cooldown() {
    assert_eq!(path(&[(clock(7, 0), Buy), (clock(7, 5), Neither), (clock(11, 0), Buy)]), [buy(7, 0)]);
}

#[test]
fn timing_case_3_the_other_side_fires_after_that() {
    let steps = [(clock(7, 0), Buy), (clock(7, 5), Neither), (clock(11, 0), Buy), (clock(11, 5), Sell)];
    assert_eq!(path(&steps), [buy(7, 0), sell(11, 5)]);
}

#[test]
fn timing_case_4_the_other_side_fires_exactly_when_the_cooldown_ends() {
    assert_eq!(path(&[(clock(7, 0), Buy), (clock(11, 0), Sell)]), [buy(7, 0), sell(11, 0)]);
    let early = [(clock(7, 0), Buy), (clock(10, 55), Sell), (clock(11, 0), Sell)];
    assert_eq!(path(&early), [buy(7, 0)], "an entry during the cooldown is lost");
}

#[test]
fn the_same_side_is_free_exactly_24_hours_after_its_trigger() {
    let day = clock(24, 0);
    let steps = |last: i64| [(clock(7, 0), Buy), (last - 5, Neither), (last, Buy)];
    assert_eq!(path(&steps(day + clock(6, 55))), [buy(7, 0)]);
    assert_eq!(path(&steps(day + clock(7, 0))), [buy(7, 0), buy(31, 0)]);
}

#[test]
fn ignored_entries_restart_nothing() {
    let day = clock(24, 0);
    let steps = [
        (clock(7, 0), Buy),
        (clock(7, 5), Neither),
        (clock(12, 0), Buy),
        (clock(12, 5), Neither),
        (day + clock(7, 0), Buy),
    ];
    assert_eq!(path(&steps), [buy(7, 0), buy(31, 0)]);
}

#[test]
fn the_other_side_ends_the_suppression_of_the_first_and_begins_its_own() {
    let steps = [(clock(7, 0), Buy), (clock(11, 0), Sell), (clock(15, 0), Buy), (clock(19, 0), Sell)];
    assert_eq!(path(&steps), [buy(7, 0), sell(11, 0), buy(15, 0), sell(19, 0)]);
}

#[test]
fn a_tenants_own_spans_hold_and_a_change_of_them_counts_from_there_on() {
    let mut journal = warm();
    let spans = |cooldown, suppression| Settings {
        heatmap_cooldown: cooldown * MINUTE,
        heatmap_suppression: suppression * MINUTE,
        ..settings(&[BTC])
    };
    journal.settings(2, spans(10, 15));
    journal.alert(1, 1, tracker("scalper"));
    let steps = [(clock(7, 0), Buy), (clock(7, 5), Sell), (clock(7, 10), Buy), (clock(7, 15), Sell)];
    let found = played(&mut journal, &steps);
    assert_eq!(found, [buy(7, 0), sell(7, 15)]);
    journal.settings(3, spans(5, 10));
    let effects = steer(&mut journal, clock(7, 20), Buy);
    assert_eq!(fires(&effects), [buy(7, 20)]);
}

#[test]
fn inside_at_the_baseline_it_fires_only_after_leaving_and_entering_again() {
    let mut journal = warm();
    journal.alert(1, 1, tracker("scalper"));
    let before = journal.effects.len();
    for (close, zone) in
        [(clock(6, 55), Buy), (clock(7, 0), Buy), (clock(7, 5), Neither), (clock(7, 10), Buy)]
    {
        steer(&mut journal, close, zone);
    }
    assert_eq!(fires(&journal.effects[before..]), [buy(7, 10)]);
}

#[test]
fn a_trigger_explains_itself_with_its_cells_and_their_reasons() {
    let mut journal = warm();
    journal.alert(1, 4, tracker("scalper"));
    steer(&mut journal, clock(6, 55), Neither);
    let before = scalper_at(&journal.effects, minute(clock(6, 55))).unwrap();
    let effects = steer(&mut journal, clock(7, 0), Sell);
    let now = scalper_at(&effects, minute(clock(7, 0))).unwrap();
    let trigger = fired(&effects).remove(0);
    assert_eq!((trigger.alert_version, trigger.condition.name()), (4, "sell"));
    assert_eq!(trigger.symbol.as_ref().unwrap().as_str(), BTC);
    assert_eq!(trigger.timeframe, Some(Timeframe::M5), "the shortest of the style that closed there");
    assert_eq!((trigger.open_time, trigger.close_time), (minute(clock(6, 55)), minute(clock(7, 0))));
    assert_eq!((trigger.value, trigger.previous), (Some(100.0 - now), Some(100.0 - before)));
    assert_eq!(trigger.threshold, Some(60.0));
    let detail: serde_json::Value = serde_json::from_str(trigger.detail.as_str()).unwrap();
    assert_eq!(detail["coverage"], 0.5);
    assert_eq!(detail["cells"].as_object().unwrap().keys().collect::<Vec<_>>(), ["30M", "5M"]);
    assert_eq!(detail["cells"]["5M"]["EMA21"]["signal"], "sell");
    assert!(detail["cells"]["5M"]["EMA21"]["reason"].as_str().unwrap().contains("below"), "{detail}");
    assert!(detail["text"].as_str().unwrap().starts_with("Intraday Sell% went from "), "{detail}");
}

#[test]
fn an_edit_drops_the_cooldown_and_takes_a_fresh_baseline() {
    let mut journal = warm();
    journal.alert(1, 1, tracker("scalper"));
    assert_eq!(played(&mut journal, &[(clock(7, 0), Buy), (clock(7, 5), Neither)]), [buy(7, 0)]);
    journal.alert(1, 2, tracker("scalper"));
    let before = journal.effects.len();
    for (close, zone) in [(clock(7, 10), Buy), (clock(7, 15), Neither), (clock(7, 20), Buy)] {
        steer(&mut journal, close, zone);
    }
    assert_eq!(fires(&journal.effects[before..]), [buy(7, 20)]);
}

#[test]
fn a_stale_entry_fires_nothing_and_starts_no_cooldown() {
    let mut journal = warm();
    journal.alert(1, 1, tracker("scalper"));
    steer(&mut journal, clock(6, 55), Neither);
    // The shortest timeframe that closes at 07:00 is 5M: stale is what is closed more than 10 minutes late.
    assert_eq!(fires(&steer_late(&mut journal, clock(7, 0), Buy, 10 * MINUTE + 1)), []);
    assert_eq!(fires(&steer(&mut journal, clock(7, 20), Buy)), [], "state moved: it is inside already");
    assert_eq!(fires(&steer(&mut journal, clock(7, 25), Neither)), []);
    assert_eq!(fires(&steer(&mut journal, clock(7, 30), Buy)), [buy(7, 30)]);

    let mut journal = warm();
    journal.alert(1, 1, tracker("scalper"));
    steer(&mut journal, clock(6, 55), Neither);
    assert_eq!(fires(&steer_late(&mut journal, clock(7, 0), Buy, 10 * MINUTE)), [buy(7, 0)]);
}

#[test]
fn history_moves_state_and_fires_nothing() {
    let mut journal = warm();
    journal.alert(1, 1, tracker("scalper"));
    steer(&mut journal, clock(6, 55), Neither);
    let bar = |close: i64, price: i64| {
        history_bar(BTC, Timeframe::M5, minute(clock(7, close - 5)), minute(clock(7, close)), price)
    };
    // Prices that would be entries of both zones, were they live.
    let effects = journal.history(vec![bar(5, LEVEL + 6000), bar(10, LEVEL - 6000), bar(15, LEVEL + 6000)]);
    let zones: Vec<Zone> = [5, 10, 15]
        .iter()
        .map(|close| Zone::of(scalper_at(&effects, minute(clock(7, *close))).unwrap()))
        .collect();
    assert_eq!(zones, [Buy, Sell, Buy]);
    assert_eq!(fires(&effects), []);
    assert_eq!(fires(&steer(&mut journal, clock(7, 20), Buy)), [], "state moved");
    assert_eq!(fires(&steer(&mut journal, clock(7, 25), Sell)), [sell(7, 25)], "no cooldown began");
}

#[test]
fn a_style_without_coverage_has_no_reading_and_its_alert_warms_up() {
    let mut journal = warm();
    let state = |effects: &[Effect]| statuses(effects).remove(0).state.name();
    assert_eq!(state(&journal.alert(1, 1, tracker("scalper"))), "active");
    assert_eq!(state(&journal.alert(2, 1, tracker("swingTrader"))), "warming");
}

#[test]
fn each_symbol_has_its_own_cooldown_and_symbols_of_one_instant_share_a_group() {
    let mut journal = Journal::new(&["ETHUSDm", BTC]);
    journal.history(past("ETHUSDm"));
    let mut bars = past(BTC);
    bars.retain(|bar| bar.close_time <= minute(clock(6, 50)));
    journal.history(bars);
    let pairs = vec!["BTCUSD".into(), "eth/usd".into()];
    journal.alert(1, 1, HeatmapTracker { pairs, ..tracker("scalper") });
    let both = |journal: &mut Journal, close: i64, price: i64| {
        let bid = Price { mantissa: price, scale: 0 };
        journal.five_minutes(close / 5 - 1, &[(BTC, bid), ("ETHUSDm", bid)])
    };
    both(&mut journal, clock(6, 55), LEVEL + 5);
    let found = fired(&both(&mut journal, clock(7, 0), LEVEL + 6000));
    let names: Vec<_> = found.iter().map(|t| (t.symbol.as_ref().unwrap().as_str(), t.group.index)).collect();
    assert_eq!(names, [("ETHUSDm", 0), (BTC, 1)], "in the tenant's order, not the alert's");
    assert!(found.iter().all(|trigger| trigger.group.size == 2 && trigger.group.id == found[0].group.id));
}

#[test]
fn a_wrong_column_is_refused_with_its_reason() {
    let refused = |tracker: HeatmapTracker| {
        let status = statuses(&Journal::new(&[BTC]).alert(1, 1, tracker)).remove(0);
        (status.state.name(), status.reason.unwrap_or_default())
    };
    let reason = |text: &str| ("refused", text.to_string());
    let style = HeatmapTracker { trading_style: "Scalper".into(), ..tracker("") };
    assert_eq!(
        refused(style),
        reason(r#"trading_style is "Scalper", it must be one of scalper, swingTrader"#)
    );
    let high = HeatmapTracker { buy_threshold: 101, ..tracker("scalper") };
    assert_eq!(refused(high), reason("buy_threshold is 101, it must be from 0 to 100"));
    let low = HeatmapTracker { sell_threshold: -1, ..tracker("scalper") };
    assert_eq!(refused(low), reason("sell_threshold is -1, it must be from 0 to 100"));
    let many = HeatmapTracker { pairs: vec!["a".into(); 4], ..tracker("scalper") };
    assert_eq!(refused(many), reason("pairs has 4 symbols, it must have 1 to 3"));
    let none = HeatmapTracker { pairs: vec!["EURUSD".into()], ..tracker("scalper") };
    assert_eq!(refused(none), reason(r#"none of the pairs is watched here: "EURUSD""#));
}
