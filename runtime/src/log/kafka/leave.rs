//! The end of a member that was asked to stop.
//!
//! A static member that ends keeps its topics for a session's length, in case it is back at once: right after a crash,
//! and six late seconds when it was asked to go. librdkafka leaves the group for it when it unsubscribes, but not while
//! it closes, so it unsubscribes first and closes when the group does not know it any more.

use std::sync::mpsc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::time::Instant;

use super::assignment::Group;
use super::client::LOOK;

/// Longest wait for the group to let go. After it the session runs out, as after a crash.
const LEAVE: Duration = Duration::from_secs(3);

/// Longest wait for brokers to show that they are there.
const ANSWER: Duration = Duration::from_secs(2);

/// Longest wait for all of it. What the owner of the topics waits for when they are given up has limits of its own, which
/// together lie below this one; librdkafka's commits and its closing have none, and brokers may fall silent in the middle.
const GONE: Duration = Duration::from_secs(15);

/// Gives up every topic, commits where it stood, leaves and closes. False when that took too long: it goes on apart from us
/// then, until this process is gone.
pub(super) fn go(consumer: BaseConsumer<Group>, group: &str, static_id: String) -> bool {
    let (group, (gone, is_gone)) = (group.to_owned(), mpsc::sync_channel(2));
    std::thread::spawn(move || {
        leave(&consumer, &group, &static_id);
        consumer.context().end();
        if consumer.context().is_silent() {
            // Closing talks to the coordinator until it answers.
            let _ = gone.send(());
        }
        drop(consumer);
        let _ = gone.send(());
    });
    is_gone.recv_timeout(GONE).is_ok()
}

/// Gives up every topic, commits where it stood, and leaves.
fn leave(consumer: &BaseConsumer<Group>, group: &str, static_id: &str) {
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

/// Brokers name a static member `<static id>-<uuid>`. Not to know is not to have left.
fn is_known(consumer: &BaseConsumer<Group>, group: &str, static_id: &str) -> bool {
    let Ok(list) = consumer.fetch_group_list(Some(group), ANSWER) else { return true };
    let ours = |id: &str| id.strip_prefix(static_id).is_some_and(|rest| rest.starts_with('-'));
    list.groups().iter().flat_map(|group| group.members()).any(|member| ours(member.id()))
}
