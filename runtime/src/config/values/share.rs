//! A part of all.

use std::str::FromStr;

use serde::Deserialize;

use super::of_text;

/// `0%` to `100%`, with decimals where wanted: `0.5%`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Share(f64);

impl Eq for Share {}

impl Share {
    /// All of them.
    pub const ALL: Self = Self(100.0);

    /// Whether what has that random number is of it.
    #[must_use]
    pub fn holds(self, number: u64) -> bool {
        (number as f64) < self.0 / 100.0 * u64::MAX as f64 || self == Self::ALL
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text.strip_suffix('%').and_then(|percent| percent.trim().parse().ok());
        let share = percent.filter(|percent| (0.0..=100.0).contains(percent)).map(Self);
        share.ok_or_else(|| format!("{text:?} is not a share such as 10%"))
    }
}

of_text!(Share, String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage() {
        let half: Share = "50%".parse().unwrap();
        assert!(half.holds(u64::MAX / 4) && !half.holds(u64::MAX / 4 * 3));
        assert!(Share::ALL.holds(u64::MAX) && !"0%".parse::<Share>().unwrap().holds(0));
        for bad in ["", "1", "%", "101%", "-1%", "NaN%", "a%"] {
            let error = bad.parse::<Share>().unwrap_err();
            assert!(error.contains("is not a share such as 10%"), "{bad}: {error}");
        }
    }
}
