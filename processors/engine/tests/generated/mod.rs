//! The bars that `tests/vectors/indicators.json` describes: a linear congruential generator, three draws a bar.
#![allow(dead_code, clippy::cast_precision_loss)]

use bellwether_engine::indicators::Ohlc;
use serde::Deserialize;

/// Whole points; a price is a hundred-thousandth.
pub(crate) type Points = [i64; 4];

/// How the draws become steps.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Shape {
    pub(crate) seed: u32,
    /// Points added to each step.
    pub(crate) drift: i64,
    /// Values that a step may have.
    pub(crate) steps: i64,
    /// Values that a wick may have.
    pub(crate) wick: i64,
    /// Points of one such value.
    pub(crate) size: i64,
    /// From this bar on there is a fifth of the values.
    pub(crate) calm_from: usize,
}

impl Shape {
    /// As the vectors have it.
    pub(crate) const fn plain(seed: u32) -> Self {
        Self { seed, drift: 0, steps: 201, wick: 40, size: 1, calm_from: usize::MAX }
    }
}

/// Open, high, low, close.
pub(crate) fn points(shape: Shape, bars: usize) -> Vec<Points> {
    let mut x = shape.seed;
    let mut draw = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(x >> 16)
    };
    let mut open = 110_000;
    let mut next = |place| {
        let part = if place >= shape.calm_from { 5 } else { 1 };
        let (steps, wick) = (shape.steps / part, shape.wick / part);
        let (a, b, c) = (draw(), draw(), draw());
        let close = open + (a % steps - steps / 2) * shape.size + shape.drift;
        let (up, down) = (b % wick * shape.size, c % wick * shape.size);
        let bar = [open, open.max(close) + up, open.min(close) - down, close];
        open = close;
        bar
    };
    (0..bars).map(&mut next).collect()
}

pub(crate) fn price(points: i64) -> f64 {
    points as f64 / 100_000.0
}

pub(crate) fn bar(points: Points) -> Ohlc {
    let [open, high, low, close] = points.map(price);
    Ohlc { open, high, low, close }
}

pub(crate) fn bars(shape: Shape, bars: usize) -> Vec<Ohlc> {
    points(shape, bars).into_iter().map(bar).collect()
}
