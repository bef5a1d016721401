//! Records whose bytes are not what was written, or that are not there.

use std::time::Duration;

use bellwether_schemas::Topic;
use rdkafka::Offset;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::assignment::Group;
use super::client::{CALL, PARTITION, at, list_of, meaning};
use super::reader::TopicReader;
use super::{Inner, check_within};
use crate::log::{LogError, Reader as _, Result};

/// librdkafka reports damage without its topic, and reads on behind it. So each topic is looked at where it stands: the
/// one that is damaged there stops, and the others are read again from there, should bytes have changed on their way.
///
/// # Errors
/// Brokers are out of reach.
pub(super) fn find(consumer: &BaseConsumer<Group>, log: &Inner) -> Result<()> {
    let topics: Vec<(Topic, u64)> = consumer.context().owned().reading();
    for (topic, next) in topics {
        match look(log, &topic, next) {
            Err(error @ (LogError::Damaged { .. } | LogError::OffsetOutOfRange { .. })) => {
                consumer.context().owned().fail(&topic, error);
                let list = list_of(&topic, Offset::Invalid)?;
                consumer.pause(&list).map_err(|error| meaning(&error, &topic))?;
            }
            _ => {
                consumer
                    .seek(&topic.to_string(), PARTITION, at(next), CALL)
                    .map_err(|error| meaning(&error, &topic))?;
                consumer.context().owned().sought(&topic, next);
            }
        }
    }
    Ok(())
}

/// Stops those of the topics that do not reach to where they stand: librdkafka does not say which it was.
pub(super) fn find_out_of_range(consumer: &BaseConsumer<Group>, log: &Inner) {
    let context = consumer.context();
    let topics = context.owned().reading();
    for (topic, next) in topics {
        let bounds = match log.bounds(&topic) {
            Err(LogError::Unavailable { .. }) => continue,
            bounds => bounds,
        };
        if let Err(error) = bounds.and_then(|bounds| check_within(&topic, next, bounds)) {
            context.owned().fail(&topic, error);
        }
    }
}

/// Reads one record there, apart from the group.
fn look(log: &Inner, topic: &Topic, next: u64) -> Result<()> {
    let bounds = log.bounds(topic)?;
    check_within(topic, next, bounds)?;
    TopicReader::new(log, topic, next, bounds)?.read(1, Duration::ZERO).map(drop)
}
