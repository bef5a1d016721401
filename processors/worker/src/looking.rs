//! Looking for what operators decided, for tenants that stand: beside the thread that reads and commits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use bellwether_runtime::decisions::Decisions;
use bellwether_runtime::log::Log;
use bellwether_schemas::TenantId;

use crate::core::Input;

/// Journals that are looked into at once: on Kafka each takes a client of its own where it has grown.
const AT_ONCE: usize = 4;

/// The looks that the core asked for.
#[derive(Default)]
pub(crate) struct Looks {
    waiting: VecDeque<(TenantId, u64)>,
    running: Vec<Running>,
}

struct Running {
    tenant: TenantId,
    from: u64,
    /// How far it looked, and whether anything was decided.
    thread: JoinHandle<(u64, bool)>,
}

impl Looks {
    /// For decisions from that journal offset on.
    pub(crate) fn ask(&mut self, tenant: TenantId, from: u64) {
        self.waiting.push_back((tenant, from));
    }

    /// The tenant is given up. What is under way for it ends by itself.
    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.waiting.retain(|(waiting, _)| waiting != tenant);
        self.running.retain(|running| running.tenant != *tenant);
    }

    /// Begins what waits, as far as there is room; says what was found.
    pub(crate) fn turn(&mut self, log: &Arc<dyn Log>) -> Vec<Input> {
        let (done, running) = self.running.drain(..).partition(|running| running.thread.is_finished());
        self.running = running;
        let done: Vec<Running> = done;
        let mut found: Vec<Input> = done.into_iter().map(Running::found).collect();
        while self.running.len() < AT_ONCE
            && let Some((tenant, from)) = self.waiting.pop_front()
        {
            let (log, whose) = (Arc::clone(log), tenant.clone());
            let thread = std::thread::Builder::new().name(format!("look-{tenant}"));
            match thread.spawn(move || look(log.as_ref(), &whose, from)) {
                Ok(thread) => self.running.push(Running { tenant, from, thread }),
                Err(_) => found.push(Input::Looked(tenant, from, false)),
            }
        }
        found
    }
}

impl Running {
    /// Of a thread that has ended.
    fn found(self) -> Input {
        let (read_to, is_decided) = self.thread.join().unwrap_or((self.from, false));
        Input::Looked(self.tenant, read_to, is_decided)
    }
}

/// A log that is out of reach holds no decision yet: it is looked into again.
fn look(log: &dyn Log, tenant: &TenantId, from: u64) -> (u64, bool) {
    match Decisions::collect(log, tenant, from) {
        Ok(decisions) => (decisions.read_to(), !decisions.is_empty()),
        Err(_) => (from, false),
    }
}
