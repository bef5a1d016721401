//! What the log says about the owner before: nothing is sent twice, nothing is left out.

use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::log::{Log, Result, scan};
use bellwether_runtime::snapshots::SnapshotFault;
use bellwether_schemas::triggers::Cause;
use bellwether_schemas::{TenantId, Topic, TopicKind, codec};

use crate::WorkerError;
use crate::core::Recovered;
use crate::drive::GROUP;
use crate::snapshots::{Found, Shelf, State, load_behind_a_gap, load_newest};

/// Reads the last cause on the triggers topic and the group's committed offset, and finds the state to go on from.
///
/// # Errors
/// The log is out of reach, or the journal is not what a fold can begin with.
pub fn recover(log: &dyn Log, tenant: &TenantId) -> std::result::Result<Recovered, WorkerError> {
    look_behind(log, tenant).map(|(recovered, _)| recovered)
}

/// The same, with what the snapshots topic holds.
pub(crate) fn look_behind(
    log: &dyn Log,
    tenant: &TenantId,
) -> std::result::Result<(Recovered, Shelf), WorkerError> {
    let journal = Topic::new(tenant, TopicKind::Journal);
    let last_cause = last_cause(log, &Topic::new(tenant, TopicKind::Triggers))?;
    let committed = log.committed(GROUP, &journal)?.unwrap_or(0);
    // Asked last: whoever has the tenant meanwhile goes no further than its journal does.
    let bounds = log.bounds(&journal)?;
    check_same(&journal, bounds.next, last_cause, committed)?;
    let Found { state, shelf } = match load_newest(log, tenant) {
        Err(WorkerError::Snapshot(cut @ SnapshotFault::JournalCut { .. })) => behind_a_gap(log, tenant, cut)?,
        found => found?,
    };
    let fold_from = state.as_ref().map_or(0, |state| state.next_offset);
    let decisions = Decisions::collect(log, tenant, fold_from)?;
    let (state, words) = (state.map(Box::new), Box::new(shelf.words().clone()));
    let recovered = Recovered { last_cause, committed, journal_end: bounds.next, state, decisions, words };
    Ok((recovered, shelf))
}

/// The newest snapshot of a journal whose records behind it are gone, made to go on with the first that is left, if an
/// operator has accepted that very gap.
fn behind_a_gap(
    log: &dyn Log,
    tenant: &TenantId,
    cut: SnapshotFault,
) -> std::result::Result<Found<State>, WorkerError> {
    let journal = Topic::new(tenant, TopicKind::Journal);
    let mut found = load_behind_a_gap(log, tenant)?;
    let Some(state) = &mut found.state else { return Err(cut.into()) };
    let (last_folded, first_readable) = (state.next_offset.saturating_sub(1), log.bounds(&journal)?.start);
    // A journal that has that record, and yet not as the snapshot knows it, is another one: nothing is gone of it.
    if first_readable <= last_folded {
        return Err(cut.into());
    }
    let decisions = Decisions::collect(log, tenant, first_readable)?;
    if decisions.gap_behind(last_folded) != Some(first_readable) {
        let (topic, looked_to) = (journal.to_string(), decisions.read_to());
        return Err(WorkerError::JournalGap { topic, last_folded, first_readable, looked_to });
    }
    state.next_offset = first_readable;
    Ok(found)
}

/// What came of a journal lies before its end. One that ends sooner is not the journal it came of: folded on, its
/// triggers would be withheld as if they had been sent.
fn check_same(
    journal: &Topic,
    next: u64,
    last_cause: Option<Cause>,
    committed: u64,
) -> std::result::Result<(), WorkerError> {
    let caused = last_cause.map_or(0, |cause| u64::try_from(cause.offset).map_or(0, |offset| offset + 1));
    let reached = committed.max(caused);
    if reached <= next {
        return Ok(());
    }
    Err(WorkerError::JournalReplaced { topic: journal.to_string(), next, reached })
}

/// The cause of the last readable record of the topic. Offsets may have holes, so it looks back in longer and
/// longer steps.
fn last_cause(log: &dyn Log, triggers: &Topic) -> Result<Option<Cause>> {
    let bounds = log.bounds(triggers)?;
    let mut step = 64;
    loop {
        let from = bounds.next.saturating_sub(step).max(bounds.start);
        let found = last_cause_from(log, triggers, from, bounds.next)?;
        if found.is_some() || from == bounds.start {
            return Ok(found);
        }
        step = step.saturating_mul(16);
    }
}

fn last_cause_from(log: &dyn Log, triggers: &Topic, from: u64, next: u64) -> Result<Option<Cause>> {
    let mut largest = None;
    for record in scan(log, triggers, from..next)? {
        let outcome = codec::decode_outcome(&record?.value).ok();
        largest = largest.max(outcome.map(|outcome| outcome.cause()));
    }
    Ok(largest)
}
