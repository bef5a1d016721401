//! `[operator]`: who is told what goes wrong, and by which server; `[operator.ping]`: what each role calls while all is
//! well.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::Error as _;

use crate::config::{ConfigError, EmailAddress, Mailbox, PingAddress, SmtpServer};
use crate::roles::Role;
use crate::secret::Secret;

/// The environment's variable for the password, where no file has it.
const PASSWORD: &str = "BELLWETHER_OPERATOR_SMTP_PASSWORD";

/// Who is told what goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operator {
    /// The server for the operator's mails, in the form of a tenant's: one that no tenant's mail leaves through, so that
    /// it works when theirs does not. Without it nobody is told.
    pub smtp: Option<SmtpServer>,
    /// Password file for the user named in `smtp`; else `BELLWETHER_OPERATOR_SMTP_PASSWORD`.
    pub password_file: Option<PathBuf>,
    /// The password itself, filled in when the file is loaded.
    #[serde(skip)]
    pub password: Option<Secret>,
    /// Who those mails are from, `Name <address>`.
    pub from: Option<Mailbox>,
    /// To whom they go.
    pub to: Option<EmailAddress>,
    /// By role (`"sink mail"`): the address that each of its processes calls every minute while all its tenants go on.
    #[serde(deserialize_with = "pings")]
    pub ping: BTreeMap<Role, PingAddress>,
}

impl Operator {
    /// The section with its password; what belongs together is all there.
    pub(super) fn finished(
        mut self,
        file: &Path,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let wrong = |key: &str, reason: &str| ConfigError::value(file, key, reason);
        let lacks = |key: &str| wrong(key, "is missing: smtp, from and to belong together");
        match (self.smtp.is_some(), self.from.is_some(), self.to.is_some()) {
            (true, true, true) | (false, false, false) => {}
            (false, ..) => return Err(lacks("operator.smtp")),
            (_, false, _) => return Err(lacks("operator.from")),
            (.., false) => return Err(lacks("operator.to")),
        }
        self.password = match (&self.password_file, environment(PASSWORD)) {
            (Some(_), Some(_)) => {
                let reason = format!("{PASSWORD} is set too: keep one of the two");
                return Err(wrong("operator.password_file", &reason));
            }
            (Some(path), None) => Some(read(file, path)?),
            (None, text) => text.map(Secret::new),
        };
        let user = self.smtp.as_ref().and_then(SmtpServer::user);
        if user.is_some() && self.password.is_none() {
            let reason = format!("names a user: set operator.password_file or {PASSWORD}");
            return Err(wrong("operator.smtp", &reason));
        }
        Ok(self)
    }
}

fn read(file: &Path, path: &Path) -> Result<Secret, ConfigError> {
    let path = file.parent().unwrap_or(Path::new("")).join(path);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let reason = format!("{}: {error}", path.display());
        ConfigError::value(file, "operator.password_file", reason)
    })?;
    Ok(Secret::new(text.trim()))
}

fn pings<'de, D>(deserializer: D) -> Result<BTreeMap<Role, PingAddress>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let keys: BTreeMap<String, PingAddress> = BTreeMap::deserialize(deserializer)?;
    let role = |(name, address): (String, PingAddress)| match Role::named(&name) {
        Some(role) => Ok((role, address)),
        None => Err(D::Error::custom(format!("{name:?} is no role such as \"sink mail\""))),
    };
    keys.into_iter().map(role).collect()
}
