//! Occurrences that are both logged and counted: one struct each, with one `emit`.

use bellwether_database::tables::alert_status;
use bellwether_runtime::log::LogError;
use bellwether_runtime::metric_names::{
    APPEND_TO_ROW, ROWS_PRESENT, ROWS_REPEATED, ROWS_RETRIES, ROWS_USER_GONE, ROWS_WRITTEN,
    SINK_DEAD_LETTERS, SINK_PARKED, SINK_REWOUND, SINK_TASK_RESTARTED, SINK_TOPIC_STOPPED,
};
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Timestamp, Topic};
use metrics::{counter, histogram};

use crate::rows::Receipt;
use crate::rows::bisect::Piece;
use crate::rows::core::Failure;

/// A record can never be delivered; it is among the tenant's dead letters.
pub(crate) struct DeadLettered<'a> {
    pub(crate) sink: &'static str,
    pub(crate) tenant: &'a TenantId,
    pub(crate) offset: u64,
    pub(crate) reason: &'a str,
    pub(crate) detail: &'a str,
}

impl DeadLettered<'_> {
    pub(crate) fn emit(self) {
        counter!(SINK_DEAD_LETTERS, "sink" => self.sink, "tenant" => self.tenant.to_string(), "reason" => self.reason.to_string())
            .increment(1);
        tracing::error!(
            sink = self.sink, tenant.id = %self.tenant, log.offset = self.offset,
            reason = self.reason, detail = self.detail, "a record was put among the dead letters"
        );
    }
}

/// A topic cannot be read on: its tenant waits for an operator, others go on.
pub(crate) struct TopicStopped<'a> {
    pub(crate) sink: &'static str,
    pub(crate) topic: &'a Topic,
    pub(crate) error: &'a LogError,
}

impl TopicStopped<'_> {
    pub(crate) fn emit(self) {
        counter!(SINK_TOPIC_STOPPED, "sink" => self.sink, "tenant" => self.topic.tenant.to_string())
            .increment(1);
        tracing::error!(
            sink = self.sink, tenant.id = %self.topic.tenant, log.topic = %self.topic, error = %self.error,
            "the topic cannot be read on; its tenant is stopped"
        );
    }
}

/// The tenant's database is behind what the group had committed: restored from a backup, or new.
pub(crate) struct Rewound<'a> {
    pub(crate) sink: &'static str,
    pub(crate) tenant: &'a TenantId,
    pub(crate) to: u64,
    pub(crate) start: u64,
}

impl Rewound<'_> {
    pub(crate) fn emit(self) {
        counter!(SINK_REWOUND, "sink" => self.sink, "tenant" => self.tenant.to_string()).increment(1);
        tracing::warn!(
            sink = self.sink, tenant.id = %self.tenant, log.offset = self.to, log.start = self.start,
            "the tenant's database is behind the topic; reading again from where it stands"
        );
    }
}

/// A tenant's own task ended without being asked to.
pub(crate) struct TaskRestarted<'a> {
    pub(crate) sink: &'static str,
    pub(crate) tenant: &'a TenantId,
}

impl TaskRestarted<'_> {
    pub(crate) fn emit(self) {
        counter!(SINK_TASK_RESTARTED, "sink" => self.sink, "tenant" => self.tenant.to_string()).increment(1);
        tracing::error!(sink = self.sink, tenant.id = %self.tenant, "the tenant's task ended; it is started again");
    }
}

/// A transaction of the rows sink was committed.
pub(crate) struct RowsWritten<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) receipt: &'a Receipt,
    pub(crate) piece: &'a Piece,
    pub(crate) now: Timestamp,
}

impl RowsWritten<'_> {
    pub(crate) fn emit(self) {
        let Receipt { rows, present, repeats, statuses } = self.receipt;
        let tenant = self.tenant.to_string();
        for (table, count) in rows.iter().copied().chain([(alert_status::NAME, *statuses)]) {
            counter!(ROWS_WRITTEN, "tenant" => tenant.clone(), "table" => table).increment(count);
        }
        counter!(ROWS_PRESENT, "tenant" => tenant.clone()).increment(*present);
        counter!(ROWS_REPEATED, "tenant" => tenant.clone()).increment(*repeats);
        if present + repeats == 0 {
            // Else which of them are new is the database's to know: a repeat's time says nothing.
            let taken = histogram!(APPEND_TO_ROW, "tenant" => tenant);
            let fired =
                self.piece.records.iter().filter(|record| matches!(record.outcome, Outcome::Fired(_)));
            fired.for_each(|record| taken.record(seconds(self.now.since(record.appended_at))));
        }
        let rows: u64 = rows.iter().map(|(_, count)| count).sum();
        tracing::debug!(tenant.id = %self.tenant, rows, present, repeats, statuses, "rows written");
    }
}

/// A clock that was set back makes no time negative.
fn seconds(micros: i64) -> f64 {
    std::time::Duration::from_micros(micros.max(0).unsigned_abs()).as_secs_f64()
}

/// A write failed and will be tried again. That is said once until one succeeds.
pub(crate) struct RowsRetried<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) failure: &'a Failure,
    pub(crate) first: bool,
}

impl RowsRetried<'_> {
    pub(crate) fn emit(self) {
        counter!(ROWS_RETRIES, "tenant" => self.tenant.to_string()).increment(1);
        let Failure { code, message, .. } = self.failure;
        if self.first {
            tracing::warn!(
                tenant.id = %self.tenant, error.code = code, error = message,
                "rows cannot be written: triggers wait in the log, and it is tried again"
            );
        } else {
            tracing::debug!(tenant.id = %self.tenant, error.code = code, error = message, "rows still cannot be written");
        }
    }
}

/// A tenant's database has failed for long: said once, while others go on.
pub(crate) struct TenantParked<'a> {
    pub(crate) sink: &'static str,
    pub(crate) tenant: &'a TenantId,
    pub(crate) failure: &'a Failure,
}

impl TenantParked<'_> {
    pub(crate) fn emit(self) {
        counter!(SINK_PARKED, "sink" => self.sink, "tenant" => self.tenant.to_string()).increment(1);
        tracing::error!(
            sink = self.sink, tenant.id = %self.tenant, error.code = self.failure.code,
            error = self.failure.message,
            "the tenant's database keeps failing; it is parked and its triggers wait in the log"
        );
    }
}

/// A tenant's database takes writes again.
pub(crate) struct TenantResumed<'a> {
    pub(crate) sink: &'static str,
    pub(crate) tenant: &'a TenantId,
}

impl TenantResumed<'_> {
    pub(crate) fn emit(self) {
        tracing::info!(sink = self.sink, tenant.id = %self.tenant, "the tenant's database takes writes again");
    }
}

/// Records of a user who does not exist any more: nobody is left to show them to.
pub(crate) struct UserGone<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) records: usize,
}

impl UserGone<'_> {
    pub(crate) fn emit(self) {
        counter!(ROWS_USER_GONE, "tenant" => self.tenant.to_string()).increment(self.records as u64);
        tracing::info!(tenant.id = %self.tenant, records = self.records, "records of a deleted user were dropped");
    }
}
