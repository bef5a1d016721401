//! The cells of a heatmap as a small grid: indicators down, timeframes across, and below it why.

use bellwether_schemas::Timeframe;
use bellwether_schemas::heatmap::CellName;
use bellwether_schemas::readings::{Cell, Signal};
use bellwether_schemas::triggers::ZoneEntered;
use serde::Serialize;

use super::card::Tone;

/// What templates show of the cells.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Grid {
    /// Short to long.
    timeframes: Vec<&'static str>,
    rows: Vec<Row>,
}

/// One indicator on every timeframe.
#[derive(Debug, Clone, Serialize)]
struct Row {
    indicator: &'static str,
    squares: Vec<Square>,
    reasons: Vec<Reason>,
}

/// One cell.
#[derive(Debug, Clone, Serialize)]
struct Square {
    word: &'static str,
    new: bool,
    tone: Tone,
}

/// Why cells are what they are, said once for all timeframes that have the same reason.
#[derive(Debug, Clone, Serialize)]
struct Reason {
    phrase: String,
    timeframes: Vec<&'static str>,
}

/// The grid of a trigger.
pub(super) fn of(detail: &ZoneEntered) -> Grid {
    Grid {
        timeframes: detail.cells.keys().map(|timeframe| timeframe.code()).collect(),
        rows: CellName::ALL.into_iter().map(|name| row(name, detail)).collect(),
    }
}

fn row(name: CellName, detail: &ZoneEntered) -> Row {
    let cells: Vec<(Timeframe, Option<&Cell>)> =
        detail.cells.iter().map(|(timeframe, cells)| (*timeframe, cells.get(&name))).collect();
    let mut reasons: Vec<Reason> = Vec::new();
    for (timeframe, cell) in &cells {
        let Some(cell) = cell else { continue };
        match reasons.iter_mut().find(|reason| reason.phrase == cell.reason) {
            Some(reason) => reason.timeframes.push(timeframe.code()),
            None => {
                let phrase = cell.reason.to_string();
                reasons.push(Reason { phrase, timeframes: vec![timeframe.code()] });
            }
        }
    }
    Row { indicator: name.name(), squares: cells.iter().map(|(_, cell)| square(*cell)).collect(), reasons }
}

/// A missing cell is an empty square: it is not neutral.
fn square(cell: Option<&Cell>) -> Square {
    let (word, tone) = match cell.map(|cell| cell.signal) {
        Some(Signal::Buy) => ("Buy", Tone::Overbought),
        Some(Signal::Sell) => ("Sell", Tone::Oversold),
        Some(Signal::Neutral) => ("–", Tone::Plain),
        None => ("", Tone::Plain),
    };
    Square { word, new: cell.is_some_and(|cell| cell.new), tone }
}
