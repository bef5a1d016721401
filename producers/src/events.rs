//! What a producer does, logged and counted in one place.

use std::fmt::Display;
use std::path::Path;

use bellwether_runtime::log::LogError;
use bellwether_schemas::journal::Entry;
use bellwether_schemas::{TenantId, Timestamp};

/// Ticks handed to the log, by tenant and source.
pub const TICKS: &str = "bellwether_producer_ticks_total";
/// Journal records handed to the log, by tenant, source and kind.
pub const RECORDS: &str = "bellwether_producer_records_total";
/// Appends that were tried again, by tenant.
pub const RETRIES: &str = "bellwether_producer_append_retries_total";
/// Lines of input files that could not be read.
pub const UNREADABLE: &str = "bellwether_producer_unreadable_lines_total";

pub(crate) fn encoded(entry: &Entry) {
    let origin = entry.origin();
    let (tenant, source) = (origin.tenant.to_string(), origin.source.clone());
    if let Entry::Ticks(block) = entry {
        let labels = [("tenant", tenant.clone()), ("source", source.clone())];
        metrics::counter!(TICKS, &labels).increment(block.ticks.len() as u64);
    }
    let labels = [("tenant", tenant), ("source", source), ("kind", entry.name().to_owned())];
    metrics::counter!(RECORDS, &labels).increment(1);
}

/// That it fails is said once until it succeeds.
pub(crate) fn append_retried(tenant: &TenantId, error: &LogError, first: bool) {
    metrics::counter!(RETRIES, "tenant" => tenant.to_string()).increment(1);
    if first {
        tracing::warn!(tenant.id = %tenant, %error, "append failed and is tried again until it succeeds");
    } else {
        tracing::debug!(tenant.id = %tenant, %error, "append failed again");
    }
}

pub(crate) fn append_recovered(tenant: &TenantId) {
    tracing::info!(tenant.id = %tenant, "the log takes appends again");
}

pub(crate) fn started(tenant: &TenantId, source: &str, session: &str, resumed: bool) {
    tracing::info!(tenant.id = %tenant, source, session, resumed, "producing");
}

pub(crate) fn stopped(tenant: &TenantId, source: &str, ticks: u64, ended: &dyn Display) {
    tracing::info!(tenant.id = %tenant, source, ticks, "stopped producing: {ended}");
}

pub(crate) fn history_written(tenant: &TenantId, bars: u64, end: Timestamp) {
    tracing::info!(tenant.id = %tenant, bars, %end, "wrote history");
}

pub(crate) fn unreadable_line(file: &Path, line: u64, error: &dyn Display, shown: bool) {
    metrics::counter!(UNREADABLE).increment(1);
    if shown {
        tracing::warn!(file = %file.display(), line, "line left out: {error}");
    }
}

pub(crate) fn unreadable_lines(file: &Path, total: u64) {
    tracing::warn!(file = %file.display(), total, "lines left out in all");
}
