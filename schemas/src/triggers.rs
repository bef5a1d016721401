//! What the engine found: triggers, the state of alerts, and the ids that follow from their causes.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::alerts::AlertKind;
use crate::ids::{AlertId, GroupId, Symbol, TenantId, TriggerId, UserId, derive};
use crate::time::{Timeframe, Timestamp};

/// The journal record an effect came from, and its place among that record's effects. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cause {
    /// Journal offset.
    pub offset: i64,
    /// Place among the effects of that record.
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
    /// Whose.
    pub tenant: TenantId,
    /// Kind of the alert.
    pub kind: AlertKind,
    /// Which alert.
    pub alert_id: AlertId,
    /// Its version at that moment.
    pub alert_version: i64,
    /// The alert's user.
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
    /// The side that fired: `overbought`, `oversold`, …
    pub condition: String,
    /// The value now, in the kind's unit.
    pub value: Option<f64>,
    /// The value before.
    pub previous: Option<f64>,
    /// The user's line.
    pub threshold: Option<f64>,
    /// The price at the close.
    pub price: Option<f64>,
    /// More, by kind: a JSON object as text.
    pub detail: String,
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
    /// Watching.
    Active,
    /// Accepted; what it watches has no value yet.
    Warming,
    /// Not accepted; the reason says why.
    Refused,
    /// It was to fire once, and did.
    Spent,
    /// Its time is over.
    Expired,
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
        }
    }
}

/// The state of an alert changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertStatus {
    /// Whose.
    pub tenant: TenantId,
    /// Kind of the alert.
    pub kind: AlertKind,
    /// Which alert.
    pub alert_id: AlertId,
    /// The alert's user.
    pub user_id: UserId,
    /// The version this speaks of.
    pub version: i64,
    /// Where it stands.
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
    /// An alert fired.
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

    /// Whose it is.
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

/// What a trigger's id is derived from.
#[derive(Debug, Clone, Copy)]
pub struct TriggerIdentity<'a> {
    /// Whose.
    pub tenant: &'a TenantId,
    /// Kind of the alert.
    pub kind: AlertKind,
    /// Which alert.
    pub alert_id: AlertId,
    /// Its version.
    pub alert_version: i64,
    /// Symbol or pair, or empty.
    pub subject: &'a str,
    /// Bar length, if any.
    pub timeframe: Option<Timeframe>,
    /// The bar's first instant.
    pub open_time: Timestamp,
    /// For a tick: how many accepted ticks of its symbol came before it with the same time.
    pub same_time: Option<u32>,
    /// The side that fired.
    pub condition: &'a str,
}

/// UUIDv5 of `tenant|kind|alert id|version|symbol or pair or empty|timeframe or empty|open time|condition`; a tick's
/// time is followed by `#n`.
#[must_use]
pub fn trigger_id(of: &TriggerIdentity<'_>) -> TriggerId {
    let timeframe = of.timeframe.map_or("", Timeframe::code);
    let time = moment(of.open_time, of.same_time);
    TriggerId(derive(&format!(
        "{}|{}|{}|{}|{}|{timeframe}|{time}|{}",
        of.tenant, of.kind, of.alert_id, of.alert_version, of.subject, of.condition
    )))
}

/// UUIDv5 of `group|tenant|kind|alert id|version|instant`; a tick's instant is followed by `#n`.
#[must_use]
pub fn group_id(
    tenant: &TenantId,
    kind: AlertKind,
    alert: AlertId,
    version: i64,
    instant: Timestamp,
    same_time: Option<u32>,
) -> GroupId {
    let time = moment(instant, same_time);
    GroupId(derive(&format!("group|{tenant}|{kind}|{alert}|{version}|{time}")))
}

fn moment(time: Timestamp, same_time: Option<u32>) -> String {
    same_time.map_or_else(|| time.to_string(), |count| format!("{time}#{count}"))
}

/// The JSON line of a trigger, keys in the order of `spec/interface.md` §3.
#[derive(Serialize)]
struct TriggerLine<'a> {
    r#type: &'static str,
    id: TriggerId,
    tenant: &'a TenantId,
    kind: AlertKind,
    alert_id: AlertId,
    alert_version: i64,
    user_id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<&'a Symbol>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pair: Option<&'a str>,
    timeframe: Option<Timeframe>,
    open_time: Timestamp,
    close_time: Timestamp,
    condition: &'a str,
    value: Option<f64>,
    previous: Option<f64>,
    threshold: Option<f64>,
    price: Option<f64>,
    detail: Option<Box<RawValue>>,
}

impl TriggerFired {
    /// One JSON line, without its line end.
    ///
    /// # Errors
    /// When `detail` is not JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(&TriggerLine {
            r#type: "trigger",
            id: self.id,
            tenant: &self.tenant,
            kind: self.kind,
            alert_id: self.alert_id,
            alert_version: self.alert_version,
            user_id: self.user_id,
            symbol: self.symbol.as_ref(),
            pair: self.pair.as_deref(),
            timeframe: self.timeframe,
            open_time: self.open_time,
            close_time: self.close_time,
            condition: &self.condition,
            value: self.value,
            previous: self.previous,
            threshold: self.threshold,
            price: self.price,
            detail: Some(RawValue::from_string(self.detail.clone())?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_uuid_v5_of_its_cause() {
        // Python: uuid.uuid5(uuid.UUID("64a1b937-bfe8-5204-bbd3-75bb08ade502"),
        //   "fxlabs|rsi_tracker|00000000-0000-4000-8000-000000000001|1|GBPUSD|5M|2012-02-01T00:05:00.000000Z|overbought")
        let id = trigger_id(&TriggerIdentity {
            tenant: &"fxlabs".parse().unwrap(),
            kind: AlertKind::RsiTracker,
            alert_id: "00000000-0000-4000-8000-000000000001".parse().unwrap(),
            alert_version: 1,
            subject: "GBPUSD",
            timeframe: Some(Timeframe::M5),
            open_time: "2012-02-01T00:05:00Z".parse().unwrap(),
            same_time: None,
            condition: "overbought",
        });
        assert_eq!(id.to_string(), "4e584676-6e4d-5cc7-8887-8719ca6b6822");
    }

    #[test]
    fn a_groups_id_is_the_uuid_v5_of_its_alert_and_instant() {
        // Python: uuid.uuid5(uuid.UUID("64a1b937-bfe8-5204-bbd3-75bb08ade502"),
        //   "group|fxlabs|rsi_tracker|00000000-0000-4000-8000-000000000001|1|2012-02-01T00:10:00.000000Z")
        let id = group_id(
            &"fxlabs".parse().unwrap(),
            AlertKind::RsiTracker,
            "00000000-0000-4000-8000-000000000001".parse().unwrap(),
            1,
            "2012-02-01T00:10:00Z".parse().unwrap(),
            None,
        );
        assert_eq!(id.to_string(), "9f14cbe4-f0db-5205-bf13-395d64d2fb6b");
    }
}
