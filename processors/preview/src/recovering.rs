//! Recoveries, beside the thread that reads and commits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bellwether_runtime::jobs::{Done, Jobs};
use bellwether_runtime::log::Log;
use bellwether_schemas::TenantId;

use crate::PreviewError;
use crate::core::{Input, Number, Recovered};
use crate::recovery::recover;

/// Tenants that are recovered at once: each folds thirty days.
const AT_ONCE: usize = 2;

type Found = Result<Option<Recovered>, PreviewError>;

/// The recoveries that the core asked for.
pub(crate) struct Recoveries {
    jobs: Jobs<Number, Found>,
    /// How many records were folded for each tenant whose recovery did not fail before. Of others it is known that they stand.
    folded: BTreeMap<TenantId, Arc<AtomicU64>>,
    /// How many in all when it was asked last who goes on.
    told: u64,
}

impl Default for Recoveries {
    fn default() -> Self {
        Self { jobs: Jobs::new("minutes", AT_ONCE), folded: BTreeMap::new(), told: 0 }
    }
}

impl Recoveries {
    pub(crate) fn ask(&mut self, log: Arc<dyn Log>, tenant: TenantId, id: Number, wait: Duration) {
        let (whose, folded) = (tenant.clone(), Arc::<AtomicU64>::default());
        if wait.is_zero() {
            self.folded.insert(tenant.clone(), Arc::clone(&folded));
        }
        self.jobs.ask(tenant, id, wait, move |cancelled| {
            let is_stopped = || {
                folded.fetch_add(1, Ordering::Relaxed);
                cancelled.is_raised()
            };
            recover(log.as_ref(), &whose, &is_stopped)
        });
    }

    pub(crate) fn cancel(&mut self, tenant: &TenantId) {
        self.jobs.cancel(tenant);
        self.folded.remove(tenant);
    }

    pub(crate) fn cancel_all(&mut self) {
        self.jobs.cancel_all();
        self.folded.clear();
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.jobs.is_running()
    }

    /// Who is recovered or waits for its turn, where a record of any of them was folded since this was asked last: thirty
    /// days of ticks may take longer than somebody may be silent.
    pub(crate) fn going_on(&mut self) -> impl Iterator<Item = &TenantId> {
        let folded: u64 = self.folded.values().map(|folded| folded.load(Ordering::Relaxed)).sum();
        let is_moving = std::mem::replace(&mut self.told, folded) != folded;
        self.folded.keys().filter(move |_| is_moving)
    }

    /// Begins what is due, as far as there is room; gives what was found.
    pub(crate) fn turn(&mut self) -> Vec<Input> {
        let done = self.jobs.turn();
        done.iter().for_each(|done| drop(self.folded.remove(&done.tenant)));
        done.into_iter().filter_map(found).collect()
    }
}

/// None of one that was told to end.
fn found(done: Done<Number, Found>) -> Option<Input> {
    let Done { tenant, id, result } = done;
    let found = match result {
        Ok(Ok(found)) => Ok(Box::new(found?)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(format!("folding its minutes failed: {error}")),
    };
    Some(Input::Recovered(tenant, id, found))
}

#[cfg(test)]
mod tests {
    use bellwether_runtime::clock::Clock;
    use bellwether_runtime::log::{Access, Assignments, NewRecord, Start, open};
    use bellwether_schemas::journal::Heartbeat;
    use bellwether_schemas::{Entry, Origin, Timestamp, Topic, TopicKind, codec};
    use tokio::time::Instant;

    use super::*;
    use crate::drive::GROUP;

    const RECORDS: u64 = 50;

    struct Anything;

    impl Assignments for Anything {
        fn assigned(&mut self, _: &Topic) -> Start {
            Start::Committed
        }

        fn revoked(&mut self, _: &Topic) -> Option<u64> {
            Some(RECORDS)
        }
    }

    fn beat(tenant: &TenantId, second: u64) -> NewRecord {
        let origin = Origin {
            tenant: tenant.clone(),
            source: "feed".into(),
            session: "1".into(),
            played: true,
            appended_at: Timestamp(0),
        };
        let beat = Heartbeat { origin, ts: Timestamp(1_000_000 * second.cast_signed()) };
        let value = codec::encode_entry(&Entry::Heartbeat(beat)).unwrap();
        NewRecord { key: tenant.as_str().into(), value }
    }

    /// A log of which the group has read the tenant's journal to its end.
    fn log(dir: &tempfile::TempDir, tenant: &TenantId) -> Arc<dyn Log> {
        let url = format!("embedded:{}", dir.path().display());
        let log = open(&url, Access::Write, Clock::system()).unwrap();
        Topic::all(tenant).iter().for_each(|topic| assert!(log.create(topic).unwrap()));
        let journal = Topic::new(tenant, TopicKind::Journal);
        log.append(&journal, (0..RECORDS).map(|second| beat(tenant, second)).collect()).wait().unwrap();
        let mut consumer = log.consumer(GROUP, std::slice::from_ref(&journal), Box::new(Anything)).unwrap();
        consumer.poll(Duration::from_secs(5)).unwrap();
        consumer.close().unwrap();
        assert_eq!(log.committed(GROUP, &journal).unwrap(), Some(RECORDS));
        log
    }

    #[test]
    fn whoever_is_recovered_or_waits_for_its_turn_goes_on_while_records_are_folded_and_no_longer() {
        let dir = tempfile::tempdir().unwrap();
        let [first, stands, last]: [TenantId; 3] = ["aa", "bb", "cc"].map(|id| id.parse().unwrap());
        let log = log(&dir, &first);
        let mut recoveries = Recoveries::default();
        recoveries.ask(Arc::clone(&log), first.clone(), 1, Duration::ZERO);
        recoveries.ask(Arc::clone(&log), stands, 2, Duration::from_hours(1));
        assert_eq!(recoveries.going_on().count(), 0, "nothing was folded yet");
        let folded = Arc::clone(&recoveries.folded[&first]);
        assert!(recoveries.turn().is_empty(), "it begins");
        let by = Instant::now() + Duration::from_secs(20);
        while folded.load(Ordering::Relaxed) < RECORDS && Instant::now() < by {
            std::thread::yield_now();
        }
        recoveries.ask(log, last.clone(), 3, Duration::ZERO);
        assert_eq!(recoveries.going_on().collect::<Vec<_>>(), [&first, &last]);
        assert_eq!(recoveries.going_on().count(), 0, "nothing more was folded");
        while recoveries.folded.contains_key(&first) && Instant::now() < by {
            recoveries.turn();
        }
        assert!(!recoveries.folded.contains_key(&first), "it is recovered");
    }
}
