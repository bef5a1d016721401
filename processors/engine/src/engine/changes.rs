//! What a record of the tenant's wishes does: alerts and settings.

use bellwether_schemas::alerts::{AlertChanged, AlertParameters};
use bellwether_schemas::settings::{Settings, SettingsChanged};
use bellwether_schemas::triggers::{AlertState, AlertStatus, Outcome};
use bellwether_schemas::{SessionAnchor, Symbol, Timestamp};

use super::{Engine, Step};
use crate::ENGINE_VERSION;
use crate::alerts::{Accepted, Alert, Order, rsi_period};
use crate::effect::Effect;
use crate::series::{Closed, SymbolState};
use crate::symbols::SymbolTable;

impl Engine {
    pub(super) fn alert(&mut self, change: &AlertChanged, step: &mut Step<'_>) {
        let (state, reason) = match self.alerts.change(step.offset, change, self.settings.max_alerts) {
            Accepted::Silent => return,
            Accepted::Refused(reason) => (AlertState::Refused, Some(reason)),
            Accepted::Watched(order) => (self.state_of_new(order), None),
        };
        let status = AlertStatus {
            tenant: self.tenant.clone(),
            kind: change.parameters.kind(),
            alert_id: change.alert_id,
            user_id: change.user_id,
            version: change.version,
            state,
            reason,
            since: self.watermark(),
            cause: step.cause(),
        };
        step.outcome(Outcome::Status(status));
    }

    /// Active when what it watches has a value in any symbol, else warming until the first.
    fn state_of_new(&mut self, order: Order) -> AlertState {
        let Some(Alert { parameters: AlertParameters::RsiTracker(rsi), .. }) = self.alerts.get(order) else {
            return AlertState::Warming;
        };
        let (timeframe, period) = (rsi.timeframe.index(), rsi_period(rsi));
        if self.symbols.iter().any(|state| state.series[timeframe].indicators.rsi.value(period).is_some()) {
            return AlertState::Active;
        }
        let rsi = rsi.clone();
        self.alerts.rsi.warm(order, &rsi);
        AlertState::Warming
    }

    /// Alerts whose first value came with this bar are active from its close on.
    pub(super) fn report_warmed(&mut self, closed: &Closed, step: &mut Step<'_>) {
        let bank = &self.symbols[closed.symbol].series[closed.timeframe.index()].indicators.rsi;
        for order in self.alerts.rsi.warmed(closed.timeframe, bank) {
            let Some(alert) = self.alerts.get(order) else { continue };
            let status = AlertStatus {
                tenant: self.tenant.clone(),
                kind: alert.kind(),
                alert_id: alert.id,
                user_id: alert.user_id,
                version: alert.version,
                state: AlertState::Active,
                reason: None,
                since: Some(closed.bar.span.close),
                cause: step.cause(),
            };
            step.outcome(Outcome::Status(status));
        }
    }

    pub(super) fn settings(&mut self, change: &SettingsChanged, step: &mut Step<'_>) {
        if change.engine_version > ENGINE_VERSION {
            self.halted = true;
            step.effects.push(Effect::Halt(format!(
                "settings revision {} asks for engine version {}, this is version {ENGINE_VERSION}: upgrade me",
                change.revision, change.engine_version
            )));
            return;
        }
        if self.revision.is_some_and(|known| change.revision <= known) {
            return;
        }
        self.revision = Some(change.revision);
        self.rearrange(&change.settings);
        self.settings = change.settings.clone();
        self.next_end = self.symbols.iter().map(|state| state.next_end).min().unwrap_or(Timestamp::MAX);
    }

    /// Symbols that stay keep their state, as far as the change lets it mean the same; others begin cold.
    fn rearrange(&mut self, next: &Settings) {
        let basis_changed = next.price_basis != self.settings.price_basis;
        let mut before: Vec<Option<SymbolState>> =
            std::mem::take(&mut self.symbols).into_iter().map(Some).collect();
        let mut moved = Vec::with_capacity(next.symbols.len());
        for symbol in &next.symbols {
            let anchor = if symbol.always_open { SessionAnchor::UTC } else { next.session_anchor };
            let place = place_of(&before, &symbol.name).filter(|_| !basis_changed);
            let kept = place.and_then(|place| before[place].take());
            let mut state = kept.unwrap_or_else(|| SymbolState::new(symbol.name.clone(), anchor));
            if state.anchor != anchor {
                state.restart_sessions(anchor);
            }
            self.symbols.push(state);
            moved.push(place);
        }
        self.sequences.rearrange(&moved);
        self.table = SymbolTable::new(next);
    }
}

fn place_of(symbols: &[Option<SymbolState>], name: &Symbol) -> Option<usize> {
    symbols.iter().position(|state| state.as_ref().is_some_and(|state| state.name == *name))
}
