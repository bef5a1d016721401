//! `[kafka]`: how brokers are spoken to.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::ConfigError;
use crate::secret::Secret;

/// The environment's variable for the password, where no file has it.
const PASSWORD: &str = "BELLWETHER_KAFKA_PASSWORD";
/// What a build without TLS says of a file that asks for it.
const NOT_BUILT: &str = "this build speaks to brokers in the clear alone: take a released one, or build it with \
    --features kafka_tls, which needs OpenSSL's headers";

/// How brokers are spoken to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    /// `plaintext` or `tls`, which only a build with the feature `kafka_tls` can.
    pub security: Security,
    /// Certificates (PEM) of whom brokers' certificates have to be signed by; the machine's roots if left out.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate (PEM), for brokers that ask for one; with `key_file`.
    pub certificate_file: Option<PathBuf>,
    /// The key of `certificate_file` (PEM), without a password.
    pub key_file: Option<PathBuf>,
    /// Who logs in, over TLS alone; nobody if left out.
    pub user: Option<String>,
    /// Password file of `user`; else `BELLWETHER_KAFKA_PASSWORD`.
    pub password_file: Option<PathBuf>,
    /// The password itself, filled in when the file is loaded.
    #[serde(skip)]
    pub password: Option<Secret>,
    /// How `user` logs in: `SCRAM-SHA-512`, `SCRAM-SHA-256` or `PLAIN`.
    pub mechanism: Mechanism,
}

/// What protects a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Nothing: for a network that nobody else is on.
    #[default]
    Plaintext,
    /// TLS, by OpenSSL: librdkafka knows no other.
    Tls,
}

/// How a user proves to be one (SASL).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Mechanism {
    /// The password is not sent.
    #[default]
    #[serde(rename = "SCRAM-SHA-512")]
    ScramSha512,
    /// The same with a shorter hash.
    #[serde(rename = "SCRAM-SHA-256")]
    ScramSha256,
    /// The password is sent, inside TLS.
    #[serde(rename = "PLAIN")]
    Plain,
}

impl Mechanism {
    const fn name(self) -> &'static str {
        match self {
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
        }
    }
}

impl Kafka {
    /// The section with its password and whole paths; what belongs together is all there. `can_tls`: this build can.
    pub(super) fn finished(
        mut self,
        file: &Path,
        environment: impl Fn(&str) -> Option<String>,
        can_tls: bool,
    ) -> Result<Self, ConfigError> {
        let wrong = |key: &str, reason: &str| ConfigError::value(file, key, reason);
        let given = environment(PASSWORD);
        if self.security == Security::Plaintext {
            return self.is_bare().map_or(Ok(self), |key| Err(wrong(key, "needs kafka.security = \"tls\"")));
        }
        if !can_tls {
            return Err(wrong("kafka.security", NOT_BUILT));
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return Err(wrong("kafka.certificate_file", "belongs together with kafka.key_file"));
        }
        self.password = match (&self.password_file, given) {
            (Some(_), Some(_)) => {
                let reason = format!("{PASSWORD} is set too: keep one of the two");
                return Err(wrong("kafka.password_file", &reason));
            }
            (Some(path), None) => Some(Secret::new(read(file, "kafka.password_file", path)?.1.trim())),
            (None, text) => text.map(Secret::new),
        };
        if self.user.is_some() && self.password.is_none() {
            let reason = format!("needs a password: set kafka.password_file or {PASSWORD}");
            return Err(wrong("kafka.user", &reason));
        }
        if self.user.is_none() && self.password_file.is_some() {
            return Err(wrong("kafka.password_file", "is nobody's: set kafka.user"));
        }
        if self.user.is_none() && self.password.is_some() {
            return Err(wrong("kafka.user", &format!("is not set, and {PASSWORD} is: set both or none")));
        }
        let files = [
            ("kafka.ca_file", &mut self.ca_file),
            ("kafka.certificate_file", &mut self.certificate_file),
            ("kafka.key_file", &mut self.key_file),
        ];
        for (key, path) in files {
            if let Some(path) = path {
                *path = read(file, key, path)?.0;
            }
        }
        Ok(self)
    }

    /// The first key that says something of a protected connection.
    const fn is_bare(&self) -> Option<&'static str> {
        match self {
            Self { ca_file: Some(_), .. } => Some("kafka.ca_file"),
            Self { certificate_file: Some(_), .. } => Some("kafka.certificate_file"),
            Self { key_file: Some(_), .. } => Some("kafka.key_file"),
            Self { user: Some(_), .. } => Some("kafka.user"),
            Self { password_file: Some(_), .. } => Some("kafka.password_file"),
            _ => None,
        }
    }

    /// The same in librdkafka's words. One of them may be a password.
    pub(crate) fn properties(&self) -> Vec<(&'static str, String)> {
        if self.security == Security::Plaintext {
            return Vec::new();
        }
        let path = |path: &PathBuf| path.display().to_string();
        let protocol = if self.user.is_some() { "sasl_ssl" } else { "ssl" };
        let mut properties = vec![("security.protocol", protocol.to_owned())];
        properties.extend(self.ca_file.as_ref().map(|file| ("ssl.ca.location", path(file))));
        properties
            .extend(self.certificate_file.as_ref().map(|file| ("ssl.certificate.location", path(file))));
        properties.extend(self.key_file.as_ref().map(|file| ("ssl.key.location", path(file))));
        if let (Some(user), Some(password)) = (&self.user, &self.password) {
            properties.extend([
                ("sasl.mechanism", self.mechanism.name().to_owned()),
                ("sasl.username", user.clone()),
                ("sasl.password", password.reveal().to_owned()),
            ]);
        }
        properties
    }
}

/// Where the file that is named beside the configuration's is, and what it says.
fn read(file: &Path, key: &str, path: &Path) -> Result<(PathBuf, String), ConfigError> {
    let path = file.parent().unwrap_or(Path::new("")).join(path);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((path, text)),
        Err(error) => Err(ConfigError::value(file, key, format!("{}: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "security = \"tls\"\nca_file = \"ca\"\ncertificate_file = \"own\"\nkey_file = \"key\"\n\
        user = \"fxlabs\"\npassword_file = \"password\"\n";

    /// Of a section in a file that has those others beside it.
    fn finished(
        text: &str,
        variable: Option<&str>,
        can_tls: bool,
    ) -> (tempfile::TempDir, Result<Kafka, String>) {
        let dir = tempfile::tempdir().unwrap();
        for name in ["ca", "own", "key", "password"] {
            std::fs::write(dir.path().join(name), "s3cret\n").unwrap();
        }
        let read: Kafka = toml::from_str(text).unwrap();
        let environment = |name: &str| variable.filter(|_| name == PASSWORD).map(str::to_owned);
        let finished = read.finished(&dir.path().join("bellwether.toml"), environment, can_tls);
        (dir, finished.map_err(|error| error.to_string()))
    }

    #[test]
    fn without_the_section_nothing_is_said_to_librdkafka() {
        assert_eq!(finished("", None, false).1.unwrap().properties(), []);
    }

    #[test]
    fn a_login_over_tls_is_said_in_librdkafkas_words_and_shown_nowhere() {
        let (dir, kafka) = finished(ALL, None, true);
        let kafka = kafka.unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let wanted = [
            ("security.protocol", "sasl_ssl".into()),
            ("ssl.ca.location", path("ca")),
            ("ssl.certificate.location", path("own")),
            ("ssl.key.location", path("key")),
            ("sasl.mechanism", "SCRAM-SHA-512".into()),
            ("sasl.username", "fxlabs".into()),
            ("sasl.password", "s3cret".into()),
        ];
        assert_eq!(kafka.properties(), wanted);
        assert!(!format!("{kafka:?}").contains("s3cret"), "{kafka:?}");
        let (_dir, plain) =
            finished("security = \"tls\"\nuser = \"u\"\nmechanism = \"PLAIN\"\n", Some("p"), true);
        assert!(plain.unwrap().properties().contains(&("sasl.mechanism", "PLAIN".into())));
        let (_dir, nobody) = finished("security = \"tls\"\n", None, true);
        assert_eq!(nobody.unwrap().properties(), [("security.protocol", "ssl".to_owned())]);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_key_and_what_to_do() {
        let refused = |text: &str, variable: Option<&str>, can_tls: bool| {
            let error = finished(text, variable, can_tls).1.unwrap_err();
            assert!(!error.contains("s3cret"), "{error}");
            error
        };
        let without = |line: &str| ALL.replace(line, "");
        for (text, variable, can_tls, told) in [
            (ALL.into(), None, false, "kafka.security: this build speaks to brokers in the clear alone"),
            (without("security = \"tls\"\n"), None, true, "kafka.ca_file: needs kafka.security = \"tls\""),
            ("user = \"u\"\n".into(), None, true, "kafka.user: needs kafka.security"),
            (without("key_file = \"key\"\n"), None, true, "kafka.certificate_file: belongs together"),
            (without("password_file = \"password\"\n"), None, true, "kafka.user: needs a password"),
            (without("user = \"fxlabs\"\n"), None, true, "kafka.password_file: is nobody's"),
            ("security = \"tls\"\n".into(), Some("s3cret"), true, "kafka.user: is not set, and BELLWETHER_"),
            (ALL.into(), Some("other"), true, "kafka.password_file: BELLWETHER_KAFKA_PASSWORD is set too"),
            (ALL.replace("\"ca\"", "\"nowhere\""), None, true, "kafka.ca_file: "),
        ] {
            let error = refused(&text, variable, can_tls);
            assert!(error.contains(told), "{told}: {error}");
        }
    }
}
