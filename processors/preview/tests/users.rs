//! What users are told of a day is what happened: counted and measured again from what a live engine said.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod market;

use std::collections::{BTreeMap, BTreeSet};

use bellwether_engine::{Effect, Engine};
use bellwether_preview::users::{Ended, follow};
use bellwether_schemas::alerts::AlertParameters;
use bellwether_schemas::previews::{Moved, UserFollowed};
use bellwether_schemas::readings::{Bar, Reading};
use bellwether_schemas::time::{DAY, HOUR};
use bellwether_schemas::triggers::{Condition, Outcome, TriggerFired};
use bellwether_schemas::{Entry, Timeframe, Timestamp, UserId};
use market::{Market, START, change, decided_by_bars, fold, on_ticks, record, settings, tenant, user};

/// Most of a user and day that are measured.
const MOST: usize = 100;
/// A bar is drawn that has so many before and after it.
const AROUND: usize = 20;

/// What a live engine said of two days, and what a fold of the same knows when they end.
struct Days {
    fired: Vec<TriggerFired>,
    bars: Vec<Bar>,
    ended: Ended,
}

impl Days {
    /// With these alerts from their beginning.
    fn with(alerts: &[AlertParameters]) -> Self {
        let tenant = tenant();
        let mut market = Market::new(&tenant, 11, 2);
        let mut entries = vec![settings(&tenant)];
        let change = |(number, parameters): (u128, &AlertParameters)| {
            Entry::Alert(change(&tenant, number, 1, parameters.clone()))
        };
        entries.extend((1..).zip(alerts).map(change));
        entries.extend((0..2 * 1440).flat_map(|_| market.minute()));
        let (mut fold, mut engine) = (fold(&tenant), Engine::new(tenant.clone()).with_bars_alone());
        let (mut fired, mut bars, mut ended) = (Vec::new(), Vec::new(), None);
        for (offset, entry) in (0..).zip(&entries) {
            let mut effects = Vec::new();
            engine.apply(offset, entry, &mut effects);
            for effect in effects {
                match effect {
                    Effect::Outcome(Outcome::Fired(trigger)) => fired.push(trigger),
                    Effect::Reading(Reading::Bar(bar)) => bars.push(bar),
                    _ => {}
                }
            }
            fold.apply(&record(&tenant, offset, entry)).unwrap();
            ended = fold.midnight().map(|midnight| fold.ended(midnight)).or(ended);
        }
        Self { fired, bars, ended: ended.unwrap() }
    }

    fn said(&self) -> BTreeMap<UserId, UserFollowed> {
        let said = follow(&self.ended, &|| false).unwrap();
        said.into_iter().map(|(user, said)| (user, said.unwrap())).collect()
    }

    fn of_symbol(&self, symbol: &str, timeframe: Timeframe) -> Vec<&Bar> {
        self.bars.iter().filter(|bar| bar.symbol.as_str() == symbol && bar.timeframe == timeframe).collect()
    }

    /// The symbol and timeframe that a trigger is measured by, its day, which way it counts, and the move after five bars.
    fn moved(&self, trigger: &TriggerFired) -> Option<(String, Timeframe, i64, f64, f64)> {
        let symbol = match (&trigger.symbol, &trigger.pair) {
            (Some(symbol), _) => symbol.to_string(),
            (None, pair) => format!("{}m", pair.as_ref()?.split('-').next()?),
        };
        let timeframe = trigger.timeframe.unwrap_or(Timeframe::M1);
        let sign = match trigger.condition {
            Condition::Overbought | Condition::Sell | Condition::Below => -1.0,
            _ => 1.0,
        };
        let bars = self.of_symbol(&symbol, timeframe);
        let own = bars.iter().find(|bar| bar.close_time == trigger.close_time).map(|bar| bar.close);
        let base = trigger.price.or(own)?;
        let fifth = bars.iter().filter(|bar| bar.close_time > trigger.close_time).nth(4)?;
        let day = trigger.close_time.0.div_euclid(DAY);
        Some((symbol, timeframe, day, sign, sign * 100.0 * (fifth.close - base) / base))
    }

    /// The moves after five bars from each bar of that hour that can be drawn.
    fn random(&self, symbol: &str, timeframe: Timeframe, hour: i64) -> Vec<f64> {
        let bars = self.of_symbol(symbol, timeframe);
        let around = bars.windows(2 * AROUND + 1).filter(|bars| hour_of(bars[AROUND].close_time) == hour);
        around
            .map(|bars| 100.0 * (bars[AROUND + 5].close - bars[AROUND].close) / bars[AROUND].close)
            .collect()
    }
}

fn hour_of(at: Timestamp) -> i64 {
    at.0.rem_euclid(DAY) / HOUR
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}

#[test]
fn of_every_user_all_triggers_are_counted_and_those_with_random_bars_measured() {
    let mut alerts = decided_by_bars();
    alerts.push(on_ticks());
    let days = Days::with(&alerts);
    assert!(days.bars.iter().all(|bar| bar.close_time <= START.plus(2 * DAY)));
    let said = days.said();
    assert_eq!(said.len(), 2);
    for (whose, said) in said {
        assert_eq!((said.user_id, said.from, said.to), (whose, START, START.plus(2 * DAY)));
        let own: Vec<&TriggerFired> = days.fired.iter().filter(|fired| fired.user_id == whose).collect();
        assert_eq!(said.triggers, i64::try_from(own.len()).unwrap());
        let mut of_day: BTreeMap<i64, usize> = BTreeMap::new();
        let mut moves = Vec::new();
        for trigger in own.into_iter().filter(|trigger| trigger.symbol.is_some() || trigger.pair.is_some()) {
            let measured = of_day.entry(trigger.close_time.plus(-1).0.div_euclid(DAY)).or_default();
            *measured += 1;
            let moved = days.moved(trigger).filter(|_| *measured <= MOST);
            moves.extend(moved.filter(|(symbol, timeframe, ..)| {
                !days.random(symbol, *timeframe, hour_of(trigger.close_time)).is_empty()
            }));
        }
        let expected: Vec<f64> = moves.iter().map(|(.., percent)| *percent).collect();
        let on: BTreeSet<i64> = moves.iter().map(|(_, _, day, ..)| *day).collect();
        let Moved { bars, count, days, median_percent, random } = said.moved.unwrap();
        assert_eq!((bars, count), (5, i64::try_from(expected.len()).unwrap()));
        assert_eq!(days, i64::try_from(on.len()).unwrap());
        assert!(count > 20 && count < said.triggers, "{count} of {}", said.triggers);
        assert!((median_percent - median(expected)).abs() < 1e-9);
        let difference = random.unwrap().difference;
        assert!(difference.low < difference.high, "{difference:?}");
    }
}

#[test]
fn random_bars_are_of_the_hours_of_the_triggers_and_count_the_way_of_the_alert() {
    let days = Days::with(&decided_by_bars()[..1]);
    let said = days.said();
    let random = said[&user(1)].moved.clone().unwrap().random.unwrap();
    // Each hour has fewer bars than are drawn, so all of them are; each weighs as much as its hour has triggers.
    let mut weighed: Vec<(f64, f64)> = Vec::new();
    for (symbol, timeframe, _, sign, hour) in days.fired.iter().filter_map(|trigger| {
        let (symbol, timeframe, day, sign, _) = days.moved(trigger)?;
        Some((symbol, timeframe, day, sign, hour_of(trigger.close_time)))
    }) {
        let drawn = days.random(&symbol, timeframe, hour);
        #[expect(clippy::cast_precision_loss, reason = "a few bars")]
        let weight = 1.0 / drawn.len() as f64;
        weighed.extend(drawn.into_iter().map(|moved| (sign * moved, weight)));
    }
    weighed.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let half = weighed.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    let mut below = 0.0;
    let middle = weighed.iter().find(|(_, weight)| {
        below += weight;
        below >= half - 1e-9
    });
    let expected = middle.unwrap().0;
    assert!((random.median_percent - expected).abs() < 1e-6, "{} for {expected}", random.median_percent);
    let directions: BTreeSet<bool> =
        days.fired.iter().map(|trigger| trigger.condition == Condition::Overbought).collect();
    assert_eq!(directions.len(), 2, "some of them count as they are, some the other way");
}
