//! Where a tenant stands, found out from the log by whoever asks: by folding as its owner does, and keeping nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bellwether_engine::{Effect, Engine};
use bellwether_runtime::log::{Log, scan};
use bellwether_schemas::{TenantId, Topic, TopicKind};

use crate::WorkerError;
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
    let fold_from = found.fold_from();
    if let Some(record) = &found.words.quarantine {
        let (offset, since) = (record.offset.cast_unsigned(), record.journal_end.cast_unsigned());
        let is_decided = found.decisions.is_skipped(offset) || found.decisions.is_again(offset, since);
        if offset >= fold_from && !is_decided {
            return Ok(Standing::Quarantined(offset));
        }
    }
    let crashes = found.words.crashes(fold_from);
    if crashes >= DEATHS {
        return Ok(Standing::Dying(crashes));
    }
    let journal = Topic::new(tenant, TopicKind::Journal);
    let mut engine = found.state.map_or_else(|| Engine::new(tenant.clone()), |state| state.engine);
    let mut effects = Vec::new();
    for record in scan(log, &journal, fold_from..u64::MAX)? {
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
            return Ok(Standing::Stopped { offset, reason });
        }
    }
    Ok(Standing::Nowhere)
}
