//! The page: everything in it, nothing from elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use bellwether_backtest::alerts::{self, Alert};
use bellwether_backtest::report::{self, Contents, Provenance, sha256_of};
use bellwether_schemas::time::MINUTE;

use support::{Ask, Place, Ran, as_ticks, closes, quotes};

const ALERTS: &str = r#"[
    {"kind": "rsi_tracker", "timeframe": "5M", "name": "<script>alert(1)</script>"},
    {"kind": "rsi_correlation_tracker", "timeframe": "5M", "name": "pairs", "rsi_overbought": 60, "rsi_oversold": 40},
    {"kind": "rsi_correlation_tracker", "timeframe": "5M", "mode": "real_correlation", "correlation_window": 20},
    {"kind": "heatmap_tracker", "pairs": ["EURUSD"], "trading_style": "scalper", "buy_threshold": 55, "sell_threshold": 45},
    {"kind": "heatmap_indicator_tracker", "pairs": ["EURUSD"], "timeframe": "5M", "indicator": "macd"},
    {"kind": "heatmap_indicator_tracker", "pairs": ["EURUSD"], "timeframe": "5M", "indicator": "EMA21"},
    {"kind": "heatmap_indicator_tracker", "pairs": ["EURUSD"], "timeframe": "5M", "indicator": "UTBOT"},
    {"kind": "heatmap_indicator_tracker", "pairs": ["EURUSD"], "timeframe": "5M", "indicator": "ichimoku"},
    {"kind": "currency_strength_tracker", "timeframe": "15M", "name": "strength"},
    {"kind": "price_alert", "symbol": "EURUSD", "above": 1.2702, "below": 1.2698, "fires": "every", "name": "level"},
    {"kind": "rsi_tracker", "rsi_period": 99, "name": "too long"}
]"#;

fn run(place: &Place, sweep: &[&str]) -> (Vec<Alert>, Ran) {
    place.write("a", as_ticks(&quotes(30)));
    let shifted: Vec<_> =
        quotes(30).into_iter().map(|(ts, bid, ask)| (ts.plus(20 * MINUTE), bid, ask)).collect();
    place.write("b", as_ticks(&shifted));
    let ran = place.run(&Ask { inputs: &["EURUSD=a", "GBPUSD=b"], alerts: ALERTS, sweep, ..Ask::default() });
    let sweep: Vec<_> = sweep.iter().map(|axis| axis.parse().unwrap()).collect();
    (alerts::read(&place.path("alerts.json"), &sweep).unwrap(), ran)
}

fn page(place: &Place, alerts: &[Alert], ran: &Ran) -> String {
    let command = "bellwether backtest --input EURUSD=a".into();
    let sources = vec![sha256_of(&place.path("a")).unwrap()];
    let provenance = Provenance { command, sources, version: "1.2.3".into(), engine: 7 };
    let (summary, study) = (&ran.finished.summary, ran.finished.study.as_ref().unwrap());
    let contents = Contents { alerts, summary, study, provenance: &provenance };
    report::write(&place.path("report.html"), &contents).unwrap();
    std::fs::read_to_string(place.path("report.html")).unwrap()
}

#[test]
fn the_page_says_how_often_each_alert_would_have_fired_and_needs_nothing_but_itself() {
    let place = Place::new();
    let (alerts, ran) = run(&place, &[]);
    let page = page(&place, &alerts, &ran);
    let fired = ran.finished.summary.alerts.iter().filter(|alert| alert.fired > 0);
    assert_eq!(page.matches("would have fired <strong>").count(), fired.count());
    assert!(ran.finished.summary.alerts[0].fired > 10);
    assert_eq!(ran.triggers.len() as u64, ran.finished.summary.triggers);
    assert!(page.contains("&lt;script&gt;alert(1)") && !page.contains("<script>alert(1)"), "names are text");
    for needs in ["http://", "https://", "src=", "url(", "@import", "<link"] {
        assert!(!page.contains(needs), "{needs}");
    }
    let sha = sha256_of(&place.path("a")).unwrap().sha256;
    for says in
        [sha.as_str(), "1.2.3", "bellwether backtest --input EURUSD=a", "too long", "rsi_period is 99"]
    {
        assert!(page.contains(says), "{says}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf "), "no number that is none");
}

#[test]
fn settings_of_a_sweep_stand_side_by_side() {
    let place = Place::new();
    let (alerts, ran) = run(&place, &["rsi_overbought=65,75"]);
    let page = page(&place, &alerts, &ran);
    assert!(page.contains("Settings compared: pairs"));
    assert_eq!(
        page.matches("<td class=\"mono\">rsi_overbought=65</td>").count(),
        4,
        "each alert that has the column"
    );
}

#[test]
fn moves_are_those_of_the_bars_after_the_trigger() {
    let place = Place::new();
    let (_, ran) = run(&place, &[]);
    let study = ran.finished.study.as_ref().unwrap();
    let row = &study.alerts[0].rows[1];
    let bars: Vec<f64> = ran
        .readings
        .iter()
        .filter(|line| line["type"] == "bar" && line["symbol"] == row.subject && line["timeframe"] == "5M")
        .filter(|line| closes(line) >= row.at)
        .map(|line| line["close"].as_f64().unwrap())
        .collect();
    for (moved, bar) in row.moves.iter().zip([1, 5, 20]) {
        let expected = 100.0 * (bars[bar] - bars[0]) / bars[0];
        assert!((moved.unwrap() - expected).abs() < 1e-9, "+{bar}: {moved:?} and {expected}");
    }
}

#[test]
fn triggers_are_shown_as_events_beside_random_bars_and_the_same_run_gives_the_same_page() {
    let place = Place::new();
    let (alerts, ran) = run(&place, &["rsi_overbought=60..70"]);
    let first = page(&place, &alerts, &ran);
    let (alerts, ran) = run(&place, &["rsi_overbought=60..70"]);
    assert!(page(&place, &alerts, &ran) == first, "drawn by the data");
    for says in [
        "You looked at 11 settings; one in twenty looks good by chance: at most one of 11 would",
        "Fired, down expected",
        "Triggers and what followed, by rsi_overbought",
        "In the 20 bars before, the price moved ",
        "random bars of the same hours ",
        "Every trigger is measured from the close of its own bar and by bars that close after it",
    ] {
        assert!(first.contains(says), "{says}");
    }
    let charts = first.matches("Triggers and what followed, by rsi_overbought</figcaption>").count();
    assert_eq!(charts, 1, "none of an alert that is refused in every setting");
    let sides: usize =
        ran.finished.study.as_ref().unwrap().alerts.iter().map(|alert| alert.followed.len()).sum();
    assert!(first.contains(&format!("You looked at {sides} sides of alerts; one in twenty")));
}

#[test]
fn triggers_near_the_end_of_a_run_count_as_far_as_it_goes() {
    let place = Place::new();
    let (_, ran) = run(&place, &[]);
    let (summary, study) = (&ran.finished.summary, ran.finished.study.as_ref().unwrap());
    for (alert, numbers) in study.alerts.iter().zip(&summary.alerts).take(1) {
        let moves = alert.moves();
        let [first, _, last] = moves.samples();
        assert_eq!(alert.sides.values().map(|side| side.fired).sum::<u64>(), numbers.fired);
        assert!(first.count() > last.count(), "{} and {}", first.count(), last.count());
        assert!(numbers.fired - first.count() as u64 <= 2);
        let told: Vec<_> = numbers.followed.iter().map(|on| (on.side, on.fired)).collect();
        let sides: Vec<_> = alert.sides.iter().map(|(way, side)| (way.name(), side.fired)).collect();
        assert_eq!(told, sides, "JSON has what the page has");
    }
}
