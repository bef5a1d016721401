//! What becomes of a group: a mail, or the reason why there is none. Nothing is dropped without a row that says so.

use std::collections::{HashMap, HashSet};

use bellwether_schemas::Timestamp;
use bellwether_schemas::ids::{Symbol, UserId};
use bellwether_schemas::triggers::TriggerFired;

use super::brand::Look;
use super::compose::{Composed, compose, message_id};
use super::core::words;
use super::error::ComposeError;
use super::frame::{Late, Setting};
use super::group::Group;
use super::headers::Headers;
use super::kind::MailKind;
use super::kinds;
use super::limits::{Asked, Caps, Course, Hours, Wait, Wishes};
use super::occurrence::Occurrence;
use super::render::Templates;
use super::unsubscribe::WayOut;

/// Older than this when composed: marked as late. Microseconds.
pub(super) const LATE: i64 = 6 * 3_600_000_000;
/// Older than this: recorded, not sent.
pub(super) const TOO_LATE: i64 = 24 * 3_600_000_000;

/// What the tenant's database says of the users of some mails, and its clock.
#[derive(Debug, Default)]
pub(super) struct People {
    /// By the database's clock, once whatever it asked for was locked.
    pub(super) now: Timestamp,
    /// Occurrences that are in the outbox already.
    pub(super) known: HashSet<String>,
    /// Address by confirmed user.
    pub(super) addresses: HashMap<UserId, String>,
    /// Of whoever has any.
    pub(super) wishes: HashMap<UserId, Wishes>,
    /// Addresses, in small letters, that nothing is to be sent to, and why.
    pub(super) suppressed: HashMap<String, String>,
    /// Alert mails of the last hour.
    pub(super) hours: Hours,
}

impl People {
    pub(super) fn wishes(&self, user: UserId) -> &Wishes {
        const NOTHING: &Wishes = &Wishes::NOTHING;
        self.wishes.get(&user).unwrap_or(NOTHING)
    }

    /// The address to send to, or why no mail of that kind is to be sent to the user.
    pub(super) fn recipient(&self, user: UserId, kind: MailKind) -> Result<&str, String> {
        let recipient = self.addresses.get(&user).ok_or("the user has no confirmed address")?;
        if !self.wishes(user).wants(kind) {
            return Err("switched off by the user".into());
        }
        match self.suppressed.get(&recipient.to_lowercase()) {
            Some(reason) => Err(words(&format!("the address is suppressed: {reason}"))),
            None => Ok(recipient),
        }
    }
}

/// What decides about a group, but for how it is composed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) people: &'a People,
    pub(super) caps: Caps,
    /// What the tenant adds to the names of symbols.
    pub(super) suffix: &'a str,
    /// The database was restored from before what lies below this offset: that may have been mailed already.
    pub(super) held_below: u64,
}

/// Everything but the group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) templates: &'a Templates,
    pub(super) look: &'a Look,
    pub(super) rules: Rules<'a>,
    /// The tenant has a server to send through.
    pub(super) configured: bool,
}

/// The state a row of the outbox begins in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It waits to be sent.
    Pending,
    /// It waits until its [`Wait`] is over.
    Held,
    /// Not sent, on purpose.
    Suppressed,
    /// It cannot be sent, and nobody will try.
    Failed,
}

impl State {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Held => "held",
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
    /// Of a held one alone.
    pub(super) wait: Option<Wait>,
}

/// Whose group it is, of which kind, and which.
#[derive(Debug, Clone)]
struct Identity {
    kind: MailKind,
    occurrence: Occurrence,
    user: UserId,
}

/// A group that nothing stands against.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Granted<'a> {
    pub(super) recipient: &'a str,
    /// Of symbols that the user did not mute.
    pub(super) triggers: Vec<TriggerFired>,
    /// What becomes of its mail; never [`Course::Drop`].
    pub(super) course: Course,
}

/// Decides about one group, and lets it count for those that follow; none for a group without triggers and one whose mail
/// is in the outbox already.
pub(super) fn owed(group: &Group, situation: Situation<'_>, hours: &mut Hours) -> Option<Owed> {
    let Situation { look, rules, .. } = situation;
    let first = group.triggers.first()?;
    let mail = Identity {
        kind: MailKind::Alert(first.kind),
        occurrence: Occurrence::AlertGroup(first.group.id),
        user: first.user_id,
    };
    let occurrence = mail.occurrence.text(&look.tenant);
    if rules.people.known.contains(&occurrence) {
        return None;
    }
    let owed = Owed {
        message_id: message_id(look, &mail.occurrence),
        occurrence,
        kind: mail.kind,
        user: mail.user,
        appended_at: group.appended_at,
        recipient: rules.people.addresses.get(&mail.user).cloned(),
        state: State::Suppressed,
        reason: None,
        mail: None,
        wait: None,
    };
    Some(match granted(group, rules, hours) {
        Err(reason) => Owed { reason: Some(reason), ..owed },
        Ok(granted) => composed(owed, group, &mail, granted, situation, hours),
    })
}

/// Whether the group is mailed, and when; else why it is not.
pub(super) fn granted<'a>(group: &Group, rules: Rules<'a>, hours: &Hours) -> Result<Granted<'a>, String> {
    let first = group.triggers.first().ok_or("it has no triggers")?;
    let (user, kind) = (first.user_id, MailKind::Alert(first.kind));
    if group.offset < rules.held_below {
        return Err("held: the database was restored from before it; it may have been sent".into());
    }
    if age(group, rules.people) > TOO_LATE {
        return Err("more than 24 hours old".into());
    }
    let (recipient, wishes) = (rules.people.recipient(user, kind)?, rules.people.wishes(user));
    let is_muted = |trigger: &&TriggerFired| names(trigger).any(|name| wishes.mutes(name, rules.suffix));
    let triggers: Vec<TriggerFired> =
        group.triggers.iter().filter(|trigger| !is_muted(trigger)).cloned().collect();
    if triggers.is_empty() {
        return Err("muted by the user: its symbols".into());
    }
    let asked = Asked { kind, user, wishes, useful_until: None };
    match hours.course(asked, rules.caps, rules.people.now) {
        Course::Drop(reason) => Err(reason.into()),
        course => Ok(Granted { recipient, triggers, course }),
    }
}

/// The symbols that a trigger is about: both of a pair, and none where currencies lead.
fn names(trigger: &TriggerFired) -> impl Iterator<Item = &str> {
    let pair = trigger.pair.iter().flat_map(|pair| pair.split('-'));
    trigger.symbol.iter().map(Symbol::as_str).chain(pair)
}

/// The row with its mail, or with why it has none.
fn composed(
    owed: Owed,
    group: &Group,
    mail: &Identity,
    granted: Granted<'_>,
    situation: Situation<'_>,
    hours: &mut Hours,
) -> Owed {
    let Granted { recipient, triggers, course } = granted;
    let written = match written(group, mail, recipient, &triggers, situation) {
        Ok(written) => written,
        Err(error) => {
            let reason = Some(words(&format!("cannot be composed: {error}")));
            return Owed { state: State::Failed, reason, ..owed };
        }
    };
    if !situation.configured {
        let reason = Some("not configured: the tenant's file has no mail.smtp".into());
        return Owed { state: State::Failed, reason, mail: Some(written), ..owed };
    }
    let wishes = situation.rules.people.wishes(mail.user);
    hours.note(Asked { kind: mail.kind, user: mail.user, wishes, useful_until: None }, course);
    let owed = Owed { mail: Some(written), ..owed };
    match course {
        Course::Send => Owed { state: State::Pending, ..owed },
        Course::Wait(wait) => {
            Owed { state: State::Held, reason: Some(wait.why.told().into()), wait: Some(wait), ..owed }
        }
        Course::Drop(reason) => Owed { reason: Some(reason.into()), mail: None, ..owed },
    }
}

fn written(
    group: &Group,
    mail: &Identity,
    recipient: &str,
    triggers: &[TriggerFired],
    situation: Situation<'_>,
) -> Result<Composed, ComposeError> {
    let Situation { templates, look, rules, .. } = situation;
    let Identity { kind, occurrence, user } = mail;
    let way_out = WayOut::of(look, *user, *kind);
    let (way_out, now) = (way_out.as_ref(), rules.people.now);
    let late = (age(group, rules.people) > LATE).then_some(Late { due: group.appended_at, now });
    let rendered = kinds::alert_group(Setting { templates, look, late, way_out }, triggers)?;
    let headers = Headers { kind: *kind, occurrence, recipient, way_out, date: now };
    compose(look, &headers, rendered)
}

/// Since the first trigger was appended, microseconds.
const fn age(group: &Group, people: &People) -> i64 {
    people.now.since(group.appended_at)
}

#[cfg(test)]
mod tests;
