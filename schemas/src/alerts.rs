//! Alerts: what users configured, as changes in the journal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::{AlertId, UserId};
use crate::journal::Origin;
use crate::time::Timeframe;

/// The kinds of alert, in the order in which an instant evaluates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AlertKind {
    /// RSI reaches the user's overbought or oversold line.
    RsiTracker,
}

impl AlertKind {
    /// Every kind.
    pub const ALL: [Self; 1] = [Self::RsiTracker];

    /// The name that records, ids and mail folders carry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsiTracker => "rsi_tracker",
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

/// What an `rsi_tracker` alert watches. Ranges are the engine's to judge, so that a bad row is refused there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RsiTracker {
    /// Bar length; `1M` is read as `5M`.
    pub timeframe: Timeframe,
    /// Bars of Wilder's average, 5–50.
    pub rsi_period: i32,
    /// Upper line, 60–90.
    pub rsi_overbought: i32,
    /// Lower line, 10–40, below the upper.
    pub rsi_oversold: i32,
}

/// The parameters of an alert, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertParameters {
    /// See [`RsiTracker`].
    RsiTracker(RsiTracker),
}

impl AlertParameters {
    /// The kind they belong to.
    #[must_use]
    pub const fn kind(&self) -> AlertKind {
        match self {
            Self::RsiTracker(_) => AlertKind::RsiTracker,
        }
    }
}

/// An alert was created, edited, switched on or off, or deleted. A version equal to or below the known one is
/// ignored, so a repeat is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "AlertChangedRecord", into = "AlertChangedRecord")]
pub struct AlertChanged {
    /// Who wrote it.
    pub origin: Origin,
    /// Which alert.
    pub alert_id: AlertId,
    /// Whose.
    pub user_id: UserId,
    /// Rises whenever a column that can change a result changes.
    pub version: i64,
    /// Switched on.
    pub active: bool,
    /// The row is gone.
    pub deleted: bool,
    /// What it watches.
    pub parameters: AlertParameters,
}

/// The record's form on the wire: one nullable field a kind, so that a kind is added without breaking a reader.
/// The library compares names: this one must be the schema's.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename = "AlertChanged")]
struct AlertChangedRecord {
    origin: Origin,
    alert_id: AlertId,
    kind: AlertKind,
    user_id: UserId,
    version: i64,
    active: bool,
    deleted: bool,
    rsi_tracker: Option<RsiTracker>,
}

impl TryFrom<AlertChangedRecord> for AlertChanged {
    type Error = String;

    fn try_from(record: AlertChangedRecord) -> Result<Self, String> {
        let missing = || format!("alert {} has no {} parameters", record.alert_id, record.kind);
        let parameters = match record.kind {
            AlertKind::RsiTracker => {
                AlertParameters::RsiTracker(record.rsi_tracker.clone().ok_or_else(missing)?)
            }
        };
        let AlertChangedRecord { origin, alert_id, user_id, version, active, deleted, .. } = record;
        Ok(Self { origin, alert_id, user_id, version, active, deleted, parameters })
    }
}

impl From<AlertChanged> for AlertChangedRecord {
    fn from(change: AlertChanged) -> Self {
        let kind = change.parameters.kind();
        let AlertParameters::RsiTracker(rsi_tracker) = change.parameters;
        Self {
            origin: change.origin,
            alert_id: change.alert_id,
            kind,
            user_id: change.user_id,
            version: change.version,
            active: change.active,
            deleted: change.deleted,
            rsi_tracker: Some(rsi_tracker),
        }
    }
}
