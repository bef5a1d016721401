//! Rows, what users are told in their lines, and where alerts stand.

use std::collections::BTreeMap;

use bellwether_database::tables::alert_status::Stand;
use bellwether_database::tables::user_events::Event;
use bellwether_schemas::triggers::{AlertStatus, Cause, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, TriggerId, UserId};

use super::super::database::Database;
use super::super::world::Around;
use super::{Expected, Verdict, Wrong};

pub(super) fn judge(number: usize, expected: &Expected, around: &Around, verdict: &mut Verdict) {
    let database = &around.databases[number];
    let (refused, fired): (Vec<_>, Vec<_>) =
        expected.fired().partition(|trigger| database.is_refused(trigger));
    for trigger in refused.iter().filter(|trigger| !around.kept[number].contains(&trigger.cause)) {
        verdict.find(Wrong::Lost, format!("dead letter of trigger {} of {}", trigger.cause, expected.tenant));
    }
    let is_refused = |cause: &Cause| refused.iter().any(|trigger| trigger.cause == *cause);
    for cause in around.kept[number].iter().filter(|cause| !is_refused(cause)) {
        verdict.find(Wrong::Phantom, format!("dead letter of trigger {cause} of {}", expected.tenant));
    }
    let mut fired: BTreeMap<TriggerId, &TriggerFired> =
        fired.into_iter().map(|trigger| (trigger.id, trigger)).collect();
    for (id, rows) in &database.inserted {
        let should_be = fired.remove(id);
        let what = || match should_be {
            Some(trigger) => format!("row of trigger {} of {}", trigger.cause, expected.tenant),
            None => format!("row {id} of {}", expected.tenant),
        };
        if rows.len() > 1 {
            verdict.find(Wrong::Duplicate, what());
        }
        if rows.iter().any(|row| row.row.tenant != expected.tenant) {
            verdict.find(Wrong::CrossTenant, what());
        } else if should_be.is_none() {
            verdict.find(Wrong::Phantom, what());
        } else if rows.iter().any(|row| Some(&row.row) != should_be) {
            verdict.find(Wrong::Mismatch, what());
        }
        if rows.iter().any(|row| row.at > expected.by) {
            verdict.find(Wrong::Late, what());
        }
    }
    for trigger in fired.values() {
        verdict.find(Wrong::Lost, format!("row of trigger {} of {}", trigger.cause, expected.tenant));
    }
    lines(expected, database, verdict);
    standings(expected, database, verdict);
}

/// A user is told of each row, and of each change of where an alert stands.
fn told(expected: &Expected, database: &Database) -> BTreeMap<UserId, Vec<Event>> {
    let mut told: BTreeMap<UserId, Vec<Event>> = BTreeMap::new();
    let mut stood: BTreeMap<AlertId, &AlertStatus> = BTreeMap::new();
    for outcome in &expected.outcomes {
        let user = match outcome {
            Outcome::Fired(trigger) => (!database.is_refused(trigger)).then_some(trigger.user_id),
            Outcome::Status(status) => {
                let before = stood.get(&status.alert_id);
                let is_newer = before.is_none_or(|before| status.version >= before.version);
                let is_other = before.is_none_or(|before| {
                    (before.version, before.state, &before.reason, before.since)
                        != (status.version, status.state, &status.reason, status.since)
                });
                if is_newer && is_other {
                    stood.insert(status.alert_id, status);
                }
                (is_newer && is_other).then_some(status.user_id)
            }
        };
        if let Some(user) = user {
            told.entry(user).or_default().push(Event::of(outcome));
        }
    }
    told
}

fn lines(expected: &Expected, database: &Database, verdict: &mut Verdict) {
    let mut told = told(expected, database);
    for (user, line) in &database.lines {
        let should_be = told.remove(user).unwrap_or_default();
        let what = || format!("line of user {user} of {}", expected.tenant);
        if *line == should_be {
            continue;
        }
        let wrong = match line.len().cmp(&should_be.len()) {
            std::cmp::Ordering::Less => Wrong::Lost,
            std::cmp::Ordering::Greater => Wrong::Duplicate,
            std::cmp::Ordering::Equal => Wrong::Mismatch,
        };
        verdict.find(wrong, what());
    }
    for user in told.keys() {
        verdict.find(Wrong::Lost, format!("line of user {user} of {}", expected.tenant));
    }
}

/// Each alert stands where it was said last, and has fired as often as it has.
fn standings(expected: &Expected, database: &Database, verdict: &mut Verdict) {
    let mut last: BTreeMap<AlertId, &AlertStatus> = BTreeMap::new();
    let mut counts: BTreeMap<AlertId, i64> = BTreeMap::new();
    for outcome in &expected.outcomes {
        match outcome {
            Outcome::Fired(trigger) if database.is_refused(trigger) => {}
            Outcome::Fired(trigger) => *counts.entry(trigger.alert_id).or_default() += 1,
            Outcome::Status(status) => drop(last.insert(status.alert_id, status)),
        }
    }
    for (alert, status) in last {
        let what = format!("status of alert {alert} of {}", expected.tenant);
        let Some(stands) = database.statuses.get(&alert) else {
            verdict.find(Wrong::Lost, what);
            continue;
        };
        if stands.stand.version < status.version {
            verdict.find(Wrong::Stale, what.clone());
        } else if stands.stand != Stand::from(status) {
            verdict.find(Wrong::Mismatch, what.clone());
        }
        if stands.count != counts.get(&alert).copied().unwrap_or(0) {
            verdict.find(Wrong::Mismatch, format!("{what}: how often it fired"));
        }
    }
}
