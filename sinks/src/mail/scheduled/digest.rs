//! What is told of mails that were held back.

use bellwether_schemas::Timestamp;
use serde::{Deserialize, Serialize};

use crate::mail::kind::MailKind;
use crate::mail::limits::Why;

/// Everything that was held back for a user and is told now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// When it is told.
    pub at: Timestamp,
    /// The occurrence of the first mail it tells of. No mail is told of twice, so it names the digest.
    pub first: String,
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
    /// Why it was not sent.
    pub why: Why,
}
