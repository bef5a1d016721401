//! What the price did after triggers: at +1, +5 and +20 bars of their timeframe.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_engine::Engine;
use bellwether_engine::moves::{Direction, HORIZONS, median};
use bellwether_schemas::previews::Followed;
use bellwether_schemas::readings::Bar;
use bellwether_schemas::triggers::TriggerFired;
use bellwether_schemas::{Symbol, Timeframe, Timestamp};

/// Most moves of an alert and horizon that are kept; more are left out of the figures.
const MAX_MOVES: usize = 10_000;

/// A trigger that waits for its bars.
#[derive(Debug)]
struct Waiting {
    alert: usize,
    base: f64,
    bars: u32,
    sign: f64,
    /// Bars that end later do not count.
    to: Timestamp,
}

/// The moves after the triggers of several alerts.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    waiting: BTreeMap<(Symbol, Timeframe), Vec<Waiting>>,
    /// Timeframes of alerts whose triggers carry no price: their closes are kept.
    priceless: BTreeSet<Timeframe>,
    closes: BTreeMap<(Symbol, Timeframe), f64>,
    /// By alert and horizon, percent.
    found: Vec<[Vec<f64>; HORIZONS.len()]>,
}

impl Moves {
    pub(crate) fn new(alerts: usize, priceless: BTreeSet<Timeframe>) -> Self {
        let found = (0..alerts).map(|_| Default::default()).collect();
        Self { priceless, found, ..Self::default() }
    }

    /// A bar closed: the triggers that wait for it are one bar older.
    pub(crate) fn bar(&mut self, bar: &Bar) {
        if self.priceless.contains(&bar.timeframe) {
            self.closes.insert((bar.symbol.clone(), bar.timeframe), bar.close);
        }
        // The name is looked up only while something waits at all.
        if self.waiting.is_empty() {
            return;
        }
        let key = (bar.symbol.clone(), bar.timeframe);
        let Some(waiting) = self.waiting.get_mut(&key) else { return };
        for trigger in waiting.iter_mut() {
            trigger.bars += 1;
            let Some(horizon) = HORIZONS.iter().position(|bars| *bars == trigger.bars) else { continue };
            let percent = trigger.sign * 100.0 * (bar.close - trigger.base) / trigger.base;
            let moves = &mut self.found[trigger.alert][horizon];
            if bar.close_time <= trigger.to && percent.is_finite() && moves.len() < MAX_MOVES {
                moves.push(percent);
            }
        }
        waiting.retain(|trigger| trigger.bars < HORIZONS[HORIZONS.len() - 1] && bar.close_time < trigger.to);
        if waiting.is_empty() {
            self.waiting.remove(&key);
        }
    }

    /// A trigger of that alert, whose range ends at `to`.
    pub(crate) fn trigger(&mut self, alert: usize, trigger: &TriggerFired, to: Timestamp, engine: &Engine) {
        let Some(symbol) = priced_by(trigger, engine) else { return };
        let key = (symbol, trigger.timeframe.unwrap_or(Timeframe::M1));
        let Some(base) = trigger.price.or_else(|| self.closes.get(&key).copied()) else { return };
        let waiting = Waiting { alert, base, bars: 0, sign: Direction::of(trigger.condition).sign(), to };
        self.waiting.entry(key).or_default().push(waiting);
    }

    /// What followed the triggers of that alert; horizons that none of them reached are left out.
    pub(crate) fn of(&mut self, alert: usize) -> Vec<Followed> {
        let horizons = HORIZONS.iter().zip(std::mem::take(&mut self.found[alert]));
        let followed = horizons.filter_map(|(bars, mut moves)| {
            let count = i64::try_from(moves.len()).ok()?;
            let median_percent = median(&mut moves)?;
            Some(Followed { bars: bars.cast_signed(), count, median_percent })
        });
        followed.collect()
    }
}

/// The symbol whose price stands for the trigger: a pair's first; none for one of currencies.
pub(crate) fn priced_by(trigger: &TriggerFired, engine: &Engine) -> Option<Symbol> {
    match (&trigger.symbol, &trigger.pair) {
        (Some(symbol), _) => Some(symbol.clone()),
        (None, Some(pair)) => {
            let (first, _) = pair.split_once('-')?;
            engine.symbol_at(engine.place_of(first)?).cloned()
        }
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::alerts::AlertKind;
    use bellwether_schemas::ids::GroupId;
    use bellwether_schemas::time::MINUTE;
    use bellwether_schemas::triggers::{Cause, Condition, Group};
    use bellwether_schemas::{AlertId, TriggerId, UserId};
    use uuid::Uuid;

    use super::*;

    const BAR: i64 = 5 * MINUTE;

    /// At the close of a bar at 1970-01-01T00:05:00Z, at a price of 1.
    fn trigger() -> TriggerFired {
        TriggerFired {
            id: TriggerId(Uuid::nil()),
            tenant: "fxlabs".parse().unwrap(),
            kind: AlertKind::RsiTracker,
            alert_id: AlertId(Uuid::nil()),
            alert_version: 1,
            user_id: UserId(Uuid::nil()),
            symbol: Some("EURUSDm".parse().unwrap()),
            pair: None,
            timeframe: Some(Timeframe::M5),
            open_time: Timestamp(0),
            close_time: Timestamp(BAR),
            condition: Condition::Overbought,
            value: None,
            previous: None,
            threshold: None,
            price: Some(1.0),
            detail: "{}".into(),
            cause: Cause { offset: 0, index: 0 },
            engine_version: 1,
            group: Group { id: GroupId(Uuid::nil()), index: 0, size: 1 },
        }
    }

    fn bar(number: i64, close: f64) -> Bar {
        Bar {
            symbol: "EURUSDm".parse().unwrap(),
            timeframe: Timeframe::M5,
            open_time: Timestamp(number * BAR),
            close_time: Timestamp((number + 1) * BAR),
            open: close,
            high: close,
            low: close,
            close,
            ticks: 1,
        }
    }

    /// What followed by bars that go on for as long as an answer beside this one wants them.
    fn followed(to: Timestamp) -> Vec<(i32, i64)> {
        let mut moves = Moves::new(1, BTreeSet::new());
        moves.trigger(0, &trigger(), to, &Engine::new("fxlabs".parse().unwrap()));
        (1..30).for_each(|number| moves.bar(&bar(number, 0.99)));
        moves.of(0).iter().map(|followed| (followed.bars, followed.count)).collect()
    }

    #[test]
    fn a_bar_that_ends_behind_the_range_followed_nothing_in_it() {
        assert_eq!(followed(Timestamp(30 * BAR)), [(1, 1), (5, 1), (20, 1)]);
        assert_eq!(followed(Timestamp(21 * BAR)), [(1, 1), (5, 1), (20, 1)], "one that ends with it does");
        assert_eq!(followed(Timestamp(21 * BAR - 1)), [(1, 1), (5, 1)]);
        assert_eq!(followed(Timestamp(5 * BAR)), [(1, 1)]);
        assert_eq!(followed(Timestamp(2 * BAR - 1)), []);
    }

    #[test]
    fn a_fall_after_overbought_is_the_alerts_way() {
        let mut moves = Moves::new(1, BTreeSet::new());
        moves.trigger(0, &trigger(), Timestamp::MAX, &Engine::new("fxlabs".parse().unwrap()));
        moves.bar(&bar(1, 0.99));
        let [found] = &moves.of(0)[..] else { panic!("one horizon") };
        assert!((found.median_percent - 1.0).abs() < 1e-9, "{found:?}");
    }
}
