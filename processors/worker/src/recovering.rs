//! Finding out what the owners before left behind, beside the thread that reads and commits: a log that takes its time
//! with one tenant holds no other up, and no rebalance either.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bellwether_runtime::log::Log;
use bellwether_schemas::TenantId;
use tokio::time::Instant;

use crate::core::{Input, NotRecovered, Recovered, RecoveryId};
use crate::recovery::look_behind;
use crate::snapshots::Shelf;

/// Tenants that are looked into at once: each takes a thread and, on Kafka, a client of its own.
const AT_ONCE: usize = 4;

/// The recoveries that the core asked for.
#[derive(Default)]
pub(crate) struct Recoveries {
    waiting: Vec<Waiting>,
    running: Vec<Running>,
}

struct Waiting {
    due: Instant,
    tenant: TenantId,
    id: RecoveryId,
}

struct Running {
    tenant: TenantId,
    id: RecoveryId,
    thread: JoinHandle<Result<(Recovered, Shelf), NotRecovered>>,
}

/// What came of looking into a tenant: for the core, and what its snapshots topic holds.
pub(crate) struct Answer {
    pub(crate) input: Input,
    pub(crate) shelf: Option<(TenantId, Shelf)>,
}

impl Recoveries {
    /// To be found out after that wait.
    pub(crate) fn ask(&mut self, tenant: TenantId, id: RecoveryId, wait: Duration) {
        self.waiting.push(Waiting { due: Instant::now() + wait, tenant, id });
    }

    /// The tenant is given up. What is under way for it ends by itself, and the core takes no answer to it.
    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.waiting.retain(|waiting| waiting.tenant != *tenant);
    }

    /// Somebody is being looked into.
    pub(crate) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// Begins what is due, as far as there is room; gives the answers there are.
    pub(crate) fn turn(&mut self, log: &Arc<dyn Log>) -> Vec<Answer> {
        let (done, running) = self.running.drain(..).partition(|running| running.thread.is_finished());
        self.running = running;
        let done: Vec<Running> = done;
        let mut answers: Vec<Answer> = done.into_iter().map(Running::answer).collect();
        while self.running.len() < AT_ONCE
            && let Some(waiting) = self.next_due()
        {
            match waiting.start(log) {
                Ok(running) => self.running.push(running),
                Err(answer) => answers.push(*answer),
            }
        }
        answers
    }

    fn next_due(&mut self) -> Option<Waiting> {
        let now = Instant::now();
        let place = self.waiting.iter().position(|waiting| waiting.due <= now)?;
        Some(self.waiting.remove(place))
    }
}

impl Waiting {
    fn start(self, log: &Arc<dyn Log>) -> Result<Running, Box<Answer>> {
        let Self { tenant, id, .. } = self;
        let (log, whose) = (Arc::clone(log), tenant.clone());
        let thread = std::thread::Builder::new().name(format!("recover-{tenant}"));
        match thread.spawn(move || look_behind(log.as_ref(), &whose).map_err(NotRecovered::from)) {
            Ok(thread) => Ok(Running { tenant, id, thread }),
            Err(error) => {
                let reason = NotRecovered::Unavailable(format!("no thread could be started: {error}"));
                Err(Box::new(Answer { input: Input::Recovered(tenant, id, Err(reason)), shelf: None }))
            }
        }
    }
}

impl Running {
    /// Of a thread that has ended.
    fn answer(self) -> Answer {
        let Self { tenant, id, thread } = self;
        let panicked = |_| Err(NotRecovered::Refused("recovery panicked: this is a bug".into()));
        match thread.join().unwrap_or_else(panicked) {
            Ok((recovered, shelf)) => Answer {
                shelf: Some((tenant.clone(), shelf)),
                input: Input::Recovered(tenant, id, Ok(recovered)),
            },
            Err(reason) => Answer { input: Input::Recovered(tenant, id, Err(reason)), shelf: None },
        }
    }
}
