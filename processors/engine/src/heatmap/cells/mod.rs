//! The seven cells of one series. Kept between bars is only what a bar cannot tell: what crossed when.

mod ema;
mod ichimoku;
mod macd;
mod rsi;
mod utbot;

use std::borrow::Cow;

use bellwether_schemas::readings::{self, Signal};

use super::events::Age;
use super::quiet::Quiet;
use super::{Before, Cell, CellName, Standing, TimeframeScore, Turn};

pub(crate) use ichimoku::CloudPlace;
pub(crate) use rsi::RsiZone;

use crate::snapshot::{Misfit, each, stored};
use ema::EmaCell;
use ichimoku::IchimokuCell;
use macd::MacdCell;
use rsi::RsiCell;
use utbot::UtbotCell;

/// Seven cells of at most ten eighths.
const MOST_EIGHTHS: u32 = 70;

/// What the heatmap remembers of one series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cells {
    emas: [EmaCell; 3],
    macd: MacdCell,
    rsi: RsiCell,
    utbot: UtbotCell,
    ichimoku: IchimokuCell,
    quiet: Quiet,
    score: TimeframeScore,
}

/// A cell before it is scored.
struct View {
    signal: Signal,
    age: Age,
    reason: &'static str,
}

/// Whether a quiet timeframe halves a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    Whole,
    Half,
}

impl Cells {
    /// Takes the next closed bar in, as its indicators stand, with its ATR.
    pub(crate) fn update(&mut self, now: &Standing, range: Option<f64>) {
        if let Some(range) = range {
            self.quiet.update(range);
        }
        for (cell, ema) in self.emas.iter_mut().zip(now.emas) {
            cell.update(now.close, ema);
        }
        self.macd.update(now.macd);
        self.rsi.update(now.rsi);
        self.utbot.update(now.mode);
        self.ichimoku.update(now);
        self.score = TimeframeScore { eighths: self.sum(now) };
    }

    fn sum(&self, now: &Standing) -> i32 {
        let cells = CellName::ALL.into_iter().filter_map(|which| self.cell(which, now));
        cells.map(|cell| i32::from(cell.eighths)).sum()
    }

    #[inline]
    pub(crate) fn cell(&self, which: CellName, now: &Standing) -> Option<Cell> {
        let quiet = self.quiet.is_now();
        let half = if quiet { Weight::Half } else { Weight::Whole };
        let (view, weight) = match which {
            CellName::Ema21 => (self.emas[0].view(0, now), Weight::Whole),
            CellName::Ema50 => (self.emas[1].view(1, now), Weight::Whole),
            CellName::Ema200 => (self.emas[2].view(2, now), Weight::Whole),
            CellName::Macd => (self.macd.view(now.macd, quiet), half),
            CellName::Rsi => (self.rsi.view(now.rsi), Weight::Whole),
            CellName::Utbot => (self.utbot.view(now, quiet), half),
            CellName::Ichimoku => (self.ichimoku.view(now), Weight::Whole),
        };
        view.map(|view| view.scored(weight))
    }

    pub(crate) fn turn(&self, which: CellName, now: &Standing, before: &Before) -> Option<Turn> {
        match which {
            CellName::Ema21 => self.emas[0].turn(0, now, before),
            CellName::Ema50 => self.emas[1].turn(1, now, before),
            CellName::Ema200 => self.emas[2].turn(2, now, before),
            CellName::Macd => self.macd.turn(now, before),
            CellName::Rsi => self.rsi.turn(now, before),
            CellName::Utbot => self.utbot.turn(now, before),
            CellName::Ichimoku => self.ichimoku.turn(now, before),
        }
    }

    pub(crate) const fn score(&self) -> TimeframeScore {
        self.score
    }

    pub(crate) const fn is_quiet(&self) -> bool {
        self.quiet.is_now()
    }

    pub(crate) fn reading(&self, now: &Standing) -> readings::Cells {
        let cell = |which| self.cell(which, now).map(Cell::reading);
        readings::Cells {
            ema21: cell(CellName::Ema21),
            ema50: cell(CellName::Ema50),
            ema200: cell(CellName::Ema200),
            macd: cell(CellName::Macd),
            rsi: cell(CellName::Rsi),
            utbot: cell(CellName::Utbot),
            ichimoku: cell(CellName::Ichimoku),
        }
    }
}

impl View {
    /// Buy +8 and sell −8 eighths, two more when new; then halved.
    #[inline]
    fn scored(self, weight: Weight) -> Cell {
        let is_new = self.age > 0;
        let size = if is_new { 10 } else { 8 };
        let size = if weight == Weight::Half { size / 2 } else { size };
        let eighths = match self.signal {
            Signal::Buy => size,
            Signal::Sell => -size,
            Signal::Neutral => 0,
        };
        Cell { signal: self.signal, is_new, eighths, reason: self.reason }
    }
}

impl Cell {
    /// What the cell adds to its timeframe's score, −1.25 to 1.25.
    #[must_use]
    pub fn score(self) -> f64 {
        f64::from(self.eighths) / 8.0
    }

    /// As readings and triggers carry it.
    #[must_use]
    pub fn reading(self) -> readings::Cell {
        readings::Cell {
            signal: self.signal,
            new: self.is_new,
            score: self.score(),
            reason: Cow::Borrowed(self.reason),
        }
    }
}

impl Cells {
    pub(crate) fn store(&self) -> stored::Cells {
        let Self { emas, macd, rsi, utbot, ichimoku, quiet, score } = self;
        stored::Cells {
            emas: emas.each_ref().map(EmaCell::store),
            macd: macd.store(),
            rsi: rsi.store(),
            utbot: utbot.store(),
            ichimoku: ichimoku.store(),
            ranges: quiet.store(),
            eighths: score.eighths,
        }
    }

    pub(crate) fn restore(stored: &stored::Cells) -> Result<Self, Misfit> {
        let stored::Cells { emas, macd, rsi, utbot, ichimoku, ranges, eighths } = stored;
        Misfit::unless(eighths.abs_diff(0) <= MOST_EIGHTHS, "cells add up to more than they can")?;
        Ok(Self {
            emas: each(*emas, EmaCell::restore)?,
            macd: MacdCell::restore(*macd)?,
            rsi: RsiCell::restore(rsi)?,
            utbot: UtbotCell::restore(utbot)?,
            ichimoku: IchimokuCell::restore(ichimoku)?,
            quiet: Quiet::restore(ranges)?,
            score: TimeframeScore { eighths: *eighths },
        })
    }
}
