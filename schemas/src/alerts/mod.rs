//! Alerts: what users configured, as changes in the journal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{AlertId, UserId};
use crate::journal::Origin;
use crate::listed::listed;

mod parameters;
mod wire;

pub use parameters::{
    AlertParameters, CurrencyStrengthTracker, HeatmapIndicatorTracker, HeatmapTracker, PriceAlert,
    RsiCorrelationTracker, RsiTracker,
};
use wire::AlertChangedRecord;

listed! {
    /// The kinds of alert, in the order in which an instant evaluates them.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(try_from = "String", into = "String")]
    pub enum AlertKind {
        /// RSI reaches the user's overbought or oversold line.
        RsiTracker = "rsi_tracker",
        /// Two symbols stop moving as their pair is expected to.
        RsiCorrelationTracker = "rsi_correlation_tracker",
        /// A style's heatmap enters its buy or sell zone.
        HeatmapTracker = "heatmap_tracker",
        /// One indicator of the heatmap turns.
        HeatmapIndicatorTracker = "heatmap_indicator_tracker",
        /// Another currency leads, or trails.
        CurrencyStrengthTracker = "currency_strength_tracker",
        /// A price crosses a level.
        PriceAlert = "price_alert",
    }
}

impl AlertKind {
    /// The table, in each tenant's schema `public`, whose rows are alerts of this kind.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::RsiTracker => "rsi_tracker_alerts",
            Self::RsiCorrelationTracker => "rsi_correlation_tracker_alerts",
            Self::HeatmapTracker => "heatmap_tracker_alerts",
            Self::HeatmapIndicatorTracker => "heatmap_indicator_tracker_alerts",
            Self::CurrencyStrengthTracker => "currency_strength_tracker_alerts",
            Self::PriceAlert => "price_alerts",
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no kind this version knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an alert kind this version knows")]
pub struct UnknownKind(pub String);

impl FromStr for AlertKind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| UnknownKind(text.into()))
    }
}

impl TryFrom<String> for AlertKind {
    type Error = UnknownKind;
    fn try_from(text: String) -> Result<Self, UnknownKind> {
        text.parse()
    }
}

impl From<AlertKind> for String {
    fn from(kind: AlertKind) -> Self {
        kind.name().into()
    }
}

/// An alert was created, edited, switched on or off, or deleted. A version equal to or below the known one is
/// ignored, so a repeat is harmless.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "AlertChangedRecord", into = "AlertChangedRecord")]
pub struct AlertChanged {
    /// The producer that published the change, and when.
    pub origin: Origin,
    /// The row's id in the alert table of its kind.
    pub alert_id: AlertId,
    /// The user who configured the alert and gets its rows and mails.
    pub user_id: UserId,
    /// Rises whenever a column that can change a result changes.
    pub version: i64,
    /// Whether the alert watches; false is what `is_active = false` in its row says.
    pub active: bool,
    /// The row is gone.
    pub deleted: bool,
    /// The kind and the columns of its row that can change a result.
    pub parameters: AlertParameters,
}
