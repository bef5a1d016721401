//! Closed bars as records of the readings topic.

use bellwether_engine::ClosedBar;
use bellwether_schemas::TenantId;
use bellwether_schemas::readings::{NamedValue, Reading};

/// The bar itself, and what its indicators stand at.
pub(crate) fn readings(tenant: &TenantId, closed: &ClosedBar) -> [Reading; 2] {
    #[expect(clippy::cast_precision_loss, reason = "a bar has fewer than 2^53 ticks")]
    let ticks = closed.ticks as f64;
    let bar = [
        ("open", Some(closed.open)),
        ("high", Some(closed.high)),
        ("low", Some(closed.low)),
        ("close", Some(closed.close)),
        ("ticks", Some(ticks)),
    ];
    [reading(tenant, closed, "bar", &bar), reading(tenant, closed, "indicators", &[("rsi14", closed.rsi14)])]
}

fn reading(tenant: &TenantId, closed: &ClosedBar, kind: &str, values: &[(&str, Option<f64>)]) -> Reading {
    Reading {
        tenant: tenant.clone(),
        kind: kind.into(),
        symbol: closed.symbol.clone(),
        timeframe: closed.timeframe,
        open_time: closed.span.open,
        close_time: closed.span.close,
        values: values
            .iter()
            .map(|(name, value)| NamedValue { name: (*name).into(), value: *value })
            .collect(),
    }
}
