//! The wall clock: the one place that reads it. Everything else takes a [`Clock`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bellwether_schemas::Timestamp;

/// Where wall time comes from. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Mechanism);

#[derive(Clone)]
enum Mechanism {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The clock of this machine: for everything but tests.
    #[must_use]
    pub const fn system() -> Self {
        Self(Mechanism::System)
    }

    /// A clock that stands at `start` until it is moved: for tests and simulations.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Mechanism::Manual(Arc::new(AtomicI64::new(start.0))))
    }

    /// Wall-clock time, UTC; never what a result is computed from.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Mechanism::System => Timestamp::from(chrono::Utc::now()),
            Mechanism::Manual(micros) => Timestamp(micros.load(Ordering::Acquire)),
        }
    }

    /// Moves a manual clock on; the machine's clock is nobody's to move.
    pub fn advance(&self, micros: i64) {
        if let Mechanism::Manual(now) = &self.0 {
            now.fetch_add(micros, Ordering::AcqRel);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Mechanism::System => "Clock::system",
            Mechanism::Manual(_) => "Clock::manual",
        })
    }
}
