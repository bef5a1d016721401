//! Finding the state to go on from.

use bellwether_engine::Engine;
use bellwether_runtime::journal::gist::{Gist, IS_GIST};
use bellwether_runtime::log::Log;
use bellwether_runtime::snapshots::{
    Found, StoredState, go_on_from, newest_whatever_the_journal, oldest_base,
};
use bellwether_schemas::TenantId;

use super::State;
use crate::WorkerError;
use crate::events;

/// Finds the newest snapshot of this tenant and of this journal that is whole and that this build can go on from. The
/// ones that are not are logged, and do not count any more. Blocks while the topic is read.
///
/// # Errors
/// The log is out of reach; the journal is not the one that a sound snapshot was taken of, so that what came of that one
/// would pass for what comes of this; or it was cut, and there is no snapshot to begin with.
pub fn load_newest(log: &dyn Log, tenant: &TenantId) -> Result<Found<State>, WorkerError> {
    Ok(go_on_from(log, tenant, &mut |state| restore(tenant, &state), &mut |next_offset, why| {
        events::SnapshotRefused { tenant, next_offset, why }.emit();
    })?)
}

/// Finds the newest whole snapshot of this tenant that the journal does not reach any more: records between the two are
/// gone. Blocks while the topic is read.
///
/// # Errors
/// The log is out of reach.
pub fn load_behind_a_gap(log: &dyn Log, tenant: &TenantId) -> Result<Found<State>, WorkerError> {
    Ok(newest_whatever_the_journal(log, tenant, &mut |state| restore(tenant, &state))?)
}

/// What a journal is folded from that is to be folded again as far back as it goes: nothing where it begins at offset 0,
/// else the oldest base that it still has.
///
/// # Errors
/// As [`load_newest`].
pub fn load_oldest(log: &dyn Log, tenant: &TenantId) -> Result<State, WorkerError> {
    let found = oldest_base(log, tenant, &mut |state| restore(tenant, &state), &mut |next_offset, why| {
        events::SnapshotRefused { tenant, next_offset, why }.emit();
    })?;
    Ok(found.unwrap_or_else(|| State::nothing(tenant)))
}

/// The state of which these are the parts; else why it is none.
pub(crate) fn restore(tenant: &TenantId, stored: &StoredState) -> Result<State, String> {
    let of_engine = stored.parts().filter(|(name, _)| !name.starts_with(IS_GIST));
    let engine = Engine::from_stored(tenant.clone(), of_engine).map_err(|error| error.to_string())?;
    let gist = Gist::of_parts(stored.parts()).map_err(|error| error.to_string())?;
    Ok(State { engine, gist, next_offset: stored.next_offset(), late: stored.manifest.late })
}
