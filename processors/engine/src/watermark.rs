//! Event time: how far each source is, and up to where the tenant's log is complete.

use std::collections::BTreeMap;

use bellwether_schemas::Timestamp;

use crate::admission::MAX_SOURCES;
use crate::snapshot::{Misfit, stored};

/// The tenant's watermark: the smallest time of the sources that count, less the lateness allowed. It never falls.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watermark {
    sources: BTreeMap<String, Timestamp>,
    value: Option<Timestamp>,
}

impl Watermark {
    /// One that stands there, and hears of no source any more.
    pub(crate) const fn without_sources(value: Option<Timestamp>) -> Self {
        Self { sources: BTreeMap::new(), value }
    }

    /// Goes there, whatever sources say. True when it moved.
    pub(crate) fn reach(&mut self, time: Timestamp) -> bool {
        let moves = Some(time) > self.value;
        if moves {
            self.value = Some(time);
        }
        moves
    }

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
        self.advance(self.smallest_counting(idle), lateness)
    }

    #[inline]
    fn advance(&mut self, smallest: Timestamp, lateness: i64) -> bool {
        let candidate = Some(smallest.plus(lateness.saturating_neg()));
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

    /// A source of which a whole block comes: how far the others are stands still meanwhile, and is looked up once.
    pub(crate) fn lend<'a>(&self, source: &'a str) -> LentSource<'a> {
        let known = self.sources.get(source).copied();
        let others = match self.sources.len() - usize::from(known.is_some()) {
            0 => None,
            _ => self.others(source).max(),
        };
        LentSource { source, known, others, smallest: None, is_counted: false }
    }

    /// As [`Self::observe`], of the source that was lent; to be ended by [`Self::give_back`].
    #[inline]
    pub(crate) fn observe_lent(
        &mut self,
        lent: &mut LentSource<'_>,
        time: Timestamp,
        idle: i64,
        lateness: i64,
    ) -> bool {
        if lent.known >= Some(time) {
            return false;
        }
        if lent.known.is_none() {
            // Who it takes the place of counts no more, as if it came alone.
            self.begin(lent.source, time);
            lent.others = self.others(lent.source).max();
        }
        lent.known = Some(time);
        let smallest = lent.others.map_or(time, |others| self.smallest_beside(lent, others, time, idle));
        self.advance(smallest, lateness)
    }

    pub(crate) fn give_back(&mut self, lent: &LentSource<'_>) {
        let Some(time) = lent.known else { return };
        match self.sources.get_mut(lent.source) {
            Some(known) => *known = time,
            None => self.begin(lent.source, time),
        }
    }

    fn others<'a>(&'a self, source: &'a str) -> impl Iterator<Item = Timestamp> + 'a {
        self.sources.iter().filter(move |(name, _)| *name != source).map(|(_, time)| *time)
    }

    /// While the largest time rises, others can only stop counting: the smallest of them is known until it does.
    fn smallest_beside(
        &self,
        lent: &mut LentSource<'_>,
        others: Timestamp,
        time: Timestamp,
        idle: i64,
    ) -> Timestamp {
        let largest = others.max(time);
        let counts = |time: &Timestamp| largest.since(*time) <= idle;
        if !lent.is_counted || lent.smallest.is_some_and(|smallest| !counts(&smallest)) {
            lent.smallest = self.others(lent.source).filter(counts).min();
            lent.is_counted = true;
        }
        let own = Some(time).filter(counts);
        own.into_iter().chain(lent.smallest).min().unwrap_or(largest)
    }

    fn smallest_counting(&self, idle: i64) -> Timestamp {
        smallest_counting(self.sources.values().copied(), idle).unwrap_or(Timestamp::MIN)
    }
}

/// The time up to which everything was said, of sources that are each so far: the smallest of those that count. A source
/// counts while it is within `idle` of the furthest one. The watermark lies the lateness allowed behind that time.
#[must_use]
pub fn smallest_counting(sources: impl Iterator<Item = Timestamp> + Clone, idle: i64) -> Option<Timestamp> {
    let largest = sources.clone().max()?;
    sources.filter(|time| largest.since(*time) <= idle).min()
}

/// One source of a watermark while a block of it is folded, apart from the others.
#[derive(Debug)]
pub(crate) struct LentSource<'a> {
    source: &'a str,
    known: Option<Timestamp>,
    /// The furthest of the others.
    others: Option<Timestamp>,
    /// The smallest of the others that count, once it was looked for.
    smallest: Option<Timestamp>,
    is_counted: bool,
}

impl Watermark {
    pub(crate) fn store(&self) -> stored::Watermark {
        let Self { sources, value } = self;
        stored::Watermark {
            sources: sources.iter().map(|(name, time)| (name.clone(), time.0)).collect(),
            value: value.map(|time| time.0),
        }
    }

    pub(crate) fn restore(stored: stored::Watermark) -> Result<Self, Misfit> {
        let stored::Watermark { sources, value } = stored;
        Misfit::unless(sources.len() <= MAX_SOURCES, "event time has too many sources")?;
        Ok(Self {
            sources: sources.into_iter().map(|(name, time)| (name, Timestamp(time))).collect(),
            value: value.map(Timestamp),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn a_source_that_is_lent_moves_it_as_one_that_is_not(
            blocks in prop::collection::vec((0..4_usize, prop::collection::vec(0..60_i64, 0..6)), 1..20),
        ) {
            let (mut one_by_one, mut lent) = (Watermark::default(), Watermark::default());
            for (source, times) in blocks {
                let source = ["a", "b", "c", "d"][source];
                let mut only = lent.lend(source);
                for time in times {
                    let moved = one_by_one.observe(source, at(time), IDLE, LATE);
                    prop_assert_eq!(lent.observe_lent(&mut only, at(time), IDLE, LATE), moved);
                    prop_assert_eq!(lent.value(), one_by_one.value());
                }
                lent.give_back(&only);
                prop_assert_eq!(&lent.sources, &one_by_one.sources);
            }
        }
    }
}
