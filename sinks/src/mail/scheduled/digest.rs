//! What is told of mails that were held back.

use bellwether_schemas::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::kind::MailKind;

/// Everything that was held back for a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// When it is told.
    pub at: Timestamp,
    /// The mails that were not sent.
    pub held: Vec<Held>,
}

/// One mail that was held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What it would have been.
    pub kind: MailKind,
    /// What its subject would have said, without brand and time: `EUR/USD RSI overbought (1H)`.
    pub what: String,
    /// The instant it was about.
    pub at: Timestamp,
}
