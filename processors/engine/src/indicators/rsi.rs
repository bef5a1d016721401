//! Relative strength index after J. Welles Wilder, *New Concepts in Technical Trading Systems* (1978).

use super::MOST_BARS;
use crate::Version;
use crate::snapshot::{Misfit, stored};

/// The shortest period an alert may ask for.
pub const MIN_PERIOD: usize = 5;
/// The longest period that an alert may ask for.
pub const MAX_PERIOD: usize = 50;
/// How many there are.
pub const RSI_PERIODS: usize = MAX_PERIOD - MIN_PERIOD + 1;

/// RSI for all periods from [`MIN_PERIOD`] to [`MAX_PERIOD`], so that a user who edits a period waits for no warm-up.
pub type RsiBank = Rsi<MIN_PERIOD, RSI_PERIODS>;

/// RSI of one series for N periods from FIRST on.
///
/// Unit: 0 to 100. With p the period, G and L Wilder averages of gains and losses between successive closes:
/// first averages = arithmetic mean of the first p, then `avg = (avg·(p−1) + x)/p`;
/// `RSI = 100 − 100/(1 + G/L)`; L = 0 and G > 0 → 100; both 0 → 50 (MetaTrader's rule). First value at close p+1.
/// Over a close that equals the one before the averages decay as always, and the value is the one before, bit for bit.
#[derive(Debug, Clone)]
pub struct Rsi<const FIRST: usize, const N: usize> {
    last_close: Option<f64>,
    changes: usize,
    sum: Averages<1>,
    now: Averages<N>,
    /// One close earlier; of no use while closes stand still.
    before: Averages<N>,
    /// While closes stand still: the averages of the last one that moved, or of a period's first value if that came
    /// later.
    moved: Averages<N>,
    /// The last close keeps the value of the one before.
    stands: bool,
    /// The close before it did so.
    stood: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Averages<const N: usize> {
    gain: [f64; N],
    loss: [f64; N],
}

impl<const N: usize> Averages<N> {
    const ZERO: Self = Self { gain: [0.0; N], loss: [0.0; N] };
}

impl<const FIRST: usize, const N: usize> Default for Rsi<FIRST, N> {
    fn default() -> Self {
        Self {
            last_close: None,
            changes: 0,
            sum: Averages::ZERO,
            now: Averages::ZERO,
            before: Averages::ZERO,
            moved: Averages::ZERO,
            stands: false,
            stood: false,
        }
    }
}

impl<const FIRST: usize, const N: usize> Rsi<FIRST, N> {
    const LAST: usize = FIRST + N - 1;

    /// Takes the next close in, by the rules of that version.
    #[inline]
    pub fn update(&mut self, close: f64, version: Version) {
        let Some(last) = self.last_close.replace(close) else { return };
        let change = close - last;
        self.stood = self.stands;
        self.stands = change == 0.0 && version.keeps_rsi_of_still_closes();
        match (self.stands, self.stood) {
            (false, _) => self.before.clone_from(&self.now),
            (true, false) => self.moved.clone_from(&self.now),
            (true, true) => {}
        }
        let (gain, loss) = (positive(change), positive(-change));
        self.changes += 1;
        if self.changes <= Self::LAST {
            self.warm_up(gain, loss);
        } else {
            smooth::<FIRST, N>(&mut self.now.gain, gain);
            smooth::<FIRST, N>(&mut self.now.loss, loss);
        }
    }

    /// The value at the last close; none before close p+1.
    #[inline]
    #[must_use]
    pub fn value(&self, period: usize) -> Option<f64> {
        let averages = if self.stands { &self.moved } else { &self.now };
        self.at(averages, period, self.changes)
    }

    /// The value one close earlier.
    #[must_use]
    pub fn previous(&self, period: usize) -> Option<f64> {
        let averages = if self.stands || self.stood { &self.moved } else { &self.before };
        self.at(averages, period, self.changes.checked_sub(1)?)
    }

    /// The last close brought the first value of this period.
    #[must_use]
    pub const fn is_first(&self, period: usize) -> bool {
        self.changes == period
    }

    fn at(&self, averages: &Averages<N>, period: usize, changes: usize) -> Option<f64> {
        let place = period.checked_sub(FIRST)?;
        (changes >= period).then_some(())?;
        Some(index(*averages.gain.get(place)?, *averages.loss.get(place)?))
    }

    /// Sums in time order serve every period: the first p changes are a prefix of all of them.
    fn warm_up(&mut self, gain: f64, loss: f64) {
        self.sum.gain[0] += gain;
        self.sum.loss[0] += loss;
        for place in 0..N {
            let period = FIRST + place;
            if self.changes == period {
                self.now.gain[place] = self.sum.gain[0] / as_f64(period);
                self.now.loss[place] = self.sum.loss[0] / as_f64(period);
                // A first value has none before it to keep.
                self.moved.gain[place] = self.now.gain[place];
                self.moved.loss[place] = self.now.loss[place];
            } else if self.changes > period {
                self.now.gain[place] = wilder(self.now.gain[place], gain, period);
                self.now.loss[place] = wilder(self.now.loss[place], loss, period);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "periods are at most 50")]
const fn as_f64(period: usize) -> f64 {
    period as f64
}

#[inline]
fn wilder(average: f64, x: f64, period: usize) -> f64 {
    (average * (as_f64(period) - 1.0) + x) / as_f64(period)
}

#[inline]
fn smooth<const FIRST: usize, const N: usize>(averages: &mut [f64; N], x: f64) {
    for (place, average) in averages.iter_mut().enumerate() {
        *average = wilder(*average, x, FIRST + place);
    }
}

/// One instruction; `f64::max` is more, for NaN, which never comes here.
#[inline]
fn positive(x: f64) -> f64 {
    if x > 0.0 { x } else { 0.0 }
}

#[inline]
fn index(gain: f64, loss: f64) -> f64 {
    if loss > 0.0 {
        100.0 - 100.0 / (1.0 + gain / loss)
    } else if gain > 0.0 {
        100.0
    } else {
        50.0
    }
}

impl<const FIRST: usize, const N: usize> Rsi<FIRST, N> {
    pub(crate) fn store(&self) -> stored::Rsi {
        let Self { last_close, changes, sum, now, before, moved, stands, stood } = self;
        let kept = if *stands || *stood { Self::warm(*changes) } else { 0 };
        stored::Rsi {
            last_close: *last_close,
            changes: *changes as u64,
            sum: (sum.gain[0], sum.loss[0]),
            now: now.store(Self::warm(*changes)),
            before: before.store(if *stands { 0 } else { Self::warm(changes.saturating_sub(1)) }),
            moved: moved.store(kept),
            stands: *stands,
            stood: *stood,
        }
    }

    pub(crate) fn restore(stored: &stored::Rsi) -> Result<Self, Misfit> {
        let stored::Rsi { last_close, changes, sum, now, before, moved, stands, stood } = stored;
        let changes = usize::try_from(*changes).unwrap_or(usize::MAX);
        Misfit::unless(changes <= MOST_BARS, "RSI counts more closes than there can be")?;
        let earlier = if *stands { 0 } else { Self::warm(changes.saturating_sub(1)) };
        let fits = now.len() == Self::warm(changes) && before.len() == earlier;
        Misfit::unless(fits, "RSI has not the averages of its closes")?;
        let kept = if *stands || *stood { Self::warm(changes) } else { 0 };
        Misfit::unless(moved.len() == kept, "RSI has not the averages of the last close that moved")?;
        Ok(Self {
            last_close: *last_close,
            changes,
            sum: Averages::restore(&[*sum])?,
            now: Averages::restore(now)?,
            before: Averages::restore(before)?,
            moved: Averages::restore(moved)?,
            stands: *stands,
            stood: *stood,
        })
    }

    /// Periods that have averages after so many changes.
    fn warm(changes: usize) -> usize {
        (changes + 1).saturating_sub(FIRST).min(N)
    }
}

impl<const N: usize> Averages<N> {
    fn store(&self, warm: usize) -> Vec<(f64, f64)> {
        let Self { gain, loss } = self;
        gain.iter().copied().zip(loss.iter().copied()).take(warm).collect()
    }

    fn restore(stored: &[(f64, f64)]) -> Result<Self, Misfit> {
        let mut restored = Self::ZERO;
        for (place, (gain, loss)) in stored.iter().enumerate() {
            Misfit::unless(*gain >= 0.0 && *loss >= 0.0, "an average gain or loss is below 0")?;
            (restored.gain[place], restored.loss[place]) = (*gain, *loss);
        }
        Ok(restored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values_by(version: Version, closes: &[f64], period: usize) -> Vec<Option<f64>> {
        let mut bank = RsiBank::default();
        let mut before = None;
        let mut next = |close: &f64| {
            bank.update(*close, version);
            assert_eq!(bank.previous(period), before, "the value one close earlier is what it was then");
            before = bank.value(period);
            before
        };
        closes.iter().map(&mut next).collect()
    }

    fn values(closes: &[f64], period: usize) -> Vec<Option<f64>> {
        values_by(Version::NEWEST, closes, period)
    }

    #[test]
    fn flat_is_50_and_only_gains_are_100() {
        assert_eq!(values(&[1.0; 7], 5)[5], Some(50.0));
        assert_eq!(values(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 5), [None, None, None, None, None, Some(100.0)]);
        assert_eq!(values(&[6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 5)[5], Some(0.0));
    }

    #[test]
    fn a_period_outside_the_bank_has_no_value() {
        let closes: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(values(&closes, 4)[99], None);
        assert_eq!(values(&closes, 51)[99], None);
        assert!(values(&closes, 50)[99].is_some());
    }

    /// Seven tenths of what moved went up: RSI(10) is 70 at the eleventh close.
    const TO_SEVENTY: [f64; 11] =
        [100.0, 110.0, 120.0, 130.0, 140.0, 150.0, 160.0, 170.0, 160.0, 150.0, 140.0];

    #[test]
    fn a_still_close_leaves_the_value_as_it_was_bit_for_bit_however_long_it_stands() {
        let mut closes = TO_SEVENTY.to_vec();
        closes.extend([140.0; 700]);
        let stood = values(&closes, 10);
        assert!(stood[10..].iter().all(|value| *value == Some(70.0)), "{:?}", &stood[10..14]);
        let computed = values_by(Version::V1, &closes, 10);
        assert!(computed[11..].iter().any(|value| *value != Some(70.0)), "the first version let it wobble");
    }

    #[test]
    fn the_averages_decay_while_the_value_stands() {
        let closes = [&TO_SEVENTY[..], &[140.0; 5], &[150.0, 140.0, 140.0, 145.0]].concat();
        let (stood, computed) = (values(&closes, 10), values_by(Version::V1, &closes, 10));
        for moved in [16, 17, 19] {
            assert_eq!(stood[moved], computed[moved], "where the close moves both versions agree");
        }
        assert_eq!(stood[18], stood[17]);
    }

    #[test]
    fn a_first_value_over_a_still_close_is_computed_and_the_next_keeps_it() {
        let closes = [&TO_SEVENTY[..], &[140.0; 30]].concat();
        for period in 11..=40 {
            let (stood, computed) = (values(&closes, period), values_by(Version::V1, &closes, period));
            assert_eq!(stood[period - 1], None);
            assert!(stood[period].is_some() && stood[period] == computed[period], "RSI({period})");
            assert!(stood[period..].iter().all(|value| *value == stood[period]), "RSI({period})");
        }
    }

    #[test]
    fn a_version_that_comes_while_closes_stand_keeps_what_the_one_before_computed() {
        let mut bank = RsiBank::default();
        let closes = [&TO_SEVENTY[..], &[140.0; 20]].concat();
        closes.iter().for_each(|close| bank.update(*close, Version::V1));
        let computed = bank.value(10);
        for _ in 0..50 {
            bank.update(140.0, Version::V2);
            assert_eq!((bank.value(10), bank.previous(10)), (computed, computed));
        }
    }

    #[test]
    fn what_is_restored_goes_on_the_same_whether_closes_stand_stood_or_moved() {
        let closes = [&TO_SEVENTY[..], &[140.0, 140.0, 150.0, 150.0, 160.0, 170.0, 170.0]].concat();
        let mut bank = RsiBank::default();
        for (at, close) in closes.iter().enumerate() {
            bank.update(*close, Version::V2);
            let mut restored = RsiBank::restore(&bank.store()).unwrap();
            let mut straight = bank.clone();
            for next in &closes[at + 1..] {
                restored.update(*next, Version::V2);
                straight.update(*next, Version::V2);
                assert_eq!(restored.store(), straight.store());
                for period in [5, 10] {
                    assert_eq!(restored.value(period), straight.value(period));
                    assert_eq!(restored.previous(period), straight.previous(period));
                }
            }
        }
    }
}
