//! Answers, beside the thread that reads and commits: one thread for those that need few symbols, one for the others, and
//! one for what is said to users when a day has ended, which nobody waits for.

use std::time::Duration;

use bellwether_runtime::jobs::{Done, JobError, Jobs};
use bellwether_schemas::TenantId;
use bellwether_schemas::previews::AlertPreview;

use crate::answer::{Job, answer};
use crate::core::{Breadth, Input, Number};
use crate::users::{Ended, Said, follow};

type Answered = Option<Vec<AlertPreview>>;
type Followed = Option<Vec<Said>>;

/// The jobs that the core asked for. A tenant has three at most.
pub(crate) struct Answers {
    few: Jobs<Number, Answered>,
    all: Jobs<Number, Answered>,
    users: Jobs<Number, Followed>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { few: Jobs::new("answer", 1), all: Jobs::new("answer", 1), users: Jobs::new("users", 1) }
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

    pub(crate) fn follow(&mut self, id: Number, ended: Ended) {
        self.users.ask(ended.tenant.clone(), id, Duration::ZERO, move |cancelled| {
            follow(&ended, &|| cancelled.is_raised())
        });
    }

    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.few.cancel(tenant);
        self.all.cancel(tenant);
        self.users.cancel(tenant);
    }

    pub(crate) fn cancel_all(&mut self) {
        self.few.cancel_all();
        self.all.cancel_all();
        self.users.cancel_all();
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.few.is_running() || self.all.is_running() || self.users.is_running()
    }

    /// Begins what there is a thread for; gives what was answered.
    pub(crate) fn turn(&mut self) -> Vec<Input> {
        let mut done = self.few.turn();
        done.extend(self.all.turn());
        let answers = done.into_iter().map(|done| made(done, Input::Answered));
        answers.chain(self.users.turn().into_iter().map(|done| made(done, Input::Followed))).collect()
    }
}

/// What panicked would do so again, and is left out.
fn made<T>(done: Done<Number, Option<T>>, of: fn(TenantId, Number, Option<T>) -> Input) -> Input {
    let Done { tenant, id, result } = done;
    match result {
        Ok(made) => of(tenant, id, made),
        Err(error @ JobError::NoThread(_)) => Input::Lost(tenant, error.to_string()),
        Err(JobError::Panicked) => {
            tracing::error!(tenant.id = %tenant, "the engine panicked at kept minutes, and a preview is left out: this is a bug");
            of(tenant, id, None)
        }
    }
}
