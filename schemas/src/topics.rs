//! Every topic of a tenant and its policy: declared here and nowhere else.

use std::fmt;
use std::str::FromStr;

use crate::ids::{IdError, TenantId};
use crate::listed::listed;

/// Most bytes a record may have, key and value together.
pub const MAX_RECORD_BYTES: usize = 256 * 1024;

listed! {
    /// What a topic is for, in the order `topics plan` shows them.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum TopicKind {
        /// The tenant's input, in one order.
        Journal = "journal",
        /// Triggers and the state of alerts: the audit trail.
        Triggers = "triggers",
        /// What indicators stood at, newest by key.
        Readings = "readings",
        /// How often alerts would have fired before they were there, newest by alert.
        Previews = "previews",
        /// What the engine stood at: parts of its state, and which of them belong together.
        Snapshots = "snapshots",
        /// What could not be used.
        DeadLetters = "deadletters",
    }
}

/// What is thrown away when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Whole segments older than this many days, by append time.
    Days(u32),
    /// All but the newest record of each key.
    Compact,
    /// Nothing: its owner cuts it, where a base snapshot stands for what goes.
    Keep,
}

impl TopicKind {
    /// What is thrown away when; the same for every tenant.
    #[must_use]
    pub const fn policy(self) -> Policy {
        match self {
            Self::Journal => Policy::Keep,
            Self::Triggers => Policy::Days(400),
            Self::Readings | Self::Previews | Self::Snapshots => Policy::Compact,
            Self::DeadLetters => Policy::Days(30),
        }
    }
}

impl FromStr for TopicKind {
    type Err = TopicError;
    fn from_str(text: &str) -> Result<Self, TopicError> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| TopicError::Kind(text.into()))
    }
}

/// One topic of one tenant: `fxlabs.journal.v1`, always one partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    /// The tenant whose records the topic holds, and nobody else's.
    pub tenant: TenantId,
    /// Which of the tenant's topics it is.
    pub kind: TopicKind,
}

impl Topic {
    /// The topic of that kind.
    #[must_use]
    pub fn new(tenant: &TenantId, kind: TopicKind) -> Self {
        Self { tenant: tenant.clone(), kind }
    }

    /// All topics of a tenant.
    #[must_use]
    pub fn all(tenant: &TenantId) -> Vec<Self> {
        TopicKind::ALL.into_iter().map(|kind| Self::new(tenant, kind)).collect()
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.v1", self.tenant, self.kind.name())
    }
}

/// Why a text names no topic of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The name is not of the form `<tenant>.<kind>.v1`.
    #[error("{0:?} is not a topic of the form <tenant>.<kind>.v1")]
    Form(String),
    /// The part between the dots names no kind of topic.
    #[error("{0:?} is not a topic kind: use journal, triggers, readings, previews, snapshots or deadletters")]
    Kind(String),
    /// No such tenant id.
    #[error(transparent)]
    Tenant(#[from] IdError),
}

impl FromStr for Topic {
    type Err = TopicError;
    fn from_str(text: &str) -> Result<Self, TopicError> {
        let mut parts = text.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(tenant), Some(kind), Some("v1"), None) => {
                Ok(Self { tenant: tenant.parse()?, kind: kind.parse()? })
            }
            _ => Err(TopicError::Form(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_reads_back_from_its_name() {
        for topic in Topic::all(&"fxlabs".parse().unwrap()) {
            assert_eq!(topic.to_string().parse::<Topic>().unwrap(), topic);
        }
        for bad in [
            "fxlabs.journal",
            "fxlabs.journal.v2",
            "x.fxlabs.journal.v1",
            "fxlabs.journal.v1.x",
            "Fx.journal.v1",
        ] {
            assert!(bad.parse::<Topic>().is_err(), "{bad}");
        }
    }
}
