//! What is told of an alert that did not fire, by hand: each thing that holds it back, in words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod journal;

use bellwether_engine::why::{Answer, Finding, Held, Inquiry};
use bellwether_schemas::alerts::PriceAlert;
use bellwether_schemas::decisions::Decision;
use bellwether_schemas::{Timeframe, Timestamp};
use journal::{Journal, alert_id, history_bar, minute, rsi, second};

const EUR: &str = "EURUSDm";

/// Watches alert 1 of a journal while `act` goes on, and asks for these minutes.
fn asked(journal: &mut Journal, minutes: (i64, i64), act: impl FnOnce(&mut Journal)) -> Answer {
    journal.engine.ask_about([alert_id(1)]);
    act(journal);
    let mut inquiry = Inquiry::new(minute(minutes.0), minute(minutes.1));
    journal.engine.take_sightings().iter().for_each(|sighting| inquiry.see(sighting));
    inquiry.answer(journal.engine.watermark())
}

fn level(above: f64, on_close: Option<Timeframe>) -> PriceAlert {
    PriceAlert {
        symbol: "eurusd".into(),
        above: Some(above),
        below: None,
        on_close,
        fires: "every".into(),
        expires_at: None,
    }
}

fn reason(answer: &Answer) -> String {
    answer.reason().unwrap().text()
}

#[test]
fn the_nearest_is_told_with_its_time_and_the_users_line() {
    let mut journal = Journal::new(&[EUR]);
    let answer = asked(&mut journal, (0, 60), |journal| {
        journal.alert(1, 1, level(70.0, Some(Timeframe::M5)));
        journal.five_minute_closes(EUR, 0, &[60, 65, 69, 64, 69]);
    });
    assert_eq!(reason(&answer), "EURUSDm came to 69 at 2024-01-03T00:15:00Z, your line is 70");
    assert_eq!(answer.reached, Some(minute(25)), "{answer:?}");
    assert!(
        answer.text().ends_with("the journal is complete up to 2024-01-03T00:25:00Z only"),
        "{}",
        answer.text()
    );
}

#[test]
fn the_first_look_after_a_change_and_what_was_beyond_already_are_told_apart() {
    let mut journal = Journal::new(&[EUR]);
    let answer = asked(&mut journal, (0, 30), |journal| {
        journal.five_minute_closes(EUR, 0, &[60, 60]);
        journal.alert(1, 1, level(70.0, Some(Timeframe::M5)));
        journal.five_minute_closes(EUR, 2, &[71, 72, 73]);
    });
    let found: Vec<&Finding> = answer.findings.iter().collect();
    assert!(
        matches!(found[0], Finding::Held { by: Held::Baseline, times: 1, last } if last.at == minute(15)),
        "{found:?}"
    );
    assert!(matches!(found[1], Finding::Inside { times: 2, last } if last.at == minute(25)), "{found:?}");
    assert!(found[1].text().contains("beyond your line 70, already"), "{}", found[1].text());
    assert!(matches!(found[2], Finding::Off { state: "unknown", since: None, .. }), "{found:?}");
}

#[test]
fn history_and_stale_bars_are_named_for_what_they_are() {
    let mut journal = Journal::new(&[EUR, "GBPUSDm"]);
    let answer = asked(&mut journal, (0, 200), |journal| {
        journal.alert(1, 1, level(70.0, Some(Timeframe::M5)));
        let bar = |number: i64, price| {
            history_bar(EUR, Timeframe::M5, minute(number * 5), minute(number * 5 + 5), price)
        };
        journal.history(vec![bar(0, 60), bar(1, 71), bar(2, 60)]);
        journal.source = "history".into();
        journal.tick(minute(20), EUR, "72");
        // Event time goes on by more than two bars before that one is closed.
        journal.heartbeat(minute(60));
    });
    let held: Vec<(Held, Timestamp)> = answer
        .findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::Held { by, last, .. } => Some((*by, last.at)),
            _ => None,
        })
        .collect();
    assert_eq!(held, [(Held::Stale, minute(25)), (Held::History, minute(10))], "{}", answer.text());
}

#[test]
fn what_warms_and_what_is_silent_is_told_with_what_is_missing() {
    let mut journal = Journal::new(&[EUR, "GBPUSDm"]);
    let answer = asked(&mut journal, (1, 25), |journal| {
        journal.alert(1, 1, rsi(Timeframe::M5, 14, 70, 30));
        journal.five_minute_closes(EUR, 0, &[60, 61, 62]);
        journal.heartbeat(minute(30));
    });
    let told: Vec<String> = answer.findings.iter().map(Finding::text).collect();
    assert_eq!(told[0], "warming: 12 bars of 5M of EURUSDm missing");
    // The alert came before any event time: nothing is off.
    assert_eq!(
        told[1], "no data of GBPUSDm from 2024-01-03T00:00:00Z to 2024-01-03T00:25:00Z",
        "not a single tick"
    );
    assert!(
        told.contains(&"no data of EURUSDm from 2024-01-03T00:15:00Z to 2024-01-03T00:25:00Z".into()),
        "{told:?}"
    );
}

#[test]
fn who_switched_it_off_is_told_with_the_record_that_did() {
    let mut journal = Journal::new(&[EUR]);
    let answer = asked(&mut journal, (6, 40), |journal| {
        journal.alert(1, 1, level(70.0, None));
        journal.tick(second(10), EUR, "60");
        journal.heartbeat(minute(5).plus(2_000_000));
        journal.decide(Decision::DisableAlert { alert_id: alert_id(1) });
        journal.heartbeat(minute(20).plus(2_000_000));
        journal.change(1, 2, level(70.0, None), false, false);
        journal.heartbeat(minute(60));
    });
    let off: Vec<String> = answer.findings.iter().map(Finding::text).collect();
    assert_eq!(
        off,
        [
            "disabled by an operator from 2024-01-03T00:06:00Z to 2024-01-03T00:20:00Z, since journal offset 4",
            "paused by its user from 2024-01-03T00:20:00Z to 2024-01-03T00:40:00Z, since journal offset 6",
        ]
    );
}

#[test]
fn a_span_in_which_no_bar_ends_says_so() {
    let mut journal = Journal::new(&[EUR]);
    let answer = asked(&mut journal, (11, 14), |journal| {
        journal.alert(1, 1, level(70.0, Some(Timeframe::M5)));
        journal.five_minute_closes(EUR, 0, &[60, 65, 69, 64]);
    });
    assert_eq!(answer.findings, [Finding::NothingDue]);
}
