//! Alerts of the file that the tenant has too: they come and go as the tenant's do.

use std::collections::BTreeMap;

use bellwether_runtime::journal::gist::Gist;
use bellwether_runtime::log::Log;
use bellwether_schemas::alerts::{AlertChanged, AlertParameters};
use bellwether_schemas::{AlertId, TenantId};

use crate::BacktestError;
use crate::alerts::Alert;

/// Those of the file that the journal speaks of.
pub(crate) struct Own(BTreeMap<AlertId, Owned>);

struct Owned {
    active: bool,
    parameters: AlertParameters,
    /// Added to each recorded version.
    ahead: i64,
}

impl Own {
    /// By id and kind. Blocks while the gist of the journal is read.
    pub(super) fn new(log: &dyn Log, tenant: &TenantId, alerts: &[Alert]) -> Result<Self, BacktestError> {
        let (gist, _) = Gist::read(log, tenant)?;
        let is_known = |alert: &&Alert| {
            let change = gist.alert(alert.id).and_then(|seen| seen.change());
            change.is_some_and(|change| change.parameters.kind() == alert.parameters.kind())
        };
        let owned = |alert: &Alert| {
            let parameters = alert.parameters.clone();
            (alert.id, Owned { active: alert.active, parameters, ahead: 0 })
        };
        Ok(Self(alerts.iter().filter(is_known).map(owned).collect()))
    }

    pub(crate) fn has(&self, id: AlertId) -> bool {
        self.0.contains_key(&id)
    }

    /// What a record of the tenant's own says once the file has its say; none of an alert that the file does not have.
    pub(crate) fn instead(&self, recorded: AlertChanged) -> Option<AlertChanged> {
        let owned = self.0.get(&recorded.alert_id)?;
        Some(AlertChanged {
            version: recorded.version.saturating_add(owned.ahead),
            active: recorded.active && owned.active,
            parameters: owned.parameters.clone(),
            ..recorded
        })
    }

    /// At a state to begin with, where the tenant's alerts are watched already: each that the file has, and whether it is to be
    /// watched otherwise. Those that are as they were stay, with all they remember; of the others a version more is said, or
    /// the engine would not listen.
    pub(crate) fn at_base(&mut self, gist: &Gist) -> Vec<(AlertChanged, bool)> {
        let mut known = Vec::new();
        for change in gist.alerts().filter_map(|seen| seen.change()) {
            let Some(owned) = self.0.get_mut(&change.alert_id) else { continue };
            let is_other = change.parameters != owned.parameters || !owned.active;
            owned.ahead = is_other.into();
            known.extend(self.instead(change).map(|change| (change, is_other)));
        }
        known
    }
}
