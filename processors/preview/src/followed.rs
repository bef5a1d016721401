//! What the price did after triggers: at +1, +5 and +20 bars of their timeframe.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_engine::Engine;
use bellwether_schemas::previews::Followed;
use bellwether_schemas::readings::Bar;
use bellwether_schemas::triggers::{Condition, TriggerFired};
use bellwether_schemas::{Symbol, Timeframe, Timestamp};

/// After how many bars a move is measured.
const HORIZONS: [u32; 3] = [1, 5, 20];
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
        let waiting = Waiting { alert, base, bars: 0, sign: sign(trigger.condition), to };
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
fn priced_by(trigger: &TriggerFired, engine: &Engine) -> Option<Symbol> {
    match (&trigger.symbol, &trigger.pair) {
        (Some(symbol), _) => Some(symbol.clone()),
        (None, Some(pair)) => {
            let (first, _) = pair.split_once('-')?;
            engine.symbol_at(engine.place_of(first)?).cloned()
        }
        (None, None) => None,
    }
}

/// Above 0 is where the price went the way that its user expects.
const fn sign(condition: Condition) -> f64 {
    match condition {
        Condition::Overbought | Condition::Sell | Condition::Below => -1.0,
        Condition::Oversold
        | Condition::Buy
        | Condition::Above
        | Condition::RsiMismatch
        | Condition::RealMismatch
        | Condition::Strongest
        | Condition::Weakest => 1.0,
    }
}

/// The one in the middle, or half way between the two.
fn median(moves: &mut [f64]) -> Option<f64> {
    moves.sort_by(f64::total_cmp);
    let upper = *moves.get(moves.len() / 2)?;
    let lower = *moves.get(moves.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_lies_between_two_of_none_nowhere() {
        assert_eq!(median(&mut [3.0, -1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 2.0, -7.0]), Some(1.5));
        assert_eq!(median(&mut []), None);
    }
}
