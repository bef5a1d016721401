//! What happens to schedules and is both logged and counted.

use std::fmt::Display;

use bellwether_runtime::metric_names::{
    SCHEDULE_MAILS, SCHEDULE_MISSED, SCHEDULE_NEXT, SCHEDULE_READINGS_REFUSED, SCHEDULE_RETRIES,
    SCHEDULE_RUNS,
};
use bellwether_schemas::{TenantId, Timestamp};
use metrics::{counter, gauge};

/// Runs were recorded, and mails are owed.
pub(super) struct RunsRecorded<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) runs: u64,
    pub(super) mails: u64,
}

impl RunsRecorded<'_> {
    pub(super) fn emit(self) {
        if self.runs > 0 {
            counter!(SCHEDULE_RUNS, "tenant" => self.tenant.to_string()).increment(self.runs);
            counter!(SCHEDULE_MAILS, "tenant" => self.tenant.to_string()).increment(self.mails);
            tracing::info!(tenant.id = %self.tenant, schedule.runs = self.runs, schedule.mails = self.mails, "what was due is owed");
        }
    }
}

/// Days or items passed while nobody kept the schedule.
pub(super) struct RunsMissed<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) runs: u64,
}

impl RunsMissed<'_> {
    pub(super) fn emit(self) {
        if self.runs > 0 {
            counter!(SCHEDULE_MISSED, "tenant" => self.tenant.to_string()).increment(self.runs);
            tracing::warn!(tenant.id = %self.tenant, schedule.runs = self.runs, "what was due is too long ago; it was recorded as missed");
        }
    }
}

/// Somebody looked what is due next.
pub(super) struct NextKnown<'a> {
    pub(super) tenant: &'a TenantId,
    /// None where nothing ever is.
    pub(super) next: Option<Timestamp>,
}

impl NextKnown<'_> {
    pub(super) fn emit(self) {
        let seconds = self.next.map_or(f64::INFINITY, |next| next.0 as f64 / 1e6);
        gauge!(SCHEDULE_NEXT, "tenant" => self.tenant.to_string()).set(seconds);
    }
}

/// The schedule could not be looked at: tried again.
pub(super) struct ScheduleRetried<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) error: &'a dyn Display,
}

impl ScheduleRetried<'_> {
    pub(super) fn emit(self) {
        counter!(SCHEDULE_RETRIES, "tenant" => self.tenant.to_string()).increment(1);
        tracing::warn!(tenant.id = %self.tenant, error = %self.error, "the schedule cannot be kept; trying again");
    }
}

/// Records of the readings topic that nobody can read, or that name another tenant.
pub(super) struct ReadingsRefused<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) records: u64,
}

impl ReadingsRefused<'_> {
    pub(super) fn emit(self) {
        counter!(SCHEDULE_READINGS_REFUSED, "tenant" => self.tenant.to_string()).increment(self.records);
        tracing::warn!(tenant.id = %self.tenant, records = self.records, "readings that this version cannot use were left out");
    }
}
