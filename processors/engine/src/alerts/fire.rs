//! Hits of one instant become triggers, and those of one alert a group.

use std::collections::BTreeMap;

use bellwether_schemas::alerts::AlertParameters;
use bellwether_schemas::triggers::{
    Cause, Group, Outcome, TriggerFired, TriggerIdentity, group_id, trigger_id,
};
use bellwether_schemas::{Symbol, TenantId, Timeframe, Timestamp};

use super::rsi_tracker::Hit;
use super::{Alert, Alerts, Order};
use crate::ENGINE_VERSION;
use crate::bars::OpenBar;

/// A hit and the bar it came with.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) hit: Hit,
    pub(crate) symbol: Symbol,
    pub(crate) timeframe: Timeframe,
    pub(crate) bar: OpenBar,
}

/// Turns the drafts of one instant, in their order, into triggers; `next_index` is the place of the first among
/// the outcomes of the record at `offset`.
pub(crate) fn fire(
    tenant: &TenantId,
    alerts: &Alerts,
    drafts: &[Draft],
    instant: Timestamp,
    offset: u64,
    next_index: i32,
) -> Vec<Outcome> {
    let mut sizes: BTreeMap<Order, i32> = BTreeMap::new();
    for draft in drafts {
        *sizes.entry(draft.hit.order).or_default() += 1;
    }
    let mut places: BTreeMap<Order, i32> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(drafts.len());
    for (draft, index) in drafts.iter().zip(next_index..) {
        let Some(alert) = alerts.get(draft.hit.order) else { continue };
        let place = places.entry(draft.hit.order).or_default();
        let size = sizes.get(&draft.hit.order).copied().unwrap_or(1);
        let id = group_id(tenant, alert.kind(), alert.id, alert.version, instant);
        let group = Group { id, index: *place, size };
        *place += 1;
        let cause = Cause { offset: offset.cast_signed(), index };
        outcomes.push(Outcome::Fired(trigger(tenant, alert, draft, cause, group)));
    }
    outcomes
}

fn trigger(tenant: &TenantId, alert: &Alert, draft: &Draft, cause: Cause, group: Group) -> TriggerFired {
    let Draft { hit, symbol, timeframe, bar } = draft;
    let condition = hit.side.name();
    let id = trigger_id(&TriggerIdentity {
        tenant,
        kind: alert.kind(),
        alert_id: alert.id,
        alert_version: alert.version,
        subject: symbol.as_str(),
        timeframe: Some(*timeframe),
        open_time: bar.span.open,
        condition,
    });
    TriggerFired {
        id,
        tenant: tenant.clone(),
        kind: alert.kind(),
        alert_id: alert.id,
        alert_version: alert.version,
        user_id: alert.user_id,
        symbol: Some(symbol.clone()),
        pair: None,
        timeframe: Some(*timeframe),
        open_time: bar.span.open,
        close_time: bar.span.close,
        condition: condition.into(),
        value: Some(hit.value),
        previous: Some(hit.previous),
        threshold: Some(f64::from(hit.line)),
        price: Some(bar.close),
        detail: detail(&alert.parameters),
        cause,
        engine_version: ENGINE_VERSION,
        group,
    }
}

/// The user's own parameters, so that a trigger explains itself after the alert is gone.
fn detail(parameters: &AlertParameters) -> String {
    match parameters {
        AlertParameters::RsiTracker(rsi) => format!(
            r#"{{"rsi_period":{},"overbought":{},"oversold":{}}}"#,
            rsi.rsi_period, rsi.rsi_overbought, rsi.rsi_oversold
        ),
        _ => "{}".into(),
    }
}
