//! Bytes on the wire: the Confluent header (a zero, then the schema's id as four bytes) and an Avro datum.

mod registry;

use std::sync::Once;

use apache_avro::error::Details;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dead_letter::DeadLetter;
use crate::journal::Entry;
use crate::previews::Preview;
use crate::readings::{ReadingRecord, ReadingV1};
use crate::snapshots::SnapshotRecord;
use crate::tick_codec::{self, TickCodecError};
use crate::ticks::TickBlock;
use crate::topics::MAX_RECORD_BYTES;
use crate::triggers::{AlertState, Outcome};

pub use registry::SchemaName;

/// Bytes before the datum.
const HEADER: usize = 5;

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No room for the header, or its first byte is not 0.
    #[error("no wire header: the record must begin with a zero byte and a four-byte schema id")]
    Header,
    /// An id that the checked-in file does not have.
    #[error("schema id {0} is not in schemas/avro/ids.json")]
    UnknownSchema(u32),
    /// A schema that this topic does not carry.
    #[error("a {0} record does not belong on this topic")]
    WrongTopic(&'static str),
    /// Longer than any record may be.
    #[error("{0} bytes, the limit is {MAX_RECORD_BYTES}")]
    TooLarge(usize),
    /// The datum is not of its schema.
    #[error("{0}: {1}")]
    Datum(&'static str, String),
    /// Bytes after the datum.
    #[error("{0}: {1} bytes follow the datum")]
    Trailing(&'static str, usize),
}

/// A record could not be written: a value its schema cannot hold.
#[derive(Debug, thiserror::Error)]
#[error("cannot encode a {0}: {1}")]
pub struct EncodeError(&'static str, String);

/// The schema id in the header of a record's wire bytes; none where there is no header.
#[must_use]
pub fn schema_id(bytes: &[u8]) -> Option<u32> {
    match bytes.first_chunk::<HEADER>()? {
        [0, id @ ..] => Some(u32::from_be_bytes(*id)),
        _ => None,
    }
}

/// Puts another schema id into a header. Only for bytes of which [`schema_id`] names one.
pub fn set_schema_id(bytes: &mut [u8], id: u32) {
    if let Some([0, place @ ..]) = bytes.first_chunk_mut::<HEADER>() {
        *place = id.to_be_bytes();
    }
}

/// A length in hostile bytes may not make the library allocate more than a record can hold. It is set once a
/// process, before the first decode.
fn set_limits() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        apache_avro::util::max_allocation_bytes(MAX_RECORD_BYTES);
    });
}

/// Encodes a journal record.
///
/// # Errors
/// A value that the record's schema cannot hold.
pub fn encode_entry(entry: &Entry) -> Result<Vec<u8>, EncodeError> {
    match entry {
        Entry::Ticks(block) => encode_ticks(block),
        Entry::Bars(block) => encode(SchemaName::BarBlock, block),
        Entry::Heartbeat(beat) => encode(SchemaName::Heartbeat, beat),
        Entry::Alert(change) => encode(SchemaName::AlertChanged, change),
        Entry::Settings(change) => encode(SchemaName::SettingsChanged, change),
        Entry::Calendar(change) => encode(SchemaName::CalendarItem, change),
        // Older builds go on reading what is decided of records.
        Entry::Decision(decided) => match decided.of_records() {
            Some(of_records) => encode(SchemaName::OperatorDecision, &of_records),
            None => encode(SchemaName::AlertDecision, decided),
        },
    }
}

fn encode_ticks(block: &TickBlock) -> Result<Vec<u8>, EncodeError> {
    let name = SchemaName::TickBlock;
    tick_codec::check(block).map_err(|error| EncodeError(name.name(), error.to_string()))?;
    let mut out = header(name);
    tick_codec::write(block, &mut out);
    Ok(out)
}

/// Decodes a journal record.
///
/// # Errors
/// Bytes that are no journal record.
pub fn decode_entry(bytes: &[u8]) -> Result<Entry, DecodeError> {
    let (name, datum) = split(bytes)?;
    match name {
        SchemaName::TickBlock => whole_block(name, datum, tick_codec::read(datum)),
        SchemaName::TickBlockV1 => whole_block(name, datum, tick_codec::read_v1(datum)),
        SchemaName::BarBlock => decode(name, datum).map(Entry::Bars),
        SchemaName::Heartbeat => decode(name, datum).map(Entry::Heartbeat),
        SchemaName::AlertChangedV1 | SchemaName::AlertChanged => decode(name, datum).map(Entry::Alert),
        SchemaName::SettingsChangedV1 | SchemaName::SettingsChanged => {
            decode(name, datum).map(Entry::Settings)
        }
        SchemaName::CalendarItem => decode(name, datum).map(Entry::Calendar),
        SchemaName::OperatorDecision | SchemaName::AlertDecision => decode(name, datum).map(Entry::Decision),
        other => Err(DecodeError::WrongTopic(other.name())),
    }
}

/// The block, if all of the datum is of it.
fn whole_block(
    name: SchemaName,
    datum: &[u8],
    read: Result<(TickBlock, usize), TickCodecError>,
) -> Result<Entry, DecodeError> {
    let name = name.name();
    let (block, used) = read.map_err(|error| DecodeError::Datum(name, error.to_string()))?;
    match datum.len() - used {
        0 => Ok(Entry::Ticks(block)),
        rest => Err(DecodeError::Trailing(name, rest)),
    }
}

/// Encodes a record of the triggers topic.
///
/// # Errors
/// A value that the record's schema cannot hold.
pub fn encode_outcome(outcome: &Outcome) -> Result<Vec<u8>, EncodeError> {
    match outcome {
        Outcome::Fired(trigger) => encode(SchemaName::TriggerFired, trigger),
        // What was recorded before there was that state has the bytes of a replay now.
        Outcome::Status(status) if status.state == AlertState::Disabled => {
            encode(SchemaName::DisabledStatus, status)
        }
        Outcome::Status(status) => encode(SchemaName::AlertStatus, status),
    }
}

/// Decodes a record of the triggers topic.
///
/// # Errors
/// Bytes that are no such record.
pub fn decode_outcome(bytes: &[u8]) -> Result<Outcome, DecodeError> {
    let (name, datum) = split(bytes)?;
    match name {
        SchemaName::TriggerFired => decode(name, datum).map(Outcome::Fired),
        SchemaName::AlertStatus | SchemaName::DisabledStatus => decode(name, datum).map(Outcome::Status),
        other => Err(DecodeError::WrongTopic(other.name())),
    }
}

/// Encodes a reading.
///
/// # Errors
/// A value that the record's schema cannot hold.
pub fn encode_reading(reading: &ReadingRecord) -> Result<Vec<u8>, EncodeError> {
    encode(SchemaName::Reading, reading)
}

/// Decodes a reading.
///
/// # Errors
/// Bytes that are no reading.
pub fn decode_reading(bytes: &[u8]) -> Result<ReadingRecord, DecodeError> {
    let (name, datum) = split(bytes)?;
    match name {
        SchemaName::Reading => decode(name, datum),
        SchemaName::ReadingV1 => decode::<ReadingV1>(name, datum).map(ReadingRecord::from),
        other => Err(DecodeError::WrongTopic(other.name())),
    }
}

/// Encodes a dead letter.
///
/// # Errors
/// A value that the record's schema cannot hold.
pub fn encode_dead_letter(letter: &DeadLetter) -> Result<Vec<u8>, EncodeError> {
    encode(SchemaName::DeadLetter, letter)
}

/// Decodes a dead letter.
///
/// # Errors
/// Bytes that are no dead letter.
pub fn decode_dead_letter(bytes: &[u8]) -> Result<DeadLetter, DecodeError> {
    let (name, datum) = split(bytes)?;
    match name {
        SchemaName::DeadLetter | SchemaName::DeadLetterV1 => decode(name, datum),
        other => Err(DecodeError::WrongTopic(other.name())),
    }
}

/// Encodes a record of the previews topic.
///
/// # Errors
/// A value that the record's schema cannot hold.
pub fn encode_preview(preview: &Preview) -> Result<Vec<u8>, EncodeError> {
    match preview {
        Preview::Alert(preview) => encode(SchemaName::AlertPreview, preview),
        Preview::User(followed) => encode(SchemaName::UserFollowed, followed),
    }
}

/// Decodes a record of the previews topic.
///
/// # Errors
/// Bytes that are no such record.
pub fn decode_preview(bytes: &[u8]) -> Result<Preview, DecodeError> {
    let (name, datum) = split(bytes)?;
    match name {
        SchemaName::AlertPreview => decode(name, datum).map(Preview::Alert),
        SchemaName::UserFollowed => decode(name, datum).map(Preview::User),
        other => Err(DecodeError::WrongTopic(other.name())),
    }
}

/// Encodes a record of the snapshots topic, or the content of a piece that is an index.
///
/// # Errors
/// A value that the record's schema cannot hold.
pub fn encode_snapshot(record: &SnapshotRecord) -> Result<Vec<u8>, EncodeError> {
    match record {
        SnapshotRecord::Piece(piece) => encode(SchemaName::SnapshotPart, piece),
        SnapshotRecord::Index(index) => encode(SchemaName::SnapshotIndex, index),
        SnapshotRecord::Manifest(manifest) => encode(SchemaName::SnapshotManifest, manifest),
        SnapshotRecord::Owner(word) => encode(SchemaName::SnapshotOwner, word),
        SnapshotRecord::Suspect(suspect) => encode(SchemaName::SnapshotSuspect, suspect),
        SnapshotRecord::Quarantine(record) => encode(SchemaName::SnapshotQuarantine, record),
    }
}

/// Decodes what [`encode_snapshot`] encodes.
///
/// # Errors
/// Bytes that are no such record.
pub fn decode_snapshot(bytes: &[u8]) -> Result<SnapshotRecord, DecodeError> {
    let (name, datum) = split(bytes)?;
    match name {
        SchemaName::SnapshotPart => decode(name, datum).map(SnapshotRecord::Piece),
        SchemaName::SnapshotIndex => decode(name, datum).map(SnapshotRecord::Index),
        SchemaName::SnapshotManifest => decode(name, datum).map(SnapshotRecord::Manifest),
        SchemaName::SnapshotOwner => decode(name, datum).map(SnapshotRecord::Owner),
        SchemaName::SnapshotSuspect => decode(name, datum).map(SnapshotRecord::Suspect),
        SchemaName::SnapshotQuarantine => decode(name, datum).map(SnapshotRecord::Quarantine),
        other => Err(DecodeError::WrongTopic(other.name())),
    }
}

fn header(name: SchemaName) -> Vec<u8> {
    let mut out = vec![0];
    out.extend_from_slice(&name.id().to_be_bytes());
    out
}

fn split(bytes: &[u8]) -> Result<(SchemaName, &[u8]), DecodeError> {
    if bytes.len() > MAX_RECORD_BYTES {
        return Err(DecodeError::TooLarge(bytes.len()));
    }
    let (Some(id), Some(datum)) = (schema_id(bytes), bytes.get(HEADER..)) else {
        return Err(DecodeError::Header);
    };
    if id == SchemaName::TickBlock.id() {
        return Ok((SchemaName::TickBlock, datum));
    }
    Ok((SchemaName::by_id(id).ok_or(DecodeError::UnknownSchema(id))?, datum))
}

fn encode<T: Serialize>(name: SchemaName, value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = header(name);
    let written = name.codec().writer.write_ser(&mut out, value);
    written.map_err(|error| EncodeError(name.name(), reason(error)))?;
    match out.len() {
        0..=MAX_RECORD_BYTES => Ok(out),
        long => Err(EncodeError(name.name(), DecodeError::TooLarge(long).to_string())),
    }
}

fn decode<T: DeserializeOwned>(name: SchemaName, mut datum: &[u8]) -> Result<T, DecodeError> {
    set_limits();
    let read = name.codec().reader.read_deser(&mut datum);
    let value = read.map_err(|error| DecodeError::Datum(name.name(), reason(error)))?;
    if datum.is_empty() { Ok(value) } else { Err(DecodeError::Trailing(name.name(), datum.len())) }
}

/// The library's text without the whole schema in it: it stands in dead letters and logs.
fn reason(error: apache_avro::Error) -> String {
    match error.into_details() {
        Details::DeserializeSchemaAware { value_type, value, .. }
        | Details::SerializeValueWithSchema { value_type, value, .. } => format!("{value_type}: {value}"),
        other => other.to_string(),
    }
}
