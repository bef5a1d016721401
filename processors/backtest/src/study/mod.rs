//! What the report needs, gathered while a run goes on. Bounded, however long the run.

mod moves;
mod picture;
mod track;
mod tracks;
mod when;

use std::collections::BTreeMap;

use bellwether_schemas::readings::Reading;
use bellwether_schemas::settings::Settings;
use bellwether_schemas::triggers::{Condition, TriggerFired};
use bellwether_schemas::{AlertId, Timeframe, Timestamp};

pub use moves::{Direction, HORIZONS, Moves, Sample};
pub use picture::{Below, Line, Picture};
pub use track::{Bucket, Track};
pub use tracks::Tracks;
pub use when::{Days, When};

use crate::alerts::Alert;
use moves::Pending;

/// Most triggers of one alert that are kept one by one; the rest is only counted.
pub const MAX_ROWS: usize = 500;
/// Most of all alerts together.
const MAX_ROWS_IN_ALL: usize = 20_000;

/// Everything the report shows of a run besides its summary.
#[derive(Debug, Clone, Default)]
pub struct Study {
    /// Each alert, in the file's order.
    pub alerts: Vec<AlertStudy>,
    /// Prices and indicators over time.
    pub tracks: Tracks,
    /// The days that had a bar.
    pub days: Days,
    pending: BTreeMap<(String, Timeframe), Vec<Pending>>,
    places: BTreeMap<AlertId, usize>,
    suffix: String,
    rows: usize,
}

/// What is known of one alert.
#[derive(Debug, Clone, Default)]
pub struct AlertStudy {
    /// What its chart shows; none for an alert that is switched off.
    pub picture: Option<Picture>,
    /// Days and hours of its triggers.
    pub when: When,
    /// How often by symbol or pair.
    pub subjects: BTreeMap<String, u64>,
    /// What the price did afterwards.
    pub moves: Moves,
    /// The first [`MAX_ROWS`] of its triggers.
    pub rows: Vec<Row>,
}

/// One trigger, as a line of the report's table.
#[derive(Debug, Clone)]
pub struct Row {
    /// Close of the trigger's bar, or the tick's time.
    pub at: Timestamp,
    /// Symbol, pair, or empty.
    pub subject: String,
    /// Bar length, if any.
    pub timeframe: Option<Timeframe>,
    /// What happened, as the trigger says.
    pub condition: Condition,
    /// Which way its user expects the price to go.
    pub direction: Direction,
    /// Value now and before, and the line.
    pub value: Option<f64>,
    /// The value before, in the same unit.
    pub previous: Option<f64>,
    /// The line that was reached, in the same unit.
    pub threshold: Option<f64>,
    /// The price it is measured from.
    pub price: Option<f64>,
    /// What the trigger says to people, as one sentence.
    pub text: String,
    /// Moves after each of [`HORIZONS`], in percent.
    pub moves: [Option<f64>; HORIZONS.len()],
}

impl Study {
    /// Of a run with these alerts, before it.
    #[must_use]
    pub fn new(alerts: &[Alert]) -> Self {
        let pictures: Vec<Option<Picture>> =
            alerts.iter().map(|alert| alert.active.then(|| Picture::of(&alert.parameters))).collect();
        let watched = alerts.iter().enumerate().filter(|(_, alert)| alert.active);
        Self {
            tracks: Tracks::new(pictures.iter().flatten()),
            alerts: pictures
                .into_iter()
                .map(|picture| AlertStudy { picture, ..AlertStudy::default() })
                .collect(),
            places: watched.map(|(place, alert)| (alert.id, place)).collect(),
            ..Self::default()
        }
    }

    /// The settings from here on: names are shown without their suffix.
    pub fn settings(&mut self, settings: &Settings) {
        self.suffix.clone_from(&settings.symbol_suffix);
    }

    /// A reading of the run.
    pub fn reading(&mut self, reading: &Reading) {
        self.tracks.reading(reading, &self.suffix);
        if let Reading::Bar(bar) = reading {
            self.days.add(bar.close_time);
            self.bar(bar.symbol.base(&self.suffix), bar.timeframe, bar.close);
        }
    }

    /// A trigger of the run.
    pub fn trigger(&mut self, trigger: &TriggerFired) {
        let Some(place) = self.places.get(&trigger.alert_id).copied() else { return };
        let symbol = trigger.symbol.as_ref().map(|symbol| symbol.base(&self.suffix).to_string());
        let subject = symbol.or_else(|| trigger.pair.clone()).unwrap_or_default();
        let priced = priced_by(&subject).to_string();
        let timeframe = trigger.timeframe.unwrap_or(Timeframe::M1);
        let price = trigger.price.or_else(|| self.tracks.last_close(&priced, timeframe));
        let direction = Direction::of(trigger.condition);
        let alert = &mut self.alerts[place];
        alert.when.add(trigger.close_time);
        *alert.subjects.entry(subject.clone()).or_default() += 1;
        let mut row = None;
        if alert.rows.len() < MAX_ROWS && self.rows < MAX_ROWS_IN_ALL {
            self.rows += 1;
            row = Some(alert.rows.len());
            alert.rows.push(Row {
                at: trigger.close_time,
                subject,
                timeframe: trigger.timeframe,
                condition: trigger.condition,
                direction,
                value: trigger.value,
                previous: trigger.previous,
                threshold: trigger.threshold,
                price,
                text: trigger.sentence().unwrap_or_default(),
                moves: Default::default(),
            });
        }
        if let Some(base) = price.filter(|_| !priced.is_empty()) {
            let pending = Pending { alert: place, row, base, bars: 0, direction };
            self.pending.entry((priced, timeframe)).or_default().push(pending);
        }
    }

    /// A bar of that symbol closed: the triggers that wait for it are one bar older.
    fn bar(&mut self, symbol: &str, timeframe: Timeframe, close: f64) {
        // The name is copied only while something waits at all.
        if self.pending.is_empty() {
            return;
        }
        let key = (symbol.to_string(), timeframe);
        let Some(waiting) = self.pending.get_mut(&key) else { return };
        for pending in waiting.iter_mut() {
            let Some((horizon, percent)) = pending.bar(close) else { continue };
            let alert = &mut self.alerts[pending.alert];
            alert.moves.add(horizon, percent, pending.direction);
            if let Some(row) = pending.row.and_then(|row| alert.rows.get_mut(row)) {
                row.moves[horizon] = Some(percent);
            }
        }
        waiting.retain(|pending| !pending.is_done());
        if waiting.is_empty() {
            self.pending.remove(&key);
        }
    }
}

/// The symbol whose price stands for a symbol or pair: a pair's first.
#[must_use]
pub fn priced_by(subject: &str) -> &str {
    subject.split_once('-').map_or(subject, |(first, _)| first)
}
