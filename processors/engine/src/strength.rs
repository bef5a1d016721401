//! Currency strength: the eight currencies against each other over one bar.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// In the order that decides ties.
pub const CURRENCIES: [&str; 8] = ["USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "NZD"];

/// The currencies over one bar, by place in [`CURRENCIES`]; one without a pair is missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StrengthScore {
    /// −100 to 100: a linear map of the averages, all 0 when they are equal.
    pub scores: [Option<f64>; CURRENCIES.len()],
    /// Mean log return against the others.
    pub averages: [Option<f64>; CURRENCIES.len()],
    /// Who leads; of equals the first.
    pub strongest: usize,
    /// Who trails; of equals the first.
    pub weakest: usize,
}

/// The places of both currencies when a symbol, named without suffix, is a pair of two of the eight.
#[must_use]
pub fn legs(base_name: &str) -> Option<(usize, usize)> {
    let (base, quote) = base_name.split_at_checked(3)?;
    Some((place(base)?, place(quote)?))
}

fn place(name: &str) -> Option<usize> {
    CURRENCIES.iter().position(|currency| currency.eq_ignore_ascii_case(name))
}

/// From (base, quote, log return) of every pair that closed a bar: `base += r`, `quote −= r`, averaged by currency over
/// its pairs, in the order given. None without a pair.
pub fn strength(pairs: impl Iterator<Item = (usize, usize, f64)>) -> Option<StrengthScore> {
    let mut sums = [(0.0, 0_u32); CURRENCIES.len()];
    for (base, quote, log_return) in pairs {
        add(&mut sums[base], log_return);
        add(&mut sums[quote], -log_return);
    }
    let averages = sums.map(|(sum, count)| (count > 0).then(|| sum / f64::from(count)));
    let (strongest, highest) = first_by(&averages, |a, b| a > b)?;
    let (weakest, lowest) = first_by(&averages, |a, b| a < b)?;
    let range = highest - lowest;
    let score = |average: f64| if range > 0.0 { 200.0 * ((average - lowest) / range) - 100.0 } else { 0.0 };
    Some(StrengthScore { scores: averages.map(|average| average.map(score)), averages, strongest, weakest })
}

impl StrengthScore {
    /// Values by place in [`CURRENCIES`], by name.
    pub(crate) fn named(
        values: &[Option<f64>; CURRENCIES.len()],
    ) -> BTreeMap<Cow<'static, str>, Option<f64>> {
        CURRENCIES.into_iter().map(Cow::Borrowed).zip(values.iter().copied()).collect()
    }

    /// All averages are equal, as where nothing moved: nobody leads or trails.
    #[must_use]
    pub fn is_level(&self) -> bool {
        self.averages[self.strongest] == self.averages[self.weakest]
    }
}

fn add((sum, count): &mut (f64, u32), x: f64) {
    *sum += x;
    *count += 1;
}

/// The first place that no later one beats.
fn first_by(averages: &[Option<f64>], beats: impl Fn(f64, f64) -> bool) -> Option<(usize, f64)> {
    let present = averages.iter().enumerate().filter_map(|(place, average)| Some((place, (*average)?)));
    present.reduce(|best, next| if beats(next.1, best.1) { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_two_of_the_eight() {
        assert_eq!(legs("EURUSD"), Some((1, 0)));
        assert_eq!(legs("chfJPY"), Some((6, 3)));
        assert_eq!(legs("XAUUSD"), None);
        assert_eq!(legs("EURUSDm"), None);
        assert_eq!(legs("EU€USD"), None);
        assert_eq!(legs("EUR"), None);
    }

    #[test]
    fn of_equals_the_first_of_the_list_leads_and_trails() {
        let score = strength([(4, 7, 0.01), (2, 3, 0.01)].into_iter()).unwrap();
        assert_eq!((score.strongest, score.weakest), (2, 3));
        assert_eq!(score.scores[4], Some(100.0));
        assert_eq!(score.scores[7], Some(-100.0));
        assert_eq!(score.scores[0], None);
    }

    #[test]
    fn when_all_are_equal_all_are_0_and_the_first_present_leads_and_trails() {
        let score = strength([(1, 5, 0.0), (5, 6, 0.0)].into_iter()).unwrap();
        assert_eq!((score.strongest, score.weakest), (1, 1));
        assert_eq!(score.scores, [None, Some(0.0), None, None, None, Some(0.0), Some(0.0), None]);
        assert!(score.is_level());
        assert!(!strength([(1, 5, f64::MIN_POSITIVE), (5, 6, 0.0)].into_iter()).unwrap().is_level());
    }

    #[test]
    fn no_pair_is_no_reading() {
        assert_eq!(strength(std::iter::empty()), None);
    }
}
