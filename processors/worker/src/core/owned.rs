//! One tenant from its assignment on: first recovered, then folded.

use std::time::Duration;

use bellwether_runtime::backoff::Backoff;
use bellwether_schemas::TenantId;

use super::tenant::TenantCore;
use super::{NotRecovered, Output, Recovered, RecoveryId};
use crate::events;

/// Between two tries to recover a tenant.
const RETRY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));

/// A tenant whose journal is ours.
#[derive(Debug)]
pub(super) struct Owned {
    tenant: TenantId,
    /// The last recovery that was asked for: no other's answer counts.
    recovery: RecoveryId,
    /// Of recoveries, in a row.
    failures: u32,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Waits for an answer.
    Recovering,
    /// Knows what the owner before left behind, and may have stopped since.
    Folding(Box<TenantCore>),
    /// Stopped before anything was folded.
    Halted,
}

impl Owned {
    /// Asks at once what the owner before left behind.
    pub(super) fn new(tenant: TenantId, last: &mut RecoveryId, outputs: &mut Vec<Output>) -> Self {
        let mut owned = Self { tenant, recovery: 0, failures: 0, stage: Stage::Recovering };
        owned.recover_after(Duration::ZERO, last, outputs);
        owned
    }

    /// Begins to fold, tries again later, or stops the tenant. Its state is taken as often as `every` says.
    pub(super) fn recovered(
        &mut self,
        id: RecoveryId,
        found: Result<Recovered, NotRecovered>,
        now: Duration,
        every: Duration,
        last: &mut RecoveryId,
        outputs: &mut Vec<Output>,
    ) {
        if id != self.recovery || matches!(self.stage, Stage::Halted) {
            return;
        }
        match found {
            Ok(recovered) => {
                let (fold_from, committed) = (recovered.fold_from(), recovered.committed);
                outputs.push(Output::ReadFrom(self.tenant.clone(), id, fold_from));
                // The owner before died between the two, or the group's position was lost. A snapshot stands for
                // what is acknowledged, and there may be no record behind it to commit.
                if fold_from > committed {
                    outputs.push(Output::Commit(self.tenant.clone(), fold_from));
                }
                let core = TenantCore::new(self.tenant.clone(), recovered, now, every);
                self.stage = Stage::Folding(Box::new(core));
            }
            Err(NotRecovered::Unavailable(reason)) => {
                self.failures += 1;
                let wait = RETRY.after(self.failures);
                let (tenant, failures) = (&self.tenant, self.failures);
                events::RecoveryFailed { tenant, failures, wait, error: &reason }.emit();
                self.recover_after(wait, last, outputs);
            }
            Err(NotRecovered::Refused(reason)) => self.halt(reason, outputs),
        }
    }

    /// Its fold, once it is recovered.
    pub(super) fn folding(&mut self) -> Option<&mut TenantCore> {
        match &mut self.stage {
            Stage::Folding(core) => Some(core),
            Stage::Recovering | Stage::Halted => None,
        }
    }

    /// It is folded, and nothing of it is under way.
    pub(super) fn is_idle(&self) -> bool {
        match &self.stage {
            Stage::Folding(core) => core.is_idle(),
            Stage::Recovering | Stage::Halted => false,
        }
    }

    /// A snapshot of it is begun and not whole.
    pub(super) fn is_taking(&self) -> bool {
        match &self.stage {
            Stage::Folding(core) => core.is_taking(),
            Stage::Recovering | Stage::Halted => false,
        }
    }

    pub(super) fn halt(&mut self, reason: String, outputs: &mut Vec<Output>) {
        match &mut self.stage {
            Stage::Folding(core) => core.halt(reason, outputs),
            Stage::Recovering => {
                self.stage = Stage::Halted;
                events::Halted { tenant: &self.tenant, reason: &reason }.emit();
                outputs.push(Output::Halt(self.tenant.clone(), reason));
            }
            Stage::Halted => {}
        }
    }

    fn recover_after(&mut self, wait: Duration, last: &mut RecoveryId, outputs: &mut Vec<Output>) {
        *last += 1;
        self.recovery = *last;
        self.stage = Stage::Recovering;
        outputs.push(Output::Recover(self.tenant.clone(), self.recovery, wait));
    }
}
