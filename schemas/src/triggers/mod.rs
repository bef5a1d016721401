//! What the engine found: triggers, the state of alerts, and the ids that follow from their causes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::alerts::AlertKind;
use crate::ids::{AlertId, GroupId, Symbol, TenantId, TriggerId, UserId};
use crate::time::{Timeframe, Timestamp};

mod condition;
mod detail;
mod identity;
mod line;
mod sentence;

pub use condition::{Condition, UnknownCondition};
pub use detail::{
    Detail, DetailText, Expected, IndicatorTurned, LeaderChanged, LevelReached, RealMismatch, RsiMismatch,
    RsiReached, Strength, ZoneEntered,
};
pub use identity::{TriggerIdentity, group_id, trigger_id};
pub use sentence::{Circumstances, UnreadableDetail, sentence};

/// The journal record an [`Outcome`] came from, and its place among that record's outcomes: readings and refusals are not
/// counted. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cause {
    /// Offset of the journal record.
    pub offset: i64,
    /// Place among the outcomes of that record, from 0.
    pub index: i32,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.offset, self.index)
    }
}

/// All triggers of one alert at one instant are a group: one mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The same for all of them.
    pub id: GroupId,
    /// This one's place, from 0.
    pub index: i32,
    /// How many there are.
    pub size: i32,
}

/// An alert fired. Everything needed to explain it later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriggerFired {
    /// Derived from the cause, see [`trigger_id`].
    pub id: TriggerId,
    /// The tenant whose alert fired.
    pub tenant: TenantId,
    /// Kind of the alert.
    pub kind: AlertKind,
    /// Id of the alert that fired.
    pub alert_id: AlertId,
    /// Its version at that moment.
    pub alert_version: i64,
    /// The user who configured the alert.
    pub user_id: UserId,
    /// The symbol, where the kind watches one.
    pub symbol: Option<Symbol>,
    /// The pair key, where the kind watches a pair.
    pub pair: Option<String>,
    /// Bar length; none for tick alerts.
    pub timeframe: Option<Timeframe>,
    /// The bar's first instant, or the tick's time.
    pub open_time: Timestamp,
    /// The bar's end, or the tick's time.
    pub close_time: Timestamp,
    /// What happened: the side, signal or role that fired.
    pub condition: Condition,
    /// The value now, in the kind's unit.
    pub value: Option<f64>,
    /// The value at the evaluation before, in the same unit.
    pub previous: Option<f64>,
    /// The user's line that was reached, in the same unit.
    pub threshold: Option<f64>,
    /// The price at the close.
    pub price: Option<f64>,
    /// The user's own parameters, what was seen, and the sentence.
    pub detail: DetailText,
    /// Where it came from.
    pub cause: Cause,
    /// The engine that computed it.
    pub engine_version: i32,
    /// The mail it belongs to.
    pub group: Group,
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// The alert is watching.
    Active,
    /// Accepted; what it watches has no value yet.
    Warming,
    /// Not accepted; the reason says why.
    Refused,
    /// It was to fire once, and did.
    Spent,
    /// Its time is over.
    Expired,
    /// An operator decided that it is not watched, whatever its user changes; the reason says why.
    Disabled,
}

impl AlertState {
    /// The name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Warming => "warming",
            Self::Refused => "refused",
            Self::Spent => "spent",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
        }
    }
}

/// The state of an alert changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertStatus {
    /// The tenant whose alert it is.
    pub tenant: TenantId,
    /// Kind of the alert.
    pub kind: AlertKind,
    /// Id of the alert.
    pub alert_id: AlertId,
    /// The user who configured the alert.
    pub user_id: UserId,
    /// The version this speaks of.
    pub version: i64,
    /// Where the alert stands from here on.
    pub state: AlertState,
    /// Why, for a person; only where it is refused.
    pub reason: Option<String>,
    /// Event time since when: the watermark; none before the journal's first time.
    pub since: Option<Timestamp>,
    /// Where it came from.
    pub cause: Cause,
}

/// One record of the triggers topic.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// An alert fired: a row and a mail come of it.
    Fired(TriggerFired),
    /// An alert's state changed.
    Status(AlertStatus),
}

impl Outcome {
    /// Where it came from.
    #[must_use]
    pub const fn cause(&self) -> Cause {
        match self {
            Self::Fired(trigger) => trigger.cause,
            Self::Status(status) => status.cause,
        }
    }

    /// The tenant that it belongs to.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        match self {
            Self::Fired(trigger) => &trigger.tenant,
            Self::Status(status) => &status.tenant,
        }
    }

    /// Its record key: the trigger's or the alert's id.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Fired(trigger) => trigger.id.to_string(),
            Self::Status(status) => status.alert_id.to_string(),
        }
    }
}
