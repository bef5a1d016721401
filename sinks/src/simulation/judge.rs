//! What has to hold of a world that is done with everything, computed from the journals alone: by a straight fold of each,
//! the undisturbed twin, and by the promises themselves.

mod letters;
mod mails;
mod rows;
mod schedule;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bellwether_schemas::triggers::{Cause, Outcome, TriggerFired};
use bellwether_schemas::{AlertId, TenantId, Timestamp, TopicKind};

use super::market::{self, Letter, Twin};
use super::world::Around;

/// A way in which a promise is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wrong {
    Lost,
    Duplicate,
    Phantom,
    Mismatch,
    CrossTenant,
    Stale,
    Late,
}

impl Wrong {
    pub(super) const ALL: [Self; 7] = [
        Self::Lost,
        Self::Duplicate,
        Self::Phantom,
        Self::Mismatch,
        Self::CrossTenant,
        Self::Stale,
        Self::Late,
    ];

    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicate => "duplicate",
            Self::Phantom => "phantom",
            Self::Mismatch => "payload mismatch",
            Self::CrossTenant => "cross-tenant",
            Self::Stale => "stale version",
            Self::Late => "late",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) wrong: Wrong,
    /// With what: a trigger, a row, a mail, a day.
    pub(super) what: String,
}

/// Everything that is wrong with a world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict(pub(super) Vec<Finding>);

impl Verdict {
    pub(super) fn find(&mut self, wrong: Wrong, what: String) {
        self.0.push(Finding { wrong, what });
    }

    pub(super) const fn is_good(&self) -> bool {
        self.0.is_empty()
    }
}

/// How often each promise is broken.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |wrong| self.0.iter().filter(|finding| finding.wrong == wrong).count();
        let told = Wrong::ALL.map(|wrong| format!("{} {}", count(wrong), wrong.told()));
        f.write_str(&told.join(", "))
    }
}

/// One tenant as it should be.
pub(super) struct Expected {
    pub(super) tenant: TenantId,
    pub(super) outcomes: Vec<Outcome>,
    letters: BTreeSet<Letter>,
    versions: Vec<(i64, AlertId, Option<i64>)>,
    /// Nothing is to come later than that.
    pub(super) by: Timestamp,
}

/// After everything was healed the rest is done within.
const PROMPTLY: i64 = 45 * bellwether_schemas::time::MINUTE;

impl Expected {
    fn of(number: usize, around: &Around) -> Self {
        let tenant = market::tenant(number);
        let journal = around.topic(number, TopicKind::Journal);
        let journal = around.log.read(&journal, 0, u64::from(u32::MAX));
        let Twin { outcomes, letters } = Twin::of(&tenant, &journal);
        let versions = market::versions(&tenant, &journal);
        let by = around.quiet_at().unwrap_or(around.now).plus(PROMPTLY);
        Self { tenant, outcomes, letters, versions, by }
    }

    pub(super) fn fired(&self) -> impl Iterator<Item = &TriggerFired> {
        self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Fired(trigger) => Some(trigger),
            Outcome::Status(_) => None,
        })
    }

    /// The alert's version where that journal record was folded.
    fn version_at(&self, alert: AlertId, offset: i64) -> Option<i64> {
        let before = self.versions.iter().rfind(|(at, of, _)| *of == alert && *at <= offset);
        before.and_then(|(.., version)| *version)
    }
}

/// Judges everything; and how many records of triggers said what was said already.
pub(super) fn judge(around: &Around, has_no_end: bool) -> (Verdict, usize) {
    let mut verdict = Verdict::default();
    let mut repeats = 0;
    if has_no_end {
        verdict.find(Wrong::Late, "the run has no end".into());
    }
    for number in 0..2 {
        let expected = Expected::of(number, around);
        repeats += triggers(number, &expected, around, &mut verdict);
        letters::judge(number, &expected, around, &mut verdict);
        rows::judge(number, &expected, around, &mut verdict);
        mails::judge(number, &expected, around, &mut verdict);
        schedule::judge(number, &expected, around, &mut verdict);
    }
    (verdict, repeats)
}

/// The topic has what the twin has, however often.
fn triggers(number: usize, expected: &Expected, around: &Around, verdict: &mut Verdict) -> usize {
    let topic = around.topic(number, TopicKind::Triggers);
    let records = around.log.outcomes(&topic, 0, u64::from(u32::MAX));
    let by_cause: BTreeMap<Cause, &Outcome> =
        expected.outcomes.iter().map(|outcome| (outcome.cause(), outcome)).collect();
    let mut seen = BTreeSet::new();
    for record in &records {
        let (outcome, cause) = (&record.outcome, record.outcome.cause());
        let what = || format!("trigger {cause} of {}", expected.tenant);
        seen.insert(cause);
        match by_cause.get(&cause) {
            _ if *outcome.tenant() != expected.tenant => verdict.find(Wrong::CrossTenant, what()),
            None => verdict.find(Wrong::Phantom, what()),
            Some(should_be) if *should_be != outcome => verdict.find(Wrong::Mismatch, what()),
            Some(_) => {}
        }
        if let Outcome::Fired(trigger) = outcome
            && expected.version_at(trigger.alert_id, cause.offset) != Some(trigger.alert_version)
        {
            verdict.find(Wrong::Stale, what());
        }
    }
    for cause in by_cause.keys().filter(|cause| !seen.contains(*cause)) {
        verdict.find(Wrong::Lost, format!("trigger {cause} of {}", expected.tenant));
    }
    records.len() - seen.len()
}
