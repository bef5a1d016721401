//! Briefs: every day that came due has one run; its mails go to everybody, at their time or a little later.

use bellwether_schemas::Timestamp;
use bellwether_schemas::time::HOUR;

use super::super::market;
use super::super::outbox::{brief, brief_occurrence};
use super::super::world::Around;
use super::{Expected, Verdict, Wrong};
use crate::schedule::decision::RunState;
use crate::simulation::parties::daily;

/// What was due longer ago is not sent.
const WITHIN: i64 = 6 * HOUR;

pub(super) fn judge(number: usize, expected: &Expected, around: &Around, verdict: &mut Verdict) {
    let (database, daily) = (&around.databases[number], daily(number));
    let now = database.now(around.now);
    let Some(first) = database.runs.keys().next().copied() else {
        return verdict.find(Wrong::Lost, format!("schedule of {}", expected.tenant));
    };
    for date in first.iter_days().skip(1) {
        let Some(slot) = daily.slot(date) else { continue };
        // What comes due at the very end may still be under way.
        if slot.due.plus(HOUR) > now {
            break;
        }
        if !database.runs.contains_key(&date) {
            verdict.find(Wrong::Lost, format!("brief of {date} of {}", expected.tenant));
        }
    }
    for (date, row) in &database.runs {
        let what = || format!("brief of {date} of {}", expected.tenant);
        let due = daily.slot(*date).map(|slot| slot.due);
        if due != Some(row.run.slot.due) {
            verdict.find(Wrong::Mismatch, what());
        }
        let in_time = |at: &Timestamp| (0..=WITHIN).contains(&at.since(row.run.slot.due));
        match row.run.state {
            RunState::Due { .. } if !in_time(&row.at) => verdict.find(Wrong::Late, what()),
            RunState::Due { .. } => mails(number, *date, expected, around, verdict),
            // Whoever looked in time has sent it.
            RunState::Missed if database.looks.iter().any(in_time) => verdict.find(Wrong::Lost, what()),
            RunState::Missed | RunState::Before => {}
        }
    }
}

fn mails(
    number: usize,
    date: chrono::NaiveDate,
    expected: &Expected,
    around: &Around,
    verdict: &mut Verdict,
) {
    for user in (1..=market::USERS).map(market::user) {
        let occurrence = brief_occurrence(&expected.tenant, date, user);
        let what = || format!("brief of {date} to {user} of {}", expected.tenant);
        match around.databases[number].outbox.mails.get(&occurrence) {
            None => verdict.find(Wrong::Lost, what()),
            Some(mail) if mail.content != brief(date, user) => verdict.find(Wrong::Mismatch, what()),
            Some(_) => {}
        }
    }
}
