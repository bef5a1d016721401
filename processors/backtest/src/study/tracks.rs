//! Prices and indicators over time: those that some alert's chart shows.

use std::collections::{BTreeMap, BTreeSet};

use bellwether_schemas::readings::{Indicators, Reading, Strength};
use bellwether_schemas::{Timeframe, Timestamp};

use super::picture::{Below, Line, Picture, value};
use super::track::Track;

/// Most series of one kind.
const MAX_SERIES: usize = 1_000;

/// Series by what they are of. Names are without suffix.
#[derive(Debug, Clone, Default)]
pub struct Tracks {
    wanted: Wanted,
    series: BTreeMap<(String, Timeframe), Series>,
    heatmaps: BTreeMap<(String, String), Track>,
    correlations: BTreeMap<(String, Timeframe, i32), Track>,
    strength: BTreeMap<Timeframe, BTreeMap<String, Track>>,
}

/// What some chart shows.
#[derive(Debug, Clone, Default)]
struct Wanted {
    closes: BTreeSet<Timeframe>,
    lines: BTreeMap<Timeframe, BTreeSet<Line>>,
    styles: BTreeSet<String>,
    windows: BTreeSet<(Timeframe, i32)>,
    strength: BTreeSet<Timeframe>,
}

/// One symbol on one timeframe.
#[derive(Debug, Clone, Default)]
struct Series {
    close: Track,
    lines: BTreeMap<Line, Track>,
}

impl Tracks {
    pub(super) fn new<'a>(pictures: impl Iterator<Item = &'a Picture>) -> Self {
        let mut wanted = Wanted::default();
        pictures.for_each(|picture| wanted.add(picture));
        Self { wanted, ..Self::default() }
    }

    pub(super) fn reading(&mut self, reading: &Reading, suffix: &str) {
        match reading {
            Reading::Bar(bar) if self.wanted.closes.contains(&bar.timeframe) => {
                let series = self.series(bar.symbol.base(suffix), bar.timeframe);
                if let Some(series) = series {
                    series.close.push(bar.close_time, bar.close);
                }
            }
            Reading::Indicators(indicators) => self.indicators(indicators, suffix),
            Reading::Heatmap(heatmap) if self.wanted.styles.contains(heatmap.style.as_ref()) => {
                let key = (heatmap.symbol.base(suffix).into(), heatmap.style.clone().into_owned());
                push(&mut self.heatmaps, key, heatmap.close_time, Some(heatmap.buy_percent));
            }
            Reading::Correlation(pair) if self.wanted.windows.contains(&(pair.timeframe, pair.window)) => {
                let key = (pair.pair.clone().into_owned(), pair.timeframe, pair.window);
                push(&mut self.correlations, key, pair.close_time, pair.value);
            }
            Reading::Strength(strength) if self.wanted.strength.contains(&strength.timeframe) => {
                self.strength(strength);
            }
            _ => {}
        }
    }

    fn indicators(&mut self, reading: &Indicators, suffix: &str) {
        let Self { wanted, series, .. } = self;
        let Some(lines) = wanted.lines.get(&reading.timeframe) else { return };
        let key = (reading.symbol.base(suffix).to_string(), reading.timeframe);
        let Some(series) = series.get_mut(&key) else { return };
        for line in lines {
            push(&mut series.lines, line.clone(), reading.close_time, value(reading, line));
        }
    }

    fn strength(&mut self, strength: &Strength) {
        let scores = self.strength.entry(strength.timeframe).or_default();
        for (currency, score) in &strength.scores {
            push(scores, currency.clone().into_owned(), strength.close_time, *score);
        }
    }

    fn series(&mut self, symbol: &str, timeframe: Timeframe) -> Option<&mut Series> {
        let key = (symbol.to_string(), timeframe);
        if self.series.len() >= MAX_SERIES && !self.series.contains_key(&key) {
            return None;
        }
        Some(self.series.entry(key).or_default())
    }

    /// Closes of a symbol.
    #[must_use]
    pub fn close(&self, symbol: &str, timeframe: Timeframe) -> Option<&Track> {
        self.series.get(&(symbol.into(), timeframe)).map(|series| &series.close)
    }

    /// An indicator of a symbol.
    #[must_use]
    pub fn line(&self, symbol: &str, timeframe: Timeframe, line: &str) -> Option<&Track> {
        self.series.get(&(symbol.into(), timeframe))?.lines.get(line)
    }

    /// Buy% of a symbol in a style.
    #[must_use]
    pub fn heatmap(&self, symbol: &str, style: &str) -> Option<&Track> {
        self.heatmaps.get(&(symbol.into(), style.into()))
    }

    /// The track of a pair's coefficient over one window.
    #[must_use]
    pub fn correlation(&self, pair: &str, timeframe: Timeframe, window: i32) -> Option<&Track> {
        self.correlations.get(&(pair.into(), timeframe, window))
    }

    /// The tracks of the eight currencies' scores on one timeframe.
    pub fn scores(&self, timeframe: Timeframe) -> impl Iterator<Item = (&str, &Track)> {
        self.strength
            .get(&timeframe)
            .into_iter()
            .flatten()
            .map(|(currency, track)| (currency.as_str(), track))
    }
}

impl Wanted {
    fn add(&mut self, picture: &Picture) {
        let Picture { timeframe, overlays, below, .. } = picture;
        self.closes.insert(*timeframe);
        let lines = match below {
            Below::Indicators(lines) => lines.as_slice(),
            _ => &[],
        };
        self.lines.entry(*timeframe).or_default().extend(overlays.iter().chain(lines).cloned());
        match below {
            Below::Nothing | Below::Indicators(_) => {}
            Below::Heatmap(style) => drop(self.styles.insert(style.clone())),
            Below::Correlation(window) => drop(self.windows.insert((*timeframe, *window))),
            Below::Strength => drop(self.strength.insert(*timeframe)),
        }
    }
}

fn push<K: Ord>(tracks: &mut BTreeMap<K, Track>, key: K, at: Timestamp, value: Option<f64>) {
    let Some(value) = value else { return };
    if tracks.len() < MAX_SERIES || tracks.contains_key(&key) {
        tracks.entry(key).or_default().push(at, value);
    }
}
