//! Largest of the last N values at a constant cost.

use crate::snapshot::Misfit;

/// The largest of the last N values.
///
/// Values are taken in blocks of N. When a block is full it becomes its own suffix maxima in place; the window always
/// is a suffix of the old block and a prefix of the new one. So a value costs two comparisons and, once, a third,
/// whatever the prices do. (Van Herk 1992, Gil and Werman 1993.) The smallest is the largest of the negated.
#[derive(Debug, Clone, PartialEq)]
pub struct RollingMax<const N: usize> {
    /// Before `at`: this block's values. From `at` on: suffix maxima of the block before.
    slots: [f64; N],
    at: usize,
    prefix: f64,
}

/// Below every value, and finite.
const LOWEST: f64 = f64::MIN;

impl<const N: usize> Default for RollingMax<N> {
    fn default() -> Self {
        Self { slots: [LOWEST; N], at: 0, prefix: LOWEST }
    }
}

impl<const N: usize> RollingMax<N> {
    /// Takes the next value in; gives the largest of the last N, or of all while they are fewer.
    #[inline]
    pub fn update(&mut self, x: f64) -> f64 {
        self.slots[self.at] = x;
        self.prefix = larger(self.prefix, x);
        self.at += 1;
        if self.at == N {
            self.turn_over();
        }
        larger(self.prefix, self.slots[self.at])
    }

    fn turn_over(&mut self) {
        let mut largest = LOWEST;
        for slot in self.slots.iter_mut().rev() {
            largest = larger(largest, *slot);
            *slot = largest;
        }
        self.at = 0;
        self.prefix = LOWEST;
    }
}

/// One instruction; `f64::max` is more, for NaN, which never comes here.
#[inline]
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

impl<const N: usize> RollingMax<N> {
    /// The largest of the last one, two, … values, of as many as were taken in and the next one leaves in the window.
    pub(crate) fn recent(&self, taken: usize) -> Vec<f64> {
        let Self { slots, at, prefix: _ } = self;
        let (block, suffixes) = slots.split_at(*at);
        let mut largest = LOWEST;
        let in_block = block.iter().rev().map(|value| {
            largest = larger(largest, *value);
            largest
        });
        let mut recent: Vec<f64> = in_block.collect();
        recent.extend(suffixes.iter().rev().map(|suffix| larger(largest, *suffix)));
        recent.truncate(taken.min(N - 1));
        recent
    }

    /// A window of which this is known. All of it stands in the block before, so that a new one begins.
    pub(crate) fn restore(recent: &[f64]) -> Result<Self, Misfit> {
        Misfit::unless(recent.len() < N, "a window knows more values than it holds")?;
        let mut restored = Self::default();
        let oldest = recent.last().copied().unwrap_or(LOWEST);
        let reaching_back = recent.iter().copied().chain(std::iter::repeat(oldest));
        for (slot, largest) in restored.slots.iter_mut().rev().zip(reaching_back) {
            *slot = largest;
        }
        Ok(restored)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_largest_of_the_last_nine(values in prop::collection::vec(-1e9..1e9f64, 1..100)) {
            let mut rolling = RollingMax::<9>::default();
            for end in 1..=values.len() {
                let window = &values[end.saturating_sub(9)..end];
                let largest = window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                prop_assert_eq!(rolling.update(values[end - 1]), largest);
            }
        }

        #[test]
        fn what_is_stored_goes_on_like_what_was(
            before in prop::collection::vec(-1e9..1e9f64, 0..40),
            after in prop::collection::vec(-1e9..1e9f64, 1..40),
        ) {
            let mut straight = RollingMax::<9>::default();
            before.iter().for_each(|x| { straight.update(*x); });
            let recent = straight.recent(before.len());
            prop_assert_eq!(recent.len(), before.len().min(8));
            let mut restored = RollingMax::<9>::restore(&recent).unwrap();
            for (taken, x) in (before.len() + 1..).zip(after) {
                prop_assert_eq!(restored.update(x), straight.update(x));
                prop_assert_eq!(restored.recent(taken), straight.recent(taken));
            }
        }
    }
}
