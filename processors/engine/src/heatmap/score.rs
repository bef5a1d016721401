//! From cells to one number a timeframe.

/// The sum of a timeframe's seven cells. A missing cell counts 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeframeScore {
    /// Sum of the cells' eighths, −70 to 70.
    pub eighths: i32,
}

impl TimeframeScore {
    /// Closed bars before a timeframe has a score.
    pub const WARM_UP: u64 = 60;

    /// Mean of the seven scores, −1.25 to 1.25.
    #[must_use]
    pub fn raw(self) -> f64 {
        f64::from(self.eighths) / 56.0
    }

    /// From −100 to 100.
    #[must_use]
    pub fn final_(self) -> f64 {
        final_of(self.eighths.into(), 1)
    }

    /// From 0 to 100.
    #[must_use]
    pub fn buy_percent(self) -> f64 {
        f64::midpoint(self.final_(), 100.0)
    }
}

/// `100·raw/1.25` of a sum of eighths that were multiplied by weights. Whole numbers are divided once, so that a value
/// that has a finite decimal form, such as a line of an alert, is met exactly. At most ±100, as cells are at most ±10.
#[expect(clippy::cast_precision_loss, reason = "at most 10 · 70 · 100")]
pub(super) fn final_of(weighted_eighths: i64, weight: i32) -> f64 {
    (10 * weighted_eighths) as f64 / f64::from(7 * weight)
}
