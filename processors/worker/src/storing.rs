//! Storing snapshots beside the thread that reads and folds: encoding and a slow log hold nobody up.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bellwether_runtime::clock::Clock;
use bellwether_runtime::log::Log;
use bellwether_runtime::roles::TenantSet;
use bellwether_schemas::{TenantId, Timestamp};
use tokio::time::Instant;

use crate::core::{Input, SnapshotId};
use crate::events;
use crate::snapshots::{NotStored, Shelf, Snapshot, Stored, cut_journal, store_base, store_snapshot};

/// Snapshots that are stored at once: each takes a thread and, for a moment, the bytes of one tenant's state.
const AT_ONCE: usize = 2;
/// Snapshots with which a cut that failed is tried again, before the next base is waited for.
const CUT_AGAIN: u32 = 10;
/// Between two looks for whether one is stored.
const LOOK: Duration = Duration::from_millis(1);

/// What is to be known to keep journals as long as their tenants say.
#[derive(Clone)]
pub(crate) struct Upkeep {
    pub(crate) tenants: TenantSet,
    pub(crate) clock: Clock,
}

/// The snapshots that the core gave out, and what is known of the topics they go to.
#[derive(Default)]
pub(crate) struct Stores {
    shelves: BTreeMap<TenantId, Place>,
    waiting: VecDeque<Job>,
    running: Vec<Running>,
    owed: OwedCuts,
    /// None: no journal is ever cut.
    upkeep: Option<Upkeep>,
}

/// Where a tenant's shelf is.
enum Place {
    Here(Shelf),
    /// With who stores that snapshot.
    Lent(SnapshotId),
}

struct Job {
    tenant: TenantId,
    id: SnapshotId,
    snapshot: Box<Snapshot>,
}

struct Running {
    tenant: TenantId,
    id: SnapshotId,
    next_offset: u64,
    thread: JoinHandle<Done>,
    begun: Instant,
}

/// What came of storing one.
struct Done {
    shelf: Shelf,
    stored: Result<Stored, NotStored>,
    /// What came of cutting the journal, where that was tried.
    is_cut: Option<bool>,
}

/// Cuts that failed, by tenant: how often they are tried again.
#[derive(Default)]
struct OwedCuts(BTreeMap<TenantId, u32>);

impl OwedCuts {
    fn is_owed(&self, tenant: &TenantId) -> bool {
        self.0.contains_key(tenant)
    }

    fn tried(&mut self, tenant: &TenantId, is_cut: bool) {
        let left = match is_cut {
            true => 0,
            false => self.0.get(tenant).map_or(CUT_AGAIN, |left| left - 1),
        };
        match left {
            0 => self.0.remove(tenant),
            _ => self.0.insert(tenant.clone(), left),
        };
    }
}

impl Stores {
    pub(crate) fn new(upkeep: Upkeep) -> Self {
        Self { upkeep: Some(upkeep), ..Self::default() }
    }

    /// The tenant was recovered, and this is what its topic held then.
    pub(crate) fn adopt(&mut self, tenant: &TenantId, shelf: Shelf) {
        self.shelves.insert(tenant.clone(), Place::Here(shelf));
    }

    pub(crate) fn ask(&mut self, tenant: TenantId, id: SnapshotId, snapshot: Box<Snapshot>) {
        self.waiting.push_back(Job { tenant, id, snapshot });
    }

    /// The tenant is somebody else's. What is under way for it ends by itself.
    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.waiting.retain(|job| job.tenant != *tenant);
        self.shelves.remove(tenant);
        self.owed.0.remove(tenant);
    }

    /// Something is being stored.
    pub(crate) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// Begins what waits, as far as there is room; says what is done.
    pub(crate) fn turn(&mut self, log: &Arc<dyn Log>) -> Vec<Input> {
        let mut answers = self.finished();
        while self.running.len() < AT_ONCE
            && let Some(job) = self.waiting.pop_front()
        {
            answers.extend(self.start(job, log));
        }
        answers
    }

    /// Waits until nothing of the tenant is under way, but not beyond `deadline`: what waits for its turn begins at once.
    pub(crate) fn settle(&mut self, tenant: &TenantId, log: &Arc<dyn Log>, deadline: Instant) -> Vec<Input> {
        let mut answers = Vec::new();
        let (asked, others) = self.waiting.drain(..).partition(|job| job.tenant == *tenant);
        self.waiting = others;
        let asked: VecDeque<Job> = asked;
        for job in asked {
            answers.extend(self.start(job, log));
        }
        while self.running.iter().any(|running| running.tenant == *tenant) && Instant::now() < deadline {
            std::thread::sleep(LOOK);
            answers.extend(self.finished());
        }
        answers
    }

    fn start(&mut self, job: Job, log: &Arc<dyn Log>) -> Option<Input> {
        let Job { tenant, id, snapshot } = job;
        let shelf = match self.shelves.insert(tenant.clone(), Place::Lent(id)) {
            Some(Place::Here(shelf)) => shelf,
            // Whoever has it is not waited for: the topic is read from its start.
            Some(Place::Lent(_)) | None => Shelf::new(&tenant),
        };
        let (log, next_offset, upkeep) = (Arc::clone(log), snapshot.next_offset, self.upkeep.clone());
        let is_owed = self.owed.is_owed(&tenant);
        let work = move || {
            let mut shelf = shelf;
            let stored = store_snapshot(log.as_ref(), &mut shelf, &snapshot);
            let mut is_cut = None;
            if stored.is_ok() && (keep_base(log.as_ref(), &mut shelf, &snapshot) || is_owed) {
                is_cut =
                    upkeep.and_then(|upkeep| upkeep.cut(log.as_ref(), &mut shelf, snapshot.last.appended_at));
            }
            Done { shelf, stored, is_cut }
        };
        match std::thread::Builder::new().name(format!("snapshot-{tenant}")).spawn(work) {
            Ok(thread) => {
                self.running.push(Running { tenant, id, next_offset, thread, begun: Instant::now() });
                None
            }
            Err(error) => {
                let why = format!("no thread could be started: {error}");
                events::SnapshotNotStored { tenant: &tenant, next_offset, why: &why }.emit();
                self.shelves.remove(&tenant);
                Some(Input::Stored(tenant, id, false))
            }
        }
    }

    fn finished(&mut self) -> Vec<Input> {
        let (done, running) = self.running.drain(..).partition(|running| running.thread.is_finished());
        self.running = running;
        let done: Vec<Running> = done;
        done.into_iter().map(|running| self.answer(running)).collect()
    }

    fn answer(&mut self, done: Running) -> Input {
        let Running { tenant, id, next_offset, thread, begun } = done;
        let took = begun.elapsed();
        let is_ours = matches!(self.shelves.get(&tenant), Some(Place::Lent(lent)) if *lent == id);
        let stored = match thread.join() {
            Ok(Done { shelf, stored, is_cut }) => {
                if is_ours {
                    self.shelves.insert(tenant.clone(), Place::Here(shelf));
                }
                is_cut.into_iter().for_each(|is_cut| self.owed.tried(&tenant, is_cut));
                stored.map_err(|error| error.to_string())
            }
            Err(_) => {
                if is_ours {
                    self.shelves.remove(&tenant);
                }
                Err("storing it panicked: this is a bug, its message stands above".to_owned())
            }
        };
        match &stored {
            Ok(stored) => {
                let (stored, now) = (*stored, self.upkeep.as_ref().map(|upkeep| upkeep.clock.now()));
                events::SnapshotStored { tenant: &tenant, next_offset, stored, took, now }.emit();
            }
            Err(why) => events::SnapshotNotStored { tenant: &tenant, next_offset, why }.emit(),
        }
        Input::Stored(tenant, id, stored.is_ok())
    }
}

/// Once a day: writes the state as a base; whether it did. What fails is told and tried again with the next snapshot.
fn keep_base(log: &dyn Log, shelf: &mut Shelf, snapshot: &Snapshot) -> bool {
    let (tenant, next_offset) = (shelf.topic().tenant.clone(), snapshot.next_offset);
    match store_base(log, shelf, snapshot) {
        Ok(None) => false,
        Ok(Some(stored)) => {
            events::BaseStored { tenant: &tenant, next_offset, stored }.emit();
            true
        }
        Err(why) => {
            let why = why.to_string();
            events::SnapshotNotStored { tenant: &tenant, next_offset, why: &why }.emit();
            false
        }
    }
}

impl Upkeep {
    /// Cuts off what the tenant keeps no longer of its journal, whose newest record was appended then; what came of it, of a
    /// tenant that is served.
    fn cut(&self, log: &dyn Log, shelf: &mut Shelf, appended_at: Timestamp) -> Option<bool> {
        let tenant = shelf.topic().tenant.clone();
        let kept = self.tenants.borrow().iter().find(|served| served.id == tenant)?.retention.journal;
        // A clock of this host that is ahead would take what is young: the log's own time has to agree.
        let now = self.clock.now().min(appended_at);
        let cut = cut_journal(log, shelf, kept, now);
        match &cut {
            Ok(None) => {}
            Ok(Some(cut)) => events::JournalCut { tenant: &tenant, cut: *cut }.emit(),
            Err(why) => events::JournalNotCut { tenant: &tenant, why }.emit(),
        }
        Some(cut.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_that_failed_is_tried_again_with_the_next_snapshots_until_it_succeeds_but_not_for_ever() {
        let (tenant, other) = ("fxlabs".parse().unwrap(), "hextech".parse().unwrap());
        let mut owed = OwedCuts::default();
        owed.tried(&tenant, true);
        assert!(!owed.is_owed(&tenant));
        owed.tried(&tenant, false);
        assert!(owed.is_owed(&tenant) && !owed.is_owed(&other));
        owed.tried(&tenant, true);
        assert!(!owed.is_owed(&tenant));
        let mut tries = 0;
        owed.tried(&tenant, false);
        while owed.is_owed(&tenant) {
            owed.tried(&tenant, false);
            tries += 1;
        }
        assert_eq!(tries, CUT_AGAIN);
    }
}
