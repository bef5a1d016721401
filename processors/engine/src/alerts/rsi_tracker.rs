//! `rsi_tracker`: RSI reaches the user's line. Overbought: before < line ≤ now; oversold: before > line ≥ now.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use bellwether_schemas::Timeframe;
use bellwether_schemas::alerts::RsiTracker;

use super::Order;
use crate::indicators::{MAX_PERIOD, MIN_PERIOD, RsiBank};

/// Which line was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Overbought,
    Oversold,
}

impl Side {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Overbought => "overbought",
            Self::Oversold => "oversold",
        }
    }
}

/// One alert reached by one bar close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    pub(crate) order: Order,
    pub(crate) side: Side,
    pub(crate) line: i32,
    pub(crate) previous: f64,
    pub(crate) value: f64,
}

/// Checks what a user asked for.
pub(super) fn parse(rsi: &RsiTracker) -> Result<RsiTracker, String> {
    let within = |name: &str, value: i32, range: RangeInclusive<i32>| {
        let text = || format!("{name} is {value}, it must be from {} to {}", range.start(), range.end());
        range.contains(&value).then_some(()).ok_or_else(text)
    };
    within("rsi_period", rsi.rsi_period, MIN_PERIOD as i32..=MAX_PERIOD as i32)?;
    within("rsi_overbought", rsi.rsi_overbought, 60..=90)?;
    within("rsi_oversold", rsi.rsi_oversold, 10..=40)?;
    Ok(RsiTracker { timeframe: rsi.timeframe.for_trackers(), ..rsi.clone() })
}

/// Alerts by timeframe, period and line: a bar close touches the alerts it hits, not the alerts there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct RsiIndex {
    by_timeframe: [BTreeMap<usize, Lines>; Timeframe::ALL.len()],
}

#[derive(Debug, Clone, Default)]
struct Lines {
    overbought: BTreeMap<i32, BTreeSet<Order>>,
    oversold: BTreeMap<i32, BTreeSet<Order>>,
    /// Waiting for the period's first value in any symbol.
    warming: BTreeSet<Order>,
}

impl Lines {
    fn is_empty(&self) -> bool {
        self.overbought.is_empty() && self.oversold.is_empty()
    }
}

impl RsiIndex {
    pub(super) fn insert(&mut self, order: Order, rsi: &RsiTracker) {
        let lines = self.by_timeframe[rsi.timeframe.index()].entry(rsi_period(rsi)).or_default();
        lines.overbought.entry(rsi.rsi_overbought).or_default().insert(order);
        lines.oversold.entry(rsi.rsi_oversold).or_default().insert(order);
    }

    pub(super) fn remove(&mut self, order: Order, rsi: &RsiTracker) {
        let periods = &mut self.by_timeframe[rsi.timeframe.index()];
        if let Some(lines) = periods.get_mut(&rsi_period(rsi)) {
            remove_from(&mut lines.overbought, rsi.rsi_overbought, order);
            remove_from(&mut lines.oversold, rsi.rsi_oversold, order);
            lines.warming.remove(&order);
            if lines.is_empty() {
                periods.remove(&rsi_period(rsi));
            }
        }
    }

    /// Remembers that this alert waits for its first value.
    pub(crate) fn warm(&mut self, order: Order, rsi: &RsiTracker) {
        if let Some(lines) = self.by_timeframe[rsi.timeframe.index()].get_mut(&rsi_period(rsi)) {
            lines.warming.insert(order);
        }
    }

    /// Alerts whose period got its first value with this bar, in order.
    pub(crate) fn warmed(&mut self, timeframe: Timeframe, bank: &RsiBank) -> Vec<Order> {
        let first = |(period, lines): (&usize, &mut Lines)| {
            if bank.is_first(*period) { std::mem::take(&mut lines.warming) } else { BTreeSet::new() }
        };
        let mut orders: Vec<Order> =
            self.by_timeframe[timeframe.index()].iter_mut().flat_map(first).collect();
        orders.sort_unstable();
        orders
    }

    /// Adds every alert that this bar close hits.
    pub(crate) fn crossings(&self, timeframe: Timeframe, bank: &RsiBank, hits: &mut Vec<Hit>) {
        for (period, lines) in &self.by_timeframe[timeframe.index()] {
            let (Some(previous), Some(value)) = (bank.previous(*period), bank.value(*period)) else {
                continue;
            };
            let (side, found) = if value > previous {
                (Side::Overbought, lines.overbought.range(reached_upward(previous, value)))
            } else {
                (Side::Oversold, lines.oversold.range(reached_downward(previous, value)))
            };
            for (line, orders) in found {
                hits.extend(orders.iter().map(|order| Hit {
                    order: *order,
                    side,
                    line: *line,
                    previous,
                    value,
                }));
            }
        }
    }
}

pub(crate) fn rsi_period(rsi: &RsiTracker) -> usize {
    usize::try_from(rsi.rsi_period).unwrap_or(0)
}

fn remove_from(lines: &mut BTreeMap<i32, BTreeSet<Order>>, line: i32, order: Order) {
    if let Some(orders) = lines.get_mut(&line) {
        orders.remove(&order);
        if orders.is_empty() {
            lines.remove(&line);
        }
    }
}

/// Lines with previous < line ≤ value.
#[expect(clippy::cast_possible_truncation, reason = "RSI is from 0 to 100")]
fn reached_upward(previous: f64, value: f64) -> std::ops::Range<i32> {
    let from = previous.floor() as i32 + 1;
    from..(value.floor() as i32 + 1).max(from)
}

/// Lines with value ≤ line < previous.
#[expect(clippy::cast_possible_truncation, reason = "RSI is from 0 to 100")]
fn reached_downward(previous: f64, value: f64) -> std::ops::Range<i32> {
    let to = previous.ceil() as i32;
    (value.ceil() as i32).min(to)..to
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracker(period: i32, overbought: i32, oversold: i32) -> RsiTracker {
        RsiTracker {
            timeframe: Timeframe::M5,
            rsi_period: period,
            rsi_overbought: overbought,
            rsi_oversold: oversold,
        }
    }

    #[test]
    fn ranges_are_checked_and_name_the_column() {
        assert!(parse(&tracker(5, 60, 10)).is_ok() && parse(&tracker(50, 90, 40)).is_ok());
        assert_eq!(parse(&tracker(4, 70, 30)).unwrap_err(), "rsi_period is 4, it must be from 5 to 50");
        assert!(parse(&tracker(14, 59, 30)).unwrap_err().contains("rsi_overbought"));
        assert!(parse(&tracker(14, 70, 41)).unwrap_err().contains("rsi_oversold"));
        let one_minute = RsiTracker { timeframe: Timeframe::M1, ..tracker(14, 70, 30) };
        assert_eq!(parse(&one_minute).unwrap().timeframe, Timeframe::M5);
    }

    /// The range query against the definition, over every pair of values that matters.
    #[test]
    fn a_line_is_reached_exactly_by_the_definition() {
        let values: Vec<f64> = (0..=400).map(|quarter| f64::from(quarter) / 4.0).collect();
        for previous in &values {
            for value in &values {
                for line in 10..=90 {
                    let exact = f64::from(line);
                    let up = value > previous && reached_upward(*previous, *value).contains(&line);
                    assert_eq!(up, *previous < exact && exact <= *value, "{previous} {value} {line}");
                    let down = value <= previous && reached_downward(*previous, *value).contains(&line);
                    assert_eq!(down, *previous > exact && exact >= *value, "{previous} {value} {line}");
                }
            }
        }
    }
}
