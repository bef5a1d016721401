//! Whether a timeframe is quiet.

use crate::snapshot::Misfit;

/// ATR values that are looked at, the last one included.
const VALUES: usize = 200;
/// Place of the 5th percentile among them, ascending: round(0.05·199).
const PERCENTILE: usize = 10;

/// The last average true ranges of one series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quiet {
    ranges: [f64; VALUES],
    at: usize,
    seen: usize,
    quiet: bool,
}

impl Default for Quiet {
    fn default() -> Self {
        Self { ranges: [0.0; VALUES], at: 0, seen: 0, quiet: false }
    }
}

impl Quiet {
    /// Takes the next bar's ATR in.
    #[inline]
    pub(super) fn update(&mut self, range: f64) {
        self.ranges[self.at] = range;
        self.at = if self.at + 1 == VALUES { 0 } else { self.at + 1 };
        self.seen = (self.seen + 1).min(VALUES);
        self.quiet = self.seen == VALUES && self.is_below_percentile(range);
    }

    /// The last value is strictly below the 5th percentile of the last 200.
    #[inline]
    pub(super) const fn is_now(&self) -> bool {
        self.quiet
    }

    /// Nothing is sorted: the value at place 10 is above `range` exactly when at most ten values, `range` itself among
    /// them, are not. On a bar that is not quiet they are found after a few dozen.
    fn is_below_percentile(&self, range: f64) -> bool {
        let mut not_above = 0;
        for some in self.ranges.chunks(20) {
            not_above += some.iter().filter(|value| **value <= range).count();
            if not_above > PERCENTILE {
                return false;
            }
        }
        true
    }
}

impl Quiet {
    /// The ranges, the oldest first.
    pub(super) fn store(&self) -> Vec<f64> {
        let Self { ranges, at, seen, quiet: _ } = self;
        let oldest = *at + VALUES - *seen;
        (oldest..oldest + *seen).map(|place| ranges[place % VALUES]).collect()
    }

    /// Whether it is quiet follows from the ranges.
    pub(super) fn restore(ranges: &[f64]) -> Result<Self, Misfit> {
        Misfit::unless(ranges.len() <= VALUES, "there are more true ranges than are looked at")?;
        let mut restored = Self::default();
        ranges.iter().for_each(|range| restored.update(*range));
        Ok(restored)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quiet_after(ranges: impl IntoIterator<Item = f64>) -> bool {
        let mut quiet = Quiet::default();
        ranges.into_iter().for_each(|range| quiet.update(range));
        quiet.is_now()
    }

    #[test]
    fn it_takes_200_values() {
        let falling = |values: i32| (0..values).map(|i| f64::from(1000 - i));
        assert!(!quiet_after(falling(199)));
        assert!(quiet_after(falling(200)));
    }

    #[test]
    fn a_value_equal_to_the_percentile_is_not_quiet() {
        let with_lowest = |lower: usize| {
            let high = (0..199 - lower).map(|_| 9.0);
            quiet_after(high.chain((0..lower).map(|_| 1.0)).chain([2.0]))
        };
        assert!(with_lowest(9), "nine lower and itself: the value at place 10 is 9.0");
        assert!(!with_lowest(10), "ten lower: the value at place 10 is itself");
    }

    proptest! {
        #[test]
        fn it_is_what_sorting_says(
            ranges in prop::collection::vec((1..60u8).prop_map(f64::from), 200..420),
            last in (1..8u8).prop_map(f64::from),
        ) {
            let ranges = [ranges, vec![last]].concat();
            let mut window = ranges[ranges.len() - 200..].to_vec();
            window.sort_by(f64::total_cmp);
            prop_assert_eq!(quiet_after(ranges), last < window[10]);
        }
    }
}
