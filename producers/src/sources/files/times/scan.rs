//! Scanning dates, clocks and offsets: hand-written, because every row has one of each.

use bellwether_schemas::time::{HOUR, MINUTE, SECOND};

/// Years that files may name.
const YEARS: std::ops::RangeInclusive<i64> = 1970..=2261;
/// Digits that fit an `i64` whatever they are, with one more: epochs in nanoseconds have 19.
const MAX_DIGITS: usize = 19;
/// Digits behind a second's point that are kept.
const MICRO_DIGITS: usize = 6;
/// The farthest that a zone lies from UTC.
const MAX_OFFSET: i64 = 18 * HOUR;
/// English names of the months.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Three numbers of a date in the order in which they stand there.
type Numbers = (i64, i64, i64);

/// A place in a text.
pub(super) struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// Passes over this byte if it is the next one.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        self.rest = &self.rest[usize::from(found)..];
        found
    }

    fn take_any(&mut self, bytes: &[u8]) -> Option<u8> {
        let found = *self.rest.first().filter(|byte| bytes.contains(byte))?;
        self.rest = &self.rest[1..];
        Some(found)
    }

    fn spaces(&mut self) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_ascii_start();
        before != self.rest.len()
    }

    /// All digits that follow, as a number, and how many there are.
    pub(super) fn number(&mut self) -> Option<(i64, usize)> {
        let (mut value, mut count) = (0i64, 0);
        while let Some(digit) = self.rest.get(count).map(|byte| byte.wrapping_sub(b'0')).filter(|d| *d < 10) {
            if count == MAX_DIGITS {
                return None;
            }
            value = value.checked_mul(10)?.checked_add(digit.into())?;
            count += 1;
        }
        self.rest = &self.rest[count..];
        (count > 0).then_some((value, count))
    }

    /// So many digits as a number, whatever follows.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let mut value = 0;
        for byte in self.rest.get(..count)? {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + i64::from(digit);
        }
        self.rest = &self.rest[count..];
        Some(value)
    }

    /// A number of one or two digits.
    fn short(&mut self) -> Option<i64> {
        self.number().filter(|(_, count)| *count <= 2).map(|(value, _)| value)
    }

    fn year(&mut self) -> Option<i64> {
        self.number().filter(|(_, count)| *count == 4).map(|(value, _)| value)
    }

    /// Digits behind a point in millionths; further ones are cut off.
    pub(super) fn fraction(&mut self) -> Option<i64> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let kept = digits.min(MICRO_DIGITS);
        let value = self.digits(kept).filter(|_| kept > 0)?;
        self.rest = &self.rest[digits - kept..];
        Some(value * [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1][kept])
    }

    /// `20120201`
    pub(super) fn compact_date(&mut self) -> Option<Numbers> {
        Some((self.digits(4)?, self.digits(2)?, self.digits(2)?))
    }

    /// `2012-02-01`; between the numbers stands twice the same.
    pub(super) fn year_first(&mut self) -> Option<Numbers> {
        let year = self.year()?;
        let separator = self.take_any(b"-./")?;
        let month = self.short()?;
        let day = self.take(separator).then(|| self.short())??;
        Some((year, month, day))
    }

    /// `01.02.2012`
    pub(super) fn year_last(&mut self) -> Option<Numbers> {
        let first = self.short()?;
        let separator = self.take_any(b"-./")?;
        let second = self.short()?;
        let year = self.take(separator).then(|| self.year())??;
        Some((first, second, year))
    }

    /// `Feb 01, 2012` or `01 Feb 2012`, as year, month, day.
    pub(super) fn month_name_date(&mut self) -> Option<Numbers> {
        let (month, day) = match self.month() {
            Some(month) => (month, self.part()?),
            None => {
                let day = self.short()?;
                self.between()?;
                (self.month()?, day)
            }
        };
        self.between()?;
        Some((self.year()?, month, day))
    }

    fn part(&mut self) -> Option<i64> {
        self.between()?;
        self.short()
    }

    /// What stands between the parts of a date with a name: spaces, or one of these signs.
    fn between(&mut self) -> Option<()> {
        let sign = self.take_any(b"-,./").is_some();
        let spaces = self.spaces();
        (sign || spaces).then_some(())
    }

    /// A month's name or the first letters of it, three at least.
    fn month(&mut self) -> Option<i64> {
        let letters = self.rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, rest) = self.rest.split_at(letters);
        let begins =
            |name: &&str| name.as_bytes().get(..letters).is_some_and(|s| s.eq_ignore_ascii_case(word));
        let index = MONTHS.iter().position(|name| letters >= 3 && begins(name))?;
        self.rest = rest;
        Some(index as i64 + 1)
    }

    /// A clock behind `T` or spaces.
    pub(super) fn clock_after_date(&mut self) -> Option<i64> {
        let apart = self.take_any(b"Tt,").is_some() | self.spaces();
        if apart { self.clock() } else { None }
    }

    /// A clock behind a compact date: digits alone, or with colons.
    pub(super) fn compact_clock(&mut self) -> Option<i64> {
        let apart = self.take_any(b"Tt,;").is_some() | self.spaces();
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if apart && digits <= 2 {
            return self.clock();
        }
        let (hour, minute) = (self.digits(2)?, self.digits(2)?);
        let second = if digits > 4 { self.digits(2)? } else { 0 };
        let fraction = match digits {
            4 => 0,
            6 if self.take(b'.') => self.fraction()?,
            6 => 0,
            9 | 12 => self.fraction()?,
            _ => return None,
        };
        checked(hour, minute, second, fraction)
    }

    /// `HH:MM[:SS[.ffffff]][ AM| PM]`
    fn clock(&mut self) -> Option<i64> {
        let hour = self.short()?;
        let minute = self.take(b':').then(|| self.digits(2))??;
        let (mut second, mut fraction) = (0, 0);
        if self.take(b':') {
            second = self.digits(2)?;
            if self.take_any(b".,").is_some() {
                fraction = self.fraction()?;
            }
        }
        let hour = match self.half()? {
            Some(noon) => (1..=12).contains(&hour).then_some(hour % 12 + noon)?,
            None => hour,
        };
        checked(hour, minute, second, fraction)
    }

    /// The hour at which the named half of the day begins. `None` inside: no half is named.
    fn half(&mut self) -> Option<Option<i64>> {
        let word = self.rest.trim_ascii_start();
        let noon = match word.get(..2).map(<[u8]>::to_ascii_uppercase).as_deref() {
            Some(b"AM") => 0,
            Some(b"PM") => 12,
            _ => return Some(None),
        };
        self.rest = &word[2..];
        Some(Some(noon))
    }

    /// Microseconds east of UTC at the text's end. `None` inside: nothing is said.
    pub(super) fn offset(&mut self) -> Option<Option<i64>> {
        self.spaces();
        if self.is_done() {
            return Some(None);
        }
        let named = [&b"UTC"[..], b"GMT", b"Z"].into_iter().find(|name| self.begins(name));
        self.rest = &self.rest[named.map_or(0, <[u8]>::len)..];
        if self.is_done() {
            return Some(Some(0));
        }
        let sign = if self.take_any(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        let minutes = if self.is_done() { 0 } else { self.offset_minutes()? };
        let offset = hours * HOUR + minutes * MINUTE;
        let fits = self.is_done() && offset <= MAX_OFFSET && named != Some(b"Z");
        fits.then_some(Some(sign * offset))
    }

    fn offset_minutes(&mut self) -> Option<i64> {
        self.take(b':');
        self.digits(2).filter(|minutes| *minutes < 60)
    }

    fn begins(&self, name: &[u8]) -> bool {
        self.rest.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
    }
}

/// Microseconds since midnight. A leap second is the first of the next minute.
fn checked(hour: i64, minute: i64, second: i64, fraction: i64) -> Option<i64> {
    let valid = hour < 24 && minute < 60 && second <= 60;
    valid.then_some(hour * HOUR + minute * MINUTE + second * SECOND + fraction)
}

/// Days from 1 January 1970 to a date that the calendar has.
pub(super) fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month - 1).ok().filter(|month| *month < 12)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = LENGTHS[month] + i64::from(leap && month == 1);
    if !YEARS.contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let past = year - 1;
    let leaps = past / 4 - past / 100 + past / 400 - 477;
    Some((year - 1970) * 365 + leaps + BEFORE[month] + i64::from(leap && month > 1) + day - 1)
}
