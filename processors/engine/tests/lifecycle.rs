//! What an alert goes through besides its market: versions, switches, caps, states, and settings that change under it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;

use std::collections::BTreeSet;

use bellwether_engine::Effect;
use bellwether_schemas::alerts::{
    AlertKind, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert,
    RsiCorrelationTracker,
};
use bellwether_schemas::decisions::Decision;
use bellwether_schemas::settings::{PriceBasis, Settings};
use bellwether_schemas::triggers::{AlertState, TriggerFired};
use bellwether_schemas::{AlertId, Price, SessionAnchor, Timeframe};
use journal::{Journal, Watched, alert_id, fired, minute, rsi, settings, statuses};
use uuid::Uuid;

const EUR: &str = "EURUSDm";
const GBP: &str = "GBPUSDm";

/// One alert of each kind, on closes of five minutes.
fn of_each_kind() -> [AlertParameters; 6] {
    let pairs = || vec!["EURUSD".to_string(), "GBPUSD".to_string()];
    let timeframe = Timeframe::M5;
    [
        rsi(timeframe, 5, 70, 30).parameters(),
        RsiCorrelationTracker { timeframe, rsi_period: 5, ..RsiCorrelationTracker::default() }.parameters(),
        HeatmapTracker {
            pairs: pairs(),
            trading_style: "scalper".into(),
            buy_threshold: 75,
            sell_threshold: 75,
        }
        .parameters(),
        HeatmapIndicatorTracker { pairs: pairs(), timeframe, indicator: "EMA21".into() }.parameters(),
        CurrencyStrengthTracker { timeframe }.parameters(),
        above(100_500.0).parameters(),
    ]
}

fn above(level: f64) -> PriceAlert {
    PriceAlert {
        symbol: "EURUSD".into(),
        above: Some(level),
        on_close: Some(Timeframe::M5),
        fires: "every".into(),
        ..PriceAlert::default()
    }
}

/// Bars of five minutes; EUR and GBP go against each other.
fn play(journal: &mut Journal, first: i64, steps: impl IntoIterator<Item = i64>) -> Vec<Effect> {
    let bar = |(bar, step): (i64, i64)| {
        let price = |mantissa| Price { mantissa, scale: 0 };
        journal.five_minutes(bar, &[(EUR, price(100_000 + step)), (GBP, price(100_000 - step))])
    };
    (first..).zip(steps).flat_map(bar).collect()
}

/// A day of slow waves: every indicator has its value afterwards, and no line is reached.
const WARM_UP: i64 = 401;

fn warm_up(journal: &mut Journal) -> Vec<Effect> {
    play(journal, 0, (0..WARM_UP).map(|bar| bar % 2 * 10))
}

/// Up, down and up again: each kind has something to tell at its first bar or two, and on each way after that.
fn storm() -> impl Iterator<Item = i64> + Clone {
    (1..8).chain((-8..=8).rev()).chain(-7..=8).map(|step| step * 1000)
}

const STORM: i64 = 7 + 17 + 16;

fn kinds(effects: &[Effect]) -> Vec<AlertKind> {
    let mut kinds: Vec<_> = fired(effects).iter().map(|trigger| trigger.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn state_of(effects: &[Effect]) -> Vec<AlertState> {
    statuses(effects).iter().map(|status| status.state).collect()
}

#[test]
fn every_kind_fires_in_the_storm_and_kinds_of_an_instant_stand_in_their_order() {
    let mut journal = Journal::new(&[EUR, GBP]);
    // Made in the opposite order of kinds.
    for (number, parameters) in (1..).zip(of_each_kind().into_iter().rev()) {
        journal.alert(number, 1, parameters);
    }
    warm_up(&mut journal);
    assert_eq!(kinds(&play(&mut journal.copy(), WARM_UP, storm())), AlertKind::ALL);
    for (bar, step) in (WARM_UP..).zip(storm()) {
        let found: Vec<_> =
            fired(&play(&mut journal, bar, [step])).iter().map(|trigger| trigger.kind).collect();
        assert!(found.is_sorted(), "{found:?}");
    }
}

#[test]
fn of_every_kind_a_deleted_alert_is_silent_for_ever() {
    for (number, parameters) in (1..).zip(of_each_kind()) {
        let mut journal = Journal::new(&[EUR, GBP]);
        journal.alert(number, 1, parameters.clone());
        warm_up(&mut journal);
        assert_eq!(journal.change(number, 2, parameters.clone(), true, true), []);
        assert_eq!(journal.change(number, 2, parameters.clone(), true, false), [], "a late copy");
        assert_eq!(journal.change(number, 1, parameters, true, false), [], "an older one");
        assert_eq!(kinds(&play(&mut journal, WARM_UP, storm())), []);
    }
}

#[test]
fn of_every_kind_a_switch_off_is_silent_and_a_switch_on_takes_a_fresh_baseline() {
    for (number, parameters) in (1..).zip(of_each_kind()) {
        let kind = parameters.kind();
        let mut journal = Journal::new(&[EUR, GBP]);
        journal.alert(number, 1, parameters.clone());
        warm_up(&mut journal);
        assert_eq!(journal.change(number, 2, parameters.clone(), false, false), []);
        assert_eq!(kinds(&play(&mut journal, WARM_UP, storm())), [], "{kind}");
        let after = WARM_UP + STORM;
        play(&mut journal, after, (0..60).map(|bar| bar % 2 * 10));
        assert_eq!(state_of(&journal.change(number, 3, parameters, true, false)), [AlertState::Active]);
        let effects = play(&mut journal, after + 60, storm().take(1));
        assert_eq!(kinds(&effects), [], "{kind}: the first bar is the baseline");
        let effects = play(&mut journal, after + 61, storm().skip(1));
        assert_eq!(kinds(&effects), [kind]);
        assert!(fired(&effects).iter().all(|trigger| trigger.alert_version == 3));
    }
}

const DISABLE: Decision = Decision::DisableAlert { alert_id: AlertId(Uuid::from_u128(1)) };
const ENABLE: Decision = Decision::EnableAlert { alert_id: AlertId(Uuid::from_u128(1)) };

#[test]
fn of_every_kind_one_that_an_operator_disabled_is_silent_whatever_its_user_does_and_once_enabled_begins_anew()
{
    for parameters in of_each_kind() {
        let kind = parameters.kind();
        let mut journal = Journal::new(&[EUR, GBP]);
        journal.alert(1, 1, parameters.clone());
        journal.alert(2, 1, parameters.clone());
        warm_up(&mut journal);
        let disabled = statuses(&journal.decide(DISABLE)).remove(0);
        assert_eq!((disabled.state, disabled.version), (AlertState::Disabled, 1), "{kind}");
        assert_eq!(disabled.reason.as_deref(), Some("floods its user"));
        assert_eq!(journal.decide(DISABLE), [], "it is disabled already");
        // Its user switches it off and on, and edits it.
        assert_eq!(journal.change(1, 2, parameters.clone(), false, false), []);
        assert_eq!(state_of(&journal.alert(1, 3, parameters.clone())), [AlertState::Disabled]);
        journal.settings(2, settings(&[GBP, EUR]));
        let effects = play(&mut journal, WARM_UP, storm());
        let ids: BTreeSet<_> = fired(&effects).iter().map(|trigger| trigger.alert_id).collect();
        assert_eq!(ids, [alert_id(2)].into(), "{kind}");
        assert_eq!(statuses(&effects), []);
        let after = WARM_UP + STORM;
        play(&mut journal, after, (0..60).map(|bar| bar % 2 * 10));
        let enabled = statuses(&journal.decide(ENABLE)).remove(0);
        assert_eq!((enabled.state, enabled.version, enabled.reason), (AlertState::Active, 3, None), "{kind}");
        assert_eq!(journal.decide(ENABLE), [], "it is not disabled");
        let of_it = |effects: &[Effect]| fired(effects).iter().filter(|t| t.alert_id == alert_id(1)).count();
        let effects = play(&mut journal, after + 60, storm().take(1));
        assert_eq!(of_it(&effects), 0, "{kind}: the first bar is the baseline");
        assert!(of_it(&play(&mut journal, after + 61, storm().skip(1))) > 0, "{kind}");
    }
}

#[test]
fn a_disabled_alert_that_waits_for_its_first_value_is_not_told_to_be_active_and_one_that_is_off_stays_so() {
    let mut journal = Journal::new(&[EUR]);
    journal.alert(1, 1, above(100.0));
    assert_eq!(state_of(&journal.decide(DISABLE)), [AlertState::Disabled]);
    assert_eq!(state_of(&journal.five_minute_closes(EUR, 0, &[90, 110])), []);
    journal.change(1, 2, above(100.0), false, false);
    assert_eq!(journal.decide(ENABLE), [], "of one that its user switched off there is nothing to tell");
    assert_eq!(kinds(&journal.five_minute_closes(EUR, 2, &[90, 110])), []);
    let nobody = Decision::DisableAlert { alert_id: alert_id(7) };
    assert_eq!(journal.decide(nobody), []);
}

#[test]
fn of_every_kind_an_edit_takes_a_fresh_baseline_and_keeps_the_alerts_place() {
    for parameters in of_each_kind() {
        let kind = parameters.kind();
        let mut journal = Journal::new(&[EUR, GBP]);
        journal.alert(1, 1, parameters.clone());
        journal.alert(2, 1, parameters.clone());
        warm_up(&mut journal);
        journal.alert(1, 2, parameters);
        let effects = play(&mut journal, WARM_UP, storm().take(1));
        let of = |number| fired(&effects).iter().filter(|t| t.alert_id == alert_id(number)).count();
        assert_eq!(of(1), 0, "{kind}");
        assert!(of(2) > 0, "{kind}: the other goes on");
        let all = fired(&play(&mut journal, WARM_UP + 1, storm().skip(1)));
        let first = all.iter().position(|trigger| trigger.alert_id == alert_id(1)).unwrap();
        let close = all[first].close_time;
        let subject = |t: &TriggerFired| (t.symbol.clone(), t.pair.clone());
        let at_once = all.iter().filter(|t| t.close_time == close && subject(t) == subject(&all[first]));
        let order: Vec<_> = at_once.map(|t| t.alert_id).collect();
        assert!(order.is_sorted(), "{kind}: {order:?}");
    }
}

#[test]
fn a_cap_counts_what_is_watched() {
    let mut journal = Journal::new(&[]);
    journal.settings(2, Settings { max_alerts: 2, ..settings(&[EUR]) });
    let alert = |journal: &mut Journal, number| state_of(&journal.alert(number, 1, above(1.0)));
    assert_eq!(alert(&mut journal, 1), [AlertState::Warming]);
    assert_eq!(alert(&mut journal, 2), [AlertState::Warming]);
    assert_eq!(alert(&mut journal, 3), [AlertState::Refused]);
    journal.change(1, 2, above(1.0), false, false);
    assert_eq!(alert(&mut journal, 4), [AlertState::Warming], "a switched off one makes room");
    assert_eq!(state_of(&journal.alert(1, 3, above(1.0))), [AlertState::Refused], "and finds none left");
    journal.change(2, 2, above(1.0), true, true);
    assert_eq!(state_of(&journal.alert(1, 4, above(1.0))), [AlertState::Warming]);
    journal.settings(3, Settings { max_alerts: 1, ..settings(&[EUR]) });
    assert_eq!(
        state_of(&journal.alert(4, 2, above(2.0))),
        [AlertState::Warming],
        "those there are may be edited"
    );
    assert_eq!(alert(&mut journal, 5), [AlertState::Refused]);
}

#[test]
fn a_spent_alert_makes_room() {
    let mut journal = Journal::new(&[]);
    journal.settings(2, Settings { max_alerts: 1, ..settings(&[EUR]) });
    journal.alert(1, 1, PriceAlert { fires: "once".into(), ..above(100.0) });
    assert_eq!(
        state_of(&journal.five_minute_closes(EUR, 0, &[90, 110])),
        [AlertState::Active, AlertState::Spent]
    );
    assert_eq!(state_of(&journal.alert(2, 1, above(100.0))), [AlertState::Active]);
    assert_eq!(state_of(&journal.alert(1, 1, above(100.0))), [], "its version is known");
}

#[test]
fn an_alert_whose_symbol_is_gone_is_silent_and_wakes_when_it_is_listed_again() {
    let mut journal = Journal::new(&[EUR, GBP]);
    journal.alert(1, 1, above(100.0));
    journal.five_minute_closes(EUR, 0, &[90]);
    journal.settings(2, settings(&[GBP]));
    journal.five_minute_closes(EUR, 1, &[110]);
    journal.settings(3, settings(&[GBP, EUR]));
    assert_eq!(kinds(&journal.five_minute_closes(EUR, 2, &[110])), [], "cold: its first bar is the baseline");
    let effects = journal.five_minute_closes(EUR, 3, &[90, 110]);
    assert_eq!(kinds(&effects), [AlertKind::PriceAlert]);
}

#[test]
fn symbols_in_another_order_keep_their_state_and_their_alerts() {
    for parameters in of_each_kind() {
        let kind = parameters.kind();
        let fired_with = |reorder: bool| {
            let mut journal = Journal::new(&[EUR, GBP]);
            journal.alert(1, 1, parameters.clone());
            warm_up(&mut journal);
            let mut first = fired(&play(&mut journal, WARM_UP, storm().take(10)));
            if reorder {
                journal.settings(2, settings(&["XAUUSDm", GBP, EUR]));
            }
            first.extend(fired(&play(&mut journal, WARM_UP + 10, storm().skip(10))));
            let mut ids: Vec<_> = first.into_iter().map(|trigger| trigger.id).collect();
            ids.sort();
            ids
        };
        assert!(!fired_with(false).is_empty());
        // A strength trigger speaks of the first listed pair's bar: the same here, both close together.
        assert_eq!(fired_with(true), fired_with(false), "{kind}");
    }
}

#[test]
fn a_new_basis_starts_every_series_cold_and_alerts_take_a_baseline() {
    let mut journal = Journal::new(&[EUR, GBP]);
    for (number, parameters) in (1..).zip(of_each_kind()) {
        journal.alert(number, 1, parameters);
    }
    warm_up(&mut journal);
    journal.settings(2, Settings { price_basis: PriceBasis::Ask, ..settings(&[EUR, GBP]) });
    assert_eq!(kinds(&play(&mut journal, WARM_UP, storm().take(1))), []);
    let effects = play(&mut journal, WARM_UP + 1, [-1000, 2000]);
    assert_eq!(
        kinds(&effects),
        [AlertKind::CurrencyStrengthTracker, AlertKind::PriceAlert],
        "the others warm up"
    );
}

#[test]
fn a_new_anchor_restarts_what_hangs_on_it_and_leaves_the_rest() {
    let mut journal = Journal::new(&[EUR]);
    let daily = PriceAlert { on_close: Some(Timeframe::D1), ..above(100.0) };
    journal.alert(1, 1, daily);
    journal.alert(2, 1, above(100.0));
    let day = 24 * 60 / 5;
    // 17:00 in New York is 22:00 UTC: the first day of this journal ends there.
    journal.five_minute_closes(EUR, 0, &[90]);
    journal.five_minute_closes(EUR, day, &[90]);
    journal.settings(2, Settings { session_anchor: SessionAnchor::UTC, ..settings(&[EUR]) });
    let effects = journal.five_minute_closes(EUR, day + 1, &[110]);
    assert_eq!(fired(&effects).len(), 1, "five minutes hang on no anchor");
    assert_eq!(fired(&effects)[0].alert_id, alert_id(2));
    let effects = journal.five_minute_closes(EUR, 2 * day, &[90]);
    assert_eq!(fired(&effects), [], "the day's close at 110 is the new baseline");
    let effects = journal.five_minute_closes(EUR, 3 * day, &[110]);
    assert_eq!(fired(&effects).len(), 1, "of five minutes");
    let effects = journal.five_minute_closes(EUR, 4 * day, &[110]);
    let found = fired(&effects);
    assert_eq!((found.len(), found[0].alert_id), (1, alert_id(1)), "from 90 to 110 over two days");
    assert_eq!((found[0].open_time, found[0].close_time), (minute(3 * day * 5), minute(4 * day * 5)));
}

#[test]
fn a_state_says_since_when_and_for_which_version() {
    let mut journal = Journal::new(&[EUR]);
    let status = statuses(&journal.alert(1, 4, above(100.0))).remove(0);
    assert_eq!((status.state, status.version, status.since), (AlertState::Warming, 4, None));
    let status = statuses(&journal.five_minute_closes(EUR, 0, &[90])).remove(0);
    assert_eq!((status.state, status.version, status.since), (AlertState::Active, 4, Some(minute(5))));
    assert_eq!(status.cause.offset, journal.entries.len() as i64 - 1);
    let status = statuses(&journal.alert(1, 5, above(-1.0))).remove(0);
    assert_eq!((status.state, status.version, status.since), (AlertState::Refused, 5, Some(minute(5))));
    assert_eq!(status.reason.as_deref(), Some("above is -1, it must be above 0"));
    assert_eq!(statuses(&journal.alert(1, 5, above(1.0))), [], "a refused version is known too");
    let trigger = fired(&journal.five_minute_closes(EUR, 1, &[110])).remove(0);
    assert_eq!(trigger.alert_version, 4, "and the version before it stays");
}

#[test]
fn an_unknown_symbol_is_reported_and_the_others_work() {
    let mut journal = Journal::new(&[EUR]);
    let pairs = vec!["EURUSDM".into(), "eur usd".into(), "DOGEUSD".into()];
    let timeframe = Timeframe::M5;
    let alert = HeatmapIndicatorTracker { pairs, timeframe, indicator: "EMA21".into() };
    let status = statuses(&journal.alert(1, 1, alert)).remove(0);
    assert_eq!(status.state, AlertState::Warming);
    assert_eq!(status.reason.as_deref(), Some(r#"left out, as it is not watched here: "DOGEUSD""#));
    let closes = [&[1000; 22][..], &[1100]].concat();
    let found = fired(&journal.five_minute_closes(EUR, 0, &closes));
    assert_eq!(found.len(), 1, "one symbol named twice is one");
}
