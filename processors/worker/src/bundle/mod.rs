//! What a trigger, an alert or a record came of, in one file that folds anywhere.
//!
//! A [`Bundle`] holds the state that the nearest snapshot before it has, the journal's records from there to where the
//! question is settled, what operators decided of them, and what was recorded of them in the triggers topic. So it needs no
//! log, no tenant's file and no database, and nothing in it is a secret: what a journal holds is all there is.
//!
//! [`collect`] takes one out of a log, [`rerun`] folds it as a worker does, [`Shrinker`] takes out of it what a fault does
//! not need.

mod collect;
mod file;
mod fold;
mod shrink;

use std::sync::Arc;

use bellwether_runtime::log::Record;
use bellwether_schemas::triggers::Cause;
use bellwether_schemas::{AlertId, TenantId, TriggerId};
use serde::{Deserialize, Serialize};

pub use collect::{NotCollected, Wanted, collect};
pub use file::FORMAT;
pub use fold::{Comparison, Rerun, rerun};
pub use shrink::{Shows, Shrinker};

/// A piece of a tenant's journal, with the state before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// What it is, for people too.
    pub head: Head,
    /// The parts of the state that the first record is folded on; none: nothing came before it.
    pub state: Option<Arc<Parts>>,
    /// In the order in which they are folded. Behind those that are asked about stand only operators' decisions.
    pub records: Vec<Arc<Record>>,
    /// What the triggers topic has of these records; none once records were taken out.
    pub recorded: Option<Vec<Recorded>>,
}

/// The bytes of a state's parts by their names, in the order of its manifest.
pub type Parts = Vec<(String, Vec<u8>)>;

/// What a bundle is about and where it is from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Whose journal it is of.
    pub tenant: TenantId,
    /// What was asked for.
    pub about: About,
    /// The journal offset that its state is of: the first one to be folded; none where it has no state.
    pub state_at: Option<u64>,
    /// The first offset of the journal that it has nothing of any more, but for decisions.
    pub end: u64,
    /// How many of the records were taken out again.
    pub removed: u64,
    /// What wrote it.
    pub versions: Versions,
    /// The tenant's settings in force at its end, as the journal has them.
    pub settings: Option<serde_json::Value>,
}

/// What somebody wants to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// Why that trigger fired.
    Trigger {
        /// Which trigger.
        id: TriggerId,
        /// What it came of.
        cause: Cause,
    },
    /// What that alert did since its newest version came.
    Alert {
        /// Which alert.
        id: AlertId,
    },
    /// What the record at that journal offset did.
    Record {
        /// Its place in the journal.
        offset: u64,
    },
}

/// What took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Of the program that wrote the bundle.
    pub bellwether: String,
    /// The newest rules which that program knew.
    pub engine: i32,
    /// The rules in force at the end; none where there were no settings.
    pub rules: Option<i32>,
    /// Of snapshots, as that program wrote them.
    pub snapshots: i32,
}

/// A record of the triggers topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What it came of.
    pub cause: Cause,
    /// Its key.
    pub key: Vec<u8>,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// Why a file is no bundle that this build can fold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBundle {
    /// It begins as something else.
    #[error("it is no bundle: bellwether bundle writes one")]
    Foreign,
    /// Written by a build that knows more.
    #[error("its format {found} is newer than this build's, {FORMAT}: upgrade")]
    Newer {
        /// Its format.
        found: u32,
    },
    /// Its checksum is another one.
    #[error("it is cut off or damaged: its bytes are not those that its checksum is of")]
    Torn,
    /// What its bytes say makes no bundle.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// The state in it is none that this build can go on from.
    #[error("its state cannot be gone on from: {0}")]
    State(String),
}
