//! Each kind's lines beside its value, as the kind's own file compares them.

use bellwether_schemas::Timestamp;
use bellwether_schemas::heatmap::CellName;
use bellwether_schemas::readings::Signal;
use bellwether_schemas::triggers::Condition;

use crate::alerts::{Mismatch, PriceWatch, RsiWatch, StrengthStep, coefficient_limit, is_real_mismatch};
use crate::heatmap::Turn;
use crate::pairs::RsiSeen;
use crate::strength::{CURRENCIES, StrengthScore};
use crate::why::{Beside, Held, Side, Stands};

/// Where a value stands: beyond its line now, and whether the alert saw it there before. Where it saw nothing before, this
/// look only records where things stand.
pub(super) fn stands(is: bool, was: Option<bool>, held: Option<Held>) -> (Stands, Option<Held>) {
    match (is, was) {
        (false, _) => (Stands::Outside, None),
        (true, Some(true)) => (Stands::Inside, None),
        (true, Some(false)) => (Stands::Reached, held),
        (true, None) => (Stands::Reached, held.or(Some(Held::Baseline))),
    }
}

pub(super) fn of_rsi(watch: &RsiWatch, before: Option<f64>, now: f64, held: Option<Held>) -> Vec<Side> {
    let (upper, lower) = (f64::from(watch.overbought), f64::from(watch.oversold));
    let above = stands(now >= upper, before.map(|before| before >= upper), held);
    let below = stands(now <= lower, before.map(|before| before <= lower), held);
    vec![
        side(Condition::Overbought, now, upper, upper - now, above),
        side(Condition::Oversold, now, lower, now - lower, below),
    ]
}

pub(super) fn of_price(
    watch: &PriceWatch,
    before: Option<f64>,
    now: f64,
    at: Timestamp,
    held: Option<Held>,
) -> Vec<Side> {
    let held = held.or((!watch.is_in_time(at)).then_some(Held::Expired));
    let above = watch.above.map(|line| {
        let stands = stands(now >= line, before.map(|before| before >= line), held);
        side(Condition::Above, now, line, line - now, stands)
    });
    let below = watch.below.map(|line| {
        let stands = stands(now <= line, before.map(|before| before <= line), held);
        side(Condition::Below, now, line, now - line, stands)
    });
    above.into_iter().chain(below).collect()
}

pub(super) fn of_rsi_pair(
    lines: Mismatch,
    positive: bool,
    before: Option<RsiSeen>,
    (a, b): (f64, f64),
    held: Option<Held>,
) -> Side {
    let was = before.map(|before| lines.holds(positive, before.a, before.b));
    let (stands, held) = stands(lines.holds(positive, a, b), was, held);
    let (upper, lower) = (f64::from(lines.overbought), f64::from(lines.oversold));
    let (largest, smallest) = (a.max(b), a.min(b));
    let missing = if positive {
        (upper - largest).max(smallest - lower)
    } else {
        (upper - smallest).min(largest - lower)
    };
    Side {
        condition: Condition::RsiMismatch,
        value: Some(a),
        beside: Some(Beside::Other(b)),
        line: None,
        distance: Some(missing.max(0.0)),
        stands,
        held,
    }
}

pub(super) fn of_coefficient(positive: bool, before: Option<f64>, now: f64, held: Option<Held>) -> Side {
    let was = before.map(|before| is_real_mismatch(positive, before));
    let stands = stands(is_real_mismatch(positive, now), was, held);
    let line = coefficient_limit(positive);
    let missing = if positive { now - line } else { line - now };
    side(Condition::RealMismatch, now, line, missing, stands)
}

/// A turn against the last one that the alert saw; `before` is none where it saw no evaluation.
pub(super) fn of_turn(
    cell: CellName,
    turn: &Turn,
    before: Option<Option<Signal>>,
    close: f64,
    held: Option<Held>,
) -> Vec<Side> {
    let one = |condition: Condition, signal: Signal| {
        let was = before.map(|last| last == Some(signal));
        let (stands, held) = stands(turn.signal == signal, was, held);
        let distance = distance(cell, turn, close);
        let (value, line) = (turn.value, turn.threshold);
        Side { condition, value, beside: None, line, distance, stands, held }
    };
    // A bar that turned one way tells nothing of the other.
    match turn.signal {
        Signal::Buy => vec![one(Condition::Buy, Signal::Buy)],
        Signal::Sell => vec![one(Condition::Sell, Signal::Sell)],
        Signal::Neutral => {
            let is_below = turn.value < turn.threshold;
            let next = if is_below { (Condition::Buy, Signal::Buy) } else { (Condition::Sell, Signal::Sell) };
            vec![one(next.0, next.1)]
        }
    }
}

/// In points of RSI; of prices in percent of the close, so that symbols compare.
fn distance(cell: CellName, turn: &Turn, close: f64) -> Option<f64> {
    let apart = (turn.value? - turn.threshold?).abs();
    match cell {
        CellName::Rsi => Some(apart),
        CellName::Ema21 | CellName::Ema50 | CellName::Ema200 | CellName::Macd => Some(100.0 * apart / close),
        CellName::Utbot | CellName::Ichimoku => None,
    }
}

pub(super) fn of_zone(
    condition: Condition,
    line: i32,
    before: Option<f64>,
    now: f64,
    held: Option<Held>,
) -> Side {
    let line = f64::from(line);
    let stands = stands(now >= line, before.map(|before| before >= line), held);
    side(condition, now, line, line - now, stands)
}

/// Whether other currencies lead and trail than before, and else who came nearest to it.
pub(super) fn of_leaders(step: &StrengthStep, counted: bool, held: Option<Held>) -> Vec<Side> {
    let StrengthScore { scores, strongest, weakest, .. } = &step.score;
    let before = step.before.as_ref().filter(|_| counted).map(|(before, _)| before);
    let role = |condition, leader: usize, was: Option<usize>, sign: f64| {
        let changed = was.is_some_and(|was| was != leader);
        let others = (0..CURRENCIES.len()).filter(|place| *place != leader);
        let scored = others.filter_map(|place| Some((place, scores[place]?)));
        let next = scored.reduce(|best, next| if sign * next.1 > sign * best.1 { next } else { best });
        let (who, value) = if changed {
            (leader, scores[leader])
        } else {
            (next.map_or(leader, |(place, _)| place), next.map(|(_, score)| score))
        };
        let (stands, held) = stands(changed, Some(false), held);
        Side {
            condition,
            value,
            beside: Some(Beside::Currency(CURRENCIES[who])),
            line: None,
            distance: value.map(|value| 100.0 - sign * value),
            stands,
            held,
        }
    };
    vec![
        role(Condition::Strongest, *strongest, before.map(|before| before.strongest), 1.0),
        role(Condition::Weakest, *weakest, before.map(|before| before.weakest), -1.0),
    ]
}

fn side(
    condition: Condition,
    value: f64,
    line: f64,
    missing: f64,
    (stands, held): (Stands, Option<Held>),
) -> Side {
    let distance = Some(missing.max(0.0));
    Side { condition, value: Some(value), beside: None, line: Some(line), distance, stands, held }
}
