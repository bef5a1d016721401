//! How a tenant is taken whose owners died, and how it is folded then: record by record, each noted in the log before it is
//! folded, so that whoever comes after a further death knows which record it was.
//!
//! One death changes nothing. After two in a row without a snapshot between, what is in the journal by then and nobody
//! is known to have survived is folded with care: what lies before took nobody's life, and a note costs a round trip to
//! the log. A note that is found after a death quarantines its record, unless there is proof that it was survived: a
//! commit or an outcome behind it. Of all tenants of a worker one at a time has a note in the log ([`super::Core`]
//! passes the turn on): a death shall leave a trace in the tenant that it was of and in no other.

use std::collections::VecDeque;

use bellwether_runtime::log::{NewRecord, Record};
use bellwether_schemas::codec::encode_snapshot;
use bellwether_schemas::snapshots::SnapshotRecord;
use bellwether_schemas::snapshots::words::{OwnerWord, Quarantine, Suspect, Word, WordKey};
use bellwether_schemas::{TenantId, Topic, TopicKind};

use super::{AppendId, Recovered};

/// Deaths in a row without a snapshot between, after which a journal is folded with care.
const DEATHS: i32 = 2;

/// How a tenant is taken.
#[derive(Debug)]
pub(super) struct Taking {
    /// What is said of it in the snapshots topic before anything is folded.
    pub(super) words: Vec<NewRecord>,
    /// What this owner says of itself, for when it gives the tenant up.
    pub(super) owner: OwnerWord,
    /// The record that is not folded, and nothing behind it.
    pub(super) stands_before: Option<u64>,
    /// How it is folded until a journal offset; none: as ever.
    pub(super) care: Option<Care>,
}

impl Taking {
    /// What follows from what the owners before left behind.
    pub(super) fn new(tenant: &TenantId, owner: String, found: &Recovered) -> Self {
        let fold_from = found.fold_from();
        let crashes = found.words.crashes(fold_from);
        let owner = OwnerWord {
            tenant: tenant.clone(),
            owner,
            word: Word::Took,
            crashes,
            fold_from: fold_from.cast_signed(),
        };
        let mut words = vec![said(WordKey::Owner, SnapshotRecord::Owner(owner.clone()))];
        let stands_before = stands_before(found);
        let quarantined = found.words.quarantine.as_ref().map(|record| record.offset.cast_unsigned());
        match stands_before {
            Some(offset) if quarantined != Some(offset) => {
                let (offset, journal_end) = (offset.cast_signed(), found.journal_end.cast_signed());
                let record = Quarantine { tenant: tenant.clone(), offset, journal_end };
                words.push(said(WordKey::Quarantine, SnapshotRecord::Quarantine(record)));
            }
            None if quarantined.is_some() => words.push(nothing(WordKey::Quarantine)),
            _ => {}
        }
        if found.words.suspect.is_some() {
            words.push(nothing(WordKey::Suspect));
        }
        // What is let out of quarantine to be folded after all, is folded with care whatever the count says.
        let is_let_out = |offset: u64| offset >= fold_from && !found.decisions.is_skipped(offset);
        let is_let_out = stands_before.is_none() && quarantined.is_some_and(is_let_out);
        let care = (crashes >= DEATHS || is_let_out)
            .then(|| Care::new(tenant, found.survived_to(), found.journal_end));
        Self { words: words.into_iter().flatten().collect(), owner, stands_before, care }
    }
}

/// The record that nobody folds: in quarantine, or found under suspicion now.
fn stands_before(found: &Recovered) -> Option<u64> {
    let is_open = |offset: u64| offset >= found.fold_from() && !found.decisions.is_skipped(offset);
    let quarantine = found.words.quarantine.as_ref().filter(|record| {
        let (offset, since) = (record.offset.cast_unsigned(), record.journal_end.cast_unsigned());
        is_open(offset) && !found.decisions.is_again(offset, since)
    });
    let quarantined = quarantine.map(|record| record.offset.cast_unsigned());
    let suspect = found.words.suspect.as_ref().filter(|_| found.words.has_died());
    let suspect = suspect.map(|suspect| suspect.offset.cast_unsigned());
    let suspect = suspect.filter(|offset| is_open(*offset) && *offset >= found.survived_to());
    quarantined.into_iter().chain(suspect).min()
}

/// What the owner says when it gives the tenant up.
pub(super) fn gave(owner: &OwnerWord) -> Option<NewRecord> {
    said(WordKey::Owner, SnapshotRecord::Owner(OwnerWord { word: Word::Gave, ..owner.clone() }))
}

fn said(key: WordKey, record: SnapshotRecord) -> Option<NewRecord> {
    let value = encode_snapshot(&record).ok()?;
    Some(NewRecord { key: key.as_str().into(), value })
}

fn nothing(key: WordKey) -> Option<NewRecord> {
    Some(NewRecord::tombstone(key.as_str().into()))
}

/// A fold record by record.
#[derive(Debug)]
pub(super) struct Care {
    journal: Topic,
    /// From this journal offset on.
    from: u64,
    /// Up to this one.
    until: u64,
    /// Read, and not folded yet.
    held: VecDeque<Record>,
    note: Note,
}

/// What stands in the log about the record that is folded next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Note {
    /// Nothing: it is not this tenant's turn.
    None,
    /// The note of the first record held is on its way: nothing is folded before it is in the log.
    Written(AppendId),
    /// The note is being taken away.
    Cleared(AppendId),
}

/// What care asks for next.
#[derive(Debug)]
pub(super) enum Step {
    /// Append that to the snapshots topic under that name.
    Say(NewRecord),
    /// Its note is in the log: fold this record, then ask on.
    Fold(Record),
    /// No note is in the log any more. These are folded as ever; more may be read.
    Rest(Vec<Record>),
}

impl Care {
    fn new(tenant: &TenantId, from: u64, until: u64) -> Self {
        let journal = Topic::new(tenant, TopicKind::Journal);
        Self { journal, from, until, held: VecDeque::new(), note: Note::None }
    }

    /// Takes in those that are to be folded with care, and what follows them; the others come back, to be folded as ever.
    pub(super) fn hold(&mut self, mut records: Vec<Record>) -> Vec<Record> {
        let is_behind = self.held.is_empty() && self.note == Note::None;
        let before = if is_behind { records.partition_point(|record| record.offset < self.from) } else { 0 };
        let is_over = records.get(before).is_none_or(|record| record.offset >= self.until);
        if !is_behind || !is_over {
            self.held.extend(records.drain(before..));
        }
        records
    }

    /// Nothing more is to be read for now.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty() || self.note != Note::None
    }

    /// It waits for its turn.
    pub(super) fn wants_turn(&self) -> bool {
        self.note == Note::None && !self.held.is_empty()
    }

    /// A note of it is in the log, or on its way there.
    pub(super) fn has_turn(&self) -> bool {
        self.note != Note::None
    }

    /// Notes the next record that lies before `end`; at the last one takes the note away.
    pub(super) fn note_next(&mut self, end: Option<u64>, next: &mut AppendId) -> Option<Step> {
        let end = end.map_or(self.until, |end| end.min(self.until));
        let front = self.held.front().map(|record| record.offset).filter(|offset| *offset < end);
        *next += 1;
        let record = match front {
            Some(offset) => {
                self.note = Note::Written(*next);
                let tenant = self.journal.tenant.clone();
                let suspect = Suspect { tenant, offset: offset.cast_signed() };
                said(WordKey::Suspect, SnapshotRecord::Suspect(suspect))
            }
            None => {
                self.note = Note::Cleared(*next);
                nothing(WordKey::Suspect)
            }
        };
        record.map(Step::Say)
    }

    /// That append is in the log.
    pub(super) fn acknowledged(&mut self, id: AppendId) -> Option<Step> {
        match self.note {
            Note::Written(waited) if waited == id => self.held.pop_front().map(Step::Fold),
            Note::Cleared(waited) if waited == id => {
                self.note = Note::None;
                Some(Step::Rest(self.held.drain(..).collect()))
            }
            _ => None,
        }
    }

    /// What is held is folded by nobody: the tenant stopped.
    pub(super) fn drop_held(&mut self) {
        self.held.clear();
    }
}
