//! Triggers beside random bars, over markets in which something is planted.

use bellwether_engine::moves::Dice;
use bellwether_schemas::time::{DAY, HOUR, MINUTE};

use super::*;

const SPAN: i64 = 5 * MINUTE;
const SYMBOL: &str = "EURUSD";

/// A market of five-minute bars, and one side of an alert in it.
struct Market {
    series: AllSeries,
    side: Side,
    dice: Dice,
    price: f64,
    bars: i64,
}

impl Market {
    fn new() -> Self {
        let series = AllSeries::new([Timeframe::M5].into());
        Self { series, side: Side::new(MAX_PATHS), dice: Dice::new(3), price: 1.0, bars: 0 }
    }

    fn now(&self) -> Timestamp {
        Timestamp(self.bars * SPAN)
    }

    /// The price moves by so many percent, and by chance.
    fn bar(&mut self, percent: f64) {
        let noise = if self.dice.below(2) == 0 { 0.05 } else { -0.05 };
        let open = self.price;
        self.price *= 1.0 + (percent + noise) / 100.0;
        self.bars += 1;
        let bar = Bar {
            symbol: SYMBOL.parse().unwrap(),
            timeframe: Timeframe::M5,
            open_time: self.now().plus(-SPAN),
            close_time: self.now(),
            open,
            high: self.price,
            low: self.price,
            close: self.price,
            ticks: 1,
        };
        for event in self.series.bar(SYMBOL, &bar) {
            self.side.add(&event, Direction::Up, event.watchers[0].ticket);
        }
    }

    fn trigger(&mut self) {
        let (at, price) = (self.now(), self.price);
        let series = self.series.get_mut(SYMBOL, Timeframe::M5).unwrap();
        *self.side.hours.entry(series.hour(at).unwrap()).or_default() += 1;
        let ticket = super::ticket(0, at.0);
        let watcher = Watcher { alert: 0, row: None, direction: Direction::Up, ticket };
        series.event(at, price, true).unwrap().watchers.push(watcher);
    }

    fn followed(&self) -> Followed {
        self.side.followed(&Beside::new(self.side.lots(), &self.series), 5).unwrap()
    }
}

#[test]
fn triggers_without_a_reason_are_like_random_bars_and_those_with_one_are_told_apart() {
    let run = |drift: f64| {
        let mut market = Market::new();
        for bar in 0..288 * 40 {
            let since = (bar + 200) % 288;
            market.bar(if since < 5 && bar > 288 { drift } else { 0.0 });
            if since == 287 {
                market.trigger();
            }
        }
        market.followed()
    };
    let (nothing, something) = (run(0.0), run(0.1));
    assert_eq!((nothing.triggers, nothing.days), (40, 40));
    assert!(!nothing.is_apart(), "{nothing:?}");
    assert!(something.is_apart() && something.median > 0.4, "{something:?}");
    assert!(something.random_median.unwrap() < 0.3, "{something:?}");
    assert_eq!(run(0.1), something, "the same data draw the same bars");
}

#[test]
fn what_an_hour_does_by_itself_is_no_merit_of_a_trigger_in_it() {
    let mut market = Market::new();
    for _ in 0..288 * 40 {
        let hour = market.now().0.rem_euclid(DAY) / HOUR;
        market.bar(if hour == 10 { 0.05 } else { 0.0 });
        // Always a quarter past ten, when the next five bars rise.
        if market.now().0.rem_euclid(DAY) == 10 * HOUR + 15 * MINUTE {
            market.trigger();
        }
    }
    let followed = market.followed();
    assert!(followed.median > 0.15, "{followed:?}");
    assert!(followed.random_median.unwrap() > 0.1 && !followed.is_apart(), "{followed:?}");
}

#[test]
fn triggers_that_crowd_on_one_day_are_told_apart_from_nothing() {
    let mut market = Market::new();
    for bar in 0..288 * 5 {
        let crowded = (900..940).contains(&bar);
        market.bar(if crowded { 0.1 } else { 0.0 });
        if crowded {
            market.trigger();
        }
    }
    let followed = market.followed();
    assert_eq!((followed.triggers, followed.days), (40, 1));
    assert!(followed.median > 0.3 && !followed.is_apart(), "{followed:?}");
}

#[test]
fn a_long_run_takes_no_more_room_than_a_short_one() {
    let mut market = Market::new();
    market.side = Side::new(50);
    for bar in 0..288 * 60 {
        market.bar(0.0);
        if bar % 7 == 0 {
            market.trigger();
        }
    }
    let Market { side, mut series, .. } = market;
    let (drawn, waiting) = (Beside::new(side.lots(), &series).count(), series.take_waiting().len());
    assert_eq!(drawn, 24 * 64, "so many an hour");
    assert_eq!(series.get_mut(SYMBOL, Timeframe::M5).unwrap().recent.len(), 2 * REACH + 1);
    assert!(waiting <= REACH / 7 + 1, "{waiting}");
    assert_eq!(side.paths_kept(), 50);
}
