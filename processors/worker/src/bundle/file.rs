//! A bundle as bytes: a line that says so, a line of JSON for people and programs ([`Head`]), the records in postcard's
//! wire format, and the SHA-256 of all of that.

use std::sync::Arc;

use bellwether_runtime::log::Record;
use bellwether_schemas::Timestamp;
use bellwether_schemas::dead_letter::Header;
use bellwether_schemas::snapshots::ContentHash;
use bellwether_schemas::triggers::Cause;
use serde::{Deserialize, Serialize};

use super::{BadBundle, Bundle, Head, Recorded};

/// Of the bundles that this build writes, and the newest it reads.
pub const FORMAT: u32 = 1;
const MAGIC: &str = "bellwether bundle ";
const CHECKSUM: usize = 32;

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    state: Option<Vec<(&'a str, &'a [u8])>>,
    #[serde(borrow)]
    records: Vec<StoredRecord<'a>>,
    #[serde(borrow)]
    recorded: Option<Vec<StoredOutcome<'a>>>,
}

#[derive(Serialize, Deserialize)]
struct StoredRecord<'a> {
    offset: u64,
    appended_at: i64,
    key: &'a [u8],
    #[serde(borrow)]
    headers: Vec<(&'a str, &'a [u8])>,
    value: &'a [u8],
}

#[derive(Serialize, Deserialize)]
struct StoredOutcome<'a> {
    offset: i64,
    index: i32,
    key: &'a [u8],
    value: &'a [u8],
}

impl Bundle {
    /// Its bytes: the same for the same bundle.
    ///
    /// # Errors
    /// None that is known of.
    pub fn encode(&self) -> Result<Vec<u8>, BadBundle> {
        let unwritable = |error: &dyn std::fmt::Display| BadBundle::Unreadable(error.to_string());
        let head = serde_json::to_string(&self.head).map_err(|error| unwritable(&error))?;
        let bytes = format!("{MAGIC}{FORMAT}\n{head}\n").into_bytes();
        let mut bytes = postcard::to_extend(&self.body(), bytes).map_err(|error| unwritable(&error))?;
        let checksum = ContentHash::of(&bytes);
        bytes.extend(checksum.bytes());
        Ok(bytes)
    }

    fn body(&self) -> Body<'_> {
        let state = self
            .state
            .as_ref()
            .map(|parts| parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect());
        let recorded =
            self.recorded.as_ref().map(|recorded| recorded.iter().map(StoredOutcome::of).collect());
        Body {
            state,
            records: self.records.iter().map(|record| StoredRecord::of(record)).collect(),
            recorded,
        }
    }

    /// The bundle of which these are the bytes, whoever wrote them.
    ///
    /// # Errors
    /// They are none that this build can read, or not all of them.
    pub fn decode(bytes: &[u8]) -> Result<Self, BadBundle> {
        let (format, rest) = line(bytes).ok_or(BadBundle::Foreign)?;
        let format = format.strip_prefix(MAGIC).and_then(|format| format.parse().ok());
        match format.ok_or(BadBundle::Foreign)? {
            FORMAT => {}
            found => return Err(BadBundle::Newer { found }),
        }
        let (whole, checksum) =
            bytes.split_at_checked(bytes.len().saturating_sub(CHECKSUM)).unwrap_or_default();
        if rest.len() < CHECKSUM || ContentHash::of(whole).bytes()[..] != *checksum {
            return Err(BadBundle::Torn);
        }
        let unreadable = |error: &dyn std::fmt::Display| BadBundle::Unreadable(error.to_string());
        let (head, body) = line(&rest[..rest.len() - CHECKSUM]).ok_or(BadBundle::Torn)?;
        let head: Head = serde_json::from_str(head).map_err(|error| unreadable(&error))?;
        let body: Body<'_> = postcard::from_bytes(body).map_err(|error| unreadable(&error))?;
        Ok(body.bundle(head))
    }
}

impl Body<'_> {
    fn bundle(self, head: Head) -> Bundle {
        let part = |(name, bytes): (&str, &[u8])| (name.to_owned(), bytes.to_vec());
        let state = self.state.map(|parts| Arc::new(parts.into_iter().map(part).collect()));
        let records = self.records.into_iter().map(|record| Arc::new(record.restored())).collect();
        let recorded = self.recorded.map(|all| all.into_iter().map(StoredOutcome::restored).collect());
        Bundle { head, state, records, recorded }
    }
}

impl<'a> StoredRecord<'a> {
    fn of(record: &'a Record) -> Self {
        let Record { offset, appended_at, key, headers, value } = record;
        let headers =
            headers.iter().map(|Header { name, value }| (name.as_str(), value.as_slice())).collect();
        Self { offset: *offset, appended_at: appended_at.0, key, headers, value }
    }

    fn restored(self) -> Record {
        let Self { offset, appended_at, key, headers, value } = self;
        let header = |(name, value): (&str, &[u8])| Header { name: name.into(), value: value.into() };
        let headers = headers.into_iter().map(header).collect();
        Record { offset, appended_at: Timestamp(appended_at), key: key.into(), headers, value: value.into() }
    }
}

impl<'a> StoredOutcome<'a> {
    fn of(recorded: &'a Recorded) -> Self {
        let Recorded { cause: Cause { offset, index }, key, value } = recorded;
        Self { offset: *offset, index: *index, key, value }
    }

    fn restored(self) -> Recorded {
        let Self { offset, index, key, value } = self;
        Recorded { cause: Cause { offset, index }, key: key.into(), value: value.into() }
    }
}

/// The first line, and what follows it.
fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}
