//! How many ticks of one symbol shared a time: a tick alert's trigger is named by it.

use std::collections::BTreeMap;

use crate::snapshot::{Misfit, stored};
use bellwether_schemas::Timestamp;

/// Accepted ticks by time. The newest time is always counted; older ones, which can still come again while their
/// minute is open, only while some alert looks at the symbol's ticks.
#[derive(Debug, Clone, Default)]
pub(crate) struct SameTime {
    newest: Option<(Timestamp, u32)>,
    older: BTreeMap<Timestamp, u32>,
}

impl SameTime {
    /// Counts a tick; how many came before it with the same time.
    #[inline]
    pub(crate) fn count(&mut self, ts: Timestamp, keep_older: bool) -> u32 {
        match &mut self.newest {
            Some((newest, count)) if *newest == ts => {
                *count += 1;
                *count
            }
            Some((newest, _)) if *newest > ts => self.count_older(ts, keep_older),
            _ => self.renew(ts, keep_older),
        }
    }

    fn renew(&mut self, ts: Timestamp, keep_older: bool) -> u32 {
        if let Some((time, count)) = self.newest.replace((ts, 0))
            && keep_older
        {
            self.older.insert(time, count);
        }
        0
    }

    fn count_older(&mut self, ts: Timestamp, keep_older: bool) -> u32 {
        if !keep_older {
            return 0;
        }
        match self.older.get_mut(&ts) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => {
                self.older.insert(ts, 0);
                0
            }
        }
    }

    /// Ticks before this time are late from here on.
    pub(crate) fn forget_before(&mut self, time: Timestamp) {
        if self.older.first_key_value().is_some_and(|(first, _)| *first < time) {
            self.older = self.older.split_off(&time);
        }
    }
}

/// More ticks of one time than any source sends: counts of them never overflow.
const MOST: u32 = 1 << 31;

impl SameTime {
    pub(crate) fn store(&self) -> stored::SameTime {
        let Self { newest, older } = self;
        let count = |(time, count): (&Timestamp, &u32)| (time.0, *count);
        stored::SameTime {
            newest: newest.map(|(time, count)| (time.0, count)),
            older: older.iter().map(count).collect(),
        }
    }

    pub(crate) fn restore(stored: stored::SameTime) -> Result<Self, Misfit> {
        let stored::SameTime { newest, older } = stored;
        let are_few = newest.iter().chain(&older).all(|(_, count)| *count <= MOST);
        Misfit::unless(are_few, "more ticks share a time than can be")?;
        Ok(Self {
            newest: newest.map(|(time, count)| (Timestamp(time), count)),
            older: older.into_iter().map(|(time, count)| (Timestamp(time), count)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_one_time_are_counted_whatever_comes_between() {
        let mut times = SameTime::default();
        let counts: Vec<u32> =
            [5, 5, 6, 5, 4, 6, 4].into_iter().map(|ts| times.count(Timestamp(ts), true)).collect();
        assert_eq!(counts, [0, 1, 0, 2, 0, 1, 1]);
        times.forget_before(Timestamp(5));
        assert_eq!(times.older.len(), 1);
    }
}
