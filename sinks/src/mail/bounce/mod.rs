//! What other servers say of mails that had left: they came back, they wait, their reader complained. Delivery reports
//! are mails (RFC 3464) and are read by [`report`]; providers call a hook of the gateway. Both come here to be weighed,
//! and end in one function of the database, which believes nothing of a mail it does not know.

mod fields;
mod intake;
pub mod mailbox;
pub mod report;
mod status;

pub use bellwether_database::bounces::{Effect, Noted};
pub use intake::{Intake, Tally};
pub use report::{Action, Fate, Report};
pub use status::Status;

use super::core::words;

/// The name of a complaint among a mail's events.
pub const COMPLAINED: &str = "complained";

/// What follows from what a server did with a mail, as a row of events and perhaps of suppressions would say it; none
/// where the mail went on its way.
#[must_use]
pub fn verdict(action: Action, status: Status, diagnostic: Option<&str>) -> Option<Verdict> {
    let (effect, event) = match action {
        Action::Delivered | Action::Relayed | Action::Expanded => return None,
        Action::Delayed => (Effect::Note, "delayed"),
        Action::Failed if status == Status::MAILBOX_FULL => (Effect::Full, "mailbox full"),
        Action::Failed if status.is_for_good() => (Effect::Suppress, "bounced"),
        Action::Failed => (Effect::Note, "bounced"),
    };
    let said = diagnostic.map_or_else(String::new, |diagnostic| format!("; {diagnostic}"));
    Some(Verdict { effect, event, reason: words(&format!("{event}: {} ({status}{said})", status.words())) })
}

/// What is to be done about a mail, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of the address.
    pub effect: Effect,
    /// What the event is called.
    pub event: &'static str,
    /// Why, for people.
    pub reason: String,
}

#[cfg(test)]
mod tests;
