//! How much of a tenant may be under way or held before no more of its journal is read.

use super::TenantCore;
use crate::core::Output;
use crate::core::care::Care;

/// Batches whose appends are not acknowledged yet; at this many the journal is paused, and read on at half of it.
const MAX_IN_FLIGHT: usize = 64;
/// The same of their bytes: a Kafka producer has room for the appends of several tenants.
const MAX_BYTES_IN_FLIGHT: usize = 8 * 1024 * 1024;

impl TenantCore {
    /// Reads no more while too much is under way or held, and on again later.
    pub(super) fn regulate(&mut self, outputs: &mut Vec<Output>) {
        if self.halted {
            return;
        }
        let is_full = self.is_full(if self.paused { 2 } else { 1 });
        let is_held = self.care.as_ref().is_some_and(Care::is_holding);
        let pauses = is_full || is_held;
        if pauses != self.paused {
            self.paused = pauses;
            let tenant = self.tenant.clone();
            outputs.push(if pauses { Output::Pause(tenant) } else { Output::Resume(tenant) });
        }
    }

    /// At least one part in so many of what may be under way is.
    fn is_full(&self, parts: usize) -> bool {
        let bytes: usize = self.in_flight.iter().map(|batch| batch.bytes).sum();
        self.in_flight.len() >= MAX_IN_FLIGHT / parts || bytes >= MAX_BYTES_IN_FLIGHT / parts
    }
}
