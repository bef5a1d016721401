//! What operators decided about a tenant's journal, known before it is folded.
//!
//! A decision stands behind the record that it is about. So whoever folds from an offset on first looks through what is
//! left of the journal for decisions, and then decides of every record as everybody else does who folds it.

use std::collections::BTreeMap;

use bellwether_schemas::codec::{SchemaName, schema_id};
use bellwether_schemas::decisions::{Decision, OperatorDecision};
use bellwether_schemas::journal::Unusable;
use bellwether_schemas::{Entry, TenantId, Topic, TopicKind};

use crate::log::{Log, Record, Result, scan};

/// The decisions of a journal, as far as it was read for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decisions {
    /// By the record that is skipped: who decided, and why.
    skipped: BTreeMap<u64, (String, String)>,
    /// By the record that is folded after all: where the last decision about it stands.
    again: BTreeMap<u64, u64>,
    /// By the last record that was folded: the first one behind the gap.
    gaps: BTreeMap<u64, u64>,
    /// The journal offset before which all are known.
    read_to: u64,
}

impl Decisions {
    /// Those between that journal offset and the journal's end. Blocks while it is read.
    ///
    /// # Errors
    /// The journal does not exist or the log is out of reach.
    pub fn collect(log: &dyn Log, tenant: &TenantId, from: u64) -> Result<Self> {
        let mut decisions = Self { read_to: from, ..Self::default() };
        decisions.read_on(log, tenant)?;
        Ok(decisions)
    }

    fn read_on(&mut self, log: &dyn Log, tenant: &TenantId) -> Result<()> {
        let journal = Topic::new(tenant, TopicKind::Journal);
        let bounds = log.bounds(&journal)?;
        if bounds.next <= self.read_to {
            return Ok(());
        }
        for record in scan(log, &journal, self.read_to.max(bounds.start)..bounds.next)? {
            let record = record?;
            // Most records are ticks, which are not looked into for this.
            if schema_id(&record.value) != Some(SchemaName::OperatorDecision.id()) {
                continue;
            }
            if let Ok(Entry::Decision(decided)) = record.entry(tenant) {
                self.see(record.offset, decided);
            }
        }
        self.read_to = bounds.next;
        Ok(())
    }

    /// Takes in the decision that stands at that offset; false where it is about nothing that stands before it: what is to
    /// come is not decided of. What is decided of an alert holds from there on, and the engine takes it in.
    pub fn see(&mut self, at: u64, decided: OperatorDecision) -> bool {
        let OperatorDecision { decision, who, why, .. } = decided;
        let before = |offset: i64| u64::try_from(offset).ok().filter(|offset| *offset < at);
        match decision {
            Decision::Skip { offset } => {
                let Some(offset) = before(offset) else { return false };
                self.skipped.insert(offset, (who, why));
            }
            Decision::Again { offset } => {
                let Some(offset) = before(offset) else { return false };
                self.again.insert(offset, at);
            }
            Decision::AcceptGap { last_folded, first_readable } => {
                let (Some(last), Some(first)) = (before(last_folded), u64::try_from(first_readable).ok())
                else {
                    return false;
                };
                self.gaps.insert(last, first);
            }
            Decision::DisableAlert { .. } | Decision::EnableAlert { .. } => return false,
        }
        true
    }

    /// What the record is worth to whoever folds the tenant's journal: as [`Record::entry`] says, unless it is skipped.
    ///
    /// # Errors
    /// The record is not to be used, and to be kept among the dead letters.
    pub fn entry(&self, tenant: &TenantId, record: &Record) -> std::result::Result<Entry, Unusable> {
        match self.skipped.get(&record.offset) {
            Some((who, why)) => Err(Unusable::Skipped { who: who.clone(), why: why.clone() }),
            None => record.entry(tenant),
        }
    }

    /// The record at that offset is not folded.
    #[must_use]
    pub fn is_skipped(&self, offset: u64) -> bool {
        self.skipped.contains_key(&offset)
    }

    /// It was decided at or behind that journal offset that the record is folded after all.
    #[must_use]
    pub fn is_again(&self, offset: u64, decided_from: u64) -> bool {
        self.again.get(&offset).is_some_and(|at| *at >= decided_from)
    }

    /// The first record behind the gap that was accepted after the record at that offset.
    #[must_use]
    pub fn gap_behind(&self, last_folded: u64) -> Option<u64> {
        self.gaps.get(&last_folded).copied()
    }

    /// Nothing was decided.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.skipped.is_empty() && self.again.is_empty() && self.gaps.is_empty()
    }

    /// The journal offset before which all decisions are known.
    #[must_use]
    pub const fn read_to(&self) -> u64 {
        self.read_to
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::{Origin, Timestamp};

    use super::*;

    fn decided(decision: Decision) -> OperatorDecision {
        let origin = Origin {
            tenant: "fxlabs".parse().unwrap(),
            source: "operator".into(),
            session: String::new(),
            played: false,
            appended_at: Timestamp(0),
        };
        OperatorDecision { origin, decision, who: "asha".into(), why: "it kills".into() }
    }

    #[test]
    fn a_record_is_skipped_by_a_decision_behind_it_and_by_no_other() {
        let mut decisions = Decisions::default();
        for (at, offset, counts) in [(7, 5, true), (8, 8, false), (8, 9, false), (9, -1, false)] {
            assert_eq!(decisions.see(at, decided(Decision::Skip { offset })), counts, "{at} about {offset}");
        }
        let skipped = (0..20).filter(|offset| decisions.is_skipped(*offset));
        assert_eq!(skipped.collect::<Vec<_>>(), [5]);
        let record = Record {
            offset: 5,
            appended_at: Timestamp(0),
            key: Vec::new(),
            headers: Vec::new(),
            value: Vec::new(),
        };
        let tenant = "fxlabs".parse().unwrap();
        let worth = decisions.entry(&tenant, &record).unwrap_err();
        assert_eq!(
            (worth.reason(), worth.to_string().as_str()),
            ("skipped", "asha decided to skip it: it kills")
        );
        let other = decisions.entry(&tenant, &Record { offset: 6, ..record }).unwrap_err();
        assert_eq!(other.reason(), "undecodable");
    }

    #[test]
    fn a_decision_to_fold_a_record_after_all_counts_from_where_it_was_put_aside() {
        let mut decisions = Decisions::default();
        assert!(decisions.see(7, decided(Decision::Again { offset: 5 })));
        assert!(decisions.is_again(5, 7) && !decisions.is_again(5, 8) && !decisions.is_again(6, 0));
    }

    #[test]
    fn a_gap_is_known_by_the_record_before_it() {
        let mut decisions = Decisions::default();
        assert!(decisions.see(40, decided(Decision::AcceptGap { last_folded: 9, first_readable: 30 })));
        assert_eq!([8, 9, 30].map(|last| decisions.gap_behind(last)), [None, Some(30), None]);
    }
}
