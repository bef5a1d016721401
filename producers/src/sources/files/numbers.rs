//! Prices as the world writes them: decimal point or comma, exponents, thousands separators, and the
//! binary artefacts of programs that print doubles.

use bellwether_schemas::Price;
use bellwether_schemas::price::MAX_SCALE;

/// What stands between a number's whole part and its decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecimalSign {
    /// `1234.56`
    Point,
    /// `1234,56`
    Comma,
}

/// How much of a number's text its price holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exactness {
    /// All of it.
    Exact,
    /// What is left of it as a double of 15 significant digits: `1.5759800000000002` is 1.57598.
    Shortened,
    /// Its first nine decimals; half goes to the even neighbour.
    Rounded,
}

/// Why a text is not a price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NumberError {
    /// No decimal number in any spelling.
    #[error("{0:?} is not a decimal number")]
    NotANumber(String),
    /// One separator before three digits: thousands or decimals.
    #[error("{text:?} can be read in two ways: is {separator:?} the decimal sign?")]
    Ambiguous {
        /// The number.
        text: String,
        /// What may separate thousands or decimals.
        separator: char,
    },
    /// More digits than fit.
    #[error("{0:?} has too many digits")]
    TooLarge(String),
}

/// Digits of a number that fit an `i64` whatever they are.
const SAFE_DIGITS: usize = 18;
/// Characters of a refused text that are shown.
const SHOWN: usize = 40;
/// Digits behind the point of a double written as `d.dde±x`: with the first, the 15 that every double keeps.
const DOUBLE_DECIMALS: u8 = 14;
/// Largest exponent that is told from its neighbours; far beyond what a price can hold.
const MAX_EXPONENT: i64 = 9999;

impl DecimalSign {
    const fn mark(self) -> u8 {
        match self {
            Self::Point => b'.',
            Self::Comma => b',',
        }
    }

    /// The sign that separates thousands where this one separates decimals.
    const fn other(self) -> char {
        match self {
            Self::Point => ',',
            Self::Comma => '.',
        }
    }
}

/// The decimal sign under which most of these cells are numbers; a point where both do.
pub(super) fn sign_of<'a>(samples: impl Iterator<Item = &'a [u8]>) -> DecimalSign {
    let reads = |sample, sign| i64::from(price(sample, sign).is_ok());
    let lead: i64 =
        samples.map(|text| reads(text, DecimalSign::Point) - reads(text, DecimalSign::Comma)).sum();
    if lead < 0 { DecimalSign::Comma } else { DecimalSign::Point }
}

/// Reads a number. Trailing zeros are kept up to nine decimals: `1.50` has scale 2.
///
/// # Errors
/// No number, one that can be read in two ways, or more digits than a price holds.
pub(super) fn price<T: AsRef<[u8]> + ?Sized>(
    text: &T,
    sign: DecimalSign,
) -> Result<(Price, Exactness), NumberError> {
    let text = text.as_ref().trim_ascii();
    match plain(text, sign.mark()).or_else(|| plain(without_zeros(text, sign.mark())?, sign.mark())) {
        Some(price) => Ok((price, Exactness::Exact)),
        None => spelled(&decoded(text), sign),
    }
}

/// The short form that nearly every number has.
#[inline]
fn plain(text: &[u8], mark: u8) -> Option<Price> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if digits.len() > SAFE_DIGITS + 1 {
        return None;
    }
    let (mut mantissa, mut point) = (0u64, None);
    for (at, byte) in digits.iter().enumerate() {
        match byte.wrapping_sub(b'0') {
            digit @ 0..=9 => mantissa = mantissa * 10 + u64::from(digit),
            _ if *byte == mark && point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    let decimals = point.map_or(0, |at| digits.len() - at - 1);
    let count = digits.len() - usize::from(point.is_some());
    let scale = u8::try_from(decimals).ok().filter(|scale| *scale <= MAX_SCALE)?;
    let mantissa = i64::try_from(mantissa).ok()?;
    let fits = (1..=SAFE_DIGITS).contains(&count);
    fits.then_some(Price { mantissa: if negative { -mantissa } else { mantissa }, scale })
}

/// The number with nine decimals, where all further ones are zeros.
fn without_zeros(text: &[u8], mark: u8) -> Option<&[u8]> {
    let point = text.iter().position(|byte| *byte == mark)?;
    let (number, zeros) = text.split_at_checked(point + 1 + usize::from(MAX_SCALE))?;
    zeros.iter().all(|byte| *byte == b'0').then_some(number)
}

/// Text of the bytes. A lone `0xA0` is the no-break space of Windows' code pages.
fn decoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Every other spelling: sign, whole part in groups, decimals, exponent.
fn spelled(text: &str, sign: DecimalSign) -> Result<(Price, Exactness), NumberError> {
    let text = text.trim();
    let no_number = || NumberError::NotANumber(shown(text));
    let (negative, rest) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (number, exponent) = match rest.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent_of(exponent).ok_or_else(no_number)?)),
        None => (rest, None),
    };
    let (whole, decimals) = match number.split_once(char::from(sign.mark())) {
        Some((whole, decimals)) => (whole, Some(decimals)),
        None => (number, None),
    };
    if is_open(whole, decimals, sign) {
        return Err(NumberError::Ambiguous { text: shown(text), separator: sign.other() });
    }
    let mut digits = ungrouped(whole, sign).ok_or_else(no_number)?;
    let decimals = decimals.unwrap_or("");
    let grouped = digits.len() != whole.len();
    let empty = digits.is_empty() && decimals.is_empty();
    if empty || !is_digits(decimals) || (grouped && exponent.is_some()) {
        return Err(no_number());
    }
    digits.push_str(decimals);
    let places = i64::try_from(decimals.len()).unwrap_or(i64::MAX) - exponent.unwrap_or(0);
    let found = Decimal { digits, places }.price().ok_or_else(|| NumberError::TooLarge(shown(text)))?;
    let (Price { mantissa, scale }, exactness) = found;
    Ok((Price { mantissa: if negative { -mantissa } else { mantissa }, scale }, exactness))
}

fn exponent_of(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !is_digits(digits) {
        return None;
    }
    let size = digits.parse().unwrap_or(MAX_EXPONENT).min(MAX_EXPONENT);
    Some(if negative { -size } else { size })
}

/// Whether `1,234` stands there alone, which is one thousand or one and a bit.
fn is_open(whole: &str, decimals: Option<&str>, sign: DecimalSign) -> bool {
    let groups = whole.split_once(sign.other());
    decimals.is_none() && groups.is_some_and(|(first, last)| is_digits(first) && is_group(last))
}

/// The digits of a whole part without its thousands separators; none where these are not regular.
fn ungrouped(whole: &str, sign: DecimalSign) -> Option<String> {
    let Some(separator) = whole.chars().find(|c| !c.is_ascii_digit()) else { return Some(whole.into()) };
    let spaces = [' ', '\u{a0}', '\u{2009}', '\u{202f}', '\'', '\u{2019}', '_'];
    if separator != sign.other() && !spaces.contains(&separator) {
        return None;
    }
    let mut groups = whole.split(separator);
    let first = groups.next()?;
    let regular = (1..=3).contains(&first.len()) && is_digits(first) && !first.starts_with('0');
    let mut digits = String::from(first);
    for group in groups {
        if !regular || !is_group(group) {
            return None;
        }
        digits.push_str(group);
    }
    Some(digits)
}

fn is_group(text: &str) -> bool {
    text.len() == 3 && is_digits(text)
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// Decimal digits of which `places` stand behind the point; a negative number of zeros is missing.
struct Decimal {
    digits: String,
    places: i64,
}

impl Decimal {
    fn price(mut self) -> Option<(Price, Exactness)> {
        self.drop_zeros(MAX_SCALE.into());
        if self.places <= MAX_SCALE.into() {
            return Some((self.exact()?, Exactness::Exact));
        }
        let mut short = self.shortened()?;
        short.drop_zeros(0);
        if short.places <= MAX_SCALE.into() && short.digits != "0" {
            return Some((short.exact()?, Exactness::Shortened));
        }
        Some((short.rounded()?, Exactness::Rounded))
    }

    /// Drops zeros at the end while there are more decimals than `places`.
    fn drop_zeros(&mut self, places: i64) {
        if self.digits.bytes().all(|digit| digit == b'0') {
            self.places = self.places.clamp(0, MAX_SCALE.into());
            self.digits = String::from("0");
            return;
        }
        while self.places > places && self.digits.ends_with('0') {
            self.digits.pop();
            self.places -= 1;
        }
    }

    /// The same number, if it fits with or without the zeros at its end.
    fn exact(mut self) -> Option<Price> {
        if let Some(price) = self.mantissa() {
            return Some(price);
        }
        self.drop_zeros(0);
        self.mantissa()
    }

    fn mantissa(&self) -> Option<Price> {
        let missing = usize::try_from(-self.places).unwrap_or(0);
        let mut digits = self.digits.bytes().chain(std::iter::repeat_n(b'0', missing));
        let mantissa =
            digits.try_fold(0i64, |sum, digit| sum.checked_mul(10)?.checked_add((digit - b'0').into()))?;
        Some(Price { mantissa, scale: u8::try_from(self.places.max(0)).ok()? })
    }

    /// The nearest double, written with 15 significant digits.
    fn shortened(&self) -> Option<Self> {
        let double: f64 = format!("{}e{}", self.digits, -self.places).parse().ok()?;
        let written = format!("{double:.*e}", usize::from(DOUBLE_DECIMALS));
        let (number, exponent) = written.split_once('e')?;
        let exponent: i64 = exponent.parse().ok()?;
        Some(Self { digits: number.replace('.', ""), places: i64::from(DOUBLE_DECIMALS) - exponent })
    }

    /// Nine decimals; what is exactly half goes to the even neighbour.
    fn rounded(self) -> Option<Price> {
        let cut = usize::try_from(self.places.saturating_sub(MAX_SCALE.into())).unwrap_or(0);
        let kept = self.digits.len().saturating_sub(cut);
        let (digits, rest) = (&self.digits[..kept], &self.digits[kept..]);
        let leading = if rest.len() == cut { rest } else { "0" };
        let mantissa = digits.parse::<i64>().unwrap_or(0);
        let half = leading.starts_with('5') && leading[1..].bytes().all(|digit| digit == b'0');
        let up = leading.as_bytes().first() >= Some(&b'5') && (!half || mantissa % 2 == 1);
        Some(Price { mantissa: mantissa + i64::from(up), scale: MAX_SCALE })
    }
}

#[cfg(test)]
mod tests;
