//! Where a tenant stands, found out from the log by whoever asks: by folding as its owner does, and keeping nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bellwether_engine::{Effect, Engine};
use bellwether_runtime::log::{Log, LogError, scan};
use bellwether_schemas::{TenantId, Topic, TopicKind};

use crate::WorkerError;
use crate::core::Recovered;
use crate::drive::GROUP;
use crate::recovery::recover;

/// Why a tenant's journal is not folded on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is.
    Nowhere,
    /// The record at that offset killed its owners, and is folded by nobody.
    Quarantined(u64),
    /// No fold by this build gets past the record at that offset.
    Stopped {
        /// Of the record.
        offset: u64,
        /// What the engine says of it.
        reason: String,
    },
    /// No fold by this build gets past the record at that offset, but a worker's has.
    Passed {
        /// Of the record.
        offset: u64,
        /// What the engine of this build says of it.
        reason: String,
    },
    /// So many owners died in a row, and the record that they died of is not known yet.
    Dying(i32),
    /// Records between these two are gone.
    Gap {
        /// The last record that the state has taken in.
        last_folded: u64,
        /// The first one that can be read.
        first_readable: u64,
    },
}

/// Deaths in a row after which nothing is folded here, lest whoever asks dies, too.
const DEATHS: i32 = 2;

/// Finds out where the tenant stands. Blocks while what follows its newest snapshot is folded.
///
/// # Errors
/// The log is out of reach, or the journal is not what a fold can begin with.
pub fn find_standing(log: &dyn Log, tenant: &TenantId) -> Result<Standing, WorkerError> {
    let found = match recover(log, tenant) {
        Ok(found) => found,
        Err(WorkerError::JournalGap { last_folded, first_readable, .. }) => {
            return Ok(Standing::Gap { last_folded, first_readable });
        }
        Err(error) => return Err(error),
    };
    if let Some(offset) = quarantined(&found) {
        return Ok(Standing::Quarantined(offset));
    }
    let journal = Topic::new(tenant, TopicKind::Journal);
    if let Some(deaths) = deaths(log, &journal, &found)? {
        return Ok(Standing::Dying(deaths));
    }
    fold(log, &journal, found)
}

/// The record in quarantine that nobody has decided about.
fn quarantined(found: &Recovered) -> Option<u64> {
    let record = found.words.quarantine.as_ref()?;
    let (offset, since) = (record.offset.cast_unsigned(), record.journal_end.cast_unsigned());
    let is_decided = found.decisions.is_skipped(offset) || found.decisions.is_again(offset, since);
    (offset >= found.fold_from() && !is_decided).then_some(offset)
}

/// How many owners died, where who folds the journal may die, too. One that is there has not died; while it folds record by
/// record, its note is in the log. Before its turn comes it has none: who asks then folds the journal before it does, and may
/// die in its place, of which nothing is left in the log.
fn deaths(log: &dyn Log, journal: &Topic, found: &Recovered) -> Result<Option<i32>, LogError> {
    let deaths = found.words.crashes(found.fold_from());
    let has_owner = log.members(GROUP)?.iter().any(|member| member.topics.contains(journal));
    if has_owner {
        let before = deaths - i32::from(found.words.has_died());
        return Ok(found.words.suspect.as_ref().map(|_| before));
    }
    Ok((deaths >= DEATHS).then_some(deaths))
}

fn fold(log: &dyn Log, journal: &Topic, found: Recovered) -> Result<Standing, WorkerError> {
    let (fold_from, survived_to, tenant) = (found.fold_from(), found.survived_to(), &journal.tenant);
    let mut engine = found.state.map_or_else(|| Engine::new(tenant.clone()), |state| state.engine);
    let mut effects = Vec::new();
    for record in scan(log, journal, fold_from..u64::MAX)? {
        let record = record?;
        let Ok(entry) = found.decisions.entry(tenant, &record) else { continue };
        let offset = record.offset;
        let applied = catch_unwind(AssertUnwindSafe(|| engine.apply(offset, &entry, &mut effects)));
        let stop = effects.drain(..).find_map(|effect| match effect {
            Effect::Halt(reason) => Some(reason),
            _ => None,
        });
        let panicked = applied.err().map(|_| "the engine panics at it".to_owned());
        if let Some(reason) = panicked.or(stop) {
            // To skip what was folded would make another journal of it.
            return Ok(if offset < survived_to {
                Standing::Passed { offset, reason }
            } else {
                Standing::Stopped { offset, reason }
            });
        }
    }
    Ok(Standing::Nowhere)
}
