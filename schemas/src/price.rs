//! Prices on the wire: integers with a decimal scale, so that no text loses a digit.

use serde::{Deserialize, Serialize};

/// Most decimals a price may have.
pub const MAX_SCALE: u8 = 9;

/// A decimal number without loss: `mantissa / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// All digits as one integer, with the sign.
    pub mantissa: i64,
    /// How many of them stand behind the point, at most [`MAX_SCALE`].
    pub scale: u8,
}

/// Powers of ten by scale.
const POWERS: [i64; MAX_SCALE as usize + 1] =
    [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

/// Why a text is not a price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Not a plain decimal number.
    #[error("{0:?} is not a decimal number")]
    NotANumber(String),
    /// More decimals than are carried.
    #[error("{0:?} has more than {MAX_SCALE} decimals")]
    TooManyDecimals(String),
    /// More digits than fit.
    #[error("{0:?} has too many digits")]
    TooLarge(String),
}

impl Price {
    /// Reads a decimal text without loss. Trailing zeros are kept: `1.50` has scale 2.
    ///
    /// # Errors
    /// What is not a plain decimal, or has more digits or decimals than are carried.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        let text = text.trim();
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let numeric = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !numeric(whole) || !numeric(fraction) {
            return Err(PriceError::NotANumber(text.into()));
        }
        let scale = u8::try_from(fraction.len()).ok().filter(|s| *s <= MAX_SCALE);
        let scale = scale.ok_or_else(|| PriceError::TooManyDecimals(text.into()))?;
        let mantissa = whole
            .bytes()
            .chain(fraction.bytes())
            .try_fold(0i64, |sum, digit| sum.checked_mul(10)?.checked_add(i64::from(digit - b'0')));
        let mantissa = mantissa.ok_or_else(|| PriceError::TooLarge(text.into()))?;
        Ok(Self { mantissa: sign * mantissa, scale })
    }

    /// The value: one division.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn value(self) -> f64 {
        value(self.mantissa, self.scale)
    }

    /// The same price with exactly this scale; `None` when it does not fit or would lose digits.
    #[must_use]
    pub fn rescale(self, scale: u8) -> Option<Self> {
        if scale > MAX_SCALE || self.scale > MAX_SCALE {
            return None;
        }
        if scale >= self.scale {
            let mantissa = self.mantissa.checked_mul(POWERS[usize::from(scale - self.scale)])?;
            return Some(Self { mantissa, scale });
        }
        let power = POWERS[usize::from(self.scale - scale)];
        (self.mantissa % power == 0).then_some(Self { mantissa: self.mantissa / power, scale })
    }
}

/// `mantissa / 10^scale`; NaN for a scale beyond [`MAX_SCALE`], which the engine refuses as malformed.
#[must_use]
#[inline]
#[allow(clippy::cast_precision_loss)]
pub fn value(mantissa: i64, scale: u8) -> f64 {
    match POWERS.get(usize::from(scale)) {
        Some(power) => mantissa as f64 / *power as f64,
        None => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_reads_to_the_double_of_its_text() {
        for text in ["1.57597", "0.00001", "109987.5", "1", "1.", ".5", "1.123456789"] {
            assert_eq!(Price::parse(text).unwrap().value(), text.parse::<f64>().unwrap(), "{text}");
        }
    }

    #[test]
    fn what_is_no_price_says_why() {
        assert!(matches!(Price::parse("1.0000000001"), Err(PriceError::TooManyDecimals(_))));
        assert!(matches!(Price::parse("99999999999999999999"), Err(PriceError::TooLarge(_))));
        for bad in ["", ".", "-", "abc", "1e5", "NaN", "inf", "1.2.3", "1 2"] {
            assert!(matches!(Price::parse(bad), Err(PriceError::NotANumber(_))), "{bad}");
        }
    }
}
