//! What holds for every journal, over thousands of generated ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acts;
mod naive;
mod parts;

use std::sync::OnceLock;

use acts::{
    Act, Beginning, SCALE, START, SYMBOLS, acts, cold, first_settings, fold, hostile, live_acts, origin, warm,
};
use bellwether_engine::{Effect, Engine};
use bellwether_schemas::bars::{BarBlock, HistoryBar};
use bellwether_schemas::journal::{Entry, Heartbeat};
use bellwether_schemas::readings::{Bar, Reading};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::ticks::{BlockSymbol, Tick, TickBlock};
use bellwether_schemas::triggers::{Cause, Outcome};
use bellwether_schemas::{Timestamp, codec};
use naive::Naive;
use parts::{read, written};
use proptest::prelude::*;

fn beginning(is_warm: bool) -> &'static Beginning {
    if is_warm { warm() } else { cold() }
}

fn bytes(engine: &Engine) -> usize {
    written(engine).iter().map(|(_, bytes)| bytes.len()).sum()
}

/// The triggers topic's records, as they are written.
fn outcomes(effects: &[Vec<Effect>]) -> Vec<Vec<u8>> {
    let encoded = |effect: &Effect| match effect {
        Effect::Outcome(outcome) => Some(codec::encode_outcome(outcome).unwrap()),
        _ => None,
    };
    effects.iter().flatten().filter_map(encoded).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_journal_cut_anywhere_goes_on_from_the_stored_state_byte_for_byte(
        acts in acts(40),
        cut in any::<prop::sample::Index>(),
        is_warm in prop::bool::weighted(0.9),
    ) {
        let beginning = beginning(is_warm);
        let (first, entries) = beginning.go_on(&acts);
        let mut straight = beginning.engine.clone();
        let expected = fold(&mut straight, first, &entries);
        let cut = cut.index(entries.len());
        let mut engine = beginning.engine.clone();
        let mut effects = fold(&mut engine, first, &entries[..cut]);
        let mut engine = read(acts::tenant(), &written(&engine)).unwrap();
        effects.extend(fold(&mut engine, first + cut as u64, &entries[cut..]));
        prop_assert_eq!(outcomes(&effects), outcomes(&expected));
        prop_assert!(effects == expected, "readings and refusals");
        prop_assert!(written(&engine) == written(&straight), "what is stored in the end");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_snapshot_taken_while_records_go_on_is_the_state_at_which_it_began(
        acts in acts(40),
        begins in any::<prop::sample::Index>(),
        efforts in prop::collection::vec(prop_oneof![2 => Just(0usize), 3 => 1usize..5], 1..20),
        is_warm in prop::bool::weighted(0.9),
    ) {
        let beginning = beginning(is_warm);
        let (first, entries) = beginning.go_on(&acts);
        let mut straight = beginning.engine.clone();
        let expected = fold(&mut straight, first, &entries);
        let cut = begins.index(entries.len());
        let mut engine = beginning.engine.clone();
        let mut effects = fold(&mut engine, first, &entries[..cut]);
        let stood = written(&engine);
        engine.begin_taking();
        let mut taken = None;
        for ((offset, entry), effort) in (first + cut as u64..).zip(&entries[cut..]).zip(efforts.iter().cycle()) {
            effects.extend(fold(&mut engine, offset, std::slice::from_ref(entry)));
            if *effort > 0 && taken.is_none() {
                taken = engine.go_on_taking(*effort);
            }
        }
        let taken = taken.or_else(|| engine.go_on_taking(usize::MAX)).unwrap();
        let taken: Vec<_> = taken.iter().map(|part| (part.key(), part.encode().unwrap())).collect();
        let mut stood = stood;
        stood.sort_by_key(|(key, _)| *key);
        prop_assert!(taken == stood, "what stood when it began");
        prop_assert!(!engine.is_taking() && engine.go_on_taking(usize::MAX).is_none());
        prop_assert!(effects == expected, "nobody notices");
    }
}

/// What blocks have no say in: everything but the cause, which names the record and the place among its outcomes, and
/// the place of a refusal in its record.
fn without_causes(effects: Vec<Vec<Effect>>) -> Vec<Effect> {
    const NONE: Cause = Cause { offset: 0, index: 0 };
    let without = |mut effect: Effect| {
        match &mut effect {
            Effect::Outcome(Outcome::Fired(trigger)) => trigger.cause = NONE,
            Effect::Outcome(Outcome::Status(status)) => status.cause = NONE,
            Effect::Refused(refusal) => refusal.index = None,
            Effect::Reading(_) | Effect::Forgotten(_) | Effect::Halt(_) => {}
        }
        effect
    };
    effects.into_iter().flatten().map(without).collect()
}

/// The same journal with at most `size` ticks a record. Bars of history that end together stay together: they share
/// an instant because they share a record.
fn in_blocks_of(size: usize, entries: &[Entry]) -> Vec<Entry> {
    let cut = |entry: &Entry| match entry {
        Entry::Ticks(block) => ticks_in_blocks_of(size, block),
        Entry::Bars(BarBlock { origin, bars }) => {
            let together = bars.chunk_by(|a, b| a.close_time == b.close_time);
            let block = |bars: &[HistoryBar]| BarBlock { origin: origin.clone(), bars: bars.to_vec() };
            together.map(|bars| Entry::Bars(block(bars))).collect()
        }
        other => vec![other.clone()],
    };
    entries.iter().flat_map(cut).collect()
}

fn ticks_in_blocks_of(size: usize, block: &TickBlock) -> Vec<Entry> {
    let part = |(place, ticks): (usize, &[Tick])| {
        let first_seq = block.first_seq.map(|first| first + (place * size) as u64);
        Entry::Ticks(TickBlock { first_seq, ticks: ticks.to_vec(), ..block.clone() })
    };
    block.ticks.chunks(size).enumerate().map(part).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn ticks_give_the_same_in_blocks_of_any_size(acts in acts(40), is_warm in prop::bool::weighted(0.9)) {
        let beginning = beginning(is_warm);
        let (first, entries) = beginning.go_on(&acts);
        let whole = without_causes(fold(&mut beginning.engine.clone(), first, &entries));
        for size in [1, 2, 7] {
            let cut = in_blocks_of(size, &entries);
            let effects = without_causes(fold(&mut beginning.engine.clone(), first, &cut));
            prop_assert_eq!(effects.len(), whole.len(), "in blocks of {}", size);
            for (effect, expected) in effects.iter().zip(&whole) {
                prop_assert_eq!(effect, expected, "in blocks of {}", size);
            }
        }
    }
}

/// Ticks of one symbol within ten minutes, not far from each other.
fn ten_minutes() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((0..600_000i64, 100_000..110_000i64), 2..60)
}

/// The bars that these ticks make, minute by minute in the order given, and whatever longer ones they make.
fn bars_of(ticks: &[(i64, i64)]) -> Vec<Bar> {
    let mut engine = cold().engine.clone();
    let symbol = vec![BlockSymbol::of_quotes(SYMBOLS[0], SCALE)];
    let tick = |(millis, bid): &(i64, i64)| Tick {
        ts: Timestamp(START.0 + millis * 1_000),
        symbol: 0,
        bid: *bid,
        ask: *bid,
    };
    let block = Entry::Ticks(TickBlock {
        origin: origin("source", "session"),
        ingested_at: START.plus(600_000_000),
        first_seq: None,
        symbols: symbol,
        ticks: ticks.iter().map(tick).collect(),
        volumes: Vec::new(),
    });
    let end =
        Entry::Heartbeat(Heartbeat { origin: origin("source", "session"), ts: START.plus(3_602_000_000) });
    let effects = fold(&mut engine, 1, &[block, end]);
    assert!(effects.iter().flatten().all(|effect| !matches!(effect, Effect::Refused(_))), "{effects:?}");
    let bar = |effect: Effect| match effect {
        Effect::Reading(Reading::Bar(bar)) => Some(bar),
        _ => None,
    };
    effects.into_iter().flatten().filter_map(bar).collect()
}

fn minute_of(tick: &(i64, i64)) -> i64 {
    tick.0 / 60_000
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Every order in which a minute's ticks can come, times with their prices, as long as of equal times the first
    /// stays before, and the last behind, the others.
    #[test]
    fn ticks_of_a_minute_make_the_same_bars_in_whatever_order_they_come(
        ticks in ten_minutes(),
        draws in prop::collection::vec(any::<u32>(), 60),
    ) {
        let mut ticks = ticks;
        ticks.sort_by_key(|tick| tick.0);
        let expected = bars_of(&ticks);
        let minutes = ticks.chunk_by(|a, b| minute_of(a) == minute_of(b));
        let shuffled: Vec<(i64, i64)> = minutes.flat_map(|minute| shuffled(minute, &draws)).collect();
        prop_assert_eq!(bars_of(&shuffled), expected);
    }

    /// Prices between the first and the last may change places: the way between them is not in a bar.
    #[test]
    fn prices_between_the_first_and_the_last_of_a_minute_may_change_places(
        ticks in ten_minutes(),
        draws in prop::collection::vec(any::<u32>(), 60),
    ) {
        let mut ticks = ticks;
        ticks.sort_by_key(|tick| tick.0);
        let expected = bars_of(&ticks);
        let mut changed = ticks.clone();
        for minute in changed.chunk_by_mut(|a, b| minute_of(a) == minute_of(b)).filter(|minute| minute.len() > 2) {
            let last = minute.len() - 1;
            let mut prices: Vec<(u32, i64)> = draws.iter().copied().zip(minute[1..last].iter().map(|t| t.1)).collect();
            prices.sort_unstable();
            for (tick, (_, price)) in minute[1..last].iter_mut().zip(prices) {
                tick.1 = price;
            }
        }
        prop_assert_eq!(bars_of(&changed), expected);
    }
}

/// In the order of the draws; ticks of one time keep theirs.
fn shuffled(minute: &[(i64, i64)], draws: &[u32]) -> Vec<(i64, i64)> {
    let mut times: Vec<(u32, &[(i64, i64)])> =
        draws.iter().copied().zip(minute.chunk_by(|a, b| a.0 == b.0)).collect();
    times.sort_by_key(|(draw, _)| *draw);
    times.into_iter().flat_map(|(_, ticks)| ticks.to_vec()).collect()
}

/// A number of a reading or a trigger is none.
fn not_finite(effect: &Effect) -> bool {
    if !matches!(effect, Effect::Reading(_) | Effect::Outcome(Outcome::Fired(_))) {
        return false;
    }
    let text = format!("{effect:?}");
    text.contains("NaN") || text.contains("inf")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_records_make_it_panic_or_a_reading_not_finite(
        acts in acts(12),
        records in prop::collection::vec(hostile::record(), 1..40),
        order in any::<prop::sample::Index>(),
        is_warm in prop::bool::weighted(0.3),
    ) {
        let beginning = beginning(is_warm);
        let (first, mut entries) = beginning.go_on(&acts);
        let at = order.index(entries.len());
        entries.splice(at..at, records);
        let mut engine = beginning.engine.clone();
        for effect in fold(&mut engine, first, &entries).iter().flatten() {
            prop_assert!(!not_finite(effect), "{:?}", effect);
        }
        let again = read(acts::tenant(), &written(&engine)).unwrap();
        prop_assert!(written(&again) == written(&engine));
    }
}

/// The settings that the last change left in force.
fn in_force(entries: &[Entry]) -> &Settings {
    let changes = entries.iter().filter_map(|entry| match entry {
        Entry::Settings(change) => Some(change),
        _ => None,
    });
    let newer = |before: &SettingsChanged, next: &SettingsChanged| {
        naive::is_news(next, before.revision, before.engine_version)
    };
    &changes.reduce(|before, next| if newer(before, next) { next } else { before }).unwrap().settings
}

/// Bytes that the state may have: by symbol and pair, by remembered session, by alert, and by the minutes that are
/// open while sources are apart.
fn cap(settings: &Settings) -> usize {
    let symbols = settings.symbols.len();
    let listed = |name: &str| settings.symbols.iter().any(|symbol| symbol.name.base("m") == name);
    let is_whole = |pair: &&String| pair.split('-').all(listed);
    let pairs = settings.positive_pairs.iter().chain(&settings.negative_pairs).filter(is_whole).count();
    4_000 + 44_000 * symbols + 16_000 * pairs + 64 * 200 + 16 * 200
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn state_stays_within_its_caps(acts in acts(20), is_warm in any::<bool>()) {
        let beginning = beginning(is_warm);
        let mut writer = beginning.writer.clone();
        let mut engine = beginning.engine.clone();
        for round in 0..60 {
            let first = writer.entries.len();
            writer.write(&acts);
            writer.flood(round);
            fold(&mut engine, first as u64, &writer.entries[first..]);
        }
        let (size, cap) = (bytes(&engine), cap(in_force(&writer.entries)));
        prop_assert!(size <= cap, "{} of {}", size, cap);
    }
}

/// The reference after the warm beginning, which no alert saw.
fn warm_naive() -> Naive {
    static NAIVE: OnceLock<Naive> = OnceLock::new();
    let naive = || {
        let mut naive = Naive::new(first_settings());
        naive.record(&warm().writer.entries[0], &warm().effects, None);
        naive
    };
    NAIVE.get_or_init(naive).clone()
}

/// What the engine fired and what it had to, in one order.
fn fired_and_due(is_warm: bool, acts: &[Act]) -> (Vec<String>, Vec<String>) {
    let beginning = beginning(is_warm);
    let (first, entries) = beginning.go_on(acts);
    let mut engine = beginning.engine.clone();
    let mut naive = if is_warm { warm_naive() } else { Naive::new(first_settings()) };
    let mut fired = Vec::new();
    for (offset, entry) in (first..).zip(in_blocks_of(1, &entries)) {
        let mut effects = Vec::new();
        engine.apply(offset, &entry, &mut effects);
        naive.record(&entry, &effects, engine.watermark());
        fired.extend(effects.iter().filter_map(|effect| match effect {
            Effect::Outcome(Outcome::Fired(trigger)) => Some(naive::text(trigger)),
            _ => None,
        }));
    }
    let mut due = naive.found();
    fired.sort_unstable();
    due.sort_unstable();
    (fired, due)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_indexes_fire_what_a_look_at_every_alert_at_every_bar_fires(
        acts in live_acts(50),
        is_warm in prop::bool::weighted(0.9),
    ) {
        let (fired, due) = fired_and_due(is_warm, &acts);
        prop_assert_eq!(fired, due);
    }
}

/// The journals are worth it: every kind of alert, refusal and status is among them.
#[test]
fn generated_journals_hold_what_they_are_for() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..300 {
        let acts: Vec<Act> = acts(40).new_tree(&mut runner).unwrap().current();
        let (first, entries) = warm().go_on(&acts);
        for effect in fold(&mut warm().engine.clone(), first, &entries).into_iter().flatten() {
            let name = match effect {
                Effect::Outcome(Outcome::Fired(trigger)) => format!("{} {}", trigger.kind, trigger.condition),
                Effect::Outcome(Outcome::Status(status)) => format!("status {}", status.state.name()),
                Effect::Refused(refusal) => format!("refused {}", refusal.reason.name()),
                Effect::Reading(_) => "reading".into(),
                Effect::Forgotten(_) => "forgotten".into(),
                Effect::Halt(_) => "halt".into(),
            };
            *counts.entry(name).or_default() += 1;
        }
    }
    let rare: Vec<&str> =
        EXPECTED.into_iter().filter(|name| counts.get(*name).is_none_or(|n| *n < 10)).collect();
    assert!(rare.is_empty(), "{rare:?} of {counts:#?}");
}

const EXPECTED: [&str; 25] = [
    "currency_strength_tracker strongest",
    "currency_strength_tracker weakest",
    "heatmap_indicator_tracker buy",
    "heatmap_indicator_tracker sell",
    "heatmap_tracker buy",
    "heatmap_tracker sell",
    "price_alert above",
    "price_alert below",
    "reading",
    "refused absurd",
    "refused bar_exists",
    "refused duplicate",
    "refused future",
    "refused late",
    "refused malformed",
    "refused unknown_symbol",
    "rsi_correlation_tracker real_mismatch",
    "rsi_correlation_tracker rsi_mismatch",
    "rsi_tracker overbought",
    "rsi_tracker oversold",
    "status active",
    "status expired",
    "status refused",
    "status spent",
    "status warming",
];
