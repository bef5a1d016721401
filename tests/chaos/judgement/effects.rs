//! What was written of each trigger: its row, what its user's page is told, and by which version of the alert.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use crate::judged::{Fired, text};
use crate::world::{Shop, World};

/// A row of any table of triggers.
const ROWS: &str = "
    select id, alert_id, user_id, alert_version from public.rsi_tracker_alert_triggers
    union all select id, alert_id, user_id, alert_version from public.rsi_correlation_tracker_alert_triggers
    union all select id, alert_id, user_id, alert_version from public.heatmap_tracker_alert_triggers
    union all select id, alert_id, user_id, alert_version from public.heatmap_indicator_tracker_alert_triggers
    union all select id, alert_id, user_id, alert_version from public.currency_strength_tracker_alert_triggers
    union all select id, alert_id, user_id, alert_version from public.price_alert_triggers";
const EVENTS: &str = "select user_id, trigger_id, (payload ->> 'alert_version')::bigint
    from public.user_events where type = 'trigger'";
/// Users whose lines have a hole, or do not begin with the first.
const HOLES: &str = "select user_id from public.user_events group by user_id
    having min(seq) <> 1 or max(seq) <> count(*)";

/// How many there are of each thing that may not be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Faults {
    pub(super) lost: usize,
    pub(super) duplicate: usize,
    pub(super) phantom: usize,
    pub(super) mismatch: usize,
    pub(super) crossed: usize,
    pub(super) stale: usize,
    pub(super) late: usize,
}

impl Faults {
    pub(super) fn add(&mut self, other: Self) {
        let Self { lost, duplicate, phantom, mismatch, crossed, stale, late } = other;
        self.lost += lost;
        self.duplicate += duplicate;
        self.phantom += phantom;
        self.mismatch += mismatch;
        self.crossed += crossed;
        self.stale += stale;
        self.late += late;
    }

    pub(super) fn are_none(self) -> bool {
        self == Self::default()
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { lost, duplicate, phantom, mismatch, crossed, stale, late } = self;
        write!(
            f,
            "{lost} lost, {duplicate} duplicate, {phantom} phantom, {mismatch} payload mismatch, {crossed} cross-tenant, \
             {stale} stale version, {late} late"
        )
    }
}

/// Versions of alerts by where in the journal they begin to hold.
pub(super) struct Versions(BTreeMap<Uuid, Vec<(u64, i64)>>);

impl Versions {
    pub(super) fn of(journal: &[Value]) -> Self {
        let mut versions: BTreeMap<Uuid, Vec<(u64, i64)>> = BTreeMap::new();
        for line in journal.iter().filter(|line| line["type"] == "alert_changed") {
            let id = text(&line["record"]["alert_id"]).parse().unwrap();
            let (offset, version) =
                (line["offset"].as_u64().unwrap(), line["record"]["version"].as_i64().unwrap());
            let known = versions.entry(id).or_default();
            if known.last().is_none_or(|(_, last)| *last < version) {
                known.push((offset, version));
            }
        }
        Self(versions)
    }

    /// The one in force right before what stands at that offset.
    fn at(&self, alert: Uuid, offset: u64) -> Option<i64> {
        let known = self.0.get(&alert)?;
        known.iter().rev().find(|(from, _)| *from < offset).map(|(_, version)| *version)
    }
}

/// Triggers of the topic whose version was not the one in force; and the version of each.
pub(super) fn stale(topic: &[Value], versions: &Versions) -> (usize, BTreeMap<Uuid, i64>) {
    let mut said = BTreeMap::new();
    let mut stale = 0;
    for record in topic.iter().filter(|line| line["type"] == "trigger_fired").map(|line| &line["record"]) {
        let id = |name: &str| text(&record[name]).parse::<Uuid>().unwrap();
        let (version, cause) = (record["alert_version"].as_i64(), record["cause"]["offset"].as_u64());
        stale += usize::from(version != versions.at(id("alert_id"), cause.unwrap()));
        said.insert(id("id"), version.unwrap());
    }
    (stale, said)
}

/// Rows and events that are not what the reference says, or are of another version than the topic says.
pub(super) fn written(
    world: &World,
    shop: &Shop,
    expected: &[Fired],
    versions: &BTreeMap<Uuid, i64>,
) -> (Faults, usize) {
    let due: BTreeMap<Uuid, &Fired> = expected.iter().map(|trigger| (trigger.id, trigger)).collect();
    let mut faults = Faults::default();
    for (id, alert, user, version) in world.query::<(Uuid, Uuid, Uuid, i64)>(shop, ROWS) {
        let is_right =
            due.get(&id).is_none_or(|trigger| (trigger.alert_id, trigger.user_id) == (alert, user));
        faults.mismatch += usize::from(!is_right || versions.get(&id) != Some(&version));
    }
    let events = world.query::<(Uuid, Uuid, i64)>(shop, EVENTS);
    let mut told = BTreeSet::new();
    for (user, id, version) in &events {
        faults.duplicate += usize::from(!told.insert(*id));
        match due.get(id) {
            None => faults.phantom += 1,
            Some(trigger) => {
                let is_right = trigger.user_id == *user && versions.get(id) == Some(version);
                faults.mismatch += usize::from(!is_right);
            }
        }
    }
    faults.lost += due.keys().filter(|id| !told.contains(*id)).count();
    faults.lost += world.query::<(Uuid,)>(shop, HOLES).len();
    (faults, events.len())
}
