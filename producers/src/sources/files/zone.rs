//! Zones of files that name local times, and what these are in UTC when the clocks change.

mod clock;

use std::fmt;
use std::str::FromStr;

use bellwether_schemas::time::SECOND;
use chrono::offset::LocalResult;
use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

pub(super) use clock::Clock;

/// Seconds of an hour.
const HOUR: i32 = 3600;
/// The farthest that a zone lies from UTC.
const FARTHEST: i32 = 14 * HOUR;
/// Abbreviations that stand for an offset all year, whatever the places that use them do.
const FIXED: [(&str, i32); 6] =
    [("UTC", 0), ("GMT", 0), ("Z", 0), ("EST", -5 * HOUR), ("MST", -7 * HOUR), ("HST", -10 * HOUR)];

/// The zone of a file's local times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// So many seconds east of UTC, all year.
    Fixed(i32),
    /// A place's clocks.
    Area(Tz),
}

/// Which way a file's times run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first, or read from its end.
    Backward,
}

/// Why a text is no zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a zone: use UTC, ±HH:MM or an area's name such as {nearest}")]
pub struct UnknownZone {
    /// The text that was given.
    pub given: String,
    /// The zone whose name is most like it.
    pub nearest: &'static str,
}

/// Why a local time has no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// The clocks were put forward over it.
    #[error("{} does not exist in {zone}: the clocks were put forward over it", wall(*.local))]
    Skipped {
        /// Microseconds of wall clock, as if in UTC.
        local: i64,
        /// Whose clocks.
        zone: Zone,
    },
    /// Before or after every time that a calendar names.
    #[error("the time is out of every calendar's range")]
    OutOfRange,
}

impl Zone {
    /// Coordinated Universal Time.
    pub const UTC: Self = Self::Fixed(0);
    /// Eastern Standard Time all year.
    pub const EST: Self = Self::Fixed(-5 * HOUR);

    /// The instant of a local time, both in microseconds. Where the clocks were put back a local time comes twice:
    /// it is the first of the two in the file's direction that does not go back behind `previous`, the row before.
    ///
    /// # Errors
    /// The clocks were put forward over this time.
    pub fn utc(&self, local: i64, previous: Option<i64>, direction: Direction) -> Result<i64, ZoneError> {
        let (early, late) = self.instants(local)?;
        let (first, second, goes_back): (_, _, fn(i64, i64) -> bool) = match direction {
            Direction::Forward => (early, late, |instant, previous| instant < previous),
            Direction::Backward => (late, early, |instant, previous| instant > previous),
        };
        let wrong = previous.is_some_and(|row| goes_back(first, row) && !goes_back(second, row));
        Ok(if wrong { second } else { first })
    }

    /// The earlier and the later instant of a local time; nearly always the same.
    fn instants(&self, local: i64) -> Result<(i64, i64), ZoneError> {
        let tz = match self {
            Self::Fixed(east) => {
                let instant = local.checked_sub(i64::from(*east) * SECOND).ok_or(ZoneError::OutOfRange)?;
                return Ok((instant, instant));
            }
            Self::Area(tz) => tz,
        };
        let naive = naive(local).ok_or(ZoneError::OutOfRange)?;
        let instant = |east: i32| local - i64::from(east) * SECOND;
        match tz.offset_from_local_datetime(&naive).map(|offset| offset.fix().local_minus_utc()) {
            LocalResult::Single(east) => Ok((instant(east), instant(east))),
            LocalResult::Ambiguous(a, b) => Ok((instant(a.max(b)), instant(a.min(b)))),
            LocalResult::None => Err(ZoneError::Skipped { local, zone: *self }),
        }
    }
}

fn naive(local: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(local).map(|time| time.naive_utc())
}

/// A local time as people write it.
fn wall(local: i64) -> String {
    naive(local).map_or_else(|| local.to_string(), |time| time.to_string())
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(0) => f.write_str("UTC"),
            Self::Area(tz) => f.write_str(tz.name()),
            Self::Fixed(east) => {
                let sign = if *east < 0 { '-' } else { '+' };
                let minutes = east.abs() / 60;
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        let name = text.trim();
        let fixed = FIXED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        if let Some(east) = fixed.map(|(_, east)| *east).or_else(|| offset(name)) {
            return Ok(Self::Fixed(east));
        }
        let area = TZ_VARIANTS.iter().find(|tz| tz.name().eq_ignore_ascii_case(name));
        let unknown = || UnknownZone { given: text.into(), nearest: nearest(name) };
        area.map(|tz| Self::Area(*tz)).ok_or_else(unknown)
    }
}

/// `+02`, `-05:30`, `+0530`, also behind `UTC` or `GMT`.
fn offset(text: &str) -> Option<i32> {
    let named = text.get(..3).is_some_and(|name| ["UTC", "GMT"].iter().any(|n| n.eq_ignore_ascii_case(name)));
    let signed = if named { text.get(3..)?.trim_start() } else { text };
    let (sign, digits) = match signed.strip_prefix(['-', '\u{2212}']) {
        Some(digits) => (-1, digits),
        None => (1, signed.strip_prefix('+')?),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "00"),
    };
    let number = |text: &str, least: usize| {
        let digits = (least..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<i32>().ok() } else { None }
    };
    let minutes = number(minutes, 2).filter(|minutes| *minutes < 60)?;
    let east = number(hours, 1)? * HOUR + minutes * 60;
    (east <= FARTHEST).then_some(sign * east)
}

/// The area whose name, or last part of it, takes the fewest changes.
fn nearest(given: &str) -> &'static str {
    let given: Vec<char> = given.chars().take(64).collect();
    let distance = |name: &&str| {
        let city = name.rsplit_once('/').map_or(*name, |(_, city)| city);
        changes(&given, name).min(changes(&given, city))
    };
    TZ_VARIANTS.iter().map(|tz| tz.name()).min_by_key(distance).unwrap_or("Europe/Athens")
}

/// How many letters must be changed, put in or taken out to make `b` of `a`, whatever their case.
fn changes(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, theirs) in b.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, ours) in a.iter().enumerate() {
            let changed = diagonal + usize::from(!ours.eq_ignore_ascii_case(&theirs));
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
