//! What the readings topic says of one tenant's market now: the newest reading of each key, and the news calendar.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bellwether_runtime::log::Record;
use bellwether_schemas::TenantId;
use bellwether_schemas::calendar::CalendarItem;
use bellwether_schemas::codec::decode_reading;
use bellwether_schemas::readings::{Reading, ReadingRecord};
use tokio::sync::Notify;

use super::events::ReadingsRefused;
use crate::follow::Contents;

/// What is known of a market.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The newest reading of each key.
    pub(super) readings: BTreeMap<String, Reading>,
    /// Items of the news calendar, by their keys too.
    pub(super) calendar: BTreeMap<String, CalendarItem>,
}

/// One tenant's market, shared between who reads the topic and who keeps the tenant's schedule.
#[derive(Debug, Default)]
pub(super) struct Market {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    known: Known,
    reading: Progress,
}

/// How far the topic is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Progress {
    /// It is not ours.
    #[default]
    NotOurs,
    /// It is ours, and to be read from its start.
    Assigned,
    /// Up to this offset, where it ended when it was assigned, it is not read yet.
    CatchingUp(u64),
    /// What it says is what it says now.
    Whole,
}

impl Market {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A reader that panicked half way left old readings beside new ones, as any moment does.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, where the topic is ours and read to its end.
    pub(super) fn look<T>(&self, of: impl FnOnce(&Known) -> T) -> Option<T> {
        let state = self.lock();
        (state.reading == Progress::Whole).then(|| of(&state.known))
    }

    /// Waits until the market is whole, or the calendar knows something new.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Takes in what was read. How many records nobody can read.
    pub(super) fn learn_all(&self, tenant: &TenantId, records: &[Record]) -> u64 {
        let mut refused = 0;
        for record in records {
            if record.is_tombstone() {
                self.forget(&record.key);
                continue;
            }
            match decode_reading(&record.value) {
                Ok(reading) if reading.tenant == *tenant => refused += u64::from(!self.learn(&reading)),
                Ok(_) | Err(_) => refused += 1,
            }
        }
        if let Some(last) = records.last() {
            self.caught_up(last.offset + 1);
        }
        refused
    }

    /// False for a body of a kind that this version does not know.
    fn learn(&self, record: &ReadingRecord) -> bool {
        let Ok(reading) = record.reading() else { return false };
        let mut state = self.lock();
        if let Reading::Calendar(item) = reading {
            state.known.calendar.insert(record.key.clone(), item);
            if state.reading == Progress::Whole {
                self.changed.notify_one();
            }
        } else {
            state.known.readings.insert(record.key.clone(), reading);
        }
        true
    }

    fn forget(&self, key: &[u8]) {
        let mut state = self.lock();
        let key = String::from_utf8_lossy(key);
        state.known.readings.remove(&*key);
        state.known.calendar.remove(&*key);
    }

    fn caught_up(&self, next_offset: u64) {
        let mut state = self.lock();
        if matches!(state.reading, Progress::CatchingUp(end) if next_offset >= end) {
            state.reading = Progress::Whole;
            drop(state);
            self.changed.notify_one();
        }
    }
}

impl Contents for Market {
    fn assigned(&self) {
        *self.lock() = State { known: Known::default(), reading: Progress::Assigned };
    }

    fn revoked(&self) {
        *self.lock() = State::default();
    }

    fn is_to_be_read(&self) -> bool {
        self.lock().reading == Progress::Assigned
    }

    /// Until `end` it is not whole.
    fn begin(&self, end: u64) {
        self.lock().reading = Progress::CatchingUp(end);
        self.caught_up(0);
    }

    fn take(&self, tenant: &TenantId, records: &[Record]) {
        let refused = self.learn_all(tenant, records);
        if refused > 0 {
            ReadingsRefused { tenant, records: refused }.emit();
        }
    }
}
