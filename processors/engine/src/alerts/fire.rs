//! What was hit at one instant becomes triggers, and those of one alert a group.

use std::collections::BTreeMap;

use bellwether_schemas::alerts::AlertKind;
use bellwether_schemas::triggers::{
    Cause, Circumstances, Condition, Detail, DetailText, Group, TriggerFired, TriggerIdentity, group_id,
    sentence, trigger_id,
};
use bellwether_schemas::{Symbol, TenantId, Timeframe, Timestamp};

use super::{Alert, Alerts, Rank};
use crate::Version;
use crate::bars::OpenBar;

/// What a trigger speaks of. Ordered as triggers of one kind are within an instant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// Neither a symbol nor a pair.
    Everything,
    /// By the symbol's place.
    Symbol(usize, Symbol),
    /// By the pair's place.
    Pair(usize, String),
}

impl Subject {
    fn name(&self) -> &str {
        match self {
            Self::Everything => "",
            Self::Symbol(_, symbol) => symbol.as_str(),
            Self::Pair(_, key) => key,
        }
    }
}

/// The bar, or the tick, at which something was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Occasion {
    /// None for a tick.
    pub(crate) timeframe: Option<Timeframe>,
    pub(crate) open: Timestamp,
    pub(crate) close: Timestamp,
    /// For a tick: accepted ticks of its symbol before it with the same time.
    pub(crate) same_time: Option<u32>,
}

impl Occasion {
    pub(crate) const fn bar(timeframe: Timeframe, bar: &OpenBar) -> Self {
        Self { timeframe: Some(timeframe), open: bar.span.open, close: bar.span.close, same_time: None }
    }
}

/// One alert that was hit, and by what.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) rank: Rank,
    pub(crate) kind: AlertKind,
    pub(crate) subject: Subject,
    pub(crate) occasion: Occasion,
    pub(crate) condition: Condition,
    pub(crate) value: Option<f64>,
    pub(crate) previous: Option<f64>,
    pub(crate) threshold: Option<f64>,
    pub(crate) price: Option<f64>,
    /// The user's own parameters and more, so that a trigger explains itself after its alert is gone.
    pub(crate) detail: Detail,
}

impl Draft {
    /// Its detail with the sentence in it.
    fn told(&self) -> DetailText {
        let pair = match &self.subject {
            Subject::Pair(_, key) => Some(key.as_str()),
            Subject::Everything | Subject::Symbol(..) => None,
        };
        let at = Circumstances {
            condition: self.condition,
            pair,
            timeframe: self.occasion.timeframe,
            value: self.value,
            previous: self.previous,
            threshold: self.threshold,
        };
        DetailText::new(&self.detail, &sentence(&self.detail, &at))
    }

    /// The order within an instant; drafts that are equal in it stand as they were found.
    pub(crate) fn place(&self) -> (AlertKind, Subject, Option<Timeframe>, Rank) {
        (self.kind, self.subject.clone(), self.occasion.timeframe, self.rank)
    }
}

/// Turns the drafts of one instant, in their order, into triggers; `next_index` is the place of the first among
/// the outcomes of the record at `offset`.
pub(crate) fn fire(
    tenant: &TenantId,
    alerts: &Alerts,
    drafts: Vec<Draft>,
    instant: Timestamp,
    offset: u64,
    next_index: i32,
    version: Version,
) -> Vec<TriggerFired> {
    let mut sizes: BTreeMap<Rank, i32> = BTreeMap::new();
    for draft in &drafts {
        *sizes.entry(draft.rank).or_default() += 1;
    }
    let mut places: BTreeMap<Rank, i32> = BTreeMap::new();
    let mut triggers = Vec::with_capacity(drafts.len());
    for (draft, index) in drafts.into_iter().zip(next_index..) {
        let Some(alert) = alerts.get(draft.rank) else { continue };
        let place = places.entry(draft.rank).or_default();
        let size = sizes.get(&draft.rank).copied().unwrap_or(1);
        let same_time = draft.occasion.same_time;
        let id = group_id(tenant, alert.kind(), alert.id, alert.version, instant, same_time);
        let group = Group { id, index: *place, size };
        *place += 1;
        let cause = Cause { offset: offset.cast_signed(), index };
        triggers.push(trigger(tenant, alert, draft, cause, group, version));
    }
    triggers
}

fn trigger(
    tenant: &TenantId,
    alert: &Alert,
    draft: Draft,
    cause: Cause,
    group: Group,
    version: Version,
) -> TriggerFired {
    let Occasion { timeframe, open, close, same_time } = draft.occasion;
    let id = trigger_id(&TriggerIdentity {
        tenant,
        kind: draft.kind,
        alert_id: alert.id,
        alert_version: alert.version,
        subject: draft.subject.name(),
        timeframe,
        open_time: open,
        same_time,
        condition: draft.condition,
    });
    let detail = draft.told();
    let (symbol, pair) = match draft.subject {
        Subject::Everything => (None, None),
        Subject::Symbol(_, symbol) => (Some(symbol), None),
        Subject::Pair(_, key) => (None, Some(key)),
    };
    TriggerFired {
        id,
        tenant: tenant.clone(),
        kind: draft.kind,
        alert_id: alert.id,
        alert_version: alert.version,
        user_id: alert.user_id,
        symbol,
        pair,
        timeframe,
        open_time: open,
        close_time: close,
        condition: draft.condition,
        value: draft.value,
        previous: draft.previous,
        threshold: draft.threshold,
        price: draft.price,
        detail,
        cause,
        engine_version: version.number(),
        group,
    }
}
