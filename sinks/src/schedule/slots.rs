//! When something is due that is owed once on each day of a tenant's calendar. Nothing is planned ahead: every instant
//! follows from a date, a zone and a time of day, by the zone data in this binary.

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::resolve_local;
use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;

/// A time of day by the clocks of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyTime {
    /// Whose clocks and calendar.
    pub zone: Tz,
    /// The time of day that those clocks show.
    pub time: NaiveTime,
}

/// What is owed for one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// The day of the zone's calendar.
    pub date: NaiveDate,
    /// The instant at which it is due.
    pub due: Timestamp,
}

impl DailyTime {
    /// What is due on that day: in a gap of the clocks at the first instant after it, where the time occurs twice at
    /// the first. None where the zone's calendar has no such day.
    #[must_use]
    pub fn slot(self, date: NaiveDate) -> Option<Slot> {
        let begins = resolve_local(self.zone, date.and_time(NaiveTime::MIN));
        let due = resolve_local(self.zone, date.and_time(self.time));
        (self.date_at(begins) == date).then_some(Slot { date, due })
    }

    /// The first slot that is due after `now`.
    #[must_use]
    pub fn next(self, now: Timestamp) -> Option<Slot> {
        self.dates_from(self.day_before(now)?).find(|slot| slot.due > now)
    }

    /// The last slot that is due at `now` or was before.
    #[must_use]
    pub fn last(self, now: Timestamp) -> Option<Slot> {
        // A day that does not exist may lie between.
        let from = self.day_before(now)?.checked_sub_days(chrono::Days::new(2))?;
        self.dates_from(from).take_while(|slot| slot.due <= now).last()
    }

    /// Every slot of a day after `after` that is due at `now` or was before, in the order of their days.
    #[must_use]
    pub fn due(self, after: NaiveDate, now: Timestamp) -> Vec<Slot> {
        let Some(from) = after.succ_opt() else { return Vec::new() };
        self.dates_from(from).take_while(|slot| slot.due <= now).collect()
    }

    fn date_at(self, instant: Timestamp) -> NaiveDate {
        instant.utc().with_timezone(&self.zone).date_naive()
    }

    /// Far enough back for whatever is due next: a gap may carry what is owed for one day into the next.
    fn day_before(self, now: Timestamp) -> Option<NaiveDate> {
        self.date_at(now).pred_opt()
    }

    fn dates_from(self, date: NaiveDate) -> impl Iterator<Item = Slot> {
        date.iter_days().filter_map(move |date| self.slot(date))
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::time::parse_zone;

    use super::*;

    fn daily(zone: &str, time: &str) -> DailyTime {
        DailyTime { zone: parse_zone(zone).unwrap(), time: time.parse().unwrap() }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn due(zone: &str, time: &str, date: &str) -> Option<String> {
        daily(zone, time).slot(day(date)).map(|slot| slot.due.to_string())
    }

    fn instant(text: &str) -> Option<String> {
        Some(text.parse::<Timestamp>().unwrap().to_string())
    }

    #[test]
    fn the_example_tenants_nine_o_clock() {
        assert_eq!(due("Asia/Kolkata", "09:00:00", "2026-03-04"), instant("2026-03-04T03:30:00Z"));
        assert_eq!(due("Asia/Dubai", "09:00:00", "2026-03-04"), instant("2026-03-04T05:00:00Z"));
    }

    #[test]
    fn a_time_in_a_gap_is_due_right_after_it_on_the_same_date() {
        for (zone, time, date, utc) in [
            ("America/New_York", "02:30:00", "2026-03-08", "2026-03-08T07:00:00Z"),
            ("America/Santiago", "00:00:00", "2026-09-06", "2026-09-06T04:00:00Z"),
            ("Africa/Cairo", "00:00:00", "2026-04-24", "2026-04-23T22:00:00Z"),
            ("Asia/Beirut", "00:00:00", "2026-03-29", "2026-03-28T22:00:00Z"),
            ("Africa/Casablanca", "02:30:00", "2026-03-22", "2026-03-22T02:00:00Z"),
        ] {
            assert_eq!(due(zone, time, date), instant(utc), "{zone}");
        }
    }

    #[test]
    fn a_time_that_occurs_twice_is_due_at_the_first() {
        for (zone, time, date, utc) in [
            ("America/New_York", "01:30:00", "2026-11-01", "2026-11-01T05:30:00Z"),
            ("America/Santiago", "23:30:00", "2026-04-04", "2026-04-05T02:30:00Z"),
            ("Africa/Casablanca", "02:30:00", "2026-02-15", "2026-02-15T01:30:00Z"),
            ("Australia/Lord_Howe", "01:45:00", "2026-04-05", "2026-04-04T14:45:00Z"),
        ] {
            assert_eq!(due(zone, time, date), instant(utc), "{zone}");
        }
    }

    #[test]
    fn a_day_that_the_calendar_skipped_owes_nothing() {
        let apia = daily("Pacific/Apia", "09:00:00");
        assert_eq!(apia.slot(day("2011-12-30")), None);
        let now = "2011-12-30T20:00:00Z".parse().unwrap();
        let days: Vec<NaiveDate> = apia.due(day("2011-12-28"), now).iter().map(|slot| slot.date).collect();
        assert_eq!(days, [day("2011-12-29"), day("2011-12-31")]);
        assert_eq!(apia.last("2011-12-30T18:00:00Z".parse().unwrap()).unwrap().date, day("2011-12-29"));
    }

    #[test]
    fn what_is_due_at_this_instant_is_not_what_comes_next() {
        let kolkata = daily("Asia/Kolkata", "09:00:00");
        let at = "2026-03-04T03:30:00Z".parse().unwrap();
        assert_eq!(kolkata.last(at).unwrap().date, day("2026-03-04"));
        assert_eq!(kolkata.next(at).unwrap().date, day("2026-03-05"));
        let before = Timestamp(at.0 - 1);
        assert_eq!(kolkata.last(before).unwrap().date, day("2026-03-03"));
        assert_eq!(kolkata.next(before).unwrap().due, at);
        assert_eq!(kolkata.due(day("2026-03-03"), before), []);
    }
}
