//! What of a piece is to be written, without IO.

use std::collections::BTreeMap;

use bellwether_database::cursor::Cursor;
use bellwether_schemas::AlertId;
use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{AlertStatus, Outcome, TriggerFired};

use super::piece::Piece;

/// What of a piece is to be written over a cursor.
#[derive(Debug)]
pub struct Plan<'a> {
    /// New triggers, by cause.
    pub triggers: Vec<&'a TriggerFired>,
    /// The newest status of each alert.
    pub statuses: Vec<&'a AlertStatus>,
    /// Records that lie behind the cursor.
    pub repeats: u64,
    /// Where the cursor stands after.
    pub cursor: Cursor,
}

/// Leaves out what lies behind the cursor, and repeats within the piece.
#[must_use]
pub fn plan(piece: &Piece, mut cursor: Cursor) -> Plan<'_> {
    let mut triggers = Vec::with_capacity(piece.records.len());
    let mut statuses: BTreeMap<AlertId, &AlertStatus> = BTreeMap::new();
    let mut repeats = 0;
    for record in &piece.records {
        let cause = record.outcome.cause();
        if cause <= cursor.cause {
            repeats += 1;
            continue;
        }
        cursor.cause = cause;
        match &record.outcome {
            Outcome::Fired(trigger) => triggers.push(trigger),
            Outcome::Status(status) => drop(statuses.insert(status.alert_id, status)),
        }
    }
    cursor.cause = piece.through.map_or(cursor.cause, |through| through.max(cursor.cause));
    cursor.next_offset = cursor.next_offset.max(piece.next_offset);
    Plan { triggers, statuses: statuses.into_values().collect(), repeats, cursor }
}

impl Plan<'_> {
    /// The new triggers of one kind, by cause.
    pub(super) fn triggers_of(&self, kind: AlertKind) -> Vec<&TriggerFired> {
        self.triggers.iter().copied().filter(|trigger| trigger.kind == kind).collect()
    }
}
