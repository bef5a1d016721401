//! Which topics are gone, told apart from those that brokers do not name yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bellwether_schemas::Topic;
use tokio::time::Instant;

/// A topic that has been missing for so long is gone. A broker that has just started answers before it knows of every
/// topic, and on a busy machine that lasts.
const GONE_AFTER: Duration = Duration::from_secs(5);

/// Topics that were missing at the last look, and since when.
#[derive(Debug, Default)]
pub(super) struct Absent(BTreeMap<Topic, Instant>);

impl Absent {
    /// Takes in which topics are there now; those of the wanted ones that are gone.
    pub(super) fn look(
        &mut self,
        wanted: &BTreeSet<Topic>,
        there: &BTreeSet<Topic>,
        now: Instant,
    ) -> BTreeSet<Topic> {
        self.0.retain(|topic, _| wanted.contains(topic) && !there.contains(topic));
        for topic in wanted.difference(there) {
            self.0.entry(topic.clone()).or_insert(now);
        }
        let gone = self.0.iter().filter(|(_, since)| now.duration_since(**since) >= GONE_AFTER);
        gone.map(|(topic, _)| topic.clone()).collect()
    }

    /// Nothing was missing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(names: &[&str]) -> BTreeSet<Topic> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn what_is_missing_for_a_moment_is_not_gone_and_what_stays_away_is() {
        let (both, one) =
            (topics(&["fxlabs.journal.v1", "hextech.journal.v1"]), topics(&["fxlabs.journal.v1"]));
        let (mut absent, begun) = (Absent::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert!(absent.look(&both, &one, at(0)).is_empty());
        assert!(absent.look(&both, &one, at(4)).is_empty());
        assert!(absent.look(&both, &both, at(5)).is_empty() && absent.is_empty(), "it was only starting");
        assert!(absent.look(&both, &one, at(6)).is_empty());
        assert_eq!(absent.look(&both, &one, at(11)), topics(&["hextech.journal.v1"]));
        assert!(absent.look(&one, &one, at(12)).is_empty() && absent.is_empty(), "nobody wants it any more");
    }
}
