//! Files of alerts, good and bad, in their forms.

use serde_json::{Value, json};

use super::*;

mod forms;

fn axes(sweep: &[&str]) -> Vec<Axis> {
    sweep.iter().map(|axis| axis.parse().unwrap()).collect()
}

fn parsed(text: &str) -> Vec<Alert> {
    parse(text, None, &[]).unwrap()
}

fn refused(text: &str) -> String {
    parse(text, None, &[]).unwrap_err()
}

#[test]
fn ids_that_are_missing_follow_from_the_place_and_stay_the_same() {
    let given = "00000000-0000-4000-8000-000000000001";
    let objects = json!([{"kind": "rsi_tracker"}, {"kind": "rsi_tracker", "id": given, "name": "mine"}]);
    let [first, second] = parsed(&objects.to_string()).try_into().unwrap();
    // Python: uuid.uuid5(uuid.UUID("64a1b937-bfe8-5204-bbd3-75bb08ade502"), "backtest|alert|1")
    assert_eq!(first.id, AlertId(derive("backtest|alert|1")));
    assert_ne!(first.id.0, first.user_id.0);
    assert_ne!(first.user_id, second.user_id);
    assert_eq!((second.id.to_string().as_str(), second.name.as_str()), (given, "mine"));
    assert_eq!(first.name, "1 rsi_tracker");
}

#[test]
fn every_fault_of_a_file_is_told_with_its_place_and_what_would_be_right() {
    let id = "00000000-0000-4000-8000-000000000001";
    for (object, says) in [
        (
            json!({"kind": "rsi_traker"}),
            r#"kind is "rsi_traker" (did you mean rsi_tracker?), it must be one of rsi"#,
        ),
        (
            json!({"timeframe": "5M"}),
            "has no kind: give it one of its own, or call the file after one of rsi_",
        ),
        (json!(3), "3 is no alert, it must be an object"),
        (
            json!({"kind": "rsi_tracker", "rsi_perid": 9}),
            r#""rsi_perid" is no column of rsi_tracker (did you mean"#,
        ),
        (
            json!({"kind": "rsi_tracker", "pairs": ["EURUSD"]}),
            r#""pairs" is no column of rsi_tracker: it has rsi"#,
        ),
        (json!({"kind": "rsi_tracker", "id": "x"}), r#"id is "x", it must be a UUID"#),
        (json!({"kind": "rsi_tracker", "is_active": "no"}), r#"is_active is "no", it must be true or false"#),
        (
            json!({"kind": "rsi_tracker", "rsi_period": "many"}),
            r#"rsi_period is "many", it must be a whole number"#,
        ),
        (json!({"kind": "rsi_tracker", "rsi_period": 9.5}), "rsi_period is 9.5, it must be a whole number"),
        (
            json!({"kind": "rsi_tracker", "timeframe": "7M"}),
            r#"timeframe is "7M", it must be one of 1M, 5M, 15M"#,
        ),
        (json!({"kind": "heatmap_tracker", "pairs": []}), "pairs has 0 symbols, it must have 1 to 3"),
        (
            json!({"kind": "heatmap_tracker", "pairs": "EURUSD"}),
            r#"pairs is "EURUSD", it must be a list of symbols"#,
        ),
        (
            json!({"kind": "heatmap_tracker", "pairs": ["EURUSD"], "trading_style": "dayTrader"}),
            r#"trading_style is "dayTrader", it must be one of"#,
        ),
        (json!({"kind": "price_alert", "above": 1.0}), "symbol is not given"),
        (
            json!({"kind": "price_alert", "symbol": "EURUSD", "above": "x"}),
            r#"above is "x", it must be a number"#,
        ),
        (
            json!({"kind": "price_alert", "symbol": "EURUSD", "above": 1, "expires_at": "soon"}),
            r#"expires_at is "soon", it must be a time with its offset"#,
        ),
    ] {
        let told = refused(&json!([{"kind": "rsi_tracker"}, object]).to_string());
        assert!(told.starts_with(&format!("element 2: {says}")), "{told}");
    }
    let twice = format!(r#"[{{"kind": "rsi_tracker", "timeframe": "5M", "timeframe": "1H", "id": "{id}"}}]"#);
    assert_eq!(refused(&twice), "element 1: timeframe stands there twice");
    let same =
        json!([{"kind": "rsi_tracker", "id": id}, {"kind": "heatmap_tracker", "pairs": ["A"], "id": id}]);
    assert_eq!(refused(&same.to_string()), format!("element 2: id {id} is that of element 1"));
    let two = refused(r#"[{"kind": "moon_phase"}, {"kind": "rsi_tracker", "moon": 1, "id": 1}]"#);
    assert!(
        two.starts_with("3 faults\n  element 1: kind is") && two.contains("\n  element 2: id is 1, it"),
        "{two}"
    );
    assert!(refused("{}").starts_with("is no JSON array of alerts: "));
    assert_eq!(refused(" \n"), "is empty");
}

#[test]
fn an_alert_that_is_switched_off_is_there_and_has_nothing_to_tell_the_engine() {
    let alerts = parsed(
        r#"[{"kind": "rsi_tracker", "is_active": false}, {"kind": "rsi_tracker", "is_active": null}]"#,
    );
    let origin = Origin {
        tenant: "backtest".parse().unwrap(),
        source: "backtest".into(),
        session: "backtest".into(),
        played: true,
        appended_at: bellwether_schemas::Timestamp(0),
    };
    assert_eq!(alerts.iter().map(|alert| alert.active).collect::<Vec<_>>(), [false, true]);
    assert!(alerts[0].change(&origin).is_none() && alerts[1].change(&origin).is_some());
}

#[test]
fn what_tables_keep_for_themselves_is_passed_over_and_empty_cells_are_defaults() {
    let table = "kind;tenant_id;user_email;created_at;updated_at;user_id;pairs;mode;rsi_period\n\
        rsi_tracker;fxlabs;a@b.example;2025-09-28 10:00:00+00;;;;;9\n\
        rsi_correlation_tracker;;;;;;;real_correlation;\n";
    let [rsi, pairs] = parsed(table).try_into().unwrap();
    assert!(matches!(rsi.parameters, AlertParameters::RsiTracker(own) if own.rsi_period == 9));
    assert!(matches!(pairs.parameters, AlertParameters::RsiCorrelationTracker(own) if own.rsi_period == 14));
    let unknown = refused("kind,moon\nrsi_tracker,\nrsi_tracker,1\n");
    assert!(
        unknown.starts_with("2 faults\n  line 2: \"moon\" is no column of rsi_tracker: it has"),
        "{unknown}"
    );
    let anothers = refused("kind,rsi_period,pairs\nrsi_tracker,9,EURUSD\n");
    assert!(anothers.starts_with("line 2: \"pairs\" is no column of rsi_tracker"), "{anothers}");
}

#[test]
fn a_tables_kind_follows_from_its_name_or_from_columns_that_only_one_has() {
    let id = "00000000-0000-4000-8000-000000000001";
    let table = format!("id,timeframe,created_at\n{id},5M,2025-09-28 10:00:00+00\n");
    let kind = |name: &str| parse(&table, kind_in(name), &[]).unwrap()[0].parameters.kind();
    assert_eq!(kind("rsi_tracker_alerts_rows.csv"), AlertKind::RsiTracker);
    assert_eq!(kind("RSI-Correlation-Tracker (2).csv"), AlertKind::RsiCorrelationTracker);
    assert_eq!(kind("rows.csv"), AlertKind::CurrencyStrengthTracker);
    let another = parse(&table, kind_in("price_alerts.csv"), &[]).unwrap_err();
    assert!(
        another.contains(r#""timeframe" is no column of price_alert, the kind that the file's name says"#)
    );
    assert!(refused("timeframe\n5M\n").starts_with("line 2: has no kind"));
}

#[test]
fn a_sweep_makes_alerts_of_their_own_out_of_those_that_have_the_column() {
    let objects = r#"[{"kind": "rsi_tracker"}, {"kind": "price_alert", "symbol": "EURUSD", "above": 1}]"#;
    let swept = |sweep: &[&str]| parse(objects, None, &axes(sweep));
    let alerts = swept(&["rsi_overbought=65,75"]).unwrap();
    let titles: Vec<String> = alerts.iter().map(Alert::title).collect();
    assert_eq!(
        titles,
        ["1 rsi_tracker [rsi_overbought=65]", "1 rsi_tracker [rsi_overbought=75]", "2 price_alert"]
    );
    assert!(matches!(&alerts[1].parameters, AlertParameters::RsiTracker(rsi) if rsi.rsi_overbought == 75));
    assert_ne!(alerts[0].id, alerts[1].id);
    assert_eq!(alerts[0].user_id, alerts[1].user_id);
    assert_eq!(swept(&["buy_threshold=1"]).unwrap_err(), "--sweep buy_threshold: no alert has such a column");
    let wrong = swept(&["timeframe=5M,7M"]).unwrap_err();
    assert!(wrong.starts_with("--sweep timeframe="), "{wrong}");
    assert_eq!(
        swept(&["rsi_overbought=65,95"]).unwrap().len(),
        3,
        "a number out of its range is the engine's to refuse"
    );
}

#[test]
fn text_is_read_in_the_encodings_of_spreadsheets() {
    let text = "kind\tname\nrsi_tracker\tGrüße\n";
    let wide = |mark: [u8; 2], unit: fn(u16) -> [u8; 2]| {
        mark.into_iter().chain(text.encode_utf16().flat_map(unit)).collect::<Vec<u8>>()
    };
    assert_eq!(decoded(&wide([0xff, 0xfe], u16::to_le_bytes)).unwrap(), text);
    assert_eq!(decoded(&wide([0xfe, 0xff], u16::to_be_bytes)).unwrap(), text);
    assert_eq!(decoded(&[b"\xef\xbb\xbf", text.as_bytes()].concat()).unwrap(), text);
    assert_eq!((decoded(text.as_bytes()).unwrap().as_str(), decoded(b"Gr\xfc\xdfe")), (text, None));
}
