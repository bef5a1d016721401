//! What the owners of a tenant told each other, as its snapshots topic holds it.

use bellwether_schemas::TenantId;
use bellwether_schemas::codec::decode_snapshot;
use bellwether_schemas::snapshots::SnapshotRecord;
use bellwether_schemas::snapshots::words::{OwnerWord, Quarantine, Suspect, Word, WordKey};

use crate::log::Record;

/// The newest word under each key. Words of another tenant, and what nobody can read, are nobody's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Of the last owner that took the tenant.
    pub owner: Option<OwnerWord>,
    /// What somebody folds next who folds record by record, or folded last.
    pub suspect: Option<Suspect>,
    /// What nobody folds any more.
    pub quarantine: Option<Quarantine>,
}

impl Words {
    /// Takes in a record of that tenant's snapshots topic, in their order; false for one that is none of these.
    pub fn see(&mut self, tenant: &TenantId, record: &Record) -> bool {
        let Some(key) = WordKey::parse(&record.key) else { return false };
        let read = decode_snapshot(&record.value).ok();
        match key {
            WordKey::Owner => {
                if let Some(SnapshotRecord::Owner(word)) = read
                    && word.tenant == *tenant
                {
                    self.see_owner(word);
                }
            }
            WordKey::Suspect => {
                self.suspect = match read {
                    Some(SnapshotRecord::Suspect(suspect)) if suspect.tenant == *tenant => Some(suspect),
                    _ => None,
                }
            }
            WordKey::Quarantine => {
                self.quarantine = match read {
                    Some(SnapshotRecord::Quarantine(record)) if record.tenant == *tenant => Some(record),
                    _ => None,
                }
            }
        }
        true
    }

    /// One that was replaced and gives the tenant up later says nothing of its successor.
    fn see_owner(&mut self, word: OwnerWord) {
        let is_late =
            word.word == Word::Gave && self.owner.as_ref().is_some_and(|last| last.owner != word.owner);
        if !is_late {
            self.owner = Some(word);
        }
    }

    /// The worker of that name is who reads them, so it lives: that it took the tenant before was no death.
    pub fn forgive(&mut self, worker: &str) {
        if let Some(last) = &mut self.owner
            && last.is_of(worker)
        {
            last.word = Word::Gave;
        }
    }

    /// The last owner died: it took the tenant and did not give it up.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.owner.as_ref().is_some_and(|last| last.word == Word::Took)
    }

    /// How many owners died in a row since a snapshot was stored, where the newest one stands at that journal offset.
    #[must_use]
    pub fn crashes(&self, snapshot_at: u64) -> i32 {
        let Some(last) = &self.owner else { return 0 };
        let has_stored = i64::try_from(snapshot_at).is_ok_and(|at| at > last.fold_from);
        let before = if has_stored { 0 } else { last.crashes.max(0) };
        before.saturating_add(i32::from(self.has_died()))
    }
}

#[cfg(test)]
mod tests {
    use bellwether_schemas::Timestamp;
    use bellwether_schemas::codec::encode_snapshot;

    use super::*;

    fn record(key: WordKey, said: Option<SnapshotRecord>) -> Record {
        Record {
            offset: 0,
            appended_at: Timestamp(0),
            key: key.as_str().into(),
            headers: Vec::new(),
            value: said.map(|said| encode_snapshot(&said).unwrap()).unwrap_or_default(),
        }
    }

    fn owner(tenant: &str, owner: &str, word: Word, crashes: i32) -> Record {
        let tenant = tenant.parse().unwrap();
        let said = OwnerWord { tenant, owner: owner.into(), word, crashes, fold_from: 10 };
        record(WordKey::Owner, Some(SnapshotRecord::Owner(said)))
    }

    fn words(records: &[Record]) -> Words {
        let mut words = Words::default();
        let tenant = "fxlabs".parse().unwrap();
        records.iter().for_each(|record| assert!(words.see(&tenant, record)));
        words
    }

    #[test]
    fn an_owner_that_took_and_did_not_give_has_died_and_a_snapshot_of_its_own_begins_the_count_again() {
        assert_eq!(words(&[]).crashes(0), 0);
        let clean = words(&[owner("fxlabs", "a", Word::Took, 0), owner("fxlabs", "a", Word::Gave, 0)]);
        assert_eq!((clean.has_died(), clean.crashes(10)), (false, 0));
        let died = words(&[owner("fxlabs", "b", Word::Took, 1)]);
        assert_eq!([9, 10, 11].map(|at| died.crashes(at)), [2, 2, 1]);
        let gave = words(&[owner("fxlabs", "c", Word::Took, 2), owner("fxlabs", "c", Word::Gave, 2)]);
        assert_eq!([10, 11].map(|at| gave.crashes(at)), [2, 0], "to stop undoes no crash before");
    }

    #[test]
    fn a_worker_that_reads_its_own_word_has_not_died_and_another_may_have() {
        let mut said = words(&[owner("fxlabs", "12/7/1", Word::Took, 1)]);
        for another in ["2/7", "12/71", "12", "12/7/1/1", "12/8"] {
            said.forgive(another);
            assert_eq!((said.has_died(), said.crashes(10)), (true, 2), "{another}");
        }
        said.forgive("12/7");
        assert_eq!((said.has_died(), said.crashes(10)), (false, 1), "those before it died all the same");
    }

    #[test]
    fn who_was_replaced_gives_nothing_and_other_tenants_say_nothing() {
        let late = [owner("fxlabs", "b", Word::Took, 1), owner("fxlabs", "a", Word::Gave, 0)];
        assert_eq!(words(&late).crashes(10), 2);
        let foreign = [owner("fxlabs", "b", Word::Took, 1), owner("hextech", "c", Word::Took, 7)];
        assert_eq!(words(&foreign).crashes(10), 2);
    }

    #[test]
    fn a_note_stands_until_it_is_taken_away() {
        let tenant: TenantId = "fxlabs".parse().unwrap();
        let note = |offset| {
            let suspect = Suspect { tenant: tenant.clone(), offset };
            record(WordKey::Suspect, Some(SnapshotRecord::Suspect(suspect)))
        };
        assert_eq!(words(&[note(3), note(4)]).suspect.map(|suspect| suspect.offset), Some(4));
        assert_eq!(words(&[note(3), record(WordKey::Suspect, None)]).suspect, None);
    }
}
