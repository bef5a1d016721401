//! Records that can never succeed, kept with their reason and original bytes.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ids::TenantId;
use crate::time::Timestamp;
use crate::topics::Topic;

/// Most bytes of a record that its letter keeps; its size and hash are of the whole.
pub const MAX_ORIGINAL: usize = 64 * 1024;
/// Most bytes of its key; ours have 36.
const MAX_KEY: usize = 1024;
/// Most bytes of its headers together, and how many; ours have one at most, `traceparent`.
const MAX_HEADERS: usize = 16 * 1024;
const MAX_HEADER_COUNT: usize = 64;

/// What could not be used, why, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The tenant whose topic held the record.
    pub tenant: TenantId,
    /// The topic it was read from.
    pub topic: String,
    /// Offset of the record in that topic.
    pub offset: i64,
    /// The tick or bar inside the record, from 0; none where the whole record is meant.
    pub index: Option<i32>,
    /// A short code: `undecodable`, `misrouted`, `malformed`, `unknown_symbol`, …
    pub reason: String,
    /// The same for a person.
    pub detail: String,
    /// Event time, where the refused thing has one.
    pub ts: Option<Timestamp>,
    /// Key bytes of the record, as they stood in the log.
    #[serde(with = "apache_avro::serde::bytes")]
    pub key: Vec<u8>,
    /// The record's bytes, at most [`MAX_ORIGINAL`] of them. Of several letters of one record only the first kept
    /// has them.
    #[serde(with = "apache_avro::serde::bytes")]
    pub original: Vec<u8>,
    /// The record's headers, as far as they fit.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// Bytes of the whole record; none in letters that do not have them, and in letters of version 1.
    #[serde(default)]
    pub size: Option<i64>,
    /// SHA-256 of the whole record, in hexadecimal digits; none where `size` is none.
    #[serde(default)]
    pub sha256: Option<String>,
}

/// A header of a record. We write `traceparent` where a record is traced; other clients may write any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name of the header.
    pub name: String,
    /// Value bytes of the header, uninterpreted.
    #[serde(with = "apache_avro::serde::bytes")]
    pub value: Vec<u8>,
}

impl DeadLetter {
    /// A letter that only says where and why.
    #[must_use]
    pub fn new(topic: &Topic, offset: u64, reason: &str, detail: String) -> Self {
        Self {
            tenant: topic.tenant.clone(),
            topic: topic.to_string(),
            offset: i64::try_from(offset).unwrap_or(i64::MAX),
            index: None,
            reason: reason.into(),
            detail,
            ts: None,
            key: Vec::new(),
            original: Vec::new(),
            headers: Vec::new(),
            size: None,
            sha256: None,
        }
    }

    /// The same with the record itself, cut to what a letter may hold.
    #[must_use]
    pub fn with_record(self, key: &[u8], headers: &[Header], value: &[u8]) -> Self {
        Self {
            key: first(key, MAX_KEY).to_vec(),
            original: first(value, MAX_ORIGINAL).to_vec(),
            headers: fitting(headers),
            size: i64::try_from(value.len()).ok(),
            sha256: Some(sha256(value)),
            ..self
        }
    }

    /// Its record key, `offset/index/reason`: writing it again is harmless.
    #[must_use]
    pub fn record_key(&self) -> String {
        let index = self.index.map_or_else(|| "-".into(), |index| index.to_string());
        format!("{}/{index}/{}", self.offset, self.reason)
    }
}

fn first(bytes: &[u8], limit: usize) -> &[u8] {
    bytes.get(..limit).unwrap_or(bytes)
}

fn fitting(headers: &[Header]) -> Vec<Header> {
    let mut left = MAX_HEADERS;
    let fits = |header: &&Header| {
        let needed = header.name.len() + header.value.len();
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    };
    headers.iter().take(MAX_HEADER_COUNT).take_while(fits).cloned().collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topics::TopicKind;

    fn letter() -> DeadLetter {
        let topic = Topic::new(&"fxlabs".parse().unwrap(), TopicKind::Journal);
        DeadLetter::new(&topic, 7, "undecodable", String::new())
    }

    #[test]
    fn a_long_record_is_cut_and_its_size_and_hash_are_of_the_whole() {
        let kept = letter().with_record(b"key", &[], &vec![b'a'; 1_000_000]);
        assert_eq!((kept.original.len(), kept.size), (MAX_ORIGINAL, Some(1_000_000)));
        // FIPS 180's third example.
        let hash = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        assert_eq!(kept.sha256.as_deref(), Some(hash));
    }

    #[test]
    fn a_letter_of_the_longest_key_and_headers_can_be_written() {
        let headers = vec![Header { name: "h".repeat(100), value: vec![0; 900] }; 1000];
        let kept = letter().with_record(&vec![1; 1 << 20], &headers, &vec![2; 1 << 20]);
        assert_eq!(kept.headers.len(), 16);
        assert!(crate::codec::encode_dead_letter(&kept).is_ok());
    }
}
