//! When a mail is tried again: 10 s · 2ⁿ with jitter, at most an hour apart.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bellwether_runtime::backoff::{Backoff, spread};

const BACKOFF: Backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(3_600));

/// How long to wait after the `attempts`-th try. The jitter, a fifth either way, follows from what is tried: mails
/// that failed together do not come back together.
pub(super) fn after(attempts: i32, what: &str) -> Duration {
    let mut hasher = DefaultHasher::new();
    (what, attempts).hash(&mut hasher);
    let wait = BACKOFF.after(u32::try_from(attempts).unwrap_or(0));
    spread(wait, 800..=1_200, hasher.finish()).min(BACKOFF.longest())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_ten_seconds_to_an_hour() {
        for (attempts, seconds) in [(0, 10.0), (1, 10.0), (2, 20.0), (3, 40.0), (8, 1_280.0), (9, 2_560.0)] {
            let wait = after(attempts, "a").as_secs_f64();
            assert!((seconds * 0.8..=seconds * 1.2).contains(&wait), "{attempts}: {wait}");
        }
        for attempts in [10, 20, 60, i32::MAX] {
            assert!((2_880.0..=3_600.0).contains(&after(attempts, "a").as_secs_f64()), "{attempts}");
        }
        assert_ne!(after(3, "a"), after(3, "b"));
    }
}
