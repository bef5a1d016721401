//! The worker's decisions, without IO: what to append, when to commit, whom to stop.
//!
//! A driver feeds [`Input`]s and performs [`Output`]s in their order. The rule that everything rests on: a journal
//! offset is committed only after every effect from before it is acknowledged.
//!
//! A tenant's way: assigned, it is silent until it is known what the owner before left behind; that is asked for
//! ([`Output::Recover`]) and answered ([`Input::Recovered`]), again and again while the log is out of reach; then
//! this owner's word is put in the log, and once it is there the
//! journal is read and folded ([`Output::ReadFrom`]) until it is revoked. Every so often ([`SNAPSHOT_EVERY`]), after a
//! recovery and when it is revoked, its state is copied, a little at a time, and given out to be stored
//! ([`Output::Store`]), but not before everything that came of it is acknowledged.

mod appends;
mod care;
mod catching_up;
mod dead_letters;
mod last_asked;
mod owned;
mod snapshots;
mod tenant;

use std::collections::BTreeMap;
use std::time::Duration;

use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::log::{LogError, NewRecord, Record};
use bellwether_runtime::words::Words;
use bellwether_schemas::triggers::Cause;
use bellwether_schemas::{TenantId, TopicKind};

use crate::snapshots::{Snapshot, State};
pub use bellwether_runtime::config::SNAPSHOT_EVERY;
pub use last_asked::LastAsked;
use owned::{How, Owned};

/// Names an append, so that its acknowledgement can be told. Rises.
pub type AppendId = u64;

/// Names one try to recover a tenant, so that the answer to one that nobody waits for any more is known. Rises.
pub type RecoveryId = u64;

/// Names a snapshot, so that it can be told whether it is stored. Rises.
pub type SnapshotId = u64;

/// What happened to the worker: the only way in which the core learns of the world.
#[derive(Debug)]
pub enum Input {
    /// The tenant's journal is ours. Nothing of it is read yet.
    Assigned(TenantId),
    /// What came of an [`Output::Recover`]; or the journal could not be read from where its [`Output::ReadFrom`] said.
    Recovered(TenantId, RecoveryId, Result<Recovered, NotRecovered>),
    /// The next records of its journal, in order.
    Records(TenantId, Vec<Record>),
    /// An append is durable.
    Acknowledged(TenantId, AppendId),
    /// A snapshot is in the log, or is not and never will be.
    Stored(TenantId, SnapshotId, bool),
    /// It is that long since the worker began. Said about once a second.
    Passed(Duration),
    /// The worker goes round, whether there are records or none. Said all the time while [`Core::is_taking`].
    Turned,
    /// The tenant's journal is not ours any more. What is asked for in answer is still to be done.
    Revoked(TenantId),
    /// The tenant cannot go on, for this reason.
    Failed(TenantId, String),
    /// A topic of the tenant is not there, or its journal cannot be read from where it was to be: the tenant is
    /// recovered anew, and stands for this reason until it is.
    Lost(TenantId, String),
    /// What came of an [`Output::Look`]: how far it looked, and whether anything was decided.
    Looked(TenantId, u64, bool),
}

/// What a new owner knows of the owner before.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The last cause on the triggers topic: effects up to it are withheld.
    pub last_cause: Option<Cause>,
    /// The group's committed offset: every effect from before it is acknowledged.
    pub committed: u64,
    /// Where the journal ended: what is before it is a recovery, what comes after it is live.
    pub journal_end: u64,
    /// The state to go on from; none: the fold begins at the journal's start.
    pub state: Option<Box<State>>,
    /// What operators decided about the journal, from the record on that is folded first.
    pub decisions: Decisions,
    /// What the owners before told each other.
    pub words: Box<Words>,
}

impl Recovered {
    /// The journal offset at which the fold begins.
    #[must_use]
    pub fn fold_from(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.next_offset)
    }

    /// The first journal offset of which the log does not show that its record was folded: neither a commit nor an outcome
    /// lies behind it.
    pub(crate) fn survived_to(&self) -> u64 {
        let caused_to = self.last_cause.map(|cause| cause.offset.cast_unsigned().saturating_add(1));
        caused_to.unwrap_or(0).max(self.committed)
    }

    /// What came of the journal from that offset on may be in the log in part only: it is written again.
    fn doubt(&mut self, from: u64) {
        let before = from.checked_sub(1);
        let before = before.map(|last| Cause { offset: last.cast_signed(), index: i32::MAX });
        self.last_cause = self.last_cause.min(before);
    }
}

/// Why it is not known what the owner before left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotRecovered {
    /// The log is out of reach: a later try may succeed.
    Unavailable(String),
    /// The brokers let us not use a topic of it. Nobody but an operator mends that, and a later try may succeed.
    Barred(String),
    /// The log is not what a fold can begin with: an operator has to do something.
    Refused(String),
    /// Records of the journal are gone, and nobody has accepted that yet.
    Gap {
        /// For the operator.
        reason: String,
        /// The journal offset before which all decisions were looked at.
        looked_to: u64,
    },
}

impl From<LogError> for NotRecovered {
    fn from(error: LogError) -> Self {
        match error {
            // A topic that is not there may come, or be made anew, and without it there is nothing to refuse.
            LogError::Unavailable { .. } | LogError::UnknownSchema { .. } => {
                Self::Unavailable(error.to_string())
            }
            LogError::Refused { .. } => Self::Barred(error.to_string()),
            of_a_topic if of_a_topic.is_of_a_topic() => Self::Unavailable(of_a_topic.to_string()),
            other => Self::Refused(other.to_string()),
        }
    }
}

/// What the worker is to do: the core decides it, the shell (`drive.rs`) performs it.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// After that wait, find out what the owner before left behind, and say it under that id.
    Recover(TenantId, RecoveryId, Duration),
    /// Read the tenant's journal from that offset on. Where the log is out of reach for that, recovery has failed.
    ReadFrom(TenantId, RecoveryId, u64),
    /// Append these to that topic of the tenant, and say when they are durable.
    Append(TenantId, AppendId, TopicKind, Vec<NewRecord>),
    /// Everything before this journal offset is done.
    Commit(TenantId, u64),
    /// Store that snapshot, beside everything else, and say what came of it. One of a tenant at a time.
    Store(TenantId, SnapshotId, Box<Snapshot>),
    /// Read no more of this tenant's journal for now.
    Pause(TenantId),
    /// Read on in this tenant's journal, which was paused.
    Resume(TenantId),
    /// Read no more of it at all; others go on. The reason is for the operator.
    Halt(TenantId, String),
    /// The tenant stands: look whether an operator decided anything about its journal from that offset on.
    Look(TenantId, u64),
}

impl Output {
    /// Whose it is.
    #[must_use]
    pub const fn tenant(&self) -> &TenantId {
        match self {
            Self::Recover(tenant, ..)
            | Self::ReadFrom(tenant, ..)
            | Self::Append(tenant, ..)
            | Self::Commit(tenant, _)
            | Self::Store(tenant, ..)
            | Self::Pause(tenant)
            | Self::Resume(tenant)
            | Self::Halt(tenant, _)
            | Self::Look(tenant, _) => tenant,
        }
    }
}

impl Default for Core {
    fn default() -> Self {
        Self::new()
    }
}

/// All tenants this worker owns.
#[derive(Debug)]
pub struct Core {
    /// Of this worker, as others read it.
    name: String,
    /// Between two snapshots of a tenant.
    snapshot_every: Duration,
    tenants: BTreeMap<TenantId, Owned>,
    /// The last of each that were given out.
    last: Numbers,
    /// How long the worker goes on.
    now: Duration,
    /// The one tenant that is folded with care now.
    turn: Option<TenantId>,
}

/// Names for what is asked for: each is used once.
#[derive(Debug, Default)]
struct Numbers {
    append: AppendId,
    recovery: RecoveryId,
    snapshot: SnapshotId,
}

impl Core {
    /// A worker that owns nothing yet, and will take states as often as is usual.
    #[must_use]
    pub fn new() -> Self {
        Self::with_snapshots_every(SNAPSHOT_EVERY)
    }

    /// The same, taking each tenant's state that often.
    #[must_use]
    pub fn with_snapshots_every(snapshot_every: Duration) -> Self {
        let (tenants, last) = (BTreeMap::new(), Numbers::default());
        Self { name: String::new(), snapshot_every, tenants, last, now: Duration::ZERO, turn: None }
    }

    /// The same, by a name that no other worker has.
    #[must_use]
    pub fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// The worker ends: what is asked for in answer is still to be done, if it can be.
    pub fn end(&mut self, outputs: &mut Vec<Output>) {
        for (_, owned) in std::mem::take(&mut self.tenants) {
            owned.given_up(self.now, &mut self.last, outputs);
        }
    }

    /// The tenants that are folded and of which nothing is under way: all that was read of them is done.
    pub fn idle(&self) -> impl Iterator<Item = &TenantId> {
        self.tenants.iter().filter(|(_, owned)| owned.is_idle()).map(|(tenant, _)| tenant)
    }

    /// The tenant is not folded on.
    #[must_use]
    pub fn is_halted(&self, tenant: &TenantId) -> bool {
        self.tenants.get(tenant).is_some_and(Owned::is_halted)
    }

    /// The tenant is folded, and what was in its journal when its recovery began is behind.
    #[must_use]
    pub fn is_live(&self, tenant: &TenantId) -> bool {
        self.tenants.get(tenant).is_some_and(Owned::is_live)
    }

    /// A tenant's state is being copied, a little each time that the worker goes round.
    #[must_use]
    pub fn is_taking(&self) -> bool {
        self.tenants.values().any(Owned::is_taking)
    }

    /// Takes one input in; adds what follows from it.
    pub fn step(&mut self, input: Input, outputs: &mut Vec<Output>) {
        self.take_in(input, outputs);
        self.pass_turn(outputs);
    }

    /// One tenant at a time is folded with care: a worker that dies leaves a note of it alone.
    fn pass_turn(&mut self, outputs: &mut Vec<Output>) {
        let Self { tenants, last, turn, .. } = self;
        let mut holder = turn.as_ref().and_then(|tenant| tenants.get_mut(tenant)).and_then(Owned::folding);
        if holder.as_mut().is_some_and(|core| core.has_turn()) {
            return;
        }
        let mut folding = tenants.iter_mut().filter_map(|(tenant, owned)| Some((tenant, owned.folding()?)));
        *turn = folding.find(|(_, core)| core.wants_turn()).map(|(tenant, core)| {
            core.note_next(last, outputs);
            tenant.clone()
        });
    }

    fn take_in(&mut self, input: Input, outputs: &mut Vec<Output>) {
        let Self { tenants, last, now, name, snapshot_every, .. } = self;
        match input {
            Input::Assigned(tenant) => {
                let owned = Owned::new(tenant.clone(), last, outputs);
                tenants.insert(tenant, owned);
            }
            Input::Recovered(tenant, id, found) => {
                if let Some(owned) = tenants.get_mut(&tenant) {
                    let how = How { worker: name, snapshot_every: *snapshot_every };
                    owned.recovered(id, found, *now, how, last, outputs);
                }
            }
            Input::Records(tenant, records) => {
                if let Some(core) = tenants.get_mut(&tenant).and_then(Owned::folding) {
                    core.records(records, last, outputs);
                }
            }
            Input::Acknowledged(tenant, id) => {
                if let Some(owned) = tenants.get_mut(&tenant) {
                    owned.acknowledged(id, last, outputs);
                }
            }
            Input::Stored(tenant, id, is_stored) => {
                if let Some(core) = tenants.get_mut(&tenant).and_then(Owned::folding) {
                    core.stored(id, is_stored);
                }
            }
            Input::Passed(time) => {
                *now = time;
                tenants.values_mut().for_each(|owned| owned.passed(time, outputs));
            }
            Input::Turned => {
                let mut folding = tenants.values_mut().filter_map(Owned::folding);
                if let Some(core) = folding.find(|core| core.is_taking()) {
                    core.take_more(last, outputs);
                }
            }
            Input::Failed(tenant, reason) => {
                if let Some(owned) = tenants.get_mut(&tenant) {
                    owned.halt(reason, outputs);
                }
            }
            Input::Lost(tenant, reason) => {
                if let Some(owned) = tenants.get_mut(&tenant) {
                    owned.lost(reason, *now, last, outputs);
                }
            }
            Input::Looked(tenant, read_to, is_decided) => {
                if let Some(owned) = tenants.get_mut(&tenant) {
                    owned.looked(read_to, is_decided, last, outputs);
                }
            }
            Input::Revoked(tenant) => {
                if let Some(owned) = tenants.remove(&tenant) {
                    owned.given_up(*now, last, outputs);
                }
            }
        }
    }
}
