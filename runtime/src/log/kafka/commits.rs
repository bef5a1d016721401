//! How far a group has read, told to the brokers.

use bellwether_schemas::Topic;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::assignment::Group;
use super::client::{add, at};
use crate::log::Result;

/// Commits what was asked for and is not known to be committed; false when there is nothing. What brokers refuse
/// for now is part of the next call.
///
/// # Errors
/// A topic that librdkafka cannot name.
pub(super) fn flush(consumer: &BaseConsumer<Group>, mode: CommitMode) -> Result<bool> {
    let wanted = wanted(consumer.context());
    if wanted.is_empty() {
        return Ok(false);
    }
    let mut list = TopicPartitionList::with_capacity(wanted.len());
    wanted.iter().try_for_each(|(topic, offset)| add(&mut list, topic, at(*offset)))?;
    match consumer.commit(&list, mode) {
        Ok(()) if matches!(mode, CommitMode::Sync) => {
            let mut owned = consumer.context().owned();
            for (topic, offset) in wanted {
                if let Some(state) = owned.topics.get_mut(&topic) {
                    state.committed = state.committed.max(Some(offset));
                }
            }
        }
        // Known when the answer is there.
        Ok(()) => {}
        Err(error) => tracing::debug!(error = %error, "a commit has to wait"),
    }
    Ok(true)
}

fn wanted(group: &Group) -> Vec<(Topic, u64)> {
    let owned = group.owned();
    let open = owned.topics.iter().filter(|(_, state)| state.wanted > state.committed);
    open.filter_map(|(topic, state)| Some((topic.clone(), state.wanted?))).collect()
}

/// A commit while the group changes hands, or one that the next commit repeats.
pub(super) fn tolerable(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::RebalanceInProgress
                | Code::IllegalGeneration
                | Code::UnknownMemberId
                | Code::NoOffset
                | Code::FencedInstanceId
        )
    )
}
