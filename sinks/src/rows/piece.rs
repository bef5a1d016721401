//! Pieces of a batch: what one transaction writes.

use bellwether_database::cursor::Mark;
use bellwether_runtime::trace::{Context, Span, Step};
use bellwether_schemas::triggers::{Cause, Outcome, TriggerFired};
use bellwether_schemas::{TenantId, UserId};

use crate::feed::{Batch, Delivered};

/// Records for one transaction, and where the cursor stands after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// In the order of the topic.
    pub records: Vec<Delivered>,
    /// The cursor may not stand before this offset, or something between was never written.
    pub from: u64,
    /// Where it stands after.
    pub next_offset: u64,
    /// The largest cause up to there, also of what was dropped or is among the dead letters.
    pub through: Option<Cause>,
    /// What the cursor remembers of the topic from then on; none: what it remembered before.
    pub mark: Option<Mark>,
    /// It asks every table whether it takes anything at all. A piece without records that is none asks no table.
    pub is_probe: bool,
}

impl From<Batch> for Piece {
    fn from(batch: Batch) -> Self {
        let Batch { records, from, next_offset, mark, .. } = batch;
        let through = largest(&records);
        Self { records, from, next_offset, through, mark, is_probe: false }
    }
}

impl Piece {
    /// Keeps the first half of the records and returns the rest.
    pub(super) fn halve(&mut self) -> Self {
        let records = self.records.split_off(self.records.len() / 2);
        let between = records.first().map_or(self.next_offset, |first| first.offset);
        let (next_offset, through, mark) = (self.next_offset, self.through, self.mark.take());
        let rest = Self { records, from: between, next_offset, through, mark, is_probe: false };
        self.next_offset = between;
        self.through = largest(&self.records);
        rest
    }

    /// The trace of its first record that has one: what its log lines carry.
    pub(super) fn trace(&self) -> Option<Context> {
        self.records.iter().find_map(|record| record.trace)
    }

    /// Spans of its triggers that are traced, which begin now.
    pub(super) fn spans(&self, tenant: &TenantId) -> Vec<Span> {
        let traced = self.records.iter().filter_map(|record| Some((record.trace?, &record.outcome)));
        let fired = traced.filter_map(|(trace, outcome)| match outcome {
            Outcome::Fired(trigger) => Some((trace, trigger)),
            Outcome::Status(_) => None,
        });
        let span = |(trace, trigger): (Context, &TriggerFired)| {
            let mut span = Span::of(Some(trace), Step::WriteRow, tenant);
            span.set("trigger.id", trigger.id);
            span
        };
        fired.map(span).collect()
    }

    /// A write of nothing that moves nothing: it fails only where the table itself refuses.
    pub(super) const fn probe(&self) -> Self {
        let (from, next_offset) = (self.from, self.from);
        Self { records: Vec::new(), from, next_offset, through: None, mark: None, is_probe: true }
    }
}

/// Whose it is.
pub(super) const fn user_of(outcome: &Outcome) -> UserId {
    match outcome {
        Outcome::Fired(trigger) => trigger.user_id,
        Outcome::Status(status) => status.user_id,
    }
}

fn largest(records: &[Delivered]) -> Option<Cause> {
    records.iter().map(|record| record.outcome.cause()).max()
}
