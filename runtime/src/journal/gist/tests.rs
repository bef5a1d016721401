use std::sync::Arc;

use bellwether_schemas::alerts::{AlertParameters, RsiTracker};
use bellwether_schemas::calendar::Impact;
use bellwether_schemas::journal::Heartbeat;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::ticks::{BlockSymbol, Tick};
use bellwether_schemas::{Origin, UserId};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn origin(source: &str, session: u64) -> Origin {
    let tenant = "fxlabs".parse().unwrap();
    let session = session.to_string();
    Origin { tenant, source: source.into(), session, played: false, appended_at: Timestamp(0) }
}

fn alert(id: u128, version: i64) -> Entry {
    Entry::Alert(AlertChanged {
        origin: origin("alerts", 0),
        alert_id: AlertId(Uuid::from_u128(id)),
        user_id: UserId(Uuid::from_u128(9)),
        version,
        active: version % 2 == 0,
        deleted: version % 5 == 4,
        parameters: AlertParameters::RsiTracker(RsiTracker::default()),
    })
}

fn ticks(session: u64, first_seq: u64, ts: i64) -> Entry {
    let symbols = ["EURUSDm", "GBPUSDm"];
    let name = symbols[usize::try_from(first_seq % 2).unwrap()];
    let tick = |ts| Tick { ts: Timestamp(ts), symbol: 0, bid: 1, ask: 2 };
    Entry::Ticks(TickBlock {
        origin: origin("feed", session),
        ingested_at: Timestamp(ts),
        first_seq: Some(first_seq),
        symbols: vec![BlockSymbol { name: name.into(), scale: 5, judged: false, spacing: None }],
        ticks: vec![tick(ts), tick(ts + 1)],
        volumes: Vec::new(),
    })
}

fn beat(session: u64, ts: i64) -> Entry {
    Entry::Heartbeat(Heartbeat { origin: origin("feed", session), ts: Timestamp(ts) })
}

fn settings(revision: i64, engine_version: i32) -> Entry {
    let settings = Settings::with_symbols(Vec::new(), "m");
    Entry::Settings(SettingsChanged { origin: origin("settings", 0), revision, engine_version, settings })
}

fn item(id: u64, time: i64) -> Entry {
    Entry::Calendar(CalendarChanged {
        origin: origin("calendar", 0),
        item: CalendarItem {
            id: id.to_string(),
            time: Timestamp(time),
            currency: "USD".into(),
            title: "CPI".into(),
            impact: Impact::High,
            previous: None,
            forecast: None,
            actual: None,
            source: "desk".into(),
        },
    })
}

fn see(gist: &mut Gist, offset: u64, entry: &Entry) {
    let value = codec::encode_entry(entry).unwrap();
    let appended_at = Timestamp(offset.cast_signed());
    gist.see(&Record { offset, appended_at, key: Vec::new(), headers: Vec::new(), value }, entry);
}

fn of(entries: &[Entry]) -> Gist {
    let mut gist = Gist::default();
    (0..).zip(entries).for_each(|(offset, entry)| see(&mut gist, offset, entry));
    gist
}

type Parts = Vec<(String, Vec<u8>)>;

fn parts(gist: &Gist) -> Parts {
    gist.taken().parts().collect::<Result<_, _>>().unwrap()
}

fn restored(parts: &Parts) -> Result<Gist, BadGist> {
    Gist::of_parts(parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
}

fn any_entry() -> impl Strategy<Value = Entry> {
    prop_oneof![
        (0..40_u128, 1..9_i64).prop_map(|(id, version)| alert(id, version)),
        (0..600_u64, 0..900_u64, 0..900_i64).prop_map(|(session, seq, ts)| ticks(session, seq, ts)),
        (0..3_u64, 0..900_i64).prop_map(|(session, ts)| beat(session, ts)),
        (1..4_i64, 1..3_i32).prop_map(|(revision, version)| settings(revision, version)),
        (0..9_u64, 0..900_i64).prop_map(|(id, time)| item(id, time)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn wherever_it_was_stored_a_gist_goes_on_as_if_it_never_had_been(
        entries in prop::collection::vec(any_entry(), 1..700),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(entries.len());
        let mut gist = restored(&parts(&of(&entries[..cut]))).unwrap();
        (0..).zip(&entries).skip(cut).for_each(|(offset, entry)| see(&mut gist, offset, entry));
        let straight = of(&entries);
        prop_assert_eq!(&parts(&gist), &parts(&straight));
        prop_assert!(gist == straight);
    }
}

#[test]
fn of_each_alert_the_newest_version_is_known_and_where_its_first_record_stands() {
    let gist = of(&[alert(1, 1), alert(2, 3), alert(1, 4), alert(1, 4), alert(2, 2)]);
    let known = |id| gist.alert(AlertId(Uuid::from_u128(id))).map(|seen| (seen.version, seen.offset));
    assert_eq!((known(1), known(2), known(3)), (Some((4, 2)), Some((3, 1)), None));
    let change = gist.alerts().next().unwrap().change().unwrap();
    assert!(change.deleted, "a deleted alert's version stays taken");
    assert_eq!(Entry::Alert(change), alert(1, 4));
}

#[test]
fn the_settings_in_force_are_of_the_highest_revision_and_at_one_revision_of_the_newest_rules() {
    let gist = of(&[settings(2, 1), settings(1, 2), settings(2, 2), settings(2, 1)]);
    let settings = gist.settings().unwrap();
    assert_eq!((settings.revision, settings.engine_version), (2, 2));
}

#[test]
fn a_session_is_as_far_as_its_last_tick_and_heartbeat() {
    let gist = of(&[ticks(7, 10, 50), beat(7, 40), ticks(8, 3, 90), ticks(7, 4, 20)]);
    let seven = gist.sources().of("feed").find(|session| session.name == "7").unwrap();
    assert_eq!((seven.last_seq, seven.last_beat), (Some(11), Some(Timestamp(40))));
    assert_eq!((seven.newest, gist.newest()), (Some(Timestamp(51)), Some(Timestamp(91))));
    assert_eq!(gist.sources().of("other").count(), 0);
}

#[test]
fn of_too_many_sessions_the_one_that_is_silent_longest_goes_and_its_time_stays() {
    let many = MAX_SESSIONS as u64;
    let mut entries: Vec<Entry> = (0..many).map(|session| beat(session, 1_000)).collect();
    entries[1] = beat(1, 5_000);
    entries.extend([beat(0, 1_001), beat(many, 1)]);
    let gist = of(&entries);
    let known = |name: &str| gist.sources().of("feed").any(|session| session.name == name);
    assert!(known("0") && !known("1") && known(&many.to_string()));
    assert_eq!(gist.sources().forgotten("feed"), Some(Timestamp(5_000)));
}

#[test]
fn what_an_edit_did_not_touch_keeps_its_bytes_and_its_copy() {
    let alerts: Vec<Entry> = (0..3 * BUCKET as u128).map(|id| alert(id, 1)).collect();
    let mut gist = of(&alerts);
    let before = gist.taken();
    see(&mut gist, 9_999, &alert(BUCKET as u128, 2));
    let after = gist.taken();
    let shared = |place: usize| Arc::ptr_eq(&gist.alerts[place], &of_taken(&before)[place]);
    assert_eq!([shared(0), shared(1), shared(2)], [true, false, true]);
    let changed = parts_of(&before).into_iter().zip(parts_of(&after)).filter(|(one, other)| one != other);
    let changed: Vec<String> = changed.map(|((name, _), _)| name).collect();
    assert_eq!(changed, ["gist/head", "gist/alerts/1"]);
}

fn of_taken(taken: &TakenGist) -> &[Arc<Vec<SeenAlert>>] {
    taken.alerts()
}

fn parts_of(taken: &TakenGist) -> Parts {
    taken.parts().collect::<Result<_, _>>().unwrap()
}

#[test]
fn parts_that_are_not_all_of_one_gist_are_none() {
    let alerts: Vec<Entry> = (0..2 * BUCKET as u128).map(|id| alert(id, 1)).collect();
    let whole = parts(&of(&alerts));
    assert!(restored(&whole).is_ok());
    let wrong = |change: fn(&mut Parts)| {
        let mut parts = whole.clone();
        change(&mut parts);
        restored(&parts).is_err()
    };
    assert!(wrong(|parts| drop(parts.remove(0))), "no head");
    assert!(wrong(|parts| drop(parts.remove(1))), "a bucket is not there");
    assert!(wrong(|parts| drop(parts.pop())), "the last one is not");
    assert!(wrong(|parts| parts.swap(1, 2)), "another order");
    assert!(wrong(|parts| parts[2].1 = parts[1].1.clone()), "one twice");
    assert!(wrong(|parts| parts[1].1.push(0)), "more behind its end");
    assert!(wrong(|parts| parts[1].1.truncate(100)), "less");
    assert!(wrong(|parts| parts[0].1[3] = 2), "a later layout");
    assert!(wrong(|parts| parts[0].1[0] = b'x'), "something else");
}

/// The layout that is out there: whoever changes it raises its number and reads both.
#[test]
fn the_bytes_of_a_gist_are_these() {
    let written = parts(&of(&[beat(1, 40), ticks(1, 2, 50)]));
    let [(name, bytes)] = &written[..] else { panic!("{written:?}") };
    assert_eq!(name, "gist/head");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "6277670100016600000107455552555344\
        6d0001046665656401310103015001660100"
    );
}
