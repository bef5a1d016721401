//! What a member of the group decides, without IO: inputs in, outputs out. The thread in `drive` performs them, tests play
//! them.
//!
//! The contract: a journal's offset is committed once everything that was to be answered before it is in the previews
//! topic, or nobody waits for it any more, because the alert has a newer version or is gone. So the topic
//! has in the end what follows from the journal: of each alert that is watched its version's answer, of each user whose
//! alerts fired in the thirty days before the last midnight what followed, and nothing else.

mod owned;

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_runtime::backoff::Backoff;
use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::previews::AlertPreview;
use bellwether_schemas::{TenantId, Timestamp};

use crate::answer::Job;
use crate::fold::{Fold, Stop};
use crate::users::{Ended, Said};
use owned::Owned;

/// Changes that may wait for their answers before the tenant's journal is paused.
pub const MOST_WAITING: usize = 4_096;
/// Between tries to find a state to go on from.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// Names one recovery, job or append of this process.
pub type Number = u64;

/// Which of a tenant's two jobs: those that need few symbols do not wait for those that need all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breadth {
    /// A few symbols.
    Few,
    /// All of them.
    All,
}

/// What happened since the last step.
#[derive(Debug)]
pub enum Input {
    /// The tenant is this member's.
    Assigned(TenantId),
    /// A state was found and folded to where the group stood, or why not.
    Recovered(TenantId, Number, Result<Box<Recovered>, String>),
    /// Records of its journal, in order.
    Records(TenantId, Vec<Record>),
    /// The answers of a job; none: it was of no use.
    Answered(TenantId, Number, Option<Vec<AlertPreview>>),
    /// What is to be said to users; none: nothing came of it.
    Followed(TenantId, Number, Option<Vec<Said>>),
    /// The append is in the log.
    Acknowledged(TenantId, Number),
    /// What it was given cannot be used any more: it is found out anew.
    Lost(TenantId, String),
    /// The tenant is another's.
    Revoked(TenantId),
}

/// A fold that stands where the group stood.
#[derive(Debug)]
pub struct Recovered {
    /// The fold.
    pub fold: Fold,
    /// The journal offset to fold next.
    pub next_offset: u64,
    /// Where the journal ended meanwhile: what is before it is caught up with first.
    pub journal_end: u64,
}

/// What to do, in this order.
#[derive(Debug)]
pub enum Output {
    /// Find a state to go on from, after that wait.
    Recover(TenantId, Number, Duration),
    /// Read the journal from there on.
    ReadFrom(TenantId, u64),
    /// Answer these beside the thread that reads.
    Answer(Number, Breadth, Job),
    /// Find out what is to be said to users of a day that ended, beside the thread that reads.
    Follow(Number, Ended),
    /// Append these to the previews topic; `since` is when the oldest change was appended that they answer.
    Append(TenantId, Number, Vec<NewRecord>, Option<Timestamp>),
    /// Everything before that offset is done.
    Commit(TenantId, u64),
    /// No more records for now.
    Pause(TenantId),
    /// Records again.
    Resume(TenantId),
    /// The tenant stands, for this reason, until the next try.
    Stopped(TenantId, String),
}

impl Output {
    /// Whose it is.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        match self {
            Self::Answer(_, _, job) => &job.tenant,
            Self::Follow(_, ended) => &ended.tenant,
            Self::Recover(tenant, ..)
            | Self::ReadFrom(tenant, _)
            | Self::Append(tenant, ..)
            | Self::Commit(tenant, _)
            | Self::Pause(tenant)
            | Self::Resume(tenant)
            | Self::Stopped(tenant, _) => tenant,
        }
    }
}

/// All tenants of this member.
#[derive(Debug, Default)]
pub struct Core {
    tenants: BTreeMap<TenantId, Tenant>,
    numbers: Number,
}

#[derive(Debug)]
enum Tenant {
    Recovering { id: Number, tries: u32 },
    Owned(Box<Owned>),
}

impl Core {
    /// Takes in what happened and says what to do.
    pub fn step(&mut self, input: Input, outputs: &mut Vec<Output>) {
        match input {
            Input::Assigned(tenant) => self.recover(tenant, 0, outputs),
            Input::Recovered(tenant, id, found) => self.recovered(tenant, id, found, outputs),
            Input::Records(tenant, records) => self.records(tenant, records, outputs),
            Input::Answered(tenant, id, answers) => {
                self.with(&tenant, |owned, numbers| owned.answered(&tenant, id, answers, numbers, outputs));
            }
            Input::Followed(tenant, id, said) => {
                self.with(&tenant, |owned, numbers| owned.followed(&tenant, id, said, numbers, outputs));
            }
            Input::Acknowledged(tenant, id) => {
                self.with(&tenant, |owned, _| owned.acknowledged(&tenant, id, outputs));
            }
            Input::Lost(tenant, reason) => self.stop(tenant, reason, outputs),
            Input::Revoked(tenant) => drop(self.tenants.remove(&tenant)),
        }
    }

    /// Where the group stands with the tenant: everything before is done.
    #[must_use]
    pub fn done(&self, tenant: &TenantId) -> Option<u64> {
        match self.tenants.get(tenant)? {
            Tenant::Owned(owned) => Some(owned.done()),
            Tenant::Recovering { .. } => None,
        }
    }

    /// How many minutes of the tenant are kept.
    #[must_use]
    pub fn minutes(&self, tenant: &TenantId) -> Option<usize> {
        match self.tenants.get(tenant)? {
            Tenant::Owned(owned) => Some(owned.minutes()),
            Tenant::Recovering { .. } => None,
        }
    }

    /// Tenants whose journals are folded, and whether each has caught up with what was there when it began.
    pub fn folded(&self) -> impl Iterator<Item = (&TenantId, bool)> {
        self.tenants.iter().filter_map(|(tenant, state)| match state {
            Tenant::Owned(owned) => Some((tenant, owned.is_live())),
            Tenant::Recovering { .. } => None,
        })
    }

    fn with(&mut self, tenant: &TenantId, act: impl FnOnce(&mut Owned, &mut Number)) {
        let Self { tenants, numbers } = self;
        if let Some(Tenant::Owned(owned)) = tenants.get_mut(tenant) {
            act(owned, numbers);
        }
    }

    fn recover(&mut self, tenant: TenantId, tries: u32, outputs: &mut Vec<Output>) {
        let id = next(&mut self.numbers);
        let wait = if tries == 0 { Duration::ZERO } else { RETRY.after(tries) };
        outputs.push(Output::Pause(tenant.clone()));
        outputs.push(Output::Recover(tenant.clone(), id, wait));
        self.tenants.insert(tenant, Tenant::Recovering { id, tries });
    }

    fn recovered(
        &mut self,
        tenant: TenantId,
        id: Number,
        found: Result<Box<Recovered>, String>,
        outputs: &mut Vec<Output>,
    ) {
        let Some(Tenant::Recovering { id: asked, tries }) = self.tenants.get(&tenant) else { return };
        if *asked != id {
            return;
        }
        let tries = *tries;
        match found {
            Ok(recovered) => {
                let owned = Owned::new(*recovered, tries);
                outputs.push(Output::ReadFrom(tenant.clone(), owned.next_offset));
                self.tenants.insert(tenant, Tenant::Owned(Box::new(owned)));
            }
            Err(reason) => {
                outputs.push(Output::Stopped(tenant.clone(), reason));
                self.recover(tenant, tries + 1, outputs);
            }
        }
    }

    fn records(&mut self, tenant: TenantId, records: Vec<Record>, outputs: &mut Vec<Output>) {
        let Self { tenants, numbers } = self;
        let Some(Tenant::Owned(owned)) = tenants.get_mut(&tenant) else { return };
        match owned.records(&tenant, &records, numbers, outputs) {
            Ok(()) => {}
            Err(Stop::Halted(reason)) => self.stop(tenant, reason, outputs),
            Err(Stop::Decided) => self.recover(tenant, 0, outputs),
        }
    }

    /// What is under way for it is forgotten: it lies behind what is committed.
    fn stop(&mut self, tenant: TenantId, reason: String, outputs: &mut Vec<Output>) {
        let tries = match self.tenants.get(&tenant) {
            Some(Tenant::Owned(owned)) => owned.failures,
            Some(Tenant::Recovering { .. }) | None => return,
        };
        outputs.push(Output::Stopped(tenant.clone(), reason));
        self.recover(tenant, tries + 1, outputs);
    }
}

fn next(numbers: &mut Number) -> Number {
    *numbers += 1;
    *numbers
}
