//! The one producer of a process. Appends keep the order of their calls; an append is answered when all its records
//! are.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bellwether_schemas::Topic;
use bellwether_schemas::topics::MAX_RECORD_BYTES;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use tokio::sync::oneshot::Sender;

use super::client::{Cluster, PARTITION, config, create, meaning, number};
use super::events::{Events, Link};
use super::locked;
use crate::log::{LogError, MAX_BATCH_BYTES, NewRecord, Result};
use crate::trace::{Context, HEADER};

/// Bytes on their way, keys and values and what is counted for each record. librdkafka's own limits lie above.
const MAX_QUEUED: usize = 128 * 1024 * 1024;
/// Counted for each record on top of its bytes.
const RECORD_OVERHEAD: usize = 12;
/// Longest wait for room. Brokers that are there make some in less.
const ROOM: Duration = Duration::from_secs(5);
/// Longest wait at the end for what is on its way.
const FLUSH: Duration = Duration::from_secs(10);

/// Appends to any topic.
pub(super) struct Producer {
    producer: ThreadedProducer<Deliveries>,
    room: Arc<Room>,
    /// Held while an append is handed over, so that its records stay together and in order.
    order: Mutex<()>,
}

impl Producer {
    pub(super) fn new(cluster: &Cluster, link: &Link) -> Result<Self> {
        let mut config = config(cluster);
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("request.timeout.ms", "10000")
            // A cluster may be away for this long without anybody having to start again.
            .set("message.timeout.ms", "900000")
            .set("queue.buffering.max.kbytes", "524288")
            .set("queue.buffering.max.messages", "2000000");
        let room = Arc::new(Room::default());
        let deliveries = Deliveries { events: Events::new(link), room: Arc::clone(&room) };
        Ok(Self { producer: create(&config, deliveries)?, room, order: Mutex::default() })
    }

    /// Sends the records; `answer` follows when all are acknowledged, or one never will be.
    pub(super) fn append(
        &self,
        topic: &Topic,
        records: &[NewRecord],
        traces: &[Option<Context>],
        answer: Sender<Result<u64>>,
    ) {
        match self.check(topic, records) {
            Ok(bytes) => self.send(topic, records, traces, Batch::new(topic, records.len(), bytes, answer)),
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    /// The bytes there now is room for.
    fn check(&self, topic: &Topic, records: &[NewRecord]) -> Result<usize> {
        if let Some((code, reason)) = self.producer.client().fatal_error() {
            return Err(LogError::Poisoned { reason: format!("{code}: {reason}") });
        }
        let sizes = || records.iter().map(|record| record.key.len() + record.value.len());
        let too_large = |bytes, limit| LogError::TooLarge { topic: topic.to_string(), bytes, limit };
        if let Some(bytes) = sizes().find(|bytes| *bytes > MAX_RECORD_BYTES) {
            return Err(too_large(bytes, MAX_RECORD_BYTES));
        }
        let bytes = sizes().map(|bytes| bytes + RECORD_OVERHEAD).sum();
        if bytes > MAX_BATCH_BYTES {
            return Err(too_large(bytes, MAX_BATCH_BYTES));
        }
        self.room.take(bytes)?;
        Ok(bytes)
    }

    fn send(&self, topic: &Topic, records: &[NewRecord], traces: &[Option<Context>], batch: Arc<Batch>) {
        let name = topic.to_string();
        let _order = locked(&self.order);
        for (sent, record) in records.iter().enumerate() {
            let mut message = BaseRecord::with_opaque_to(&name, Arc::clone(&batch))
                .partition(PARTITION)
                .key(&record.key[..]);
            if !record.value.is_empty() {
                message = message.payload(&record.value[..]);
            }
            if let Some(Some(trace)) = traces.get(sent) {
                let value = trace.to_string();
                let header = Header { key: HEADER, value: Some(&value) };
                message = message.headers(OwnedHeaders::new_with_capacity(1).insert(header));
            }
            if let Err((error, _)) = self.producer.send(message) {
                return batch.settle(records.len() - sent, Err(meaning(&error, topic)), &self.room);
            }
        }
        if records.is_empty() {
            batch.settle(0, Ok(0), &self.room);
        }
    }
}

impl Drop for Producer {
    /// Dropping librdkafka's producer throws away what it holds.
    fn drop(&mut self) {
        let flushed = self.producer.flush(FLUSH);
        let left = self.producer.in_flight_count();
        if left > 0 {
            tracing::error!(records = left, ?flushed, "records were not acknowledged before the end");
        }
    }
}

/// Takes acknowledgements, on the producer's own thread.
struct Deliveries {
    events: Events,
    room: Arc<Room>,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.events.log(level, facility, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        self.events.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Arc<Batch>;

    fn delivery(&self, result: &DeliveryResult<'_>, batch: Arc<Batch>) {
        let outcome = match result {
            Ok(message) => {
                self.events.heard();
                Ok(number(message.offset()))
            }
            Err((error, _)) => Err(refused(error, &batch.topic)),
        };
        batch.settle(1, outcome, &self.room);
    }
}

/// A record that was given up at the end of the process says so.
fn refused(error: &KafkaError, topic: &Topic) -> LogError {
    match error.rdkafka_error_code() {
        Some(Code::PurgeQueue | Code::PurgeInflight) => {
            LogError::Unavailable { reason: "it stopped before it answered".into() }
        }
        _ => meaning(error, topic),
    }
}

/// One append on its way.
struct Batch {
    topic: Topic,
    bytes: usize,
    state: Mutex<State>,
}

struct State {
    left: usize,
    first: Option<u64>,
    error: Option<LogError>,
    answer: Option<Sender<Result<u64>>>,
}

impl Batch {
    fn new(topic: &Topic, left: usize, bytes: usize, answer: Sender<Result<u64>>) -> Arc<Self> {
        let state = State { left, first: None, error: None, answer: Some(answer) };
        Arc::new(Self { topic: topic.clone(), bytes, state: Mutex::new(state) })
    }

    /// So many of its records have this outcome; after the last, the append has its answer.
    fn settle(&self, records: usize, outcome: Result<u64>, room: &Room) {
        let mut state = locked(&self.state);
        state.left = state.left.saturating_sub(records);
        match outcome {
            Ok(offset) => state.first = Some(state.first.map_or(offset, |first| first.min(offset))),
            Err(error) => drop(state.error.get_or_insert(error)),
        }
        if state.left == 0
            && let Some(answer) = state.answer.take()
        {
            let first = state.first.unwrap_or(0);
            let _ = answer.send(state.error.take().map_or(Ok(first), Err));
            room.give(self.bytes);
        }
    }
}

/// Bytes on their way.
#[derive(Default)]
struct Room {
    taken: Mutex<usize>,
    given: Condvar,
}

impl Room {
    fn take(&self, bytes: usize) -> Result<()> {
        let full = |taken: &mut usize| *taken + bytes > MAX_QUEUED;
        let (mut taken, waited) = self
            .given
            .wait_timeout_while(locked(&self.taken), ROOM, full)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if waited.timed_out() {
            return Err(LogError::Unavailable { reason: format!("{taken} bytes wait to be acknowledged") });
        }
        *taken += bytes;
        Ok(())
    }

    fn give(&self, bytes: usize) {
        *locked(&self.taken) -= bytes;
        self.given.notify_all();
    }
}
