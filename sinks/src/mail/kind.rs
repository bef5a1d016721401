//! The kinds of mail, and what differs between them besides their words: what a user can switch off, and what becomes
//! of a mail that may or may not have arrived.

use std::fmt;
use std::str::FromStr;

use bellwether_runtime::config::WhenAmbiguous;
use bellwether_schemas::alerts::AlertKind;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// What a mail is. Its name is that of its folder in `sinks/mail/`, of its rows in the outbox, and of the
        /// switch in the user's preferences.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum MailKind {
            /// Triggers of an alert of this kind.
            Alert(AlertKind),
            $($(#[$doc])* $kind),+
        }

        impl MailKind {
            /// The kinds that are no alert's.
            const WITHOUT_ALERT: &[Self] = &[$(Self::$kind),+];

            /// What folders, rows and preferences call it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Alert(kind) => kind.name(),
                    $(Self::$kind => $name),+
                }
            }
        }
    };
}

kinds! {
    /// The morning's overview of a user's symbols.
    Brief = "daily_brief",
    /// What was held back while the user wanted no mail, or had too many.
    Digest = "digest",
    /// An item of the news calendar is close.
    Reminder = "news_reminder",
    /// An item that a reminder spoke of has another time.
    Correction = "news_correction",
    /// Somebody wants to see that mail arrives.
    Test = "test",
}

impl MailKind {
    /// Every kind of mail, those of alerts first.
    pub fn all() -> impl Iterator<Item = Self> {
        AlertKind::ALL.into_iter().map(Self::Alert).chain(Self::WITHOUT_ALERT.iter().copied())
    }

    /// The stream it belongs to, in one word: receivers judge a sender's streams apart from each other
    /// (`Feedback-ID`), and people file them apart (`List-Id`).
    #[must_use]
    pub const fn stream(self) -> &'static str {
        match self {
            Self::Alert(_) => "alert",
            Self::Brief => "brief",
            Self::Digest => "digest",
            Self::Reminder | Self::Correction => "reminder",
            Self::Test => "service",
        }
    }

    /// What a page for users calls mails of it.
    #[must_use]
    pub const fn described(self) -> &'static str {
        match self {
            Self::Alert(AlertKind::RsiTracker) => "RSI alerts",
            Self::Alert(AlertKind::RsiCorrelationTracker) => "correlation alerts",
            Self::Alert(AlertKind::HeatmapTracker) => "heatmap alerts",
            Self::Alert(AlertKind::HeatmapIndicatorTracker) => "indicator alerts",
            Self::Alert(AlertKind::CurrencyStrengthTracker) => "currency strength alerts",
            Self::Alert(AlertKind::PriceAlert) => "price alerts",
            Self::Brief => "the daily brief",
            Self::Digest => "digests of alerts",
            Self::Reminder => "news reminders",
            Self::Correction => "corrections of news times",
            Self::Test => "test mails",
        }
    }

    /// Whether a user's preferences can stop it. Such a mail says how, in its headers and at its end.
    #[must_use]
    pub const fn can_be_switched_off(self) -> bool {
        match self {
            Self::Alert(_) | Self::Brief | Self::Digest | Self::Reminder | Self::Correction => true,
            Self::Test => false,
        }
    }

    /// What becomes of one that may have arrived, unless the tenant's file says otherwise: an alert is worth reading
    /// twice; anything else is not.
    #[must_use]
    pub const fn when_ambiguous(self) -> WhenAmbiguous {
        match self {
            Self::Alert(_) => WhenAmbiguous::SendOnceMore,
            Self::Brief | Self::Digest | Self::Reminder | Self::Correction | Self::Test => {
                WhenAmbiguous::Hold
            }
        }
    }
}

impl fmt::Display for MailKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no kind of mail that this version knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of mail this version knows")]
pub struct UnknownMailKind(pub String);

impl FromStr for MailKind {
    type Err = UnknownMailKind;
    fn from_str(text: &str) -> Result<Self, UnknownMailKind> {
        Self::all().find(|kind| kind.name() == text).ok_or_else(|| UnknownMailKind(text.into()))
    }
}

impl Serialize for MailKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for MailKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_from_its_name_and_no_two_share_one() {
        for kind in MailKind::all() {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert!("Test".parse::<MailKind>().is_err());
    }

    #[test]
    fn only_alerts_go_out_twice_and_only_a_test_cannot_be_switched_off() {
        for kind in MailKind::all() {
            let alert = matches!(kind, MailKind::Alert(_));
            assert_eq!(kind.when_ambiguous() == WhenAmbiguous::SendOnceMore, alert, "{kind}");
            assert_eq!(kind.can_be_switched_off(), kind != MailKind::Test, "{kind}");
        }
    }
}
