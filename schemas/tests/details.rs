//! Details and sentences of triggers, held to the bytes that stand on logs already. `golden/details.jsonl` has what
//! engine version 1 wrote when each detail was put together by hand: triggers of the market of `tests/tests/replay.rs`,
//! two of each kind, condition, timeframe and indicator, and then the same texts over edge numbers.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod samples;

use bellwether_schemas::Timeframe;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::codec::{decode_outcome, encode_outcome};
use bellwether_schemas::triggers::{
    Circumstances, Condition, Detail, DetailText, Outcome, TriggerFired, sentence,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Written {
    kind: AlertKind,
    condition: Condition,
    pair: Option<String>,
    timeframe: Option<Timeframe>,
    value: Option<f64>,
    previous: Option<f64>,
    threshold: Option<f64>,
    detail: String,
}

fn golden() -> Vec<Written> {
    let lines = include_str!("golden/details.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Written {
    fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            condition: self.condition,
            pair: self.pair.as_deref(),
            timeframe: self.timeframe,
            value: self.value,
            previous: self.previous,
            threshold: self.threshold,
        }
    }

    fn trigger(&self) -> TriggerFired {
        TriggerFired {
            kind: self.kind,
            condition: self.condition,
            pair: self.pair.clone(),
            timeframe: self.timeframe,
            value: self.value,
            previous: self.previous,
            threshold: self.threshold,
            detail: self.detail.as_str().into(),
            ..fired()
        }
    }
}

fn fired() -> TriggerFired {
    match samples::by_name("trigger_fired") {
        samples::Record::Outcome(Outcome::Fired(trigger)) => trigger,
        _ => unreachable!("the sample of that name is a trigger"),
    }
}

#[test]
fn every_detail_reads_back_and_is_written_as_the_same_bytes() {
    for written in golden() {
        let detail = DetailText::from(written.detail.as_str()).read(written.kind).unwrap();
        let text = sentence(&detail, &written.circumstances());
        assert_eq!(DetailText::new(&detail, &text).as_str(), written.detail);
    }
}

/// What rules since version 3 write of a currency that leads: the eight by name, one without a pair as `null`.
#[test]
fn scores_of_all_currencies_read_back_and_are_written_as_the_same_bytes() {
    let scores = r#"{"AUD":-12.5,"CAD":0,"CHF":null,"EUR":3.25,"GBP":100,"JPY":-100,"NZD":50,"USD":1}"#;
    let written = format!(r#"{{"role":"strongest","from":"EUR","to":"GBP","scores":{scores},"text":"so"}}"#);
    let detail = DetailText::from(written.as_str()).read(AlertKind::CurrencyStrengthTracker).unwrap();
    let Detail::Leader(change) = &detail else { panic!("{detail:?}") };
    let scores = change.scores.as_ref().unwrap();
    assert_eq!((scores.len(), scores["CHF"], scores["AUD"]), (8, None, Some(-12.5)));
    assert_eq!(DetailText::new(&detail, "so").as_str(), written);
}

#[test]
fn the_golden_file_has_every_shape_and_every_condition() {
    let shape = |written: &Written| match DetailText::from(written.detail.as_str())
        .read(written.kind)
        .unwrap()
    {
        Detail::Rsi(_) => 0,
        Detail::RsiMismatch(_) => 1,
        Detail::RealMismatch(_) => 2,
        Detail::Heatmap(heatmap) => 3 + usize::from(heatmap.cells.values().any(|cells| !cells.is_empty())),
        Detail::Turn(_) => 5,
        Detail::Leader(_) => 6,
        Detail::Price(_) => 7,
    };
    let shapes: std::collections::BTreeSet<usize> = golden().iter().map(shape).collect();
    assert_eq!(shapes.len(), 8);
    let has = |condition| golden().iter().any(|written| written.condition == condition);
    assert!(Condition::ALL.into_iter().all(has));
}

#[test]
fn the_sentence_of_a_trigger_is_the_one_written_into_it_and_else_the_one_of_its_detail() {
    for written in golden() {
        let trigger = written.trigger();
        let mut without: serde_json::Value = serde_json::from_str(&written.detail).unwrap();
        let text = without.as_object_mut().unwrap().remove("text").unwrap();
        assert_eq!(trigger.sentence().unwrap(), text);
        let older = TriggerFired { detail: without.to_string().as_str().into(), ..trigger };
        assert_eq!(older.sentence().unwrap(), text);
    }
}

#[test]
fn a_price_alert_speaks_of_the_price_and_a_symbol_is_named_before_the_sentence() {
    let trigger = TriggerFired {
        kind: AlertKind::PriceAlert,
        condition: Condition::Below,
        timeframe: None,
        value: Some(1.0949),
        previous: Some(1.0951),
        threshold: Some(1.095),
        detail: r#"{"side":"below","level":1.095,"on_close":null}"#.into(),
        ..fired()
    };
    let said = trigger.sentence_with_symbol("").unwrap();
    assert_eq!(said, "GBP/USD: the price went from 1.0951 to 1.0949, at or below your 1.095");
}

#[test]
fn an_unreadable_detail_names_its_trigger_and_field() {
    for wrong in ["[]", "{", r#"{"rsi_period":14}"#, r#"{"rsi_period":"x","overbought":70,"oversold":30}"#] {
        let trigger = TriggerFired { detail: wrong.into(), ..fired() };
        let error = trigger.read_detail().unwrap_err().to_string();
        let start = format!("trigger {}: field detail is not what rsi_tracker writes: ", trigger.id);
        assert!(error.starts_with(&start), "{error}");
    }
    let error = TriggerFired { detail: r#"{"rsi_period":14}"#.into(), ..fired() }.sentence().unwrap_err();
    assert!(error.why.contains("overbought"), "{error}");
}

#[test]
fn a_record_carries_details_and_conditions_as_text() {
    for written in golden() {
        let outcome = Outcome::Fired(written.trigger());
        let bytes = encode_outcome(&outcome).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds(&written.detail) && holds(written.condition.name()));
        assert_eq!(decode_outcome(&bytes).unwrap(), outcome);
    }
}
