//! Bytes on the wire: the Confluent header (a zero, then the schema's id as four bytes) and an Avro datum.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Once};

use apache_avro::Schema;
use apache_avro::error::Details;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dead_letter::DeadLetter;
use crate::journal::Entry;
use crate::previews::AlertPreview;
use crate::readings::{ReadingRecord, ReadingV1};
use crate::snapshots::SnapshotRecord;
use crate::tick_codec::{self, TickCodecError};
use crate::ticks::TickBlock;
use crate::topics::MAX_RECORD_BYTES;
use crate::triggers::{AlertState, Outcome};

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

macro_rules! schemas {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// Every schema that was ever released, with its version.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum SchemaName { $(#[doc = $name] $variant),* }

        impl SchemaName {
            /// All of them, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The file's name without `.avsc`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The schema as JSON text: the whole `.avsc` file.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => include_str!(concat!("../avro/", $name, ".avsc"))),* }
            }
        }
    };
}

schemas! {
    TickBlockV1 = "tick_block.v1",
    BarBlock = "bar_block.v1",
    Heartbeat = "heartbeat.v1",
    AlertChangedV1 = "alert_changed.v1",
    SettingsChangedV1 = "settings_changed.v1",
    TriggerFired = "trigger_fired.v1",
    AlertStatus = "alert_status.v1",
    ReadingV1 = "reading.v1",
    DeadLetterV1 = "dead_letter.v1",
    AlertChanged = "alert_changed.v2",
    SettingsChanged = "settings_changed.v2",
    Reading = "reading.v2",
    DeadLetter = "dead_letter.v2",
    TickBlock = "tick_block.v2",
    CalendarItem = "calendar_item.v1",
    SnapshotPart = "snapshot_part.v1",
    SnapshotIndex = "snapshot_index.v1",
    SnapshotManifest = "snapshot_manifest.v1",
    OperatorDecision = "operator_decision.v1",
    SnapshotOwner = "snapshot_owner.v1",
    SnapshotSuspect = "snapshot_suspect.v1",
    SnapshotQuarantine = "snapshot_quarantine.v1",
    AlertDecision = "operator_decision.v2",
    DisabledStatus = "alert_status.v2",
    AlertPreview = "alert_preview.v1",
}

impl SchemaName {
    /// The id of the checked-in file.
    #[must_use]
    pub fn id(self) -> u32 {
        REGISTRY.ids[self as usize]
    }

    /// The schema as the Avro library holds it, parsed once a process.
    #[must_use]
    pub fn schema(self) -> &'static Schema {
        &REGISTRY.schemas[self as usize]
    }

    /// The schema that has this id in the checked-in file.
    #[must_use]
    pub fn by_id(id: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.id() == id)
    }

    /// The schema of ours whose bytes are those of this schema's text, whatever it says in documentation.
    #[must_use]
    pub fn by_text(text: &str) -> Option<Self> {
        let form = Schema::parse_str(text).ok()?.canonical_form();
        Self::ALL.iter().copied().find(|name| name.schema().canonical_form() == form)
    }
}

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

struct Registry {
    ids: Vec<u32>,
    schemas: Vec<Schema>,
}

/// What writes and reads records of one schema. Made once: the library looks up the names of all its types for each, which
/// takes longer than most records do.
struct Codec {
    writer: GenericDatumWriter<'static>,
    reader: GenericDatumReader<'static>,
}

/// The checked-in files are part of the binary: the test `every_schema_parses` fails before a user could.
#[expect(clippy::expect_used, reason = "constants of this crate, read once; a test reads them too")]
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let ids: BTreeMap<String, u32> =
        serde_json::from_str(include_str!("../avro/ids.json")).expect("ids.json is an object of numbers");
    let id = |name: &SchemaName| *ids.get(name.name()).expect("ids.json has every schema");
    let parse = |name: &SchemaName| Schema::parse_str(name.text()).expect("a checked-in schema parses");
    Registry {
        ids: SchemaName::ALL.iter().map(id).collect(),
        schemas: SchemaName::ALL.iter().map(parse).collect(),
    }
});

#[expect(clippy::expect_used, reason = "as of the registry, of whose schemas they are")]
static CODECS: LazyLock<Vec<Codec>> = LazyLock::new(|| {
    let codec = |name: &SchemaName| {
        let schema = name.schema();
        let writer = GenericDatumWriter::builder(schema).human_readable(false).build();
        let reader = GenericDatumReader::builder(schema).human_readable(false).build();
        let names = "the names in a checked-in schema are its own";
        Codec { writer: writer.expect(names), reader: reader.expect(names) }
    };
    SchemaName::ALL.iter().map(codec).collect()
});

impl SchemaName {
    fn codec(self) -> &'static Codec {
        &CODECS[self as usize]
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
pub fn encode_preview(preview: &AlertPreview) -> Result<Vec<u8>, EncodeError> {
    encode(SchemaName::AlertPreview, preview)
}

/// Decodes a record of the previews topic.
///
/// # Errors
/// Bytes that are no such record.
pub fn decode_preview(bytes: &[u8]) -> Result<AlertPreview, DecodeError> {
    let (name, datum) = split(bytes)?;
    match name {
        SchemaName::AlertPreview => decode(name, datum),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_parses_and_has_an_id_of_its_own() {
        let mut ids: Vec<u32> = SchemaName::ALL.iter().map(|name| name.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), SchemaName::ALL.len());
        assert!(SchemaName::ALL.iter().all(|name| matches!(name.schema(), Schema::Record(_))));
    }

    /// A registry counts from 1: where both stand in one log, no id may mean two things.
    #[test]
    fn checked_in_ids_lie_where_no_registry_counts() {
        assert!(SchemaName::ALL.iter().all(|name| name.id() > 1_000_000_000));
    }

    #[test]
    fn a_schema_is_known_by_its_text_whatever_its_documentation_says() {
        for name in SchemaName::ALL {
            let other = name.text().replace("\"doc\": \"", "\"doc\": \"Said differently: ");
            assert_eq!(SchemaName::by_text(&other), Some(*name));
            assert_eq!(SchemaName::by_text(&name.text().replace("\"bellwether\"", "\"other\"")), None);
        }
    }
}
