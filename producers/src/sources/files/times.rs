//! Times as files write them. A file has one style; some of its cells tell which.

mod orders;
mod scan;

use bellwether_schemas::time::{DAY, SECOND};

pub(super) use orders::Orders;
use scan::{Scan, days};

/// The first day that is past every time a file may name: 1 January 2262.
const DAYS_END: i64 = 106_651;
/// Seconds since 1970 that a bare number is taken for: from March 1973. Smaller ones count something else.
const EPOCHS: std::ops::Range<i64> = 100_000_000..DAYS_END * (DAY / SECOND);
/// Nine digits, the shortest such number.
const EPOCH_DIGITS: usize = 9;

/// A point in time as a cell names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// Microseconds since 1970 in UTC.
    Utc(i64),
    /// What a clock on the wall showed, in the same microseconds: it needs a zone.
    Local(i64),
}

/// How the times of one file are written. Clock and offset may follow any date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeStyle {
    /// `20120201`, then `[ ,T]0005`, `000500`, `000500123` or a clock with colons.
    Compact,
    /// `2012-02-01`, `2012.02.01` or `2012/02/01`; RFC 3339 is one of these.
    YearFirst,
    /// `01.02.2012`, `1/2/2012` or `01-02-2012` for the first of February.
    DayFirst,
    /// The same three for the second of January.
    MonthFirst,
    /// `Feb 01, 2012`, `01 Feb 2012` or `01-Feb-2012`.
    MonthName,
    /// A number of these since 1970, with or without decimals.
    Epoch(Unit),
}

/// What a bare number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// `1328054400`
    Seconds,
    /// `1328054400000`
    Millis,
    /// `1328054400000000`
    Micros,
    /// `1328054400000000000`
    Nanos,
}

/// Why the style of a file's times is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum StyleError {
    /// Most cells are no times.
    #[error("{0:?} is not a time")]
    Unknown(String),
    /// No cell tells which of two numbers is the month.
    #[error("{0:?}: day or month first?")]
    DayOrMonthFirst(String),
}

impl TimeStyle {
    /// In the order in which they are tried: a cell counts for the first that can read it.
    const ALL: [Self; 9] = [
        Self::Compact,
        Self::YearFirst,
        Self::DayFirst,
        Self::MonthFirst,
        Self::MonthName,
        Self::Epoch(Unit::Seconds),
        Self::Epoch(Unit::Millis),
        Self::Epoch(Unit::Micros),
        Self::Epoch(Unit::Nanos),
    ];
}

impl Unit {
    /// How many make a second.
    const fn per_second(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Millis => 1_000,
            Self::Micros => 1_000_000,
            Self::Nanos => 1_000_000_000,
        }
    }
}

/// What the cells of a column of times tell about their style.
#[derive(Default)]
struct Votes<'a> {
    styles: [usize; TimeStyle::ALL.len()],
    unknown: usize,
    first_unknown: Option<&'a [u8]>,
    first_open: Option<&'a [u8]>,
    open: usize,
}

/// The style that most of these cells are written in.
///
/// # Errors
/// Most are no times, or all leave open whether the day or the month comes first.
pub(super) fn style_of<'a, T: AsRef<[u8]> + ?Sized + 'a>(
    samples: impl Iterator<Item = &'a T>,
) -> Result<TimeStyle, StyleError> {
    let mut votes = Votes::default();
    samples.for_each(|sample| votes.add(sample.as_ref()));
    votes.winner()
}

impl<'a> Votes<'a> {
    fn add(&mut self, sample: &'a [u8]) {
        let reads = |style: &TimeStyle| parse(*style, sample).is_some();
        if is_open(sample) {
            self.open += 1;
            self.first_open.get_or_insert(sample);
        } else if let Some(index) = TimeStyle::ALL.iter().position(reads) {
            self.styles[index] += 1;
        } else {
            self.unknown += 1;
            self.first_unknown.get_or_insert(sample);
        }
    }

    /// Cells that leave the order open count for whichever of the two orders others show.
    fn winner(&self) -> Result<TimeStyle, StyleError> {
        let votes =
            |style| TimeStyle::ALL.iter().zip(self.styles).find(|(s, _)| **s == style).map_or(0, |v| v.1);
        let (day, month) = (votes(TimeStyle::DayFirst), votes(TimeStyle::MonthFirst));
        let ordered = day + month + self.open;
        let others = TimeStyle::ALL.into_iter().zip(self.styles);
        let others =
            others.filter(|(style, _)| !matches!(style, TimeStyle::DayFirst | TimeStyle::MonthFirst));
        let (best, count) = others.rev().max_by_key(|(_, count)| *count).unwrap_or((TimeStyle::YearFirst, 0));
        if self.unknown > count.max(ordered) || count.max(ordered) == 0 {
            return Err(StyleError::Unknown(shown(self.first_unknown)));
        }
        match () {
            () if count >= ordered => Ok(best),
            () if day > month => Ok(TimeStyle::DayFirst),
            () if month > day => Ok(TimeStyle::MonthFirst),
            () => Err(StyleError::DayOrMonthFirst(shown(self.first_open))),
        }
    }
}

/// Whether the cell can be read day first and month first. Points always mean that the day is first.
fn is_open(sample: &[u8]) -> bool {
    let reads = |style| parse(style, sample).is_some();
    let dotted = sample.iter().find(|byte| !byte.is_ascii_digit()) == Some(&b'.');
    !dotted && reads(TimeStyle::DayFirst) && reads(TimeStyle::MonthFirst)
}

fn shown(sample: Option<&[u8]>) -> String {
    String::from_utf8_lossy(sample.unwrap_or_default()).chars().take(40).collect()
}

/// Reads a time of this style, of the years 1970 to 2261.
#[inline]
pub(super) fn parse<T: AsRef<[u8]> + ?Sized>(style: TimeStyle, text: &T) -> Option<Moment> {
    let text = text.as_ref().trim_ascii();
    match style {
        TimeStyle::Epoch(unit) => epoch(text, unit),
        _ => calendar(text, style),
    }
}

/// A number of units since 1970. Decimals count down to the microsecond.
fn epoch(text: &[u8], unit: Unit) -> Option<Moment> {
    let mut scan = Scan::new(text);
    let (whole, digits) = scan.number()?;
    let seconds = whole / unit.per_second();
    if digits < EPOCH_DIGITS || !EPOCHS.contains(&seconds) {
        return None;
    }
    let micros = match unit {
        Unit::Nanos => whole / 1_000,
        _ => whole * (SECOND / unit.per_second()),
    };
    let fraction = if scan.take(b'.') { scan.fraction()? / unit.per_second() } else { 0 };
    scan.is_done().then_some(Moment::Utc(micros + fraction))
}

/// A date, and a clock and an offset where they follow.
fn calendar(text: &[u8], style: TimeStyle) -> Option<Moment> {
    let mut scan = Scan::new(text);
    let (year, month, day) = match style {
        TimeStyle::Compact => scan.compact_date()?,
        TimeStyle::YearFirst => scan.year_first()?,
        TimeStyle::DayFirst => scan.year_last().map(|(day, month, year)| (year, month, day))?,
        TimeStyle::MonthFirst => scan.year_last().map(|(month, day, year)| (year, month, day))?,
        _ => scan.month_name_date()?,
    };
    let midnight = days(year, month, day)? * DAY;
    if scan.is_done() {
        return Some(Moment::Local(midnight));
    }
    let clock = match style {
        TimeStyle::Compact => scan.compact_clock()?,
        _ => scan.clock_after_date()?,
    };
    let local = midnight + clock;
    match scan.offset()? {
        Some(offset) => Some(Moment::Utc(local - offset)),
        None => Some(Moment::Local(local)),
    }
}

#[cfg(test)]
mod tests;
