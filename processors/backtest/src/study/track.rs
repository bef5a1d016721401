//! A value over time in a bounded number of buckets.

use bellwether_schemas::Timestamp;

/// Most buckets; when they are full each two become one.
const CAPACITY: usize = 1_000;

/// The values of some neighbouring readings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Time of the last of them.
    pub at: Timestamp,
    /// Smallest value in the bucket.
    pub low: f64,
    /// Largest value in the bucket.
    pub high: f64,
    /// Last value in the bucket.
    pub close: f64,
}

/// A series that halves its detail when it grows too long.
#[derive(Debug, Clone)]
pub struct Track {
    every: u32,
    in_last: u32,
    buckets: Vec<Bucket>,
}

impl Default for Track {
    fn default() -> Self {
        Self { every: 1, in_last: 0, buckets: Vec::new() }
    }
}

impl Track {
    /// One more value; what is not finite is left out.
    pub fn push(&mut self, at: Timestamp, value: f64) {
        if !value.is_finite() {
            return;
        }
        if self.in_last == 0 || self.in_last == self.every {
            if self.buckets.len() == CAPACITY {
                self.halve();
            }
            self.buckets.push(Bucket { at, low: value, high: value, close: value });
            self.in_last = 1;
        } else if let Some(last) = self.buckets.last_mut() {
            let new = Bucket { at, low: value, high: value, close: value };
            *last = joined(*last, new);
            self.in_last += 1;
        }
    }

    /// The buckets, in order.
    #[must_use]
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// How many readings share a bucket.
    #[must_use]
    pub const fn every(&self) -> u32 {
        self.every
    }

    fn halve(&mut self) {
        self.buckets =
            self.buckets.chunks(2).map(|two| two.iter().copied().reduce(joined).unwrap_or(two[0])).collect();
        self.every = self.every.saturating_mul(2);
    }
}

fn joined(first: Bucket, second: Bucket) -> Bucket {
    Bucket {
        at: second.at,
        low: first.low.min(second.low),
        high: first.high.max(second.high),
        close: second.close,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_keeps_its_extremes_in_bounded_space() {
        let mut track = Track::default();
        for step in 0..100_000i32 {
            let value = if step == 70_001 { 9.0 } else { f64::from(step % 7) };
            track.push(Timestamp(i64::from(step)), value);
        }
        assert!(track.buckets().len() <= CAPACITY && track.buckets().len() >= CAPACITY / 2);
        let high = track.buckets().iter().map(|bucket| bucket.high).fold(0.0, f64::max);
        assert_eq!((high, track.buckets().last().unwrap().close), (9.0, f64::from(99_999 % 7)));
        assert!(track.buckets().windows(2).all(|two| two[0].at < two[1].at));
        assert_eq!(track.buckets().last().unwrap().at, Timestamp(99_999));
    }
}
