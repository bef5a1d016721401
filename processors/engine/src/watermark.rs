//! Event time: how far each source is, and up to where the tenant's log is complete.

use std::collections::BTreeMap;

use bellwether_schemas::Timestamp;
use serde::{Deserialize, Serialize};

use crate::admission::MAX_SOURCES;

/// The tenant's watermark: the smallest time of the sources that count, less the lateness allowed. It never falls.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Watermark {
    sources: BTreeMap<String, Timestamp>,
    value: Option<Timestamp>,
}

impl Watermark {
    /// Where it stands; before the first time of any source nothing is complete.
    pub(crate) fn value(&self) -> Timestamp {
        self.value.unwrap_or(Timestamp::MIN)
    }

    /// The source says that it is this far. True when the watermark moved.
    pub(crate) fn observe(&mut self, source: &str, time: Timestamp, idle: i64, lateness: i64) -> bool {
        match self.sources.get_mut(source) {
            Some(known) if *known >= time => return false,
            Some(known) => *known = time,
            None => self.begin(source, time),
        }
        let candidate = Some(self.smallest_counting(idle).plus(lateness.saturating_neg()));
        if candidate <= self.value {
            return false;
        }
        self.value = candidate;
        true
    }

    /// Where there are too many sources the one furthest behind is forgotten.
    fn begin(&mut self, source: &str, time: Timestamp) {
        if self.sources.len() == MAX_SOURCES {
            let furthest = self.sources.iter().min_by_key(|(_, time)| **time).map(|(name, _)| name.clone());
            furthest.map(|name| self.sources.remove(&name));
        }
        self.sources.insert(source.into(), time);
    }

    /// A source counts while it is within `idle` of the furthest one.
    fn smallest_counting(&self, idle: i64) -> Timestamp {
        let largest = self.sources.values().copied().max().unwrap_or(Timestamp::MIN);
        let counting = self.sources.values().copied().filter(|time| largest.since(*time) <= idle);
        counting.min().unwrap_or(largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: i64 = 10_000_000;
    const LATE: i64 = 2_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000)
    }

    #[test]
    fn one_source_is_its_time_less_lateness_and_never_falls() {
        let mut mark = Watermark::default();
        assert!(mark.observe("a", at(100), IDLE, LATE));
        assert_eq!(mark.value(), at(98));
        assert!(!mark.observe("a", at(99), IDLE, LATE));
        assert_eq!(mark.value(), at(98));
    }

    #[test]
    fn the_slowest_counting_source_holds_it_until_it_is_idle() {
        let mut mark = Watermark::default();
        mark.observe("a", at(100), IDLE, LATE);
        mark.observe("b", at(105), IDLE, LATE);
        assert_eq!(mark.value(), at(98));
        mark.observe("b", at(110), IDLE, LATE);
        assert_eq!(mark.value(), at(98));
        mark.observe("b", at(111), IDLE, LATE);
        assert_eq!(mark.value(), at(109));
        assert!(!mark.observe("a", at(105), IDLE, LATE));
        assert_eq!(mark.value(), at(109), "it does not fall when a source comes back behind it");
    }
}
