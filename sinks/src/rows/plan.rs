//! What of a piece is to be written, without IO.

use std::collections::HashSet;

use bellwether_database::cursor::Cursor;
use bellwether_database::tables::user_events::Event;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{AlertStatus, Cause, Outcome, TriggerFired};
use bellwether_schemas::{TriggerId, UserId};

use super::piece::{Piece, user_of};

/// What of a piece is to be written over a cursor.
#[derive(Debug)]
pub struct Plan<'a> {
    /// What is past the cursor, each cause once, in the order of causes.
    pub outcomes: Vec<&'a Outcome>,
    /// Records that lie behind the cursor.
    pub repeats: u64,
    /// Where the cursor stands after.
    pub cursor: Cursor,
}

/// Leaves out what lies behind the cursor, and repeats within the piece.
#[must_use]
pub fn plan(piece: &Piece, mut cursor: Cursor) -> Plan<'_> {
    let mut outcomes = Vec::with_capacity(piece.records.len());
    let mut repeats = 0;
    for record in &piece.records {
        let cause = record.outcome.cause();
        if cause <= cursor.cause {
            repeats += 1;
            continue;
        }
        cursor.cause = cause;
        outcomes.push(&record.outcome);
    }
    cursor.cause = piece.through.map_or(cursor.cause, |through| through.max(cursor.cause));
    cursor.next_offset = cursor.next_offset.max(piece.next_offset);
    Plan { outcomes, repeats, cursor }
}

impl<'a> Plan<'a> {
    /// Whose outcomes they are.
    pub(crate) fn users(&self) -> HashSet<UserId> {
        self.outcomes.iter().map(|outcome| user_of(outcome)).collect()
    }

    /// Takes out what is of these users; how much that was. The cursor passes it all the same.
    pub(crate) fn leave_out(&mut self, users: &HashSet<UserId>) -> u64 {
        let before = self.outcomes.len();
        self.outcomes.retain(|outcome| !users.contains(&user_of(outcome)));
        (before - self.outcomes.len()) as u64
    }

    /// The triggers of all kinds.
    pub(crate) fn triggers(&self) -> impl Iterator<Item = &'a TriggerFired> {
        self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Fired(trigger) => Some(trigger),
            Outcome::Status(_) => None,
        })
    }

    /// The triggers of one kind.
    pub(crate) fn triggers_of(&self, kind: AlertKind) -> Vec<&'a TriggerFired> {
        self.triggers().filter(|trigger| trigger.kind == kind).collect()
    }

    /// Every status, not only the newest of each alert.
    pub(crate) fn statuses(&self) -> Vec<&'a AlertStatus> {
        let statuses = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Fired(_) => None,
            Outcome::Status(status) => Some(status),
        });
        statuses.collect()
    }

    /// What users would be told of, were every outcome a change: one event each, in their order.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.outcomes.iter().map(|outcome| Event::of(outcome)).collect()
    }

    /// Of those events, the ones that tell of a change in a table, wherever the topic was cut into pieces.
    pub(crate) fn told(&self, events: Vec<Event>, changed: &Changed) -> Vec<Event> {
        let tells = |outcome: &Outcome| match outcome {
            Outcome::Fired(trigger) => changed.rows.contains(&trigger.id),
            Outcome::Status(status) => changed.statuses.contains(&status.cause),
        };
        let told = self.outcomes.iter().zip(events).filter(|(outcome, _)| tells(outcome));
        told.map(|(_, event)| event).collect()
    }
}

/// What the tables of a transaction did not have before.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Triggers whose rows are new.
    pub(crate) rows: HashSet<TriggerId>,
    /// Causes of the statuses that changed where an alert stands.
    pub(crate) statuses: HashSet<Cause>,
}
