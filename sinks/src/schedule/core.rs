//! When one tenant's schedule is looked at: a protocol core without IO. Who performs it asks the database what it
//! knows, writes what [`super::decision::decide`] says, in one transaction, and tells what came of it.

use std::time::Duration;

use bellwether_runtime::backoff::{Backoff, Retries};
use bellwether_schemas::Timestamp;

/// Between looks at a schedule of which nothing is due for long: clocks may jump, and its tenant may change it.
pub(crate) const LOOK: Duration = Duration::from_secs(30);
/// Between tries while the database is out of reach.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// What was due is recorded, by us or by somebody else.
    Settled {
        /// The time by the database's clock.
        now: Timestamp,
        /// When the next is due; none: the tenant has no such schedule.
        next: Option<Timestamp>,
    },
    /// Somebody else keeps this schedule, or its market is not known yet.
    NotOurs,
    /// The database said no, or nothing: whether anything was committed is open.
    Failed,
    /// The wait is over, or the tenant's file changed.
    Woke,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Decide and record, in one transaction.
    Settle,
    /// Let this time pass, or less where the tenant's file changes.
    Wait(Duration),
}

/// One tenant's schedule.
#[derive(Debug)]
pub(crate) struct Core {
    longest: Duration,
    retries: Retries,
}

impl Core {
    /// Looks at least as often as that. The first output to perform is [`Output::Settle`].
    pub(crate) const fn new(longest: Duration) -> Self {
        Self { longest, retries: Retries::new(BACKOFF) }
    }

    /// Takes in what happened and says what to do.
    pub(crate) fn step(&mut self, input: Input) -> Output {
        match input {
            Input::Settled { now, next } => {
                self.retries.succeeded();
                Output::Wait(next.map_or(self.longest, |next| until(now, next).min(self.longest)))
            }
            Input::NotOurs => Output::Wait(self.longest),
            Input::Failed => Output::Wait(self.retries.failed()),
            Input::Woke => Output::Settle,
        }
    }
}

/// A wait that ends a moment early is followed by a short one.
fn until(now: Timestamp, next: Timestamp) -> Duration {
    let micros = u64::try_from(next.since(now)).unwrap_or(0);
    Duration::from_micros(micros).max(Duration::from_millis(1))
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::time::SECOND;

    use super::*;

    #[test]
    fn it_sleeps_until_what_comes_next_and_never_longer_than_a_look() {
        let mut core = Core::new(LOOK);
        let mut after = |next: Option<i64>| {
            core.step(Input::Settled { now: Timestamp(0), next: next.map(|next| Timestamp(next * SECOND)) })
        };
        assert_eq!(after(Some(7)), Output::Wait(Duration::from_secs(7)));
        assert_eq!(after(Some(86_400)), Output::Wait(LOOK));
        assert_eq!(after(Some(0)), Output::Wait(Duration::from_millis(1)));
        assert_eq!(after(None), Output::Wait(LOOK));
        assert_eq!(core.step(Input::Woke), Output::Settle);
    }

    #[test]
    fn a_database_that_fails_is_asked_less_and_less_often() {
        let mut core = Core::new(LOOK);
        let waits: Vec<Output> = (0..7).map(|_| core.step(Input::Failed)).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30].map(|s| Output::Wait(Duration::from_secs(s))));
        core.step(Input::Settled { now: Timestamp(0), next: None });
        assert_eq!(core.step(Input::Failed), Output::Wait(Duration::from_secs(1)));
    }
}
