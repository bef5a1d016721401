//! What a journal holds and gives, counted by folding it: the figures a run is judged by.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_engine::Effect;
use bellwether_runtime::journal::entries_to_fold;
use bellwether_runtime::log::Log;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::ids::GroupId;
use bellwether_schemas::journal::Entry;
use bellwether_schemas::readings::Reading;
use bellwether_schemas::triggers::Outcome;
use bellwether_schemas::{TenantId, Timestamp};

use crate::WorkerError;
use crate::snapshots::{State, load_oldest};

/// Counts of one tenant's journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Ticks that were accepted.
    pub ticks: u64,
    /// Bars that closed, history's included.
    pub bars: u64,
    /// Triggers that fired.
    pub triggers: u64,
    /// The same by kind of alert; none for a kind of which nothing fired.
    pub triggers_by_kind: BTreeMap<AlertKind, u64>,
    /// Groups of triggers: mails owed.
    pub groups: u64,
    /// Where the watermark ends.
    pub watermark: Option<Timestamp>,
}

/// Folds the journal as it stands and counts: from the oldest base on, where its front was cut off.
///
/// # Errors
/// The log cannot be read.
pub fn tally(log: &dyn Log, tenant: &TenantId) -> Result<Tally, WorkerError> {
    let State { mut engine, next_offset, .. } = load_oldest(log, tenant)?;
    let mut tally = Tally::default();
    let mut groups: BTreeSet<GroupId> = BTreeSet::new();
    let mut effects = Vec::new();
    for read in entries_to_fold(log, tenant, next_offset..u64::MAX)? {
        let (record, Ok(entry)) = read? else { continue };
        if let Entry::Ticks(block) = &entry {
            tally.ticks += block.ticks.len() as u64;
        }
        engine.apply(record.offset, &entry, &mut effects);
        let is_ticks = matches!(entry, Entry::Ticks(_));
        effects.drain(..).for_each(|effect| tally.count(effect, is_ticks, &mut groups));
    }
    tally.groups = groups.len() as u64;
    tally.watermark = engine.watermark();
    Ok(tally)
}

impl Tally {
    fn count(&mut self, effect: Effect, is_ticks: bool, groups: &mut BTreeSet<GroupId>) {
        match effect {
            Effect::Reading(Reading::Bar(_)) => self.bars += 1,
            Effect::Reading(_) | Effect::Forgotten(_) => {}
            Effect::Refused(_) => self.ticks -= u64::from(is_ticks),
            Effect::Outcome(Outcome::Fired(trigger)) => {
                self.triggers += 1;
                *self.triggers_by_kind.entry(trigger.kind).or_default() += 1;
                groups.insert(trigger.group.id);
            }
            Effect::Outcome(Outcome::Status(_)) | Effect::Halt(_) => {}
        }
    }
}
