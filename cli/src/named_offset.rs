//! A place in a log, as people name it: an offset, a time, `start` or `end`.

use std::ops::Range;
use std::str::FromStr;

use bellwether_runtime::journal::find_event_time;
use bellwether_runtime::log::{Log, Result};
use bellwether_schemas::{Timestamp, Topic, TopicKind};

use crate::exit::{Coded, USAGE};

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

    /// The journal's records between two such places, of which there is one at least, unless the journal has none: "the
    /// same" and "identical" are no answers to a question about nothing.
    ///
    /// # Errors
    /// The log is out of reach; or the places are in the wrong order, or outside of the journal.
    pub(crate) fn span(from: Self, to: Self, log: &dyn Log, journal: &Topic) -> anyhow::Result<Range<u64>> {
        let bounds = log.bounds(journal)?;
        let range = from.offset(log, journal)?..to.offset(log, journal)?.min(bounds.next);
        if bounds.start < bounds.next && range.start.max(bounds.start) >= range.end {
            let message = format!(
                "nothing lies between --from (offset {}) and --to (offset {}): {journal} has offsets {} to {}",
                range.start,
                range.end,
                bounds.start,
                bounds.next - 1
            );
            return Err(Coded { code: USAGE, message }.into());
        }
        Ok(range)
    }

    /// Whether nothing can lie between the two, as far as they tell by themselves.
    pub(crate) const fn is_backwards(from: Self, to: Self) -> bool {
        match (from, to) {
            (Self::End, _) | (_, Self::Start) => true,
            (Self::Offset(from), Self::Offset(to)) => from > to,
            (Self::Time(from), Self::Time(to)) => from.0 > to.0,
            _ => false,
        }
    }

    /// Its offset, where times are those of the append, which every topic has.
    pub(crate) fn offset_by_append(self, log: &dyn Log, topic: &Topic) -> Result<u64> {
        match self {
            Self::Time(time) => log.offset_at(topic, time),
            other => other.offset(log, topic),
        }
    }
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::clock::Clock;
    use bellwether_runtime::log::{Access, NewRecord, open};

    use super::*;

    fn place(text: &str) -> NamedOffset {
        text.parse().unwrap()
    }

    #[test]
    fn a_span_of_nothing_is_refused_unless_there_is_nothing_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let log =
            open(&format!("embedded:{}", dir.path().display()), Access::Write, Clock::system()).unwrap();
        let journal = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Journal);
        log.create(&journal).unwrap();
        let span = |from, to| NamedOffset::span(place(from), place(to), log.as_ref(), &journal);
        assert_eq!(span("start", "end").unwrap(), 0..0, "an empty journal is identical to itself");
        let record = NewRecord { key: Vec::new(), value: b"any".to_vec() };
        log.append(&journal, vec![record; 5]).wait().unwrap();
        assert_eq!(span("start", "end").unwrap(), 0..5);
        assert_eq!(span("2", "99").unwrap(), 2..5);
        for (from, to) in
            [("3", "2"), ("2", "2"), ("end", "end"), ("5", "end"), ("0", "start"), ("99", "200")]
        {
            let refused = span(from, to).unwrap_err();
            let coded = refused.downcast_ref::<Coded>().unwrap();
            assert_eq!(coded.code, USAGE);
            assert!(coded.message.contains("fxlabs.journal.v1 has offsets 0 to 4"), "{from} {to}: {refused}");
        }
    }

    #[test]
    fn what_is_backwards_shows_as_far_as_both_places_are_of_one_kind() {
        let is_backwards = |from, to| NamedOffset::is_backwards(place(from), place(to));
        let (early, late) = ("2024-01-02T00:00:00Z", "2024-01-03T00:00:00Z");
        for (from, to) in [("end", "end"), ("start", "start"), ("end", late), ("7", "6"), (late, early)] {
            assert!(is_backwards(from, to), "{from} {to}");
        }
        for (from, to) in [("start", "end"), ("7", "7"), (early, early), (early, late), ("7", early)] {
            assert!(!is_backwards(from, to), "{from} {to}");
        }
    }
}
