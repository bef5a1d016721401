//! What the receiver does wrong on purpose, switched while it runs.

use std::sync::{Arc, Mutex, PoisonError};

/// One thing to do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// New connections are reset, open ones at their next command: the server is gone.
    RefuseConnections,
    /// Each RCPT is answered with this code.
    ReplyAtRecipient(u16),
    /// The final dot is answered with this code and the mail is not kept.
    ReplyAfterDot(u16),
    /// The connection is reset after the final dot, before the answer.
    DropAfterDot {
        /// Whether the mail was kept by then: the sender cannot know.
        keep: bool,
    },
}

/// The switch. Cheap to clone; one fault at a time.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Script>>);

/// What to do wrong and how often yet; none: until cleared.
type Script = Option<(Fault, Option<u32>)>;

impl Faults {
    /// Does this wrong from now on, until cleared.
    pub fn set(&self, fault: Fault) {
        self.put(Some((fault, None)));
    }

    /// Does this wrong the next so many times, then all is well again.
    pub fn next(&self, fault: Fault, times: u32) {
        self.put((times > 0).then_some((fault, Some(times))));
    }

    /// All is well again.
    pub fn clear(&self) {
        self.put(None);
    }

    /// The fault in force, if any.
    #[must_use]
    pub fn current(&self) -> Option<Fault> {
        self.lock().map(|(fault, _)| fault)
    }

    pub(super) fn refuses_connections(&self) -> bool {
        self.take(|fault| (fault == Fault::RefuseConnections).then_some(())).is_some()
    }

    pub(super) fn at_recipient(&self) -> Option<u16> {
        self.take(|fault| if let Fault::ReplyAtRecipient(code) = fault { Some(code) } else { None })
    }

    pub(super) fn after_dot(&self) -> Option<Fault> {
        self.take(|fault| {
            matches!(fault, Fault::ReplyAfterDot(_) | Fault::DropAfterDot { .. }).then_some(fault)
        })
    }

    /// Uses the fault up once if it is of the wanted sort.
    fn take<T>(&self, wanted: impl Fn(Fault) -> Option<T>) -> Option<T> {
        let mut current = self.lock();
        let (fault, times) = (*current)?;
        let found = wanted(fault)?;
        *current = match times {
            None => Some((fault, None)),
            Some(times) if times > 1 => Some((fault, Some(times - 1))),
            Some(_) => None,
        };
        Some(found)
    }

    fn put(&self, script: Script) {
        *self.lock() = script;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
