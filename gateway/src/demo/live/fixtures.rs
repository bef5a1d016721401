//! Two tenants and what may happen to them.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::ids::GroupId;
use bellwether_schemas::triggers::{Cause, Condition, Group};
use bellwether_schemas::{AlertId, TriggerId, UserId};
use uuid::Uuid;

use super::*;

pub(crate) fn id(text: &str) -> TenantId {
    text.parse().unwrap()
}

pub(crate) fn info(tenant: &str, symbols: &[&str]) -> TenantInfo {
    let about = About {
        name: tenant.to_uppercase(),
        bar: "#07c05c".into(),
        on_bar: "#ffffff",
        accent: "#0b7a3e".into(),
        zone: "Asia/Kolkata".into(),
    };
    let symbols = symbols.iter().map(|symbol| symbol.parse().unwrap()).collect();
    TenantInfo { id: id(tenant), about, symbols, suffix: "m".into() }
}

pub(crate) fn two() -> LiveState {
    let symbols = ["EURUSDm", "GBPUSDm"];
    LiveState::new([info("fxlabs", &symbols), info("hextech", &symbols)])
}

pub(crate) fn trigger(tenant: &str, symbol: &str) -> TriggerFired {
    TriggerFired {
        id: TriggerId(Uuid::nil()),
        tenant: id(tenant),
        kind: AlertKind::RsiTracker,
        alert_id: AlertId(Uuid::nil()),
        alert_version: 1,
        user_id: UserId(Uuid::nil()),
        symbol: Some(symbol.parse().unwrap()),
        pair: None,
        timeframe: Some(Timeframe::M5),
        open_time: Timestamp(0),
        close_time: Timestamp(300_000_000),
        condition: Condition::Overbought,
        value: Some(71.21),
        previous: Some(68.94),
        threshold: Some(70.0),
        price: Some(1.1),
        detail: r#"{"rsi_period":14,"overbought":70,"oversold":30,"text":"RSI 14 on 5M went from 68.9 to 71.2, at or above your 70"}"#.into(),
        cause: Cause { offset: 1, index: 0 },
        engine_version: 1,
        group: Group { id: GroupId(Uuid::nil()), index: 0, size: 1 },
    }
}
