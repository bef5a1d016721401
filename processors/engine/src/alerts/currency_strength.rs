//! `currency_strength_tracker`: the strongest or the weakest currency is another than at the reading before.

use std::collections::BTreeSet;

use bellwether_schemas::Timeframe;
use bellwether_schemas::alerts::{AlertKind, CurrencyStrengthTracker};
use bellwether_schemas::triggers::{Condition, Detail, LeaderChanged};

use super::{Awaited, Draft, Occasion, Rank, Subject};
use crate::Version;
use crate::bars::OpenBar;
use crate::strength::{CURRENCIES, StrengthScore};

/// What one alert watches: all currencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StrengthWatch {
    pub(crate) timeframe: Timeframe,
}

impl StrengthWatch {
    /// What the columns ask for: every timeframe can be watched.
    pub(super) fn parse(columns: &CurrencyStrengthTracker) -> Self {
        Self { timeframe: columns.timeframe.for_trackers() }
    }

    pub(super) fn awaits(&self) -> Vec<Awaited> {
        vec![Awaited::Strength(self.timeframe)]
    }
}

/// The currencies' new reading of one timeframe, and the one before.
pub(crate) struct StrengthStep {
    pub(crate) timeframe: Timeframe,
    /// The bar of the first listed pair that took part.
    pub(crate) bar: OpenBar,
    pub(crate) score: StrengthScore,
    /// With the journal offset of its evaluation.
    pub(crate) before: Option<(StrengthScore, u64)>,
    /// Every bar that took part may fire.
    pub(crate) may_fire: bool,
}

/// A role that another currency has than before; currencies by their place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaderHit {
    role: Condition,
    was: usize,
    now: usize,
}

impl StrengthStep {
    /// The roles that changed hands since the reading `before`.
    pub(crate) fn changes(&self, before: &StrengthScore) -> impl Iterator<Item = LeaderHit> + Clone + use<> {
        let strongest =
            LeaderHit { role: Condition::Strongest, was: before.strongest, now: self.score.strongest };
        let weakest = LeaderHit { role: Condition::Weakest, was: before.weakest, now: self.score.weakest };
        [strongest, weakest].into_iter().filter(|hit| hit.was != hit.now)
    }

    /// The trigger of one change; its values are the scores of the currency that took the role.
    pub(crate) fn draft(
        &self,
        rank: Rank,
        hit: LeaderHit,
        before: &StrengthScore,
        version: Version,
    ) -> Draft {
        let LeaderHit { role, was, now } = hit;
        Draft {
            rank,
            kind: AlertKind::CurrencyStrengthTracker,
            subject: Subject::Everything,
            occasion: Occasion::bar(self.timeframe, &self.bar),
            condition: role,
            value: self.score.scores[now],
            previous: before.scores[now],
            threshold: None,
            price: None,
            detail: Detail::Leader(LeaderChanged {
                role,
                from: CURRENCIES[was].into(),
                to: CURRENCIES[now].into(),
                scores: version.tells_all_scores().then(|| StrengthScore::named(&self.score.scores)),
            }),
        }
    }
}

/// Alerts by timeframe: all of one timeframe watch the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct StrengthIndex {
    by_timeframe: [BTreeSet<Rank>; Timeframe::ALL.len()],
}

impl StrengthIndex {
    pub(super) fn insert(&mut self, rank: Rank, watch: StrengthWatch) {
        self.by_timeframe[watch.timeframe.index()].insert(rank);
    }

    pub(super) fn remove(&mut self, rank: Rank, watch: StrengthWatch) {
        self.by_timeframe[watch.timeframe.index()].remove(&rank);
    }

    /// Who watches that timeframe, by rank.
    pub(crate) fn watchers(&self, timeframe: Timeframe) -> impl Iterator<Item = Rank> {
        self.by_timeframe[timeframe.index()].iter().copied()
    }
}
