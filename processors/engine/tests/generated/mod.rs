//! The bars that `tests/vectors/indicators.json` describes: a linear congruential generator, three draws a bar.
#![allow(dead_code, clippy::cast_precision_loss)]

use bellwether_engine::indicators::Ohlc;

/// Whole points; a price is a hundred-thousandth.
pub(crate) type Points = [i64; 4];

/// Open, high, low, close of `bars` bars; `drift` points are added to each step.
pub(crate) fn points(seed: u32, drift: i64, bars: usize) -> Vec<Points> {
    let mut x = seed;
    let mut draw = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i64::from(x >> 16)
    };
    let mut open = 110_000;
    let mut next = || {
        let (a, b, c) = (draw(), draw(), draw());
        let close = open + a % 201 - 100 + drift;
        let bar = [open, open.max(close) + b % 40, open.min(close) - c % 40, close];
        open = close;
        bar
    };
    (0..bars).map(|_| next()).collect()
}

pub(crate) fn price(points: i64) -> f64 {
    points as f64 / 100_000.0
}

pub(crate) fn bar(points: Points) -> Ohlc {
    let [open, high, low, close] = points.map(price);
    Ohlc { open, high, low, close }
}

pub(crate) fn bars(seed: u32, bars: usize) -> Vec<Ohlc> {
    points(seed, 0, bars).into_iter().map(bar).collect()
}
