//! `[schema_registry]`: a schema registry (Confluent's API) beside the checked-in ids.

use std::path::PathBuf;

use serde::Deserialize;

use crate::config::HttpAddress;

/// Where schema ids come from, if not from the checked-in file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchemaRegistry {
    /// `http://HOST[:PORT][/PATH]`; none: the checked-in ids are written.
    pub url: Option<HttpAddress>,
    /// The file that keeps its ids, so that it may be away.
    pub cache: PathBuf,
}

impl Default for SchemaRegistry {
    fn default() -> Self {
        Self { url: None, cache: "data/schema-ids.json".into() }
    }
}
