//! Alerts of one tenant: which version is watched since when, and which of them a bar close hits.

mod fire;
mod rsi_tracker;

use std::collections::BTreeMap;

use bellwether_schemas::alerts::{AlertChanged, AlertKind, AlertParameters};
use bellwether_schemas::{AlertId, UserId};

pub(crate) use fire::{Draft, fire};
pub(crate) use rsi_tracker::{RsiIndex, rsi_period};

/// Where an alert stands among all: the journal offset of its first record.
pub(crate) type Order = u64;

/// A version of an alert that is watched.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) id: AlertId,
    pub(crate) user_id: UserId,
    pub(crate) version: i64,
    /// Journal offset from which on it counts.
    pub(crate) effective: u64,
    pub(crate) parameters: AlertParameters,
}

/// What is remembered of every alert that ever was, so that old versions stay old.
#[derive(Debug, Clone, Copy)]
struct Known {
    order: Order,
    version: i64,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// An old version, or a switch off: nothing to tell.
    Silent,
    /// Watched from here on.
    Watched(Order),
    /// Not taken, the version before stays; why, for a person.
    Refused(String),
}

/// All alerts of one tenant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alerts {
    known: BTreeMap<AlertId, Known>,
    watched: BTreeMap<Order, Alert>,
    pub(crate) rsi: RsiIndex,
}

impl Alerts {
    /// Takes a change in at this journal offset.
    pub(crate) fn change(&mut self, offset: u64, change: &AlertChanged, max_alerts: i64) -> Accepted {
        let known = self.known.get(&change.alert_id).copied();
        if known.is_some_and(|known| change.version <= known.version) {
            return Accepted::Silent;
        }
        let order = known.map_or(offset, |known| known.order);
        self.known.insert(change.alert_id, Known { order, version: change.version });
        if change.deleted || !change.active {
            self.forget(order);
            return Accepted::Silent;
        }
        let full = usize::try_from(max_alerts).unwrap_or(0);
        if self.watched.len() >= full && !self.watched.contains_key(&order) {
            return Accepted::Refused(format!("the tenant's limit of {max_alerts} alerts is reached"));
        }
        match parse(&change.parameters) {
            Ok(parameters) => {
                self.forget(order);
                self.watch(order, offset, change, parameters);
                Accepted::Watched(order)
            }
            Err(reason) => Accepted::Refused(reason),
        }
    }

    pub(crate) fn get(&self, order: Order) -> Option<&Alert> {
        self.watched.get(&order)
    }

    fn watch(&mut self, order: Order, offset: u64, change: &AlertChanged, parameters: AlertParameters) {
        match &parameters {
            AlertParameters::RsiTracker(rsi) => self.rsi.insert(order, rsi),
            _ => {}
        }
        let alert = Alert {
            id: change.alert_id,
            user_id: change.user_id,
            version: change.version,
            effective: offset,
            parameters,
        };
        self.watched.insert(order, alert);
    }

    fn forget(&mut self, order: Order) {
        if let Some(alert) = self.watched.remove(&order) {
            match &alert.parameters {
                AlertParameters::RsiTracker(rsi) => self.rsi.remove(order, rsi),
                _ => {}
            }
        }
    }
}

fn parse(parameters: &AlertParameters) -> Result<AlertParameters, String> {
    match parameters {
        AlertParameters::RsiTracker(rsi) => rsi_tracker::parse(rsi).map(AlertParameters::RsiTracker),
        other => Ok(other.clone()),
    }
}

impl Alert {
    pub(crate) const fn kind(&self) -> AlertKind {
        self.parameters.kind()
    }
}
