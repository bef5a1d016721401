//! Previews of one tenant that its rows do not say yet.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bellwether_runtime::log::Record;
use bellwether_schemas::codec::decode_preview;
use bellwether_schemas::previews::{AlertPreview, Preview, UserFollowed};
use bellwether_schemas::{AlertId, TenantId, UserId};
use tokio::sync::Notify;

use super::events::PreviewsRefused;
use crate::follow::Contents;

/// Most of each sort that wait. The topic has one for an alert and one for a user: whoever has more than that reads it again.
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
    /// What is said to users; none: nothing any more.
    users: BTreeMap<UserId, Option<UserFollowed>>,
}

impl State {
    /// False of what is of no use.
    fn add(&mut self, tenant: &TenantId, record: &Record) -> bool {
        let Ok(key) = std::str::from_utf8(&record.key) else { return record.is_tombstone() };
        if record.is_tombstone() {
            key.parse().ok().map(|alert: AlertId| self.previews.remove(&alert));
            UserFollowed::user_of(key).map(|user| self.users.insert(user, None));
            return true;
        }
        match decode_preview(&record.value) {
            // Nobody's preview is believed that is not under its own key.
            Ok(preview) if preview.tenant() == tenant && preview.key() == key => {
                match preview {
                    Preview::Alert(preview) => keep(&mut self.previews, preview.alert_id, preview),
                    Preview::User(followed) => keep(&mut self.users, followed.user_id, Some(followed)),
                }
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    fn is_empty(&self) -> bool {
        self.previews.is_empty() && self.users.is_empty()
    }
}

fn keep<K: Ord, T>(waiting: &mut BTreeMap<K, T>, key: K, one: T) {
    if waiting.len() < MOST || waiting.contains_key(&key) {
        waiting.insert(key, one);
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what was read. How many records are of no use.
    fn add(&self, tenant: &TenantId, records: &[Record]) -> u64 {
        let mut state = self.lock();
        let refused = records.iter().filter(|record| !state.add(tenant, record)).count();
        if !state.is_empty() {
            self.came.notify_one();
        }
        refused as u64
    }

    /// Some that wait behind that alert, at most so many.
    pub(super) fn behind(&self, alert: Option<AlertId>, most: usize) -> Vec<AlertPreview> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = alert.map_or(Unbounded, Excluded);
        self.lock().previews.range((from, Unbounded)).take(most).map(|(_, preview)| preview.clone()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// There is nothing left to do for this one, unless another came meanwhile.
    pub(super) fn settled(&self, preview: &AlertPreview) {
        let mut state = self.lock();
        if state.previews.get(&preview.alert_id) == Some(preview) {
            state.previews.remove(&preview.alert_id);
        }
    }

    /// What is to be said to some of the users who wait, at most so many.
    pub(super) fn users(&self, most: usize) -> Vec<(UserId, Option<UserFollowed>)> {
        self.lock().users.iter().take(most).map(|(user, followed)| (*user, followed.clone())).collect()
    }

    /// That is said to them, unless something else came meanwhile.
    pub(super) fn said(&self, said: &[(UserId, Option<UserFollowed>)]) {
        let mut state = self.lock();
        for (user, followed) in said {
            if state.users.get(user) == Some(followed) {
                state.users.remove(user);
            }
        }
    }

    /// Waits until some came.
    pub(super) async fn came(&self) {
        self.came.notified().await;
    }
}

impl Contents for Waiting {
    fn assigned(&self) {
        *self.lock() = State { is_new: true, ..State::default() };
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
        record(&preview.key(), encode_preview(&Preview::Alert(preview.clone())).unwrap())
    }

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn followed(of: &str, number: u128, triggers: i64) -> UserFollowed {
        let (from, to) = (Timestamp(0), Timestamp(1));
        UserFollowed { tenant: of.parse().unwrap(), user_id: user(number), from, to, triggers, moved: None }
    }

    fn of_user(followed: &UserFollowed) -> Record {
        record(&followed.key(), encode_preview(&Preview::User(followed.clone())).unwrap())
    }

    #[test]
    fn what_is_said_to_a_user_is_that_tenants_users_and_a_tombstone_is_said_too() {
        let (waiting, tenant) = (Waiting::default(), "fxlabs".parse().unwrap());
        let (one, newer, other) =
            (followed("fxlabs", 1, 1), followed("fxlabs", 1, 2), followed("fxlabs", 2, 1));
        let misplaced = Record { key: other.key().into_bytes(), ..of_user(&followed("fxlabs", 4, 1)) };
        let foreign = followed("hextech", 3, 1);
        let refused = waiting
            .add(&tenant, &[of_user(&one), of_user(&other), of_user(&foreign), misplaced, of_user(&newer)]);
        assert_eq!(refused, 2);
        let all = [(user(1), Some(newer.clone())), (user(2), Some(other.clone()))];
        assert_eq!((waiting.users(9), waiting.users(1)), (all.to_vec(), all[..1].to_vec()));
        waiting.said(&[(user(1), Some(one))]);
        assert_eq!(waiting.users(9).len(), 2, "another came meanwhile");
        waiting.said(&all[..1]);
        assert_eq!(waiting.add(&tenant, &[record(&other.key(), Vec::new())]), 0);
        assert_eq!(waiting.users(9), [(user(2), None)], "nothing any more");
        waiting.said(&[(user(2), None)]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn only_a_tenants_own_previews_under_their_own_keys_wait_and_a_newer_one_takes_the_place_of_one_before() {
        let (waiting, tenant) = (Waiting::default(), "fxlabs".parse().unwrap());
        let (one, newer, other) = (preview("fxlabs", 1, 1), preview("fxlabs", 1, 2), preview("fxlabs", 2, 1));
        let foreign = preview("hextech", 3, 1);
        let misplaced =
            record(&other.key(), encode_preview(&Preview::Alert(preview("fxlabs", 4, 1))).unwrap());
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
