//! What the owners of a tenant tell each other through its snapshots topic: who has it, which record is being folded by
//! somebody whose predecessors died, and which record nobody folds any more. Each stands under one key, newest last.
//!
//! | Key | Record |
//! |---|---|
//! | `owner` | [`OwnerWord`]: `took` when an owner begins, `gave` when it hands over or stops |
//! | `suspect` | [`Suspect`]: the record that is folded next, written before it is |
//! | `quarantine` | [`Quarantine`]: the record that an owner died of, before which the tenant stands |

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;

/// A key under which owners tell each other something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WordKey {
    /// See [`OwnerWord`].
    Owner,
    /// See [`Suspect`].
    Suspect,
    /// See [`Quarantine`].
    Quarantine,
}

impl WordKey {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Suspect, Self::Quarantine];

    /// The key that these bytes are, if it is one of them.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str().as_bytes() == bytes)
    }

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Suspect => "suspect",
            Self::Quarantine => "quarantine",
        }
    }
}

/// Which of the two words an owner said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Word {
    /// It has the tenant. Where nothing follows, it died.
    Took,
    /// It handed the tenant over, or stopped: not a crash, however often.
    Gave,
}

impl From<Word> for String {
    fn from(word: Word) -> Self {
        match word {
            Word::Took => "took".into(),
            Word::Gave => "gave".into(),
        }
    }
}

impl TryFrom<String> for Word {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "took" => Ok(Self::Took),
            "gave" => Ok(Self::Gave),
            other => Err(format!("{other:?} is no owner's word")),
        }
    }
}

/// What an owner of a tenant says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerWord {
    /// Whose owner it is.
    pub tenant: TenantId,
    /// The one that says it: another each time that somebody takes a tenant.
    pub owner: String,
    /// What it says.
    pub word: Word,
    /// How many owners died since a snapshot was stored, those before this one.
    pub crashes: i32,
    /// The journal offset at which its fold began: a snapshot behind it is its own.
    pub fold_from: i64,
}

impl OwnerWord {
    /// What a worker calls itself as the owner of a tenant that it takes for that time.
    #[must_use]
    pub fn name_of(worker: &str, time: u64) -> String {
        format!("{worker}/{time}")
    }

    /// It is the word of that worker, whichever time it took the tenant.
    #[must_use]
    pub fn is_of(&self, worker: &str) -> bool {
        self.owner.rsplit_once('/').is_some_and(|(name, _)| name == worker)
    }
}

/// The next record of somebody who folds a journal record by record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "SuspectRecord")]
pub struct Suspect {
    /// Whose journal.
    pub tenant: TenantId,
    /// Of the record in it.
    pub offset: i64,
}

/// A record that an owner died of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "QuarantinedRecord")]
pub struct Quarantine {
    /// Whose journal.
    pub tenant: TenantId,
    /// Of the record in it.
    pub offset: i64,
    /// Where the journal ended when this was written. A decision to fold the record after all counts from there on: one
    /// before it was followed already.
    pub journal_end: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_words_are_no_others_and_read_back() {
        for key in WordKey::ALL {
            assert_eq!(WordKey::parse(key.as_str().as_bytes()), Some(key));
            assert_eq!(super::super::SnapshotKey::parse(key.as_str().as_bytes()), None);
        }
        assert_eq!(WordKey::parse(b"owner/"), None);
    }
}
