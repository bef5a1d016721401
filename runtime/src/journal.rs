//! Reading a tenant's journal as the worker reads it.
//!
//! What a record is worth is decided in one place, [`Record::entry`]: an entry of this tenant, or one that is put
//! aside because nobody can read it or it names another tenant. The worker folds the first and keeps the second among
//! the dead letters; everybody else who reads a journal goes through [`entries`], so that all of them agree. Who folds
//! it goes through [`entries_to_fold`], which knows what operators decided to skip.

pub mod gist;

use std::ops::Range;

use bellwether_schemas::journal::Unusable;
use bellwether_schemas::{Entry, TenantId, Timestamp, Topic, TopicKind};

use self::gist::Gist;
use crate::decisions::Decisions;
use crate::log::{Log, Record, Result, Scan, scan};
use crate::snapshots::SnapshotFault;

/// Reads the tenant's journal within `range` to where it ends now. Ends, fails and blocks as [`scan`] does.
///
/// # Errors
/// The journal does not exist or the log is out of reach.
pub fn entries(log: &dyn Log, tenant: &TenantId, range: Range<u64>) -> Result<Entries> {
    let scan = scan(log, &Topic::new(tenant, TopicKind::Journal), range)?;
    Ok(Entries { tenant: tenant.clone(), scan, decisions: Decisions::default() })
}

/// The same, for who folds what it reads: what an operator decided to skip is put aside. Decisions behind the range
/// count as well.
///
/// # Errors
/// As [`entries`].
pub fn entries_to_fold(log: &dyn Log, tenant: &TenantId, range: Range<u64>) -> Result<Entries> {
    let decisions = Decisions::collect(log, tenant, range.start)?;
    Ok(Entries { decisions, ..entries(log, tenant, range)? })
}

/// Records of a journal, each with what it says: see [`entries`].
pub struct Entries {
    tenant: TenantId,
    scan: Scan,
    decisions: Decisions,
}

impl Entries {
    /// The offset it began at: above 0 where the journal's front is gone.
    #[must_use]
    pub const fn start(&self) -> u64 {
        self.scan.start()
    }

    /// The offset before which it ends.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.scan.end()
    }
}

impl Iterator for Entries {
    /// The record and its entry, or why it is put aside.
    type Item = Result<(Record, std::result::Result<Entry, Unusable>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.scan.next()?;
        Some(read.map(|record| {
            let entry = self.decisions.entry(&self.tenant, &record);
            (record, entry)
        }))
    }
}

/// The first offset of the tenant's journal whose entry carries an event time at or after `at`; the journal's end
/// when there is none. Records carry the time of their append, so entries are read: those behind the newest snapshot that
/// has not seen that time. What is put aside has no time.
///
/// # Errors
/// As [`entries`], or the scan ended early.
pub fn find_event_time(log: &dyn Log, tenant: &TenantId, at: Timestamp) -> Result<u64> {
    let from = match Gist::stored_before_time(log, tenant, at) {
        Ok(from) => from,
        Err(SnapshotFault::Log(error)) => return Err(error),
        // What is wrong with snapshots is for who folds by them.
        Err(SnapshotFault::JournalCut { .. } | SnapshotFault::JournalDiffers { .. }) => 0,
    };
    let entries = entries(log, tenant, from..u64::MAX)?;
    let end = entries.end();
    for read in entries {
        let (record, entry) = read?;
        if entry.is_ok_and(|entry| entry.event_time().is_some_and(|time| time >= at)) {
            return Ok(record.offset);
        }
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bellwether_schemas::decisions::{Decision, OperatorDecision};
    use bellwether_schemas::journal::Heartbeat;
    use bellwether_schemas::{Origin, codec};

    use super::*;
    use crate::clock::Clock;
    use crate::log::{Access, NewRecord, open};

    fn tenant() -> TenantId {
        "fxlabs".parse().unwrap()
    }

    fn heartbeat(of: &str, key: &str, ts: i64) -> NewRecord {
        let origin = Origin {
            tenant: of.parse().unwrap(),
            source: "test".into(),
            session: "1".into(),
            played: true,
            appended_at: Timestamp(0),
        };
        let entry = Entry::Heartbeat(Heartbeat { origin, ts: Timestamp(ts) });
        NewRecord { key: key.into(), value: codec::encode_entry(&entry).unwrap() }
    }

    fn journal(records: Vec<NewRecord>) -> (tempfile::TempDir, Arc<dyn Log>) {
        let dir = tempfile::tempdir().unwrap();
        let log =
            open(&format!("embedded:{}", dir.path().display()), Access::Write, Clock::system()).unwrap();
        let journal = Topic::new(&tenant(), TopicKind::Journal);
        log.create(&journal).unwrap();
        log.append(&journal, records).wait().unwrap();
        (dir, log)
    }

    #[test]
    fn records_of_others_and_of_nobody_are_given_as_what_they_are_and_in_their_place() {
        let garbage = NewRecord { key: Vec::new(), value: b"no entry".to_vec() };
        let (_dir, log) = journal(vec![
            heartbeat("fxlabs", "fxlabs", 10),
            garbage,
            heartbeat("fxlabs", "hextech", 20),
            heartbeat("hextech", "fxlabs", 30),
            heartbeat("fxlabs", "", 40),
        ]);
        let read = entries(log.as_ref(), &tenant(), 0..u64::MAX).unwrap().map(|read| {
            let (record, entry) = read.unwrap();
            (record.offset, entry.map_or_else(|unusable| unusable.reason(), |entry| entry.name()))
        });
        let expected =
            [(0, "heartbeat"), (1, "undecodable"), (2, "misrouted"), (3, "misrouted"), (4, "heartbeat")];
        assert_eq!(read.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn who_folds_a_journal_leaves_out_what_is_decided_of_wherever_the_decision_stands() {
        let origin = Origin {
            tenant: tenant(),
            source: "operator".into(),
            session: String::new(),
            played: false,
            appended_at: Timestamp(0),
        };
        let decision = Decision::Skip { offset: 1 };
        let (who, why) = ("asha".into(), String::new());
        let decided = Entry::Decision(OperatorDecision { origin, decision, who, why });
        let decided = NewRecord { key: Vec::new(), value: codec::encode_entry(&decided).unwrap() };
        let ours = |ts| heartbeat("fxlabs", "", ts);
        let (_dir, log) = journal(vec![ours(10), ours(20), ours(30), decided]);
        let names = |read: Entries| {
            let name = |entry: std::result::Result<Entry, Unusable>| {
                entry.map_or_else(|unusable| unusable.reason(), |entry| entry.name())
            };
            read.map(|read| name(read.unwrap().1)).collect::<Vec<_>>()
        };
        let folded = |range| names(entries_to_fold(log.as_ref(), &tenant(), range).unwrap());
        assert_eq!(folded(0..u64::MAX), ["heartbeat", "skipped", "heartbeat", "operator_decision"]);
        assert_eq!(folded(1..2), ["skipped"], "the decision stands behind what is read");
        assert_eq!(names(entries(log.as_ref(), &tenant(), 1..2).unwrap()), ["heartbeat"]);
    }

    #[test]
    fn an_event_time_is_found_by_what_entries_carry_and_not_by_when_they_were_appended() {
        let garbage = NewRecord { key: Vec::new(), value: b"no entry".to_vec() };
        let ours = |ts| heartbeat("fxlabs", "", ts);
        let (_dir, log) = journal(vec![ours(10), garbage, ours(20), ours(15), ours(30)]);
        let found = |at| find_event_time(log.as_ref(), &tenant(), Timestamp(at)).unwrap();
        assert_eq!([found(0), found(10), found(11), found(20), found(21), found(31)], [0, 0, 2, 2, 4, 5]);
    }
}
