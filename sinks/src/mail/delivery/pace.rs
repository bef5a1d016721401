//! How fast one tenant's server is sent mails: as its file allows, and slower where the server says it is too much.

use std::time::Duration;

use tokio::time::Instant;

/// Mails a second that a server is taken to have had enough of, where it was sent them as fast as it took them.
const ASSUMED: f64 = 10.0;
/// As slow as it gets, a mail in half a minute: a claim holds for longer than its mail waits for its turn.
const SLOWEST: f64 = 1.0 / 30.0;
/// With each mail that the server takes the rate rises by a tenth.
const EASIER: f64 = 1.1;
/// Taken at such a rate, a server is not told to have a limit any more.
const UNLIMITED: f64 = 100.0;

/// The rate of one server: a bucket that one mail fits into.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    /// As the tenant's file says.
    allowed: Option<f64>,
    /// As it is now; none: as fast as the server takes them.
    rate: Option<f64>,
    next: Option<Instant>,
}

impl Pace {
    pub(super) fn new(allowed: Option<u32>) -> Self {
        let allowed = allowed.map(f64::from);
        Self { allowed, rate: allowed, next: None }
    }

    /// When the next mail may leave; the one after that comes later.
    pub(super) fn turn(&mut self, now: Instant) -> Instant {
        let turn = self.next.map_or(now, |next| next.max(now));
        self.next = self.rate.map(|rate| turn + Duration::from_secs_f64(1.0 / rate));
        turn
    }

    /// How many mails are worth claiming for the next ten seconds, between one and `most`.
    pub(super) fn worth_claiming(&self, most: i64) -> i64 {
        let Some(rate) = self.rate else { return most };
        (1..most).find(|mails| *mails as f64 >= rate * 10.0).unwrap_or(most)
    }

    /// The server said that it is too much: half as fast.
    pub(super) fn slower(&mut self, now: Instant) {
        let rate = (self.rate.unwrap_or(ASSUMED) / 2.0).max(SLOWEST);
        self.rate = Some(rate);
        self.next = Some(now + Duration::from_secs_f64(1.0 / rate));
    }

    /// The server took one.
    pub(super) fn easier(&mut self) {
        let Some(rate) = self.rate else { return };
        let rate = rate * EASIER;
        self.rate = match self.allowed {
            Some(allowed) => Some(rate.min(allowed)),
            None => (rate < UNLIMITED).then_some(rate),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many turns there are within that time, from now on.
    fn turns(pace: &mut Pace, now: Instant, seconds: u64) -> usize {
        let end = now + Duration::from_secs(seconds);
        (0..10_000).take_while(|_| pace.turn(now) < end).count()
    }

    #[tokio::test]
    async fn mails_leave_as_often_as_the_file_allows_and_in_even_steps() {
        let now = Instant::now();
        assert_eq!(turns(&mut Pace::new(Some(5)), now, 10), 50);
        assert_eq!(turns(&mut Pace::new(None), now, 10), 10_000);
        let mut pace = Pace::new(Some(2));
        let steps: Vec<Instant> = (0..3).map(|_| pace.turn(now)).collect();
        assert_eq!(steps, [0, 500, 1_000].map(|ms| now + Duration::from_millis(ms)));
        // What was not used is not made up for.
        let later = now + Duration::from_secs(60);
        assert_eq!(turns(&mut pace, later, 10), 20);
    }

    #[tokio::test]
    async fn each_complaint_halves_the_rate_and_each_mail_taken_brings_some_of_it_back() {
        let now = Instant::now();
        let mut pace = Pace::new(None);
        pace.slower(now);
        assert_eq!(turns(&mut pace, now, 10), 49, "5 a second, the first after a step");
        pace.slower(now);
        assert_eq!(pace.rate, Some(2.5));
        for _ in 0..100 {
            pace.slower(now);
        }
        assert_eq!((pace.rate, pace.worth_claiming(16)), (Some(SLOWEST), 1));
        for _ in 0..200 {
            pace.easier();
        }
        assert_eq!((pace.rate, pace.worth_claiming(16)), (None, 16));
        let mut allowed = Pace::new(Some(4));
        allowed.slower(now);
        assert_eq!(allowed.rate, Some(2.0));
        for _ in 0..50 {
            allowed.easier();
        }
        assert_eq!(allowed.rate, Some(4.0));
    }
}
