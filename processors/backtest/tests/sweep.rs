//! Every line of a range in one run, beside a run for each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use bellwether_backtest::alerts;
use bellwether_backtest::study::{AlertStudy, Followed, Point, Side};
use serde_json::Value;

use support::{Ask, Place, Ran, as_ticks, quotes};

const ALERTS: &str = r#"[
    {"kind": "rsi_tracker", "timeframe": "5M", "name": "mine"},
    {"kind": "heatmap_tracker", "pairs": ["EURUSD"], "trading_style": "scalper", "name": "heat"}
]"#;
const HOURS: u32 = 80;

fn run(place: &Place, sweep: &str) -> Ran {
    place.run(&Ask { inputs: &["EURUSD=a"], alerts: ALERTS, sweep: &[sweep], ..Ask::default() })
}

/// Everything that is told of an alert.
#[derive(Debug, PartialEq)]
struct Told {
    fired: u64,
    triggers: Vec<Value>,
    path: Vec<Point>,
    quartiles: Vec<[Option<f64>; 3]>,
    followed: Vec<Followed>,
}

/// Of the alert with that name and setting.
fn told(ran: &Ran, name: &str) -> Told {
    let (summary, study) = (&ran.finished.summary, ran.finished.study.as_ref().unwrap());
    let number = summary.alerts.iter().position(|alert| alert.name == name).unwrap();
    let id = summary.alerts[number].id.to_string();
    let AlertStudy { sides, followed, .. } = &study.alerts[number];
    let quartiles = |side: &Side| [0.25, 0.5, 0.75].map(|share| side.quantile(5, share));
    Told {
        fired: summary.alerts[number].fired,
        triggers: ran.triggers.iter().filter(|line| line["alert_id"] == id.as_str()).cloned().collect(),
        path: sides.values().flat_map(Side::path).collect(),
        quartiles: sides.values().map(quartiles).collect(),
        followed: followed.values().copied().collect(),
    }
}

fn lines_of(sweep: &str, name: &str, column: &str, lines: &[i32]) {
    let place = Place::new();
    place.write("a", as_ticks(&quotes(HOURS)));
    let all = run(&place, sweep);
    let mut fired = 0;
    for line in lines {
        let title = format!("{name} [{column}={line}]");
        let alone = told(&run(&place, &format!("{column}={line}")), &title);
        assert_eq!(told(&all, &title), alone, "{title}");
        fired += alone.fired;
    }
    assert!(fired > 10, "{fired} triggers show little");
    let count = all
        .finished
        .summary
        .alerts
        .iter()
        .filter(|alert| alert.name.starts_with(&format!("{name} [")))
        .count();
    assert_eq!(count, lines.len());
}

#[test]
fn every_line_of_an_rsi_is_what_a_run_of_its_own_gives() {
    lines_of("rsi_overbought=50..95:10", "mine", "rsi_overbought", &[60, 70, 80, 90]);
}

#[test]
fn every_line_of_a_heatmap_is_what_a_run_of_its_own_gives() {
    lines_of("buy_threshold=50..95:18", "heat", "buy_threshold", &[50, 68, 86]);
}

#[test]
fn each_line_fires_where_the_readings_cross_it() {
    let place = Place::new();
    place.write("a", as_ticks(&quotes(HOURS)));
    let ran = run(&place, "rsi_overbought=60..90");
    let values: Vec<f64> = ran
        .readings
        .iter()
        .filter(|line| line["type"] == "indicators" && line["timeframe"] == "5M")
        .filter_map(|line| line["rsi14"].as_f64())
        .collect();
    let crossed = |line: f64| values.windows(2).filter(|two| two[0] < line && line <= two[1]).count();
    let counts: Vec<usize> = (60..=90).map(|line| crossed(line.into())).collect();
    let study = ran.finished.study.as_ref().unwrap();
    let down =
        |alert: &AlertStudy| alert.rows.iter().filter(|row| row.condition.name() == "overbought").count();
    let fired: Vec<usize> = study.alerts.iter().map(down).take(31).collect();
    assert_eq!(fired, counts);
    assert!(counts[0] > 10, "{counts:?}");
}

#[test]
fn what_no_alert_can_be_set_to_is_left_out_of_a_range_and_said() {
    let place = Place::new();
    place.write("alerts.json", ALERTS);
    let read = |text: &str| {
        let sweep = [text.parse().unwrap()];
        let alerts = alerts::read(&place.path("alerts.json"), &sweep).map_err(|error| error.to_string())?;
        Ok::<_, String>((alerts.len(), alerts::left_out(&alerts, &sweep)))
    };
    let said =
        "--sweep rsi_overbought: 15 of 46 values are left out, no alert can have them: 50 to 59, 91 to 95";
    assert_eq!(read("rsi_overbought=50..95"), Ok((31 + 1, vec![said.to_owned()])));
    assert_eq!(read("rsi_overbought=60..90"), Ok((31 + 1, Vec::new())));
    assert_eq!(read("buy_threshold=50..95").unwrap().0, 46 + 1);
    let halves = read("rsi_overbought=60..62:0.5").unwrap_err();
    assert!(halves.contains("rsi_overbought is 60.5, it must be a whole number"), "{halves}");
    assert_eq!(read("rsi_overbought=1..3").unwrap().0, 3 + 1, "then the engine says why of each");
}
