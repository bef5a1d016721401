//! Answers, beside the thread that reads and commits: one thread for those that need few symbols, one for the others.

use std::time::Duration;

use bellwether_runtime::jobs::{Done, JobError, Jobs};
use bellwether_schemas::TenantId;
use bellwether_schemas::previews::AlertPreview;

use crate::answer::{Job, answer};
use crate::core::{Breadth, Input, Number};

type Answered = Option<Vec<AlertPreview>>;

/// The jobs that the core asked for. A tenant has two at most.
pub(crate) struct Answers {
    few: Jobs<Number, Answered>,
    all: Jobs<Number, Answered>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { few: Jobs::new("answer", 1), all: Jobs::new("answer", 1) }
    }
}

impl Answers {
    pub(crate) fn ask(&mut self, id: Number, breadth: Breadth, job: Job) {
        let jobs = match breadth {
            Breadth::Few => &mut self.few,
            Breadth::All => &mut self.all,
        };
        jobs.ask(job.tenant.clone(), id, Duration::ZERO, move |cancelled| {
            answer(&job, &|| cancelled.is_raised())
        });
    }

    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.few.cancel(tenant);
        self.all.cancel(tenant);
    }

    pub(crate) fn cancel_all(&mut self) {
        self.few.cancel_all();
        self.all.cancel_all();
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.few.is_running() || self.all.is_running()
    }

    /// Begins what there is a thread for; gives what was answered.
    pub(crate) fn turn(&mut self) -> Vec<Input> {
        let mut done = self.few.turn();
        done.extend(self.all.turn());
        done.into_iter().map(answered).collect()
    }
}

/// What panicked would do so again, and is left without an answer.
fn answered(done: Done<Number, Answered>) -> Input {
    let Done { tenant, id, result } = done;
    match result {
        Ok(answers) => Input::Answered(tenant, id, answers),
        Err(error @ JobError::NoThread(_)) => Input::Lost(tenant, error.to_string()),
        Err(JobError::Panicked) => {
            tracing::error!(tenant.id = %tenant, "the engine panicked at kept minutes, and a preview is left out: this is a bug");
            Input::Answered(tenant, id, None)
        }
    }
}
