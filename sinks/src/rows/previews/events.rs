//! What happens to previews and is both logged and counted: one struct each, with one `emit`.

use bellwether_runtime::metric_names::{PREVIEWS_REFUSED, PREVIEWS_RETRIES, PREVIEWS_STORED};
use bellwether_schemas::TenantId;
use metrics::counter;

use crate::rows::core::WriteFailure;

/// Rows say what their alerts would have done.
pub(super) struct PreviewsStored<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) rows: usize,
}

impl PreviewsStored<'_> {
    pub(super) fn emit(self) {
        let Self { tenant, rows } = self;
        counter!(PREVIEWS_STORED, "tenant" => tenant.to_string()).increment(rows as u64);
        tracing::debug!(tenant.id = %tenant, rows, "previews stored");
    }
}

/// They could not be stored and will be tried again. That is said once until it succeeds.
pub(super) struct PreviewsRetried<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) failure: &'a WriteFailure,
    pub(super) first: bool,
}

impl PreviewsRetried<'_> {
    pub(super) fn emit(self) {
        let Self { tenant, failure, first } = self;
        counter!(PREVIEWS_RETRIES, "tenant" => tenant.to_string()).increment(1);
        if first {
            let (code, message) = (&failure.code, &failure.message);
            tracing::warn!(tenant.id = %tenant, code, message, "previews could not be stored; trying again");
        }
    }
}

/// Records of a previews topic say nothing that could be used.
pub(super) struct PreviewsRefused<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) records: u64,
}

impl PreviewsRefused<'_> {
    pub(super) fn emit(self) {
        let Self { tenant, records } = self;
        counter!(PREVIEWS_REFUSED, "tenant" => tenant.to_string()).increment(records);
        tracing::warn!(tenant.id = %tenant, records, "records of the previews topic cannot be used and are left out");
    }
}
