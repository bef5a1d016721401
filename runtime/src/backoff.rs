//! How long to wait before something that failed is tried again: a first wait that doubles with every failure in a
//! row, up to a longest one.
//!
//! [`Backoff`] is the schedule, a constant beside whoever retries. [`Retries`] counts the failures for those who have
//! nowhere else to count them. [`spread`] keeps those who failed at one moment from coming back at one moment.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A schedule of waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Waits that begin with `first` and never exceed `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// How long to wait after that many failures in a row: `first` after one (and after none), twice that after two.
    #[must_use]
    pub fn after(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }

    /// The wait after a first failure.
    #[must_use]
    pub const fn first(self) -> Duration {
        self.first
    }

    /// The wait that no other exceeds.
    #[must_use]
    pub const fn longest(self) -> Duration {
        self.longest
    }
}

/// Failures in a row, and the schedule by which they are waited out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    backoff: Backoff,
    failures: u32,
}

impl Retries {
    /// Nothing has failed yet.
    #[must_use]
    pub const fn new(backoff: Backoff) -> Self {
        Self { backoff, failures: 0 }
    }

    /// It failed, again perhaps: how long to wait now.
    #[must_use = "a failure is waited out"]
    pub fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.backoff.after(self.failures)
    }

    /// It succeeded: the next failure is the first again.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How often it failed since it last succeeded.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.failures
    }
}

/// `wait`, scaled to one of those thousandths of itself that `random` picks: `800..=1_200` is a fifth either way.
/// `random` may be a hash: the same gives the same.
#[must_use]
pub fn spread(wait: Duration, thousandths: RangeInclusive<u32>, random: u64) -> Duration {
    let (least, most) = thousandths.into_inner();
    let span = u64::from(most.saturating_sub(least)) + 1;
    let picked = least.saturating_add(u32::try_from(random % span).unwrap_or(0));
    wait.saturating_mul(picked) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn waits_double_from_the_first_to_the_longest_and_stay_there() {
        let backoff = Backoff::new(SECONDS(10), SECONDS(3_600));
        let waits: Vec<u64> = (0..=11).map(|failures| backoff.after(failures).as_secs()).collect();
        assert_eq!(waits, [10, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
        assert_eq!(backoff.after(u32::MAX), SECONDS(3_600));
    }

    #[test]
    fn a_success_makes_the_next_failure_the_first_again() {
        let mut retries = Retries::new(Backoff::new(SECONDS(1), SECONDS(30)));
        let waits: Vec<u64> = (0..7).map(|_| retries.failed().as_secs()).collect();
        assert_eq!((waits, retries.failures()), (vec![1, 2, 4, 8, 16, 30, 30], 7));
        retries.succeeded();
        assert_eq!((retries.failures(), retries.failed()), (0, SECONDS(1)));
    }

    #[test]
    fn a_spread_wait_stays_within_its_thousandths_and_reaches_both_ends() {
        let waits: Vec<u128> =
            (0..501).map(|random| spread(SECONDS(2), 500..=1_000, random).as_millis()).collect();
        assert_eq!((waits.iter().min(), waits.iter().max()), (Some(&1_000), Some(&2_000)));
        for random in [0, 1, u64::MAX] {
            assert_eq!(spread(SECONDS(2), 500..=1_000, random), spread(SECONDS(2), 500..=1_000, random));
            assert_eq!(spread(SECONDS(2), 1_000..=1_000, random), SECONDS(2));
        }
    }
}
