//! A journal whose front is cut off: what comes of the rest is what came of the whole, wherever it was cut, whichever
//! ordinary snapshots are lost; and where the base that it begins at is lost, nothing comes of it at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod memory;
mod walk;

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_engine::{Effect, Engine};
use bellwether_runtime::journal::find_event_time;
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::{Log, NewRecord, Record};
use bellwether_runtime::snapshots::SnapshotFault;
use bellwether_schemas::snapshots::{LateKept, SnapshotKey};
use bellwether_schemas::time::DAY;
use bellwether_schemas::triggers::Cause;
use bellwether_schemas::{Timestamp, Topic, TopicKind, codec};
use bellwether_worker::WorkerError;
use bellwether_worker::recovery::recover;
use bellwether_worker::replay::verify;
use bellwether_worker::snapshots::{
    Cut, NotCut, NotStored, Shelf, Snapshot, State, cut_journal, load_newest, store_base, store_snapshot,
};
use memory::Memory;
use proptest::prelude::*;
use walk::{journal, tenant};

/// Records that are appended in a day: as far as bases are apart.
const A_DAY: u64 = 12;

fn topic(kind: TopicKind) -> Topic {
    Topic::new(&tenant(), kind)
}

fn walk(length: usize) -> Vec<Vec<u8>> {
    journal(
        &(0..length).map(|at| if at / 8 % 2 == 0 { (900, -700) } else { (-800, 950) }).collect::<Vec<_>>(),
    )
}

fn log_of(journal: &[Vec<u8>]) -> Memory {
    let log = Memory { append_every: DAY / A_DAY.cast_signed(), ..Memory::default() };
    Topic::all(&tenant()).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
    let record = |value: &Vec<u8>| NewRecord { key: b"fxlabs".to_vec(), value: value.clone() };
    log.append(&topic(TopicKind::Journal), journal.iter().map(record).collect()).wait().unwrap();
    log
}

/// What records cause, by cause: the bytes for the triggers topic.
type Outcomes = BTreeMap<Cause, Vec<u8>>;

/// A fold that goes on, and all that came of it.
struct Fold {
    engine: Engine,
    gist: Gist,
    last: Option<Record>,
}

impl Fold {
    fn from(state: Option<State>) -> Self {
        let begun = state.map(|state| (state.engine, state.gist));
        let (engine, gist) = begun.unwrap_or_else(|| (Engine::new(tenant()), Gist::default()));
        Self { engine, gist, last: None }
    }

    fn take(&mut self, records: &[Record], outcomes: &mut Outcomes) {
        let mut effects = Vec::new();
        for record in records {
            if let Ok(entry) = record.entry(&tenant()) {
                self.engine.apply(record.offset, &entry, &mut effects);
                self.gist.see(record, &entry);
            }
            self.last = Some(record.clone());
        }
        for effect in effects {
            let Effect::Outcome(outcome) = effect else { continue };
            let bytes = codec::encode_outcome(&outcome).unwrap();
            let before = outcomes.insert(outcome.cause(), bytes.clone());
            assert!(before.is_none_or(|before| before == bytes), "what comes again is the same");
        }
    }

    fn snapshot(&self) -> Snapshot {
        let last = self.last.as_ref().unwrap();
        Snapshot {
            next_offset: last.offset + 1,
            last: last.as_last_folded(),
            watermark: self.engine.watermark(),
            engine_version: self.engine.version().number(),
            late: LateKept::default(),
            parts: self.engine.parts().collect(),
            gist: self.gist.taken(),
        }
    }

    fn gist(&self) -> Vec<(String, Vec<u8>)> {
        self.gist.taken().parts().map(|part| part.unwrap()).collect()
    }
}

/// One owner after the other: each recovers, folds some records, stores its state, and may cut.
struct World {
    log: Memory,
    whole: Vec<Record>,
    outcomes: Outcomes,
}

impl World {
    fn new(length: usize) -> Self {
        let log = log_of(&walk(length));
        let whole = log.records(&topic(TopicKind::Journal));
        Self { log, whole, outcomes: Outcomes::new() }
    }

    /// Folds the next records from where the log lets it begin, and stores the state; where that was.
    fn own(&mut self, count: u64) -> u64 {
        let recovered = recover(&self.log, &tenant()).unwrap();
        let from = recovered.fold_from();
        let done = recovered.committed.max(from);
        let to = (done + count).min(self.whole.len() as u64);
        let mut fold = Fold::from(recovered.state.map(|state| *state));
        let held = self.log.records(&topic(TopicKind::Journal));
        let next: Vec<Record> = held.into_iter().filter(|it| (from..to).contains(&it.offset)).collect();
        assert_eq!(next.len() as u64, to.saturating_sub(from), "all that is to be folded is there");
        fold.take(&next, &mut self.outcomes);
        *self.log.committed.lock().unwrap() = Some(to);
        if fold.last.is_some() {
            let mut shelf = Shelf::new(&tenant());
            match store_snapshot(&self.log, &mut shelf, &fold.snapshot()) {
                Ok(_) => drop(store_base(&self.log, &mut shelf, &fold.snapshot()).unwrap()),
                // The journal is at its end, and that state was stored before.
                Err(NotStored::Overtaken(at)) => assert_eq!(at, to),
                Err(other) => panic!("{other}"),
            }
        }
        from
    }

    /// As the owner does who has just stored a base; nothing younger than so many days goes.
    fn cut(&self, days: u64) -> Result<Option<Cut>, NotCut> {
        let mut shelf = Shelf::new(&tenant());
        shelf.read_along(&self.log).unwrap();
        let committed = self.log.committed.lock().unwrap().unwrap_or(0);
        let now = Timestamp(committed.cast_signed() * DAY / A_DAY.cast_signed());
        cut_journal(&self.log, &mut shelf, Duration::from_hours(24 * days), now)
    }

    fn start(&self) -> u64 {
        self.log.bounds(&topic(TopicKind::Journal)).unwrap().start
    }

    /// Ordinary snapshots, or the part of their records that the chooser picks, go.
    fn lose(&self, mut is_lost: impl FnMut(usize, &SnapshotKey) -> bool) {
        let keys = self.log.records(&topic(TopicKind::Snapshots)).into_iter().map(|record| record.key);
        let lost = keys.enumerate().filter(|(place, key)| is_lost(*place, &SnapshotKey::parse(key).unwrap()));
        let tombstones = lost.map(|(_, key)| NewRecord::tombstone(key)).collect();
        self.log.append(&topic(TopicKind::Snapshots), tombstones).wait().unwrap();
    }

    /// The offsets that whole bases stand for.
    fn bases(&self) -> Vec<u64> {
        let mut shelf = Shelf::new(&tenant());
        shelf.read_along(&self.log).unwrap();
        shelf.bases().finished().map(|base| base.next_offset).collect()
    }

    /// Damages one byte of every record of that base which the chooser picks.
    fn tear(&self, base: u64, mut is_torn: impl FnMut(&SnapshotKey) -> bool) {
        let mut topics = self.log.topics_of();
        for record in topics.get_mut(&topic(TopicKind::Snapshots)).unwrap() {
            let key = SnapshotKey::parse(&record.key).unwrap();
            if is_base(&key) == Some(base) && is_torn(&key) {
                *record.value.last_mut().unwrap() ^= 1;
            }
        }
    }
}

fn is_base(key: &SnapshotKey) -> Option<u64> {
    match key {
        SnapshotKey::BasePiece(base, _) => Some(*base),
        SnapshotKey::BaseManifest(key) => Some(key.next_offset),
        SnapshotKey::Piece(_) | SnapshotKey::Manifest(_) => None,
    }
}

fn event_time(record: &Record) -> Option<Timestamp> {
    record.entry(&tenant()).ok()?.event_time()
}

/// What one fold of the whole journal gives, and the gist of it.
fn straight(whole: &[Record]) -> (Outcomes, Fold) {
    let (mut outcomes, mut fold) = (Outcomes::new(), Fold::from(None));
    fold.take(whole, &mut outcomes);
    (outcomes, fold)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn wherever_it_is_cut_and_whatever_ordinary_snapshots_are_lost_a_journal_gives_the_same(
        owners in prop::collection::vec((1_u64..30, prop::option::of(0_u64..4), 0_usize..4), 2..10),
    ) {
        let mut world = World::new(70);
        for (count, cut_to_days, lost) in owners {
            world.own(count);
            if let Some(days) = cut_to_days {
                world.cut(days).unwrap();
            }
            // None, all, every other, every third record.
            world.lose(|place, key| is_base(key).is_none() && lost > 0 && place % lost == 0);
        }
        let begun = world.start();
        world.own(u64::MAX / 2);
        let (expected, fold) = straight(&world.whole);
        prop_assert_eq!(&world.outcomes, &expected);
        let (gist, next) = Gist::read(&world.log, &tenant()).unwrap();
        prop_assert_eq!(next, world.whole.len() as u64);
        let gist: Vec<_> = gist.taken().parts().map(|part| part.unwrap()).collect();
        prop_assert_eq!(gist, fold.gist(), "producers find what a whole journal would have told them");
        prop_assert_eq!(world.start(), begun);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(15))]

    #[test]
    fn a_time_is_found_in_a_journal_that_was_cut_where_it_is_in_the_whole(
        owners in prop::collection::vec(5_u64..30, 3..6),
        minute in 0_i64..400,
    ) {
        let at = Timestamp(minute * 60_000_000);
        let mut world = World::new(70);
        let whole = find_event_time(&world.log, &tenant(), at).unwrap();
        for count in owners {
            world.own(count);
            prop_assert_eq!(find_event_time(&world.log, &tenant(), at).unwrap(), whole);
            // Times that the last records before a state have may lie above its watermark.
            let to = usize::try_from(world.log.committed.lock().unwrap().unwrap()).unwrap();
            for at in world.whole[to.saturating_sub(3)..to].iter().filter_map(event_time) {
                let first = world.whole.iter().find(|record| event_time(record) >= Some(at)).unwrap();
                prop_assert_eq!(find_event_time(&world.log, &tenant(), at).unwrap(), first.offset);
            }
        }
        world.cut(1).unwrap();
        let start = world.start();
        let has_it = |record: &&Record| record.offset >= start && event_time(record) >= Some(at);
        let expected = world.whole.iter().find(has_it).map_or(world.whole.len() as u64, |it| it.offset);
        prop_assert_eq!(find_event_time(&world.log, &tenant(), at).unwrap(), expected, "from {}", start);
    }
}

/// A journal of several days with a base for each, and all of it read.
fn some_days() -> World {
    let mut world = World::new(40);
    for _ in 0..6 {
        world.own(A_DAY);
    }
    assert_eq!(world.bases(), [12, 24, 36, 48, 60, 72]);
    world
}

#[test]
fn what_is_older_than_is_kept_goes_up_to_a_base_and_the_last_record_before_it_stays() {
    let world = some_days();
    assert_eq!(world.cut(6).unwrap(), None, "nothing is that old");
    let cut = world.cut(3).unwrap().unwrap();
    assert_eq!((cut.before, cut.start, world.start()), (0, 35, 35));
    assert_eq!(world.bases(), [36, 48, 60, 72], "those whose last record is gone went along");
    assert!(cut.removed > 4, "with all their pieces: {cut:?}");
    assert_eq!(world.cut(3).unwrap(), None, "once is enough");
}

#[test]
fn nothing_is_cut_that_a_group_has_not_read() {
    let world = some_days();
    for (committed, start) in [(None, None), (Some(23), Some(11)), (Some(36), Some(35))] {
        *world.log.committed.lock().unwrap() = committed;
        let mut shelf = Shelf::new(&tenant());
        shelf.read_along(&world.log).unwrap();
        let cut = cut_journal(&world.log, &mut shelf, Duration::ZERO, Timestamp(99 * DAY)).unwrap();
        assert_eq!(cut.map(|cut| cut.start), start);
    }
}

#[test]
fn a_journal_is_not_cut_at_a_base_that_cannot_be_read_back_whole() {
    let all = some_days();
    let keys: Vec<SnapshotKey> = all
        .log
        .records(&topic(TopicKind::Snapshots))
        .iter()
        .map(|record| SnapshotKey::parse(&record.key).unwrap())
        .filter(|key| is_base(key) == Some(48) && !matches!(key, SnapshotKey::BaseManifest(_)))
        .collect();
    assert!(keys.len() > 3);
    for torn in keys {
        let world = some_days();
        world.tear(48, |key| *key == torn);
        let refused = world.cut(2).unwrap_err();
        assert!(matches!(refused, NotCut::Base { next_offset: 48, .. }), "{refused}");
        assert_eq!(world.start(), 0);
    }
    let world = some_days();
    world.tear(48, |key| matches!(key, SnapshotKey::BaseManifest(_)));
    assert_eq!(world.cut(2).unwrap().unwrap().start, 35, "that one is none, and the one before is whole");
}

#[test]
fn a_journal_whose_base_is_torn_or_lost_is_folded_from_the_next_one_and_without_any_by_nobody() {
    let world = some_days();
    world.cut(3).unwrap().unwrap();
    world.lose(|_, key| is_base(key).is_none());
    let goes_on_from = || recover(&world.log, &tenant()).map(|recovered| recovered.fold_from());
    assert_eq!(goes_on_from().unwrap(), 72);
    for (torn, then) in [(72, 60), (60, 48), (48, 36)] {
        world.tear(torn, |key| matches!(key, SnapshotKey::BasePiece(..)));
        assert_eq!(goes_on_from().unwrap(), then);
    }
    world.tear(36, |_| true);
    let refused = goes_on_from().unwrap_err();
    assert!(
        matches!(refused, WorkerError::Snapshot(SnapshotFault::JournalCut { start: 35, .. })),
        "{refused}"
    );
    let runbook = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/RUNBOOK.md");
    let heading = "## `… begins at offset N, and … has no whole snapshot whose last record it still has`";
    assert!(std::fs::read_to_string(runbook).unwrap().contains(heading));
    assert!(
        refused.to_string().contains("begins at offset 35, and fxlabs.snapshots.v1 has no whole snapshot")
    );
    for refused in [
        verify(&world.log, &tenant(), &(0..u64::MAX), &mut |_| {}).map(drop).unwrap_err(),
        Gist::read(&world.log, &tenant()).map(drop).unwrap_err().into(),
    ] {
        assert!(matches!(refused, WorkerError::Snapshot(SnapshotFault::JournalCut { .. })), "{refused}");
    }
}

#[test]
fn an_ordinary_snapshot_is_gone_on_from_where_the_cut_left_its_last_record() {
    let world = some_days();
    world.cut(3).unwrap().unwrap();
    world.lose(|_, key| is_base(key).is_some());
    assert_eq!(load_newest(&world.log, &tenant()).unwrap().state.unwrap().next_offset, 72);
    world.log.cut(&topic(TopicKind::Journal), 72).unwrap();
    assert!(load_newest(&world.log, &tenant()).is_err(), "nobody can say whose it is");
}

#[test]
fn a_verification_of_a_journal_that_was_cut_begins_at_its_oldest_base() {
    let world = some_days();
    let (expected, _) = straight(&world.whole);
    let records = expected.values().map(|value| {
        let outcome = codec::decode_outcome(value).unwrap();
        NewRecord { key: outcome.key().into_bytes(), value: value.clone() }
    });
    world.log.append(&topic(TopicKind::Triggers), records.collect()).wait().unwrap();
    let verified = || verify(&world.log, &tenant(), &(0..u64::MAX), &mut |_| {}).unwrap();
    let whole = verified();
    assert_eq!((whole.begins, whole.compared), (0, expected.len() as u64));
    world.cut(3).unwrap().unwrap();
    let rest = verified();
    let behind = expected.keys().filter(|cause| cause.offset >= 36).count() as u64;
    assert_eq!((rest.begins, rest.compared, rest.differences.len()), (36, behind, 0));
    assert!(behind > 10 && behind < whole.compared);
}
