//! Trading styles: weighted views over several timeframes.

use bellwether_schemas::Timeframe::{self, D1, H1, H4, M5, M15, M30};
use bellwether_schemas::readings::Signal;

use super::score::final_of;
use super::{Style, TimeframeScore};

/// Weights in hundredths below which a style has no reading.
const LEAST_COVERAGE: i32 = 50;

/// Timeframes, short to long, and what each counts in hundredths; together 100.
#[must_use]
pub const fn weights(style: Style) -> &'static [(Timeframe, i32)] {
    match style {
        Style::Scalper => &[(M5, 30), (M15, 30), (M30, 20), (H1, 15), (H4, 5)],
        Style::SwingTrader => &[(M30, 10), (H1, 25), (H4, 35), (D1, 30)],
    }
}

/// |Final| from which on the style acts.
#[must_use]
const fn acts_at(style: Style) -> i32 {
    match style {
        Style::Scalper => 25,
        Style::SwingTrader => 15,
    }
}

/// A style's view of one symbol at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StyleScore {
    /// The style that was scored.
    pub style: Style,
    /// Sum over the timeframes present of eighths × weight.
    pub n: i64,
    /// Sum of their weights in hundredths, 50–100.
    pub weight: i32,
}

/// A style's view of a symbol from what its timeframes have; none when those weigh less than half.
pub fn style_reading(
    style: Style,
    scores: impl Fn(Timeframe) -> Option<TimeframeScore>,
) -> Option<StyleScore> {
    let (mut n, mut weight) = (0, 0);
    for (timeframe, hundredths) in weights(style) {
        if let Some(score) = scores(*timeframe) {
            n += i64::from(score.eighths * hundredths);
            weight += hundredths;
        }
    }
    (weight >= LEAST_COVERAGE).then_some(StyleScore { style, n, weight })
}

impl StyleScore {
    /// Sum of the weights of timeframes that have enough bars, 0.5–1.
    #[must_use]
    pub fn coverage(self) -> f64 {
        f64::from(self.weight) / 100.0
    }

    /// Weighted mean of the timeframes, −1.25 to 1.25.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "at most 70 · 100")]
    pub fn raw(self) -> f64 {
        self.n as f64 / f64::from(56 * self.weight)
    }

    /// From −100 to 100.
    #[must_use]
    pub fn final_(self) -> f64 {
        final_of(self.n, self.weight)
    }

    /// From 0 to 100.
    #[must_use]
    pub fn buy_percent(self) -> f64 {
        f64::midpoint(self.final_(), 100.0)
    }

    /// The sell side's share: 100 − Buy%.
    #[must_use]
    pub fn sell_percent(self) -> f64 {
        100.0 - self.buy_percent()
    }

    /// `buy` or `sell` where the style acts, else `wait`.
    #[must_use]
    pub fn label(self) -> &'static str {
        let acts_at = f64::from(acts_at(self.style));
        match self.final_() {
            buy if buy >= acts_at => Signal::Buy.name(),
            sell if sell <= -acts_at => Signal::Sell.name(),
            _ => "wait",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(style: Style, eighths: &[(Timeframe, i32)]) -> Option<StyleScore> {
        style_reading(style, |timeframe| {
            let (_, eighths) = eighths.iter().find(|(of, _)| *of == timeframe)?;
            Some(TimeframeScore { eighths: *eighths })
        })
    }

    #[test]
    fn weights_are_whole_and_of_the_timeframes_that_the_style_says_it_looks_at() {
        for style in Style::ALL {
            assert!(weights(style).iter().map(|(timeframe, _)| timeframe).eq(style.timeframes()));
            assert_eq!(weights(style).iter().map(|(_, weight)| weight).sum::<i32>(), 100);
        }
    }

    #[test]
    fn a_buy_percent_of_70_is_exactly_70_whatever_is_present() {
        let everywhere = [M5, M15, M30, H1, H4, D1].map(|timeframe| (timeframe, 28));
        for style in Style::ALL {
            for present in 1..=everywhere.len() {
                for some in [&everywhere[..present], &everywhere[everywhere.len() - present..]] {
                    let Some(score) = reading(style, some) else { continue };
                    assert_eq!((score.buy_percent(), score.sell_percent()), (70.0, 30.0), "{some:?}");
                }
            }
        }
        assert_eq!(TimeframeScore { eighths: 28 }.buy_percent(), 70.0);
    }

    #[test]
    fn an_uneven_mean_that_meets_70_meets_it_exactly() {
        let uneven = [(M5, 42), (M15, 14), (M30, 28), (H1, 28), (H4, 28)];
        assert_eq!(reading(Style::Scalper, &uneven).unwrap().buy_percent(), 70.0);
        let one_less = [(M5, 42), (M15, 14), (M30, 28), (H1, 28), (H4, 27)];
        assert!(reading(Style::Scalper, &one_less).unwrap().buy_percent() < 70.0);
    }

    #[test]
    fn half_of_the_weights_is_a_reading_and_less_is_none() {
        assert_eq!(reading(Style::Scalper, &[(M5, 0), (M30, 0)]).map(StyleScore::coverage), Some(0.5));
        assert_eq!(reading(Style::Scalper, &[(M5, 0), (H1, 0)]), None);
        assert_eq!(reading(Style::SwingTrader, &[]), None);
    }

    #[test]
    fn label_limits_are_inclusive() {
        // A Final of 25 needs 17.5 eighths everywhere, one of 15 needs 10.5.
        let both = |a, b| [(M5, a), (M30, b), (M15, a), (H1, b), (H4, b), (D1, a)];
        let scalper = |a, b| reading(Style::Scalper, &both(a, b)[..3]).unwrap();
        assert_eq!(scalper(0, 70).final_(), 25.0);
        assert_eq!((scalper(0, 70).label(), scalper(0, -70).label()), ("buy", "sell"));
        assert_eq!(scalper(0, 69).label(), "wait");
        let swing = |h4, d1| reading(Style::SwingTrader, &[(H4, h4), (D1, d1), (H1, 0)]).unwrap();
        assert_eq!(swing(9, 21).final_(), 15.0);
        assert_eq!(
            (swing(9, 21).label(), swing(-9, -21).label(), swing(9, 20).label()),
            ("buy", "sell", "wait")
        );
    }
}
