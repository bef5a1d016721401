//! Ids that follow from causes: whoever computes a trigger again gives it the same.

use super::Condition;
use crate::alerts::AlertKind;
use crate::ids::{AlertId, GroupId, TenantId, TriggerId, derive};
use crate::time::{Timeframe, Timestamp};

/// What a trigger's id is derived from.
#[derive(Debug, Clone, Copy)]
pub struct TriggerIdentity<'a> {
    /// The tenant whose alert fired.
    pub tenant: &'a TenantId,
    /// Kind of the alert.
    pub kind: AlertKind,
    /// Id of the alert.
    pub alert_id: AlertId,
    /// Version of the alert at that moment.
    pub alert_version: i64,
    /// Symbol or pair, or empty.
    pub subject: &'a str,
    /// Bar length, if any.
    pub timeframe: Option<Timeframe>,
    /// The bar's first instant.
    pub open_time: Timestamp,
    /// For a tick: how many accepted ticks of its symbol came before it with the same time.
    pub same_time: Option<u32>,
    /// What happened: two conditions of one bar are two triggers.
    pub condition: Condition,
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
            condition: Condition::Overbought,
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
