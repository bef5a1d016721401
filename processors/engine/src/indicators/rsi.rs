//! Relative strength index after J. Welles Wilder, *New Concepts in Technical Trading Systems* (1978).

/// The shortest period an alert may ask for.
pub const MIN_PERIOD: usize = 5;
/// The longest.
pub const MAX_PERIOD: usize = 50;
/// How many there are.
pub const RSI_PERIODS: usize = MAX_PERIOD - MIN_PERIOD + 1;

/// RSI of one series for all periods from [`MIN_PERIOD`] to [`MAX_PERIOD`], so that a user who edits a period waits
/// for no warm-up.
///
/// Unit: 0 to 100. With p the period, G and L Wilder averages of gains and losses between successive closes:
/// first averages = arithmetic mean of the first p, then `avg = (avg·(p−1) + x)/p`;
/// `RSI = 100 − 100/(1 + G/L)`; L = 0 and G > 0 → 100; both 0 → 50 (MetaTrader's rule). First value at close p+1.
#[derive(Debug, Clone)]
pub struct RsiBank {
    last_close: Option<f64>,
    changes: usize,
    sum: Averages<1>,
    now: Averages<RSI_PERIODS>,
    before: Averages<RSI_PERIODS>,
}

#[derive(Debug, Clone)]
struct Averages<const N: usize> {
    gain: [f64; N],
    loss: [f64; N],
}

impl<const N: usize> Averages<N> {
    const ZERO: Self = Self { gain: [0.0; N], loss: [0.0; N] };
}

impl Default for RsiBank {
    fn default() -> Self {
        Self {
            last_close: None,
            changes: 0,
            sum: Averages::ZERO,
            now: Averages::ZERO,
            before: Averages::ZERO,
        }
    }
}

impl RsiBank {
    /// Takes the next close in.
    pub fn update(&mut self, close: f64) {
        let Some(last) = self.last_close.replace(close) else { return };
        let change = close - last;
        let (gain, loss) = (change.max(0.0), (-change).max(0.0));
        self.changes += 1;
        self.before.clone_from(&self.now);
        if self.changes <= MAX_PERIOD {
            self.warm_up(gain, loss);
        } else {
            smooth(&mut self.now.gain, gain);
            smooth(&mut self.now.loss, loss);
        }
    }

    /// The value at the last close; none before close p+1.
    #[must_use]
    pub fn value(&self, period: usize) -> Option<f64> {
        self.at(&self.now, period, self.changes)
    }

    /// The value one close earlier.
    #[must_use]
    pub fn previous(&self, period: usize) -> Option<f64> {
        self.at(&self.before, period, self.changes.checked_sub(1)?)
    }

    /// The last close brought the first value of this period.
    #[must_use]
    pub const fn is_first(&self, period: usize) -> bool {
        self.changes == period
    }

    fn at(&self, averages: &Averages<RSI_PERIODS>, period: usize, changes: usize) -> Option<f64> {
        let place = period.checked_sub(MIN_PERIOD)?;
        (changes >= period).then_some(())?;
        Some(index(*averages.gain.get(place)?, *averages.loss.get(place)?))
    }

    /// Sums in time order serve every period: the first p changes are a prefix of all of them.
    fn warm_up(&mut self, gain: f64, loss: f64) {
        self.sum.gain[0] += gain;
        self.sum.loss[0] += loss;
        for place in 0..RSI_PERIODS {
            let period = place + MIN_PERIOD;
            if self.changes == period {
                self.now.gain[place] = self.sum.gain[0] / divisor(place);
                self.now.loss[place] = self.sum.loss[0] / divisor(place);
            } else if self.changes > period {
                self.now.gain[place] = wilder(self.now.gain[place], gain, place);
                self.now.loss[place] = wilder(self.now.loss[place], loss, place);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "periods are at most 50")]
const fn divisor(place: usize) -> f64 {
    (place + MIN_PERIOD) as f64
}

#[inline]
fn wilder(average: f64, x: f64, place: usize) -> f64 {
    (average * (divisor(place) - 1.0) + x) / divisor(place)
}

fn smooth(averages: &mut [f64; RSI_PERIODS], x: f64) {
    for (place, average) in averages.iter_mut().enumerate() {
        *average = wilder(*average, x, place);
    }
}

fn index(gain: f64, loss: f64) -> f64 {
    if loss > 0.0 {
        100.0 - 100.0 / (1.0 + gain / loss)
    } else if gain > 0.0 {
        100.0
    } else {
        50.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(closes: &[f64], period: usize) -> Vec<Option<f64>> {
        let mut bank = RsiBank::default();
        closes
            .iter()
            .map(|close| {
                bank.update(*close);
                bank.value(period)
            })
            .collect()
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
}
