//! A tenant whose owners died: what its care asks for is done here.

use bellwether_runtime::log::NewRecord;
use bellwether_schemas::TopicKind;

use super::TenantCore;
use crate::core::care::{Care, Step, gave};
use crate::core::{Numbers, Output};

impl TenantCore {
    /// It waits for its turn to fold a record with care.
    pub(in crate::core) fn wants_turn(&self) -> bool {
        !self.halted && self.care.as_ref().is_some_and(Care::wants_turn)
    }

    /// It folds with care, and nobody else does meanwhile.
    pub(in crate::core) fn has_turn(&self) -> bool {
        self.care.as_ref().is_some_and(Care::has_turn)
    }

    /// Says which record is folded next, or that none is for now.
    pub(in crate::core) fn note_next(&mut self, next: &mut Numbers, outputs: &mut Vec<Output>) {
        let step = self.care.as_mut().and_then(|care| care.note_next(self.stands_before, &mut next.append));
        if let Some(step) = step {
            self.take_care(step, next, outputs);
        }
    }

    pub(super) fn take_care(&mut self, step: Step, next: &mut Numbers, outputs: &mut Vec<Output>) {
        match step {
            Step::Say(record) => {
                let (tenant, kind) = (self.tenant.clone(), TopicKind::Snapshots);
                outputs.push(Output::Append(tenant, next.append, kind, vec![record]));
            }
            Step::Fold(record) => {
                self.fold_all(vec![record], next, outputs);
                self.drop_held_if_halted();
                self.note_next(next, outputs);
            }
            Step::Rest(records) => {
                if !records.is_empty() {
                    self.fold_all(records, next, outputs);
                }
                self.regulate(outputs);
            }
        }
    }

    /// Nobody folds what follows a record at which the tenant stopped.
    pub(super) fn drop_held_if_halted(&mut self) {
        if let Some(care) = self.care.as_mut().filter(|_| self.halted) {
            care.drop_held();
        }
    }

    /// What this owner says when it gives the tenant up.
    pub(in crate::core) fn gave(&self) -> Option<NewRecord> {
        gave(&self.owner)
    }

    /// It stopped at a record, and a decision about that one lets it go on.
    pub(in crate::core) const fn stands(&self) -> bool {
        self.halted
    }

    /// The first journal offset of which it is not known that all that came of it is in the log.
    pub(in crate::core) fn unsure_from(&self) -> Option<u64> {
        self.in_flight.front().map(|batch| batch.begins)
    }
}

/// Why a tenant stands before that record.
pub(super) fn quarantined(offset: u64) -> String {
    format!(
        "the worker died of the journal record at offset {offset} and folds it no more: look at it, then go on with \
         bellwether tenants resume"
    )
}
