//! Recoveries, beside the thread that reads and commits: one that takes its time holds no other tenant up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bellwether_runtime::log::Log;
use bellwether_schemas::TenantId;
use tokio::time::Instant;

use crate::PreviewError;
use crate::core::{Input, Number, Recovered};
use crate::recovery::recover;

/// Tenants that are recovered at once: each folds thirty days.
const AT_ONCE: usize = 2;

/// The recoveries that the core asked for.
#[derive(Default)]
pub(crate) struct Recoveries {
    waiting: Vec<Waiting>,
    running: Vec<Running>,
}

struct Waiting {
    due: Instant,
    tenant: TenantId,
    id: Number,
}

struct Running {
    tenant: TenantId,
    id: Number,
    is_cancelled: Arc<AtomicBool>,
    thread: JoinHandle<Result<Option<Recovered>, PreviewError>>,
}

impl Recoveries {
    pub(crate) fn ask(&mut self, tenant: TenantId, id: Number, wait: Duration) {
        self.waiting.push(Waiting { due: Instant::now() + wait, tenant, id });
    }

    /// The tenant is given up: nobody waits for its recovery.
    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.waiting.retain(|waiting| waiting.tenant != *tenant);
        for running in self.running.iter().filter(|running| running.tenant == *tenant) {
            running.is_cancelled.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn cancel_all(&mut self) {
        self.waiting.clear();
        self.running.iter().for_each(|running| running.is_cancelled.store(true, Ordering::Relaxed));
    }

    pub(crate) const fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// Begins what is due, as far as there is room; gives what was found.
    pub(crate) fn turn(&mut self, log: &Arc<dyn Log>) -> Vec<Input> {
        let (done, running) = self.running.drain(..).partition(|running| running.thread.is_finished());
        self.running = running;
        let done: Vec<Running> = done;
        let mut found: Vec<Input> = done.into_iter().filter_map(Running::found).collect();
        while self.running.len() < AT_ONCE
            && let Some(place) = self.waiting.iter().position(|waiting| waiting.due <= Instant::now())
        {
            match self.waiting.remove(place).start(log) {
                Ok(running) => self.running.push(running),
                Err(input) => found.push(*input),
            }
        }
        found
    }
}

impl Waiting {
    fn start(self, log: &Arc<dyn Log>) -> Result<Running, Box<Input>> {
        let Self { tenant, id, .. } = self;
        let (log, whose, is_cancelled) = (Arc::clone(log), tenant.clone(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&is_cancelled);
        let thread = std::thread::Builder::new().name(format!("minutes-{tenant}"));
        let recover = move || recover(log.as_ref(), &whose, &|| stop.load(Ordering::Relaxed));
        match thread.spawn(recover) {
            Ok(thread) => Ok(Running { tenant, id, is_cancelled, thread }),
            Err(error) => {
                let reason = format!("no thread could be started: {error}");
                Err(Box::new(Input::Recovered(tenant, id, Err(reason))))
            }
        }
    }
}

impl Running {
    /// Of a thread that has ended; nothing where it was told to.
    fn found(self) -> Option<Input> {
        let Self { tenant, id, thread, .. } = self;
        let found = match thread.join() {
            Ok(Ok(found)) => Ok(Box::new(found?)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the recovery panicked: this is a bug".into()),
        };
        Some(Input::Recovered(tenant, id, found))
    }
}
