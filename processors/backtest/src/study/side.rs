//! What the price did around the triggers of one side of an alert: the mean and how sure it is, where the middle half
//! lies, and what would give away that a trigger knew more than it should.

use std::collections::BTreeMap;

use bellwether_engine::moves::{
    Beside, Draws, Event, Followed, Hour, Lot, Observed, POINTS, REACH, place, quantile,
};
use bellwether_schemas::Timestamp;
use bellwether_schemas::time::DAY;

use super::moves::{Direction, HORIZONS, Moves, Z};

/// The triggers of one alert that expect the price to go the same way.
#[derive(Debug, Clone)]
pub struct Side {
    /// How often it fired, measured or not.
    pub fired: u64,
    /// Moves its way at each horizon.
    pub moves: Moves,
    /// Triggers whose price is not the close of their own bar: none, unless something is wrong.
    pub off_close: u64,
    /// Triggers of ticks, measured from the tick's own price.
    pub on_ticks: u64,
    points: Box<[Moments; POINTS]>,
    /// The day whose triggers are added up.
    day: i64,
    next_open: (f64, f64),
    drawn: Draws,
    pub(super) hours: BTreeMap<Hour, u64>,
}

/// A point of the path, in percent of the price at the trigger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Bars from the trigger, negative before it.
    pub bars: i32,
    /// Triggers that have it.
    pub count: u64,
    /// Days they lie on.
    pub days: u64,
    /// Of all of them.
    pub mean: f64,
    /// 95 % interval of the mean, days taken as independent and their triggers not; none of a single day.
    pub interval: Option<(f64, f64)>,
}

impl Side {
    /// Keeps the paths of so many triggers.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            fired: 0,
            moves: Moves::default(),
            off_close: 0,
            on_ticks: 0,
            points: Box::new([Moments::default(); POINTS]),
            day: i64::MIN,
            next_open: (0.0, 0.0),
            drawn: Draws::new(limit),
            hours: BTreeMap::new(),
        }
    }

    /// One trigger's event, which has all the bars that it will ever have.
    pub(super) fn add(&mut self, event: &Event, direction: Direction, ticket: u64) {
        self.off_close += u64::from(event.is_off_close);
        self.on_ticks += u64::from(event.is_tick);
        if let Some(moved) = event.to_next_open.filter(|moved| moved.is_finite()) {
            self.next_open = (self.next_open.0 + 1.0, self.next_open.1 + moved);
        }
        self.begin_day(event.at);
        for (moments, moved) in self.points.iter_mut().zip(event.path) {
            moments.add(moved);
        }
        for (horizon, bars) in HORIZONS.into_iter().enumerate() {
            self.moves.add(horizon, event.path[REACH + bars as usize], direction);
        }
        self.drawn.add(ticket, &event.path);
    }

    #[cfg(test)]
    pub(super) fn paths_kept(&self) -> usize {
        self.drawn.paths().len()
    }

    /// Events end about in the order of their days; one that is late counts to the day that is under way.
    fn begin_day(&mut self, at: Timestamp) {
        let day = at.0.div_euclid(DAY);
        if day > self.day {
            self.day = day;
            self.points.iter_mut().for_each(Moments::end_day);
        }
    }

    /// The point so many bars from the trigger; none where no trigger has such a bar.
    #[must_use]
    pub fn point(&self, bars: i32) -> Option<Point> {
        self.points.get(place(bars)?)?.point(bars)
    }

    /// All points, from the first bar before to the last after.
    pub fn path(&self) -> impl Iterator<Item = Point> {
        (-(REACH as i32)..=REACH as i32).filter_map(|bars| self.point(bars))
    }

    /// The values between which so many bars from the trigger a share of the triggers lies: 0.5 is the median.
    #[must_use]
    pub fn quantile(&self, bars: i32, share: f64) -> Option<f64> {
        let place = place(bars)?;
        let values = self.drawn.paths().into_iter().map(|path| f64::from(path[place]));
        let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        quantile(&mut values, share)
    }

    /// Its triggers by the hours that their random bars are drawn from. Moves are counted as they are.
    pub(super) fn lots(&self) -> impl Iterator<Item = Lot> {
        self.hours.iter().map(|(hour, count)| Lot { hour: *hour, is_turned: false, count: *count })
    }

    /// What followed its triggers after so many bars, beside those; none where no trigger has a price then.
    #[must_use]
    pub fn followed(&self, beside: &Beside<'_>, bars: u32) -> Option<Followed> {
        let after = i32::try_from(bars).ok()?;
        let Point { count: triggers, days, .. } = self.point(after)?;
        let median = self.quantile(after, 0.5)?;
        Some(beside.followed(Observed { bars, triggers, days, median }))
    }

    /// Mean move from the trigger to the open of the next bar, in percent.
    #[must_use]
    pub fn to_next_open(&self) -> Option<f64> {
        let (count, sum) = self.next_open;
        (count > 0.0).then(|| sum / count)
    }
}

/// Sums of one point. The triggers of a day share its news and each other's bars, so they count as one observation: the
/// variance of the mean is the sum over days of (sum of the day less its triggers times the mean)², over the square of
/// all triggers (Liang and Zeger 1986, with G/(G−1) for few days).
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: f64,
    sum: f64,
    days: f64,
    /// Over days: sums squared, sums times sizes, sizes squared.
    squares: f64,
    crossed: f64,
    sizes: f64,
    /// Size and sum of the day under way.
    today: (f64, f64),
}

impl Moments {
    fn add(&mut self, value: f64) {
        if value.is_finite() {
            self.count += 1.0;
            self.sum += value;
            self.today = (self.today.0 + 1.0, self.today.1 + value);
        }
    }

    fn end_day(&mut self) {
        let (size, sum) = std::mem::take(&mut self.today);
        if size > 0.0 {
            self.days += 1.0;
            self.squares += sum * sum;
            self.crossed += size * sum;
            self.sizes += size * size;
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole numbers")]
    fn point(mut self, bars: i32) -> Option<Point> {
        self.end_day();
        if self.count == 0.0 {
            return None;
        }
        let mean = self.sum / self.count;
        let spread = self.squares - 2.0 * mean * self.crossed + mean * mean * self.sizes;
        let variance = spread.max(0.0) / (self.count * self.count) * self.days / (self.days - 1.0);
        let half = Z * variance.sqrt();
        let interval = (self.days > 1.0).then_some((mean - half, mean + half));
        Some(Point { bars, count: self.count as u64, days: self.days as u64, mean, interval })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn side(events: &[(i64, f64)]) -> Side {
        let mut side = Side::new(100);
        for (number, (day, moved)) in (0u64..).zip(events) {
            let mut event = Event::new(&VecDeque::new(), Timestamp(day * DAY), 100.0, false);
            event.path[REACH + 5] = *moved;
            side.add(&event, Direction::Up, number);
        }
        side
    }

    #[test]
    fn triggers_of_a_day_make_the_mean_no_surer() {
        let point = side(&[(0, 1.0), (0, 2.0), (1, 3.0), (2, 4.0)]).point(5).unwrap();
        assert_eq!((point.count, point.days, point.mean), (4, 3, 2.5));
        // By hand: the days' sums less their triggers times 2.5 are -2, 0.5, 1.5; their squares add up to 6.5; over 16, times 3/2: 0.609375.
        let half = Z * 0.609_375f64.sqrt();
        let (low, high) = point.interval.unwrap();
        assert!((low - (2.5 - half)).abs() < 1e-12 && (high - (2.5 + half)).abs() < 1e-12, "{point:?}");
        let twice = side(&[(0, 1.0), (0, 1.0), (1, 3.0), (1, 3.0)]).point(5).unwrap();
        let once = side(&[(0, 1.0), (1, 3.0)]).point(5).unwrap();
        assert_eq!(twice.interval, once.interval, "the same again on the same day says nothing new");
        assert_eq!(side(&[(0, 1.0), (0, 2.0)]).point(5).unwrap().interval, None);
        assert_eq!(once.count, 2);
        assert!(side(&[(0, 1.0)]).point(6).is_none(), "the run ended before");
    }

    #[test]
    fn quartiles_lie_between_values_in_proportion() {
        let side = side(&[(0, 4.0), (1, 1.0), (2, 2.0), (3, 3.0)]);
        assert_eq!(
            [0.25, 0.5, 0.75].map(|share| side.quantile(5, share)),
            [Some(1.75), Some(2.5), Some(3.25)]
        );
        assert_eq!((side.quantile(6, 0.5), side.quantile(21, 0.5)), (None, None));
    }
}
