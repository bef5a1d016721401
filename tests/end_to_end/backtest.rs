//! The backtest command as a user runs it: what goes to stdout and what does not, exit codes, and that a journal gives
//! what its file gave.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod journal;
mod support;

use serde_json::Value;

use journal::quotes;
use support::Place;

const ALERTS: &str = r#"[{"kind": "rsi_tracker", "timeframe": "5M", "name": "mine"}, {"kind": "rsi_tracker", "rsi_period": 99},
    {"kind": "rsi_tracker", "timeframe": "5M", "name": "off", "is_active": false}]"#;

fn place() -> Place {
    let place = Place::new();
    place.write("quotes.csv", quotes().join("\n").as_bytes());
    place.write("alerts.json", ALERTS.as_bytes());
    place
}

fn backtest<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let files = ["backtest", "--input", "GBPUSD=quotes.csv", "--alerts", "alerts.json"];
    files.iter().chain(more).copied().collect()
}

#[test]
fn lines_go_to_stdout_alone_and_the_table_beside_them() {
    let place = place();
    let lines = place.run(&backtest(&["--triggers", "-"])).ended(0);
    let triggers = lines.json();
    assert!(triggers.len() > 3 && triggers.iter().all(|line| line["type"] == "trigger"), "{lines}");
    let fired = format!("{:>8}  mine\n", triggers.len());
    assert!(lines.stderr.contains(&fired) && lines.stderr.contains("refused: rsi_period is 99"), "{lines}");

    let table = place.run(&backtest(&["--triggers", "triggers.jsonl"])).ended(0);
    assert!(table.stdout.contains(&fired), "{table}");
    assert_eq!(place.read("triggers.jsonl"), lines.stdout);

    let summary = place.run(&backtest(&["--json"])).ended(0).json().pop().unwrap();
    assert_eq!((&summary["type"], &summary["ticks"]), (&Value::from("summary"), &Value::from(12 * 360)));
    assert_eq!(summary["alerts"][0]["fired"], triggers.len());
    assert_eq!(summary["alerts"][1]["state"], "refused");
    assert_eq!(
        (&summary["alerts"][2]["state"], &summary["alerts"][2]["fired"]),
        (&"inactive".into(), &0.into())
    );
}

#[test]
fn readings_can_be_chosen_and_the_report_is_one_page() {
    let place = place();
    let chosen = ["--readings", "-", "--readings-only", "bar,heatmap", "--report", "report.html"];
    let ran = place.run(&backtest(&[&chosen[..], &["--sweep", "rsi_overbought=65,75"]].concat())).ended(0);
    let readings = ran.json();
    assert!(readings.iter().all(|line| line["type"] == "bar" || line["type"] == "heatmap"), "{ran}");
    assert_eq!(readings.iter().filter(|line| line["timeframe"] == "1H").count(), 12);
    let page = place.read("report.html");
    for says in ["would have fired", "Settings compared: mine", "rsi_overbought=65,75", "quotes.csv"] {
        assert!(page.contains(says), "{says}");
    }
}

#[test]
fn what_is_wrong_has_its_own_code() {
    let place = place();
    let code = |more: &[&str], code| place.run(&backtest(more)).ended(code).error().to_string();
    assert!(code(&["--from", "12"], 64).contains("--from: of files it is an RFC 3339 time"));
    assert!(code(&["--anchor-utc", "BTCUSD"], 64).contains("no input has that symbol"));
    assert!(code(&["--report", "no/such/place.html"], 74).contains("no/such/place.html"));
    assert!(code(&["--readings", "no/such/place"], 74).contains("no/such/place"));
    assert!(code(&["--sweep", "moon=1"], 65).contains("no alert has such a column"));
    place.run(&["backtest", "--alerts", "alerts.json"]).ended(64);
    let none = ["backtest", "--input", "GBPUSD=quotes.csv", "--alerts", "none.json"];
    assert_eq!(place.run(&none).ended(66).error(), "none.json: there is no such file");
    place.write("alerts.json", b"{}");
    assert!(code(&[], 65).starts_with("alerts.json: is no JSON array of alerts"));
    place.write("alerts.json", br#"[{"kind": "moon_phase"}]"#);
    assert!(
        code(&[], 65)
            .starts_with("alerts.json: element 1: kind is \"moon_phase\", it must be one of rsi_tracker")
    );
    place.write("alerts.json", br#"[{"kind": "price_alert", "symbol": "XAUUSD", "above": 1}]"#);
    assert!(code(&[], 65).contains("every alert was refused"));
    let help = place.run(&["backtest", "--help"]).ended(0);
    assert!(help.stdout.contains("Examples:"), "{help}");
}

#[test]
fn a_journal_gives_what_its_file_gave() {
    let place = place();
    let produce = ["produce", "file", "--tenant", "fxlabs", "--speed", "0", "--input", "GBPUSD=quotes.csv"];
    place.run(&produce).ended(0);
    let over_log =
        ["backtest", "--log", "embedded:data/log", "--tenant", "fxlabs", "--alerts", "alerts.json"];
    let facts = |more: &[&str], source: &[&str]| -> Vec<(Value, Value, Value)> {
        let arguments: Vec<&str> = source.iter().chain(more).chain(&["--triggers", "-"]).copied().collect();
        let lines = place.run(&arguments).ended(0).json();
        lines
            .iter()
            .map(|line| (line["close_time"].clone(), line["condition"].clone(), line["value"].clone()))
            .collect()
    };
    let file = backtest(&[]);
    let all = facts(&[], &file);
    assert!(all.len() > 3);
    assert_eq!(facts(&[], &over_log), all);
    let from = all[2].0.as_str().unwrap();
    assert_eq!(facts(&["--from", from], &file), all[3..], "the bar at that time is the baseline");
    assert_eq!(facts(&["--from", from], &over_log), all[3..]);
    let to = all[3].0.as_str().unwrap();
    let before = facts(&["--to", to], &file);
    assert_eq!(before, all[..4], "the bar that ends there is whole");
    assert_eq!(facts(&["--to", to], &over_log), before);
}
