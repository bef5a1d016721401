//! Records that can never succeed, kept with their reason and original bytes.

use serde::{Deserialize, Serialize};

use crate::ids::TenantId;
use crate::time::Timestamp;

/// What could not be used, why, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Whose.
    pub tenant: TenantId,
    /// The topic it was read from.
    pub topic: String,
    /// Its offset there.
    pub offset: i64,
    /// The tick or bar inside the record, from 0; none where the whole record is meant.
    pub index: Option<i32>,
    /// A short code: `undecodable`, `misrouted`, `malformed`, `unknown_symbol`, …
    pub reason: String,
    /// The same for a person.
    pub detail: String,
    /// Event time, where the refused thing has one.
    pub ts: Option<Timestamp>,
    /// The record's key.
    #[serde(with = "apache_avro::serde::bytes")]
    pub key: Vec<u8>,
    /// The record's bytes, at most 64 KiB of them; empty where the record itself is in the journal and sound.
    #[serde(with = "apache_avro::serde::bytes")]
    pub original: Vec<u8>,
}

impl DeadLetter {
    /// Its record key, `offset/index/reason`: writing it again is harmless.
    #[must_use]
    pub fn record_key(&self) -> String {
        let index = self.index.map_or_else(|| "-".into(), |index| index.to_string());
        format!("{}/{index}/{}", self.offset, self.reason)
    }
}
