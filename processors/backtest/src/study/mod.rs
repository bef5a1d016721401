//! What the report needs, gathered while a run goes on. Bounded, however long the run.

mod moves;
mod picture;
mod side;
mod track;
mod tracks;
mod when;

use std::collections::BTreeMap;

use bellwether_engine::moves::{AllSeries, Event, Watcher, hash, ticket};
use bellwether_schemas::readings::{Bar, Reading};
use bellwether_schemas::settings::Settings;
use bellwether_schemas::triggers::{Condition, TriggerFired};
use bellwether_schemas::{AlertId, Timeframe, Timestamp};

pub use bellwether_engine::moves::{Beside, CHANCE, COMPARED_AFTER, Followed, REACH};
pub use moves::{Direction, HORIZONS, Moves, Sample};
pub use picture::{Below, Line, Picture};
pub use side::{Point, Side};
pub use track::{Bucket, Track};
pub use tracks::Tracks;
pub use when::{Days, When};

use crate::alerts::Alert;

/// Most triggers of one alert that are kept one by one; the rest is only counted.
pub const MAX_ROWS: usize = 500;
/// Most of all alerts together.
const MAX_ROWS_IN_ALL: usize = 20_000;
/// Triggers of one side whose paths are kept for its quartiles, drawn where there are more.
const MAX_PATHS: usize = 1_000;
/// Most of all alerts together: 84 megabytes.
const MAX_PATHS_IN_ALL: usize = 512_000;
/// Alerts whose triggers are set beside random bars: the first that have any.
pub const MAX_COMPARED: usize = 256;

/// Everything the report shows of a run besides its summary.
#[derive(Debug, Clone, Default)]
pub struct Study {
    /// Each alert, in the file's order.
    pub alerts: Vec<AlertStudy>,
    /// Prices and indicators over time.
    pub tracks: Tracks,
    /// The days that had a bar.
    pub days: Days,
    series: AllSeries,
    paths: usize,
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
    /// What the price did around its triggers, by the way they expect it to go.
    pub sides: BTreeMap<Direction, Side>,
    /// What followed after [`COMPARED_AFTER`] bars, of the first [`MAX_COMPARED`] alerts that fired.
    pub followed: BTreeMap<Direction, Followed>,
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
        let timeframes = pictures.iter().flatten().map(|picture| picture.timeframe).collect();
        Self {
            tracks: Tracks::new(pictures.iter().flatten()),
            series: AllSeries::new(timeframes),
            paths: (MAX_PATHS_IN_ALL / (2 * alerts.len()).max(1)).clamp(1, MAX_PATHS),
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
            self.bar(bar);
        }
    }

    /// A trigger of the run.
    pub fn trigger(&mut self, trigger: &TriggerFired) {
        let Some(place) = self.places.get(&trigger.alert_id).copied() else { return };
        let symbol = trigger.symbol.as_ref().map(|symbol| symbol.base(&self.suffix).to_string());
        let subject = symbol.or_else(|| trigger.pair.clone()).unwrap_or_default();
        let timeframe = trigger.timeframe.unwrap_or(Timeframe::M1);
        let series = self.series.get_mut(priced_by(&subject), timeframe);
        let last = series.as_ref().and_then(|series| series.recent.back()).map(|last| last.price);
        let price = trigger.price.or(last);
        let direction = Direction::of(trigger.condition);
        let alert = &mut self.alerts[place];
        alert.when.add(trigger.close_time);
        *alert.subjects.entry(subject.clone()).or_default() += 1;
        let side = alert.sides.entry(direction).or_insert_with(|| Side::new(self.paths));
        side.fired += 1;
        let ticket = ticket(hash(&subject) ^ timeframe.index() as u64, trigger.close_time.0);
        let has_room = alert.rows.len() < MAX_ROWS && self.rows < MAX_ROWS_IN_ALL;
        let row = has_room.then_some(alert.rows.len());
        if has_room {
            self.rows += 1;
            alert.rows.push(Row::of(trigger, subject, price));
        }
        let Some((series, base)) = series.zip(price.filter(|price| *price > 0.0)) else { return };
        if let Some(hour) = series.hour(trigger.close_time) {
            *side.hours.entry(hour).or_default() += 1;
        }
        if let Some(event) = series.event(trigger.close_time, base, trigger.timeframe.is_some()) {
            event.watchers.push(Watcher { alert: place, row, direction, ticket });
        }
    }

    /// The run is over: what waits for more bars will not have them.
    pub fn finish(&mut self) {
        self.series.take_waiting().iter().for_each(|event| self.done(event));
        let measured = (0..self.alerts.len()).filter(|place| !self.alerts[*place].sides.is_empty());
        for place in measured.take(MAX_COMPARED).collect::<Vec<_>>() {
            let sides = self.alerts[place].sides.iter();
            let followed = sides.filter_map(|(direction, side)| {
                Some((*direction, side.followed(&self.beside(side), COMPARED_AFTER)?))
            });
            self.alerts[place].followed = followed.collect();
        }
    }

    /// Random bars like those of this side's triggers.
    #[must_use]
    pub fn beside(&self, side: &Side) -> Beside<'_> {
        Beside::new(side.lots(), &self.series)
    }

    /// A bar closed: the triggers that wait for it are one bar older.
    fn bar(&mut self, bar: &Bar) {
        for event in self.series.bar(bar.symbol.base(&self.suffix), bar) {
            self.done(&event);
        }
    }

    /// An event has its bars.
    fn done(&mut self, event: &Event) {
        for watcher in &event.watchers {
            let alert = &mut self.alerts[watcher.alert];
            if let Some(side) = alert.sides.get_mut(&watcher.direction) {
                side.add(event, watcher.direction, watcher.ticket);
            }
            if let Some(row) = watcher.row.and_then(|row| alert.rows.get_mut(row)) {
                row.moves = HORIZONS.map(|bars| event.after(bars));
            }
        }
    }
}

impl AlertStudy {
    /// Moves of all its triggers, each its way.
    #[must_use]
    pub fn moves(&self) -> Moves {
        let mut all = Moves::default();
        self.sides.values().for_each(|side| all.extend(&side.moves));
        all
    }
}

impl Row {
    fn of(trigger: &TriggerFired, subject: String, price: Option<f64>) -> Self {
        Self {
            at: trigger.close_time,
            subject,
            timeframe: trigger.timeframe,
            condition: trigger.condition,
            direction: Direction::of(trigger.condition),
            value: trigger.value,
            previous: trigger.previous,
            threshold: trigger.threshold,
            price,
            text: trigger.sentence().unwrap_or_default(),
            moves: Default::default(),
        }
    }
}

/// The symbol whose price stands for a symbol or pair: a pair's first.
#[must_use]
pub fn priced_by(subject: &str) -> &str {
    subject.split_once('-').map_or(subject, |(first, _)| first)
}

#[cfg(test)]
mod tests;
