//! What each kind of mail says: a file a kind, which turns its input into its view. There is no catch-all arm: a kind
//! without a mail is one that says so.

mod card;
mod currency_strength_tracker;
mod grid;
mod heatmap_indicator_tracker;
mod heatmap_tracker;
mod price_alert;
mod rsi_correlation_tracker;
mod rsi_tracker;
mod test;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_alerts;

use std::num::NonZeroUsize;

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::TriggerFired;

use super::brand::Look;
use super::error::{ComposeError, ViewError};
use super::frame::Setting;
use super::kind::MailKind;
use super::render::Rendered;

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

/// The made-up triggers of a kind, as that tenant's.
pub(super) fn sample_triggers(look: &Look, kind: AlertKind) -> Result<Vec<TriggerFired>, ViewError> {
    match kind {
        AlertKind::RsiTracker => rsi_tracker::sample(look),
        AlertKind::RsiCorrelationTracker => rsi_correlation_tracker::sample(look),
        AlertKind::HeatmapTracker => heatmap_tracker::sample(look),
        AlertKind::HeatmapIndicatorTracker => heatmap_indicator_tracker::sample(look),
        AlertKind::CurrencyStrengthTracker => currency_strength_tracker::sample(look),
        AlertKind::PriceAlert => price_alert::sample(look),
    }
}

/// A kind's mail with the made-up content of its folder, to look at; of an alert with so many triggers, over and over
/// the same where the folder has fewer.
pub(super) fn sample(
    setting: Setting<'_>,
    kind: MailKind,
    triggers: Option<NonZeroUsize>,
) -> Result<Rendered, ComposeError> {
    match kind {
        MailKind::Alert(kind) => {
            let all = sample_triggers(setting.look, kind)?;
            let count = triggers.map_or(all.len(), NonZeroUsize::get);
            let group: Vec<TriggerFired> = all.into_iter().cycle().take(count).collect();
            alert_group(setting, &group)
        }
        MailKind::Test => test::render(setting, &test::sample()?),
        MailKind::Brief | MailKind::Digest | MailKind::Reminder | MailKind::Correction => {
            Err(ViewError::Kind(kind).into())
        }
    }
}
