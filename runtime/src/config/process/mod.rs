//! The process's own settings: `bellwether.toml`, each key of which the environment may override.

mod gateway;
mod kafka;
mod operator;
mod processing;
mod schema_registry;
mod telemetry;

use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use gateway::Gateway;
pub use kafka::{Kafka, Mechanism, Security};
pub use operator::Operator;
pub use processing::{Processing, SNAPSHOT_EVERY};
pub use schema_registry::SchemaRegistry;
pub use telemetry::{LogFormat, Telemetry};

use super::{ConfigError, toml_file};

/// The process's own configuration: everything that `bellwether.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the log is: `embedded:DIR`, relative to the working directory, or `kafka://HOST:PORT[,HOST:PORT]`.
    pub log: String,
    /// How its brokers are spoken to, where it is on Kafka.
    pub kafka: Kafka,
    /// The directory of tenants' files.
    pub tenants: PathBuf,
    /// Where schema ids come from, if not from the checked-in file.
    pub schema_registry: SchemaRegistry,
    /// How the process logs, and where it shows its metrics.
    pub telemetry: Telemetry,
    /// How the role `process` works.
    pub process: Processing,
    /// Where the role `gateway` answers.
    pub gateway: Gateway,
    /// Who is told what goes wrong, and what is called while nothing does.
    pub operator: Operator,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            log: "embedded:data/log".into(),
            kafka: Kafka::default(),
            tenants: "tenants".into(),
            schema_registry: SchemaRegistry::default(),
            telemetry: Telemetry::default(),
            process: Processing::default(),
            gateway: Gateway::default(),
            operator: Operator::default(),
        }
    }
}

/// Every key of the file, by section: each may also be given as `BELLWETHER_<SECTION>_<KEY>`.
const KEYS: [(&str, &str); 23] = [
    ("", "log"),
    ("", "tenants"),
    ("kafka", "security"),
    ("kafka", "ca_file"),
    ("kafka", "certificate_file"),
    ("kafka", "key_file"),
    ("kafka", "user"),
    ("kafka", "password_file"),
    ("kafka", "mechanism"),
    ("schema_registry", "url"),
    ("schema_registry", "cache"),
    ("telemetry", "level"),
    ("telemetry", "format"),
    ("telemetry", "metrics"),
    ("telemetry", "traces"),
    ("telemetry", "trace_share"),
    ("process", "snapshot_every"),
    ("gateway", "listen"),
    ("gateway", "proxy"),
    ("operator", "smtp"),
    ("operator", "password_file"),
    ("operator", "from"),
    ("operator", "to"),
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
        let usual = Path::new("bellwether.toml");
        let (file, text) = match file {
            Some(file) => (file, toml_file::read(file)?),
            None if usual.exists() => (usual, toml_file::read(usual)?),
            None => (usual, String::new()),
        };
        let mut table = toml_file::parse(file, &text)?;
        for (section, key) in KEYS {
            if let Some(value) = environment(&variable(section, key)) {
                set(&mut table, section, key, value);
            }
        }
        let mut config: Self = toml_file::sections(file, table)?;
        config.kafka = config.kafka.finished(file, &environment, cfg!(feature = "kafka_tls"))?;
        config.operator = config.operator.finished(file, environment)?;
        Ok(config)
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
        assert!(error.contains("bellwether.toml: telemetry: unknown field `levle`"), "{error}");
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let config = load(
            "log = \"embedded:a\"\n",
            &[
                ("BELLWETHER_LOG", "embedded:b"),
                ("BELLWETHER_SCHEMA_REGISTRY_URL", "http://registry:8081"),
                ("BELLWETHER_TELEMETRY_METRICS", "127.0.0.1:1"),
                ("BELLWETHER_TELEMETRY_TRACES", "http://collector:4318"),
                ("BELLWETHER_TELEMETRY_TRACE_SHARE", "0.5%"),
                ("BELLWETHER_PROCESS_SNAPSHOT_EVERY", "5s"),
            ],
        );
        let config = config.unwrap();
        assert_eq!(config.log, "embedded:b");
        assert_eq!(config.process.snapshot_every, std::time::Duration::from_secs(5));
        assert_eq!(config.schema_registry.url, Some("http://registry:8081".parse().unwrap()));
        assert_eq!(config.telemetry.metrics, Some("127.0.0.1:1".parse().unwrap()));
        assert_eq!(config.telemetry.traces, Some("http://collector:4318".parse().unwrap()));
        assert_eq!(config.telemetry.trace_share, "0.5%".parse().unwrap());
    }

    #[test]
    fn a_state_is_stored_once_a_second_at_most() {
        let error = load("[process]\nsnapshot_every = \"999ms\"\n", &[]).unwrap_err().to_string();
        assert!(error.contains("process.snapshot_every: \"999ms\" is less than 1s"), "{error}");
    }

    #[test]
    fn the_default_file_is_the_documented_default() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bellwether.toml");
        assert_eq!(Config::load(Some(&file), |_| None).unwrap(), Config::default());
    }

    const OPERATOR: &str = "[operator]\nsmtp = \"smtp://me@mail.example\"\nfrom = \"a@ops.example\"\n\
        to = \"o@ops.example\"\n[operator.ping]\n\"sink mail\" = \"https://w.example/{instance}\"\n";
    const PASSWORD: (&str, &str) = ("BELLWETHER_OPERATOR_SMTP_PASSWORD", "s3cret");

    #[test]
    fn an_operator_is_told_by_a_server_and_called_by_roles() {
        let operator = load(OPERATOR, &[PASSWORD]).unwrap().operator;
        assert_eq!(operator.password.unwrap().reveal(), "s3cret");
        assert_eq!(operator.ping.keys().copied().collect::<Vec<_>>(), [crate::roles::Role::SinkMail]);
        let other = [PASSWORD, ("BELLWETHER_OPERATOR_TO", "p@ops.example")];
        assert_eq!(load(OPERATOR, &other).unwrap().operator.to.unwrap().to_string(), "p@ops.example");
    }

    #[test]
    fn an_operator_who_could_not_be_told_is_refused_with_what_is_missing() {
        let refused = |text: &str, variables: &[(&str, &str)]| load(text, variables).unwrap_err().to_string();
        let without = |line: &str| OPERATOR.replace(line, "");
        for (text, key) in [
            (without("smtp = \"smtp://me@mail.example\"\n"), "operator.smtp: is missing"),
            (without("from = \"a@ops.example\"\n"), "operator.from: is missing"),
            (without("to = \"o@ops.example\"\n"), "operator.to: is missing"),
            (OPERATOR.replace("sink mail", "sink mails"), "operator.ping: \"sink mails\" is no role"),
            (OPERATOR.replace("o@ops.example", "ops"), "operator.to: \"ops\" is not an address"),
        ] {
            let error = refused(&text, &[PASSWORD]);
            assert!(error.contains(key), "{key}: {error}");
        }
        assert!(refused(OPERATOR, &[]).contains("operator.smtp: names a user"));
        let both = OPERATOR.replace("from =", "password_file = \"p\"\nfrom =");
        assert!(refused(&both, &[PASSWORD]).contains("operator.password_file: BELLWETHER_OPERATOR_SMTP"));
        assert!(refused(&both, &[]).contains("operator.password_file: "));
    }
}
