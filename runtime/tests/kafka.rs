//! The Kafka backend against real brokers.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test fails by panicking")]

// The one that tests and the demo share: a dependency on its crate would build everything above this one.
#[path = "../../local/src/kafka.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses what it needs of it")]
mod broker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bellwether_runtime::log::conformance::{self, Fixture};
use bellwether_runtime::log::kafka::{KafkaLog, Options};
use bellwether_runtime::log::{Access, Assignments, Log, LogError, NewRecord, Polled, Record, Start};
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind};
use broker::Kafka;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);

/// Brokers and a directory that goes with them.
struct Cluster {
    kafka: Kafka,
    dir: tempfile::TempDir,
}

/// None, said loudly, where there can be no broker and nobody promised one.
fn cluster(brokers: u8) -> Option<Cluster> {
    if !Kafka::is_available() && std::env::var_os("CI").is_none() {
        eprintln!("\n*** SKIPPED: Kafka is not tested, because Java or Maven is missing: run scripts/setup ***\n");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let kafka = Kafka::start(&dir.path().join("services"), brokers).unwrap();
    Some(Cluster { kafka, dir })
}

impl Cluster {
    /// The log as a process of its own would have it, on a host with these lock files.
    fn log(&self, slots: &str) -> Arc<dyn Log> {
        let options = Options { host: "test".into(), slots: self.dir.path().join(slots) };
        Arc::new(KafkaLog::open_with(self.kafka.brokers(), Access::Write, options).unwrap())
    }
}

fn tenant(name: &str) -> TenantId {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}{}", NEXT.fetch_add(1, Ordering::Relaxed)).parse().unwrap()
}

fn journal(log: &dyn Log) -> Topic {
    let topic = Topic::new(&tenant("t"), TopicKind::Journal);
    log.create(&topic).unwrap();
    topic
}

fn records(numbers: std::ops::Range<usize>) -> Vec<NewRecord> {
    numbers.map(|number| NewRecord { key: b"k".to_vec(), value: number.to_string().into_bytes() }).collect()
}

fn number(record: &Record) -> usize {
    String::from_utf8(record.value.clone()).unwrap().parse().unwrap()
}

/// Begins where the group left off and gives up nothing.
struct Anywhere;

impl Assignments for Anywhere {
    fn assigned(&mut self, _: &Topic) -> Start {
        Start::Committed
    }
    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        None
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within {PATIENCE:?}");
    }
}

#[test]
fn kafka_keeps_what_every_log_promises() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    conformance::run(&mut || {
        let (tenant, other) = (tenant("ours"), tenant("theirs"));
        let group = format!("group-{tenant}");
        Fixture { log: Arc::clone(&log), tenant, other, group, keep: Box::new(()) }
    });
}

#[test]
fn pausing_and_resuming_under_load_neither_loses_nor_repeats() {
    const COUNT: usize = 20_000;
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let (one, two) = (journal(log.as_ref()), journal(log.as_ref()));
    for topic in [&one, &two] {
        for from in (0..COUNT).step_by(500) {
            drop(log.append(topic, records(from..from + 500)));
        }
    }
    let mut member = log.consumer("pauses", &[one.clone(), two.clone()], Box::new(Anywhere)).unwrap();
    let (mut ones, mut twos, mut polls) = (Vec::new(), Vec::new(), 0_usize);
    until("every record of both", || {
        polls += 1;
        if let Polled::Records(topic, records) = member.poll(Duration::from_millis(5)).unwrap() {
            assert!(topic != one || polls % 4 >= 2 || polls < 3, "a paused topic is silent");
            if topic == one { &mut ones } else { &mut twos }.extend(records.iter().map(number));
        }
        match polls % 4 {
            3 => member.pause(&one),
            1 => member.resume(&one),
            _ => {}
        }
        ones.len() >= COUNT && twos.len() >= COUNT
    });
    assert_eq!(ones, (0..COUNT).collect::<Vec<_>>());
    assert_eq!(twos, (0..COUNT).collect::<Vec<_>>());
}

#[test]
fn a_broker_killed_under_load_loses_nothing_and_repeats_nothing() {
    const APPENDS: usize = 2_000;
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topic = journal(log.as_ref());
    let mut member = log.consumer("killed", std::slice::from_ref(&topic), Box::new(Anywhere)).unwrap();
    let (mut acks, mut read, mut kills) = (Vec::new(), Vec::new(), 0);
    until("every record", || {
        // A few at a time, so that the load lasts longer than the outages.
        let at = acks.len();
        if at < APPENDS {
            acks.push(log.append(&topic, records(at * 10..at * 10 + 10)));
        }
        if let Polled::Records(topic, records) = member.poll(Duration::from_millis(5)).unwrap() {
            read.extend(records.iter().map(number));
            member.commit(&topic, records.last().unwrap().offset + 1).unwrap();
        }
        if kills < 2 && acks.len() == (kills + 1) * APPENDS / 3 {
            kills += 1;
            cluster.kafka.signal(1, "KILL").unwrap();
            for at in acks.len()..acks.len() + 50 {
                acks.push(log.append(&topic, records(at * 10..at * 10 + 10)));
            }
            cluster.kafka.up().unwrap();
        }
        read.len() >= APPENDS * 10
    });
    assert_eq!(kills, 2);
    let offsets: Vec<u64> = acks.into_iter().map(|ack| ack.wait().unwrap()).collect();
    assert!(offsets.is_sorted_by(|one, next| one < next));
    assert_eq!(read, (0..APPENDS * 10).collect::<Vec<_>>());
    member.close().unwrap();
    assert_eq!(log.committed("killed", &topic).unwrap(), Some(log.bounds(&topic).unwrap().next));
}

#[test]
fn a_second_member_with_the_same_static_id_stops_the_first() {
    let Some(cluster) = cluster(1) else { return };
    // Two hosts that call themselves the same: neither sees the other's lock files.
    let (first, second) = (cluster.log("here"), cluster.log("there"));
    let topic = journal(first.as_ref());
    first.append(&topic, records(0..10)).wait().unwrap();
    let topics = std::slice::from_ref(&topic);
    let mut old = first.consumer("fenced", topics, Box::new(Anywhere)).unwrap();
    until("the first to read", || matches!(old.poll(Duration::from_millis(50)).unwrap(), Polled::Records(..)));
    let mut new = second.consumer("fenced", topics, Box::new(Anywhere)).unwrap();
    let mut fenced = None;
    until("the first to be fenced", || {
        drop(new.poll(Duration::from_millis(20)).unwrap());
        fenced = old.poll(Duration::from_millis(20)).err();
        fenced.is_some()
    });
    assert!(matches!(fenced, Some(LogError::Held { .. })), "{fenced:?}");
}

#[test]
fn an_offset_that_is_gone_stops_its_topic_and_says_so() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let (gone, good) = (Topic::new(&tenant("t"), TopicKind::Triggers), journal(log.as_ref()));
    log.create(&gone).unwrap();
    log.append(&gone, records(0..10)).wait().unwrap();
    let topics = [gone.clone(), good.clone()];
    let mut member = log.consumer("gone", &topics, Box::new(Anywhere)).unwrap();
    until("the first records", || matches!(member.poll(PATIENCE).unwrap(), Polled::Records(..)));
    member.commit(&gone, 5).unwrap();
    member.close().unwrap();
    assert_eq!(log.enforce_retention(&gone, Timestamp::MAX).unwrap(), 10);
    let mut member = log.consumer("gone", &topics, Box::new(Anywhere)).unwrap();
    log.append(&good, records(0..1)).wait().unwrap();
    let (mut failed, mut others) = (Vec::new(), 0);
    until("the failure and the other topic", || {
        match member.poll(Duration::from_millis(50)).unwrap() {
            Polled::Failed(topic, error) => failed.push((topic, error)),
            Polled::Records(topic, _) => others += usize::from(topic == good),
            Polled::Nothing => {}
        }
        others > 0 && !failed.is_empty()
    });
    let [(topic, LogError::OffsetOutOfRange { requested: 5, start: 10, .. })] = &failed[..] else {
        panic!("{failed:?}")
    };
    assert_eq!(topic, &gone);
}
