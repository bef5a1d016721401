//! What becomes of a group: a mail, or the reason why there is none. Nothing is dropped without a row that says so.

use std::collections::{HashMap, HashSet};

use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::UserId;

use super::brand::Look;
use super::compose::{Composed, Source, compose, message_id, occurrence};
use super::core::words;
use super::group::Group;
use super::render::Templates;

/// Older than this when composed: marked as late. Microseconds.
const LATE: i64 = 6 * 3_600_000_000;
/// Older than this: recorded, not sent.
const TOO_LATE: i64 = 24 * 3_600_000_000;

/// What the tenant's database says of the users of some groups.
#[derive(Debug, Default)]
pub(super) struct People {
    /// Address by confirmed user.
    pub(super) addresses: HashMap<UserId, String>,
    /// Users and kinds that were switched off.
    pub(super) switched_off: HashSet<(UserId, String)>,
    /// Addresses, in small letters, that nothing is to be sent to, and why.
    pub(super) suppressed: HashMap<String, String>,
}

/// Everything but the group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) templates: &'a Templates,
    pub(super) look: &'a Look,
    pub(super) people: &'a People,
    pub(super) now: Timestamp,
    /// The tenant has a server to send through.
    pub(super) configured: bool,
    /// The database was restored from before what lies below this offset: that may have been mailed already.
    pub(super) held_below: u64,
}

/// The state a row of the outbox begins in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// To be sent.
    Pending,
    /// Not sent, on purpose.
    Suppressed,
    /// Cannot be sent.
    Failed,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Suppressed => "suppressed",
            Self::Failed => "failed",
        }
    }
}

/// A row of the outbox to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owed {
    pub(super) occurrence: String,
    pub(super) kind: &'static str,
    pub(super) user: UserId,
    pub(super) message_id: String,
    pub(super) appended_at: Timestamp,
    pub(super) recipient: Option<String>,
    pub(super) state: State,
    pub(super) reason: Option<String>,
    pub(super) mail: Option<Composed>,
}

/// Decides about one group; none for a group without triggers.
pub(super) fn owed(group: &Group, situation: Situation<'_>) -> Option<Owed> {
    let first = group.triggers.first()?;
    let occurrence = occurrence(first.group.id);
    let recipient = situation.people.addresses.get(&first.user_id).cloned();
    let (state, reason, mail) = decided(group, recipient.as_deref(), situation);
    Some(Owed {
        message_id: message_id(situation.look, &occurrence),
        occurrence,
        kind: first.kind.name(),
        user: first.user_id,
        appended_at: group.appended_at,
        recipient,
        state,
        reason,
        mail,
    })
}

type Decided = (State, Option<String>, Option<Composed>);

fn decided(group: &Group, recipient: Option<&str>, situation: Situation<'_>) -> Decided {
    let suppressed = |reason: &str| (State::Suppressed, Some(reason.to_string()), None);
    let age = situation.now.since(group.appended_at);
    if group.offset < situation.held_below {
        return suppressed("held: the database was restored from before it; it may have been sent");
    }
    if age > TOO_LATE {
        return suppressed("more than 24 hours old");
    }
    let Some(recipient) = recipient else {
        return suppressed("the user has no confirmed address");
    };
    let switched_off = |trigger: &bellwether_schemas::triggers::TriggerFired| {
        situation.people.switched_off.contains(&(trigger.user_id, trigger.kind.name().to_string()))
    };
    if group.triggers.first().is_some_and(switched_off) {
        return suppressed("switched off by the user");
    }
    if let Some(reason) = situation.people.suppressed.get(&recipient.to_lowercase()) {
        return suppressed(&words(&format!("the address is suppressed: {reason}")));
    }
    composed(group, recipient, age > LATE, situation)
}

fn composed(group: &Group, recipient: &str, late: bool, situation: Situation<'_>) -> Decided {
    let Situation { templates, look, now, configured, .. } = situation;
    let source = Source { triggers: &group.triggers, recipient, appended_at: group.appended_at, now, late };
    match compose(templates, look, source) {
        Ok(mail) if configured => (State::Pending, None, Some(mail)),
        Ok(mail) => {
            (State::Failed, Some("not configured: the tenant's file has no mail.smtp".into()), Some(mail))
        }
        Err(error) => (State::Failed, Some(words(&format!("cannot be composed: {error}"))), None),
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::triggers::Condition;

    use super::*;
    use crate::mail::samples;

    const HOUR: i64 = 3_600_000_000;

    fn decide(change: impl FnOnce(&mut People, &mut Situation<'_>, &mut Group)) -> Owed {
        let templates = Templates::compile().unwrap();
        let look = Look::new(&samples::tenant("fxlabs")).unwrap();
        let triggers = samples::triggers("fxlabs");
        let user = triggers[0].user_id;
        let mut people = People::default();
        people.addresses.insert(user, "User@people.example".into());
        let appended_at: Timestamp = "2026-03-04T13:00:01Z".parse().unwrap();
        let mut group = Group { triggers, offset: 7, appended_at, whole: true };
        let nobody = People::default();
        let mut situation = Situation {
            templates: &templates,
            look: &look,
            people: &nobody,
            now: appended_at,
            configured: true,
            held_below: 0,
        };
        change(&mut people, &mut situation, &mut group);
        owed(&group, Situation { people: &people, ..situation }).unwrap()
    }

    fn reason(owed: &Owed, state: State, part: &str) {
        assert_eq!(owed.state, state);
        assert!(owed.reason.as_deref().unwrap().contains(part), "{:?}", owed.reason);
    }

    #[test]
    fn a_group_of_a_confirmed_user_becomes_one_mail() {
        let owed = decide(|_, _, _| {});
        assert_eq!((owed.state, owed.reason.as_deref()), (State::Pending, None));
        assert_eq!(owed.occurrence, "c0a8d9a2-77f1-5a43-8f58-6a0f5f9d0001");
        assert_eq!(owed.message_id, owed.mail.unwrap().message_id);
    }

    #[test]
    fn what_is_not_sent_says_why() {
        let nobody = decide(|people, _, _| people.addresses.clear());
        reason(&nobody, State::Suppressed, "no confirmed address");
        let off = decide(|people, _, group| {
            people.switched_off.insert((group.triggers[0].user_id, "rsi_tracker".into()));
        });
        reason(&off, State::Suppressed, "switched off");
        let bounced = decide(|people, _, _| {
            people.suppressed.insert("user@people.example".into(), "550 no such user".into());
        });
        reason(&bounced, State::Suppressed, "550 no such user");
        reason(&decide(|_, situation, _| situation.held_below = 8), State::Suppressed, "restored");
        reason(&decide(|_, situation, _| situation.configured = false), State::Failed, "not configured");
        let odd = decide(|_, _, group| group.triggers[2].condition = Condition::Above);
        reason(&odd, State::Failed, "cannot be composed");
    }

    #[test]
    fn over_six_hours_a_mail_says_that_it_is_late_and_over_a_day_there_is_none() {
        let aged = |hours: i64, more: i64| {
            decide(move |_, situation, group| {
                situation.now = Timestamp(group.appended_at.0 + hours * HOUR + more)
            })
        };
        let subject = |owed: Owed| owed.mail.unwrap().subject;
        assert!(!subject(aged(6, 0)).contains("(late)"));
        assert!(subject(aged(6, 1)).contains("(late)"));
        assert!(subject(aged(24, 0)).contains("(late)"));
        reason(&aged(24, 1), State::Suppressed, "24 hours");
    }
}
