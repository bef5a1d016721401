//! Records of one poll.

use std::time::Duration;

use bellwether_schemas::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;

use super::assignment::Group;
use super::reader::record;
use crate::log::Record;

/// Records, and about how many bytes, handed out at once.
const POLL_RECORDS: usize = 512;
const POLL_BYTES: usize = 1024 * 1024;

/// What is there already behind the first record, as long as it is the same topic.
pub(super) fn more(
    consumer: &BaseConsumer<Group>,
    topic: &Topic,
    first: Record,
) -> (Vec<Record>, Option<KafkaError>) {
    let name = topic.to_string();
    let mut bytes = first.value.len();
    let mut records = vec![first];
    while records.len() < POLL_RECORDS && bytes < POLL_BYTES {
        match consumer.poll(Duration::ZERO) {
            Some(Ok(message)) if message.topic() == name => {
                let record = record(&message);
                bytes += record.value.len();
                records.push(record);
            }
            Some(Ok(message)) => {
                hold(consumer, message.topic(), record(&message));
                break;
            }
            Some(Err(error)) => return (records, Some(error)),
            None => break,
        }
    }
    (records, None)
}

fn hold(consumer: &BaseConsumer<Group>, name: &str, record: Record) {
    let Ok(topic) = name.parse::<Topic>() else { return };
    let mut owned = consumer.context().owned();
    let Some(epoch) = owned.topics.get(&topic).map(|state| state.epoch) else { return };
    let accepted = owned.accept(&topic, epoch, vec![record]);
    if let Some(state) = owned.topics.get_mut(&topic) {
        state.held.extend(accepted);
    }
}
