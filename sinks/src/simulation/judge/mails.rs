//! Mails: each group has one, the server has it if its row says so, and twice only where it may not have arrived.

use std::collections::BTreeMap;

use bellwether_schemas::ids::GroupId;
use bellwether_schemas::time::HOUR;
use bellwether_schemas::triggers::TriggerFired;

use super::super::outbox::{Mail, State, address};
use super::super::server::Accepted;
use super::super::world::Around;
use super::{Expected, Verdict, Wrong};
use crate::mail::group::Group;
use crate::mail::kind::MailKind;
use crate::mail::occurrence::Occurrence;
use crate::simulation::parties::content;

/// A database's clock is at most so far ahead where a mail says when it was composed.
const CLOCK: i64 = 2 * HOUR;

pub(super) fn judge(number: usize, expected: &Expected, around: &Around, verdict: &mut Verdict) {
    let mails = &around.databases[number].outbox.mails;
    let mut groups = groups(expected);
    for (occurrence, mail) in mails {
        let what = format!("mail {occurrence} of {}", expected.tenant);
        let taken: Vec<&Accepted> = around
            .server
            .ledger
            .iter()
            .filter(|taken| taken.occurrence == *occurrence && taken.tenant == number)
            .collect();
        if let MailKind::Alert(_) = mail.kind {
            match groups.remove(occurrence) {
                None => verdict.find(Wrong::Phantom, what.clone()),
                Some(group) if content(&group) != mail.content => {
                    verdict.find(Wrong::Mismatch, what.clone());
                }
                Some(_) if mail.created_at() > expected.by.plus(CLOCK) => {
                    verdict.find(Wrong::Late, what.clone())
                }
                Some(_) => {}
            }
        }
        delivery(occurrence, mail, &taken, &mut |wrong| verdict.find(wrong, what.clone()), around);
        for taken in taken {
            if taken.to != address(&expected.tenant, mail.user) {
                verdict.find(Wrong::CrossTenant, what.clone());
            } else if taken.content != mail.content {
                verdict.find(Wrong::Mismatch, what.clone());
            }
        }
    }
    for (occurrence, group) in groups {
        let cause = group.triggers[0].cause;
        let what = format!("mail {occurrence} of {}, trigger {cause}", expected.tenant);
        verdict.find(Wrong::Lost, what);
    }
    let of_nobody = around.server.ledger.iter().filter(|taken| taken.tenant == number);
    for taken in of_nobody.filter(|taken| !mails.contains_key(&taken.occurrence)) {
        verdict.find(Wrong::Phantom, format!("mail {} of {}", taken.occurrence, expected.tenant));
    }
}

/// What the server took of a mail against what its row says.
fn delivery(
    occurrence: &String,
    mail: &Mail,
    taken: &[&Accepted],
    find: &mut dyn FnMut(Wrong),
    around: &Around,
) {
    let doubts = mail.events.iter().filter(|event| **event == "ambiguous").count();
    let is_again = taken.iter().any(|taken| taken.is_again);
    if is_again || taken.len() > 1 + doubts || (taken.len() > 1 && !matches!(mail.kind, MailKind::Alert(_))) {
        find(Wrong::Duplicate);
    }
    let never = |of: &String| around.server.never.contains(of);
    match mail.state {
        State::Sent if taken.is_empty() => find(Wrong::Lost),
        State::Sent => {}
        State::Failed | State::Suppressed if never(&mail.recipient) || never(occurrence) => {}
        State::Failed | State::Suppressed => find(Wrong::Lost),
        // Nobody knows, and it is said so.
        State::Ambiguous if doubts > 0 && !mail.is_due_again() => {}
        State::Pending | State::Claimed | State::DataStarted | State::Ambiguous => find(Wrong::Late),
    }
}

/// All triggers of one alert at one instant are a group, and one mail.
fn groups(expected: &Expected) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<GroupId, Vec<TriggerFired>> = BTreeMap::new();
    for trigger in expected.fired() {
        groups.entry(trigger.group.id).or_default().push(trigger.clone());
    }
    let group = |(id, mut triggers): (GroupId, Vec<TriggerFired>)| {
        triggers.sort_by_key(|trigger| trigger.group.index);
        let group = Group { triggers, offset: 0, appended_at: expected.by, whole: true, trace: None };
        (Occurrence::AlertGroup(id).text(&expected.tenant), group)
    };
    groups.into_iter().map(group).collect()
}
