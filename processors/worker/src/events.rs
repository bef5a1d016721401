//! Occurrences that are both logged and counted.

use std::time::Duration;

use bellwether_engine::RefusalReason;
use bellwether_runtime::metric_names::{TICKS_ACCEPTED, WATERMARK};
use bellwether_schemas::{TenantId, Timestamp};
use metrics::{counter, gauge};

/// Records were folded; how many ticks were accepted, how many triggers came out and how many were withheld because
/// the topic has them, and up to when the tenant's journal is complete.
pub(crate) fn folded(
    tenant: &TenantId,
    records: usize,
    ticks: usize,
    (triggers, withheld): (usize, usize),
    watermark: Option<Timestamp>,
) {
    let tenant = tenant.to_string();
    counter!(TICKS_ACCEPTED, "tenant" => tenant.clone()).increment(ticks as u64);
    if let Some(watermark) = watermark {
        gauge!(WATERMARK, "tenant" => tenant.clone()).set(watermark.0 as f64 / 1e6);
    }
    counter!("bellwether_records_processed_total", "tenant" => tenant.clone()).increment(records as u64);
    if triggers > 0 {
        counter!("bellwether_triggers_total", "tenant" => tenant.clone()).increment(triggers as u64);
    }
    if withheld > 0 {
        tracing::debug!(tenant.id = tenant, withheld, "outcomes that the log has already are withheld");
        counter!("bellwether_withheld_total", "tenant" => tenant).increment(withheld as u64);
    }
}

/// A tick, bar or heartbeat was not used.
pub(crate) fn refused(tenant: &TenantId, reason: RefusalReason) {
    counter!("bellwether_refused_total", "tenant" => tenant.to_string(), "reason" => reason.name())
        .increment(1);
}

/// The first of its kind since the journal was assigned went to the dead letters; the others are only counted.
pub(crate) fn refusals_kept(tenant: &TenantId, offset: u64, reason: RefusalReason) {
    tracing::warn!(
        tenant.id = %tenant, kafka.offset = offset, reason = reason.name(),
        "input is refused and kept among the dead letters; more of this kind is counted"
    );
}

/// A record went to the dead letters.
pub(crate) fn dead_letter(tenant: &TenantId, offset: u64, reason: &str, detail: &str) {
    counter!("bellwether_dead_letters_total", "tenant" => tenant.to_string(), "reason" => reason.to_string())
        .increment(1);
    tracing::warn!(tenant.id = %tenant, kafka.offset = offset, reason, detail, "journal record put aside");
}

/// A tenant is not processed any more; the others are.
pub(crate) fn halted(tenant: &TenantId, reason: &str) {
    counter!("bellwether_tenants_halted_total", "tenant" => tenant.to_string()).increment(1);
    tracing::error!(tenant.id = %tenant, reason, "tenant stopped");
}

/// A tenant's journal is ours, and what the owner before left behind is known: it is folded from there.
pub(crate) fn recovered(tenant: &TenantId, fold_from: u64, has: Option<bellwether_schemas::triggers::Cause>) {
    let last = has.map(|cause| cause.to_string()).unwrap_or_else(|| "none".into());
    tracing::info!(
        tenant.id = %tenant, kafka.offset = fold_from, last_cause = %last, "journal assigned and recovered"
    );
}

/// What the owner before left behind cannot be found out for now. The first failure in a row is news.
pub(crate) fn recovery_failed(tenant: &TenantId, failures: u32, wait: Duration, reason: &str) {
    if failures == 1 {
        tracing::warn!(
            tenant.id = %tenant, error.text = reason,
            "a tenant cannot be recovered for now: it is tried again until the log is back"
        );
    } else {
        tracing::debug!(tenant.id = %tenant, error.text = reason, failures, ?wait, "still not recovered");
    }
}
