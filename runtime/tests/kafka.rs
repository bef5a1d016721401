//! The Kafka backend against real brokers.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking")]

// The one that tests and the demo share: a dependency on its crate would build everything above this one.
#[path = "../../local/src/kafka.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test binary uses what it needs of it")]
mod broker;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::conformance::{self, Fixture};
use bellwether_runtime::log::kafka::{KafkaLog, Options};
use bellwether_runtime::log::{
    Access, Ack, Assignments, Bounds, Consumer, GroupMember, Log, LogError, NewRecord, Polled, Reader,
    Record, Result, Start,
};
use bellwether_runtime::trace::Context;
use bellwether_schemas::time::DAY;
use bellwether_schemas::topics::Policy;
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind};
use broker::Kafka;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
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
        eprintln!(
            "\n*** SKIPPED: Kafka is not tested, because Java or Maven is missing: run scripts/setup ***\n"
        );
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let kafka = Kafka::start(&dir.path().join("services"), brokers).unwrap();
    Some(Cluster { kafka, dir })
}

impl Cluster {
    /// The log as a process of its own would have it, on a host with these lock files.
    fn log(&self, slots: &str) -> Arc<dyn Log> {
        let options =
            Options { host: "test".into(), slots: self.dir.path().join(slots), ..Options::default() };
        Arc::new(KafkaLog::open_with(self.kafka.brokers(), Access::Write, options).unwrap())
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", self.kafka.brokers()).create().unwrap()
    }
}

/// The same log after some time: what a policy of 400 days does to a record of 399 days is what one of a day does to
/// a new one. The broker does it, by its own clock.
struct Aged {
    log: Arc<dyn Log>,
    admin: AdminClient<DefaultClientContext>,
}

impl Log for Aged {
    fn enforce_retention(&self, topic: &Topic, now: Timestamp) -> Result<u64> {
        if let Policy::Days(days) = topic.kind.policy() {
            let later = now.0.saturating_sub(Clock::system().now().0);
            let left = (i64::from(days) * DAY).saturating_sub(later).max(0) / 1000;
            let (name, left) = (topic.to_string(), left.to_string());
            let change = AlterConfig::new(ResourceSpecifier::Topic(&name)).set("retention.ms", &left);
            let change = change.set("message.timestamp.type", "LogAppendTime");
            block_on(self.admin.alter_configs([&change], &AdminOptions::new())).unwrap();
        }
        self.log.enforce_retention(topic, now)
    }
    fn cut(&self, topic: &Topic, before: u64) -> Result<u64> {
        self.log.cut(topic, before)
    }
    fn create(&self, topic: &Topic) -> Result<bool> {
        self.log.create(topic)
    }
    fn delete(&self, topic: &Topic) -> Result<bool> {
        self.log.delete(topic)
    }
    fn topics(&self) -> Result<Vec<Topic>> {
        self.log.topics()
    }
    fn append(&self, topic: &Topic, records: Vec<NewRecord>) -> Ack {
        self.log.append(topic, records)
    }
    fn append_traced(&self, topic: &Topic, records: Vec<NewRecord>, traces: &[Option<Context>]) -> Ack {
        self.log.append_traced(topic, records, traces)
    }
    fn bounds(&self, topic: &Topic) -> Result<Bounds> {
        self.log.bounds(topic)
    }
    fn reader(&self, topic: &Topic, from: u64) -> Result<Box<dyn Reader>> {
        self.log.reader(topic, from)
    }
    fn offset_at(&self, topic: &Topic, appended_at: Timestamp) -> Result<u64> {
        self.log.offset_at(topic, appended_at)
    }
    fn committed(&self, group: &str, topic: &Topic) -> Result<Option<u64>> {
        self.log.committed(group, topic)
    }
    fn members(&self, group: &str) -> Result<Vec<GroupMember>> {
        self.log.members(group)
    }
    fn consumer(
        &self,
        group: &str,
        topics: &[Topic],
        told: Box<dyn Assignments>,
    ) -> Result<Box<dyn Consumer>> {
        self.log.consumer(group, topics, told)
    }
}

/// As an operator's tool would.
fn delete_before(admin: &AdminClient<DefaultClientContext>, topic: &Topic, offset: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic.to_string(), 0, Offset::Offset(offset)).unwrap();
    block_on(admin.delete_records(&list, &AdminOptions::new())).unwrap();
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
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
    let log: Arc<dyn Log> = Arc::new(Aged { log: cluster.log("slots"), admin: cluster.admin() });
    conformance::run(&mut || {
        let (tenant, other) = (tenant("ours"), tenant("theirs"));
        let group = format!("group-{tenant}");
        Fixture { log: Arc::clone(&log), tenant, other, group, keep: Box::new(()) }
    });
}

#[test]
fn pausing_and_resuming_under_load_neither_loses_nor_repeats() {
    const COUNT: usize = 8_000;
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

/// Begins nowhere, and remembers what there is to be sought.
#[derive(Clone, Default)]
struct Nowhere(Arc<Mutex<Vec<Topic>>>);

impl Assignments for Nowhere {
    fn assigned(&mut self, topic: &Topic) -> Start {
        self.0.lock().unwrap().push(topic.clone());
        Start::Paused
    }
    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        None
    }
}

/// Many at once, so that brokers are still asked about most of them when the first are sought.
#[test]
fn topics_that_are_sought_as_soon_as_they_are_assigned_stay_where_they_were_sought() {
    const TOPICS: usize = 60;
    const EACH: usize = 40;
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topics: Vec<Topic> = (0..TOPICS).map(|_| journal(log.as_ref())).collect();
    for topic in &topics {
        log.append(topic, records(0..EACH)).wait().unwrap();
    }
    let assigned = Nowhere::default();
    let mut member = log.consumer("sought", &topics, Box::new(assigned.clone())).unwrap();
    let mut read: BTreeMap<Topic, Vec<usize>> = BTreeMap::new();
    until("every record of all", || {
        if let Polled::Records(topic, records) = member.poll(Duration::from_millis(5)).unwrap() {
            read.entry(topic).or_default().extend(records.iter().map(number));
        }
        for topic in assigned.0.lock().unwrap().drain(..) {
            member.seek(&topic, 1).unwrap();
            member.resume(&topic);
        }
        read.values().map(Vec::len).sum::<usize>() >= TOPICS * (EACH - 1)
    });
    assert_eq!(read.len(), TOPICS);
    // Longer than librdkafka waits before it asks for a place again.
    let late = Instant::now() + Duration::from_secs(1);
    for topic in &topics {
        log.append(topic, records(EACH..EACH + 1)).wait().unwrap();
    }
    until("one more of each", || {
        if let Polled::Records(topic, records) = member.poll(Duration::from_millis(5)).unwrap() {
            read.entry(topic).or_default().extend(records.iter().map(number));
        }
        Instant::now() > late && read.values().all(|numbers| numbers.len() >= EACH)
    });
    assert!(read.values().all(|numbers| *numbers == (1..=EACH).collect::<Vec<_>>()), "{read:?}");
}

/// Where it stood, and nobody who would hear it: the broker falls silent while the topic is given up.
struct Silencing(Arc<Cluster>);

impl Assignments for Silencing {
    fn assigned(&mut self, _: &Topic) -> Start {
        Start::At(0)
    }
    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        self.0.kafka.signal(1, "STOP").unwrap();
        Some(1)
    }
}

#[test]
fn a_member_whose_broker_falls_silent_while_it_leaves_is_gone_all_the_same() {
    let Some(cluster) = cluster(1).map(Arc::new) else { return };
    let log = cluster.log("slots");
    let topic = journal(log.as_ref());
    log.append(&topic, records(0..1)).wait().unwrap();
    let silencing = Box::new(Silencing(Arc::clone(&cluster)));
    let mut member = log.consumer("silent", std::slice::from_ref(&topic), silencing).unwrap();
    until("a record", || matches!(member.poll(Duration::from_millis(50)).unwrap(), Polled::Records(..)));
    let closing = std::thread::spawn(move || member.close());
    until("to be gone", || closing.is_finished());
    closing.join().unwrap().unwrap();
    cluster.kafka.signal(1, "CONT").unwrap();
}

/// The broker falls silent at the moment that topics are given for the first time.
struct Fading(Arc<Cluster>, Arc<AtomicBool>);

impl Assignments for Fading {
    fn assigned(&mut self, _: &Topic) -> Start {
        if !self.1.swap(true, Ordering::SeqCst) {
            self.0.kafka.signal(1, "STOP").unwrap();
        }
        Start::Committed
    }
    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        None
    }
}

#[test]
fn topics_given_while_the_broker_falls_silent_are_read_once_it_is_back() {
    let Some(cluster) = cluster(1).map(Arc::new) else { return };
    let log = cluster.log("slots");
    let topics = ["a", "b"].map(|name| Topic::new(&tenant(name), TopicKind::Journal));
    for topic in &topics {
        log.create(topic).unwrap();
        log.append(topic, records(0..5)).wait().unwrap();
    }
    let mut before = log.consumer("fading", &topics, Box::new(Anywhere)).unwrap();
    let mut owned = 0;
    until("both", || {
        owned += usize::from(matches!(before.poll(PATIENCE).unwrap(), Polled::Records(..)));
        owned >= topics.len()
    });
    topics.iter().for_each(|topic| before.commit(topic, 3).unwrap());
    before.close().unwrap();

    let silent = Arc::new(AtomicBool::new(false));
    let fading = Box::new(Fading(Arc::clone(&cluster), Arc::clone(&silent)));
    let mut member = log.consumer("fading", &topics, fading).unwrap();
    let mut read: BTreeMap<Topic, Vec<usize>> = BTreeMap::new();
    let mut awake = false;
    until("what was not committed", || {
        match member.poll(Duration::from_millis(50)).unwrap() {
            Polled::Records(topic, records) => {
                read.entry(topic).or_default().extend(records.iter().map(number));
            }
            Polled::Failed(topic, error) => panic!("{topic}: {error}"),
            Polled::Nothing => {}
        }
        if silent.load(Ordering::SeqCst) && !std::mem::replace(&mut awake, true) {
            cluster.kafka.signal(1, "CONT").unwrap();
        }
        read.len() == topics.len() && read.values().all(|numbers| numbers.ends_with(&[3, 4]))
    });
    assert!(read.values().all(|numbers| numbers[..2] == [3, 4]), "{read:?}");
}

#[test]
fn a_broker_killed_under_load_loses_nothing_and_repeats_nothing() {
    const APPENDS: usize = 2_000;
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topic = journal(log.as_ref());
    let mut member = log.consumer("killed", std::slice::from_ref(&topic), Box::new(Anywhere)).unwrap();
    let (mut acks, mut next, mut kills) = (Vec::new(), 0, 0);
    until("every record", || {
        // A few at a time, so that the load lasts longer than the outages.
        let at = acks.len();
        if at < APPENDS {
            acks.push(log.append(&topic, records(at * 10..at * 10 + 10)));
        }
        if let Polled::Records(topic, records) = member.poll(Duration::from_millis(5)).unwrap() {
            // A session that ran out meanwhile goes on where it committed: back, never ahead.
            for number in records.iter().map(number) {
                assert!(number <= next, "{number} was handed out before {next}");
                next = next.max(number + 1);
            }
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
        next >= APPENDS * 10
    });
    assert_eq!(kills, 2);
    let offsets: Vec<u64> = acks.into_iter().map(|ack| ack.wait().unwrap()).collect();
    assert!(offsets.is_sorted_by(|one, next| one < next));
    let bounds = log.bounds(&topic).unwrap();
    let (mut reader, mut read) = (log.reader(&topic, 0).unwrap(), Vec::new());
    while reader.next_offset() < bounds.next {
        read.extend(reader.read(1000, PATIENCE).unwrap().iter().map(number));
    }
    assert_eq!(read, (0..APPENDS * 10).collect::<Vec<_>>());
    member.close().unwrap();
    assert_eq!(log.committed("killed", &topic).unwrap(), Some(bounds.next));
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
    until("the first to read", || {
        matches!(old.poll(Duration::from_millis(50)).unwrap(), Polled::Records(..))
    });
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
    delete_before(&cluster.admin(), &gone, 10);
    until("the records to go", || log.bounds(&gone).unwrap().start == 10);
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

/// How long the other member waits for the topics of one that went, and the first record it reads of them.
fn taken_over(
    cluster: &Cluster,
    log: &dyn Log,
    group: &str,
    go: impl FnOnce(Box<dyn Consumer>),
) -> (Duration, usize) {
    let topics = [journal(log), journal(log)];
    for topic in &topics {
        log.append(topic, records(0..10)).wait().unwrap();
    }
    let mut first = log.consumer(group, &topics, Box::new(Anywhere)).unwrap();
    until("the first to own both", || {
        if let Polled::Records(topic, records) = first.poll(Duration::from_millis(20)).unwrap() {
            first.commit(&topic, records.last().unwrap().offset + 1).unwrap();
        }
        topics.iter().all(|topic| log.committed(group, topic).unwrap() == Some(10))
    });
    let other = cluster.log("slots");
    let mut second = other.consumer(group, &topics, Box::new(Anywhere)).unwrap();
    let mut mine = None;
    until("the second to own one", || {
        let begun = Instant::now();
        while mine.is_none() && begun.elapsed() < Duration::from_secs(1) {
            drop(first.poll(Duration::from_millis(20)).unwrap());
            drop(second.poll(Duration::from_millis(20)).unwrap());
            mine = topics.iter().find(|topic| second.commit(topic, 10).is_ok());
        }
        mine.is_some()
    });
    let theirs = topics.iter().find(|topic| Some(*topic) != mine).unwrap();
    let gone = Instant::now();
    go(first);
    log.append(theirs, records(10..11)).wait().unwrap();
    let mut read = None;
    until("the second to own both", || {
        if let Polled::Records(topic, records) = second.poll(Duration::from_millis(20)).unwrap() {
            read = (topic == *theirs).then(|| number(&records[0]));
        }
        read.is_some()
    });
    (gone.elapsed(), read.unwrap())
}

#[test]
fn a_member_that_is_closed_hands_over_at_once_where_it_stood_and_one_that_crashed_after_its_session() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let closed = taken_over(&cluster, log.as_ref(), "closed", |member| member.close().unwrap());
    let crashed = taken_over(&cluster, log.as_ref(), "crashed", drop);
    eprintln!("closed: {closed:?}, crashed: {crashed:?}");
    assert_eq!((closed.1, crashed.1), (10, 10), "nothing is read again");
    assert!(closed.0 < Duration::from_secs(4), "{closed:?}");
    assert!(crashed.0 > Duration::from_secs(4), "{crashed:?}");
}

#[test]
fn a_topic_that_is_deleted_and_made_anew_under_its_reader_stops_and_says_so() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let (gone, good) = (journal(log.as_ref()), journal(log.as_ref()));
    log.append(&gone, records(0..10)).wait().unwrap();
    let topics = [gone.clone(), good.clone()];
    let mut member = log.consumer("recreated", &topics, Box::new(Anywhere)).unwrap();
    let mut next = 0;
    until("what was there", || {
        if let Polled::Records(_, records) = member.poll(Duration::from_millis(50)).unwrap() {
            next = records.last().unwrap().offset + 1;
        }
        next == 10
    });
    let name = gone.to_string();
    block_on(cluster.admin().delete_topics(&[name.as_str()], &AdminOptions::new())).unwrap();
    until("the topic to be gone", || !log.topics().unwrap().contains(&gone));
    log.create(&gone).unwrap();
    log.append(&gone, records(0..3)).wait().unwrap();
    log.append(&good, records(0..1)).wait().unwrap();
    let (mut failed, mut others) = (Vec::new(), 0);
    until("the failure and the other topic", || {
        match member.poll(Duration::from_millis(50)).unwrap() {
            Polled::Failed(topic, error) => failed.push((topic, error)),
            Polled::Records(topic, _) => {
                assert_eq!(topic, good, "nothing of the new topic");
                others += 1;
            }
            Polled::Nothing => {}
        }
        others > 0 && !failed.is_empty()
    });
    eprintln!("{failed:?}");
    assert!(failed.iter().all(|(topic, _)| *topic == gone), "{failed:?}");
}

#[test]
fn a_record_whose_bytes_changed_stops_its_topic_and_no_other() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let (bad, good) = (journal(log.as_ref()), journal(log.as_ref()));
    let marked = NewRecord { key: Vec::new(), value: b"what was written".to_vec() };
    for topic in [&bad, &good] {
        log.append(topic, records(0..1)).wait().unwrap();
        log.append(topic, vec![marked.clone()]).wait().unwrap();
        log.append(topic, records(2..3)).wait().unwrap();
    }
    cluster.kafka.down().unwrap();
    let file = cluster.dir.path().join(format!("services/kafka-1/data/{bad}-0/00000000000000000000.log"));
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.windows(marked.value.len()).position(|window| window == marked.value).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    cluster.kafka.up().unwrap();
    let topics = [bad.clone(), good.clone()];
    let mut member = log.consumer("damaged", &topics, Box::new(Anywhere)).unwrap();
    let (mut read, mut failed) = ([Vec::new(), Vec::new()], Vec::new());
    until("the failure and the other topic", || {
        match member.poll(Duration::from_millis(50)).unwrap() {
            Polled::Failed(topic, error) => failed.push((topic, error)),
            Polled::Records(topic, records) => {
                read[usize::from(topic == good)].extend(records.iter().map(|record| record.offset));
            }
            Polled::Nothing => {}
        }
        read[1].len() >= 3 && !failed.is_empty()
    });
    assert_eq!(
        read,
        [vec![0], vec![0, 1, 2]],
        "nothing behind the damage, everything of the other topic once"
    );
    let [(topic, LogError::Damaged { offset: 1, .. })] = &failed[..] else { panic!("{failed:?}") };
    assert_eq!(topic, &bad);
}

#[test]
fn what_is_there_is_read_however_short_the_wait() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topic = journal(log.as_ref());
    log.append(&topic, records(0..10)).wait().unwrap();
    let read = log.reader(&topic, 3).unwrap().read(1, Duration::ZERO).unwrap();
    assert_eq!(read.iter().map(number).collect::<Vec<_>>(), [3], "nothing would be taken for the end");
    let mut at_end = log.reader(&topic, 10).unwrap();
    assert!(at_end.read(1, Duration::ZERO).unwrap().is_empty());
}

#[test]
fn settings_that_drifted_are_shown_and_corrected_without_losing_the_others() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topic = journal(log.as_ref());
    assert_eq!(log.drift(&topic).unwrap(), []);
    let name = topic.to_string();
    let change = AlterConfig::new(ResourceSpecifier::Topic(&name)).set("retention.ms", "1000");
    block_on(cluster.admin().alter_configs([&change], &AdminOptions::new())).unwrap();
    // Changing one setting took the others back to the brokers' defaults.
    until("the change to be seen", || {
        let drift = log.drift(&topic).unwrap();
        let keys: Vec<_> = drift.iter().map(|drift| (drift.key, drift.found.as_str())).collect();
        keys == [("message.timestamp.type", "CreateTime"), ("retention.ms", "1000")]
    });
    log.correct(&topic).unwrap();
    until("the correction to be seen", || log.drift(&topic).unwrap().is_empty());
}

#[test]
fn a_topic_of_several_partitions_is_refused() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topic = Topic::new(&tenant("t"), TopicKind::Journal);
    let name = topic.to_string();
    let new = NewTopic::new(&name, 3, TopicReplication::Fixed(1));
    block_on(cluster.admin().create_topics([&new], &AdminOptions::new())).unwrap();
    let refused = log.append(&topic, records(0..1)).wait();
    assert!(matches!(refused, Err(LogError::Partitions { count: 3, .. })), "{refused:?}");
}

/// Is silent until it is sought, as a worker's journals are.
struct Silent;

impl Assignments for Silent {
    fn assigned(&mut self, _: &Topic) -> Start {
        Start::Paused
    }
    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        None
    }
}

#[test]
fn a_silent_topic_that_was_cut_is_read_from_where_it_is_sought() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topic = journal(log.as_ref());
    log.append(&topic, records(0..20)).wait().unwrap();
    log.cut(&topic, 7).unwrap();
    let mut member = log.consumer("cut", std::slice::from_ref(&topic), Box::new(Silent)).unwrap();
    let begun = Instant::now();
    until("it to be given", || {
        assert!(matches!(member.poll(Duration::from_millis(20)).unwrap(), Polled::Nothing));
        // A worker takes a moment to find out where to begin, in which the brokers are asked.
        let members = log.members("cut").unwrap_or_default();
        members.iter().any(|member| !member.topics.is_empty()) && begun.elapsed() > Duration::from_secs(2)
    });
    member.seek(&topic, 9).unwrap();
    member.resume(&topic);
    let mut read = Vec::new();
    until("the rest", || {
        if let Polled::Records(_, records) = member.poll(Duration::from_millis(20)).unwrap() {
            read.extend(records.iter().map(number));
        }
        read.len() >= 11
    });
    assert_eq!(read, (9..20).collect::<Vec<_>>());
    member.close().unwrap();
}

/// Begins where the group left off, and counts how often it was given something.
struct Counting(Arc<AtomicU32>);

impl Assignments for Counting {
    fn assigned(&mut self, _: &Topic) -> Start {
        self.0.fetch_add(1, Ordering::Relaxed);
        Start::Committed
    }
    fn revoked(&mut self, _: &Topic) -> Option<u64> {
        None
    }
}

#[test]
fn a_topic_that_is_given_more_partitions_under_load_is_told_of_and_has_one_owner_who_reads_each_record_once()
{
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topic = journal(log.as_ref());
    assert_eq!(log.divided().unwrap().get(&topic), None);
    let given = Arc::new(AtomicU32::new(0));
    let join = |log: &dyn Log| {
        let counting = Box::new(Counting(Arc::clone(&given)));
        log.consumer("divided", std::slice::from_ref(&topic), counting).unwrap()
    };
    let other = cluster.log("slots");
    let mut members = [join(log.as_ref()), join(other.as_ref())];
    let (mut read, mut sent) = (Vec::new(), 0);
    let mut turn = || {
        log.append(&topic, records(sent..sent + 1)).wait().unwrap();
        sent += 1;
        for member in &mut members {
            if let Polled::Records(_, records) = member.poll(Duration::from_millis(20)).unwrap() {
                read.extend(records.iter().map(number));
            }
        }
        read.len()
    };
    until("the first records", || turn() > 0);
    let name = topic.to_string();
    let more = NewPartitions::new(&name, 3);
    block_on(cluster.admin().create_partitions([&more], &AdminOptions::new())).unwrap();
    until("both to be given a part", || {
        turn();
        let members = log.members("divided").unwrap();
        members.len() == 2 && members.iter().all(|member| member.topics.contains(&topic))
    });
    assert_eq!(log.divided().unwrap().get(&topic), Some(&3));
    let seen = turn();
    until("some more records", || turn() > seen + 50);
    assert_eq!(given.load(Ordering::Relaxed), 1, "who has the first partition has the topic");
    assert_eq!(read, (0..read.len()).collect::<Vec<_>>());
    for member in members {
        member.close().unwrap();
    }
    let late = cluster.log("slots").append(&topic, records(0..1)).wait();
    assert!(matches!(late, Err(LogError::Partitions { count: 3, .. })), "{late:?}");
}

#[test]
fn headers_of_another_client_come_with_its_record() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topic = journal(log.as_ref());
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", cluster.kafka.brokers()).create().unwrap();
    let header = |key, value| Header { key, value };
    let headers =
        OwnedHeaders::new().insert(header("tenant", Some("hextech"))).insert(header("none", None::<&str>));
    let name = topic.to_string();
    producer.send(BaseRecord::to(&name).key("k").payload("v").headers(headers)).unwrap();
    producer.flush(PATIENCE).unwrap();
    log.append(&topic, records(0..1)).wait().unwrap();
    let read = log.reader(&topic, 0).unwrap().read(2, PATIENCE).unwrap();
    let names: Vec<_> = read[0].headers.iter().map(|header| (&*header.name, &*header.value)).collect();
    assert_eq!(names, [("tenant", &b"hextech"[..]), ("none", b"")]);
    assert_eq!(read[1].headers, []);
}

#[test]
fn nothing_of_a_topic_that_grows_all_the_time_is_held_back() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topic = journal(log.as_ref());
    std::thread::scope(|scope| {
        let appended = scope.spawn(|| {
            for number in 0..300 {
                log.append(&topic, records(number..number + 1)).wait().unwrap();
            }
        });
        let mut looks = Vec::new();
        while !appended.is_finished() {
            looks.push(log.held_back(&topic).ok());
        }
        assert!(looks.iter().all(|held_back| *held_back == Some(0)), "{looks:?}");
    });
}

#[test]
fn records_behind_an_open_transaction_are_seen_and_not_read_until_it_ends() {
    let Some(cluster) = cluster(1) else { return };
    let log = cluster.log("slots");
    let topic = journal(log.as_ref());
    log.append(&topic, records(0..1)).wait().unwrap();
    assert_eq!(log.held_back(&topic).unwrap(), 0);
    let other: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", cluster.kafka.brokers())
        .set("transactional.id", "another application")
        .create()
        .unwrap();
    other.init_transactions(PATIENCE).unwrap();
    other.begin_transaction().unwrap();
    let name = topic.to_string();
    other.send(BaseRecord::to(&name).key("k").payload("theirs")).unwrap();
    other.flush(PATIENCE).unwrap();
    log.append(&topic, records(2..3)).wait().unwrap();
    let mut reader = log.reader(&topic, 0).unwrap();
    assert_eq!(reader.read(10, Duration::from_secs(1)).unwrap().len(), 1, "what is behind it is not read");
    assert_eq!(log.held_back(&topic).unwrap(), 2);
    other.abort_transaction(PATIENCE).unwrap();
    until("what stood behind it", || {
        let read = reader.read(10, Duration::from_millis(100)).unwrap();
        read.iter().map(number).collect::<Vec<_>>() == [2]
    });
    assert_eq!(log.held_back(&topic).unwrap(), 0);
}
