//! A sample that the data draw themselves: whoever sees the same bars keeps the same ones, in whatever order they come.

use std::collections::BinaryHeap;

use super::event::{POINTS, Path};

/// At most so many paths: those with the smallest tickets.
#[derive(Debug, Clone)]
pub struct Draws {
    limit: usize,
    kept: BinaryHeap<Drawn>,
}

/// A path with the number that decides whether it is kept.
#[derive(Debug, Clone)]
struct Drawn {
    ticket: u64,
    /// As a path has it; half the digits are enough for quartiles.
    path: Box<[f32; POINTS]>,
}

impl Draws {
    /// Keeps so many.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { limit, kept: BinaryHeap::new() }
    }

    /// Is there still room, or does another with a larger ticket have to go?
    #[inline]
    #[must_use]
    pub fn wants(&self, ticket: u64) -> bool {
        self.kept.len() < self.limit || self.kept.peek().is_some_and(|last| ticket < last.ticket)
    }

    /// One more, which is kept where its ticket is small enough.
    #[expect(clippy::cast_possible_truncation, reason = "half the digits are enough")]
    pub fn add(&mut self, ticket: u64, path: &Path) {
        if !self.wants(ticket) {
            return;
        }
        if self.kept.len() >= self.limit {
            self.kept.pop();
        }
        self.kept.push(Drawn { ticket, path: Box::new(path.map(|value| value as f32)) });
    }

    /// The paths, by their tickets.
    #[must_use]
    pub fn paths(&self) -> Vec<&[f32; POINTS]> {
        let mut all: Vec<&Drawn> = self.kept.iter().collect();
        all.sort_by_key(|drawn| drawn.ticket);
        all.into_iter().map(|drawn| drawn.path.as_ref()).collect()
    }
}

impl PartialEq for Drawn {
    fn eq(&self, other: &Self) -> bool {
        self.ticket == other.ticket
    }
}

impl Eq for Drawn {}

impl PartialOrd for Drawn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Drawn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.ticket.cmp(&other.ticket)
    }
}

/// The next number of a sequence without a pattern: `SplitMix64` (Steele, Lea and Flood 2014).
#[derive(Debug, Clone, Copy)]
pub struct Dice(u64);

impl Dice {
    /// Begins there.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next of them.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..count`, each as likely but for one part in 2^32.
    pub fn below(&mut self, count: usize) -> usize {
        let wide = u128::from(self.next()) * count as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }
}

/// A number of a text: FNV-1a.
#[must_use]
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The ticket of something that happened to `whom` at a time.
#[inline]
#[must_use]
pub const fn ticket(whom: u64, at: i64) -> u64 {
    Dice::new(whom ^ at.cast_unsigned().rotate_left(17)).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(order: impl Iterator<Item = i64>) -> Vec<f32> {
        let mut draws = Draws::new(10);
        for at in order {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            draws.add(ticket(hash("EURUSD"), at), &[at as f64; POINTS]);
        }
        draws.paths().into_iter().map(|path| path[0]).collect()
    }

    #[test]
    fn the_same_are_drawn_in_whatever_order_they_come() {
        let forth = kept(0..1_000);
        assert_eq!((forth.len(), &forth), (10, &kept((0..1_000).rev())));
        assert_ne!(forth, (0..10u8).map(f32::from).collect::<Vec<_>>(), "not simply the first");
    }

    #[test]
    fn the_dice_are_those_of_the_paper() {
        // The first three outputs for seed 1234567, as the reference implementation by Vigna prints them.
        let mut dice = Dice::new(1_234_567);
        let three = [dice.next(), dice.next(), dice.next()];
        assert_eq!(three, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn every_place_is_drawn_about_as_often() {
        let mut dice = Dice::new(7);
        let mut counts = [0u32; 7];
        (0..70_000).for_each(|_| counts[dice.below(7)] += 1);
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }
}
