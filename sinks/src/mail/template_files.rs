//! The templates that each kind of mail has in its folder below `sinks/mail/`, and those that all share.

use bellwether_schemas::alerts::AlertKind;

use super::kind::MailKind;

/// The page around every kind's body.
pub(super) const LAYOUT_MJML: &str = include_str!("../../mail/layout.mjml");
/// The same in plain text.
pub(super) const LAYOUT_TXT: &str = include_str!("../../mail/layout.txt");

/// A kind's own templates.
pub(super) struct Files {
    pub(super) body_mjml: &'static str,
    pub(super) body_txt: &'static str,
}

macro_rules! folder {
    ($name:literal) => {
        Some(Files {
            body_mjml: include_str!(concat!("../../mail/", $name, "/body.mjml")),
            body_txt: include_str!(concat!("../../mail/", $name, "/body.txt")),
        })
    };
}

/// None where a kind has no mail yet.
pub(super) const fn files(kind: MailKind) -> Option<Files> {
    match kind {
        MailKind::Alert(AlertKind::RsiTracker) => folder!("rsi_tracker"),
        MailKind::Test => folder!("test"),
        MailKind::Alert(
            AlertKind::RsiCorrelationTracker
            | AlertKind::HeatmapTracker
            | AlertKind::HeatmapIndicatorTracker
            | AlertKind::CurrencyStrengthTracker
            | AlertKind::PriceAlert,
        )
        | MailKind::Brief
        | MailKind::Digest
        | MailKind::Reminder
        | MailKind::Correction => None,
    }
}
