//! On which days and at which hours an alert fired, in UTC.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::{DAY, HOUR};

/// Hours of a day.
const HOURS: usize = 24;

/// Counts by day and by hour of the day.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct When {
    /// Days since 1970, those without a trigger left out.
    pub days: BTreeMap<i64, u64>,
    /// From midnight to midnight.
    pub hours: [u64; HOURS],
}

/// The days that had a bar.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Days {
    last: i64,
    days: BTreeSet<i64>,
}

impl Days {
    #[inline]
    pub(super) fn add(&mut self, at: Timestamp) {
        let day = at.plus(-1).0.div_euclid(DAY);
        if day != self.last {
            self.last = day;
            self.days.insert(day);
        }
    }

    /// Days since 1970, in order.
    #[must_use]
    pub const fn all(&self) -> &BTreeSet<i64> {
        &self.days
    }
}

impl When {
    pub(super) fn add(&mut self, at: Timestamp) {
        *self.days.entry(at.0.div_euclid(DAY)).or_default() += 1;
        let hour = usize::try_from(at.0.rem_euclid(DAY) / HOUR).unwrap_or(0);
        if let Some(count) = self.hours.get_mut(hour) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_microsecond_of_a_day_belongs_to_its_last_hour() {
        let mut when = When::default();
        for time in ["2012-02-01T23:59:59.999999Z", "2012-02-02T00:00:00Z"] {
            when.add(time.parse().unwrap());
        }
        assert_eq!((when.hours[23], when.hours[0]), (1, 1));
        assert_eq!(when.days.keys().copied().collect::<Vec<_>>(), [15_371, 15_372]);
    }
}
