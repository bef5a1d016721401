//! `price_alert` from records to triggers: closes and ticks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;

use bellwether_engine::Effect;
use bellwether_schemas::alerts::PriceAlert;
use bellwether_schemas::settings::{PriceBasis, Settings};
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::{AlertState, TriggerFired};
use bellwether_schemas::{Price, Timeframe};
use journal::{Journal, alert_id, fired, history_bar, minute, second, settings, statuses};
use uuid::Uuid;

const EUR: &str = "EURUSDm";

fn on_close(above: Option<f64>, below: Option<f64>, fires: &str) -> PriceAlert {
    PriceAlert { on_close: Some(Timeframe::M5), ..on_tick(above, below, fires) }
}

fn on_tick(above: Option<f64>, below: Option<f64>, fires: &str) -> PriceAlert {
    PriceAlert { symbol: "EUR/USD".into(), above, below, fires: fires.into(), ..PriceAlert::default() }
}

/// Side, level and price of every trigger.
fn hits(effects: &[Effect]) -> Vec<(String, f64, f64)> {
    let hit = |trigger: TriggerFired| {
        (trigger.condition.to_string(), trigger.threshold.unwrap(), trigger.price.unwrap())
    };
    fired(effects).into_iter().map(hit).collect()
}

fn above(level: f64, price: f64) -> (String, f64, f64) {
    ("above".into(), level, price)
}

fn below(level: f64, price: f64) -> (String, f64, f64) {
    ("below".into(), level, price)
}

fn states(effects: &[Effect]) -> Vec<AlertState> {
    statuses(effects).iter().map(|status| status.state).collect()
}

/// The hits of an alert over five-minute closes.
fn closes(alert: PriceAlert, closes: &[i64]) -> Vec<(String, f64, f64)> {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, alert);
    hits(&journal.five_minute_closes(EUR, 0, closes))
}

#[test]
fn a_level_is_crossed_by_reaching_it_from_its_side() {
    let path = [99, 100, 101, 100, 99, 102, 98, 100];
    let up = closes(on_close(Some(100.0), None, "every"), &path);
    assert_eq!(up, [above(100.0, 100.0), above(100.0, 102.0), above(100.0, 100.0)]);
    let path = [101, 100, 99, 100, 101, 98, 102, 100];
    let down = closes(on_close(None, Some(100.0), "every"), &path);
    assert_eq!(down, [below(100.0, 100.0), below(100.0, 98.0), below(100.0, 100.0)]);
}

#[test]
fn both_levels_may_be_given_and_a_gap_over_both_hits_the_one_in_its_direction() {
    let both = |fires| on_close(Some(110.0), Some(90.0), fires);
    let path = [100, 120, 80, 100, 115];
    assert_eq!(closes(both("every"), &path), [above(110.0, 120.0), below(90.0, 80.0), above(110.0, 115.0)]);
    let crossed = on_close(Some(95.0), Some(105.0), "every");
    assert_eq!(closes(crossed, &[90, 110, 90]), [above(95.0, 110.0), below(105.0, 90.0)]);
}

#[test]
fn once_ends_it_with_the_first_hit_of_either_level() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 7, on_close(Some(110.0), Some(90.0), "once"));
    journal.five_minute_closes(EUR, 0, &[100]);
    let effects = journal.five_minute_closes(EUR, 1, &[80, 120, 80]);
    assert_eq!(hits(&effects), [below(90.0, 80.0)]);
    let status = statuses(&effects).remove(0);
    assert_eq!((status.state, status.version, status.since), (AlertState::Spent, 7, Some(minute(10))));
    journal.alert(1, 8, on_close(Some(110.0), Some(90.0), "once"));
    assert_eq!(
        hits(&journal.five_minute_closes(EUR, 4, &[80, 120])),
        [above(110.0, 120.0)],
        "an edit revives it"
    );
}

#[test]
fn the_first_close_after_it_is_made_is_its_baseline() {
    let mut journal = Journal::new(&[EUR]);
    journal.five_minute_closes(EUR, 0, &[90]);
    journal.alert(1, 1, on_close(Some(100.0), None, "every"));
    assert_eq!(hits(&journal.five_minute_closes(EUR, 1, &[110, 90, 110])), [above(100.0, 110.0)]);
    let mut journal = Journal::new(&[EUR]);
    journal.tick(second(0), EUR, "95");
    journal.alert(1, 1, on_tick(Some(100.0), None, "every"));
    assert_eq!(hits(&journal.tick(second(1), EUR, "105")), []);
    journal.tick(second(2), EUR, "95");
    assert_eq!(hits(&journal.tick(second(3), EUR, "105")), [above(100.0, 105.0)]);
}

#[test]
fn a_trigger_explains_itself() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 2, PriceAlert { on_close: Some(Timeframe::M1), ..on_tick(Some(1.5), None, "once") });
    journal.tick(second(0), EUR, "1.25");
    journal.tick(second(61), EUR, "1.75");
    let trigger = fired(&journal.heartbeat(minute(3))).remove(0);
    assert_eq!(trigger.timeframe, Some(Timeframe::M1), "price alerts keep 1M");
    assert_eq!((trigger.open_time, trigger.close_time), (minute(1), minute(2)));
    assert_eq!((trigger.value, trigger.previous), (Some(1.75), Some(1.25)));
    assert_eq!((trigger.threshold, trigger.price), (Some(1.5), Some(1.75)));
    let text = "the 1M close went from 1.25 to 1.75, at or above your 1.5";
    assert_eq!(
        trigger.detail.as_str(),
        format!(r#"{{"side":"above","level":1.5,"on_close":"1M","text":"{text}"}}"#)
    );
}

#[test]
fn a_tick_alert_sees_each_tick_when_it_is_read_and_its_id_counts_ticks_of_the_same_time() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, on_tick(Some(100.0), None, "every"));
    let mut found = Vec::new();
    for bid in ["99", "100", "99", "101"] {
        found.extend(fired(&journal.tick(second(5), EUR, bid)));
    }
    assert_eq!(found.iter().map(|trigger| trigger.price.unwrap()).collect::<Vec<_>>(), [100.0, 101.0]);
    assert!(found.iter().all(|trigger| trigger.timeframe.is_none() && trigger.open_time == second(5)));
    // The rule of the specification, spelled out: `#n` counts earlier accepted ticks of that time.
    let namespace = Uuid::parse_str("64a1b937-bfe8-5204-bbd3-75bb08ade502").unwrap();
    let id = |n: u32| {
        let alert = alert_id(1);
        let cause = format!("fxlabs|price_alert|{alert}|1|EURUSDm||2024-01-03T00:00:05.000000Z#{n}|above");
        Uuid::new_v5(&namespace, cause.as_bytes())
    };
    assert_eq!(found.iter().map(|trigger| trigger.id.0).collect::<Vec<_>>(), [id(1), id(3)]);
    assert_ne!(found[0].group.id, found[1].group.id, "two ticks are two mails");
}

#[test]
fn a_tick_that_is_late_within_its_minute_is_seen_in_the_order_of_the_journal() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, on_tick(Some(100.0), Some(90.0), "every"));
    journal.tick(second(10), EUR, "95");
    assert_eq!(hits(&journal.tick(second(9), EUR, "105")), [above(100.0, 105.0)]);
    assert_eq!(hits(&journal.tick(second(11), EUR, "85")), [below(90.0, 85.0)]);
}

#[test]
fn a_refused_tick_is_not_seen() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, on_tick(Some(150.0), None, "every"));
    journal.tick(second(0), EUR, "100");
    assert_eq!(hits(&journal.tick(second(1), EUR, "200")), [], "absurd");
    assert_eq!(
        hits(&journal.tick(second(90), EUR, "200")),
        [above(150.0, 200.0)],
        "it had no part in the state"
    );
}

#[test]
fn the_tenants_basis_is_what_is_compared() {
    let mut journal = Journal::new(&[]);
    journal.settings(2, Settings { price_basis: PriceBasis::Mid, ..settings(&[EUR]) });
    journal.alert(1, 1, on_tick(Some(101.0), None, "every"));
    let quote = |journal: &mut Journal, at: i64, bid: i64, ask: i64| {
        journal.quote(second(at), EUR, Price { mantissa: bid, scale: 0 }, ask, second(at))
    };
    quote(&mut journal, 0, 100, 100);
    assert_eq!(hits(&quote(&mut journal, 1, 100, 102)), [above(101.0, 101.0)]);
}

#[test]
fn it_is_not_evaluated_from_expires_at_on_and_says_when_it_is_over() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, PriceAlert { expires_at: Some(second(30)), ..on_tick(Some(100.0), None, "every") });
    let until = Some(minute(10));
    journal.alert(2, 1, PriceAlert { expires_at: until, ..on_close(Some(100.0), None, "every") });
    journal.tick(second(0), EUR, "95");
    assert_eq!(hits(&journal.tick(second(1), EUR, "105")), [above(100.0, 105.0)]);
    journal.tick(second(29), EUR, "95");
    assert_eq!(hits(&journal.tick(second(30), EUR, "105")), [], "at its end it is over");
    let effects = journal.heartbeat(minute(1).plus(2_000_000));
    assert_eq!(states(&effects), [AlertState::Active, AlertState::Expired], "active since its first tick");
    assert_eq!(statuses(&effects)[1].alert_id, alert_id(1));
    // Closes at 00:05 and 00:10: the second is no longer before the end.
    journal.tick(minute(4), EUR, "90");
    journal.heartbeat(minute(5).plus(2_000_000));
    journal.tick(minute(6), EUR, "110");
    let effects = journal.heartbeat(minute(10).plus(2_000_000));
    assert_eq!((hits(&effects), states(&effects)), (vec![], vec![AlertState::Expired]));
}

#[test]
fn an_end_that_is_over_already_is_said_and_nothing_fires() {
    let mut journal = Journal::new(&[EUR]);
    journal.five_minute_closes(EUR, 0, &[90]);
    journal.alert(1, 1, PriceAlert { expires_at: Some(minute(1)), ..on_close(Some(100.0), None, "every") });
    let effects = journal.five_minute_closes(EUR, 1, &[90, 110]);
    assert_eq!((hits(&effects), states(&effects)), (vec![], vec![AlertState::Expired]));
}

#[test]
fn a_stale_close_moves_state_fires_nothing_and_spends_nothing() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, on_close(Some(100.0), None, "once"));
    journal.five_minute_closes(EUR, 0, &[90]);
    journal.tick(minute(5), EUR, "110");
    let effects = journal.heartbeat(minute(10).plus(2_000_000 + 10 * MINUTE + 1));
    assert_eq!((hits(&effects), states(&effects)), (vec![], vec![]));
    assert_eq!(hits(&journal.five_minute_closes(EUR, 4, &[120])), [], "state moved");
    assert_eq!(
        hits(&journal.five_minute_closes(EUR, 5, &[90, 110])),
        [above(100.0, 110.0)],
        "it was not spent"
    );
}

#[test]
fn history_moves_state_and_fires_nothing() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, on_close(Some(100.0), None, "every"));
    journal.alert(2, 1, on_tick(Some(100.0), None, "every"));
    let bar =
        |bar: i64, price: i64| history_bar(EUR, Timeframe::M5, minute(bar * 5), minute(bar * 5 + 5), price);
    assert_eq!(hits(&journal.history(vec![bar(0, 90), bar(1, 110), bar(2, 90)])), []);
    assert_eq!(
        hits(&journal.five_minute_closes(EUR, 3, &[110])),
        [above(100.0, 110.0)],
        "and the next bar fires"
    );
}

#[test]
fn all_levels_crossed_by_one_close_fire_in_the_order_of_their_first_records() {
    let mut journal = Journal::new(&[EUR]);
    for (number, level) in [(3, 103.0), (1, 101.0), (2, 102.0), (4, 104.5)] {
        journal.alert(number, 1, on_close(Some(level), None, "once"));
    }
    let effects = journal.five_minute_closes(EUR, 0, &[100, 104]);
    assert_eq!(hits(&effects), [above(103.0, 104.0), above(101.0, 104.0), above(102.0, 104.0)]);
    assert!(fired(&effects).iter().all(|trigger| trigger.group.size == 1));
}

#[test]
fn a_wrong_column_is_refused_with_its_reason() {
    let refused = |alert: PriceAlert| {
        let status = statuses(&Journal::new(&[EUR]).alert(1, 1, alert)).remove(0);
        assert_eq!(status.state, AlertState::Refused);
        status.reason.unwrap()
    };
    let known = on_tick(Some(1.0), None, "once");
    let unknown = PriceAlert { symbol: "GBPUSD".into(), ..known.clone() };
    assert_eq!(refused(unknown), r#""GBPUSD" is no symbol that is watched here"#);
    assert_eq!(refused(on_tick(None, None, "once")), "neither above nor below is given: one level at least");
    assert_eq!(refused(on_tick(None, Some(-1.0), "once")), "below is -1, it must be above 0");
    assert_eq!(refused(on_tick(Some(0.0), Some(1.0), "once")), "above is 0, it must be above 0");
    let twice = PriceAlert { fires: "twice".into(), ..known };
    assert_eq!(refused(twice), r#"fires is "twice", it must be one of once, every"#);
}
