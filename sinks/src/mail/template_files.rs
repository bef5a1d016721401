//! The templates that each kind of mail has in its folder below `sinks/mail/`, and those that all share.

use bellwether_schemas::alerts::AlertKind;

use super::kind::MailKind;

/// The page around every kind's body.
pub(super) const LAYOUT_MJML: &str = include_str!("../../mail/layout.mjml");
/// The same in plain text.
pub(super) const LAYOUT_TXT: &str = include_str!("../../mail/layout.txt");

/// Parts that bodies include by these names.
pub(super) const PARTS: [(&str, &str); 8] = [
    ("card_top.html", include_str!("../../mail/card_top.html")),
    ("card_facts.html", include_str!("../../mail/card_facts.html")),
    ("card_end.html", include_str!("../../mail/card_end.html")),
    ("bars.html", include_str!("../../mail/bars.html")),
    ("listed_bars.html", include_str!("../../mail/listed_bars.html")),
    ("grid.html", include_str!("../../mail/grid.html")),
    ("card.txt", include_str!("../../mail/card.txt")),
    ("more.txt", include_str!("../../mail/more.txt")),
];

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
        MailKind::Alert(AlertKind::RsiCorrelationTracker) => folder!("rsi_correlation_tracker"),
        MailKind::Alert(AlertKind::HeatmapTracker) => folder!("heatmap_tracker"),
        MailKind::Alert(AlertKind::HeatmapIndicatorTracker) => folder!("heatmap_indicator_tracker"),
        MailKind::Alert(AlertKind::CurrencyStrengthTracker) => folder!("currency_strength_tracker"),
        MailKind::Alert(AlertKind::PriceAlert) => folder!("price_alert"),
        MailKind::Test => folder!("test"),
        MailKind::Brief | MailKind::Digest | MailKind::Reminder | MailKind::Correction => None,
    }
}
