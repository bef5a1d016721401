//! What is both logged and counted: one struct each, with one `emit`.

use std::time::Duration;

use bellwether_runtime::metric_names::{APPEND_TO_PREVIEW, PREVIEWS, PREVIEWS_STOPPED};
use bellwether_schemas::{TenantId, Timestamp};
use metrics::{counter, histogram};

/// The log has answers.
pub(crate) struct AnswersTaken<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) answers: usize,
    /// When the oldest change was appended that is answered.
    pub(crate) since: Timestamp,
    pub(crate) now: Timestamp,
}

impl AnswersTaken<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, answers, since, now } = self;
        // A clock that was set back makes no time negative.
        let taken = Duration::from_micros(now.since(since).max(0).unsigned_abs());
        counter!(PREVIEWS, "tenant" => tenant.to_string()).increment(answers as u64);
        histogram!(APPEND_TO_PREVIEW, "tenant" => tenant.to_string()).record(taken.as_secs_f64());
        tracing::debug!(tenant.id = %tenant, answers, ?taken, "new alerts are answered");
    }
}

/// A tenant's journal cannot be folded for its minutes; it is tried again.
pub(crate) struct Stopped<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) reason: &'a str,
}

impl Stopped<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, reason } = self;
        counter!(PREVIEWS_STOPPED, "tenant" => tenant.to_string()).increment(1);
        tracing::error!(tenant.id = %tenant, reason, "new alerts of a tenant get no preview until its journal is folded again");
    }
}
