//! How far a recovery is: what was in the journal when its tenant was recovered is folded first, then it is live.

use std::time::Duration;

use bellwether_schemas::TenantId;

use crate::events;

/// Between two words about one recovery.
const TELL: Duration = Duration::from_secs(5);

/// The way to the end that a journal had.
#[derive(Debug)]
pub(super) struct CatchingUp {
    from: u64,
    /// Where the journal ended.
    to: u64,
    began: Duration,
    told: Duration,
}

impl CatchingUp {
    /// None where there is no way to go.
    pub(super) fn new(from: u64, to: u64, now: Duration) -> Option<Self> {
        (from < to).then_some(Self { from, to, began: now, told: now })
    }

    /// Says now and then how far it is; true at the end.
    pub(super) fn moved(&mut self, tenant: &TenantId, folded_to: u64, now: Duration) -> bool {
        let is_over = folded_to >= self.to;
        let took = now.saturating_sub(self.began);
        if is_over {
            events::CaughtUp { tenant, offset: folded_to, records: folded_to - self.from, took }.emit();
        } else if now.saturating_sub(self.told) >= TELL {
            self.told = now;
            let rate = (folded_to.saturating_sub(self.from)) as f64 / took.as_secs_f64();
            events::CatchingUp { tenant, offset: folded_to, end: self.to, rate }.emit();
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_is_over_where_the_journal_ended_when_it_began() {
        let tenant = "fxlabs".parse().unwrap();
        assert!(CatchingUp::new(7, 7, Duration::ZERO).is_none());
        let mut way = CatchingUp::new(2, 7, Duration::ZERO).unwrap();
        assert!(!way.moved(&tenant, 6, TELL));
        assert_eq!(way.told, TELL);
        assert!(!way.moved(&tenant, 6, TELL + TELL / 2));
        assert_eq!(way.told, TELL, "not all the time");
        assert!(way.moved(&tenant, 9, TELL * 2));
    }
}
