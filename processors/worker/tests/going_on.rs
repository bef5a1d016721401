//! A worker as it is run, over and over: each goes on from the state that the one before left in the log. What comes
//! out is what one straight fold gives, byte for byte, with snapshots, without, and with any of them lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod walk;

use std::sync::Arc;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::config::load_tenant;
use bellwether_runtime::journal::entries;
use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::embedded::{EmbeddedLog, Fsync, Options};
use bellwether_runtime::log::{Access, Log, NewRecord, Record, scan};
use bellwether_runtime::shutdown::Shutdown;
use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::time::DAY;
use bellwether_schemas::{Entry, Timestamp, Topic, TopicKind, codec};
use bellwether_worker::recovery::recover;
use bellwether_worker::{Context, GROUP, run};
use proptest::prelude::*;
use tokio::sync::watch;
use tokio::time::Instant;
use walk::{journal, origin, straight, tenant};

const LIMIT: Duration = Duration::from_secs(60);

fn topic(kind: TopicKind) -> Topic {
    Topic::new(&tenant(), kind)
}

struct World {
    log: Arc<dyn Log>,
    /// Of workers: the log's, unless theirs is wrong.
    clock: Clock,
    _dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(Clock::system())
    }

    fn with(clock: Clock) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { fsync: Fsync::Never, segment_bytes: 64 << 20, segment_age: DAY };
        let log = EmbeddedLog::open_with(dir.path(), Access::Write, clock.clone(), options).unwrap();
        Topic::all(&tenant()).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
        Self { log: Arc::new(log), clock, _dir: dir }
    }

    fn append(&self, kind: TopicKind, records: Vec<NewRecord>) {
        self.log.append(&topic(kind), records).wait().unwrap();
    }

    fn records(&self, kind: TopicKind) -> Vec<Record> {
        scan(self.log.as_ref(), &topic(kind), 0..u64::MAX).unwrap().map(Result::unwrap).collect()
    }

    /// Appends these to the journal, and runs a worker until it has folded them and is asked to stop.
    fn fold(&self, records: &[Vec<u8>]) {
        let record = |value: &Vec<u8>| NewRecord { key: b"fxlabs".to_vec(), value: value.clone() };
        self.append(TopicKind::Journal, records.iter().map(record).collect());
        let end = self.log.bounds(&topic(TopicKind::Journal)).unwrap().next;
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tenants/fxlabs.toml");
        let served = Arc::new(vec![load_tenant(file.as_ref(), &|_| None).unwrap()]);
        let (_keep, tenants) = watch::channel(served);
        let shutdown = Shutdown::new();
        let context = Context::new(Arc::clone(&self.log), tenants, self.clock.clone(), shutdown.clone());
        let worker = std::thread::spawn(move || run(context));
        let deadline = Instant::now() + LIMIT;
        while self.log.committed(GROUP, &topic(TopicKind::Journal)).unwrap() != Some(end) {
            assert!(Instant::now() < deadline && !worker.is_finished(), "waited in vain");
            std::thread::yield_now();
        }
        shutdown.raise();
        worker.join().unwrap().unwrap();
    }

    fn goes_on_from(&self) -> u64 {
        recover(self.log.as_ref(), &tenant()).unwrap().fold_from()
    }

    /// What became of the triggers topic, in the form of a straight fold's.
    fn triggers(&self) -> Vec<NewRecord> {
        let records = self.records(TopicKind::Triggers).into_iter();
        records.map(|Record { key, value, .. }| NewRecord { key, value }).collect()
    }

    /// The dead letters in the order of their keys, each once.
    fn letters(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let records = self.records(TopicKind::DeadLetters).into_iter();
        let mut letters: Vec<_> = records.map(|Record { key, value, .. }| (key, value)).collect();
        letters.sort();
        letters.dedup();
        letters
    }

    /// All that stands in the topic of snapshots, or the part of it that the chooser picks, goes.
    fn lose(&self, mut is_lost: impl FnMut(usize) -> bool) {
        let keys = self.records(TopicKind::Snapshots).into_iter().map(|record| record.key);
        let lost = keys.enumerate().filter(|(place, _)| is_lost(*place));
        let tombstones: Vec<NewRecord> = lost.map(|(_, key)| NewRecord::tombstone(key)).collect();
        if !tombstones.is_empty() {
            self.append(TopicKind::Snapshots, tombstones);
        }
    }
}

fn steps() -> Vec<(i64, i64)> {
    (0..40).map(|at| if at / 6 % 2 == 0 { (900, -700) } else { (-800, 950) }).collect()
}

#[test]
fn a_worker_that_is_asked_to_stop_leaves_its_state_and_the_next_one_goes_on_from_there() {
    let (world, journal) = (World::new(), journal(&steps()));
    let expected = straight(&journal);
    assert!(expected.len() > 10);
    for part in journal.chunks(9) {
        let folded = world.log.bounds(&topic(TopicKind::Journal)).unwrap().next;
        assert_eq!(world.goes_on_from(), folded, "where the one before stopped");
        world.fold(part);
    }
    assert_eq!(world.goes_on_from(), journal.len() as u64);
    assert_eq!(world.triggers(), expected);
}

#[test]
fn an_alert_that_is_skipped_was_said_all_the_same_and_is_not_published_again() {
    let (world, mut records) = (World::new(), journal(&[])[..1].to_vec());
    let Entry::Alert(alert) = walk::alert(1) else { panic!("an alert") };
    let id = alert.alert_id;
    let decision = Decision::Skip { offset: 2 };
    let decided = OperatorDecision { origin: origin(), decision, who: String::new(), why: String::new() };
    let second = AlertChanged { version: 2, ..alert.clone() };
    for entry in [Entry::Alert(alert), Entry::Alert(second), Entry::Decision(decided)] {
        records.push(codec::encode_entry(&entry).unwrap());
    }
    world.fold(&records);
    let (gist, from) = Gist::newest_stored(world.log.as_ref(), &tenant()).unwrap();
    assert_eq!((from, gist.alert(id).map(|seen| seen.version)), (4, Some(2)));
    let mut told = Gist::default();
    for read in entries(world.log.as_ref(), &tenant(), 0..4).unwrap() {
        let (record, entry) = read.unwrap();
        told.see(&record, &entry.unwrap());
    }
    assert_eq!(gist, told, "as who reads the journal for alerts finds it");
}

#[test]
fn a_worker_cuts_off_what_its_tenant_keeps_no_longer_and_what_comes_out_is_the_same() {
    let clock = Clock::manual(Timestamp(0));
    let (world, journal) = (World::with(clock.clone()), journal(&steps()));
    for part in journal.chunks(2) {
        world.fold(part);
        clock.advance(DAY);
    }
    let days = journal.len().div_ceil(2) as u64;
    let start = world.log.bounds(&topic(TopicKind::Journal)).unwrap().start;
    // Thirty days are kept, and of the day before them what the last record before the base is in a segment with.
    assert_eq!(start, 2 * (days - 1 - 30), "of {days} days");
    assert!(start > 10);
    assert_eq!(world.triggers(), straight(&journal));
    let records = journal.iter().zip(0..).map(|(value, offset)| Record {
        offset,
        appended_at: Timestamp((offset / 2).cast_signed() * DAY),
        key: b"fxlabs".to_vec(),
        headers: Vec::new(),
        value: value.clone(),
    });
    let mut whole = Gist::default();
    for record in records {
        if let Ok(entry) = record.entry(&tenant()) {
            whole.see(&record, &entry);
        }
    }
    let (gist, _) = Gist::read(world.log.as_ref(), &tenant()).unwrap();
    assert!(gist == whole, "what the journal said is known as if all of it were there");
}

#[test]
fn a_worker_whose_clock_is_far_ahead_cuts_off_nothing_that_is_young() {
    let clock = Clock::manual(Timestamp(0));
    let world = World { clock: Clock::manual(Timestamp(4_000 * DAY)), ..World::with(clock.clone()) };
    for part in journal(&steps()).chunks(20) {
        world.fold(part);
        clock.advance(DAY);
    }
    assert_eq!(world.log.bounds(&topic(TopicKind::Journal)).unwrap().start, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn wherever_it_is_cut_and_whatever_snapshots_are_lost_a_journal_gives_the_same(
        cuts in prop::collection::vec((1usize..30, 0u8..4), 1..6),
    ) {
        let (world, journal) = (World::new(), journal(&steps()));
        let mut rest = &journal[..];
        for (length, lost) in cuts {
            let (part, behind) = rest.split_at(length.min(rest.len() - 1));
            rest = behind;
            world.fold(part);
            // None, all, every other, every third record.
            world.lose(|place| match lost {
                0 => false,
                several => place % usize::from(several) == 0,
            });
        }
        world.fold(rest);
        prop_assert_eq!(world.triggers(), straight(&journal));
        let undisturbed = World::new();
        undisturbed.fold(&journal);
        prop_assert_eq!(world.letters(), undisturbed.letters());
    }
}
