//! Random bars of the same symbols, timeframes and hours as an alert's triggers, and whether the two can be told apart.

use bellwether_schemas::previews::Interval;
use serde::Serialize;

use super::draws::Dice;
use super::event::{POINTS, place};
use super::quantile;
use super::series::{AllSeries, Hour};

/// How often as many random bars are drawn as there were days with a trigger.
const REPEATS: usize = 400;
/// Most bars of one draw: more days only make the answer more careful.
const MAX_DRAW: u64 = 400;
/// A difference that random bars show more often than this says nothing.
pub const CHANCE: f64 = 0.05;
/// Bars after which triggers and random bars are compared.
pub const COMPARED_AFTER: u32 = 5;

/// Of so many draws of random bars this many lie beyond each end of the interval, its own end among them: the most of
/// which twice as many of all draws and one are fewer than [`CHANCE`].
const BEYOND: usize = 10;
const _: () = assert!(2 * BEYOND * 20 <= REPEATS && 2 * (BEYOND + 1) * 20 > REPEATS);

/// Triggers of one hour of a series whose moves are counted the same way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lot {
    /// The hour that their random bars are drawn from.
    pub hour: Hour,
    /// Moves down count as up.
    pub is_turned: bool,
    /// How many triggers.
    pub count: u64,
}

/// What followed triggers after so many bars, before it is set beside anything.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observed {
    /// How many bars after the trigger.
    pub bars: u32,
    /// Triggers that have a price then.
    pub triggers: u64,
    /// Days they lie on.
    pub days: u64,
    /// Their median move, in percent.
    pub median: f64,
}

/// The random bars of some triggers. Each hour of each series weighs as much as it has triggers.
pub struct Beside<'a> {
    hours: Vec<Bars<'a>>,
    seed: u64,
}

struct Bars<'a> {
    /// Share of the triggers up to and with this hour, 0 to 1.
    up_to: f64,
    weight: f64,
    /// By which a move is multiplied: 1 or −1.
    sign: f64,
    paths: Vec<&'a [f32; POINTS]>,
}

/// What followed triggers, beside random bars.
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
    /// By how much the median lies above those of as many random bars as there are days: 19 times of 20 so much.
    pub difference: Option<Interval>,
}

impl Followed {
    /// The interval of the difference excludes zero: random bars rarely do that.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.difference.is_some_and(Interval::excludes_zero)
    }
}

impl<'a> Beside<'a> {
    /// Of triggers in these lots, over what was drawn of a run. Lots of hours of which nothing was drawn are left out.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of triggers")]
    pub fn new(lots: impl IntoIterator<Item = Lot>, series: &'a AllSeries) -> Self {
        let found = lots.into_iter().map(|lot| (lot, series.drawn_at(lot.hour)));
        let found: Vec<_> = found.filter(|(_, paths)| !paths.is_empty()).collect();
        let all = found.iter().map(|(lot, _)| lot.count).sum::<u64>() as f64;
        let (mut seed, mut counted) = (0u64, 0u64);
        let mut hours = Vec::with_capacity(found.len());
        for (Lot { hour: (number, hour), is_turned, count }, paths) in found {
            counted += count;
            let lot = (u64::from(is_turned) << 39) ^ (u64::from(number) << 40) ^ (u64::from(hour) << 32);
            seed = Dice::new(seed ^ lot ^ count).next();
            let sign = if is_turned { -1.0 } else { 1.0 };
            hours.push(Bars { up_to: counted as f64 / all, weight: count as f64 / all, sign, paths });
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
            hour.paths
                .iter()
                .map(move |path| (hour.sign * f64::from(path[place]), weight))
                .collect::<Vec<_>>()
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
            hour.sign * hour.weight * sum / hour.paths.len() as f64
        };
        (!self.hours.is_empty()).then(|| self.hours.iter().map(of_hour).sum())
    }

    /// What was observed, beside these bars.
    #[must_use]
    pub fn followed(&self, observed: Observed) -> Followed {
        let Observed { bars, triggers, days, median } = observed;
        let after = i32::try_from(bars).unwrap_or(i32::MAX);
        let drawn = place(after).and_then(|place| self.medians(days.min(MAX_DRAW), place));
        Followed {
            bars,
            triggers,
            days,
            median,
            random_median: self.quantile(after, 0.5),
            by_chance: drawn.as_deref().map(|drawn| by_chance(median, drawn)),
            difference: drawn.as_deref().and_then(|drawn| difference(median, drawn)),
        }
    }

    /// The medians of many draws of that many bars each, in order. As many bars as there are days: the triggers of a day
    /// are not independent of each other.
    fn medians(&self, days: u64, place: usize) -> Option<Vec<f64>> {
        let count = usize::try_from(days).ok().filter(|count| *count > 0 && !self.hours.is_empty())?;
        let mut dice = Dice::new(self.seed);
        let mut drawn = vec![0.0; count];
        let medians = (0..REPEATS).map(|_| {
            drawn.iter_mut().for_each(|value| *value = self.random(&mut dice, place));
            quantile(&mut drawn, 0.5)
        });
        let mut medians = medians.collect::<Option<Vec<f64>>>()?;
        medians.sort_unstable_by(f64::total_cmp);
        Some(medians)
    }

    /// The move of one bar: its hour as often as that of a trigger, then any bar of it.
    #[expect(clippy::cast_precision_loss, reason = "a number from 0 to 1")]
    fn random(&self, dice: &mut Dice, place: usize) -> f64 {
        let at = dice.next() as f64 / u64::MAX as f64;
        let hour = self.hours.partition_point(|hour| hour.up_to < at).min(self.hours.len() - 1);
        let paths = &self.hours[hour].paths;
        self.hours[hour].sign * f64::from(paths[dice.below(paths.len())][place])
    }
}

/// How often the median of random bars lies as far out as this one, on its side, times two for both sides.
#[expect(clippy::cast_precision_loss, reason = "a few hundred repeats")]
fn by_chance(median: f64, drawn: &[f64]) -> f64 {
    let above = 1 + drawn.iter().filter(|of_draw| **of_draw >= median).count();
    let below = 1 + drawn.iter().filter(|of_draw| **of_draw <= median).count();
    (2.0 * above.min(below) as f64 / (drawn.len() + 1) as f64).min(1.0)
}

/// By how much the median lies above all but the outermost of those of random bars: it excludes zero where these come
/// that far by chance less than once in twenty.
fn difference(median: f64, drawn: &[f64]) -> Option<Interval> {
    let least = drawn.get(BEYOND - 1)?;
    let most = drawn.get(drawn.len().checked_sub(BEYOND)?)?;
    Some(Interval { low: median - most, high: median - least })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred medians a percent apart, four times each: from 0.01 to 1.
    fn drawn() -> Vec<f64> {
        (0..REPEATS).map(|number| (number / 4 + 1) as f64 / 100.0).collect()
    }

    #[test]
    fn the_interval_excludes_zero_where_random_bars_come_that_far_less_than_once_in_twenty_and_nowhere_else()
    {
        let drawn = drawn();
        let mut apart = 0;
        for step in 0..220 {
            let median = f64::from(step) / 200.0 - 0.05;
            let (interval, chance) = (difference(median, &drawn).unwrap(), by_chance(median, &drawn));
            assert_eq!(interval.excludes_zero(), chance < CHANCE, "{median}: {interval:?}, {chance}");
            apart += usize::from(interval.excludes_zero());
        }
        assert!((20..100).contains(&apart), "{apart}");
    }

    #[test]
    fn an_interval_leaves_a_fortieth_of_the_draws_beyond_each_end() {
        let Interval { low, high } = difference(2.0, &drawn()).unwrap();
        // The tenth from above is 0.98, the tenth from below 0.03.
        assert!((low - 1.02).abs() < 1e-12 && (high - 1.97).abs() < 1e-12, "{low} to {high}");
        assert_eq!(difference(2.0, &[0.0; 5]), None, "too few draws to leave any out");
    }
}
