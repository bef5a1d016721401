//! `currency_strength_tracker` from records to triggers. Over one bar a pair that rises lifts its base and lowers its
//! quote; the others of these pairs stand still.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;

use bellwether_engine::Effect;
use bellwether_schemas::alerts::CurrencyStrengthTracker;
use bellwether_schemas::bars::HistoryBar;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::AlertState;
use bellwether_schemas::{Price, Timeframe};
use journal::{Journal, fired, history_bar, minute, statuses};

/// Listed so that the bar of a strength trigger is that of AUDCAD.
const SYMBOLS: [&str; 3] = ["AUDCADm", "GBPJPYm", "XAUUSDm"];

fn tracker() -> CurrencyStrengthTracker {
    CurrencyStrengthTracker { timeframe: Timeframe::M5 }
}

/// Closes of AUDCAD and GBPJPY, five minutes each.
fn play(journal: &mut Journal, first: i64, closes: &[(i64, i64)]) -> Vec<Effect> {
    let price = |mantissa| Price { mantissa, scale: 0 };
    let close = |(bar, (aud, gbp)): (i64, &(i64, i64))| {
        let closes =
            [("AUDCADm", price(*aud)), ("GBPJPYm", price(*gbp)), ("XAUUSDm", price(2000 + bar * 50))];
        journal.five_minutes(bar, &closes)
    };
    (first..).zip(closes).flat_map(close).collect()
}

/// Bar, role, and who it was and is.
fn changes(effects: &[Effect]) -> Vec<(i64, String, String, String)> {
    let change = |trigger: &bellwether_schemas::triggers::TriggerFired| {
        let detail: serde_json::Value = serde_json::from_str(trigger.detail.as_str()).unwrap();
        let text = |key: &str| detail[key].as_str().unwrap().to_string();
        let bar = trigger.open_time.since(minute(0)) / (5 * MINUTE);
        (bar, trigger.condition.to_string(), text("from"), text("to"))
    };
    fired(effects).iter().map(change).collect()
}

fn change(bar: i64, role: &str, from: &str, to: &str) -> (i64, String, String, String) {
    (bar, role.into(), from.into(), to.into())
}

#[test]
fn another_leader_fires_for_each_role_and_the_same_one_never_again() {
    let mut journal = Journal::new(&SYMBOLS);
    journal.alert(1, 1, tracker());
    // 0 has no bar before it; 1 is the baseline: GBP leads, JPY trails.
    let effects =
        play(&mut journal, 0, &[(100, 100), (100, 110), (100, 120), (110, 120), (120, 120), (121, 100)]);
    assert_eq!(
        changes(&effects),
        [
            change(3, "strongest", "GBP", "AUD"),
            change(3, "weakest", "JPY", "CAD"),
            change(5, "strongest", "AUD", "JPY"),
            change(5, "weakest", "CAD", "GBP"),
        ]
    );
    let both = fired(&effects);
    assert_eq!((both[0].group.id, both[0].group.size), (both[1].group.id, 2), "both are one mail");
    assert_eq!((both[0].group.index, both[1].group.index), (0, 1));
}

#[test]
fn one_role_may_change_alone() {
    let mut journal = Journal::new(&["EURUSDm", "EURJPYm"]);
    journal.alert(1, 1, tracker());
    let price = |mantissa| Price { mantissa, scale: 0 };
    let mut effects = Vec::new();
    for (bar, (usd, jpy)) in (0..).zip([(1000, 1000), (1010, 1020), (1040, 1030)]) {
        effects.extend(journal.five_minutes(bar, &[("EURUSDm", price(usd)), ("EURJPYm", price(jpy))]));
    }
    assert_eq!(changes(&effects), [change(2, "weakest", "JPY", "USD")]);
}

#[test]
fn a_trigger_explains_itself() {
    let mut journal = Journal::new(&SYMBOLS);
    journal.alert(1, 5, tracker());
    let trigger = fired(&play(&mut journal, 0, &[(100, 100), (100, 110), (110, 110)])).remove(0);
    assert_eq!((trigger.symbol.clone(), trigger.pair.clone(), trigger.alert_version), (None, None, 5));
    assert_eq!(trigger.timeframe, Some(Timeframe::M5));
    assert_eq!(
        (trigger.open_time, trigger.close_time),
        (minute(10), minute(15)),
        "the first listed pair's bar"
    );
    // AUD stood half way between the leader and the last.
    assert_eq!((trigger.value, trigger.previous), (Some(100.0), Some(0.0)));
    assert_eq!((trigger.threshold, trigger.price), (None, None));
    let text = "the strongest currency on 5M is now AUD, at 100; it was GBP";
    let scores = r#""AUD":100,"CAD":-100,"CHF":null,"EUR":null,"GBP":0,"JPY":0,"NZD":null,"USD":null"#;
    let detail =
        format!(r#"{{"role":"strongest","from":"GBP","to":"AUD","scores":{{{scores}}},"text":"{text}"}}"#);
    assert_eq!(trigger.detail.as_str(), detail);
}

#[test]
fn of_equals_the_first_of_the_list_leads_and_trails() {
    let mut journal = Journal::new(&SYMBOLS);
    journal.alert(1, 1, tracker());
    // GBP and AUD rise alike: of USD EUR GBP JPY AUD CAD CHF NZD the first is GBP; of JPY and CAD it is JPY.
    let effects = play(&mut journal, 0, &[(100, 100), (110, 100), (121, 110), (121, 110)]);
    assert_eq!(
        changes(&effects),
        [change(2, "strongest", "AUD", "GBP"), change(2, "weakest", "CAD", "JPY"),],
        "and where all are equal there is no reading"
    );
}

#[test]
fn an_instant_without_a_pair_is_no_reading() {
    let mut journal = Journal::new(&SYMBOLS);
    journal.alert(1, 1, tracker());
    play(&mut journal, 0, &[(100, 100), (100, 110)]);
    assert_eq!(fired(&journal.five_minutes(2, &[("XAUUSDm", Price { mantissa: 1, scale: 0 })])), []);
    assert_eq!(changes(&play(&mut journal, 3, &[(100, 120)])), [], "GBP leads still");
}

#[test]
fn a_new_alert_takes_a_baseline_of_its_own() {
    let mut journal = Journal::new(&SYMBOLS);
    play(&mut journal, 0, &[(100, 100), (100, 110)]);
    journal.alert(1, 1, tracker());
    let effects = play(&mut journal, 2, &[(110, 110), (110, 120)]);
    assert_eq!(changes(&effects).iter().map(|change| change.0).collect::<Vec<_>>(), [3, 3]);
}

#[test]
fn it_is_warming_until_the_first_reading() {
    let mut journal = Journal::new(&SYMBOLS);
    assert_eq!(statuses(&journal.alert(1, 1, tracker()))[0].state, AlertState::Warming);
    assert_eq!(statuses(&play(&mut journal, 0, &[(100, 100)])), []);
    let status = statuses(&play(&mut journal, 1, &[(100, 110)])).remove(0);
    assert_eq!((status.state, status.since), (AlertState::Active, Some(minute(10))));
    assert_eq!(statuses(&journal.alert(2, 1, tracker()))[0].state, AlertState::Active);
}

#[test]
fn a_stale_reading_moves_state_and_fires_nothing() {
    let changed_late = |late: i64| {
        let mut journal = Journal::new(&SYMBOLS);
        journal.alert(1, 1, tracker());
        play(&mut journal, 0, &[(100, 100), (100, 110)]);
        for (symbol, bid) in [("AUDCADm", "110"), ("GBPJPYm", "110")] {
            journal.tick(minute(10), symbol, bid);
        }
        let stale = journal.heartbeat(minute(15).plus(2_000_000 + late));
        (changes(&stale).len(), changes(&play(&mut journal, 6, &[(120, 110)])).len())
    };
    assert_eq!(changed_late(10 * MINUTE), (2, 0));
    assert_eq!(changed_late(10 * MINUTE + 1), (0, 0), "AUD leads already");
}

#[test]
fn history_moves_state_and_fires_nothing() {
    let mut journal = Journal::new(&SYMBOLS);
    journal.alert(1, 1, tracker());
    play(&mut journal, 0, &[(100, 100), (100, 110)]);
    let bars = |bar: i64, aud: i64, gbp: i64| -> [HistoryBar; 2] {
        let (open, close) = (minute(bar * 5), minute(bar * 5 + 5));
        [("AUDCADm", aud), ("GBPJPYm", gbp)]
            .map(|(symbol, price)| history_bar(symbol, Timeframe::M5, open, close, price))
    };
    assert_eq!(
        changes(&journal.history([bars(2, 110, 110), bars(3, 110, 120), bars(4, 120, 120)].concat())),
        []
    );
    assert_eq!(changes(&play(&mut journal, 5, &[(130, 120)])), [], "AUD leads since the last of them");
    assert_eq!(changes(&play(&mut journal, 6, &[(130, 130)])).len(), 2);
}
