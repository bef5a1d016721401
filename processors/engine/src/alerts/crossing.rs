//! Lines in order: a value that goes from a to b finds the lines between them by a range query, whatever their
//! number.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Rank;

/// Alerts by line, then by rank.
#[derive(Debug, Clone)]
pub(crate) struct Lines<K>(BTreeSet<(K, Rank)>);

impl<K> Default for Lines<K> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<K: Ord + Copy> Lines<K> {
    pub(super) fn insert(&mut self, line: K, rank: Rank) {
        self.0.insert((line, rank));
    }

    pub(super) fn remove(&mut self, line: K, rank: Rank) {
        self.0.remove(&(line, rank));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every alert whose line lies in the range.
    pub(super) fn within(&self, range: Range<K>) -> impl Iterator<Item = (K, Rank)> {
        let empty = range.start >= range.end;
        let Range { start, end } = range;
        let found = (!empty).then(|| self.0.range((start, Rank::MIN)..(end, Rank::MIN)));
        found.into_iter().flatten().copied()
    }
}

/// Whole lines with previous < line ≤ value.
#[expect(clippy::cast_possible_truncation, reason = "percent, from 0 to 100")]
pub(super) fn reached_upward(previous: f64, value: f64) -> Range<i32> {
    let from = previous.floor() as i32 + 1;
    from..(value.floor() as i32 + 1).max(from)
}

/// Whole lines with value ≤ line < previous.
#[expect(clippy::cast_possible_truncation, reason = "percent, from 0 to 100")]
pub(super) fn reached_downward(previous: f64, value: f64) -> Range<i32> {
    let to = previous.ceil() as i32;
    (value.ceil() as i32).min(to)..to
}

/// A positive price as a number of the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Level(u64);

impl Level {
    /// Only for positive, finite prices: their bits order as they do.
    pub(super) const fn new(price: f64) -> Self {
        Self(price.to_bits())
    }

    pub(super) const fn price(self) -> f64 {
        f64::from_bits(self.0)
    }

    const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// Levels with previous < level ≤ price.
    pub(super) const fn reached_upward(previous: f64, price: f64) -> Range<Self> {
        Self::new(previous).next()..Self::new(price).next()
    }

    /// Levels with price ≤ level < previous.
    pub(super) const fn reached_downward(previous: f64, price: f64) -> Range<Self> {
        Self::new(price)..Self::new(previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The range query against the definition, over every pair of values that matters.
    #[test]
    fn a_line_is_reached_exactly_by_the_definition() {
        let values: Vec<f64> = (0..=400).map(|quarter| f64::from(quarter) / 4.0).collect();
        for previous in &values {
            for value in &values {
                for line in 0..=100 {
                    let exact = f64::from(line);
                    let up = value > previous && reached_upward(*previous, *value).contains(&line);
                    assert_eq!(up, *previous < exact && exact <= *value, "{previous} {value} {line}");
                    let down = value <= previous && reached_downward(*previous, *value).contains(&line);
                    assert_eq!(down, *previous > exact && exact >= *value, "{previous} {value} {line}");
                }
            }
        }
    }

    #[test]
    fn a_level_is_reached_exactly_by_the_definition() {
        let prices = [0.5, 0.999_999_999_999_999_9, 1.0, 1.000_000_000_000_000_2, 1.5, 64_000.25];
        for previous in prices {
            for price in prices {
                for level in prices {
                    let up = Level::reached_upward(previous, price).contains(&Level::new(level));
                    assert_eq!(up, previous < level && level <= price, "{previous} {price} {level}");
                    let down = Level::reached_downward(previous, price).contains(&Level::new(level));
                    assert_eq!(down, previous > level && level >= price, "{previous} {price} {level}");
                }
            }
        }
    }
}
