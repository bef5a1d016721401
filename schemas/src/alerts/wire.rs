//! The form of an alert change on the wire: one nullable field a kind, so that a kind is added without breaking a
//! reader.

use serde::{Deserialize, Serialize};

use super::{
    AlertChanged, AlertKind, AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker,
    HeatmapTracker, PriceAlert, RsiCorrelationTracker, RsiTracker,
};
use crate::ids::{AlertId, UserId};
use crate::journal::Origin;

/// The library compares names: this one must be the schema's. Kinds that an older writer does not know are absent.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "AlertChanged")]
pub(super) struct AlertChangedRecord {
    origin: Origin,
    alert_id: AlertId,
    kind: AlertKind,
    user_id: UserId,
    version: i64,
    active: bool,
    deleted: bool,
    rsi_tracker: Option<RsiTracker>,
    #[serde(default)]
    rsi_correlation_tracker: Option<RsiCorrelationTracker>,
    #[serde(default)]
    heatmap_tracker: Option<HeatmapTracker>,
    #[serde(default)]
    heatmap_indicator_tracker: Option<HeatmapIndicatorTracker>,
    #[serde(default)]
    currency_strength_tracker: Option<CurrencyStrengthTracker>,
    #[serde(default)]
    price_alert: Option<PriceAlert>,
}

impl AlertChangedRecord {
    fn parameters(&mut self) -> Option<AlertParameters> {
        match self.kind {
            AlertKind::RsiTracker => self.rsi_tracker.take().map(AlertParameters::RsiTracker),
            AlertKind::RsiCorrelationTracker => {
                self.rsi_correlation_tracker.take().map(AlertParameters::RsiCorrelationTracker)
            }
            AlertKind::HeatmapTracker => self.heatmap_tracker.take().map(AlertParameters::HeatmapTracker),
            AlertKind::HeatmapIndicatorTracker => {
                self.heatmap_indicator_tracker.take().map(AlertParameters::HeatmapIndicatorTracker)
            }
            AlertKind::CurrencyStrengthTracker => {
                self.currency_strength_tracker.take().map(AlertParameters::CurrencyStrengthTracker)
            }
            AlertKind::PriceAlert => self.price_alert.take().map(AlertParameters::PriceAlert),
        }
    }
}

impl TryFrom<AlertChangedRecord> for AlertChanged {
    type Error = String;

    fn try_from(mut record: AlertChangedRecord) -> Result<Self, String> {
        let parameters = record
            .parameters()
            .ok_or_else(|| format!("alert {} has no {} parameters", record.alert_id, record.kind))?;
        let AlertChangedRecord { origin, alert_id, user_id, version, active, deleted, .. } = record;
        Ok(Self { origin, alert_id, user_id, version, active, deleted, parameters })
    }
}

impl From<AlertChanged> for AlertChangedRecord {
    fn from(change: AlertChanged) -> Self {
        let mut record = Self {
            origin: change.origin,
            alert_id: change.alert_id,
            kind: change.parameters.kind(),
            user_id: change.user_id,
            version: change.version,
            active: change.active,
            deleted: change.deleted,
            rsi_tracker: None,
            rsi_correlation_tracker: None,
            heatmap_tracker: None,
            heatmap_indicator_tracker: None,
            currency_strength_tracker: None,
            price_alert: None,
        };
        match change.parameters {
            AlertParameters::RsiTracker(columns) => record.rsi_tracker = Some(columns),
            AlertParameters::RsiCorrelationTracker(columns) => record.rsi_correlation_tracker = Some(columns),
            AlertParameters::HeatmapTracker(columns) => record.heatmap_tracker = Some(columns),
            AlertParameters::HeatmapIndicatorTracker(columns) => {
                record.heatmap_indicator_tracker = Some(columns);
            }
            AlertParameters::CurrencyStrengthTracker(columns) => {
                record.currency_strength_tracker = Some(columns);
            }
            AlertParameters::PriceAlert(columns) => record.price_alert = Some(columns),
        }
        record
    }
}
