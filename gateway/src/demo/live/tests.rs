use super::fixtures::{id, trigger, two};
use super::*;

fn quote(symbol: &str, bid: f64) -> Quote<'_> {
    Quote { symbol, bid, digits: 5 }
}

fn mail(id: u64) -> MailLine {
    let kind = "price_alert".into();
    MailLine { id, kind, subject: "s".into(), to: "t".into(), at: Timestamp(0).into() }
}

fn status() -> StatusLine {
    StatusLine {
        id: String::new(),
        kind: "price_alert".into(),
        user: "asha".into(),
        state: "refused".into(),
        reason: Some("\"DOGE/USD\" is no symbol that is watched here".into()),
        last: None,
        triggers: 0,
    }
}

fn json(frame: &Frame) -> serde_json::Value {
    serde_json::to_value(frame).unwrap()
}

#[test]
fn a_thousand_ticks_between_two_looks_are_one_number() {
    let live = two();
    let (_, mut seen) = live.snapshot();
    for step in 0..1_000 {
        live.quotes(&id("fxlabs"), [quote("EURUSDm", f64::from(step))]);
    }
    let frames = live.changes(&mut seen);
    assert_eq!(frames.len(), 1);
    let expected = serde_json::json!({"type": "delta", "tenant": "fxlabs",
        "symbols": [{"index": 0, "bid": 999.0, "digits": 5}]});
    assert_eq!(json(&frames[0]), expected);
    assert!(live.changes(&mut seen).is_empty(), "told once");
}

#[test]
fn a_snapshot_holds_everything_and_goes_on_from_there() {
    let live = two();
    let fxlabs = id("fxlabs");
    live.quotes(&fxlabs, [quote("EURUSD", 1.1)]);
    live.close(&fxlabs, "EURUSDm", 1.2);
    live.rsi(&fxlabs, "EURUSDm", Timeframe::H1, Some(55.0));
    live.trigger(&fxlabs, &trigger("fxlabs", "EURUSDm"));
    live.count(&fxlabs, |counts| counts.rows += 1);
    let (frame, mut seen) = live.snapshot();
    let frame = json(&frame);
    assert_eq!(frame["tenants"][0]["tenant"], "fxlabs");
    assert_eq!(frame["tenants"][1]["tenant"], "hextech");
    let symbol = serde_json::json!({"index": 0, "name": "EUR/USD", "bid": 1.1, "digits": 5,
        "closes": [1.2], "rsi": {"1H": 55.0}});
    assert_eq!(frame["tenants"][0]["symbols"][0], symbol);
    assert_eq!(frame["tenants"][0]["counts"]["rows"], 1);
    assert!(live.changes(&mut seen).is_empty());
    live.close(&fxlabs, "EURUSDm", 1.3);
    let delta = json(&live.changes(&mut seen)[0]);
    assert_eq!(delta["symbols"], serde_json::json!([{"index": 0, "closes": [1.3]}]));
}

#[test]
fn nothing_of_one_tenant_is_told_under_the_other_s_key() {
    let live = two();
    let (_, mut seen) = live.snapshot();
    let hextech = id("hextech");
    live.quotes(&hextech, [quote("EURUSDm", 1.5)]);
    live.trigger(&hextech, &trigger("hextech", "EURUSDm"));
    live.trigger(&id("fxlabs"), &trigger("hextech", "GBPUSDm"));
    live.mail(&hextech, mail(7));
    live.statuses(&hextech, vec![status()]);
    let told: Vec<serde_json::Value> = live.changes(&mut seen).iter().map(json).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["tenant"], "hextech");
    assert_eq!(told[0]["triggers"].as_array().unwrap().len(), 1);
    assert_eq!(told[0]["statuses"].as_array().unwrap().len(), 1);
    live.quotes(&id("nobody"), [quote("EURUSDm", 1.5)]);
    assert!(live.changes(&mut seen).is_empty() && live.counts(&id("nobody")).is_none());
}

#[test]
fn everything_is_bounded() {
    let live = two();
    let fxlabs = id("fxlabs");
    for step in 0..500u32 {
        live.close(&fxlabs, "EURUSDm", f64::from(step));
        live.trigger(&fxlabs, &trigger("fxlabs", "EURUSDm"));
        live.mail(&fxlabs, mail(step.into()));
        live.quotes(&fxlabs, [quote(&format!("X{step}"), 1.0)]);
    }
    let row = RowLine {
        id: String::new(),
        kind: String::new(),
        at: Timestamp(0).into(),
        symbol: String::new(),
        condition: String::new(),
        text: String::new(),
        price: None,
    };
    live.rows(&fxlabs, vec![row; 500]);
    live.statuses(&fxlabs, vec![status(); 500]);
    let tenant = &json(&live.snapshot().0)["tenants"][0];
    let length = |key: &str| tenant[key].as_array().unwrap().len();
    assert_eq!((length("triggers"), length("rows"), length("mails")), (TRIGGERS, ROWS, ROWS));
    assert_eq!(length("statuses"), ROWS);
    assert_eq!((length("symbols"), tenant["symbols"][0]["closes"].as_array().unwrap().len()), (2, CLOSES));
    assert_eq!(tenant["mails"][49]["id"], 499, "the newest stay");
}

#[test]
fn the_same_rows_and_states_again_are_no_news() {
    let live = two();
    let (_, mut seen) = live.snapshot();
    live.rows(&id("fxlabs"), vec![]);
    assert_eq!(live.changes(&mut seen).len(), 1);
    live.statuses(&id("fxlabs"), vec![status()]);
    let told = json(&live.changes(&mut seen)[0]);
    assert_eq!(told["statuses"][0]["state"], "refused");
    assert_eq!(told.get("rows"), None);
    live.rows(&id("fxlabs"), vec![]);
    live.statuses(&id("fxlabs"), vec![status()]);
    live.count(&id("fxlabs"), |_| {});
    assert!(live.changes(&mut seen).is_empty());
}
