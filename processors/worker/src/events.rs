//! What happens to a tenant's fold and is both logged and counted: one struct each, with one `emit`.

use std::time::Duration;

use bellwether_engine::RefusalReason;
use bellwether_runtime::metric_names::{
    APPEND_TO_TRIGGER, DEAD_LETTERS, JOURNALS_CUT, JOURNALS_NOT_CUT, RECORDS_PROCESSED,
    RECOVERY_LEFT_RECORDS, RECOVERY_LEFT_SECONDS, RECOVERY_RATE, REFUSED, SNAPSHOT_BYTES, SNAPSHOT_STORED,
    SNAPSHOTS, SNAPSHOTS_NOT_STORED, SNAPSHOTS_REFUSED, TENANTS_HALTED, TICKS_ACCEPTED, TRIGGERS, WATERMARK,
    WITHHELD,
};
use bellwether_schemas::triggers::Cause;
use bellwether_schemas::{TenantId, Timestamp};
use metrics::{counter, gauge, histogram};

use crate::snapshots::{Cut, NotCut, Refused as RefusedSnapshot, Stored};

/// A batch of journal records was folded.
pub(crate) struct Folded<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) records: usize,
    /// Ticks that moved the state.
    pub(crate) ticks: usize,
    /// Triggers handed to the log.
    pub(crate) triggers: usize,
    /// Outcomes that the log has from before a recovery, and so does not get again.
    pub(crate) withheld: usize,
    /// Event time up to which the journal is complete.
    pub(crate) watermark: Option<Timestamp>,
}

impl Folded<'_> {
    pub(crate) fn emit(self) {
        let tenant = self.tenant.to_string();
        counter!(TICKS_ACCEPTED, "tenant" => tenant.clone()).increment(self.ticks as u64);
        if let Some(watermark) = self.watermark {
            gauge!(WATERMARK, "tenant" => tenant.clone()).set(watermark.0 as f64 / 1e6);
        }
        counter!(RECORDS_PROCESSED, "tenant" => tenant.clone()).increment(self.records as u64);
        if self.triggers > 0 {
            counter!(TRIGGERS, "tenant" => tenant.clone()).increment(self.triggers as u64);
        }
        if self.withheld > 0 {
            let withheld = self.withheld;
            tracing::debug!(tenant.id = tenant, withheld, "outcomes that the log has already are withheld");
            counter!(WITHHELD, "tenant" => tenant).increment(withheld as u64);
        }
    }
}

/// The log has triggers.
pub(crate) struct TriggersTaken<'a> {
    pub(crate) tenant: &'a TenantId,
    /// When the oldest of the journal records was appended that were folded when they fired.
    pub(crate) since: Timestamp,
    pub(crate) now: Timestamp,
}

impl TriggersTaken<'_> {
    pub(crate) fn emit(self) {
        // A clock that was set back makes no time negative.
        let taken = Duration::from_micros(self.now.since(self.since).max(0).unsigned_abs());
        histogram!(APPEND_TO_TRIGGER, "tenant" => self.tenant.to_string()).record(taken.as_secs_f64());
    }
}

/// A tick, bar or heartbeat was not used. There may be thousands a second: it is counted and not logged.
pub(crate) struct Refused<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) reason: RefusalReason,
}

impl Refused<'_> {
    pub(crate) fn emit(self) {
        counter!(REFUSED, "tenant" => self.tenant.to_string(), "reason" => self.reason.name()).increment(1);
    }
}

/// The first of its kind since the journal was assigned went to the dead letters; the others are only counted.
pub(crate) struct RefusalKept<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) offset: u64,
    pub(crate) reason: RefusalReason,
}

impl RefusalKept<'_> {
    pub(crate) fn emit(self) {
        tracing::warn!(
            tenant.id = %self.tenant, log.offset = self.offset, reason = self.reason.name(),
            "input is refused and kept among the dead letters; more of this kind is counted"
        );
    }
}

/// A whole record went to the dead letters.
pub(crate) struct PutAside<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) offset: u64,
    pub(crate) reason: &'static str,
    pub(crate) detail: &'a str,
}

impl PutAside<'_> {
    pub(crate) fn emit(self) {
        counter!(DEAD_LETTERS, "tenant" => self.tenant.to_string(), "reason" => self.reason).increment(1);
        tracing::warn!(
            tenant.id = %self.tenant, log.offset = self.offset, reason = self.reason, detail = self.detail,
            "journal record put aside"
        );
    }
}

/// A tenant is not processed any more; the others are.
pub(crate) struct Halted<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) reason: &'a str,
}

impl Halted<'_> {
    pub(crate) fn emit(self) {
        counter!(TENANTS_HALTED, "tenant" => self.tenant.to_string()).increment(1);
        tracing::error!(tenant.id = %self.tenant, reason = self.reason, "tenant stopped");
    }
}

/// A tenant's journal is ours, and what the owner before left behind is known: it is folded from there.
pub(crate) struct Recovered<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) fold_from: u64,
    /// Of the last outcome that the triggers topic has.
    pub(crate) last_cause: Option<Cause>,
}

impl Recovered<'_> {
    pub(crate) fn emit(self) {
        let last = self.last_cause.map(|cause| cause.to_string()).unwrap_or_else(|| "none".into());
        tracing::info!(
            tenant.id = %self.tenant, log.offset = self.fold_from, last_cause = %last,
            "journal assigned and recovered"
        );
    }
}

/// What the owner before left behind cannot be found out for now. The first failure in a row is news.
pub(crate) struct RecoveryFailed<'a> {
    pub(crate) tenant: &'a TenantId,
    /// In a row, this one included.
    pub(crate) failures: u32,
    /// Until the next try.
    pub(crate) wait: Duration,
    pub(crate) error: &'a str,
}

impl RecoveryFailed<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, failures, wait, error } = self;
        if failures == 1 {
            tracing::warn!(
                tenant.id = %tenant, error,
                "a tenant cannot be recovered for now: it is tried again until the log is back"
            );
        } else {
            tracing::debug!(tenant.id = %tenant, error, failures, ?wait, "still not recovered");
        }
    }
}

/// A recovery is on its way to where the journal ended when it began.
pub(crate) struct CatchingUp<'a> {
    pub(crate) tenant: &'a TenantId,
    /// The journal offset to fold next.
    pub(crate) offset: u64,
    pub(crate) end: u64,
    /// Records a second since it began.
    pub(crate) rate: f64,
}

impl CatchingUp<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, offset, end, rate } = self;
        let records = end.saturating_sub(offset);
        let seconds = if rate > 0.0 { records as f64 / rate } else { f64::INFINITY };
        recovery_gauges(tenant, records, rate, seconds);
        tracing::info!(
            tenant.id = %tenant, log.offset = offset, end, records_a_second = rate.round(), seconds_left = seconds.ceil(),
            "recovering: the journal is folded up to where it ended"
        );
    }
}

/// A recovery is over: from here on the tenant is live.
pub(crate) struct CaughtUp<'a> {
    pub(crate) tenant: &'a TenantId,
    /// The journal offset to fold next.
    pub(crate) offset: u64,
    pub(crate) records: u64,
    pub(crate) took: Duration,
}

impl CaughtUp<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, offset, records, took } = self;
        recovery_gauges(tenant, 0, 0.0, 0.0);
        tracing::info!(tenant.id = %tenant, log.offset = offset, records, ?took, "recovered: the tenant is live");
    }
}

fn recovery_gauges(tenant: &TenantId, records: u64, rate: f64, seconds: f64) {
    let tenant = tenant.to_string();
    gauge!(RECOVERY_LEFT_RECORDS, "tenant" => tenant.clone()).set(records as f64);
    gauge!(RECOVERY_RATE, "tenant" => tenant.clone()).set(rate);
    gauge!(RECOVERY_LEFT_SECONDS, "tenant" => tenant).set(seconds);
}

/// A tenant's state is in the log.
pub(crate) struct SnapshotStored<'a> {
    pub(crate) tenant: &'a TenantId,
    /// The journal offset to fold next.
    pub(crate) next_offset: u64,
    pub(crate) stored: Stored,
    pub(crate) took: Duration,
    /// None where nobody asks how long ago it was.
    pub(crate) now: Option<Timestamp>,
}

impl SnapshotStored<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, next_offset, stored, took, now } = self;
        let Stored { pieces, written, bytes, removed } = stored;
        counter!(SNAPSHOTS, "tenant" => tenant.to_string()).increment(1);
        if let Some(now) = now {
            gauge!(SNAPSHOT_STORED, "tenant" => tenant.to_string()).set(now.0 as f64 / 1e6);
        }
        counter!(SNAPSHOT_BYTES, "tenant" => tenant.to_string()).increment(bytes as u64);
        tracing::debug!(
            tenant.id = %tenant, log.offset = next_offset, pieces, written, bytes, removed, ?took, "snapshot stored"
        );
    }
}

/// A tenant's state is not in the log: the one before stands, and the next is taken as ever.
pub(crate) struct SnapshotNotStored<'a> {
    pub(crate) tenant: &'a TenantId,
    /// The journal offset to fold next.
    pub(crate) next_offset: u64,
    pub(crate) why: &'a str,
}

impl SnapshotNotStored<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, next_offset, why } = self;
        counter!(SNAPSHOTS_NOT_STORED, "tenant" => tenant.to_string()).increment(1);
        tracing::warn!(
            tenant.id = %tenant, log.offset = next_offset, error = why,
            "a snapshot is not stored; a recovery would go on from the one before"
        );
    }
}

/// A tenant's state is in the log once more, as a base that its journal may begin at.
pub(crate) struct BaseStored<'a> {
    pub(crate) tenant: &'a TenantId,
    /// The journal offset to fold next.
    pub(crate) next_offset: u64,
    pub(crate) stored: Stored,
}

impl BaseStored<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, next_offset, stored } = self;
        counter!(SNAPSHOT_BYTES, "tenant" => tenant.to_string()).increment(stored.bytes as u64);
        tracing::info!(tenant.id = %tenant, log.offset = next_offset, bytes = stored.bytes, "base snapshot stored");
    }
}

/// A journal's front was cut off, which its tenant keeps no longer.
pub(crate) struct JournalCut<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) cut: Cut,
}

impl JournalCut<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, cut: Cut { before, start, removed } } = self;
        counter!(JOURNALS_CUT, "tenant" => tenant.to_string()).increment(1);
        tracing::info!(tenant.id = %tenant, before, start, bases_removed = removed, "the journal's front is cut off");
    }
}

/// A journal stays longer than its tenant keeps it.
pub(crate) struct JournalNotCut<'a> {
    pub(crate) tenant: &'a TenantId,
    pub(crate) why: &'a NotCut,
}

impl JournalNotCut<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, why } = self;
        counter!(JOURNALS_NOT_CUT, "tenant" => tenant.to_string()).increment(1);
        tracing::warn!(
            tenant.id = %tenant, error = %why,
            "the journal is not cut, and stays as long as it is; it is tried again with the next \
             snapshots, then with the next base"
        );
    }
}

/// A snapshot is of no use: the one before is taken.
pub(crate) struct SnapshotRefused<'a> {
    pub(crate) tenant: &'a TenantId,
    /// The journal offset to fold next, as its key has it.
    pub(crate) next_offset: u64,
    pub(crate) why: &'a RefusedSnapshot,
}

impl SnapshotRefused<'_> {
    pub(crate) fn emit(self) {
        let Self { tenant, next_offset, why } = self;
        counter!(SNAPSHOTS_REFUSED, "tenant" => tenant.to_string()).increment(1);
        tracing::warn!(
            tenant.id = %tenant, log.offset = next_offset, reason = %why,
            "a snapshot is not used; the one before is, or the journal from its start"
        );
    }
}
