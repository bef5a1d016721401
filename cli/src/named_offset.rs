//! A place in a log, as people name it: an offset, a time, `start` or `end`.

use std::str::FromStr;

use bellwether_runtime::journal::find_event_time;
use bellwether_runtime::log::{Log, Result};
use bellwether_schemas::{Timestamp, Topic, TopicKind};

/// Where to begin or end reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedOffset {
    Start,
    End,
    Offset(u64),
    Time(Timestamp),
}

impl FromStr for NamedOffset {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "start" => Ok(Self::Start),
            "end" => Ok(Self::End),
            _ => match (text.parse(), text.parse()) {
                (Ok(offset), _) => Ok(Self::Offset(offset)),
                (_, Ok(time)) => Ok(Self::Time(time)),
                _ => Err(format!("{text:?} is not an offset, an RFC 3339 time, start or end")),
            },
        }
    }
}

impl NamedOffset {
    /// The offset of that place in the topic. Event times are found in a journal only; other topics end before them.
    pub(crate) fn offset(self, log: &dyn Log, topic: &Topic) -> Result<u64> {
        match self {
            Self::Start => log.bounds(topic).map(|bounds| bounds.start),
            Self::End => log.bounds(topic).map(|bounds| bounds.next),
            Self::Offset(offset) => Ok(offset),
            Self::Time(time) if topic.kind == TopicKind::Journal => find_event_time(log, &topic.tenant, time),
            Self::Time(_) => log.bounds(topic).map(|bounds| bounds.next),
        }
    }

    /// The same where times are those of the append, which every topic has.
    pub(crate) fn offset_by_append(self, log: &dyn Log, topic: &Topic) -> Result<u64> {
        match self {
            Self::Time(time) => log.offset_at(topic, time),
            other => other.offset(log, topic),
        }
    }
}
