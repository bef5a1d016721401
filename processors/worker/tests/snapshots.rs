//! A tenant's state in the log: what is written, what is found again, what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod walk;

use std::collections::BTreeMap;

use bellwether_engine::{ENGINE_VERSION, Effect, Engine};
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::{Log, NewRecord, Record};
use bellwether_runtime::snapshots::SnapshotFault;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters, HeatmapTracker};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::snapshots::{
    ContentHash, FORMAT, LateKept, MAX_SNAPSHOT_RECORD, Manifest, ManifestKey, SnapshotKey, SnapshotRecord,
    separated,
};
use bellwether_schemas::{AlertId, Entry, Timestamp, Topic, TopicKind, UserId, codec};
use bellwether_worker::WorkerError;
use bellwether_worker::recovery::recover;
use bellwether_worker::snapshots::{NotStored, Shelf, Snapshot, State, Stored, load_newest, store_snapshot};
use memory::Memory;
use uuid::Uuid;
use walk::{journal, origin, tenant};

fn topic(kind: TopicKind) -> Topic {
    Topic::new(&tenant(), kind)
}

/// A log with that journal, and with no snapshot.
fn log_of(journal: &[Vec<u8>]) -> Memory {
    let log = Memory::default();
    Topic::all(&tenant()).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
    append(&log, journal);
    log
}

fn append(log: &Memory, records: &[Vec<u8>]) {
    let record = |value: &Vec<u8>| NewRecord { key: b"fxlabs".to_vec(), value: value.clone() };
    log.append(&topic(TopicKind::Journal), records.iter().map(record).collect()).wait().unwrap();
}

fn walk(length: usize) -> Vec<Vec<u8>> {
    journal(
        &(0..length).map(|at| if at / 8 % 2 == 0 { (900, -700) } else { (-800, 950) }).collect::<Vec<_>>(),
    )
}

fn fold(engine: &mut Engine, records: &[Record]) -> Vec<Effect> {
    let mut effects = Vec::new();
    for record in records {
        if let Ok(entry) = record.entry(&tenant()) {
            engine.apply(record.offset, &entry, &mut effects);
        }
    }
    effects
}

fn gist_of(records: &[Record]) -> Gist {
    let mut gist = Gist::default();
    for record in records {
        if let Ok(entry) = record.entry(&tenant()) {
            gist.see(record, &entry);
        }
    }
    gist
}

/// The state between the first `count` records of the journal and the rest.
fn state_at(log: &Memory, count: usize) -> Snapshot {
    let records = log.records(&topic(TopicKind::Journal));
    let mut engine = Engine::new(tenant());
    fold(&mut engine, &records[..count]);
    let last = &records[count - 1];
    Snapshot {
        next_offset: count as u64,
        last: last.as_last_folded(),
        watermark: engine.watermark(),
        engine_version: ENGINE_VERSION,
        late: LateKept { minute: Timestamp(60), kept: 7 },
        parts: engine.parts().collect(),
        gist: gist_of(&records[..count]).taken(),
    }
}

/// Stored by somebody who has to read the topic first.
fn store(log: &Memory, count: usize) -> Stored {
    store_snapshot(log, &mut Shelf::new(&tenant()), &state_at(log, count)).unwrap()
}

fn loaded(log: &Memory) -> Option<State> {
    load_newest(log, &tenant()).unwrap().state
}

fn found_at(log: &Memory) -> Option<u64> {
    loaded(log).map(|state| state.next_offset)
}

/// What stands in the topic of snapshots under its keys.
fn standing(log: &Memory) -> BTreeMap<String, Vec<u8>> {
    let mut standing = BTreeMap::new();
    for record in log.records(&topic(TopicKind::Snapshots)) {
        standing.insert(String::from_utf8(record.key).unwrap(), record.value);
    }
    standing.retain(|_, value| !value.is_empty());
    standing
}

/// Keys of pieces that no manifest names.
fn unnamed(log: &Memory) -> Vec<String> {
    let standing = standing(log);
    let parts = standing.values().filter_map(|value| manifest_of(value)).flat_map(|manifest| manifest.parts);
    let named: Vec<String> = parts
        .flat_map(|part| separated(&part.hashes).unwrap())
        .map(|hash| SnapshotKey::Piece(hash).to_string())
        .collect();
    standing.into_keys().filter(|key| key.starts_with("part/") && !named.contains(key)).collect()
}

fn write(log: &Memory, key: &str, value: Vec<u8>) {
    let record = NewRecord { key: key.into(), value };
    log.append(&topic(TopicKind::Snapshots), vec![record]).wait().unwrap();
}

fn manifest_of(value: &[u8]) -> Option<Manifest> {
    match codec::decode_snapshot(value) {
        Ok(SnapshotRecord::Manifest(manifest)) => Some(manifest),
        _ => None,
    }
}

/// A manifest like the newest one, changed, under the key that it then has.
fn write_manifest(log: &Memory, change: impl FnOnce(&mut Manifest)) {
    let newest =
        standing(log).values().filter_map(|value| manifest_of(value)).max_by_key(|it| it.next_offset);
    let mut manifest = newest.unwrap();
    change(&mut manifest);
    let next_offset = manifest.next_offset.cast_unsigned();
    let value = codec::encode_snapshot(&SnapshotRecord::Manifest(manifest)).unwrap();
    let key = SnapshotKey::Manifest(ManifestKey { next_offset, hash: ContentHash::of(&value) });
    write(log, &key.to_string(), value);
}

#[test]
fn a_state_that_is_stored_is_gone_on_from_wherever_it_was_taken() {
    let log = log_of(&walk(60));
    let records = log.records(&topic(TopicKind::Journal));
    let mut straight = Engine::new(tenant());
    let mut gave = Vec::new();
    for count in 1..records.len() {
        gave.extend(fold(&mut straight, &records[count - 1..count]));
        if count % 13 != 1 {
            continue;
        }
        store(&log, count);
        let mut state = loaded(&log).unwrap();
        assert_eq!(
            (state.next_offset, state.late),
            (count as u64, LateKept { minute: Timestamp(60), kept: 7 })
        );
        let mut on = straight.clone();
        assert_eq!(fold(&mut state.engine, &records[count..]), fold(&mut on, &records[count..]));
    }
    assert!(gave.len() > 20);
}

#[test]
fn where_no_snapshot_ever_was_the_journal_is_folded_from_its_start() {
    let log = log_of(&walk(5));
    assert_eq!(found_at(&log), None);
    log.topics_of().remove(&topic(TopicKind::Snapshots));
    assert_eq!(found_at(&log), None, "an earlier build did not make the topic");
    assert_eq!(recover(&log, &tenant()).unwrap().fold_from(), 0);
}

#[test]
fn what_did_not_change_is_not_written_again() {
    let log = log_of(&walk(40));
    let first = store(&log, 60);
    assert_eq!(first.written, first.pieces);
    append(&log, &[b"changes nothing".to_vec()]);
    let count = log.records(&topic(TopicKind::Journal)).len();
    let everything = store(&log, count - 1);
    assert!(everything.written >= 3, "both symbols and the core: {everything:?}");
    let nothing = store(&log, count);
    assert_eq!((nothing.written, nothing.pieces), (0, everything.pieces));
    assert!(nothing.bytes < 4096, "a manifest and tombstones: {nothing:?}");
}

#[test]
fn two_snapshots_are_kept_and_what_only_others_need_goes() {
    let log = log_of(&walk(60));
    for count in [20, 40, 60, 80, 100] {
        store(&log, count);
    }
    let standing = standing(&log);
    let manifests: Vec<Manifest> = standing.values().filter_map(|value| manifest_of(value)).collect();
    let mut kept: Vec<i64> = manifests.iter().map(|manifest| manifest.next_offset).collect();
    kept.sort_unstable();
    assert_eq!(kept, [80, 100]);
    assert_eq!(unnamed(&log), Vec::<String>::new());
    assert_eq!(found_at(&log), Some(100));
    write(&log, standing.keys().find(|key| key.starts_with("manifest/100/")).unwrap(), Vec::new());
    assert_eq!(found_at(&log), Some(80), "the one before is whole too");
}

#[test]
fn pieces_of_a_snapshot_that_was_not_finished_go_in_time_and_not_at_once() {
    let log = log_of(&walk(60));
    for count in [20, 40, 50] {
        store(&log, count);
    }
    let unfinished = standing(&log).into_keys().find(|key| key.starts_with("manifest/50/")).unwrap();
    write(&log, &unfinished, Vec::new());
    let left = unnamed(&log);
    assert!(!left.is_empty());
    store(&log, 60);
    assert_eq!(unnamed(&log), left, "somebody may be about to write their manifest");
    store(&log, 80);
    assert_eq!(unnamed(&log), Vec::<String>::new());
}

#[test]
fn whatever_byte_of_a_snapshot_is_changed_or_missing_it_is_refused_and_the_one_before_taken() {
    let log = log_of(&walk(12));
    store(&log, 14);
    let before = log.records(&topic(TopicKind::Snapshots)).len();
    store(&log, 26);
    let whole = log.records(&topic(TopicKind::Snapshots));
    let put = |place: usize, record: Record| {
        log.topics_of().get_mut(&topic(TopicKind::Snapshots)).unwrap()[place] = record;
    };
    let mut tried = 0;
    for (place, record) in whole.iter().enumerate().skip(before).filter(|(_, record)| !record.is_tombstone())
    {
        for at in 0..record.value.len() {
            let mut changed = record.clone();
            changed.value[at] ^= 1 << (at % 8);
            put(place, changed);
            assert_eq!(found_at(&log), Some(14), "byte {at} of {}", String::from_utf8_lossy(&record.key));
            tried += 1;
        }
        for at in (0..record.value.len()).step_by(7) {
            put(place, Record { value: record.value[..at].to_vec(), ..record.clone() });
            assert_eq!(found_at(&log), Some(14), "cut at {at}");
        }
        for at in 0..record.key.len() {
            let mut changed = record.clone();
            changed.key[at] ^= 1;
            put(place, changed);
            assert_eq!(found_at(&log), Some(14), "byte {at} of the key");
        }
        put(place, record.clone());
    }
    assert!(tried > 1_000, "{tried}");
    assert_eq!(found_at(&log), Some(26));
}

#[test]
fn a_damaged_snapshot_makes_room_and_the_next_one_is_whole() {
    let log = log_of(&walk(40));
    store(&log, 20);
    store(&log, 40);
    let pieces = standing(&log);
    for (key, mut value) in pieces {
        let last = value.len() - 1;
        value[last] ^= 1;
        write(&log, &key, value);
    }
    assert_eq!(found_at(&log), None);
    let again = store(&log, 42);
    assert_eq!(again.written, again.pieces, "what is damaged is not there");
    assert_eq!(found_at(&log), Some(42));
}

#[test]
fn a_snapshot_of_a_later_build_is_refused_and_left_until_it_is_passed() {
    let log = log_of(&walk(60));
    store(&log, 20);
    write_manifest(&log, |manifest| {
        (manifest.format, manifest.next_offset, manifest.last.offset) = (FORMAT + 1, 41, 40);
    });
    assert_eq!(found_at(&log), Some(20));
    store(&log, 30);
    assert_eq!(found_at(&log), Some(30));
    let there = |log: &Memory| standing(log).keys().any(|key| key.starts_with("manifest/41/"));
    assert!(there(&log), "the later build may come back");
    store(&log, 50);
    store(&log, 60);
    assert!(!there(&log), "it is behind both");
}

#[test]
fn a_snapshot_of_another_tenant_is_refused() {
    let log = log_of(&walk(40));
    store(&log, 20);
    let sound = log.records(&topic(TopicKind::Journal));
    let last = &sound[29];
    write_manifest(&log, |manifest| {
        manifest.tenant = "hextech".parse().unwrap();
        (manifest.next_offset, manifest.last.offset) = (30, 29);
        manifest.last.appended_at = last.appended_at;
        manifest.last.sha256 = ContentHash::of_record(&last.key, &last.value).bytes().to_vec();
    });
    assert_eq!(found_at(&log), Some(20));
}

#[test]
fn a_journal_that_has_another_record_than_the_snapshot_was_taken_behind_is_refused() {
    let log = log_of(&walk(40));
    store(&log, 20);
    let journal = topic(TopicKind::Journal);
    let whole = log.records(&journal);
    let other = |change: fn(&mut Vec<Record>)| {
        let mut records = whole.clone();
        change(&mut records);
        log.topics_of().insert(journal.clone(), records);
        load_newest(&log, &tenant()).map(|loaded| loaded.state.map(|state| state.next_offset))
    };
    let changed = other(|records| records[19].value.push(0));
    assert!(
        matches!(changed, Err(WorkerError::Snapshot(SnapshotFault::JournalDiffers { offset: 19, .. }))),
        "{changed:?}"
    );
    let ends = other(|records| records.truncate(19));
    assert!(
        matches!(ends, Err(WorkerError::Snapshot(SnapshotFault::JournalDiffers { offset: 19, .. }))),
        "{ends:?}"
    );
    let behind = other(|records| records[20].value.push(0));
    assert_eq!(behind.unwrap(), Some(20), "what follows is not the snapshot's");
    let again = other(|records| records[19].appended_at = Timestamp(9_999));
    assert_eq!(
        again.unwrap(),
        None,
        "the same record, written anew: whether what is before it is the same, who knows"
    );
    assert_eq!(other(|_| {}).unwrap(), Some(20));
}

#[test]
fn the_older_snapshot_of_a_worker_that_was_replaced_is_not_stored_and_would_not_win() {
    let log = log_of(&walk(60));
    let mut replaced = Shelf::new(&tenant());
    store_snapshot(&log, &mut replaced, &state_at(&log, 20)).unwrap();
    store(&log, 50);
    for count in [40, 50] {
        let refused = store_snapshot(&log, &mut replaced, &state_at(&log, count));
        assert!(matches!(refused, Err(NotStored::Overtaken(50))), "{refused:?}");
    }
    assert_eq!(found_at(&log), Some(50));
    write_manifest(&log, |manifest| (manifest.next_offset, manifest.last.offset) = (40, 39));
    assert_eq!(found_at(&log), Some(50), "the last one written is not the newest");
}

#[test]
fn what_somebody_else_took_away_is_written_again() {
    let log = log_of(&walk(60));
    let mut owner = Shelf::new(&tenant());
    store_snapshot(&log, &mut owner, &state_at(&log, 40)).unwrap();
    let alerts = standing(&log).into_keys().filter(|key| key.starts_with("part/"));
    alerts.for_each(|key| write(&log, &key, Vec::new()));
    assert_eq!(found_at(&log), None);
    let stored = store_snapshot(&log, &mut owner, &state_at(&log, 41)).unwrap();
    assert_eq!(stored.written, stored.pieces);
    assert_eq!(found_at(&log), Some(41));
}

/// Alerts whose users spell a symbol at great length: their bucket is longer than a record may be.
fn long_alerts(count: u128) -> Vec<Vec<u8>> {
    let spelled = |number: u128| {
        let spaces = " ".repeat(150 + usize::try_from(number % 7).unwrap());
        vec!["EURUSDm".to_owned(), format!("gbp{spaces}usd")]
    };
    let alert = |number: u128| {
        Entry::Alert(AlertChanged {
            origin: origin(),
            alert_id: AlertId(Uuid::from_u128(1_000 + number)),
            user_id: UserId(Uuid::from_u128(number)),
            version: 1,
            active: true,
            deleted: false,
            parameters: AlertParameters::HeatmapTracker(HeatmapTracker {
                pairs: spelled(number),
                trading_style: "scalper".into(),
                buy_threshold: 50,
                sell_threshold: 50,
            }),
        })
    };
    (0..count).map(|number| codec::encode_entry(&alert(number)).unwrap()).collect()
}

#[test]
fn a_part_that_is_longer_than_a_record_is_cut_and_put_together() {
    let log = log_of(&walk(10));
    append(&log, &long_alerts(1_000));
    let count = log.records(&topic(TopicKind::Journal)).len();
    let stored = store(&log, count);
    assert!(stored.pieces > state_at(&log, count).parts.len(), "{stored:?}");
    let records = log.records(&topic(TopicKind::Snapshots));
    assert!(records.iter().all(|record| record.key.len() + record.value.len() <= MAX_SNAPSHOT_RECORD));
    let state = loaded(&log).unwrap();
    assert!(state.engine.parts().eq(state_at(&log, count).parts));
}

#[test]
fn a_state_of_more_parts_than_a_manifest_names_has_them_in_an_index() {
    let names: Vec<_> = (0..1_900).map(|place| format!("S{place}").parse().unwrap()).collect();
    let settings = Settings::with_symbols(names, "");
    let change = SettingsChanged { origin: origin(), revision: 1, engine_version: ENGINE_VERSION, settings };
    let log = log_of(&[codec::encode_entry(&Entry::Settings(change)).unwrap(), b"nothing".to_vec()]);
    store(&log, 1);
    let manifest = standing(&log).values().find_map(|value| manifest_of(value)).unwrap();
    assert!(manifest.parts.is_empty() && manifest.index.len() > 32);
    assert_eq!(loaded(&log).unwrap().engine.parts().count(), state_at(&log, 1).parts.len());
    let second = store(&log, 2);
    assert_eq!((second.written, found_at(&log)), (0, Some(2)), "what an index names is kept");
}
