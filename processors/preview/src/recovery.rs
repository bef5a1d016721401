//! Finding a state from before the minutes that answers look back to, and folding it to where the group stands.

use std::cell::Cell;

use bellwether_engine::Engine;
use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::journal::gist::IS_GIST;
use bellwether_runtime::log::{Log, scan};
use bellwether_runtime::snapshots::{StoredState, newest_that, oldest_base};
use bellwether_schemas::time::DAY;
use bellwether_schemas::{TenantId, Timestamp, Topic, TopicKind};

use crate::PreviewError;
use crate::core::Recovered;
use crate::drive::GROUP;
use crate::fold::{Fold, Stop};
use crate::window::reach_back;

/// The newest state that is older than what the first answer to come looks back to, else the journal's beginning, folded to
/// where the group stands. Blocks for all of that; `is_stopped` is asked now and then.
///
/// # Errors
/// The log is out of reach, or the journal is not what a fold can begin with.
pub(crate) fn recover(
    log: &dyn Log,
    tenant: &TenantId,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Option<Recovered>, PreviewError> {
    let journal = Topic::new(tenant, TopicKind::Journal);
    let committed = log.committed(GROUP, &journal)?;
    let (engine, begin) = begin_with(log, tenant, committed)?;
    let journal_end = log.bounds(&journal)?.next;
    let decisions = Decisions::collect(log, tenant, begin)?;
    let mut fold = Fold::new(tenant.clone(), engine, begin, decisions);
    // One that never read anything is asked for what the journal still has.
    let until = committed.unwrap_or(begin).clamp(begin, journal_end);
    for record in scan(log, &journal, begin..until)? {
        if is_stopped() {
            return Ok(None);
        }
        fold.apply(&record?).map_err(|stop| halted(&journal, stop))?;
        // Where the group stands, users were told.
        if let Some(midnight) = fold.midnight() {
            fold.told(midnight);
        }
        if let Some(watermark) = fold.watermark() {
            fold.forget_before(reach_back(watermark));
        }
    }
    Ok(Some(Recovered { fold, next_offset: until, journal_end }))
}

fn halted(journal: &Topic, stop: Stop) -> PreviewError {
    let reason = match stop {
        Stop::Halted(reason) => reason,
        Stop::Decided => "an operator is just deciding about it".into(),
    };
    PreviewError::State { topic: journal.to_string(), reason }
}

/// A state to begin with, and the journal offset to fold next.
fn begin_with(
    log: &dyn Log,
    tenant: &TenantId,
    committed: Option<u64>,
) -> Result<(Engine, u64), PreviewError> {
    if let Some(committed) = committed
        && let Some(state) = old_enough(log, tenant, committed)?
    {
        return Ok(state);
    }
    let base = oldest_base(log, tenant, &mut |state| open(tenant, &state), &mut |_, _| {})?;
    Ok(base.unwrap_or_else(|| (Engine::new(tenant.clone()), 0)))
}

/// The newest state whose time lies before everything that an answer to a change from `committed` on looks back to, and
/// before what users were told of last: who has no triggers any more is told that.
fn old_enough(
    log: &dyn Log,
    tenant: &TenantId,
    committed: u64,
) -> Result<Option<(Engine, u64)>, PreviewError> {
    // No watermark is known at that very offset: the newest one before it is no later.
    let reached: Cell<Option<Timestamp>> = Cell::new(None);
    let look = |offset: u64, watermark: Option<Timestamp>| {
        if offset <= committed {
            reached.set(reached.get().max(watermark));
        }
        false
    };
    newest_that(log, tenant, &look, &mut |state| open(tenant, &state))?;
    let Some(limit) = reached.get().map(|reached| reach_back(reached.floor(DAY))) else { return Ok(None) };
    let fits = |_, watermark: Option<Timestamp>| watermark.is_some_and(|watermark| watermark <= limit);
    Ok(newest_that(log, tenant, &fits, &mut |state| open(tenant, &state))?)
}

fn open(tenant: &TenantId, state: &StoredState) -> Result<(Engine, u64), String> {
    let parts = state.parts().filter(|(name, _)| !name.starts_with(IS_GIST));
    let engine = Engine::from_stored(tenant.clone(), parts).map_err(|error| error.to_string())?;
    Ok((engine, state.next_offset()))
}
