//! What the price did around triggers, as everybody measures it who tells of it, and the random bars that they are set
//! beside: no part of the fold.

mod beside;
mod draws;
mod event;
mod series;

use bellwether_schemas::triggers::Condition;

pub use beside::{Beside, CHANCE, COMPARED_AFTER, Followed, Lot, Observed};
pub use draws::{Dice, Draws, hash, ticket};
pub use event::{Close, Event, POINTS, Path, REACH, Watcher, place};
pub use series::{AllSeries, Hour, Series};

/// After how many bars of the trigger's timeframe a move is measured.
pub const HORIZONS: [u32; 3] = [1, 5, 20];

/// Which way the user of an alert expects the price to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Up: oversold, buy, above.
    Up,
    /// Down: overbought, sell, below.
    Down,
    /// It says nothing about that.
    None,
}

impl Direction {
    /// Of a trigger's condition.
    #[must_use]
    pub const fn of(condition: Condition) -> Self {
        match condition {
            Condition::Oversold | Condition::Buy | Condition::Above => Self::Up,
            Condition::Overbought | Condition::Sell | Condition::Below => Self::Down,
            Condition::RsiMismatch | Condition::RealMismatch | Condition::Strongest | Condition::Weakest => {
                Self::None
            }
        }
    }

    /// As a word: `up`, `down` or `either`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::None => "either",
        }
    }

    /// What turns a move of the price into one its way.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Self::Up | Self::None => 1.0,
            Self::Down => -1.0,
        }
    }
}

/// The value below which a share of them lies, between two in proportion: 0.5 is the median. They are sorted for it.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place among a few thousand"
)]
pub fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let place = share * values.len().checked_sub(1)? as f64;
    let (below, above) = (values.get(place.floor() as usize)?, values.get(place.ceil() as usize)?);
    Some(below + (above - below) * place.fract())
}

/// The one in the middle, or half way between the two; none of none. Sorts them.
#[must_use]
pub fn median(moves: &mut [f64]) -> Option<f64> {
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
