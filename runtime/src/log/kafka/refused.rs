//! Topics that our login may not read: librdkafka says that there is one, and not which.

use std::collections::VecDeque;
use std::time::Duration;

use bellwether_schemas::Topic;
use tokio::time::Instant;

use super::Inner;
use super::reader::TopicReader;
use crate::log::{Bounds, LogError, Result};

/// Looks under way at once: each is a client of its own.
const AT_ONCE: usize = 4;
/// Longest wait for what a broker says of one; brokers that are slow refuse the topic again.
const LONGEST: Duration = Duration::from_secs(5);

/// Which topics are refused, found out by reading each apart from the group, a little at every turn.
#[derive(Default)]
pub(super) struct Refusals {
    /// With where they are read.
    waiting: VecDeque<(Topic, u64)>,
    looks: Vec<Look>,
}

struct Look {
    topic: Topic,
    reader: TopicReader,
    by: Instant,
}

impl Refusals {
    /// One of these is refused.
    pub(super) fn suspect(&mut self, reading: Vec<(Topic, u64)>) {
        self.waiting = reading.into();
    }

    /// Goes on with the looks, without waiting; what was found to be refused.
    ///
    /// # Errors
    /// No client can be made.
    pub(super) fn turn(&mut self, log: &Inner) -> Result<Vec<(Topic, LogError)>> {
        while self.looks.len() < AT_ONCE
            && let Some((topic, next)) = self.waiting.pop_front()
        {
            let reader = TopicReader::new(log, &topic, next, Bounds { start: next, next })?;
            self.looks.push(Look { topic, reader, by: Instant::now() + LONGEST });
        }
        let mut refused = Vec::new();
        self.looks.retain_mut(|look| match look.reader.tried() {
            Some(Err(error @ LogError::Refused { .. })) => {
                refused.push((look.topic.clone(), error));
                false
            }
            Some(_) => false,
            None => Instant::now() < look.by,
        });
        Ok(refused)
    }
}
