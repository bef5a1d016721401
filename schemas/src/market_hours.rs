//! When a symbol's market is open. Foreign exchange and what trades beside it open on Sunday at 17:00 in New York and
//! close on Friday at 17:00 there; what is marked so trades around the clock. Holidays are not known.

use chrono::{Days, NaiveTime};
use chrono_tz::Tz;

use crate::settings::SymbolSettings;
use crate::time::{SessionAnchor, Span, Timeframe, Timestamp, YEAR_1, resolve_local};

/// The hours of one market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarketHours {
    /// Around the clock, on every day.
    Always,
    /// From Sunday to Friday, 17:00 in New York.
    ForeignExchange,
}

impl From<&SymbolSettings> for MarketHours {
    fn from(symbol: &SymbolSettings) -> Self {
        if symbol.always_open { Self::Always } else { Self::ForeignExchange }
    }
}

impl MarketHours {
    /// Whether it is open at that instant: it opens with its first instant, and is closed from its last on.
    #[must_use]
    pub fn is_open(self, at: Timestamp) -> bool {
        match self {
            Self::Always => true,
            Self::ForeignExchange => at < open_week(at).close,
        }
    }

    /// For how long it was open from `from` to `to`, microseconds: 0 where `to` is no later.
    #[must_use]
    pub fn open_between(self, from: Timestamp, to: Timestamp) -> i64 {
        match self {
            Self::Always => to.since(from).max(0),
            Self::ForeignExchange => open_weeks(from, to).map(|week| overlap(week, from, to)).sum(),
        }
    }
}

const FX: SessionAnchor = SessionAnchor::FX;

/// The weeks of foreign exchange that hold some time between the two.
fn open_weeks(from: Timestamp, to: Timestamp) -> impl Iterator<Item = Span> {
    // Only these years have sessions; a hostile record may carry any number.
    let (from, to) = (from.max(YEAR_1), to.min(Timestamp::MAX));
    let next = |week: &Span| Some(FX.span(Timeframe::W1, week.close));
    let weeks = std::iter::successors(Some(FX.span(Timeframe::W1, from)), next);
    weeks.take_while(move |week| week.open < to).map(|week| open_week(week.open))
}

fn overlap(week: Span, from: Timestamp, to: Timestamp) -> i64 {
    week.close.min(to).since(week.open.max(from)).max(0)
}

/// The open part of the week that holds `at`.
fn open_week(at: Timestamp) -> Span {
    const ZONE: Tz = Tz::America__New_York;
    let week = FX.span(Timeframe::W1, at);
    if !(YEAR_1..=Timestamp::MAX).contains(&at) {
        return week;
    }
    let sunday = week.open.utc().with_timezone(&ZONE).date_naive();
    let five_o_clock = NaiveTime::from_hms_opt(17, 0, 0).unwrap_or(NaiveTime::MIN);
    let friday = sunday.checked_add_days(Days::new(5)).map(|friday| friday.and_time(five_o_clock));
    Span { open: week.open, close: friday.map_or(week.close, |friday| resolve_local(ZONE, friday)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, HOUR};

    const FX: MarketHours = MarketHours::ForeignExchange;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn foreign_exchange_is_open_from_sunday_to_friday_in_new_york() {
        for (time, open) in [
            ("2026-03-06T21:59:59Z", true),  // Friday, 16:59:59 in winter
            ("2026-03-06T22:00:00Z", false), // 17:00
            ("2026-03-07T12:00:00Z", false), // Saturday
            ("2026-03-08T20:59:59Z", false), // Sunday, 16:59:59 in summer since the morning
            ("2026-03-08T21:00:00Z", true),
            ("2026-03-13T20:59:59Z", true),
            ("2026-03-13T21:00:00Z", false),
            ("2026-11-01T21:59:59Z", false), // winter again
            ("2026-11-01T22:00:00Z", true),
        ] {
            assert_eq!(FX.is_open(at(time)), open, "{time}");
            assert!(MarketHours::Always.is_open(at(time)));
        }
    }

    #[test]
    fn a_weekend_is_no_time_in_which_anything_grows_old() {
        let (friday, monday) = (at("2026-03-06T21:00:00Z"), at("2026-03-09T01:00:00Z"));
        assert_eq!(FX.open_between(friday, monday), 5 * HOUR);
        assert_eq!(MarketHours::Always.open_between(friday, monday), monday.since(friday));
        assert_eq!(FX.open_between(monday, friday), 0);
        assert_eq!(FX.open_between(at("2026-03-07T00:00:00Z"), at("2026-03-08T00:00:00Z")), 0);
    }

    #[test]
    fn a_year_has_fifty_two_weeks_of_five_days() {
        let (from, to) = (at("2026-01-04T22:00:00Z"), at("2027-01-03T22:00:00Z"));
        assert_eq!(FX.open_between(from, to), 52 * 5 * DAY);
    }

    #[test]
    fn any_number_has_an_answer() {
        for time in [Timestamp::MIN, Timestamp(i64::MAX), Timestamp::MAX, Timestamp(0)] {
            let _ = (FX.is_open(time), FX.open_between(time, time.plus(DAY)));
        }
    }
}
