//! A place in a log, as people name it: an offset, an event time, `start` or `end`.

use std::str::FromStr;

use bellwether_runtime::log::{Log, Result, find_event_time};
use bellwether_schemas::{Timestamp, Topic};

/// Where to begin or end reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Start,
    End,
    Offset(u64),
    EventTime(Timestamp),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "start" => Ok(Self::Start),
            "end" => Ok(Self::End),
            _ => match (text.parse(), text.parse()) {
                (Ok(offset), _) => Ok(Self::Offset(offset)),
                (_, Ok(time)) => Ok(Self::EventTime(time)),
                _ => Err(format!("{text:?} is not an offset, an RFC 3339 time, start or end")),
            },
        }
    }
}

impl Place {
    /// The offset of that place in the topic. Event times are found in the tenant's journal only.
    pub(crate) fn offset(self, log: &dyn Log, topic: &Topic) -> Result<u64> {
        match self {
            Self::Start => log.bounds(topic).map(|bounds| bounds.start),
            Self::End => log.bounds(topic).map(|bounds| bounds.next),
            Self::Offset(offset) => Ok(offset),
            Self::EventTime(time) => find_event_time(log, topic, time),
        }
    }
}
