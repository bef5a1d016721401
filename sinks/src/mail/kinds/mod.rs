//! What each kind of mail says: a file a kind, which turns its input into its view. There is no catch-all arm: a kind
//! without a mail is one that says so.

pub(super) mod rsi_tracker;
mod test;
#[cfg(test)]
mod tests;

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::TriggerFired;

use super::error::{ComposeError, ViewError};
use super::frame::Setting;
use super::kind::MailKind;
use super::render::Rendered;

/// The mail of one group of triggers, in the group's order.
pub(super) fn alert_group(setting: Setting<'_>, triggers: &[TriggerFired]) -> Result<Rendered, ComposeError> {
    let kind = triggers.first().ok_or(ViewError::Empty)?.kind;
    match kind {
        AlertKind::RsiTracker => rsi_tracker::render(setting, triggers),
        AlertKind::RsiCorrelationTracker
        | AlertKind::HeatmapTracker
        | AlertKind::HeatmapIndicatorTracker
        | AlertKind::CurrencyStrengthTracker
        | AlertKind::PriceAlert => Err(ViewError::Kind(MailKind::Alert(kind)).into()),
    }
}

/// A kind's mail with the made-up content of its folder, to look at.
pub(super) fn sample(setting: Setting<'_>, kind: MailKind) -> Result<Rendered, ComposeError> {
    match kind {
        MailKind::Alert(AlertKind::RsiTracker) => {
            rsi_tracker::render(setting, &rsi_tracker::sample(setting.look)?)
        }
        MailKind::Test => test::render(setting, &test::sample()?),
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
        | MailKind::Correction => Err(ViewError::Kind(kind).into()),
    }
}
