//! What happened within the last three bars.

use crate::snapshot::{Code, Misfit, codes, stored};
use bellwether_schemas::readings::Signal;

/// How many bars an event stays new.
const MEMORY: u8 = 0b111;

/// Whether something happened at this bar and at each of the two before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Events(u8);

/// Bars since the latest event, this one counted: 1 to 3; 0 when there was none. Reasons are kept by it.
pub(super) type Age = usize;

impl Events {
    /// Takes the next bar in.
    #[inline]
    pub(super) fn push(&mut self, happened: bool) {
        self.0 = (self.0 << 1 | u8::from(happened)) & MEMORY;
    }

    /// Whether the event happened at the bar that just closed.
    #[inline]
    pub(super) const fn now(self) -> bool {
        self.0 & 1 == 1
    }

    #[inline]
    pub(super) const fn age(self) -> Age {
        const AGES: [Age; MEMORY as usize + 1] = [0, 1, 2, 1, 3, 1, 2, 1];
        AGES[(self.0 & MEMORY) as usize]
    }
}

/// Crosses of `a` over `b` at successive bars where both exist: up when a − b was ≤ 0 and is above, down when it was
/// ≥ 0 and is below.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Crosses {
    side: CrossSide,
    up: Events,
    down: Events,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum CrossSide {
    #[default]
    Missing,
    Below,
    On,
    Above,
}

impl Crosses {
    /// Takes the next bar in.
    #[inline]
    pub(super) fn update(&mut self, a: f64, b: f64) {
        let side = match (a > b, a < b) {
            (true, _) => CrossSide::Above,
            (_, true) => CrossSide::Below,
            _ => CrossSide::On,
        };
        let before = std::mem::replace(&mut self.side, side);
        self.up.push(side == CrossSide::Above && matches!(before, CrossSide::Below | CrossSide::On));
        self.down.push(side == CrossSide::Below && matches!(before, CrossSide::Above | CrossSide::On));
    }

    /// The cross at this bar.
    #[inline]
    pub(super) const fn now(self) -> Signal {
        match (self.up.now(), self.down.now()) {
            (true, _) => Signal::Buy,
            (_, true) => Signal::Sell,
            _ => Signal::Neutral,
        }
    }

    #[inline]
    pub(super) const fn age(self) -> Age {
        Events(self.up.0 | self.down.0).age()
    }

    /// The latest cross of the last three bars.
    #[inline]
    pub(super) const fn latest(self) -> Signal {
        match (self.up.age(), self.down.age()) {
            (0, 0) => Signal::Neutral,
            (_, 0) => Signal::Buy,
            (0, _) => Signal::Sell,
            (up, down) if up < down => Signal::Buy,
            _ => Signal::Sell,
        }
    }
}

/// A phrase by age: alone, and with its event at this bar, one bar ago and two bars ago.
macro_rules! by_age {
    ($event:literal; $($phrase:expr),+) => {
        concat_by_age!($event; "" $(, $phrase)+)
    };
}

macro_rules! concat_by_age {
    ($event:literal; $end:literal $(, $phrase:expr)+) => {
        [
            concat!($($phrase,)+ $end),
            concat!($($phrase,)+ ", ", $event, " at this bar", $end),
            concat!($($phrase,)+ ", ", $event, " one bar ago", $end),
            concat!($($phrase,)+ ", ", $event, " two bars ago", $end),
        ]
    };
}

/// The same twice: as it is, and for a quiet timeframe.
macro_rules! by_quiet_and_age {
    ($event:literal; $($phrase:expr),+) => {
        [
            concat_by_age!($event; "" $(, $phrase)+),
            concat_by_age!($event; "; counts half, the market is quiet" $(, $phrase)+),
        ]
    };
}

pub(super) use {by_age, by_quiet_and_age, concat_by_age};

impl Events {
    pub(super) const fn store(self) -> u8 {
        self.0
    }

    pub(super) fn restore(bits: u8) -> Result<Self, Misfit> {
        Misfit::unless(bits <= MEMORY, "an event lies before the last three bars").map(|()| Self(bits))
    }
}

impl Crosses {
    pub(super) const fn store(self) -> stored::Crosses {
        let Self { side, up, down } = self;
        stored::Crosses { side: Code(side), up: up.store(), down: down.store() }
    }

    pub(super) fn restore(stored: stored::Crosses) -> Result<Self, Misfit> {
        let stored::Crosses { side: Code(side), up, down } = stored;
        Ok(Self { side, up: Events::restore(up)?, down: Events::restore(down)? })
    }
}

codes!(CrossSide { Missing = 1, Below = 2, On = 3, Above = 4 });

#[cfg(test)]
mod tests {
    use super::*;

    fn crosses(differences: &[f64]) -> Vec<Signal> {
        let mut crosses = Crosses::default();
        let mut at = |difference: &f64| {
            crosses.update(*difference, 0.0);
            crosses.now()
        };
        differences.iter().map(&mut at).collect()
    }

    #[test]
    fn a_cross_leaves_zero_or_the_other_side_and_the_first_bar_has_none() {
        use Signal::{Buy, Neutral, Sell};
        assert_eq!(crosses(&[1.0, 2.0, -1.0, 1.0]), [Neutral, Neutral, Sell, Buy]);
        assert_eq!(crosses(&[-1.0, 0.0, 1.0, 0.0, 1.0]), [Neutral, Neutral, Buy, Neutral, Buy]);
        assert_eq!(crosses(&[0.0, 0.0, -1.0, -0.0, -1.0]), [Neutral, Neutral, Sell, Neutral, Sell]);
    }

    #[test]
    fn an_event_is_new_at_its_bar_and_the_two_after() {
        let mut events = Events::default();
        let ages: Vec<Age> = [false, true, false, false, false]
            .map(|happened| {
                events.push(happened);
                events.age()
            })
            .to_vec();
        assert_eq!(ages, [0, 1, 2, 3, 0]);
    }

    #[test]
    fn the_later_of_two_crosses_decides() {
        let mut crosses = Crosses::default();
        for a in [-1.0, 1.0, -1.0, -2.0] {
            crosses.update(a, 0.0);
        }
        assert_eq!((crosses.latest(), crosses.age()), (Signal::Sell, 2));
    }
}
