//! Random bars of the same symbols, timeframes and hours as an alert's triggers, and whether the two can be told apart.

use std::fmt::Write as _;

use serde::Serialize;

use super::draws::Dice;
use super::event::POINTS;
use super::series::AllSeries;
use super::side::{Side, place, quantile};
use crate::report::numbers::{counted, percent};

/// How often as many random bars are drawn as there were days with a trigger.
const REPEATS: usize = 400;
/// Most bars of one draw: more days only make the answer more careful.
const MAX_DRAW: u64 = 400;
/// A difference that random bars show more often than this says nothing.
pub const CHANCE: f64 = 0.05;
/// Bars after which triggers and random bars are compared.
pub const COMPARED_AFTER: u32 = 5;

/// The random bars of one side. Each hour of each series weighs as much as it has triggers.
pub struct Beside<'a> {
    hours: Vec<Bars<'a>>,
    seed: u64,
}

struct Bars<'a> {
    /// Share of the triggers up to and with this hour, 0 to 1.
    up_to: f64,
    weight: f64,
    paths: Vec<&'a [f32; POINTS]>,
}

/// What followed the triggers of one side, beside random bars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Followed {
    /// How many bars after the trigger.
    pub bars: u32,
    /// Triggers that have a price then.
    pub triggers: u64,
    /// Days they lie on.
    pub days: u64,
    /// Their median move of the price, in percent.
    pub median: f64,
    /// That of random bars of the same symbols, timeframes and hours; none where the run is too short for any.
    pub random_median: Option<f64>,
    /// How often as many random bars as there are days lie as far off or further: 0 to 1.
    pub by_chance: Option<f64>,
}

impl Followed {
    /// Random bars rarely do that.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.by_chance.is_some_and(|chance| chance < CHANCE)
    }

    /// `Median move after 5 bars +0.120 % (14 triggers), random bars of the same hours +0.010 %: not enough to tell apart.`
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { bars, triggers, median, random_median, .. } = self;
        let mut text = format!(
            "Median move after {bars} bars {} ({})",
            percent(Some(*median)),
            counted(*triggers, "trigger", "triggers")
        );
        let Some(random) = random_median else {
            return text + "; the run is too short for random bars to set it beside.";
        };
        let verdict = if self.is_apart() { "told apart" } else { "not enough to tell apart" };
        let _ = write!(text, ", random bars of the same hours {}: {verdict}.", percent(Some(*random)));
        text
    }
}

impl<'a> Beside<'a> {
    #[expect(clippy::cast_precision_loss, reason = "counts of triggers")]
    pub(super) fn new(side: &Side, series: &'a AllSeries) -> Self {
        let found = side.hours.iter().map(|(hour, count)| (*hour, *count, series.drawn_at(*hour)));
        let found: Vec<_> = found.filter(|(.., paths)| !paths.is_empty()).collect();
        let all = found.iter().map(|(_, count, _)| *count).sum::<u64>() as f64;
        let (mut seed, mut counted) = (0u64, 0u64);
        let mut hours = Vec::with_capacity(found.len());
        for ((number, hour), count, paths) in found {
            counted += count;
            seed = Dice::new(seed ^ (u64::from(number) << 40) ^ (u64::from(hour) << 32) ^ count).next();
            hours.push(Bars { up_to: counted as f64 / all, weight: count as f64 / all, paths });
        }
        Self { hours, seed }
    }

    /// How many bars were drawn.
    #[must_use]
    pub fn count(&self) -> usize {
        self.hours.iter().map(|hour| hour.paths.len()).sum()
    }

    /// The value so many bars from theirs below which a share of them lies, in percent.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a few dozen paths")]
    pub fn quantile(&self, bars: i32, share: f64) -> Option<f64> {
        let place = place(bars)?;
        let of_hour = |hour: &Bars<'_>| {
            let weight = hour.weight / hour.paths.len() as f64;
            hour.paths.iter().map(move |path| (f64::from(path[place]), weight)).collect::<Vec<_>>()
        };
        let mut all: Vec<(f64, f64)> = self.hours.iter().flat_map(of_hour).collect();
        all.sort_unstable_by(|(one, _), (other, _)| one.total_cmp(other));
        let mut below = 0.0;
        let found = all.iter().find(|(_, weight)| {
            below += weight;
            below >= share
        });
        found.or(all.last()).map(|(value, _)| *value)
    }

    /// Their mean so many bars from theirs, in percent.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a few dozen paths")]
    pub fn mean(&self, bars: i32) -> Option<f64> {
        let place = place(bars)?;
        let of_hour = |hour: &Bars<'_>| {
            let sum: f64 = hour.paths.iter().map(|path| f64::from(path[place])).sum();
            hour.weight * sum / hour.paths.len() as f64
        };
        (!self.hours.is_empty()).then(|| self.hours.iter().map(of_hour).sum())
    }

    /// What followed the triggers after so many bars; none where no trigger has a price then.
    #[must_use]
    pub fn followed(&self, side: &Side, bars: u32) -> Option<Followed> {
        let after = i32::try_from(bars).ok()?;
        let point = side.point(after)?;
        let median = side.quantile(after, 0.5)?;
        let draw = usize::try_from(point.days.min(MAX_DRAW)).ok()?;
        Some(Followed {
            bars,
            triggers: point.count,
            days: point.days,
            median,
            random_median: self.quantile(after, 0.5),
            by_chance: self.by_chance(median, draw, place(after)?),
        })
    }

    /// How often the median of so many random bars lies as far out as this one, on its side, times two for both sides.
    /// As many bars as there are days: the triggers of a day are not independent of each other.
    #[expect(clippy::cast_precision_loss, reason = "a few hundred repeats")]
    fn by_chance(&self, median: f64, draw: usize, place: usize) -> Option<f64> {
        if self.hours.is_empty() || draw == 0 {
            return None;
        }
        let mut dice = Dice::new(self.seed);
        let (mut above, mut below) = (1usize, 1usize);
        let mut drawn = vec![0.0; draw];
        for _ in 0..REPEATS {
            drawn.iter_mut().for_each(|value| *value = self.random(&mut dice, place));
            let of_draw = quantile(&mut drawn, 0.5)?;
            above += usize::from(of_draw >= median);
            below += usize::from(of_draw <= median);
        }
        let rarer = above.min(below) as f64 / (REPEATS + 1) as f64;
        Some((2.0 * rarer).min(1.0))
    }

    /// The move of one bar: its hour as often as that of a trigger, then any bar of it.
    #[expect(clippy::cast_precision_loss, reason = "a number from 0 to 1")]
    fn random(&self, dice: &mut Dice, place: usize) -> f64 {
        let at = dice.next() as f64 / u64::MAX as f64;
        let hour = self.hours.partition_point(|hour| hour.up_to < at).min(self.hours.len() - 1);
        let paths = &self.hours[hour].paths;
        f64::from(paths[dice.below(paths.len())][place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLLOWED: Followed = Followed {
        bars: 5,
        triggers: 14,
        days: 9,
        median: 0.12,
        random_median: Some(0.01),
        by_chance: Some(0.31),
    };

    #[test]
    fn what_followed_is_said_beside_random_bars() {
        assert_eq!(
            FOLLOWED.sentence(),
            "Median move after 5 bars +0.120 % (14 triggers), random bars of the same hours +0.010 %: not enough to tell \
             apart."
        );
        let apart = Followed { by_chance: Some(0.049), ..FOLLOWED };
        assert!(apart.sentence().ends_with("+0.010 %: told apart."));
        let alone = Followed { random_median: None, by_chance: None, triggers: 1, ..FOLLOWED };
        assert!(alone.sentence().contains("(1 trigger); the run is too short"), "{}", alone.sentence());
    }
}
