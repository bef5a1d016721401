//! Reads one topic apart from any group.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bellwether_schemas::dead_letter::Header;
use bellwether_schemas::{Timestamp, Topic};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers as _, Message as _};
use tokio::time::Instant;

use super::Inner;
use super::client::{CALL, at, create, list_of, meaning, number, reading};
use super::events::Events;
use crate::log::{Bounds, LogError, Reader, Record, Result};

/// Reads one topic apart from any group: the [`Reader`] of a log on Kafka.
pub(super) struct TopicReader {
    topic: Topic,
    /// None once it was let go.
    consumer: Option<BaseConsumer<Events>>,
    next: u64,
    /// Where the topic ended when the reader was made. What lies before it is there, and is waited for however
    /// short a wait was asked for: "nothing" would be taken for the end.
    known_end: u64,
}

impl TopicReader {
    /// `from` lies within `bounds`.
    pub(super) fn new(log: &Inner, topic: &Topic, from: u64, bounds: Bounds) -> Result<Self> {
        let mut config = reading(&log.cluster);
        // Never joined: librdkafka wants a name before it hands records out.
        config.set("group.id", "bellwether-reader").set("enable.partition.eof", "true");
        let consumer: BaseConsumer<Events> = create(&config, Events::new(&log.link))?;
        consumer.assign(&list_of(topic, at(from))?).map_err(|error| meaning(&error, topic))?;
        Ok(Self { topic: topic.clone(), consumer: Some(consumer), next: from, known_end: bounds.next })
    }

    fn consumer(&self) -> Result<&BaseConsumer<Events>> {
        let gone = || LogError::Unavailable { reason: format!("the reader of {} was let go", self.topic) };
        self.consumer.as_ref().ok_or_else(gone)
    }

    /// What came of trying to read, without waiting: nothing yet; that it may be read, or why not.
    pub(super) fn tried(&self) -> Option<Result<()>> {
        match self.consumer.as_ref()?.poll(Duration::ZERO)? {
            Ok(_) | Err(KafkaError::PartitionEOF(_)) => Some(Ok(())),
            Err(error) => match meaning(&error, &self.topic) {
                LogError::Unavailable { .. } => None,
                other => Some(Err(other)),
            },
        }
    }

    /// The next record, or none within the wait or before the known end.
    fn next(&mut self, wait: Duration) -> Result<Option<Record>> {
        let deadline = Instant::now() + wait;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.consumer()?.poll(left) {
                Some(Ok(message)) => {
                    let record = record(&message);
                    self.next = record.offset + 1;
                    return Ok(Some(record));
                }
                // Whatever lay between here and the end it knew of was removed.
                Some(Err(KafkaError::PartitionEOF(_))) if self.next < self.known_end => {
                    self.next = self.known_end;
                    return Ok(None);
                }
                Some(Err(KafkaError::PartitionEOF(_))) | None => {}
                Some(Err(error)) => self.check(&error)?,
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
        }
    }

    /// Trouble of brokers and lines passes; the rest ends the reading.
    fn check(&self, error: &KafkaError) -> Result<()> {
        let (topic, offset) = (self.topic.to_string(), self.next);
        match error.rdkafka_error_code() {
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                let (start, next) = self
                    .consumer()?
                    .fetch_watermarks(&topic, super::client::PARTITION, CALL)
                    .map_err(|error| meaning(&error, &self.topic))?;
                let (start, next) = (number(start), number(next));
                Err(LogError::OffsetOutOfRange { topic, requested: offset, start, next })
            }
            Some(Code::BadMessage | Code::InvalidMessage | Code::BadCompression) => {
                Err(LogError::Damaged { topic, offset, reason: error.to_string() })
            }
            _ => match meaning(error, &self.topic) {
                LogError::Unavailable { .. } => Ok(()),
                other => Err(other),
            },
        }
    }

    /// The first of several: what is known to be there is waited for.
    fn first(&mut self, wait: Duration) -> Result<Option<Record>> {
        if self.next < self.known_end {
            let found = self.next(CALL.max(wait))?;
            if found.is_some() {
                return Ok(found);
            }
            if self.next < self.known_end {
                let (topic, offset) = (&self.topic, self.next);
                let reason = format!("{topic} gave nothing at offset {offset} for {CALL:?}");
                return Err(LogError::Unavailable { reason });
            }
        }
        self.next(wait)
    }
}

impl Reader for TopicReader {
    fn read(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        if max == 0 {
            return Ok(records);
        }
        records.extend(self.first(wait)?);
        while !records.is_empty() && records.len() < max {
            match self.next(Duration::ZERO)? {
                Some(record) => records.push(record),
                None => break,
            }
        }
        Ok(records)
    }

    fn next_offset(&self) -> u64 {
        self.next
    }
}

impl Drop for TopicReader {
    /// Whoever lets it go does not wait: rdkafka (0.39) ends a client by waiting a tenth of a second for what comes no more.
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            consumer.context().end();
            // Where there can be no further thread it is dropped here.
            let _ = std::thread::Builder::new().spawn(move || drop(consumer));
        }
    }
}

/// A record of ours.
pub(super) fn record(message: &BorrowedMessage<'_>) -> Record {
    Record {
        offset: number(message.offset()),
        appended_at: Timestamp(message.timestamp().to_millis().unwrap_or(0).saturating_mul(1000)),
        key: message.key().unwrap_or_default().to_vec(),
        headers: message.headers().map(headers).unwrap_or_default(),
        value: message.payload().unwrap_or_default().to_vec(),
    }
}

/// Theirs as ours. A name that is not UTF-8 makes rdkafka panic (0.39), and no stranger's record may end a member:
/// such a header stands without name and value.
#[cold]
fn headers(theirs: &BorrowedHeaders) -> Vec<Header> {
    let nameless = || Header { name: String::new(), value: Vec::new() };
    let read = |place| {
        let header = theirs.try_get(place)?;
        Some(Header { name: header.key.into(), value: header.value.unwrap_or_default().to_vec() })
    };
    let read = |place| catch_unwind(AssertUnwindSafe(|| read(place))).ok().flatten();
    (0..theirs.count()).map(|place| read(place).unwrap_or_else(nameless)).collect()
}
