//! Day or month first, where no date of a file tells: the right one makes the shorter steps from row to row.

use super::{Moment, TimeStyle, parse};

/// How many times as far the rows must be apart in the wrong order.
const FARTHER: i64 = 4;

/// How far the rows of a file are apart in all, in each of the two orders.
#[derive(Debug, Default)]
pub(in crate::sources::files) struct Orders {
    day_first: Steps,
    month_first: Steps,
}

/// The steps between rows in one of them, microseconds.
#[derive(Debug, Default)]
struct Steps {
    before: Option<i64>,
    total: i64,
}

impl Orders {
    /// Takes the next row's time into account, if it can be read in both orders.
    pub(in crate::sources::files) fn add(&mut self, text: &str) {
        let at = |style| match parse(style, text)? {
            Moment::Utc(micros) | Moment::Local(micros) => Some(micros),
        };
        if let (Some(day_first), Some(month_first)) = (at(TimeStyle::DayFirst), at(TimeStyle::MonthFirst)) {
            self.day_first.add(day_first);
            self.month_first.add(month_first);
        }
    }

    /// The order whose steps are far shorter, if one is.
    pub(in crate::sources::files) const fn shorter(&self) -> Option<TimeStyle> {
        let (day, month) = (self.day_first.total, self.month_first.total);
        match () {
            () if day.saturating_mul(FARTHER) < month => Some(TimeStyle::DayFirst),
            () if month.saturating_mul(FARTHER) < day => Some(TimeStyle::MonthFirst),
            () => None,
        }
    }
}

impl Steps {
    fn add(&mut self, micros: i64) {
        if let Some(before) = self.before.replace(micros) {
            self.total = self.total.saturating_add(micros.saturating_sub(before).saturating_abs());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shorter(times: &[&str]) -> Option<TimeStyle> {
        let mut orders = Orders::default();
        times.iter().for_each(|time| orders.add(time));
        orders.shorter()
    }

    #[test]
    fn days_that_follow_each_other_tell_the_order_and_one_day_does_not() {
        assert_eq!(
            shorter(&["2/1/2012 23:59", "2/2/2012 0:00", "2/3/2012 0:00"]),
            Some(TimeStyle::MonthFirst)
        );
        assert_eq!(shorter(&["3/2/2012 0:00", "2/2/2012 0:00", "1/2/2012 0:00"]), Some(TimeStyle::DayFirst));
        assert_eq!(shorter(&["2/1/2012 0:05", "2/1/2012 0:06"]), None);
        assert_eq!(shorter(&[]), None);
    }
}
