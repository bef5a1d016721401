//! What becomes of a group: a mail, or the reason why there is none. Nothing is dropped without a row that says so.

use std::collections::{HashMap, HashSet};

use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::UserId;

use super::brand::Look;
use super::compose::{Composed, compose, message_id};
use super::core::words;
use super::error::ComposeError;
use super::frame::{Late, Setting};
use super::group::Group;
use super::headers::Headers;
use super::kind::MailKind;
use super::kinds;
use super::occurrence::Occurrence;
use super::render::Templates;
use super::unsubscribe::WayOut;

/// Older than this when composed: marked as late. Microseconds.
const LATE: i64 = 6 * 3_600_000_000;
/// Older than this: recorded, not sent.
const TOO_LATE: i64 = 24 * 3_600_000_000;

/// What the tenant's database says of the users of some groups.
#[derive(Debug, Default)]
pub(super) struct People {
    /// Address by confirmed user.
    pub(super) addresses: HashMap<UserId, String>,
    /// What users have switched off.
    pub(super) switched_off: HashSet<(UserId, MailKind)>,
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
    /// It waits to be sent.
    Pending,
    /// Not sent, on purpose.
    Suppressed,
    /// It cannot be sent, and nobody will try.
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
    pub(super) kind: MailKind,
    pub(super) user: UserId,
    pub(super) message_id: String,
    pub(super) appended_at: Timestamp,
    pub(super) recipient: Option<String>,
    pub(super) state: State,
    pub(super) reason: Option<String>,
    pub(super) mail: Option<Composed>,
}

/// Whose group it is, of which kind, and which.
#[derive(Debug, Clone)]
struct Identity {
    kind: MailKind,
    occurrence: Occurrence,
    user: UserId,
}

/// Decides about one group; none for a group without triggers.
pub(super) fn owed(group: &Group, situation: Situation<'_>) -> Option<Owed> {
    let first = group.triggers.first()?;
    let mail = Identity {
        kind: MailKind::Alert(first.kind),
        occurrence: Occurrence::AlertGroup(first.group.id),
        user: first.user_id,
    };
    let recipient = situation.people.addresses.get(&mail.user).map(String::as_str);
    let (state, reason, composed) = match refusal(group, &mail, recipient, situation) {
        Err(reason) => (State::Suppressed, Some(reason), None),
        Ok(recipient) => composed(group, &mail, recipient, situation),
    };
    Some(Owed {
        message_id: message_id(situation.look, &mail.occurrence),
        occurrence: mail.occurrence.text(&situation.look.tenant),
        kind: mail.kind,
        user: mail.user,
        appended_at: group.appended_at,
        recipient: recipient.map(Into::into),
        state,
        reason,
        mail: composed,
    })
}

/// The address to send to, or why the mail is not to be sent.
fn refusal<'a>(
    group: &Group,
    mail: &Identity,
    recipient: Option<&'a str>,
    situation: Situation<'_>,
) -> Result<&'a str, String> {
    if group.offset < situation.held_below {
        return Err("held: the database was restored from before it; it may have been sent".into());
    }
    if age(group, situation) > TOO_LATE {
        return Err("more than 24 hours old".into());
    }
    let recipient = recipient.ok_or("the user has no confirmed address")?;
    if situation.people.switched_off.contains(&(mail.user, mail.kind)) {
        return Err("switched off by the user".into());
    }
    match situation.people.suppressed.get(&recipient.to_lowercase()) {
        Some(reason) => Err(words(&format!("the address is suppressed: {reason}"))),
        None => Ok(recipient),
    }
}

fn composed(
    group: &Group,
    mail: &Identity,
    recipient: &str,
    situation: Situation<'_>,
) -> (State, Option<String>, Option<Composed>) {
    match written(group, mail, recipient, situation) {
        Ok(mail) if situation.configured => (State::Pending, None, Some(mail)),
        Ok(mail) => {
            (State::Failed, Some("not configured: the tenant's file has no mail.smtp".into()), Some(mail))
        }
        Err(error) => (State::Failed, Some(words(&format!("cannot be composed: {error}"))), None),
    }
}

fn written(
    group: &Group,
    mail: &Identity,
    recipient: &str,
    situation: Situation<'_>,
) -> Result<Composed, ComposeError> {
    let Situation { templates, look, now, .. } = situation;
    let Identity { kind, occurrence, user } = mail;
    let way_out = WayOut::of(look, *user, *kind);
    let way_out = way_out.as_ref();
    let late = (age(group, situation) > LATE).then_some(Late { due: group.appended_at, now });
    let rendered = kinds::alert_group(Setting { templates, look, late, way_out }, &group.triggers)?;
    let headers = Headers { kind: *kind, occurrence, recipient, way_out, date: now };
    compose(look, &headers, rendered)
}

/// Since the first trigger was appended, microseconds.
const fn age(group: &Group, situation: Situation<'_>) -> i64 {
    situation.now.since(group.appended_at)
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::alerts::AlertKind;
    use bellwether_schemas::triggers::Condition;

    use super::*;
    use crate::mail::samples;

    const HOUR: i64 = 3_600_000_000;
    const RSI: MailKind = MailKind::Alert(AlertKind::RsiTracker);

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
            people.switched_off.insert((group.triggers[0].user_id, RSI));
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
    fn only_the_switch_of_its_own_kind_stops_a_mail() {
        let other = decide(|people, _, group| {
            let user = group.triggers[0].user_id;
            people.switched_off.extend(MailKind::all().filter(|kind| *kind != RSI).map(|kind| (user, kind)));
        });
        assert_eq!((other.state, other.kind), (State::Pending, RSI));
    }

    #[test]
    fn a_group_that_its_kind_cannot_tell_of_fails_and_says_so() {
        let none = decide(|_, _, group| {
            group.triggers.iter_mut().for_each(|trigger| trigger.kind = AlertKind::PriceAlert);
        });
        reason(
            &none,
            State::Failed,
            "cannot be composed: trigger 5a0c2f1e-5f35-5d0c-9f2c-0d5b4a8b6a01: condition is",
        );
        assert_eq!(none.kind, MailKind::Alert(AlertKind::PriceAlert));
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
