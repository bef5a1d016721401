//! Event time: microseconds UTC, timeframes, and where bars begin and end.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day of 24 hours.
pub const DAY: i64 = 24 * HOUR;

/// Why a text is not the time it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text is no RFC 3339 time.
    #[error("{0:?} is not an RFC 3339 time such as 2012-02-01T00:05:00Z")]
    Timestamp(String),
    /// Not one of the eight.
    #[error("{0:?} is not a timeframe: use 1M 5M 15M 30M 1H 4H 1D 1W")]
    Timeframe(String),
    /// The text is not of the form `HH:MM Zone/Name`.
    #[error("{0:?} is not an anchor such as \"17:00 America/New_York\"")]
    Anchor(String),
    /// The zone database has no such name.
    #[error("{0:?} is not a zone of the IANA database, such as Asia/Kolkata")]
    Zone(String),
}

/// UTC microseconds since 1970. Text forms are RFC 3339 with six decimals and `Z`; on the wire it is a long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// A time before every other: where nothing has happened yet.
    pub const MIN: Self = Self(i64::MIN);
    /// After every time that has a calendar date.
    pub const MAX: Self = Self(253_402_300_799_999_999);

    /// This time and so many microseconds more, held at the ends of the range.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `other` to this, held at the ends of the range.
    #[must_use]
    pub const fn since(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }

    /// The last multiple of `step` microseconds at or before this time.
    #[must_use]
    #[inline]
    pub const fn floor(self, step: i64) -> Self {
        Self(self.0.saturating_sub(self.0.rem_euclid(step)))
    }

    /// As chrono's UTC time; times beyond its calendar become its ends.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        let end = if self.0 < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        DateTime::from_timestamp_micros(self.0).unwrap_or(end)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.utc().format("%Y-%m-%dT%H:%M:%S%.6fZ").fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let time = DateTime::parse_from_rfc3339(text).map_err(|_| TimeError::Timestamp(text.into()))?;
        Ok(Self(time.timestamp_micros()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// The length of a bar. `M` is minutes: the ancestor's codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Timeframe {
    /// One minute, aligned to UTC.
    M1,
    /// Five minutes, aligned to UTC.
    M5,
    /// Fifteen minutes, aligned to UTC.
    M15,
    /// Thirty minutes, aligned to UTC.
    M30,
    /// One hour, aligned to UTC.
    H1,
    /// Four hours from the session's anchor.
    H4,
    /// A day of the session.
    D1,
    /// A week of the session, from Sunday's anchor.
    W1,
}

impl Timeframe {
    /// All eight, short to long.
    pub const ALL: [Self; 8] =
        [Self::M1, Self::M5, Self::M15, Self::M30, Self::H1, Self::H4, Self::D1, Self::W1];

    /// Its place in [`Self::ALL`], from 0: what arrays by timeframe are indexed with.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The code that tables and records carry.
    #[must_use]
    pub const fn code(self) -> &'static str {
        ["1M", "5M", "15M", "30M", "1H", "4H", "1D", "1W"][self as usize]
    }

    /// Its length in microseconds on a day without a change of clocks.
    #[must_use]
    pub const fn nominal(self) -> i64 {
        [MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 4 * HOUR, DAY, 7 * DAY][self as usize]
    }

    /// The five tracker kinds read a stored `1M` as `5M`.
    #[must_use]
    pub const fn for_trackers(self) -> Self {
        match self {
            Self::M1 => Self::M5,
            other => other,
        }
    }
}

impl fmt::Display for Timeframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Timeframe {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let upper = text.to_ascii_uppercase();
        let found = Self::ALL.into_iter().find(|tf| {
            let code = tf.code();
            let (digits, unit) = code.split_at(code.len() - 1);
            upper == code || upper == format!("{unit}{digits}")
        });
        found.ok_or_else(|| TimeError::Timeframe(text.into()))
    }
}

impl TryFrom<String> for Timeframe {
    type Error = TimeError;
    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<Timeframe> for String {
    fn from(timeframe: Timeframe) -> Self {
        timeframe.code().into()
    }
}

/// A zone by its IANA name.
///
/// # Errors
/// Names that the zone database pinned in this binary does not have.
pub fn parse_zone(name: &str) -> Result<Tz, TimeError> {
    name.parse().map_err(|_| TimeError::Zone(name.into()))
}

/// The instant of a local wall-clock time: total. In a gap the first instant after it; where it occurs twice
/// the first.
#[must_use]
pub fn resolve_local(zone: Tz, local: NaiveDateTime) -> Timestamp {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Timestamp::from(time.to_utc()),
        LocalResult::None => first_after_gap(zone, local),
    }
}

/// Zones change their offset at most by a day (Apia skipped one): the last valid minute before the gap tells
/// the offset that ended there, and the first instant after it is found by halving.
fn first_after_gap(zone: Tz, local: NaiveDateTime) -> Timestamp {
    let (mut before, mut after) = (local - Duration::hours(30), local + Duration::hours(30));
    let instant = |naive: NaiveDateTime| zone.from_utc_datetime(&naive).naive_local();
    // In UTC the local clock is monotonic around a gap: find the first second whose local time is ≥ `local`.
    while after - before > Duration::seconds(1) {
        let middle = before + (after - before) / 2;
        if instant(middle) >= local {
            after = middle;
        } else {
            before = middle;
        }
    }
    let whole = after.and_utc().timestamp();
    Timestamp(whole * SECOND)
}

/// The first instant of a calendar that sessions are computed for: 0001-01-01T00:00:00Z.
pub(crate) const YEAR_1: Timestamp = Timestamp(-62_135_596_800 * SECOND);

/// Where days, and with them 4H and 1W bars, begin: a wall-clock time in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionAnchor {
    minute_of_day: u32,
    zone: Tz,
}

/// `[open, close)` of one bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First instant that belongs to the bar.
    pub open: Timestamp,
    /// First instant that does not belong to it any more.
    pub close: Timestamp,
}

impl SessionAnchor {
    /// The foreign-exchange day: 17:00 in New York.
    pub const FX: Self = Self { minute_of_day: 17 * 60, zone: Tz::America__New_York };
    /// For symbols that trade around the clock.
    pub const UTC: Self = Self { minute_of_day: 0, zone: Tz::UTC };

    /// The bar of `timeframe` that holds `time`. Total: a hostile record may carry any number, so times outside
    /// the years 1 to 9999, which have no session, lie on a plain grid.
    #[must_use]
    pub fn span(&self, timeframe: Timeframe, time: Timestamp) -> Span {
        let has_sessions = (YEAR_1..=Timestamp::MAX).contains(&time);
        match timeframe {
            Timeframe::H4 if has_sessions => self.four_hours(time),
            Timeframe::D1 if has_sessions => self.day(time).0,
            Timeframe::W1 if has_sessions => self.week(time),
            any => {
                let open = time.floor(any.nominal());
                Span { open, close: open.plus(any.nominal()) }
            }
        }
    }

    /// The session day that holds `time`, and the local date it begins on.
    fn day(&self, time: Timestamp) -> (Span, NaiveDate) {
        let local = self.zone.from_utc_datetime(&time.utc().naive_utc());
        let mut date = local.date_naive();
        // The anchor of the local date may lie after `time`, and a date line may hide a day: step to fit.
        while self.open_of(date) > time {
            date -= Duration::days(1);
        }
        while self.open_of(date + Duration::days(1)) <= time {
            date += Duration::days(1);
        }
        (Span { open: self.open_of(date), close: self.open_of(date + Duration::days(1)) }, date)
    }

    fn week(&self, time: Timestamp) -> Span {
        let date = self.day(time).1;
        let sunday = date - Duration::days(i64::from(date.weekday().num_days_from_sunday()));
        Span { open: self.open_of(sunday), close: self.open_of(sunday + Duration::days(7)) }
    }

    fn four_hours(&self, time: Timestamp) -> Span {
        let day = self.day(time).0;
        let step = Timeframe::H4.nominal();
        let open = day.open.plus(time.since(day.open) / step * step);
        Span { open, close: open.plus(step).min(day.close) }
    }

    fn open_of(&self, date: NaiveDate) -> Timestamp {
        let midnight = date.and_time(chrono::NaiveTime::MIN);
        resolve_local(self.zone, midnight + Duration::minutes(i64::from(self.minute_of_day)))
    }
}

impl fmt::Display for SessionAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02} {}", self.minute_of_day / 60, self.minute_of_day % 60, self.zone)
    }
}

impl FromStr for SessionAnchor {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let error = || TimeError::Anchor(text.into());
        let (clock, zone) = text.trim().split_once(' ').ok_or_else(error)?;
        let (hour, minute) = clock.split_once(':').ok_or_else(error)?;
        let hour: u32 = hour.parse().map_err(|_| error())?;
        let minute: u32 = minute.parse().map_err(|_| error())?;
        if hour > 23 || minute > 59 {
            return Err(error());
        }
        Ok(Self { minute_of_day: hour * 60 + minute, zone: parse_zone(zone.trim())? })
    }
}

impl TryFrom<String> for SessionAnchor {
    type Error = TimeError;
    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<SessionAnchor> for String {
    fn from(anchor: SessionAnchor) -> Self {
        anchor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn span(anchor: SessionAnchor, timeframe: Timeframe, time: &str) -> (String, String) {
        let span = anchor.span(timeframe, at(time));
        (span.open.to_string(), span.close.to_string())
    }

    fn pair(open: &str, close: &str) -> (String, String) {
        (at(open).to_string(), at(close).to_string())
    }

    #[test]
    fn times_are_written_with_six_decimals_and_z() {
        assert_eq!(at("2012-02-01T00:05:00Z").to_string(), "2012-02-01T00:05:00.000000Z");
        assert_eq!(at("2012-02-01T01:05:00.5+01:00").to_string(), "2012-02-01T00:05:00.500000Z");
    }

    #[test]
    fn timeframes_read_both_spellings() {
        for (text, timeframe) in
            [("1M", Timeframe::M1), ("M1", Timeframe::M1), ("h4", Timeframe::H4), ("1W", Timeframe::W1)]
        {
            assert_eq!(text.parse::<Timeframe>().unwrap(), timeframe);
        }
        assert!("2H".parse::<Timeframe>().is_err());
    }

    #[test]
    fn short_timeframes_align_to_utc() {
        let got = span(SessionAnchor::FX, Timeframe::M15, "2012-02-01T00:29:59.999999Z");
        assert_eq!(got, pair("2012-02-01T00:15:00Z", "2012-02-01T00:30:00Z"));
        let got = span(SessionAnchor::FX, Timeframe::H1, "2012-02-01T01:00:00Z");
        assert_eq!(got, pair("2012-02-01T01:00:00Z", "2012-02-01T02:00:00Z"));
    }

    #[test]
    fn the_fx_day_follows_new_york() {
        let got = span(SessionAnchor::FX, Timeframe::D1, "2012-02-01T21:59:59Z");
        assert_eq!(got, pair("2012-01-31T22:00:00Z", "2012-02-01T22:00:00Z"));
        // 2012-03-11 clocks go forward: the day from Saturday's to Sunday's anchor has 23 hours.
        let got = span(SessionAnchor::FX, Timeframe::D1, "2012-03-11T12:00:00Z");
        assert_eq!(got, pair("2012-03-10T22:00:00Z", "2012-03-11T21:00:00Z"));
        let got = span(SessionAnchor::FX, Timeframe::H4, "2012-03-11T20:30:00Z");
        assert_eq!(got, pair("2012-03-11T18:00:00Z", "2012-03-11T21:00:00Z"));
        // 2012-11-04 clocks go back: 25 hours, the seventh 4H bar has one.
        let got = span(SessionAnchor::FX, Timeframe::H4, "2012-11-04T21:10:00Z");
        assert_eq!(got, pair("2012-11-04T21:00:00Z", "2012-11-04T22:00:00Z"));
    }

    #[test]
    fn weeks_run_from_sundays_anchor() {
        let got = span(SessionAnchor::FX, Timeframe::W1, "2012-02-01T00:00:00Z");
        assert_eq!(got, pair("2012-01-29T22:00:00Z", "2012-02-05T22:00:00Z"));
        let got = span(SessionAnchor::UTC, Timeframe::W1, "2012-02-05T00:00:00Z");
        assert_eq!(got, pair("2012-02-05T00:00:00Z", "2012-02-12T00:00:00Z"));
    }

    #[test]
    fn a_local_time_in_a_gap_is_the_first_instant_after_it_and_one_that_occurs_twice_the_first() {
        let local = |zone: &str, text: &str| {
            resolve_local(parse_zone(zone).unwrap(), text.parse().unwrap()).to_string()
        };
        assert_eq!(local("America/New_York", "2026-03-08T02:30:00"), "2026-03-08T07:00:00.000000Z");
        assert_eq!(local("America/New_York", "2026-11-01T01:30:00"), "2026-11-01T05:30:00.000000Z");
        assert_eq!(local("America/Santiago", "2026-09-06T00:00:00"), "2026-09-06T04:00:00.000000Z");
        assert_eq!(local("Australia/Lord_Howe", "2026-04-05T01:45:00"), "2026-04-04T14:45:00.000000Z");
        assert_eq!(local("Pacific/Apia", "2011-12-30T09:00:00"), "2011-12-30T10:00:00.000000Z");
    }

    #[test]
    fn anchors_are_checked() {
        assert_eq!("17:00 America/New_York".parse::<SessionAnchor>().unwrap(), SessionAnchor::FX);
        assert!("24:00 UTC".parse::<SessionAnchor>().is_err());
        assert!(matches!("17:00 Mars/Base".parse::<SessionAnchor>(), Err(TimeError::Zone(_))));
    }
}
