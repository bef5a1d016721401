//! Taking the state in parts while records go on to be applied: see [`crate::snapshot`].

use super::Engine;
use super::state::{bucket_part, pair_part, symbol_part};
use crate::snapshot::Part;

/// What a symbol or a pair counts for, and a bucket of alerts, whose 1,024 take that much longer to copy.
const ITEM: usize = 1;
const BUCKET: usize = 8;

impl Engine {
    /// Begins a snapshot of the state as it stands. Whatever is applied from here on, [`Self::go_on_taking`] gives the parts that
    /// [`Self::parts`] would give now. One that was under way is over.
    pub fn begin_taking(&mut self) {
        self.symbols.begin();
        self.pairs.begin();
        self.alerts.begin_snapshot();
        self.taken = Some(self.small_parts());
    }

    /// Copies on, as much as `effort` allows: a symbol is one, a bucket of alerts eight. All parts, in the order of their keys, once
    /// nothing is left; none before, and none where no snapshot was begun.
    pub fn go_on_taking(&mut self, effort: usize) -> Option<Vec<Part>> {
        let mut parts = self.taken.take()?;
        let mut left = effort;
        let is_whole = loop {
            match self.copy_next() {
                None => break true,
                Some(cost) if cost >= left => break false,
                Some(cost) => left -= cost,
            }
        };
        let symbols = self.symbols.due().take_copies().into_iter();
        parts.extend(symbols.map(|(place, state)| symbol_part(place, state)));
        let pairs = self.pairs.due().take_copies().into_iter();
        parts.extend(pairs.map(|(place, pair)| pair_part(place, pair)));
        let alerts = self.alerts.take_copies().into_iter();
        parts.extend(alerts.map(|(bucket, alerts)| bucket_part(bucket, alerts)));
        if is_whole {
            parts.sort_by_key(Part::key);
            return Some(parts);
        }
        self.taken = Some(parts);
        None
    }

    /// A snapshot is under way.
    #[must_use]
    pub const fn is_taking(&self) -> bool {
        self.taken.is_some()
    }

    /// Copies one more of what is due, and says what that counts for.
    fn copy_next(&mut self) -> Option<usize> {
        if let Some(place) = self.symbols.due().next() {
            self.symbols.copy(place);
            return Some(ITEM);
        }
        if let Some(place) = self.pairs.due().next() {
            self.pairs.copy(place);
            return Some(ITEM);
        }
        self.alerts.copy_next().then_some(BUCKET)
    }
}
