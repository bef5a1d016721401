//! The engine's state in parts: which of them change, what is refused, and the bytes of `golden/state`, each directory
//! of which is the state of [`story`] as some build wrote it. All of them are read; the newest is what is written.
//!
//! When a layout changes: `cargo test -p bellwether-engine --test state -- --ignored` writes the next directory, under
//! the number of [`NEWEST`]. Those before stay as they are. `golden/state/read.py` reads them without this program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod acts;
mod journal;
mod parts;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use acts::warm;
use bellwether_engine::snapshot::{BUCKET, PartKey, SnapshotError};
use bellwether_engine::{ENGINE_VERSION, Effect, Engine};
use bellwether_schemas::alerts::{
    AlertKind, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert,
    RsiCorrelationTracker,
};
use bellwether_schemas::bars::HistoryBar;
use bellwether_schemas::decisions::Decision;
use bellwether_schemas::time::HOUR;
use bellwether_schemas::triggers::AlertState;
use bellwether_schemas::{Price, Timeframe};
use journal::{Journal, fired, history_bar, minute, rsi, second, statuses, tenant};
use parts::{Bytes, changed, read, written};
use proptest::prelude::*;

/// The directory of today's layouts. Its story follows the rules of that number: version 3 changed what a trigger tells,
/// and nothing that is stored.
const NEWEST: &str = "2";

/// The first two have a past, the third comes late, the fourth never.
const SYMBOLS: [&str; 4] = ["EURUSDm", "GBPUSDm", "USDCHFm", "XAUUSDm"];

/// Points of a hundred-thousandth that go up and down: a linear congruential generator.
fn walk(seed: u32) -> impl Iterator<Item = i64> {
    let mut state = seed;
    let mut points = 110_000;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        points += i64::from(state >> 24) - 127;
        points
    })
}

fn points(mantissa: i64) -> Price {
    Price { mantissa, scale: 5 }
}

/// Bars that end where the story begins.
fn past(symbol: &str, timeframe: Timeframe, seed: u32) -> Vec<HistoryBar> {
    let length = timeframe.nominal();
    let bar = |(bar, points): (i64, i64)| {
        let open = minute(0).plus(bar * length);
        HistoryBar { scale: 5, ..history_bar(symbol, timeframe, open, open.plus(length), points) }
    };
    (-64..0).zip(walk(seed)).map(bar).collect()
}

fn pairs_of(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| String::from(*name)).collect()
}

fn correlation(mode: &str) -> RsiCorrelationTracker {
    RsiCorrelationTracker {
        timeframe: Timeframe::M5,
        mode: mode.into(),
        rsi_period: 7,
        rsi_overbought: 60,
        rsi_oversold: 40,
        correlation_window: 20,
    }
}

fn heatmap(symbol: &str) -> HeatmapTracker {
    HeatmapTracker {
        pairs: pairs_of(&[symbol]),
        trading_style: "scalper".into(),
        buy_threshold: 50,
        sell_threshold: 50,
    }
}

fn price(symbol: &str, above: f64, below: f64) -> PriceAlert {
    PriceAlert {
        symbol: symbol.into(),
        above: Some(above),
        below: Some(below),
        fires: "every".into(),
        ..PriceAlert::default()
    }
}

/// An alert of every kind and mode, and one in every state.
fn alerts(journal: &mut Journal) {
    journal.alert(1, 1, rsi(Timeframe::M5, 14, 60, 40));
    journal.alert(2, 1, correlation("rsi_threshold"));
    journal.alert(3, 1, correlation("real_correlation"));
    journal.alert(4, 1, heatmap("eur/usd"));
    let turn = HeatmapIndicatorTracker {
        pairs: pairs_of(&["EURUSD", "GBPUSDm"]),
        timeframe: Timeframe::M5,
        indicator: "EMA21".into(),
    };
    journal.alert(5, 1, turn);
    journal.alert(6, 1, CurrencyStrengthTracker { timeframe: Timeframe::M15 });
    journal.alert(7, 1, price("EURUSD", 1.1, 1.1));
    let on_close = PriceAlert {
        on_close: Some(Timeframe::M5),
        expires_at: Some(minute(100_000)),
        ..price("GBPUSD", 1.1, 1.1)
    };
    journal.alert(8, 1, on_close);
    journal.alert(9, 1, heatmap("XAUUSD"));
    journal.alert(10, 1, price("XAUUSD", 5_000.0, 1.0));
    journal.change(10, 2, price("XAUUSD", 5_000.0, 1.0), true, true);
    journal.alert(11, 1, rsi(Timeframe::H1, 5, 90, 10));
    journal.alert(11, 2, rsi(Timeframe::H1, 4, 90, 10));
    let once = PriceAlert { fires: "once".into(), ..price("EURUSD", 1.1, 1.1) };
    journal.alert(12, 1, once);
}

/// Warm and cold symbols, bars that are open, ticks out of order and absurd ones.
fn story() -> Journal {
    story_by(ENGINE_VERSION)
}

/// What the golden files of a directory hold: the story by the rules of its number.
fn story_of(directory: &str) -> Journal {
    story_by(directory.parse().unwrap())
}

/// The same by the rules of that version, with what the rules since the second are about: closes that stand and that
/// stood, and corners of hourly bars.
fn story_by(version: i32) -> Journal {
    let mut journal = Journal::of_version(version, &SYMBOLS);
    let mut bars: Vec<HistoryBar> = (1..)
        .zip(&SYMBOLS[..2])
        .flat_map(|(seed, symbol)| {
            [past(symbol, Timeframe::M5, seed), past(symbol, Timeframe::M15, seed + 10)].concat()
        })
        .collect();
    bars.sort_by_key(|bar| bar.close_time);
    journal.history(bars);
    alerts(&mut journal);
    let walks = walk(5).zip(walk(6)).zip(walk(7));
    let mut before = (0, 0);
    for (bar, ((mut a, mut b), c)) in (0..24).zip(walks) {
        if version > 1 && bar >= 22 {
            (a, b) = (before.0, if bar == 22 { before.1 } else { b });
        }
        before = (a, b);
        let closes = [(SYMBOLS[0], points(a)), (SYMBOLS[1], points(b)), (SYMBOLS[2], points(c))];
        journal.five_minutes(bar, &closes[..if bar < 20 { 2 } else { 3 }]);
    }
    for (seconds, bid) in [(7_210, "1.10050"), (7_205, "1.10040"), (7_210, "1.10060"), (7_211, "9.9")] {
        journal.tick(second(seconds), SYMBOLS[0], bid);
    }
    if version > 1 {
        journal.corner(second(7_206), SYMBOLS[0], "1.10070", HOUR);
        journal.corner(second(7_208), SYMBOLS[1], "1.10080", HOUR);
    }
    journal.source = "other".into();
    journal.heartbeat(second(7_209));
    journal
}

/// What comes after the story, to one engine or another: new prices, a minute that ends, an edit, a symbol less.
fn go_on(engine: Engine, story: &Journal) -> (Vec<Effect>, Bytes) {
    let mut journal = story.copy();
    journal.engine = engine;
    journal.source = "feed".into();
    let walks = walk(8).zip(walk(9));
    for (bar, (a, b)) in (24..40).zip(walks) {
        journal
            .five_minutes(bar, &[(SYMBOLS[0], points(a)), (SYMBOLS[1], points(b)), (SYMBOLS[3], points(a))]);
        if bar == 30 {
            journal.alert(1, 2, rsi(Timeframe::M5, 7, 60, 40));
            journal.settings(2, journal::settings(&[SYMBOLS[1], SYMBOLS[0], SYMBOLS[3]]));
        }
    }
    let bytes = written(&journal.engine);
    (journal.effects, bytes)
}

fn golden() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/state")
}

fn file_name(key: PartKey) -> String {
    format!("{}.bin", key.to_string().replace('/', "-"))
}

/// The part that a file's name means.
fn key_of(name: &str) -> PartKey {
    let stem = name.strip_suffix(".bin").unwrap();
    let (kind, place) = stem.split_once('-').unwrap_or((stem, "0"));
    let place = place.parse().unwrap();
    let keys = [
        PartKey::Core,
        PartKey::Symbol(place),
        PartKey::Pair(place),
        PartKey::Leaders,
        PartKey::Alerts(place),
    ];
    keys.into_iter().find(|key| key.to_string().split('/').next() == Some(kind)).unwrap()
}

fn checked_in(directory: &str) -> Bytes {
    let files = fs::read_dir(golden().join(directory)).unwrap().map(|file| file.unwrap());
    let part = |file: fs::DirEntry| {
        (key_of(&file.file_name().into_string().unwrap()), fs::read(file.path()).unwrap())
    };
    let mut parts: Bytes = files.map(part).collect();
    parts.sort_unstable();
    parts
}

#[test]
#[ignore = "writes the golden files of a new layout"]
fn write_the_golden_files() {
    let directory = golden().join(NEWEST);
    fs::create_dir(&directory).expect("a directory that is there already stays as it is");
    for (key, bytes) in written(&story_of(NEWEST).engine) {
        fs::write(directory.join(file_name(key)), bytes).unwrap();
    }
}

#[test]
fn a_bucket_that_changes_while_a_snapshot_is_taken_is_stored_as_it_stood() {
    let mut journal = Journal::new(&SYMBOLS);
    let count = BUCKET as u128 * 2 + 50;
    (0..count).for_each(|number| drop(journal.alert(number, 1, rsi(Timeframe::M5, 14, 60, 40))));
    let stood: BTreeMap<PartKey, Vec<u8>> = written(&journal.engine).into_iter().collect();
    journal.engine.begin_taking();
    journal.change(BUCKET as u128 + 3, 2, rsi(Timeframe::M5, 14, 70, 40), true, true);
    journal.change(7, 2, rsi(Timeframe::M5, 14, 60, 40), false, false);
    journal.alert(count, 1, rsi(Timeframe::M5, 14, 60, 40));
    let mut steps = 0;
    let taken = loop {
        steps += 1;
        if let Some(parts) = journal.engine.go_on_taking(1) {
            break parts;
        }
    };
    assert!(steps > SYMBOLS.len(), "a little at a time");
    let taken: BTreeMap<PartKey, Vec<u8>> =
        taken.iter().map(|part| (part.key(), part.encode().unwrap())).collect();
    assert!(taken == stood);
    assert!(written(&journal.engine).into_iter().collect::<BTreeMap<_, _>>() != stood);
}

#[test]
fn the_story_has_what_the_golden_files_are_for() {
    let effects = story().effects;
    let mut kinds: Vec<AlertKind> = fired(&effects).iter().map(|trigger| trigger.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, AlertKind::ALL, "cooldowns, turns, leaders and coefficients were moved by triggers");
    let states: Vec<AlertState> = statuses(&effects).iter().map(|status| status.state).collect();
    for state in [AlertState::Active, AlertState::Warming, AlertState::Refused, AlertState::Spent] {
        assert!(states.contains(&state), "{state:?} of {states:?}");
    }
}

#[test]
fn the_state_has_the_bytes_that_are_checked_in() {
    let mut state = written(&story_of(NEWEST).engine);
    state.sort_unstable();
    let differing = changed(&state, &checked_in(NEWEST));
    assert!(differing.is_empty(), "{differing:?}: a layout changed without a version");
}

#[test]
fn an_engine_of_checked_in_bytes_goes_on_like_the_one_that_was_stored() {
    for directory in
        fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().is_dir())
    {
        let name = directory.file_name().into_string().unwrap();
        let story = story_of(&name);
        let (expected, state) = go_on(story.engine.clone(), &story);
        assert!(fired(&expected).len() > 10, "{}", fired(&expected).len());
        let engine = read(tenant(), &checked_in(&name)).unwrap();
        let (effects, bytes) = go_on(engine, &story);
        assert!(effects == expected && bytes == state, "from {name}");
    }
}

#[test]
fn ticks_of_one_symbol_change_its_part_and_the_core() {
    let mut journal = story();
    journal.source = "feed".into();
    let before = written(&journal.engine);
    for tick in 0..100 {
        journal.tick(second(7_212).plus(tick * 1_000), SYMBOLS[1], "1.10070");
    }
    assert_eq!(changed(&before, &written(&journal.engine)), [PartKey::Core, PartKey::Symbol(1)]);
}

/// Settings, then so many alerts in records 1, 2, …
fn with_alerts(count: u128) -> Journal {
    let mut journal = Journal::new(&SYMBOLS);
    for number in 1..=count {
        // Ids come in no order.
        journal.alert(
            number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            1,
            rsi(Timeframe::M5, 14, 70, 30),
        );
    }
    journal
}

#[test]
fn an_edited_alert_changes_its_bucket_and_a_new_one_the_last() {
    let mut journal = with_alerts(3_000);
    let before = written(&journal.engine);
    let buckets = before.iter().filter(|(key, _)| matches!(key, PartKey::Alerts(_))).count();
    assert_eq!(buckets, 3_000_usize.div_ceil(BUCKET));
    let middle = 1_500_u128.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    journal.alert(middle, 2, rsi(Timeframe::M15, 14, 70, 30));
    let edited = written(&journal.engine);
    assert_eq!(changed(&before, &edited), [PartKey::Alerts(1)], "not even the core");
    journal.alert(7, 1, rsi(Timeframe::M15, 14, 70, 30));
    assert_eq!(changed(&edited, &written(&journal.engine)), [PartKey::Core, PartKey::Alerts(2)]);
    journal.change(middle, 3, rsi(Timeframe::M15, 14, 70, 30), false, true);
    let deleted = written(&journal.engine);
    assert_eq!(deleted.len(), edited.len(), "a deleted alert keeps its place");
    let engine = read(tenant(), &deleted).unwrap();
    assert!(written(&engine) == deleted);
}

#[test]
fn whom_an_operator_disabled_is_a_part_of_its_own_that_is_there_only_while_there_is_somebody() {
    let mut journal = story();
    let before = written(&journal.engine);
    // Its first record is the story's fourth, behind settings, history and one alert.
    let decision = Decision::DisableAlert { alert_id: journal::alert_id(2) };
    journal.decide(decision);
    let disabled = written(&journal.engine);
    let part = disabled.iter().find(|(key, _)| *key == PartKey::Disabled).unwrap();
    assert_eq!(part.1, [b'b', b'w', b'p', 7, 1, 1, 3]);
    let engine = read(tenant(), &disabled).unwrap();
    assert!(written(&engine) == disabled);
    let mut nobodys = disabled.clone();
    let at = place_of(&nobodys, PartKey::Disabled);
    nobodys[at].1 = vec![b'b', b'w', b'p', 7, 1, 1, 1];
    let refused = read(tenant(), &nobodys).map(|_| ()).unwrap_err();
    assert_eq!(refused.to_string(), "disabled: an alert that is disabled is not there");
    journal.decide(Decision::EnableAlert { alert_id: journal::alert_id(2) });
    let enabled = written(&journal.engine);
    assert_eq!(changed(&before, &enabled), [PartKey::Alerts(0)], "it counts from another record on");
}

/// The story's parts after a change to them.
fn refused(change: impl FnOnce(&mut Bytes)) -> SnapshotError {
    let mut bytes = written(&story().engine);
    change(&mut bytes);
    read(tenant(), &bytes).map(|_| ()).unwrap_err()
}

fn place_of(bytes: &Bytes, key: PartKey) -> usize {
    bytes.iter().position(|(found, _)| *found == key).unwrap()
}

#[test]
fn parts_that_are_missing_or_too_many_are_named() {
    for key in written(&story().engine).iter().map(|(key, _)| *key) {
        let missing = refused(|bytes| {
            bytes.remove(place_of(bytes, key));
        });
        assert_eq!(missing, SnapshotError::Missing { key });
        let twice = refused(|bytes| bytes.push(bytes[place_of(bytes, key)].clone()));
        assert_eq!(twice, SnapshotError::Twice { key });
    }
    let more = refused(|bytes| {
        let (_, symbol) = bytes[place_of(bytes, PartKey::Symbol(3))].clone();
        bytes.push((PartKey::Symbol(4), symbol));
    });
    assert_eq!(more, SnapshotError::Foreign { key: PartKey::Symbol(4) });
}

#[test]
fn parts_of_others_and_of_newer_builds_are_named() {
    let bytes = written(&story().engine);
    let other = read("other".parse().unwrap(), &bytes).map(|_| ()).unwrap_err();
    assert_eq!(other.to_string(), r#"core: this is the state of tenant "fxlabs", not of "other""#);
    let newer = refused(|bytes| bytes[0].1[4] += 1);
    assert_eq!(newer, SnapshotError::NewerLayout { key: PartKey::Core, version: 2, known: 1 });
    let swapped = refused(|bytes| {
        let (a, b) = (place_of(bytes, PartKey::Symbol(0)), place_of(bytes, PartKey::Symbol(1)));
        let symbol = std::mem::take(&mut bytes[a].1);
        bytes[a].1 = std::mem::replace(&mut bytes[b].1, symbol);
    });
    assert_eq!(swapped.to_string(), "symbol/0: this is another symbol than the settings list at its place");
    let kind = refused(|bytes| bytes[1].1[3] = 5);
    assert_eq!(kind, SnapshotError::OtherKind { key: PartKey::Symbol(0), kind: 5 });
    let torn = refused(|bytes| {
        bytes[1].1.pop();
    });
    assert_eq!(torn.to_string(), "symbol/0: it is no value of its layout");
    let longer = refused(|bytes| bytes[1].1.push(0));
    assert_eq!(longer.to_string(), "symbol/0: there is more behind its end");
    assert_eq!(refused(|bytes| bytes[1].1.clear()), SnapshotError::NotAPart { key: PartKey::Symbol(0) });
}

/// Bytes that are changed, left out or added anywhere in the parts.
fn spoilt() -> impl Strategy<Value = Vec<(prop::sample::Index, prop::sample::Index, u8, u8)>> {
    prop::collection::vec(
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..3u8, any::<u8>()),
        1..4,
    )
}

fn spoil(bytes: &mut Bytes, spoilt: &[(prop::sample::Index, prop::sample::Index, u8, u8)]) {
    for (part, at, how, byte) in spoilt {
        let part = part.index(bytes.len());
        let part = &mut bytes[part].1;
        if part.is_empty() {
            continue;
        }
        let at = at.index(part.len());
        match how {
            0 => part[at] = *byte,
            1 => part.insert(at, *byte),
            _ => {
                part.remove(at);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn spoilt_parts_are_refused_or_make_an_engine_that_goes_on(spoilt in spoilt(), acts in acts::acts(6)) {
        let beginning = warm();
        let mut bytes = written(&beginning.engine);
        spoil(&mut bytes, &spoilt);
        if let Ok(mut engine) = read(acts::tenant(), &bytes) {
            let (first, entries) = beginning.go_on(&acts);
            acts::fold(&mut engine, first, &entries);
            let again = written(&engine);
            prop_assert!(written(&read(acts::tenant(), &again).unwrap()) == again);
        }
    }

    #[test]
    fn no_bytes_make_a_part_panic(place in 0..5usize, body in prop::collection::vec(any::<u8>(), 0..200)) {
        let keys =
            [PartKey::Core, PartKey::Symbol(0), PartKey::Pair(0), PartKey::Leaders, PartKey::Alerts(0)];
        let (key, mut bytes) = written(&Engine::new(tenant())).swap_remove(0);
        prop_assert_eq!(key, PartKey::Core);
        bytes.truncate(5);
        bytes[3] = u8::try_from(place + 1).unwrap();
        bytes.extend(body);
        let _ = bellwether_engine::snapshot::Part::decode(keys[place], &bytes);
    }
}

/// Its last tick but the absurd one, less the lateness allowed.
#[test]
fn the_story_ends_with_an_open_minute() {
    assert_eq!(story().engine.watermark(), Some(second(7_208)));
}
