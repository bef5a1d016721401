//! Answers, beside the thread that reads and commits: one thread for those that need few symbols, one for the others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use bellwether_schemas::TenantId;
use bellwether_schemas::previews::AlertPreview;

use crate::answer::{Job, answer};
use crate::core::{Breadth, Input, Number};

/// The jobs that the core asked for. A tenant has two at most.
#[derive(Default)]
pub(crate) struct Answers {
    waiting: VecDeque<(Number, Breadth, Job)>,
    running: Vec<Running>,
}

struct Running {
    tenant: TenantId,
    id: Number,
    breadth: Breadth,
    is_cancelled: Arc<AtomicBool>,
    thread: JoinHandle<Option<Vec<AlertPreview>>>,
}

impl Answers {
    pub(crate) fn ask(&mut self, id: Number, breadth: Breadth, job: Job) {
        self.waiting.push_back((id, breadth, job));
    }

    /// The tenant is given up: nobody waits for its answers.
    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.waiting.retain(|(_, _, job)| job.tenant != *tenant);
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

    /// Begins what there is a thread for; gives what was answered.
    pub(crate) fn turn(&mut self) -> Vec<Input> {
        let (done, running) = self.running.drain(..).partition(|running| running.thread.is_finished());
        self.running = running;
        let done: Vec<Running> = done;
        let mut answered: Vec<Input> = done.into_iter().map(Running::answered).collect();
        for breadth in [Breadth::Few, Breadth::All] {
            let is_busy = self.running.iter().any(|running| running.breadth == breadth);
            let next = self.waiting.iter().position(|(_, waiting, _)| *waiting == breadth);
            let Some((id, _, job)) = next.filter(|_| !is_busy).and_then(|next| self.waiting.remove(next))
            else {
                continue;
            };
            match start(id, breadth, job) {
                Ok(running) => self.running.push(running),
                Err(input) => answered.push(*input),
            }
        }
        answered
    }
}

fn start(id: Number, breadth: Breadth, job: Job) -> Result<Running, Box<Input>> {
    let (tenant, is_cancelled) = (job.tenant.clone(), Arc::new(AtomicBool::new(false)));
    let stop = Arc::clone(&is_cancelled);
    let thread = std::thread::Builder::new().name(format!("answer-{tenant}"));
    match thread.spawn(move || answer(&job, &|| stop.load(Ordering::Relaxed))) {
        Ok(thread) => Ok(Running { tenant, id, breadth, is_cancelled, thread }),
        Err(error) => {
            let reason = format!("no thread could be started: {error}");
            Err(Box::new(Input::Lost(tenant, reason)))
        }
    }
}

impl Running {
    /// Of a thread that has ended. What panicked would do so again, and is left without an answer.
    fn answered(self) -> Input {
        let Self { tenant, id, thread, .. } = self;
        let answers = thread.join().unwrap_or_else(|_| {
            tracing::error!(tenant.id = %tenant, "the engine panicked at kept minutes, and a preview is left out: this is a bug");
            None
        });
        Input::Answered(tenant, id, answers)
    }
}
