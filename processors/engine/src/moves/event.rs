//! What the price did around one trigger, bar by bar.

use std::collections::VecDeque;

use bellwether_schemas::Timestamp;

use super::Direction;

/// Bars before a trigger that are shown, and as many after it.
pub const REACH: usize = 20;
/// Places of a path: those before, the trigger's, those after.
pub const POINTS: usize = 2 * REACH + 1;

/// Moves in percent of the price at the trigger, from [`REACH`] bars before it to as many after; not a number where the
/// run has no such bar.
pub type Path = [f64; POINTS];

/// A close of one series.
#[derive(Debug, Clone, Copy)]
pub struct Close {
    /// When the bar closed.
    pub at: Timestamp,
    /// At what price.
    pub price: f64,
}

/// Triggers of one moment and price that wait for the bars that follow. Alerts that differ in a line only share it.
#[derive(Debug, Clone)]
pub struct Event {
    /// Their time.
    pub at: Timestamp,
    base: f64,
    bars: usize,
    /// What the price did before and after, as far as it is known.
    pub path: Path,
    /// Move to the open of the next bar, in percent: over before anyone can act.
    pub to_next_open: Option<f64>,
    /// A bar's trigger whose price is not that bar's close: something is known that should not be.
    pub is_off_close: bool,
    /// They are of a tick, not of a bar's close.
    pub is_tick: bool,
    /// Each of them.
    pub watchers: Vec<Watcher>,
}

/// One trigger of an event.
#[derive(Debug, Clone)]
pub struct Watcher {
    /// Place of the alert, or of whoever its triggers are counted for.
    pub alert: usize,
    /// Its place in a table, where it has one.
    pub row: Option<usize>,
    /// Which way its user expects the price to go.
    pub direction: Direction,
    /// Decides whether its path is kept.
    pub ticket: u64,
}

impl Event {
    /// At a price and time, after these closes. The last of them is the trigger's own bar where `on_close` and the
    /// times are the same, and the bar before it otherwise.
    #[must_use]
    pub fn new(recent: &VecDeque<Close>, at: Timestamp, base: f64, on_close: bool) -> Self {
        let own = recent.back().filter(|last| on_close && last.at == at);
        let mut path = [f64::NAN; POINTS];
        path[REACH] = 0.0;
        let before = recent.iter().rev().skip(usize::from(own.is_some()));
        for (place, close) in path[..REACH].iter_mut().rev().zip(before) {
            *place = percent(close.price, base);
        }
        let is_off_close = on_close && own.is_none_or(|own| own.price.to_bits() != base.to_bits());
        Self {
            at,
            base,
            bars: 0,
            path,
            to_next_open: None,
            is_off_close,
            is_tick: !on_close,
            watchers: Vec::new(),
        }
    }

    /// A trigger at that time and price waits for the same bars, while none of them came.
    #[must_use]
    pub fn is_also(&self, at: Timestamp, base: f64) -> bool {
        self.bars == 0 && self.at == at && self.base.to_bits() == base.to_bits()
    }

    /// One bar later. True when it was the last.
    pub fn bar(&mut self, open: f64, close: f64) -> bool {
        self.bars += 1;
        // The bar of a tick has begun already.
        if self.bars == 1 && !self.is_tick {
            self.to_next_open = Some(percent(open, self.base));
        }
        if let Some(place) = self.path.get_mut(REACH + self.bars) {
            *place = percent(close, self.base);
        }
        self.bars >= REACH
    }

    /// The move so many bars later, in percent; none where there is no such bar.
    #[must_use]
    pub fn after(&self, bars: u32) -> Option<f64> {
        self.path.get(REACH + bars as usize).copied().filter(|moved| moved.is_finite())
    }
}

/// The path around the middle one of so many closes as a path has points.
pub(super) fn path_around(closes: &VecDeque<Close>) -> Path {
    let base = closes.get(REACH).map_or(f64::NAN, |close| close.price);
    let mut path = [f64::NAN; POINTS];
    path.iter_mut().zip(closes).for_each(|(place, close)| *place = percent(close.price, base));
    path
}

/// The place of a path's point, so many bars from the middle; none beyond its ends.
#[must_use]
pub fn place(bars: i32) -> Option<usize> {
    usize::try_from(bars + REACH as i32).ok().filter(|place| *place < POINTS)
}

fn percent(price: f64, base: f64) -> f64 {
    100.0 * (price - base) / base
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closes(count: u32) -> VecDeque<Close> {
        (1..=count).map(|bar| Close { at: Timestamp(bar.into()), price: f64::from(bar) }).collect()
    }

    #[test]
    fn a_path_has_the_bars_before_its_own_and_those_after() {
        let mut event = Event::new(&closes(50), Timestamp(50), 50.0, true);
        assert!(!event.is_off_close);
        let ends: Vec<bool> = (51..=70).map(|bar| event.bar(f64::from(bar) - 0.5, f64::from(bar))).collect();
        assert_eq!(ends.iter().position(|ended| *ended), Some(19));
        for (place, moved) in (0u32..).zip(event.path) {
            assert!((moved - 100.0 * (f64::from(place) - 20.0) / 50.0).abs() < 1e-12, "{place}: {moved}");
        }
        assert_eq!(event.to_next_open, Some(1.0));
    }

    #[test]
    fn a_tick_comes_after_the_last_bar_and_a_price_that_is_no_close_is_seen() {
        let tick = Event::new(&closes(3), Timestamp(3), 4.0, false);
        assert_eq!((tick.path[REACH - 1], tick.path[REACH - 3], tick.is_off_close), (-25.0, -75.0, false));
        assert!(tick.path[REACH - 4].is_nan(), "there was no such bar");
        assert!(Event::new(&closes(3), Timestamp(3), 3.5, true).is_off_close);
        assert!(Event::new(&closes(3), Timestamp(4), 3.0, true).is_off_close, "the price of another bar");
    }
}
