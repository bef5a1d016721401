//! The rules of the build that is to come beside those of production: what is the same is not told, and one bit of one
//! indicator is, at the first bar at which it shows, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod walk;

use bellwether_engine::{Engine, Version};
use bellwether_runtime::log::{Log, NewRecord};
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{Timeframe, Topic, TopicKind, codec};
use bellwether_worker::replay::{Difference, first_explained, verify};
use bellwether_worker::shadow::{Shadowed, Trial, shadow};
use memory::Memory;
use walk::{journal, straight, tenant};

/// The record from which on the other rules hold: some way behind the first EMA of 21 bars.
const FROM: u64 = 130;

fn topic(kind: TopicKind) -> Topic {
    Topic::new(&tenant(), kind)
}

fn values() -> Vec<Vec<u8>> {
    let steps: Vec<_> = (0..120).map(|at| if at / 8 % 2 == 0 { (900, -700) } else { (-800, 950) }).collect();
    journal(&steps)
}

fn log(values: &[Vec<u8>], outcomes: Vec<NewRecord>) -> Memory {
    let log = Memory::default();
    Topic::all(&tenant()).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
    let record = |value: &Vec<u8>| NewRecord { key: b"fxlabs".to_vec(), value: value.clone() };
    log.append(&topic(TopicKind::Journal), values.iter().map(record).collect()).wait().unwrap();
    log.append(&topic(TopicKind::Triggers), outcomes).wait().unwrap();
    log
}

fn shadowed(rules: Version, prepare: &mut dyn FnMut(&mut Engine)) -> Shadowed {
    let values = values();
    let log = log(&values, straight(&values));
    let trial = Trial { range: FROM..u64::MAX, rules, prepare };
    shadow(&log, &tenant(), trial, &mut |_| {}).unwrap()
}

#[test]
fn the_same_rules_give_the_same() {
    let found = shadowed(Version::NEWEST, &mut |_| {});
    assert!(found.is_same(), "{found:?}");
    assert!(found.outcomes > 3 && found.readings > 100, "something was compared: {found:?}");
}

/// Flips the lowest bit of the EMA of 21 five-minute closes of EURUSDm where it stands in the stored state.
fn plant(engine: &mut Engine, ema: f64) {
    let mut planted = 0;
    let mut parts = Vec::new();
    for part in engine.parts() {
        let mut bytes = part.encode().unwrap();
        let value = ema.to_bits().to_le_bytes();
        if let Some(at) = bytes.windows(value.len()).position(|window| window == value) {
            bytes[at] ^= 1;
            planted += 1;
        }
        parts.push((part.key().to_string(), bytes));
    }
    assert_eq!(planted, 1, "one bit");
    let parts = parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    *engine = Engine::from_stored(tenant(), parts).unwrap();
}

/// The EMA that the fold has of that series before the record, by its own readings.
fn ema_before(values: &[Vec<u8>], record: u64) -> f64 {
    use bellwether_engine::Effect;
    use bellwether_schemas::readings::Reading;
    let mut engine = Engine::new(tenant());
    let mut effects = Vec::new();
    for (offset, bytes) in (0..record).zip(values) {
        match codec::decode_entry(bytes) {
            Ok(entry) if entry.origin().tenant == tenant() => engine.apply(offset, &entry, &mut effects),
            _ => {}
        }
    }
    let ema = effects.iter().rev().find_map(|effect| match effect {
        Effect::Reading(Reading::Indicators(found))
            if found.symbol.as_str() == "EURUSDm" && found.timeframe == Timeframe::M5 =>
        {
            found.ema21
        }
        _ => None,
    });
    ema.unwrap()
}

#[test]
fn one_bit_of_an_indicator_is_named_at_the_next_bar_and_nothing_else() {
    let ema = ema_before(&values(), FROM);
    let found = shadowed(Version::NEWEST, &mut |engine| plant(engine, ema));
    assert_eq!(found.differing, 0, "no trigger hangs on it: {found:?}");
    let named: Vec<(&str, &str)> =
        found.values.iter().map(|value| (value.key.as_str(), value.field.as_str())).collect();
    assert_eq!(named, [("indicators|EURUSDm|5M", "ema21")], "{found:?}");
    // The first bar that closes behind the record from which on it was there.
    let first = &found.values[0];
    assert!(first.offset >= FROM && first.offset <= FROM + 3, "within one bar: {first:?}");
    assert!(first.times >= 1 && first.production != first.tried, "{first:?}");
}

#[test]
fn older_rules_are_told_by_what_they_leave_out() {
    // Words for users and the scores of all currencies came with the third; RSI trackers have neither.
    assert!(shadowed(Version::V2, &mut |_| {}).is_same(), "nothing here hangs on the third version's rules");
}

#[test]
fn an_alert_that_others_rules_do_not_know_is_a_difference_with_what_both_saw() {
    let found = shadowed(Version::NEWEST, &mut |engine| *engine = engine.clone().without_alerts());
    assert!(found.differing > 0 && found.values.is_empty(), "{found:?}");
    for difference in &found.differences {
        assert!(difference.production.is_some() && difference.tried.is_none(), "{difference:?}");
        let names = |seen: &[serde_json::Value]| {
            seen.iter().map(|one| one["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let seen = names(&difference.seen_by_production);
        assert!(seen.contains(&"bar".into()) && seen.contains(&"indicators".into()), "{difference:?}");
        assert_eq!(names(&difference.seen_by_tried), seen, "{difference:?}");
    }
}

#[test]
fn the_first_difference_of_a_replay_is_told_down_to_the_bar_and_its_indicators() {
    let values = values();
    let mut outcomes = straight(&values);
    let fired = outcomes
        .iter()
        .position(|record| matches!(codec::decode_outcome(&record.value), Ok(Outcome::Fired(_))));
    let record = &mut outcomes[fired.unwrap()];
    let Ok(Outcome::Fired(mut trigger)) = codec::decode_outcome(&record.value) else { panic!("a trigger") };
    let was = trigger.value.unwrap();
    trigger.value = Some(f64::from_bits(was.to_bits() ^ 1));
    record.value = codec::encode_outcome(&Outcome::Fired(trigger.clone())).unwrap();
    let log = log(&values, outcomes);
    let report = verify(&log, &tenant(), &(0..u64::MAX), &mut |_| {}).unwrap();
    assert!(matches!(report.differences[..], [Difference::Changed { .. }]), "{report:?}");
    let first = first_explained(&log, &tenant(), &report).unwrap().unwrap();
    assert_eq!((first.cause, first.at), (trigger.cause.to_string(), Some(trigger.close_time)));
    let [field] = &first.fields[..] else { panic!("{:?}", first.fields) };
    assert_eq!((field.field.as_str(), field.folded.as_f64()), ("value", Some(was)));
    let indicators = first.seen.iter().find(|one| one["type"] == "indicators").unwrap();
    assert_eq!(indicators["rsi5"].as_f64(), Some(was), "what the fold saw there: {indicators}");
    let before = first.before.iter().find(|one| one["type"] == "indicators").unwrap();
    assert_eq!(before["rsi5"].as_f64(), trigger.previous, "and one bar before: {before}");
    let same = log_of_the_same(&values);
    let report = verify(&same, &tenant(), &(0..u64::MAX), &mut |_| {}).unwrap();
    assert_eq!(first_explained(&same, &tenant(), &report).unwrap(), None);
}

fn log_of_the_same(values: &[Vec<u8>]) -> Memory {
    log(values, straight(values))
}
