//! Versions of the rules. A journal is folded by the rules that its settings name, from the record on that names them:
//! an old journal gives what it always gave.

/// Which rules are in force. What each changed is one question here, asked where it makes the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Before files of bars were known as such.
    V1,
    /// Still closes, level currencies, rows of bars and their spacing.
    V2,
    /// Triggers of currency strength tell the scores of all currencies; refusals are worded for an alert's user.
    V3,
}

impl Version {
    /// The one that settings written by this build name.
    pub const NEWEST: Self = Self::V3;

    /// The version that settings name by its number; none when this build does not know it. What came before the
    /// first is the first.
    #[must_use]
    pub const fn of(number: i32) -> Option<Self> {
        match number {
            ..=1 => Some(Self::V1),
            2 => Some(Self::V2),
            3 => Some(Self::V3),
            _ => None,
        }
    }

    /// As settings, triggers and stored states name it.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }

    /// RSI over a close that equals the one before is the one before. Computed anew, rounding lets it wobble over a
    /// user's line: the averages decay alike and their ratio stays, but for its last bits.
    pub(crate) fn keeps_rsi_of_still_closes(self) -> bool {
        self >= Self::V2
    }

    /// Where all currencies' averages are equal there is no strength reading.
    pub(crate) fn needs_unequal_currencies(self) -> bool {
        self >= Self::V2
    }

    /// Rows of bars are judged as a whole: played ticks are not judged again, history is judged by its closes, and a
    /// bar of history that closes behind the moment of its append is of the future.
    pub(crate) fn judges_rows(self) -> bool {
        self >= Self::V2
    }

    /// Ticks of bars join no timeframe that their bars cannot make.
    pub(crate) fn minds_spacing(self) -> bool {
        self >= Self::V2
    }

    /// The detail of a strength trigger has the score of every currency, not of the new leader alone: a mail shows them
    /// as they stood at that bar, which nobody could look up later.
    pub(crate) fn tells_all_scores(self) -> bool {
        self >= Self::V3
    }

    /// Reasons for a refusal do not speak of tenants: their reader is the alert's user, who knows none.
    pub(crate) fn speaks_to_users(self) -> bool {
        self >= Self::V3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_by_its_number_and_a_newer_one_is_not() {
        for version in [Version::V1, Version::V2, Version::V3] {
            assert_eq!(Version::of(version.number()), Some(version));
        }
        assert_eq!(Version::of(0), Some(Version::V1), "settings of before there were numbers");
        assert_eq!(Version::of(Version::NEWEST.number() + 1), None);
    }
}
