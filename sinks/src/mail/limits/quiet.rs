//! Quiet hours: from one time of the wall clock to another, in the user's zone or the tenant's. A `from` after its `to`
//! goes over midnight; where both are the same there are none. Times that a change of clocks leaves out or repeats are
//! found as everywhere ([`resolve_local`]).

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::resolve_local;
use chrono::{Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;

/// What becomes of a mail in quiet hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) enum QuietAction {
    /// It is sent at their end.
    Hold,
    /// It is not sent.
    Drop,
    /// It is told in a digest at their end.
    Digest,
}

impl QuietAction {
    /// An action of a newer version holds: nothing is lost by that.
    pub(in crate::mail) fn of(text: &str) -> Self {
        match text {
            "drop" => Self::Drop,
            "digest" => Self::Digest,
            _ => Self::Hold,
        }
    }
}

/// When a user wants no mail, and what to do then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mail) struct Quiet {
    pub(in crate::mail) from: NaiveTime,
    pub(in crate::mail) to: NaiveTime,
    /// Of the wall clock; none: the tenant's.
    pub(in crate::mail) zone: Option<Tz>,
    pub(in crate::mail) action: QuietAction,
}

impl Quiet {
    /// The end of the quiet hours that `now` lies in.
    pub(super) fn end(&self, tenants: Tz, now: Timestamp) -> Option<Timestamp> {
        if self.from == self.to {
            return None;
        }
        let zone = self.zone.unwrap_or(tenants);
        let today = now.utc().with_timezone(&zone).date_naive();
        // Those of yesterday may not be over; a date line may have moved today.
        let days = [today.checked_sub_days(Days::new(1)), Some(today), today.checked_add_days(Days::new(1))];
        let spans = days.into_iter().flatten().map(|day| self.of_day(zone, day));
        spans.filter(|(from, to)| (*from..*to).contains(&now)).map(|(_, to)| to).max()
    }

    /// The quiet hours that begin on that day.
    fn of_day(&self, zone: Tz, day: NaiveDate) -> (Timestamp, Timestamp) {
        let last = if self.to > self.from { Some(day) } else { day.checked_add_days(Days::new(1)) };
        let at = |day: NaiveDate, time| resolve_local(zone, day.and_time(time));
        (at(day, self.from), at(last.unwrap_or(day), self.to))
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::time::{HOUR, MINUTE, parse_zone};
    use chrono::{Offset, TimeZone, Timelike};
    use proptest::prelude::*;

    use super::*;

    fn quiet(from: &str, to: &str, zone: &str) -> Quiet {
        let time = |text: &str| text.parse().unwrap();
        let (from, to, zone) = (time(from), time(to), Some(parse_zone(zone).unwrap()));
        Quiet { from, to, zone, action: QuietAction::Hold }
    }

    fn end(quiet: Quiet, now: &str) -> Option<String> {
        let end = quiet.end(Tz::UTC, now.parse().unwrap());
        end.map(|end| end.utc().format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    #[test]
    fn quiet_hours_end_on_the_users_clock_and_may_go_over_midnight() {
        let night = quiet("22:00", "07:00", "Asia/Kolkata");
        assert_eq!(end(night, "2026-03-04T16:29:59Z"), None);
        assert_eq!(end(night, "2026-03-04T16:30:00Z").unwrap(), "2026-03-05T01:30:00Z");
        assert_eq!(end(night, "2026-03-05T01:29:59Z").unwrap(), "2026-03-05T01:30:00Z");
        assert_eq!(end(night, "2026-03-05T01:30:00Z"), None);
        let lunch = quiet("12:00", "13:30", "Asia/Dubai");
        assert_eq!(end(lunch, "2026-03-04T08:00:00Z").unwrap(), "2026-03-04T09:30:00Z");
        assert_eq!(end(lunch, "2026-03-04T21:00:00Z"), None);
    }

    #[test]
    fn a_user_without_a_zone_has_the_tenants() {
        let night = Quiet { zone: None, ..quiet("22:00", "07:00", "UTC") };
        let now = "2026-03-04T18:30:00Z".parse().unwrap();
        assert_eq!(night.end(Tz::UTC, now), None);
        assert!(night.end(Tz::Asia__Dubai, now).is_some());
    }

    #[test]
    fn an_end_that_clocks_leave_out_is_the_first_instant_after_the_gap() {
        // New York, 2026-03-08: 02:00 to 03:00 does not exist.
        let night = quiet("22:00", "02:30", "America/New_York");
        assert_eq!(end(night, "2026-03-08T05:00:00Z").unwrap(), "2026-03-08T07:00:00Z");
        let nothing = quiet("02:10", "02:50", "America/New_York");
        assert_eq!(end(nothing, "2026-03-08T07:00:00Z"), None);
    }

    #[test]
    fn an_end_that_comes_twice_is_the_first() {
        // New York, 2026-11-01: 01:00 to 02:00 comes twice.
        let night = quiet("22:00", "01:30", "America/New_York");
        assert_eq!(end(night, "2026-11-01T05:00:00Z").unwrap(), "2026-11-01T05:30:00Z");
        assert_eq!(end(night, "2026-11-01T05:30:00Z"), None);
    }

    #[test]
    fn from_and_to_at_one_time_are_no_quiet_hours() {
        assert_eq!(end(quiet("07:00", "07:00", "UTC"), "2026-03-04T07:00:00Z"), None);
    }

    const ZONES: [&str; 9] = [
        "UTC",
        "Asia/Kolkata",
        "Asia/Dubai",
        "America/New_York",
        "America/Santiago",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Pacific/Apia",
        "Europe/Dublin",
    ];

    proptest! {
        /// By the wall clock alone, wherever no clocks changed within two days.
        #[test]
        fn it_is_quiet_exactly_while_the_wall_clock_is_between_the_two(
            zone in prop::sample::select(&ZONES[..]), from in 0..1440_u32, to in 0..1440_u32,
            minute in 0..5_000_000_i64,
        ) {
            let zone = parse_zone(zone).unwrap();
            let now = Timestamp(1_700_000_000_000_000).floor(MINUTE).plus(minute * MINUTE);
            let offset = |hours: i64| {
                zone.offset_from_utc_datetime(&now.plus(hours * HOUR).utc().naive_utc()).fix()
            };
            prop_assume!((-48..=48).all(|hours| offset(hours) == offset(0)));
            let time = |minute: u32| NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).unwrap();
            let quiet = Quiet { from: time(from), to: time(to), zone: Some(zone), action: QuietAction::Hold };
            let local = now.utc().with_timezone(&zone).time();
            let minute = local.hour() * 60 + local.minute();
            // Minutes since it began, of those it lasts.
            let (since, lasts) = ((1440 + minute - from) % 1440, (1440 + to - from) % 1440);
            let expected = (since < lasts).then(|| now.plus(i64::from(lasts - since) * MINUTE));
            let seconds = i64::from(local.second()) * 1_000_000;
            prop_assert_eq!(quiet.end(Tz::UTC, now), expected.map(|end| end.plus(-seconds)));
        }
    }
}
