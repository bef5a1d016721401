//! How the tenants of a process fare: each part of its work says when it has done something, or has looked and found
//! nothing to do; or that it waits for something that is known to be wrong. Whoever watches over the process asks
//! whether anybody has said nothing for too long.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellwether_schemas::TenantId;
use tokio::time::Instant;

/// Whose work it is: a tenant's, or what the process does for all of them.
type Place = (Option<TenantId>, &'static str);

/// Where progress is said. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<BTreeMap<Place, Standing>>>);

/// How one part of the work stands.
#[derive(Debug, Clone, Copy)]
enum Standing {
    /// It moved then, and the next time may take so much longer than usual.
    Moved(Instant, Duration),
    /// It goes on, with what was before its time: a moment ago.
    Recovering(Instant),
    /// It waits for what is known to be wrong.
    Parked,
}

impl Progress {
    /// What the process does for all its tenants went round once more.
    pub fn turned(&self, part: &'static str) {
        self.set((None, part), Standing::Moved(Instant::now(), Duration::ZERO));
    }

    /// This part of the tenant's work did something, or looked and found nothing to do.
    pub fn moved(&self, tenant: &TenantId, part: &'static str) {
        self.busy(tenant, part, Duration::ZERO);
    }

    /// It moved, and begins what may rightly take so long.
    pub fn busy(&self, tenant: &TenantId, part: &'static str, most: Duration) {
        self.set((Some(tenant.clone()), part), Standing::Moved(Instant::now(), most));
    }

    /// It goes on, and has not got to where it is of use yet.
    pub fn recovering(&self, tenant: &TenantId, part: &'static str) {
        self.set((Some(tenant.clone()), part), Standing::Recovering(Instant::now()));
    }

    /// It waits, awake, for what is known to be wrong: that was said.
    pub fn parked(&self, tenant: &TenantId, part: &'static str) {
        self.set((Some(tenant.clone()), part), Standing::Parked);
    }

    /// The tenant is not this process's any more, or its part has ended as it should.
    pub fn left(&self, tenant: &TenantId, part: &'static str) {
        self.lock().remove(&(Some(tenant.clone()), part));
    }

    /// Why the process is not what others may rely on yet, or any more: nothing has begun, a tenant is being recovered,
    /// somebody has said nothing for longer than `most`. Who waits for what is known to be wrong keeps nobody waiting:
    /// one tenant's database would stop all from being served by a newer version.
    #[must_use]
    pub fn unready(&self, most: Duration) -> Vec<String> {
        if self.is_empty() {
            return vec!["nothing has begun".into()];
        }
        let recovering: Vec<String> = {
            let known = self.lock();
            let recovering = known.iter().filter(|(_, standing)| matches!(standing, Standing::Recovering(_)));
            recovering
                .map(|((tenant, part), _)| format!("{} recovers", name(tenant.as_ref(), part)))
                .collect()
        };
        let silent = self.silent(most).into_iter().map(|who| format!("{who} stands still"));
        recovering.into_iter().chain(silent).collect()
    }

    /// Who has said nothing for longer than `most`: `<part>`, or `<part> of <tenant>`.
    #[must_use]
    pub fn silent(&self, most: Duration) -> Vec<String> {
        self.silent_at(Instant::now(), most)
    }

    fn silent_at(&self, now: Instant, most: Duration) -> Vec<String> {
        let is_silent = |standing: &Standing| match standing {
            Standing::Moved(at, longer) => now.duration_since(*at) > most.saturating_add(*longer),
            Standing::Recovering(at) => now.duration_since(*at) > most,
            Standing::Parked => false,
        };
        let known = self.lock();
        let silent = known.iter().filter(|(_, standing)| is_silent(standing));
        silent.map(|((tenant, part), _)| name(tenant.as_ref(), part)).collect()
    }

    /// Nobody has said anything at all yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn set(&self, place: Place, standing: Standing) {
        self.lock().insert(place, standing);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Standing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(tenant: Option<&TenantId>, part: &str) -> String {
    tenant.map_or_else(|| part.into(), |tenant| format!("{part} of {tenant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(120);

    #[test]
    fn who_says_nothing_for_too_long_is_silent_and_who_is_known_to_wait_is_not() {
        let progress = Progress::default();
        let [a, b, c]: [TenantId; 3] = ["aa", "bb", "cc"].map(|id| id.parse().unwrap());
        let after = |seconds| progress.silent_at(Instant::now() + Duration::from_secs(seconds), MOST);
        progress.turned("feed");
        progress.moved(&a, "rows");
        progress.parked(&b, "rows");
        progress.busy(&c, "rows", Duration::from_secs(60));
        assert_eq!(after(110), [""; 0]);
        assert_eq!(after(130), ["feed", "rows of aa"]);
        assert_eq!(after(190), ["feed", "rows of aa", "rows of cc"]);
        progress.left(&a, "rows");
        progress.parked(&c, "rows");
        assert_eq!(after(190), ["feed"]);
    }

    #[test]
    fn nobody_relies_on_who_has_not_begun_recovers_or_stands_still_and_who_is_parked_stops_nobody() {
        let progress = Progress::default();
        let tenant: TenantId = "aa".parse().unwrap();
        assert_eq!(progress.unready(MOST), ["nothing has begun"]);
        progress.recovering(&tenant, "process");
        assert_eq!(progress.unready(MOST), ["process of aa recovers"]);
        progress.moved(&tenant, "process");
        assert_eq!(progress.unready(MOST), [""; 0]);
        assert_eq!(progress.unready(Duration::ZERO), ["process of aa stands still"]);
        progress.parked(&tenant, "process");
        assert_eq!(progress.unready(Duration::ZERO), [""; 0]);
    }
}
