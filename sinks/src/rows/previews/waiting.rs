//! Previews of one tenant that its rows do not say yet.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bellwether_runtime::log::Record;
use bellwether_schemas::codec::decode_preview;
use bellwether_schemas::previews::AlertPreview;
use bellwether_schemas::{AlertId, TenantId};
use tokio::sync::Notify;

use super::events::PreviewsRefused;
use crate::follow::Contents;

/// Most that wait. The topic has one for an alert: whoever has more alerts than that reads it again.
const MOST: usize = 1_000_000;

/// Shared between who reads the topic and who stores.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    state: Mutex<State>,
    came: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// It is ours, and to be read from its start.
    is_new: bool,
    previews: BTreeMap<AlertId, AlertPreview>,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what was read. How many records are of no use.
    fn add(&self, tenant: &TenantId, records: &[Record]) -> u64 {
        let mut state = self.lock();
        let mut refused = 0;
        for record in records {
            let key = std::str::from_utf8(&record.key).ok().and_then(|key| key.parse::<AlertId>().ok());
            if record.is_tombstone() {
                key.map(|alert| state.previews.remove(&alert));
                continue;
            }
            match decode_preview(&record.value) {
                // Nobody's preview is believed that is not under its own key.
                Ok(preview) if preview.tenant == *tenant && key == Some(preview.alert_id) => {
                    if state.previews.len() < MOST || state.previews.contains_key(&preview.alert_id) {
                        state.previews.insert(preview.alert_id, preview);
                    }
                }
                Ok(_) | Err(_) => refused += 1,
            }
        }
        if !state.previews.is_empty() {
            self.came.notify_one();
        }
        refused
    }

    /// Some that wait behind that alert, at most so many.
    pub(super) fn behind(&self, alert: Option<AlertId>, most: usize) -> Vec<AlertPreview> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = alert.map_or(Unbounded, Excluded);
        self.lock().previews.range((from, Unbounded)).take(most).map(|(_, preview)| preview.clone()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().previews.is_empty()
    }

    /// There is nothing left to do for this one, unless another came meanwhile.
    pub(super) fn settled(&self, preview: &AlertPreview) {
        let mut state = self.lock();
        if state.previews.get(&preview.alert_id) == Some(preview) {
            state.previews.remove(&preview.alert_id);
        }
    }

    /// Waits until some came.
    pub(super) async fn came(&self) {
        self.came.notified().await;
    }
}

impl Contents for Waiting {
    fn assigned(&self) {
        *self.lock() = State { is_new: true, previews: BTreeMap::new() };
    }

    fn revoked(&self) {
        *self.lock() = State::default();
    }

    fn is_to_be_read(&self) -> bool {
        self.lock().is_new
    }

    fn begin(&self, _end: u64) {
        self.lock().is_new = false;
    }

    fn take(&self, tenant: &TenantId, records: &[Record]) {
        let refused = self.add(tenant, records);
        if refused > 0 {
            PreviewsRefused { tenant, records: refused }.emit();
        }
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::Timestamp;
    use bellwether_schemas::alerts::AlertKind;
    use bellwether_schemas::codec::encode_preview;
    use bellwether_schemas::previews::PreviewState;
    use uuid::Uuid;

    use super::*;

    fn preview(of: &str, alert: u128, version: i64) -> AlertPreview {
        AlertPreview {
            tenant: of.parse().unwrap(),
            kind: AlertKind::RsiTracker,
            alert_id: AlertId(Uuid::from_u128(alert)),
            version,
            offset: 1,
            state: PreviewState::NotEnoughHistory,
            by_minutes: false,
            from: None,
            to: None,
            times: 0,
            per_week: None,
            last: Vec::new(),
            followed: Vec::new(),
        }
    }

    fn record(key: &str, value: Vec<u8>) -> Record {
        Record { offset: 0, appended_at: Timestamp(0), key: key.into(), headers: Vec::new(), value }
    }

    fn of(preview: &AlertPreview) -> Record {
        record(&preview.key(), encode_preview(preview).unwrap())
    }

    #[test]
    fn only_a_tenants_own_previews_under_their_own_keys_wait_and_a_newer_one_takes_the_place_of_one_before() {
        let (waiting, tenant) = (Waiting::default(), "fxlabs".parse().unwrap());
        let (one, newer, other) = (preview("fxlabs", 1, 1), preview("fxlabs", 1, 2), preview("fxlabs", 2, 1));
        let foreign = preview("hextech", 3, 1);
        let misplaced = record(&other.key(), encode_preview(&preview("fxlabs", 4, 1)).unwrap());
        let garbage = record("x", b"nobody can read this".to_vec());
        let refused =
            waiting.add(&tenant, &[of(&one), of(&newer), of(&other), of(&foreign), misplaced, garbage]);
        assert_eq!(refused, 3);
        assert_eq!(waiting.behind(None, 9), [newer.clone(), other.clone()]);
        assert_eq!(waiting.behind(Some(newer.alert_id), 9), std::slice::from_ref(&other));
        waiting.settled(&one);
        assert_eq!(waiting.behind(None, 1), std::slice::from_ref(&newer), "another came meanwhile");
        waiting.settled(&newer);
        waiting.add(&tenant, &[record(&other.key(), Vec::new())]);
        assert!(waiting.is_empty(), "its alert is gone");
    }
}
