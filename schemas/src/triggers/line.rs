//! A trigger as a line of JSON, for `--triggers` and whoever reads it.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Condition, TriggerFired};
use crate::alerts::AlertKind;
use crate::ids::{AlertId, Symbol, TenantId, TriggerId, UserId};
use crate::time::{Timeframe, Timestamp};

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
    condition: Condition,
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
            condition: self.condition,
            value: self.value,
            previous: self.previous,
            threshold: self.threshold,
            price: self.price,
            detail: Some(RawValue::from_string(self.detail.as_str().into())?),
        })
    }
}
