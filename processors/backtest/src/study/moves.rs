//! What the price did after triggers: at +1, +5 and +20 bars of their timeframe.

use bellwether_engine::moves::median;
pub use bellwether_engine::moves::{Direction, HORIZONS};

/// Most moves of an alert and horizon that are kept; more are left out of the figures.
const MAX_MOVES: usize = 100_000;
/// 97.5 % quantile of the normal distribution: an interval of 95 %.
pub(super) const Z: f64 = 1.959_963_984_540_054;

/// The moves of one alert by horizon: above zero where the price went its way, as they are where it has no way.
#[derive(Debug, Clone, Default)]
pub struct Moves([Sample; HORIZONS.len()]);

impl Moves {
    /// The moves of each horizon.
    #[must_use]
    pub const fn samples(&self) -> &[Sample; HORIZONS.len()] {
        &self.0
    }

    pub(super) fn add(&mut self, horizon: usize, percent: f64, direction: Direction) {
        let sample = &mut self.0[horizon];
        if sample.percent.len() >= MAX_MOVES || !percent.is_finite() {
            return;
        }
        let its_way = percent * direction.sign();
        sample.percent.push(its_way);
        if direction != Direction::None {
            sample.directed += 1;
            sample.right += u64::from(its_way > 0.0);
        }
    }
}

/// The moves of one horizon.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sample {
    percent: Vec<f64>,
    directed: u64,
    right: u64,
}

impl Moves {
    /// These and those of another side.
    pub(super) fn extend(&mut self, other: &Self) {
        for (sample, others) in self.0.iter_mut().zip(&other.0) {
            sample.percent.extend(&others.percent);
            sample.directed += others.directed;
            sample.right += others.right;
        }
    }
}

impl Sample {
    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.percent.len()
    }

    /// Their mean, in percent.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a statistic for people")]
    pub fn mean(&self) -> Option<f64> {
        let count = self.percent.len();
        (count > 0).then(|| self.percent.iter().sum::<f64>() / count as f64)
    }

    /// The one in the middle, or half way between the two.
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        median(&mut self.percent.clone())
    }

    /// The share that went the alert's way with its 95 % interval after Wilson; none where it has no way.
    #[must_use]
    pub fn share(&self) -> Option<Share> {
        Share::of(self.right, self.directed)
    }
}

/// A share of a sample and the interval that such a sample leaves open.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// How many of them.
    pub count: u64,
    /// The share that was observed, 0 to 1.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Share {
    /// `right` of `count`. Wilson, E. B. (1927): wide for few, and never beyond 0 and 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a statistic for people")]
    pub fn of(right: u64, count: u64) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let (n, p) = (count as f64, right as f64 / count as f64);
        let (centre, scale) = (p + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let (low, high) = ((centre - half) / scale, (centre + half) / scale);
        Some(Self { count, value: p, low: low.max(0.0), high: high.min(1.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_wilsons() {
        // Worked out in Python from the formula; 7 of 10 is the textbooks' 0.397 to 0.892.
        for (right, count, low, high) in [
            (7, 10, 0.396_778_147_461, 0.892_208_732_594),
            (0, 3, 0.0, 0.561_497_031_755),
            (140, 200, 0.633_209_316_273, 0.759_252_553_176),
        ] {
            let share = Share::of(right, count).unwrap();
            assert!((share.low - low).abs() < 1e-9 && (share.high - high).abs() < 1e-9, "{share:?}");
        }
        assert_eq!(Share::of(0, 0), None);
    }

    #[test]
    fn moves_have_a_count_a_mean_a_median_and_a_share_in_the_alerts_direction() {
        let mut moves = Moves::default();
        for (percent, direction) in
            [(1.0, Direction::Up), (-2.0, Direction::Up), (-4.0, Direction::Down), (0.0, Direction::Down)]
        {
            moves.add(0, percent, direction);
        }
        let sample = &moves.samples()[0];
        assert_eq!((sample.count(), sample.mean(), sample.median()), (4, Some(0.75), Some(0.5)));
        assert_eq!(
            sample.share().map(|share| (share.value, share.count)),
            Some((0.5, 4)),
            "standing still is not right"
        );
        assert_eq!(moves.samples()[1].median(), None);
        moves.add(2, 1.0, Direction::None);
        assert_eq!((moves.samples()[2].count(), moves.samples()[2].share()), (1, None));
    }
}
