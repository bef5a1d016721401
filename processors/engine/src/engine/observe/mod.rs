//! Noting what is seen of alerts that somebody asks about: see [`crate::why`]. Nothing here changes what is computed.

mod closes;
mod pairs;
mod sides;

use std::sync::Arc;

use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::heatmap::Style;
use bellwether_schemas::time::{MINUTE, Span};
use bellwether_schemas::triggers::{AlertState, Condition, TriggerFired};
use bellwether_schemas::{AlertId, SessionAnchor, Timeframe, Timestamp};

use super::Engine;
use crate::alerts::{Accepted, Alert, Rank, Watch};
use crate::bars::OpenBar;
use crate::series::Seen as Known;
use crate::why::{Look, Point, Seen, Sight, Sighting, State, Watched};

/// Which alerts are asked about, and what was seen of them since somebody took it.
#[derive(Debug, Clone, Default)]
pub(super) struct Observed {
    alerts: Vec<AlertId>,
    sightings: Vec<Sighting>,
}

impl Engine {
    /// Notes from here on what is seen of these alerts. Effects and state stay the same. Whoever asks takes the sightings
    /// after every record: they are kept until then.
    pub fn ask_about(&mut self, alerts: impl IntoIterator<Item = AlertId>) {
        let alerts = alerts.into_iter().collect();
        self.observed = Some(Box::new(Observed { alerts, sightings: Vec::new() }));
    }

    /// How an alert stands, as far as the state tells.
    #[must_use]
    pub fn stands(&self, alert: AlertId) -> State {
        match self.alerts.rank_of(alert) {
            None => State::Unknown,
            Some(rank) => self.standing(rank).unwrap_or(State::Unwatched),
        }
    }

    /// What was seen since they were taken last, in its order.
    pub fn take_sightings(&mut self) -> Vec<Sighting> {
        self.observed.as_mut().map(|observed| std::mem::take(&mut observed.sightings)).unwrap_or_default()
    }

    fn is_observed(&self, id: AlertId) -> bool {
        self.observed.as_ref().is_some_and(|observed| observed.alerts.contains(&id))
    }

    fn note(&mut self, alert: AlertId, offset: u64, at: Timestamp, sight: Sight) {
        if let Some(observed) = &mut self.observed {
            observed.sightings.push(Sighting { alert, offset, at, sight });
        }
    }

    /// Disabled or watched; none where it is neither.
    fn standing(&self, rank: Rank) -> Option<State> {
        let alert = self.alerts.get(rank)?;
        if self.alerts.is_disabled(rank) {
            return Some(State::Disabled);
        }
        let (version, timeframe) = (alert.version, shortest(&alert.watch));
        let subjects = Arc::from(self.subjects(&alert.watch));
        Some(State::Watched(Watched { version, timeframe, subjects }))
    }

    /// What it is evaluated at, and where the days of its bars begin.
    fn subjects(&self, watch: &Watch) -> Vec<(String, SessionAnchor)> {
        let symbol =
            |place: usize| self.symbols.get(place).map(|state| (state.name.to_string(), state.anchor));
        let named = |names: &[String]| {
            names.iter().filter_map(|name| self.table.find(name)).filter_map(symbol).collect()
        };
        match watch {
            Watch::Rsi(_) => (0..self.symbols.len()).filter_map(symbol).collect(),
            Watch::Pairs(_) => {
                let anchored = |pair: &crate::pairs::Pair| {
                    symbol(pair.symbols.0).map(|(_, anchor)| (pair.key.clone(), anchor))
                };
                self.pairs.iter().filter_map(anchored).collect()
            }
            Watch::Heatmap(heatmap) => named(&heatmap.symbols),
            Watch::Turn(turn) => named(&turn.symbols),
            Watch::Strength(_) => {
                let first = self.leaders.legs().first().and_then(|(place, ..)| symbol(*place));
                vec![(String::new(), first.map_or(self.settings.session_anchor, |(_, anchor)| anchor))]
            }
            Watch::Price(price) => named(std::slice::from_ref(&price.symbol)),
        }
    }

    pub(super) fn note_change(&mut self, change: &AlertChanged, accepted: &Accepted, offset: u64) {
        if !self.is_observed(change.alert_id) {
            return;
        }
        let told = |reason: &crate::alerts::Reason| reason.told(self.version);
        let standing = self.alerts.rank_of(change.alert_id).and_then(|rank| self.standing(rank));
        let sight = match (accepted, standing) {
            (Accepted::Silent, _) if change.deleted => Sight::Stands(State::Deleted),
            (Accepted::Silent, _) => Sight::Stands(State::Paused),
            (Accepted::Refused(reason), None) => Sight::Stands(State::Refused { reason: told(reason) }),
            (Accepted::Refused(reason), Some(_)) => {
                Sight::EditRefused { version: change.version, reason: told(reason) }
            }
            (Accepted::Watched(..), standing) => Sight::Stands(standing.unwrap_or(State::Unwatched)),
        };
        self.note(change.alert_id, offset, self.watermark.value(), sight);
    }

    pub(super) fn note_decision(&mut self, rank: Rank, offset: u64) {
        let Some(id) = self.alerts.get(rank).map(|alert| alert.id) else { return };
        if let Some(state) = self.standing(rank).filter(|_| self.is_observed(id)) {
            self.note(id, offset, self.watermark.value(), Sight::Stands(state));
        }
    }

    /// Symbols, pairs and anchors may be others now.
    pub(super) fn note_settings(&mut self, offset: u64) {
        let Some(observed) = &self.observed else { return };
        for id in observed.alerts.clone() {
            let state = self.alerts.rank_of(id).and_then(|rank| self.standing(rank));
            if let Some(state @ State::Watched(_)) = state {
                self.note(id, offset, self.watermark.value(), Sight::Stands(state));
            }
        }
    }

    pub(super) fn note_end(&mut self, id: AlertId, state: AlertState, offset: u64) {
        if !self.is_observed(id) {
            return;
        }
        let state = match state {
            AlertState::Spent => State::Spent,
            AlertState::Expired => State::Expired,
            AlertState::Active | AlertState::Warming | AlertState::Refused | AlertState::Disabled => {
                State::Unwatched
            }
        };
        self.note(id, offset, self.watermark.value(), Sight::Stands(state));
    }

    pub(super) fn note_trigger(&mut self, trigger: &TriggerFired, offset: u64) {
        if !self.is_observed(trigger.alert_id) {
            return;
        }
        let symbol = trigger.symbol.as_ref().map(ToString::to_string);
        let point = Point {
            at: trigger.close_time,
            subject: symbol.or_else(|| trigger.pair.clone()).unwrap_or_default(),
            condition: trigger.condition,
            value: trigger.value,
            beside: None,
            line: trigger.threshold,
        };
        self.note(trigger.alert_id, offset, trigger.close_time, Sight::Fired(point));
    }

    /// A tick of that symbol, and the one before, against the levels of alerts on ticks.
    pub(super) fn look_at_tick(
        &mut self,
        symbol: usize,
        ts: Timestamp,
        (before, price): (Option<Known>, f64),
        offset: u64,
    ) {
        if self.observed.is_none() {
            return;
        }
        let open = ts.floor(MINUTE);
        let span = Span { open, close: open.plus(MINUTE) };
        for (rank, alert) in self.observed_alerts() {
            let Watch::Price(watch) = &alert.watch else { continue };
            if watch.on_close.is_some() || self.table.find(&watch.symbol) != Some(symbol) {
                continue;
            }
            let (counted, held) = self.may_count(rank, before.map(|before| before.offset), &[]);
            let before = before.filter(|_| counted).map(|before| before.value);
            let sides = sides::of_price(watch, before, price, ts, held);
            let subject = self.symbols[symbol].name.to_string();
            let look = Look { subject, span, seen: Seen::Sides(sides) };
            self.note(alert.id, offset, ts, Sight::Looked(look));
        }
    }

    /// Those that are asked about and evaluated.
    fn observed_alerts(&self) -> Vec<(Rank, Alert)> {
        let ids = self.observed.iter().flat_map(|observed| &observed.alerts);
        let ranks = ids.filter_map(|id| self.alerts.rank_of(*id));
        let evaluated = ranks.filter(|rank| !self.alerts.is_disabled(*rank));
        evaluated.filter_map(|rank| Some((rank, self.alerts.get(rank)?.clone()))).collect()
    }
}

/// The shortest bars it looks at; none: ticks.
fn shortest(watch: &Watch) -> Option<Timeframe> {
    match watch {
        Watch::Rsi(rsi) => Some(rsi.timeframe),
        Watch::Pairs(pairs) => Some(pairs.timeframe),
        Watch::Heatmap(heatmap) => Style::timeframes(heatmap.style).first().copied(),
        Watch::Turn(turn) => Some(turn.timeframe),
        Watch::Strength(strength) => Some(strength.timeframe),
        Watch::Price(price) => price.on_close,
    }
}

/// A bar, and how long such bars are.
type Bar = (Timeframe, OpenBar);

/// The side that both zones and turns call buy and sell.
const BOTH: [Condition; 2] = [Condition::Buy, Condition::Sell];
