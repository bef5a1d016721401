//! How often one address may ask. Memory is fixed: addresses share counters, so that no number of them takes more.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Mutex;

use bellwether_runtime::clock::Clock;

use crate::events::TurnedAway;

/// Requests an address may make in a window. Providers press the button for many of their users from few addresses.
const MOST: u16 = 300;
/// Length of a window, microseconds.
const WINDOW: i64 = 60_000_000;
/// Counters. Two addresses that share one share its requests.
const COUNTERS: usize = 16_384;

/// Requests of the window that is now.
pub(super) struct Rate {
    clock: Clock,
    hasher: RandomState,
    window: Mutex<Window>,
}

struct Window {
    number: i64,
    counts: Vec<u16>,
}

impl Rate {
    pub(super) fn new(clock: Clock) -> Self {
        let window = Mutex::new(Window { number: 0, counts: vec![0; COUNTERS] });
        Self { clock, hasher: RandomState::new(), window }
    }

    /// Counts a request; false where it is one too many.
    pub(super) fn allows(&self, asker: IpAddr) -> bool {
        let number = self.clock.now().0.div_euclid(WINDOW);
        let place = usize::try_from(self.hasher.hash_one(network(asker)) % COUNTERS as u64).unwrap_or(0);
        // A panic elsewhere while it was held leaves nothing half done.
        let mut window = self.window.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if window.number != number {
            window.number = number;
            window.counts.fill(0);
        }
        let count = &mut window.counts[place];
        *count = count.saturating_add(1);
        let allows = *count <= MOST;
        if !allows {
            TurnedAway { limit: "address" }.emit();
        }
        allows
    }
}

/// One subscriber of IPv6 has a whole /64.
fn network(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => address
            .to_ipv4_mapped()
            .map_or_else(|| u128::from(address) >> 64 << 64, |address| u128::from(u32::from(address))),
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::Timestamp;

    use super::*;

    #[test]
    fn an_address_that_asks_too_often_waits_for_the_next_minute_and_disturbs_no_other() {
        let clock = Clock::manual(Timestamp(0));
        let rate = Rate::new(clock.clone());
        let one: IpAddr = "2001:db8::1".parse().unwrap();
        assert!((0..MOST).all(|_| rate.allows(one)));
        assert!(!rate.allows(one));
        assert!(!rate.allows("2001:db8::2".parse().unwrap()), "of the same subscriber");
        // Of several others at most one shares its counter.
        let others = (1..9u8).filter(|last| rate.allows(IpAddr::from([192, 0, 2, *last])));
        assert!(others.count() >= 7);
        clock.advance(WINDOW);
        assert!(rate.allows(one));
    }
}
