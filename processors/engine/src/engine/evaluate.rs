//! The alerts at an instant: what was hit becomes triggers, in order, and alerts change their state.

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::time::MINUTE;
use bellwether_schemas::triggers::{AlertState, AlertStatus, Outcome};
use bellwether_schemas::{Timeframe, Timestamp};

use super::instant::Instant;
use super::{Engine, Step};
use crate::alerts::{Alert, Awaited, Draft, Rank, StrengthStep, StyleStep, fire};
use crate::bars::OpenBar;

impl Engine {
    pub(super) fn evaluate(
        &mut self,
        instant: &mut Instant,
        styles: &[StyleStep],
        strengths: &[StrengthStep],
        step: &mut Step<'_>,
    ) {
        self.report_warmed(instant, step);
        self.look_at_instant(instant, styles, strengths, step.offset);
        for kind in AlertKind::ALL {
            match kind {
                AlertKind::RsiTracker => self.reach_rsi_lines(instant),
                // Its drafts are there already: a pair is judged when it is read.
                AlertKind::RsiCorrelationTracker => {}
                AlertKind::HeatmapTracker => {
                    styles.iter().for_each(|style| self.enter_zones(instant, style));
                }
                AlertKind::HeatmapIndicatorTracker => self.turn_cells(instant, step.offset),
                AlertKind::CurrencyStrengthTracker => {
                    strengths.iter().for_each(|strength| self.change_leaders(instant, strength));
                }
                AlertKind::PriceAlert => self.cross_levels(instant),
            }
        }
        let mut drafts = std::mem::take(&mut instant.drafts);
        if drafts.is_empty() {
            return;
        }
        drafts.sort_by_cached_key(Draft::place);
        self.fire(drafts, instant.at, step);
    }

    pub(super) fn fire(&mut self, drafts: Vec<Draft>, at: Timestamp, step: &mut Step<'_>) {
        let ranks: Vec<Rank> = drafts.iter().map(|draft| draft.rank).collect();
        let triggers = fire(&self.tenant, &self.alerts, drafts, at, step.offset, step.outcomes, self.version);
        for trigger in triggers {
            self.note_trigger(&trigger, step.offset);
            step.outcome(Outcome::Fired(trigger));
        }
        for rank in ranks {
            if self.alerts.get(rank).is_some_and(|alert| alert.watch.fires_once()) {
                self.end(rank, AlertState::Spent, at, step);
            }
        }
    }

    /// Alerts whose time is over: no tick from before it can be accepted any more.
    pub(super) fn expire(&mut self, step: &mut Step<'_>) {
        let past = self.watermark.value().floor(MINUTE);
        while let Some(rank) = self.alerts.expired_before(past) {
            self.end(rank, AlertState::Expired, past, step);
        }
    }

    fn end(&mut self, rank: Rank, state: AlertState, since: Timestamp, step: &mut Step<'_>) {
        if let Some(alert) = self.alerts.forget(rank, &self.table) {
            self.report(&alert, state, since, step);
            self.note_end(alert.id, state, step.offset);
        }
    }

    fn report(&self, alert: &Alert, state: AlertState, since: Timestamp, step: &mut Step<'_>) {
        let status = AlertStatus {
            tenant: self.tenant.clone(),
            kind: alert.kind(),
            alert_id: alert.id,
            user_id: alert.user_id,
            version: alert.version,
            state,
            reason: None,
            since: Some(since),
            cause: step.cause(),
        };
        step.outcome(Outcome::Status(status));
    }

    /// Alerts whose first value came with this instant are active from it on.
    fn report_warmed(&mut self, instant: &Instant, step: &mut Step<'_>) {
        // Bars longer than a minute close none, and a price that every tick tells is known all the same.
        let on_ticks = |what| matches!(what, Awaited::Price(None, _)) && self.version.minds_spacing();
        let is_due = |what: Awaited| on_ticks(what) || instant.has_any(what.timeframe());
        let ranks = self.alerts.warming.warmed(|what| is_due(what) && self.exists(what));
        for rank in ranks {
            self.alerts.is_warm(rank);
            if let Some(alert) = self.alerts.get(rank) {
                self.report(alert, AlertState::Active, instant.at, step);
            }
        }
    }

    pub(super) fn exists(&self, what: Awaited) -> bool {
        let indicators = |symbol: usize, timeframe: Timeframe| {
            self.symbols.get(symbol).map(|state| &state.series[timeframe.index()].indicators)
        };
        let has_rsi = |symbol, timeframe, period| {
            indicators(symbol, timeframe).is_some_and(|found| found.rsi.value(period).is_some())
        };
        match what {
            Awaited::Rsi(timeframe, period) => {
                (0..self.symbols.len()).any(|symbol| has_rsi(symbol, timeframe, period))
            }
            Awaited::PairRsi(timeframe, period) => self.pairs.iter().any(|pair| {
                has_rsi(pair.symbols.0, timeframe, period) && has_rsi(pair.symbols.1, timeframe, period)
            }),
            Awaited::Coefficient(timeframe, window) => self
                .pairs
                .iter()
                .any(|pair| pair.frames[timeframe.index()].returns.coefficient(window).is_some()),
            Awaited::Style(style, symbol) => {
                self.symbols.get(symbol).is_some_and(|state| state.styles[style as usize].is_some())
            }
            Awaited::Cell(timeframe, symbol, cell) => {
                indicators(symbol, timeframe).is_some_and(|found| found.cell(cell).is_some())
            }
            Awaited::Strength(timeframe) => self.leaders.has(timeframe),
            Awaited::Price(Some(timeframe), symbol) => {
                indicators(symbol, timeframe).is_some_and(|found| found.close().is_some())
            }
            Awaited::Price(None, symbol) => {
                self.symbols.get(symbol).is_some_and(|state| state.tick.is_some())
            }
        }
    }

    /// Bars of history and stale bars move state and fire nothing.
    pub(super) fn may_fire(&self, timeframe: Timeframe, bar: &OpenBar) -> bool {
        !bar.history && self.watermark.value().since(bar.span.close) <= 2 * timeframe.nominal()
    }
}
