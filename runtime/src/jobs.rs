//! Work beside the thread that reads a log and commits: each piece on a thread of its own, so that one that takes its time
//! holds no other tenant up, and no rebalance either.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bellwether_schemas::TenantId;
use tokio::time::Instant;

/// Pieces of work of several tenants, of which a few are under way at once. Whoever asked for one calls [`Self::turn`] now
/// and then, which begins them and gives what came of them.
#[derive(Debug)]
pub struct Jobs<I, T> {
    /// What threads are called, before their tenant's name.
    name: &'static str,
    at_once: usize,
    waiting: Vec<Waiting<I, T>>,
    running: Vec<Running<I, T>>,
}

/// Says to work that is under way whether nobody waits for it any more.
#[derive(Debug, Clone, Default)]
pub struct Cancelled(Arc<AtomicBool>);

impl Cancelled {
    /// The work may end without a result.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What came of one piece of work.
#[derive(Debug)]
pub struct Done<I, T> {
    /// Whose it was.
    pub tenant: TenantId,
    /// By what it was asked for.
    pub id: I,
    /// Its result, or why there is none.
    pub result: Result<T, JobError>,
}

/// Why work has no result.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It did not begin.
    #[error("no thread could be started: {0}")]
    NoThread(std::io::Error),
    /// It did not end; its message stands in the log above.
    #[error("it panicked: this is a bug")]
    Panicked,
}

type Work<T> = Box<dyn FnOnce(&Cancelled) -> T + Send>;

struct Waiting<I, T> {
    due: Instant,
    tenant: TenantId,
    id: I,
    work: Work<T>,
}

impl<I: std::fmt::Debug, T> std::fmt::Debug for Waiting<I, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { due, tenant, id, .. } = self;
        f.debug_struct("Waiting")
            .field("due", due)
            .field("tenant", tenant)
            .field("id", id)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Running<I, T> {
    tenant: TenantId,
    id: I,
    cancelled: Cancelled,
    thread: JoinHandle<T>,
}

impl<I, T: Send + 'static> Jobs<I, T> {
    /// At most that many are under way at once, those that were cancelled and have not ended yet among them.
    #[must_use]
    pub const fn new(name: &'static str, at_once: usize) -> Self {
        Self { name, at_once, waiting: Vec::new(), running: Vec::new() }
    }

    /// To be begun after that wait, as soon as there is room.
    pub fn ask(
        &mut self,
        tenant: TenantId,
        id: I,
        wait: Duration,
        work: impl FnOnce(&Cancelled) -> T + Send + 'static,
    ) {
        self.waiting.push(Waiting { due: Instant::now() + wait, tenant, id, work: Box::new(work) });
    }

    /// The tenant is given up: nothing of it begins, and what is under way ends by itself, without a word.
    pub fn cancel(&mut self, tenant: &TenantId) {
        self.waiting.retain(|waiting| waiting.tenant != *tenant);
        let running = self.running.iter().filter(|running| running.tenant == *tenant);
        running.for_each(|running| running.cancelled.raise());
    }

    /// All tenants are.
    pub fn cancel_all(&mut self) {
        self.waiting.clear();
        self.running.iter().for_each(|running| running.cancelled.raise());
    }

    /// Something is under way.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// Begins what is due, as far as there is room, in the order in which it was asked for; gives what is done.
    pub fn turn(&mut self) -> Vec<Done<I, T>> {
        let (ended, running) = self.running.drain(..).partition(|running| running.thread.is_finished());
        self.running = running;
        let ended: Vec<Running<I, T>> = ended;
        let mut done: Vec<Done<I, T>> = ended.into_iter().filter_map(Running::done).collect();
        while self.running.len() < self.at_once
            && let Some(waiting) = self.next_due()
        {
            match waiting.start(self.name) {
                Ok(running) => self.running.push(running),
                Err(failed) => done.push(*failed),
            }
        }
        done
    }

    fn next_due(&mut self) -> Option<Waiting<I, T>> {
        let now = Instant::now();
        let place = self.waiting.iter().position(|waiting| waiting.due <= now)?;
        Some(self.waiting.remove(place))
    }
}

impl<I, T: Send + 'static> Waiting<I, T> {
    fn start(self, name: &str) -> Result<Running<I, T>, Box<Done<I, T>>> {
        let Self { tenant, id, work, .. } = self;
        let cancelled = Cancelled::default();
        let told = cancelled.clone();
        match std::thread::Builder::new().name(format!("{name}-{tenant}")).spawn(move || work(&told)) {
            Ok(thread) => Ok(Running { tenant, id, cancelled, thread }),
            Err(error) => Err(Box::new(Done { tenant, id, result: Err(JobError::NoThread(error)) })),
        }
    }
}

impl<I, T> Running<I, T> {
    /// Of a thread that has ended; none where nobody waits for it.
    fn done(self) -> Option<Done<I, T>> {
        let Self { tenant, id, cancelled, thread } = self;
        let result = thread.join().map_err(|_| JobError::Panicked);
        (!cancelled.is_raised()).then_some(Done { tenant, id, result })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    /// What work says that ends because nobody waits for it.
    const CANCELLED: u8 = 99;

    fn tenant(id: &str) -> TenantId {
        id.parse().unwrap()
    }

    /// Work that says when it begins, and ends when it is let go.
    fn held(jobs: &mut Jobs<u8, bool>, whose: &str, id: u8, begun: &SyncSender<u8>) -> SyncSender<()> {
        let (release, released) = sync_channel(1);
        let begun = begun.clone();
        let released: Receiver<()> = released;
        jobs.ask(tenant(whose), id, Duration::ZERO, move |cancelled| {
            begun.send(id).unwrap();
            let _ = released.recv();
            if cancelled.is_raised() {
                begun.send(CANCELLED).unwrap();
            }
            cancelled.is_raised()
        });
        release
    }

    /// Turns until so many are done.
    fn done(jobs: &mut Jobs<u8, bool>, most: usize) -> Vec<u8> {
        let by = Instant::now() + Duration::from_secs(20);
        let mut done = Vec::new();
        while done.len() < most && Instant::now() < by {
            done.extend(jobs.turn().into_iter().map(|done| done.id));
            std::thread::yield_now();
        }
        done
    }

    #[test]
    fn no_more_are_under_way_than_may_and_the_next_begins_when_one_has_ended() {
        let (mut jobs, (begun, begins)) = (Jobs::new("test", 2), sync_channel(8));
        let releases: Vec<SyncSender<()>> = (0..3).map(|id| held(&mut jobs, "aa", id, &begun)).collect();
        assert!(jobs.turn().is_empty() && jobs.is_running());
        let first: Vec<u8> = (0..2).map(|_| begins.recv().unwrap()).collect();
        assert!(first.contains(&0) && first.contains(&1) && jobs.turn().is_empty());
        assert!(begins.try_recv().is_err(), "there is no room for a third");
        drop(releases);
        let mut all = done(&mut jobs, 3);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
        assert!(!jobs.is_running());
    }

    #[test]
    fn what_was_cancelled_is_told_so_and_gives_nothing_while_another_tenants_goes_on() {
        let (mut jobs, (begun, begins)) = (Jobs::new("test", 2), sync_channel(8));
        let given_up = held(&mut jobs, "aa", 0, &begun);
        let other = held(&mut jobs, "bb", 1, &begun);
        let waits = held(&mut jobs, "aa", 2, &begun);
        assert!(jobs.turn().is_empty());
        let _ = (begins.recv().unwrap(), begins.recv().unwrap());
        jobs.cancel(&tenant("aa"));
        drop((given_up, waits));
        drop(other);
        assert_eq!(done(&mut jobs, 1), [1]);
        while jobs.is_running() {
            assert!(jobs.turn().is_empty());
        }
        assert_eq!(begins.try_iter().collect::<Vec<_>>(), [CANCELLED], "what waited did not begin");
    }

    #[test]
    fn what_waits_for_its_time_does_not_keep_others_waiting_and_a_panic_is_a_result() {
        let mut jobs: Jobs<u8, bool> = Jobs::new("test", 1);
        jobs.ask(tenant("aa"), 0, Duration::from_hours(1), |_| true);
        jobs.ask(tenant("bb"), 1, Duration::ZERO, |_| std::panic::resume_unwind(Box::new("ended")));
        let by = Instant::now() + Duration::from_secs(20);
        let mut found = jobs.turn();
        while found.is_empty() && Instant::now() < by {
            found = jobs.turn();
        }
        assert!(matches!(&found[..], [Done { id: 1, result: Err(JobError::Panicked), .. }]), "{found:?}");
    }
}
