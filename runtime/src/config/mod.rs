//! Configuration: `bellwether.toml` and one file a tenant. Unknown keys are refused; an error names file and key.

mod duration;
mod tenant;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use duration::{Span, parse_duration};
pub use tenant::{
    Brand, Database, DatabaseMode, Limits, Mail, Recipients, Tenant, load_tenant, load_tenants,
};
pub(crate) use tenant::{refuse_shared, tenant_files};

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or cannot be read.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// The file is not TOML of the expected form.
    #[error("{file}: {reason}")]
    Form {
        /// Which file.
        file: PathBuf,
        /// Line, key and what was expected.
        reason: String,
    },
    /// A key has a value that it cannot have.
    #[error("{file}: {key}: {reason}")]
    Value {
        /// Which file.
        file: PathBuf,
        /// Which key.
        key: String,
        /// Value and what to do.
        reason: String,
    },
    /// The file's own name is no tenant id.
    #[error("{file}: {reason}")]
    Name {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such tenant.
    #[error("no tenant {tenant:?} in {dir}: it has {known}")]
    UnknownTenant {
        /// What was asked for.
        tenant: String,
        /// Where it was looked for.
        dir: PathBuf,
        /// Those that are there.
        known: String,
    },
}

/// The process's own settings: `bellwether.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the log is: `embedded:DIR`, relative to the working directory, or `kafka://HOST:PORT[,HOST:PORT]`.
    pub log: String,
    /// The directory of tenants' files.
    pub tenants: PathBuf,
    /// Where schema ids come from, if not from the checked-in file.
    pub schema_registry: SchemaRegistry,
    /// Logs and metrics.
    pub telemetry: Telemetry,
}

/// A schema registry (Confluent's API) beside the checked-in ids.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchemaRegistry {
    /// `http://HOST[:PORT][/PATH]`; none: the checked-in ids are written.
    pub url: Option<String>,
    /// The file that keeps its ids, so that it may be away.
    pub cache: PathBuf,
}

/// Logs and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// What is logged: a level, or `target=level` separated by commas.
    pub level: String,
    /// `text` or `json`.
    pub format: LogFormat,
    /// Address of the metrics endpoint, such as `127.0.0.1:9464`; none: no endpoint.
    pub metrics: Option<std::net::SocketAddr>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            log: "embedded:data/log".into(),
            tenants: "tenants".into(),
            schema_registry: SchemaRegistry::default(),
            telemetry: Telemetry::default(),
        }
    }
}

impl Default for SchemaRegistry {
    fn default() -> Self {
        Self { url: None, cache: "data/schema-ids.json".into() }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text, metrics: None }
    }
}

/// Every key of the file, by section: each may also be given as `BELLWETHER_<SECTION>_<KEY>`.
const KEYS: [(&str, &str); 7] = [
    ("", "log"),
    ("", "tenants"),
    ("schema_registry", "url"),
    ("schema_registry", "cache"),
    ("telemetry", "level"),
    ("telemetry", "format"),
    ("telemetry", "metrics"),
];

impl Config {
    /// Reads `file`, or without one `bellwether.toml` where it exists, then what `environment` overrides.
    ///
    /// # Errors
    /// The file is missing, is not TOML, or has an unknown key or a value that cannot be.
    pub fn load(
        file: Option<&Path>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let default = Path::new("bellwether.toml");
        let (name, text) = match file {
            Some(file) => (file, read(file)?),
            None if default.exists() => (default, read(default)?),
            None => (default, String::new()),
        };
        let form =
            |error: toml::de::Error| ConfigError::Form { file: name.into(), reason: error.to_string() };
        let mut table: toml::Table = toml::from_str(&text).map_err(form)?;
        for (section, key) in KEYS {
            let variable = variable(section, key);
            if let Some(value) = environment(&variable) {
                set(&mut table, section, key, value);
            }
        }
        toml::Value::Table(table).try_into().map_err(form)
    }
}

fn variable(section: &str, key: &str) -> String {
    let joined = if section.is_empty() { key.to_string() } else { format!("{section}_{key}") };
    format!("BELLWETHER_{}", joined.to_uppercase())
}

fn set(table: &mut toml::Table, section: &str, key: &str, value: String) {
    let mut at = table;
    if !section.is_empty() {
        let entry = at.entry(section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let toml::Value::Table(inner) = entry else { return };
        at = inner;
    }
    at.insert(key.into(), toml::Value::String(value));
}

fn read(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file)
        .map_err(|error| ConfigError::Unreadable { file: file.into(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bellwether.toml");
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file), |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string())
        })
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_and_key() {
        let error = load("[telemetry]\nlevle = \"info\"\n", &[]).unwrap_err().to_string();
        assert!(error.contains("bellwether.toml") && error.contains("levle"), "{error}");
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let config = load(
            "log = \"embedded:a\"\n",
            &[
                ("BELLWETHER_LOG", "embedded:b"),
                ("BELLWETHER_SCHEMA_REGISTRY_URL", "http://registry:8081"),
                ("BELLWETHER_TELEMETRY_METRICS", "127.0.0.1:1"),
            ],
        );
        let config = config.unwrap();
        assert_eq!(config.log, "embedded:b");
        assert_eq!(config.schema_registry.url.as_deref(), Some("http://registry:8081"));
        assert_eq!(config.telemetry.metrics, Some("127.0.0.1:1".parse().unwrap()));
    }

    #[test]
    fn the_default_file_is_the_documented_default() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bellwether.toml");
        assert_eq!(Config::load(Some(&file), |_| None).unwrap(), Config::default());
    }
}
