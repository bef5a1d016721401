//! Every schema that was ever released: its name, the id of the checked-in file, and what writes and reads its records.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;

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
                match self { $(Self::$variant => include_str!(concat!("../../avro/", $name, ".avsc"))),* }
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
    UserFollowed = "user_followed.v1",
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

struct Registry {
    ids: Vec<u32>,
    schemas: Vec<Schema>,
}

/// What writes and reads records of one schema. Made once: the library looks up the names of all its types for each, which
/// takes longer than most records do.
pub(super) struct Codec {
    pub(super) writer: GenericDatumWriter<'static>,
    pub(super) reader: GenericDatumReader<'static>,
}

/// The checked-in files are part of the binary: the test `every_schema_parses` fails before a user could.
#[expect(clippy::expect_used, reason = "constants of this crate, read once; a test reads them too")]
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let ids: BTreeMap<String, u32> =
        serde_json::from_str(include_str!("../../avro/ids.json")).expect("ids.json is an object of numbers");
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
    pub(super) fn codec(self) -> &'static Codec {
        &CODECS[self as usize]
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
