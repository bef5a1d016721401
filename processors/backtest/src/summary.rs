//! What a run has seen, in numbers.

use std::collections::BTreeMap;

use bellwether_engine::RefusalReason;
use bellwether_producers::sources::files::report::Report;
use bellwether_schemas::triggers::{AlertState, AlertStatus, TriggerFired};
use bellwether_schemas::{AlertId, Timestamp};
use serde::Serialize;

use crate::BacktestError;
use crate::alerts::Alert;
use crate::compare::Compared;
use crate::report::Ingredient;
use crate::study::{Direction, Followed, Study};

/// Numbers of one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Ticks that were played, refused ones among them.
    pub ticks: u64,
    /// Records that were folded.
    pub records: u64,
    /// First and last event time of a tick.
    pub first: Option<Timestamp>,
    /// Time of the last accepted tick, event time.
    pub last: Option<Timestamp>,
    /// Triggers of all alerts.
    pub triggers: u64,
    /// Each alert, in the file's order.
    pub alerts: Vec<AlertSummary>,
    /// What the engine refused, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Records of the journal that no worker folds, by reason: undecodable, or another tenant's.
    pub put_aside: BTreeMap<&'static str, u64>,
    /// Lines of the files that could not be read.
    pub unreadable: u64,
    /// The first of each file, with number and reason.
    pub unreadable_lines: Vec<String>,
    /// How its triggers and the recorded ones go together, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Compared>,
    /// What is strange about the files, and what to do.
    pub notices: Vec<String>,
    /// The journal that was folded.
    #[serde(skip)]
    pub journal: Option<Ingredient>,
    /// Wall time, in seconds.
    pub seconds: f64,
    /// Somebody asked it to stop before the input ended.
    pub stopped: bool,
    #[serde(skip)]
    places: BTreeMap<AlertId, usize>,
}

/// Numbers of one alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertSummary {
    /// Id of the alert.
    pub id: AlertId,
    /// Its place in the file.
    pub place: usize,
    /// What it is called, with what a sweep has set.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// How often it would have fired.
    pub fired: u64,
    /// Where it stood at the end.
    pub state: &'static str,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The side that a sweep is about, where it sets the line of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swept_side: Option<&'static str>,
    /// What followed its triggers, by side; empty where no study was made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub followed: Vec<FollowedOn>,
}

/// What followed the triggers of one side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FollowedOn {
    /// Which way they expect the price to go: `up`, `down` or `either`.
    pub side: &'static str,
    /// How often that side fired.
    pub fired: u64,
    /// The moves of the price, as they are.
    #[serde(flatten)]
    pub moves: Followed,
}

/// Of an alert that never got to its first evaluation.
const NEVER: &str = "not reached";
/// Of an alert that is switched off.
const INACTIVE: &str = "inactive";

impl Summary {
    /// Of a run with these alerts, before it.
    #[must_use]
    pub fn new(alerts: &[Alert]) -> Self {
        let summary = |alert: &Alert| AlertSummary {
            id: alert.id,
            place: alert.place,
            name: alert.title(),
            kind: alert.parameters.kind().name(),
            fired: 0,
            state: if alert.active { NEVER } else { INACTIVE },
            reason: None,
            swept_side: alert.swept_side().map(Direction::name),
            followed: Vec::new(),
        };
        let watched = alerts.iter().enumerate().filter(|(_, alert)| alert.active);
        Self {
            alerts: alerts.iter().map(summary).collect(),
            places: watched.map(|(place, alert)| (alert.id, place)).collect(),
            ..Self::default()
        }
    }

    /// The place of this alert among all.
    #[must_use]
    pub fn place(&self, id: AlertId) -> Option<usize> {
        self.places.get(&id).copied()
    }

    /// Accepted ticks a second of the run's own duration.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub fn rate(&self) -> f64 {
        self.ticks as f64 / self.seconds.max(1e-6)
    }

    /// How long it took, in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "a span for people")]
    pub fn set_elapsed(&mut self, micros: i64) {
        self.seconds = micros as f64 / 1e6;
    }

    /// One JSON object.
    ///
    /// # Errors
    /// None is known: every field has a JSON form.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut line = serde_json::to_value(self)?;
        line["type"] = "summary".into();
        line["ticks_per_second"] = self.rate().into();
        serde_json::to_string(&line)
    }

    pub(crate) fn tick(&mut self, ts: Timestamp) {
        self.ticks += 1;
        self.first = Some(self.first.map_or(ts, |first| first.min(ts)));
        self.last = self.last.max(Some(ts));
    }

    pub(crate) fn refused(&mut self, reason: RefusalReason) {
        *self.refused.entry(reason.name()).or_default() += 1;
    }

    pub(crate) fn put_aside(&mut self, reason: &'static str) {
        *self.put_aside.entry(reason).or_default() += 1;
    }

    pub(crate) fn fired(&mut self, trigger: &TriggerFired) {
        self.triggers += 1;
        if let Some(place) = self.place(trigger.alert_id) {
            self.alerts[place].fired += 1;
        }
    }

    /// This alert is watched from the beginning, without a word of the engine.
    pub(crate) fn is_watched(&mut self, id: AlertId) {
        if let Some(place) = self.place(id) {
            self.alerts[place].state = AlertState::Active.name();
        }
    }

    /// This alert does not take part.
    pub(crate) fn refuse(&mut self, id: AlertId, reason: String) {
        if let Some(place) = self.place(id) {
            self.alerts[place].state = AlertState::Refused.name();
            self.alerts[place].reason = Some(reason);
        }
    }

    /// What is told of the files that were read.
    pub(crate) fn files(&mut self, report: &Report) {
        self.unreadable = report.total();
        self.unreadable_lines = report.shown().iter().map(ToString::to_string).collect();
        self.notices = report.notices().iter().map(ToString::to_string).collect();
    }

    /// At least one tick was accepted, unless somebody stopped the run.
    pub(crate) fn want_accepted(&self) -> Result<(), BacktestError> {
        let refused: u64 = self.refused.values().sum();
        if self.stopped || self.ticks == 0 || self.ticks > refused {
            return Ok(());
        }
        let reasons: Vec<String> =
            self.refused.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let notices = self.notices.iter().map(|notice| format!("\n  {notice}")).collect();
        Err(BacktestError::NothingAccepted { ticks: self.ticks, reasons: reasons.join(", "), notices })
    }

    /// What followed the triggers of each alert.
    pub(crate) fn followed(&mut self, study: &Study) {
        for (alert, study) in self.alerts.iter_mut().zip(&study.alerts) {
            let of_side = |(side, moves): (&Direction, &Followed)| FollowedOn {
                side: side.name(),
                fired: study.sides.get(side).map_or(0, |side| side.fired),
                moves: *moves,
            };
            alert.followed = study.followed.iter().map(of_side).collect();
        }
    }

    pub(crate) fn status(&mut self, status: &AlertStatus) {
        if let Some(place) = self.place(status.alert_id) {
            self.alerts[place].state = status.state.name();
            self.alerts[place].reason.clone_from(&status.reason);
        }
    }
}
