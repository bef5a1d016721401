//! The triggers of a run over a journal beside those that were recorded of the same range.
//!
//! An alert that the tenant has too, by its id, comes in where the journal first speaks of it, and is paused, deleted and
//! disabled where it was: only what it watches is the file's ([`own`]). So the baseline, a pause, what was spent and whether it
//! is in its cooldown are what they were, and whatever differs is what the file changed. An alert that the tenant never had
//! comes in where the range begins. What counts as the same trigger stands in [`matching`].

mod matching;
mod own;

use std::collections::{BTreeMap, BTreeSet};

use bellwether_runtime::log::Log;
use bellwether_schemas::triggers::{Cause, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, Entry, TenantId, Timestamp, Topic, TopicKind};
use bellwether_worker::GROUP;
use bellwether_worker::replay::recorded;
use serde::Serialize;

use crate::BacktestError;
use crate::alerts::Alert;
use crate::journal::{Boundary, Journal};
pub use matching::{Difference, Told, What};
use matching::{Pairs, pairs};
pub(crate) use own::Own;

/// Differences that are kept one by one.
const KEPT: usize = 1_000;

/// How the triggers of a run and the recorded ones go together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// In both, of the same alert at the same instant.
    pub matching: u64,
    /// Of these, with another value, line or price.
    pub altered: u64,
    /// Recorded, and not of the run.
    pub missing: u64,
    /// Of the run, and not recorded.
    pub extra: u64,
    /// In both, at another bar or instant nearby.
    pub drifted: u64,
}

impl Counts {
    /// Nothing differs.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.altered + self.missing + self.extra + self.drifted == 0
    }

    const fn count(&mut self, what: What) {
        match what {
            What::Altered => self.altered += 1,
            What::Missing => self.missing += 1,
            What::Extra => self.extra += 1,
            What::Drifted => self.drifted += 1,
        }
    }

    const fn add(&mut self, other: &Self) {
        self.matching += other.matching;
        self.altered += other.altered;
        self.missing += other.missing;
        self.extra += other.extra;
        self.drifted += other.drifted;
    }
}

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Compared {
    /// Nothing differs.
    pub same: bool,
    /// Of all alerts of the file.
    #[serde(flatten)]
    pub counts: Counts,
    /// Triggers of the run from behind what was worked on when it was looked: nobody knows yet whether they will be recorded.
    pub pending: u64,
    /// Recorded triggers of alerts that the file does not have. They are not compared.
    pub of_others: u64,
    /// The journal offset from which on triggers are still kept, where older ones are not: those are not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_from: Option<u64>,
    /// Each alert that has any, in the file's order.
    pub alerts: Vec<AlertCompared>,
    /// In their order in time; of many the first thousand.
    pub differences: Vec<Difference>,
}

/// Of one alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertCompared {
    /// Its id.
    pub id: AlertId,
    /// What it is called.
    pub name: String,
    /// Whether the tenant has it, or had it once.
    pub known: bool,
    /// Its triggers.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A trigger, and the offset of the journal's record that it came of.
type At = (u64, TriggerFired);

/// Takes the triggers of a run and the recorded ones of the same range. Holds both in memory.
pub struct Comparing {
    own: Own,
    /// Of the file, in its order.
    names: Vec<(AlertId, String)>,
    ids: BTreeSet<AlertId>,
    span: Span,
    /// Of the record that is folded now.
    offset: u64,
    fired: Vec<At>,
}

impl Comparing {
    /// Before a run over that journal with these alerts. Blocks while it is read which of them the tenant has.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn new(journal: &Journal<'_>, alerts: &[Alert]) -> Result<Self, BacktestError> {
        Ok(Self {
            own: Own::new(journal.log, &journal.tenant, alerts)?,
            names: alerts.iter().map(|alert| (alert.id, alert.title())).collect(),
            ids: alerts.iter().map(|alert| alert.id).collect(),
            span: Span { from: journal.from, to: journal.to },
            offset: 0,
            fired: Vec::new(),
        })
    }

    pub(crate) const fn own(&mut self) -> &mut Own {
        &mut self.own
    }

    /// The event time behind which nothing is compared.
    pub(crate) const fn until(&self) -> Timestamp {
        match self.span.to {
            Some(Boundary::Time(time)) => time,
            Some(Boundary::Offset(_)) | None => Timestamp::MAX,
        }
    }

    /// What is folded of the journal's record at that offset. None is cut at the range's end, as a run by itself does: a tick
    /// beyond it may be what closes its last bar.
    pub(crate) fn entry(&mut self, offset: u64, entry: Entry) -> Option<Entry> {
        self.offset = offset;
        match entry {
            Entry::Alert(change) => self.own.instead(change).map(Entry::Alert),
            other => Some(other),
        }
    }

    /// Whether this trigger of the run counts: of an alert of the file, within the range.
    pub(crate) fn take(&mut self, trigger: &TriggerFired) -> bool {
        let counts = self.ids.contains(&trigger.alert_id) && self.span.has(trigger, self.offset);
        if counts {
            self.fired.push((self.offset, trigger.clone()));
        }
        counts
    }

    /// Reads what was recorded of the journal's records within `folded`, and compares.
    pub(crate) fn conclude(
        mut self,
        log: &dyn Log,
        tenant: &TenantId,
        folded: std::ops::Range<u64>,
    ) -> Result<Compared, BacktestError> {
        let Recorded { triggers, of_others, kept_from, last } = self.recorded(log, tenant, &folded)?;
        let start = folded.start.max(kept_from.unwrap_or(0));
        let done = log.committed(GROUP, &Topic::new(tenant, TopicKind::Journal))?.unwrap_or(0);
        // Of the last record that anything was recorded of, not everything need be.
        let is_pending = |offset: u64| last.is_none_or(|last| offset >= last) && offset >= done;
        let [recorded, fired] = [triggers, std::mem::take(&mut self.fired)]
            .map(|triggers| triggers.into_iter().filter(|at| at.0 >= start));
        let Pairs { counts, pending, mut differences } = pairs(recorded, fired, &is_pending);
        let mut all = Counts::default();
        counts.values().for_each(|counts| all.add(counts));
        differences.truncate(KEPT);
        let compared = self.names.into_iter().filter_map(|(id, name)| {
            let known = self.own.has(id);
            counts.get(&id).map(|counts| AlertCompared { id, name, known, counts: *counts })
        });
        Ok(Compared {
            same: all.is_same(),
            counts: all,
            pending,
            of_others,
            kept_from,
            alerts: compared.collect(),
            differences,
        })
    }

    fn recorded(
        &self,
        log: &dyn Log,
        tenant: &TenantId,
        folded: &std::ops::Range<u64>,
    ) -> Result<Recorded, BacktestError> {
        let mut triggers = BTreeMap::new();
        let (mut others, mut first, mut last) = (BTreeSet::new(), None, None);
        for read in recorded(log, tenant, &(0..folded.end))? {
            let (_, Some(outcome)) = read? else { continue };
            let cause = outcome.cause();
            first.get_or_insert(cause);
            last = last.max(Some(cause.offset.cast_unsigned()));
            let Outcome::Fired(trigger) = outcome else { continue };
            if !self.span.has(&trigger, cause.offset.cast_unsigned()) {
                continue;
            }
            // Delivered twice, it stands there twice: by its cause it is one.
            if self.ids.contains(&trigger.alert_id) {
                triggers.insert(cause, trigger);
            } else {
                others.insert(cause);
            }
        }
        let is_cut = log.bounds(&Topic::new(tenant, TopicKind::Triggers))?.start > 0;
        // What stood before the first of the same record may be gone with the rest.
        let kept_from = first.filter(|_| is_cut).map(|first: Cause| first.offset.cast_unsigned() + 1);
        let triggers = triggers.into_iter().map(|(cause, trigger)| (cause.offset.cast_unsigned(), trigger));
        Ok(Recorded { triggers: triggers.collect(), of_others: others.len() as u64, kept_from, last })
    }
}

/// What stands in the triggers topic, each once.
struct Recorded {
    triggers: Vec<At>,
    of_others: u64,
    kept_from: Option<u64>,
    /// The last record that anything was recorded of.
    last: Option<u64>,
}

/// The part of the journal that is compared.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Option<Boundary>,
    to: Option<Boundary>,
}

impl Span {
    /// By the offset of its cause, or by the end of its bar: one that ends where the range does is whole, a tick then is not
    /// in it any more.
    fn has(&self, trigger: &TriggerFired, offset: u64) -> bool {
        let at = trigger.close_time;
        let has_begun = match self.from {
            None => true,
            Some(Boundary::Offset(from)) => offset >= from,
            Some(Boundary::Time(from)) => at >= from,
        };
        let goes_on = match self.to {
            None => true,
            Some(Boundary::Offset(to)) => offset < to,
            Some(Boundary::Time(to)) => at < to || (at == to && trigger.timeframe.is_some()),
        };
        has_begun && goes_on
    }
}
