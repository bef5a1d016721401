//! What each kind of mail says: a file a kind, which turns its input into its view. There is no catch-all arm: a kind
//! without a mail is one that says so.

mod card;
mod currency_strength_tracker;
mod daily_brief;
mod digest;
mod grid;
mod heatmap_indicator_tracker;
mod heatmap_tracker;
mod news;
mod own;
mod price_alert;
mod rsi_correlation_tracker;
mod rsi_tracker;
mod test;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_alerts;
#[cfg(test)]
mod tests_of_schedule;
mod words;

use std::num::NonZeroUsize;

use bellwether_schemas::Timestamp;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::TriggerFired;

use super::brand::Look;
use super::error::{ComposeError, ViewError};
use super::frame::Setting;
use super::kind::MailKind;
use super::render::Rendered;
use super::scheduled::{self, Content, Picture};

/// The mail of one group of triggers, in the group's order.
pub(super) fn alert_group(setting: Setting<'_>, triggers: &[TriggerFired]) -> Result<Rendered, ComposeError> {
    let kind = triggers.first().ok_or(ViewError::Empty)?.kind;
    match kind {
        AlertKind::RsiTracker => rsi_tracker::render(setting, triggers),
        AlertKind::RsiCorrelationTracker => rsi_correlation_tracker::render(setting, triggers),
        AlertKind::HeatmapTracker => heatmap_tracker::render(setting, triggers),
        AlertKind::HeatmapIndicatorTracker => heatmap_indicator_tracker::render(setting, triggers),
        AlertKind::CurrencyStrengthTracker => currency_strength_tracker::render(setting, triggers),
        AlertKind::PriceAlert => price_alert::render(setting, triggers),
    }
}

/// The mail of what a schedule sends, with its picture, composed at `now`.
pub(super) fn scheduled(
    setting: Setting<'_>,
    content: &Content,
    picture: Option<&Picture>,
    now: Timestamp,
) -> Result<Rendered, ComposeError> {
    match content {
        Content::Brief(brief) => daily_brief::render(setting, brief, picture),
        Content::Reminder(reminder) => news::reminder(setting, reminder, now),
        Content::Correction(correction) => news::correction(setting, correction),
        Content::Digest(digest) => digest::render(setting, digest),
    }
}

/// The made-up triggers of a kind, as that tenant's.
pub(crate) fn sample_triggers(look: &Look, kind: AlertKind) -> Result<Vec<TriggerFired>, ViewError> {
    match kind {
        AlertKind::RsiTracker => rsi_tracker::sample(look),
        AlertKind::RsiCorrelationTracker => rsi_correlation_tracker::sample(look),
        AlertKind::HeatmapTracker => heatmap_tracker::sample(look),
        AlertKind::HeatmapIndicatorTracker => heatmap_indicator_tracker::sample(look),
        AlertKind::CurrencyStrengthTracker => currency_strength_tracker::sample(look),
        AlertKind::PriceAlert => price_alert::sample(look),
    }
}

/// The JSON of a scheduled mail's made-up content; none of a kind that no schedule sends.
pub(super) const fn sample_of_schedule(kind: MailKind) -> Option<&'static str> {
    match kind {
        MailKind::Brief => Some(include_str!("../../../mail/daily_brief/sample.json")),
        MailKind::Reminder => Some(include_str!("../../../mail/news_reminder/sample.json")),
        MailKind::Correction => Some(include_str!("../../../mail/news_correction/sample.json")),
        MailKind::Digest => Some(include_str!("../../../mail/digest/sample.json")),
        MailKind::Alert(_) | MailKind::Test => None,
    }
}

/// The mail that shows that mail arrives: when it was asked for, from which machine, over which server.
pub(super) fn test_mail(
    setting: Setting<'_>,
    asked_at: Timestamp,
    sent_from: String,
    server: String,
) -> Result<Rendered, ComposeError> {
    test::render(setting, &test::TestMail { asked_at, sent_from, server })
}

/// A kind's mail with the made-up content of its folder, to look at; of an alert with so many triggers, over and over
/// the same where the folder has fewer.
pub(super) fn sample(
    setting: Setting<'_>,
    kind: MailKind,
    triggers: Option<NonZeroUsize>,
) -> Result<Rendered, ComposeError> {
    match (kind, sample_of_schedule(kind)) {
        (MailKind::Alert(kind), _) => {
            let all = sample_triggers(setting.look, kind)?;
            let count = triggers.map_or(all.len(), NonZeroUsize::get);
            let group: Vec<TriggerFired> = all.into_iter().cycle().take(count).collect();
            alert_group(setting, &group)
        }
        (_, Some(json)) => {
            let content = serde_json::from_str(json)
                .map_err(|error| ViewError::Sample { kind, reason: error.to_string() })?;
            scheduled::render(setting, &content)
        }
        (_, None) => test::render(setting, &test::sample()?),
    }
}
