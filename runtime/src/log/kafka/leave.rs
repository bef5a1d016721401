//! The end of a member that was asked to stop.
//!
//! A static member that ends keeps its topics for a session's length, in case it is back at once: right after a crash,
//! and six late seconds when it was asked to go. librdkafka leaves the group for it when it unsubscribes, but not while
//! it closes, so it unsubscribes first and closes when the group does not know it any more.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::time::Instant;

use super::assignment::Group;
use super::client::LOOK;

/// Longest wait for the group to let go. After it the session runs out, as after a crash.
const LEAVE: Duration = Duration::from_secs(3);

/// Longest wait for brokers to show that they are there.
const ANSWER: Duration = Duration::from_secs(2);

/// Gives up every topic, commits where it stood, and leaves.
pub(super) fn leave(consumer: &BaseConsumer<Group>, group: &str, static_id: &str) {
    if consumer.fetch_group_list(Some(group), ANSWER).is_err() {
        // A commit has no deadline of its own.
        consumer.context().silence();
    }
    consumer.unsubscribe();
    let deadline = Instant::now() + LEAVE;
    while Instant::now() < deadline {
        // Records that come now are not handed out: whoever has the topic next reads them.
        drop(consumer.poll(LOOK));
        if consumer.context().owned().topics.is_empty() && !is_known(consumer, group, static_id) {
            return;
        }
    }
    tracing::debug!(log.group = group, kafka.member = static_id, "the group did not let go in time");
}

/// librdkafka closes a member by talking to its coordinator, without a deadline. Where nobody answers that goes on apart
/// from us, until brokers are back or this process is gone.
pub(super) fn end(consumer: BaseConsumer<Group>) {
    if consumer.context().is_silent() {
        std::thread::spawn(move || drop(consumer));
    }
}

/// Brokers name a static member `<static id>-<uuid>`. Not to know is not to have left.
fn is_known(consumer: &BaseConsumer<Group>, group: &str, static_id: &str) -> bool {
    let Ok(list) = consumer.fetch_group_list(Some(group), ANSWER) else { return true };
    let ours = |id: &str| id.strip_prefix(static_id).is_some_and(|rest| rest.starts_with('-'));
    list.groups().iter().flat_map(|group| group.members()).any(|member| ours(member.id()))
}
