//! What happens to the rows sink alone and is both logged and counted: one struct each, with one `emit`.

use bellwether_database::tables::{alert_status, user_events};
use bellwether_runtime::metric_names::{
    APPEND_TO_ROW, ROWS_PRESENT, ROWS_REPEATED, ROWS_RETRIES, ROWS_USER_GONE, ROWS_WRITTEN, SINK_PARKED,
};
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Timestamp};
use metrics::{counter, histogram};

use super::core::WriteFailure;
use super::piece::Piece;
use super::writer::{Receipt, Retired};

/// A transaction of the rows sink was committed.
pub(super) struct RowsWritten<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) receipt: &'a Receipt,
    pub(super) piece: &'a Piece,
    pub(super) now: Timestamp,
}

impl RowsWritten<'_> {
    pub(super) fn emit(self) {
        let Receipt { rows, present, repeats, statuses, events, forgotten } = self.receipt;
        let tenant = self.tenant.to_string();
        let others = [(alert_status::NAME, *statuses), (user_events::NAME, *events)];
        for (table, count) in rows.iter().copied().chain(others) {
            counter!(ROWS_WRITTEN, "tenant" => tenant.clone(), "table" => table).increment(count);
        }
        counter!(ROWS_PRESENT, "tenant" => tenant.clone()).increment(*present);
        counter!(ROWS_REPEATED, "tenant" => tenant.clone()).increment(*repeats);
        if *forgotten > 0 {
            UserGone { tenant: self.tenant, records: *forgotten }.emit();
        }
        if present + repeats == 0 {
            // Else which of them are new is the database's to know: a repeat's time says nothing.
            let taken = histogram!(APPEND_TO_ROW, "tenant" => tenant);
            let fired =
                self.piece.records.iter().filter(|record| matches!(record.outcome, Outcome::Fired(_)));
            fired.for_each(|record| taken.record(seconds(self.now.since(record.appended_at))));
        }
        let rows: u64 = rows.iter().map(|(_, count)| count).sum();
        tracing::debug!(tenant.id = %self.tenant, rows, present, repeats, statuses, events, "rows written");
    }
}

/// A clock that was set back makes no time negative.
fn seconds(micros: i64) -> f64 {
    std::time::Duration::from_micros(micros.max(0).unsigned_abs()).as_secs_f64()
}

/// A write failed and will be tried again. That is said once until one succeeds.
pub(super) struct RowsRetried<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) failure: &'a WriteFailure,
    pub(super) first: bool,
}

impl RowsRetried<'_> {
    pub(super) fn emit(self) {
        counter!(ROWS_RETRIES, "tenant" => self.tenant.to_string()).increment(1);
        let WriteFailure { code, message, .. } = self.failure;
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
pub(super) struct TenantParked<'a> {
    pub(super) sink: &'static str,
    pub(super) tenant: &'a TenantId,
    pub(super) failure: &'a WriteFailure,
}

impl TenantParked<'_> {
    pub(super) fn emit(self) {
        counter!(SINK_PARKED, "sink" => self.sink, "tenant" => self.tenant.to_string()).increment(1);
        tracing::error!(
            sink = self.sink, tenant.id = %self.tenant, error.code = self.failure.code,
            error = self.failure.message,
            "the tenant's database keeps failing; it is parked and its triggers wait in the log"
        );
    }
}

/// A tenant's database takes writes again.
pub(super) struct TenantResumed<'a> {
    pub(super) sink: &'static str,
    pub(super) tenant: &'a TenantId,
}

impl TenantResumed<'_> {
    pub(super) fn emit(self) {
        tracing::info!(sink = self.sink, tenant.id = %self.tenant, "the tenant's database takes writes again");
    }
}

/// Records of a user who does not exist any more, or was forgotten: nobody is left to show them to.
pub(super) struct UserGone<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) records: u64,
}

impl UserGone<'_> {
    pub(super) fn emit(self) {
        counter!(ROWS_USER_GONE, "tenant" => self.tenant.to_string()).increment(self.records);
        tracing::info!(tenant.id = %self.tenant, records = self.records, "records of a deleted user were dropped");
    }
}

/// Rows that the tenant keeps no longer were removed, or could not be.
pub(super) struct RowsRetired<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) done: &'a Result<Vec<Retired>, WriteFailure>,
}

impl RowsRetired<'_> {
    pub(super) fn emit(self) {
        match self.done {
            Ok(tables) => {
                for Retired { table, rows } in tables {
                    tracing::info!(tenant.id = %self.tenant, table, rows, "rows past their time were removed");
                }
            }
            Err(WriteFailure { code, message, .. }) => tracing::warn!(
                tenant.id = %self.tenant, error.code = code, error = message,
                "rows past their time cannot be removed: it is tried again in an hour"
            ),
        }
    }
}
