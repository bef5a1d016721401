//! One tenant from its assignment on: first recovered, then folded.

use std::time::Duration;

use bellwether_runtime::backoff::Backoff;
use bellwether_schemas::snapshots::words::OwnerWord;
use bellwether_schemas::{TenantId, TopicKind};

use super::care::Taking;
use super::tenant::TenantCore;
use super::{AppendId, NotRecovered, Numbers, Output, Recovered, RecoveryId};
use crate::events;

/// Between two tries to recover a tenant.
const RETRY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));

/// How the worker takes tenants.
#[derive(Debug, Clone, Copy)]
pub(super) struct How<'a> {
    /// The worker's name.
    pub(super) worker: &'a str,
    /// Between two times that a tenant's state is taken.
    pub(super) snapshot_every: Duration,
}

/// A tenant whose journal is ours.
#[derive(Debug)]
pub(super) struct Owned {
    tenant: TenantId,
    /// The last recovery that was asked for: no other's answer counts.
    recovery: RecoveryId,
    /// Of recoveries, in a row.
    failures: u32,
    /// Of a fold that was lost: from here on it is not known what of it is in the log.
    unsure_from: Option<u64>,
    /// The journal offset before which all decisions are known.
    looked_to: u64,
    is_looking: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Waits for an answer.
    Recovering,
    /// Has said that the tenant is its own, and waits until that is in the log: who dies of the first record is to be
    /// known to have died.
    Taking(Box<Begun>),
    /// Knows what the owner before left behind, and may have stopped since.
    Folding(Box<TenantCore>),
    /// Stopped before anything was folded: a decision may let it go on.
    Standing,
    /// Stopped before anything was folded.
    Halted,
}

/// A fold that is about to begin.
#[derive(Debug)]
struct Begun {
    core: TenantCore,
    /// Its owner's word.
    word: AppendId,
    outputs: Vec<Output>,
}

impl Owned {
    /// Asks at once what the owner before left behind.
    pub(super) fn new(tenant: TenantId, last: &mut Numbers, outputs: &mut Vec<Output>) -> Self {
        let mut owned = Self {
            tenant,
            recovery: 0,
            failures: 0,
            unsure_from: None,
            looked_to: 0,
            is_looking: false,
            stage: Stage::Recovering,
        };
        owned.recover_after(Duration::ZERO, last, outputs);
        owned
    }

    /// Begins to fold, tries again later, or stops the tenant.
    pub(super) fn recovered(
        &mut self,
        id: RecoveryId,
        found: Result<Recovered, NotRecovered>,
        now: Duration,
        how: How<'_>,
        last: &mut Numbers,
        outputs: &mut Vec<Output>,
    ) {
        if id != self.recovery || matches!(self.stage, Stage::Halted) {
            return;
        }
        match found {
            Ok(recovered) => self.take(recovered, now, how, last, outputs),
            Err(NotRecovered::Unavailable(reason)) => {
                self.failures += 1;
                let wait = RETRY.after(self.failures);
                let (tenant, failures) = (&self.tenant, self.failures);
                events::RecoveryFailed { tenant, failures, wait, error: &reason }.emit();
                self.recover_after(wait, last, outputs);
            }
            Err(NotRecovered::Barred(reason)) => self.stop_for_now(reason, last, outputs),
            Err(NotRecovered::Gap { reason, looked_to }) => {
                (self.stage, self.looked_to) = (Stage::Standing, looked_to);
                self.stop(reason, outputs);
            }
            Err(NotRecovered::Refused(reason)) => self.halt(reason, outputs),
        }
    }

    /// Says that the tenant is this owner's, and what else follows from what was found; the fold begins once that is in
    /// the log.
    fn take(
        &mut self,
        mut found: Recovered,
        now: Duration,
        how: How<'_>,
        last: &mut Numbers,
        outputs: &mut Vec<Output>,
    ) {
        if let Some(from) = self.unsure_from {
            found.doubt(from);
        }
        found.words.forgive(how.worker);
        self.looked_to = found.decisions.read_to();
        let owner = OwnerWord::name_of(how.worker, self.recovery);
        let mut taking = Taking::new(&self.tenant, owner, &found);
        let (fold_from, committed) = (found.fold_from(), found.committed);
        let mut then = vec![Output::ReadFrom(self.tenant.clone(), self.recovery, fold_from)];
        // The owner before died between the two, or the group's position was lost. A snapshot stands for
        // what is acknowledged, and there may be no record behind it to commit.
        if fold_from > committed {
            then.push(Output::Commit(self.tenant.clone(), fold_from));
        }
        last.append += 1;
        let (word, words) = (last.append, std::mem::take(&mut taking.words));
        outputs.push(Output::Append(self.tenant.clone(), word, TopicKind::Snapshots, words));
        let core = TenantCore::new(self.tenant.clone(), found, taking, now, how.snapshot_every);
        self.stage = Stage::Taking(Box::new(Begun { core, word, outputs: then }));
    }

    /// An append is in the log.
    pub(super) fn acknowledged(&mut self, id: AppendId, last: &mut Numbers, outputs: &mut Vec<Output>) {
        match std::mem::replace(&mut self.stage, Stage::Recovering) {
            Stage::Taking(begun) if begun.word == id => {
                let Begun { core, outputs: then, .. } = *begun;
                outputs.extend(then);
                self.stage = Stage::Folding(Box::new(core));
            }
            Stage::Folding(mut core) => {
                core.acknowledged(id, last, outputs);
                self.stage = Stage::Folding(core);
            }
            other => self.stage = other,
        }
    }

    /// Its fold, once it has begun.
    pub(super) fn folding(&mut self) -> Option<&mut TenantCore> {
        match &mut self.stage {
            Stage::Folding(core) => Some(core),
            Stage::Recovering | Stage::Taking(_) | Stage::Standing | Stage::Halted => None,
        }
    }

    /// Time of the worker goes on. A tenant that stands looks for a decision.
    pub(super) fn passed(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        if let Stage::Folding(core) = &mut self.stage {
            core.passed(now);
        }
        if self.stands() && !self.is_looking {
            self.is_looking = true;
            outputs.push(Output::Look(self.tenant.clone(), self.looked_to));
        }
    }

    /// What was decided is found out by recovering anew.
    pub(super) fn looked(
        &mut self,
        read_to: u64,
        is_decided: bool,
        last: &mut Numbers,
        outputs: &mut Vec<Output>,
    ) {
        self.is_looking = false;
        self.looked_to = self.looked_to.max(read_to);
        if is_decided && self.stands() {
            self.recover_after(Duration::ZERO, last, outputs);
        }
    }

    /// It stopped, and a decision may let it go on.
    fn stands(&self) -> bool {
        match &self.stage {
            Stage::Folding(core) => core.stands(),
            Stage::Standing => true,
            Stage::Recovering | Stage::Taking(_) | Stage::Halted => false,
        }
    }

    /// What it was folded from, or appended to, is not there: it is recovered anew, again and again until that is. What is
    /// not known to be in the log is written again then: a later append may be there, and an earlier one not.
    pub(super) fn lost(
        &mut self,
        reason: String,
        now: Duration,
        last: &mut Numbers,
        outputs: &mut Vec<Output>,
    ) {
        match &mut self.stage {
            Stage::Folding(core) => {
                let folded_to = core.folded_to().unwrap_or(0);
                let doubted = self.unsure_from.filter(|from| *from >= folded_to);
                self.unsure_from = doubted.into_iter().chain(core.unsure_from()).min();
                core.given_up(now, last, outputs);
            }
            Stage::Taking(_) => {}
            Stage::Recovering | Stage::Standing | Stage::Halted => return,
        }
        self.stop_for_now(reason, last, outputs);
    }

    /// The operator is told, and it is recovered anew until that succeeds.
    fn stop_for_now(&mut self, reason: String, last: &mut Numbers, outputs: &mut Vec<Output>) {
        self.stop(reason, outputs);
        self.failures += 1;
        self.recover_after(RETRY.after(self.failures), last, outputs);
    }

    /// The tenant goes to another owner, or nobody goes on with it for now: that is no death.
    pub(super) fn given_up(mut self, now: Duration, last: &mut Numbers, outputs: &mut Vec<Output>) {
        if let Stage::Folding(core) = &mut self.stage {
            core.given_up(now, last, outputs);
        }
        self.give(last, outputs);
    }

    /// Says that it is given up, where it was said to be taken.
    fn give(&self, last: &mut Numbers, outputs: &mut Vec<Output>) {
        let gave = match &self.stage {
            Stage::Folding(core) => core.gave(),
            Stage::Taking(begun) => begun.core.gave(),
            Stage::Recovering | Stage::Standing | Stage::Halted => None,
        };
        if let Some(gave) = gave {
            last.append += 1;
            outputs.push(Output::Append(self.tenant.clone(), last.append, TopicKind::Snapshots, vec![gave]));
        }
    }

    /// It is folded, and nothing of it is under way.
    pub(super) fn is_idle(&self) -> bool {
        match &self.stage {
            Stage::Folding(core) => core.is_idle(),
            Stage::Recovering | Stage::Taking(_) | Stage::Standing | Stage::Halted => false,
        }
    }

    /// Its recovery is over.
    pub(super) fn is_live(&self) -> bool {
        matches!(&self.stage, Stage::Folding(core) if core.is_live())
    }

    /// It stopped.
    pub(super) fn is_halted(&self) -> bool {
        self.stands() || matches!(self.stage, Stage::Halted)
    }

    /// A snapshot of it is begun and not whole.
    pub(super) fn is_taking(&self) -> bool {
        match &self.stage {
            Stage::Folding(core) => core.is_taking(),
            Stage::Recovering | Stage::Taking(_) | Stage::Standing | Stage::Halted => false,
        }
    }

    pub(super) fn halt(&mut self, reason: String, outputs: &mut Vec<Output>) {
        match &mut self.stage {
            Stage::Folding(core) => core.halt(reason, outputs),
            Stage::Recovering | Stage::Taking(_) => {
                self.stage = Stage::Halted;
                self.stop(reason, outputs);
            }
            Stage::Standing | Stage::Halted => {}
        }
    }

    fn stop(&self, reason: String, outputs: &mut Vec<Output>) {
        events::Halted { tenant: &self.tenant, reason: &reason }.emit();
        outputs.push(Output::Halt(self.tenant.clone(), reason));
    }

    /// Whoever dies before it is recovered, does not die of it.
    fn recover_after(&mut self, wait: Duration, last: &mut Numbers, outputs: &mut Vec<Output>) {
        self.give(last, outputs);
        last.recovery += 1;
        self.recovery = last.recovery;
        self.stage = Stage::Recovering;
        outputs.push(Output::Recover(self.tenant.clone(), self.recovery, wait));
    }
}
