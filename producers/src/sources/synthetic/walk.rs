//! What a synthetic unit of each currency, metal or coin is worth, minute by minute.
//!
//! Only whole numbers and the four IEEE operations, so that every machine computes the same bits. Time is cut into
//! eras of four weeks whose ends are fixed by the seed: any minute is reached by walking one era, however far it
//! lies from the first.

/// Minutes of an era.
const ERA: i64 = 28 * 24 * 60;
/// A step is counted in millionths of a factor's volatility.
const UNIT: i64 = 1_000_000;
/// Length in minutes and strength per minute of the trends that overlap: they last long enough for some fifteen
/// bars of 5M, 1H and 4H each and move each by about half its deviation, so that RSI leaves 30–70.
const TRENDS: [(i64, i64); 3] = [(95, 220_000), (15 * 60, 65_000), (5 * 24 * 60, 30_000)];
/// One minute in so many jumps.
const JUMP_ODDS: u64 = 1_500;

/// Mixes words into one: the finaliser of splitmix64 (Steele, Lea, Flood 2014) over each.
#[must_use]
pub const fn mix(words: [u64; 4]) -> u64 {
    let mut state = 0;
    let mut at = 0;
    while at < words.len() {
        state = finalise(words[at] ^ state).wrapping_add(0x9e37_79b9_7f4a_7c15);
        at += 1;
    }
    finalise(state)
}

const fn finalise(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A currency, metal or coin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Factor {
    /// What its numbers are drawn from.
    pub seed: u64,
    /// Its usual worth in dollars.
    pub level: f64,
    /// Deviation of a minute's return, in millionths.
    pub volatility: i64,
}

impl Factor {
    /// The change over that minute, in [`UNIT`]s of volatility.
    fn step(&self, minute: i64) -> i64 {
        let draw = mix([self.seed, 1, minute.cast_unsigned(), 0]);
        let mut step = normal(draw);
        for (scale, (length, strength)) in (2..).zip(TRENDS) {
            step += self.trend(minute, scale, length, strength);
        }
        step + jump(mix([self.seed, 9, minute.cast_unsigned(), 0]))
    }

    /// Windows of a length in which the price trends up, down, or swings and comes back.
    fn trend(&self, minute: i64, scale: u64, length: i64, strength: i64) -> i64 {
        // Factors change their course at different times.
        let shifted = minute + (self.seed % length.cast_unsigned()).cast_signed();
        let (window, phase) = (shifted.div_euclid(length), shifted.rem_euclid(length));
        let quarter = phase * 4 / length;
        match mix([self.seed, scale, window.cast_unsigned(), 0]) % 8 {
            0..=2 => strength,
            3..=5 => -strength,
            6 if quarter == 0 || quarter == 3 => strength,
            7 if quarter == 1 || quarter == 2 => strength,
            _ => -strength,
        }
    }

    /// Its worth at the beginning of an era: within 3 % of the usual.
    #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
    fn anchor(&self, era: i64) -> f64 {
        let draw = mix([self.seed, 0, era.cast_unsigned(), 0]) % 60_001;
        self.level * (970_000 + draw) as f64 / 1_000_000.0
    }
}

/// About normal with a deviation of one [`UNIT`]: the sum of four uniform numbers.
fn normal(draw: u64) -> i64 {
    let sum: u64 = (0..4).map(|part| (draw >> (16 * part)) & 0xffff).sum();
    (sum.cast_signed() - 131_070) * UNIT / 37_837
}

/// Seldom, 12 to 30 deviations at once.
fn jump(draw: u64) -> i64 {
    if !draw.is_multiple_of(JUMP_ODDS) {
        return 0;
    }
    let size = 12 + ((draw >> 32) % 19).cast_signed();
    if draw >> 63 == 0 { size * UNIT } else { -size * UNIT }
}

/// The worth of all factors at the beginning of a minute, and of the ones after it.
#[derive(Debug, Clone)]
pub struct Walk {
    factors: Vec<Factor>,
    minute: i64,
    /// Steps so far in this era, and all of it.
    sums: Vec<(i64, i64)>,
    anchors: Vec<(f64, f64)>,
}

impl Walk {
    /// Stands at that minute since 1970.
    #[must_use]
    pub fn at(factors: Vec<Factor>, minute: i64) -> Self {
        let first = minute.div_euclid(ERA) * ERA;
        let mut walk = Self { factors, minute: first, sums: Vec::new(), anchors: Vec::new() };
        walk.enter_era();
        while walk.minute < minute {
            walk.advance();
        }
        walk
    }

    /// Goes to the next minute.
    pub fn advance(&mut self) {
        for (factor, (sum, _)) in self.factors.iter().zip(&mut self.sums) {
            *sum += factor.step(self.minute);
        }
        self.minute += 1;
        if self.minute.rem_euclid(ERA) == 0 {
            self.enter_era();
        }
    }

    /// Worth in dollars of that factor: the line between the era's ends, and the walk as a bridge over it.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "sums stay far below 2^53")]
    pub fn worth(&self, factor: usize) -> f64 {
        let ((sum, total), (from, to)) = (self.sums[factor], self.anchors[factor]);
        let part = self.minute.rem_euclid(ERA) as f64 / ERA as f64;
        let moved = (sum as f64 - total as f64 * part) / UNIT as f64;
        let moved = moved * self.factors[factor].volatility as f64 / 1_000_000.0;
        let line = from + (to - from) * part;
        // A factor of 4 is beyond anything the numbers above can do; a price of 0 must be impossible.
        line * (1.0 + moved).clamp(0.25, 4.0)
    }

    fn enter_era(&mut self) {
        let era = self.minute.div_euclid(ERA);
        let total = |factor: &Factor| (era * ERA..(era + 1) * ERA).map(|minute| factor.step(minute)).sum();
        self.sums = self.factors.iter().map(|factor| (0, total(factor))).collect();
        self.anchors =
            self.factors.iter().map(|factor| (factor.anchor(era), factor.anchor(era + 1))).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(minute: i64) -> Walk {
        Walk::at(vec![Factor { seed: 7, level: 1.16, volatility: 100 }], minute)
    }

    #[test]
    fn any_minute_is_reached_the_same_way_from_anywhere() {
        let start = 1_000 * ERA - 50;
        let mut walked = walk(start);
        for minute in start..start + 100 {
            assert_eq!(walked.worth(0).to_bits(), walk(minute).worth(0).to_bits(), "{minute}");
            walked.advance();
        }
    }

    #[test]
    fn an_era_passes_into_the_next_without_a_step() {
        let mut walk = walk(1_000 * ERA - 1);
        let before = walk.worth(0);
        walk.advance();
        assert!((walk.worth(0) / before - 1.0).abs() < 0.005, "{before} {}", walk.worth(0));
    }

    #[test]
    fn the_numbers_are_these_on_every_machine() {
        // Printed by tests/golden/walk.py. A change of these bits changes every seeded run.
        assert_eq!(mix([1, 2, 3, 4]), 3_489_624_148_679_297_222);
        assert_eq!(walk(29_000_123).worth(0).to_bits(), 4_607_894_447_499_318_223);
    }
}
