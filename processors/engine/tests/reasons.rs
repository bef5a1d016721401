//! `explain --not`: why an alert did not fire in a span, against a computation of its own, for random markets, alerts and spans.
//!
//! `REASONS` says how many are asked, 200 without it; `make reasons` asks 10,000.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acts;
mod naive;
mod referee;

use std::collections::BTreeMap;

use acts::{Act, Beginning, START, asked_acts, cold, first_settings, warm};
use bellwether_engine::why::{Inquiry, State};
use bellwether_schemas::journal::Entry;
use bellwether_schemas::ticks::{Tick, TickBlock};
use bellwether_schemas::{AlertId, Timestamp};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use referee::{Folded, Referee, Story, told};
use uuid::Uuid;

const ALERTS: u128 = 10;
/// Acts of one market: a day or two.
const ACTS: usize = 120;
/// Questions that are asked of one market.
const ASKED: usize = 250;
const MINUTE: i64 = 60_000_000;

#[test]
fn the_reason_is_the_one_that_a_computation_of_its_own_finds() {
    let all = std::env::var("REASONS").map_or(200, |all| all.parse().unwrap());
    let mut runner = runner();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    // Small runs see several markets too.
    let each = ASKED.min(all / 4).max(1);
    for market in 0..all / each {
        let is_warm = market % 3 != 2;
        let acts = asked_acts(ACTS).new_tree(&mut runner).unwrap().current();
        for reason in ask(if is_warm { warm() } else { cold() }, is_warm, &acts, each, &mut runner) {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    println!("verdict: {} alerts and spans asked about, each told the same: {reasons:?}", all / each * each);
    for reason in ["fired", "off", "held", "inside", "nearest", "warming", "gap"] {
        assert!(reasons.contains_key(reason), "nothing was settled by {reason:?}: {reasons:?}");
    }
}

/// The same each time.
fn runner() -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[17; 32]);
    TestRunner::new_with_rng(Config::default(), rng)
}

/// Asks so many questions of one market; what settled each.
fn ask(
    beginning: &Beginning,
    is_warm: bool,
    acts: &[Act],
    count: usize,
    runner: &mut TestRunner,
) -> Vec<String> {
    let (first, entries) = beginning.go_on(acts);
    let entries = one_by_one(&entries);
    let end = entries.iter().filter_map(Entry::event_time).max().unwrap_or(START);
    let questions: Vec<(AlertId, Timestamp, Timestamp)> = (0..count).map(|_| question(end, runner)).collect();
    let mut engine = beginning.engine.clone();
    engine.ask_about((0..ALERTS).map(|number| AlertId(Uuid::from_u128(number))));
    let mut inquiries: Vec<Inquiry> =
        questions.iter().map(|(_, from, to)| Inquiry::new(*from, *to)).collect();
    let mut folded = Vec::new();
    for (offset, entry) in (first..).zip(entries) {
        let mut effects = Vec::new();
        engine.apply(offset, &entry, &mut effects);
        for sighting in engine.take_sightings() {
            let asked =
                questions.iter().zip(&mut inquiries).filter(|((alert, ..), _)| *alert == sighting.alert);
            asked.for_each(|(_, inquiry)| inquiry.see(&sighting));
        }
        let watermark = engine.watermark().unwrap_or(Timestamp(i64::MIN));
        folded.push(Folded { offset, entry, effects, watermark });
    }
    let market = market(beginning, is_warm);
    let mut stories: BTreeMap<AlertId, Story> = BTreeMap::new();
    let answers = questions.iter().zip(inquiries).map(|((alert, from, to), inquiry)| {
        let story = stories.entry(*alert).or_insert_with(|| story(&market, *alert, &folded));
        let expected = story.answer(*from, *to, folded.last().unwrap().watermark);
        let answer = inquiry.answer(engine.watermark());
        assert_eq!(told(&answer), expected, "{alert} from {from} to {to}: {}", answer.text());
        expected[0].split(' ').next().unwrap().to_owned()
    });
    answers.collect()
}

/// What the beginning left behind: history alone.
fn market(beginning: &Beginning, is_warm: bool) -> Referee {
    let mut referee = Referee::new(first_settings());
    if is_warm {
        let beat = beginning.writer.entries.last().unwrap().clone();
        let effects = beginning.effects.clone();
        referee.record(&Folded { offset: 0, entry: beat, effects, watermark: START }, None);
    }
    referee
}

fn story(market: &Referee, alert: AlertId, folded: &[Folded]) -> Story {
    let mut referee = market.clone();
    folded.iter().for_each(|folded| referee.record(folded, Some(alert)));
    referee.story
}

/// Of any alert, over minutes or hours, and now and then beyond the journal's end.
fn question(end: Timestamp, runner: &mut TestRunner) -> (AlertId, Timestamp, Timestamp) {
    let minutes = end.since(START) / MINUTE + 60;
    let of = (0..ALERTS, 0..minutes.max(1), 0..60_000_000i64, prop_length(), proptest::bool::ANY);
    let (alert, begin, micros, length, whole) = of.new_tree(runner).unwrap().current();
    let from = START.plus(begin * MINUTE + if whole { 0 } else { micros });
    (AlertId(Uuid::from_u128(alert)), from, from.plus(length * MINUTE))
}

fn prop_length() -> impl Strategy<Value = i64> {
    proptest::prop_oneof![2 => 0..20i64, 4 => 20..300i64, 2 => 300..2_000i64]
}

fn one_by_one(entries: &[Entry]) -> Vec<Entry> {
    let cut = |entry: &Entry| match entry {
        Entry::Ticks(block) => block.ticks.iter().enumerate().map(|tick| alone(block, tick)).collect(),
        other => vec![other.clone()],
    };
    entries.iter().flat_map(cut).collect()
}

fn alone(block: &TickBlock, (place, tick): (usize, &Tick)) -> Entry {
    let first_seq = block.first_seq.map(|first| first + place as u64);
    Entry::Ticks(TickBlock { first_seq, ticks: vec![*tick], ..block.clone() })
}

#[test]
fn an_engine_that_is_asked_gives_the_same_effects() {
    let mut runner = runner();
    let acts = asked_acts(60).new_tree(&mut runner).unwrap().current();
    let (first, entries) = warm().go_on(&acts);
    let mut engine = warm().engine.clone();
    let silent = acts::fold(&mut engine, first, &entries);
    let mut asked = warm().engine.clone();
    asked.ask_about((0..ALERTS).map(|number| AlertId(Uuid::from_u128(number))));
    assert_eq!(acts::fold(&mut asked, first, &entries), silent);
    assert!(!asked.take_sightings().is_empty());
    assert_eq!(asked.stands(AlertId(Uuid::from_u128(99))), State::Unknown);
}
