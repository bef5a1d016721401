//! A chart as paths on a grid of 1000 by 100 units that the page stretches; texts are placed in percent beside it, so
//! that they keep their size on a phone.

use std::fmt::Write as _;

use serde::Serialize;

use super::axes::{Axis, Scale};
use super::numbers;
use crate::study::{AlertStudy, Below, Bucket, Direction, Picture, Row, Track, Tracks, priced_by};

/// Marks with a text of their own; one chart of more has them in one piece.
const MAX_MARKS: usize = 300;
/// A grid line this near to a level has no text of its own.
const CROWDED: f64 = 13.0;

/// One chart: a price with its triggers, and what is below.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) panels: Vec<Panel>,
    pub(super) times: Vec<Label>,
    pub(super) note: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Panel {
    pub(super) name: String,
    pub(super) is_tall: bool,
    pub(super) lines: Vec<Drawn>,
    pub(super) grid: Vec<Label>,
    pub(super) levels: Vec<Label>,
    /// Vertical lines, 0 to 1000 from the left.
    pub(super) uprights: Vec<f64>,
    pub(super) marks: Vec<Mark>,
}

/// A line with its colour's number and, where a point stands for many readings, the band they lie in.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Drawn {
    pub(super) name: String,
    pub(super) colour: usize,
    pub(super) path: String,
    pub(super) band: String,
}

/// A text at a place: from the left for times, from the top for values; 0 to 100.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Label {
    pub(super) at: f64,
    pub(super) text: String,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Mark {
    pub(super) path: String,
    pub(super) way: &'static str,
    pub(super) title: String,
}

/// The chart of an alert for one of its symbols or pairs.
pub(super) fn chart(alert: &AlertStudy, subject: &str, tracks: &Tracks) -> Option<Chart> {
    let picture = alert.picture.as_ref()?;
    let symbol = priced_by(subject);
    let price = if picture.has_price { tracks.close(symbol, picture.timeframe) } else { None };
    let below = below(picture, subject, tracks);
    let clocks: Vec<&Track> = match price {
        Some(price) => vec![price],
        None => below.iter().map(|(_, track)| *track).collect(),
    };
    let axis = Axis::of(&clocks)?;
    let rows: Vec<&Row> = alert.rows.iter().filter(|row| row.subject == subject).collect();
    let mut panels = Vec::new();
    if let Some(price) = price {
        panels.push(price_panel(picture, symbol, price, &rows, tracks, &axis));
    }
    if !below.is_empty() {
        let rows = if price.is_some() { &[] } else { rows.as_slice() };
        let panel = panel("", &below, &picture.levels, picture.range, rows, |row| row.value, &axis);
        panels.push(Panel { is_tall: price.is_none(), ..panel });
    }
    let all = alert.subjects.get(subject).copied().unwrap_or(0);
    let mut note = String::new();
    if all > rows.len() as u64 {
        let _ = write!(note, "The first {} of {} triggers are marked. ", rows.len(), numbers::count(all));
    }
    let every = clocks.iter().map(|track| track.every()).max().unwrap_or(1);
    if every > 1 {
        let _ = write!(note, "A point stands for {every} bars; the shade is their range.");
    }
    let title = match subject {
        "" => format!("All currencies, {}", picture.timeframe),
        subject => format!("{subject}, {}", picture.timeframe),
    };
    Some(Chart { title, panels, times: axis.labels(), note })
}

fn price_panel(
    picture: &Picture,
    symbol: &str,
    price: &Track,
    rows: &[&Row],
    tracks: &Tracks,
    axis: &Axis,
) -> Panel {
    let mut lines = vec![(format!("{symbol} close"), price)];
    for line in &picture.overlays {
        lines.extend(tracks.line(symbol, picture.timeframe, line).map(|track| (title_of(line), track)));
    }
    let mut panel = panel("price", &lines, &picture.price_levels, None, rows, |row| row.price, axis);
    panel.is_tall = true;
    panel
}

fn below<'a>(picture: &Picture, subject: &str, tracks: &'a Tracks) -> Vec<(String, &'a Track)> {
    let timeframe = picture.timeframe;
    match &picture.below {
        Below::Nothing => Vec::new(),
        Below::Indicators(lines) => {
            let of = |symbol: &str| {
                let name = |line: &str| match subject == symbol {
                    true => title_of(line),
                    false => format!("{symbol} {}", title_of(line)),
                };
                let found = |line: &String| Some((name(line), tracks.line(symbol, timeframe, line)?));
                lines.iter().filter_map(found).collect::<Vec<_>>()
            };
            subject.split('-').flat_map(of).collect()
        }
        Below::Heatmap(style) => {
            tracks.heatmap(subject, style).map(|track| (format!("Buy% {style}"), track)).into_iter().collect()
        }
        Below::Correlation(window) => {
            let track = tracks.correlation(subject, timeframe, *window);
            track.map(|track| (format!("correlation over {window}"), track)).into_iter().collect()
        }
        Below::Strength => {
            tracks.scores(timeframe).map(|(currency, track)| (currency.into(), track)).collect()
        }
    }
}

fn title_of(line: &str) -> String {
    match line {
        "macd" => "MACD".into(),
        "macd_signal" => "signal".into(),
        "utbot_long_stop" => "long stop".into(),
        "utbot_short_stop" => "short stop".into(),
        _ => match (line.strip_prefix("score:"), line.strip_prefix("rsi"), line.strip_prefix("ema")) {
            (Some(cell), ..) => format!("{cell} cell score"),
            (_, Some(period), _) => format!("RSI {period}"),
            (_, _, Some(period)) => format!("EMA {period}"),
            _ => line.replace('_', " "),
        },
    }
}

fn panel(
    name: &str,
    lines: &[(String, &Track)],
    levels: &[f64],
    range: Option<(f64, f64)>,
    rows: &[&Row],
    height: fn(&Row) -> Option<f64>,
    axis: &Axis,
) -> Panel {
    let scale = range.map_or_else(|| Scale::around(lines, levels), |(low, high)| Scale::padded(low, high));
    let drawn = |(colour, (name, track)): (usize, &(String, &Track))| Drawn {
        name: name.clone(),
        colour,
        path: path(track, axis, &scale),
        band: band(track, axis, &scale),
    };
    let label = |value: f64| Label { at: scale.y(value), text: scale.text(value) };
    let levels: Vec<Label> = levels.iter().copied().filter(|level| scale.holds(*level)).map(label).collect();
    let mut grid: Vec<Label> = scale.steps().into_iter().map(label).collect();
    for line in &mut grid {
        if levels.iter().any(|level| (level.at - line.at).abs() < CROWDED) {
            line.text.clear();
        }
    }
    Panel {
        name: name.into(),
        is_tall: false,
        lines: lines.iter().enumerate().map(drawn).collect(),
        grid,
        levels,
        uprights: Vec::new(),
        marks: marks(rows, height, axis, &scale),
    }
}

/// Every trigger as a dot, one by one with its text, or all of a way at once where they are many.
fn marks(rows: &[&Row], height: fn(&Row) -> Option<f64>, axis: &Axis, scale: &Scale) -> Vec<Mark> {
    let dot = |row: &Row| Some(format!("M{:.1} {:.2}h0", axis.x(row.at), scale.y(height(row)?)));
    if rows.len() <= MAX_MARKS {
        let mark =
            |row: &&Row| Some(Mark { path: dot(row)?, way: row.direction.name(), title: title_of_row(row) });
        return rows.iter().filter_map(mark).collect();
    }
    let ways = [Direction::Up, Direction::Down, Direction::None].into_iter();
    let all = ways.map(|direction| Mark {
        path: rows.iter().filter(|row| row.direction == direction).filter_map(|row| dot(row)).collect(),
        way: direction.name(),
        title: String::new(),
    });
    all.filter(|mark| !mark.path.is_empty()).collect()
}

fn title_of_row(row: &Row) -> String {
    let at = row.at.utc().format("%Y-%m-%d %H:%M");
    let what = if row.text.is_empty() { row.condition.name() } else { &row.text };
    format!("{at} UTC {}: {what}", row.condition)
}

fn path(track: &Track, axis: &Axis, scale: &Scale) -> String {
    let point = |bucket: &Bucket| (axis.x(bucket.at), scale.y(bucket.close));
    joined(track.buckets().iter().map(point))
}

/// Up along the highs and back along the lows.
fn band(track: &Track, axis: &Axis, scale: &Scale) -> String {
    if track.every() == 1 {
        return String::new();
    }
    let highs = track.buckets().iter().map(|bucket| (axis.x(bucket.at), scale.y(bucket.high)));
    let lows = track.buckets().iter().rev().map(|bucket| (axis.x(bucket.at), scale.y(bucket.low)));
    joined(highs.chain(lows)) + "Z"
}

pub(super) fn joined(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        let letter = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{x:.1} {y:.2}");
    }
    path
}
