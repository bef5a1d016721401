//! What happens to alert changes, logged and counted.

use std::error::Error;
use std::fmt::Display;

use bellwether_runtime::metric_names::{PRODUCER_BAD_ALERTS, PRODUCER_RECONCILED};
use bellwether_schemas::TenantId;

/// A database out of reach: said once when it goes, once when it is back.
pub(super) struct Outage<'a> {
    tenant: &'a TenantId,
    lasting: bool,
}

impl<'a> Outage<'a> {
    pub(super) const fn new(tenant: &'a TenantId) -> Self {
        Self { tenant, lasting: false }
    }

    /// True when it was reachable until now.
    pub(super) fn begin(&mut self, error: &(dyn Error + 'static)) -> bool {
        let first = !self.lasting;
        self.lasting = true;
        if first {
            tracing::warn!(
                tenant.id = %self.tenant, error = chain(error),
                "the database is out of reach: alert changes wait in it, and it is tried again"
            );
        }
        first
    }

    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.lasting) {
            tracing::info!(tenant.id = %self.tenant, "the database is back: alert changes go on");
        }
    }
}

pub(super) fn bad_row(tenant: &TenantId, table: &str, id: &dyn Display, reason: &str) {
    metrics::counter!(PRODUCER_BAD_ALERTS, "tenant" => tenant.to_string(), "table" => table.to_owned())
        .increment(1);
    tracing::warn!(
        tenant.id = %tenant, table, row.id = %id, reason,
        "an alert cannot be read and was left out: what was known of it stays"
    );
}

pub(super) fn untold(tenant: &TenantId, id: &dyn Display, code: &str) {
    tracing::warn!(
        tenant.id = %tenant, row.id = %id, sqlstate = code,
        "where an alert stands could not be written to alert_status: its user is not told"
    );
}

pub(super) fn reconciled(tenant: &TenantId, alerts: usize) {
    metrics::counter!(PRODUCER_RECONCILED, "tenant" => tenant.to_string()).increment(alerts as u64);
    tracing::info!(tenant.id = %tenant, alerts, "tables and journal differed: published what the tables say");
}

/// An error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
