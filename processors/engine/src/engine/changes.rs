//! What records do that say what to watch and how: changed alerts, changed settings.

use std::collections::BTreeSet;

use bellwether_schemas::alerts::AlertChanged;
use bellwether_schemas::calendar::CalendarItem;
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::readings::Reading;
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::triggers::{AlertState, AlertStatus, Outcome};
use bellwether_schemas::{Symbol, Timeframe};

use super::{Engine, Shown, Step};
use crate::alerts::{Accepted, Awaited, Rank};
use crate::effect::Effect;
use crate::pairs;
use crate::series::{ANCHORED, NEVER, SymbolState, anchor_of};
use crate::symbols::SymbolTable;
use crate::{ENGINE_VERSION, Version};

/// Readings always show RSI of this period…
const SHOWN_PERIOD: usize = 14;
/// …and coefficients over this window.
const SHOWN_WINDOW: usize = 50;

impl Engine {
    /// The calendar is no input of any alert: only its readings follow.
    pub(super) fn calendar_item(&mut self, item: &CalendarItem, step: &mut Step<'_>) {
        if self.calendar.learn(item, self.watermark.value()) && self.says_readings {
            step.say(Reading::Calendar(item.clone()));
        }
    }

    /// Items whose time is long over are forgotten, and so are their readings.
    pub(super) fn forget_items(&mut self, step: &mut Step<'_>) {
        if self.calendar.is_empty() {
            return;
        }
        for item in self.calendar.forget(self.watermark.value()) {
            if self.says_readings {
                step.effects.push(Effect::Forgotten(Reading::Calendar(item).key()));
            }
        }
    }

    pub(super) fn alert(&mut self, change: &AlertChanged, step: &mut Step<'_>) {
        let is_news = self.alerts.version_of(change.alert_id).is_none_or(|known| change.version > known);
        let accepted = self.alerts.change(step.offset, change, self.settings.max_alerts, &self.table);
        if is_news {
            self.note_change(change, &accepted, step.offset);
        }
        self.shown.is_stale = true;
        let (state, reason) = match accepted {
            Accepted::Silent => return,
            Accepted::Refused(reason) => (AlertState::Refused, Some(reason)),
            Accepted::Watched(rank, left_out) => (self.state_of_new(rank), left_out),
        };
        let status = AlertStatus {
            tenant: self.tenant.clone(),
            kind: change.parameters.kind(),
            alert_id: change.alert_id,
            user_id: change.user_id,
            version: change.version,
            state,
            reason: reason.map(|reason| reason.told(self.version)),
            since: self.watermark(),
            cause: step.cause(),
        };
        step.outcome(Outcome::Status(status));
    }

    /// What operators decide of alerts holds from here on; what they decide of records is asked before those are applied.
    pub(super) fn decision(&mut self, decided: &OperatorDecision, step: &mut Step<'_>) {
        let changed = match decided.decision {
            Decision::DisableAlert { alert_id } => self.alerts.disable(alert_id, &self.table),
            Decision::EnableAlert { alert_id } => self.alerts.enable(alert_id, step.offset, &self.table),
            Decision::Skip { .. } | Decision::Again { .. } | Decision::AcceptGap { .. } => None,
        };
        let Some(rank) = changed else { return };
        self.shown.is_stale = true;
        self.note_decision(rank, step.offset);
        let state = self.state_of_new(rank);
        // Of one that is not watched anyway there is nothing to tell.
        let Some(alert) = self.alerts.get(rank) else { return };
        let status = AlertStatus {
            tenant: self.tenant.clone(),
            kind: alert.kind(),
            alert_id: alert.id,
            user_id: alert.user_id,
            version: alert.version,
            state,
            reason: (state == AlertState::Disabled).then(|| decided.why.clone()),
            since: self.watermark(),
            cause: step.cause(),
        };
        step.outcome(Outcome::Status(status));
    }

    /// Disabled as an operator says; else active when something it watches has a value, and warming until the first.
    fn state_of_new(&mut self, rank: Rank) -> AlertState {
        if self.alerts.is_disabled(rank) {
            return AlertState::Disabled;
        }
        let Some(awaited) = self.alerts.get(rank).map(|alert| alert.watch.awaits(&self.table)) else {
            return AlertState::Warming;
        };
        if awaited.iter().any(|what| self.exists(*what)) {
            return AlertState::Active;
        }
        self.alerts.wait(rank, awaited);
        AlertState::Warming
    }

    pub(super) fn show_what_is_used(&mut self) {
        if !self.shown.is_stale {
            return;
        }
        let periods = self.alerts.rsi.periods().chain(self.alerts.pairs.periods());
        let periods: BTreeSet<usize> = periods.filter(|period| *period != SHOWN_PERIOD).collect();
        let windows: BTreeSet<usize> = self.alerts.pairs.windows().chain([SHOWN_WINDOW]).collect();
        self.shown = Shown {
            periods: periods.into_iter().collect(),
            windows: windows.into_iter().collect(),
            is_stale: false,
        };
    }

    pub(super) fn settings(&mut self, change: &SettingsChanged, step: &mut Step<'_>) {
        let Some(version) = Version::of(change.engine_version) else {
            self.halted = true;
            step.effects.push(Effect::Halt(format!(
                "settings revision {} asks for engine version {}, this is version {ENGINE_VERSION}: upgrade me",
                change.revision, change.engine_version
            )));
            return;
        };
        if !self.is_news(change.revision, version) {
            return;
        }
        (self.revision, self.version) = (Some(change.revision), self.rules.unwrap_or(version));
        self.rearrange(&change.settings);
        self.settings = change.settings.clone();
        self.shown.is_stale = true;
        self.next_end = self.symbols.iter().map(|state| state.next_end).min().unwrap_or(NEVER);
        self.note_settings(step.offset);
    }

    /// A higher revision, or the same one again by newer rules: a producer that knows those publishes its file anew.
    fn is_news(&self, revision: i64, version: Version) -> bool {
        self.revision.is_none_or(|known| revision > known || (revision == known && version > self.version))
    }

    /// Symbols that stay keep their state, as far as the change lets it mean the same; others begin cold.
    fn rearrange(&mut self, next: &Settings) {
        let basis_changed = next.price_basis != self.settings.price_basis;
        let mut before: Vec<Option<SymbolState>> = self.symbols.take_items().into_iter().map(Some).collect();
        let mut moved = Vec::with_capacity(next.symbols.len());
        let mut restarted = Vec::new();
        for symbol in &next.symbols {
            let anchor = anchor_of(symbol, next);
            let place = place_of(&before, &symbol.name).filter(|_| !basis_changed);
            let kept = place.and_then(|place| before[place].take());
            let mut state = kept.unwrap_or_else(|| SymbolState::new(symbol.name.clone(), anchor));
            if state.anchor != anchor {
                state.restart_sessions(anchor);
                restarted.push(moved.len());
            }
            self.symbols.push(state);
            moved.push(place);
        }
        self.sequences.rearrange(&moved);
        self.table = SymbolTable::new(next);
        self.rearrange_pairs(next, &moved, &restarted);
        self.leaders.list(next);
        match (basis_changed, restarted.is_empty()) {
            (true, _) => self.leaders.restart(&Timeframe::ALL),
            (false, false) => self.leaders.restart(&ANCHORED),
            (false, true) => {}
        }
        self.rearrange_alerts(&moved);
    }

    /// A pair keeps its state while both its symbols do and the same is expected of it.
    fn rearrange_pairs(&mut self, next: &Settings, moved: &[Option<usize>], restarted: &[usize]) {
        let mut before = self.pairs.take_items();
        for mut pair in pairs::listed(next, &self.table) {
            let (a, b) = pair.symbols;
            let kept = moved[a].is_some() && moved[b].is_some();
            if let Some(same) = before.iter_mut().find(|old| kept && old.is_same(&pair)) {
                pair.frames = std::mem::take(&mut same.frames);
            }
            if restarted.contains(&a) || restarted.contains(&b) {
                pair.restart(&ANCHORED);
            }
            self.pairs.push(pair);
        }
    }

    fn rearrange_alerts(&mut self, moved: &[Option<usize>]) {
        self.alerts.rearrange(moved, &self.table);
        let waiting: Vec<(Rank, Vec<Awaited>)> = self
            .alerts
            .watches()
            .map(|(rank, watch)| (rank, watch.awaits(&self.table)))
            .filter(|(_, awaited)| !awaited.iter().any(|what| self.exists(*what)))
            .collect();
        for (rank, awaited) in waiting {
            self.alerts.wait(rank, awaited);
        }
    }
}

fn place_of(symbols: &[Option<SymbolState>], name: &Symbol) -> Option<usize> {
    symbols.iter().position(|state| state.as_ref().is_some_and(|state| state.name == *name))
}
