//! `[mail]`: how the tenant's mail leaves.

use std::path::PathBuf;

use serde::Deserialize;

use super::secrets::Secrets;
use crate::config::{ConfigError, DnsName, EmailAddress, Mailbox, SmtpServer};
use crate::secret::Secret;

/// How the tenant's mail leaves.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// `smtps://host`, or `smtp://host:port?tls=required|opportunistic|none`; `none` on loopback only. Without it
    /// every mail fails as not configured.
    pub smtp: Option<SmtpServer>,
    /// Who every mail is from, `Name <address>`. No two tenants may send from one address.
    pub from: Mailbox,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<Mailbox>,
    /// Password file for the user named in `smtp`; else `<TENANT>_SMTP_PASSWORD`.
    pub password_file: Option<PathBuf>,
    /// The password itself, filled in when the file is loaded.
    #[serde(skip)]
    pub password: Option<Secret>,
    /// Where test mails may go (`bellwether mail test`): nowhere without it.
    #[serde(default)]
    pub test_addresses: Vec<EmailAddress>,
    /// The selector of the key that the relay signs with (DKIM), for `bellwether doctor mail`.
    pub dkim_selector: Option<DnsName>,
    /// The domain that the relay signs for, if not the sender's.
    pub dkim_domain: Option<DnsName>,
    /// Key file of one-click unsubscribe links; else `<TENANT>_UNSUBSCRIBE_KEY`. Without one mails carry the
    /// `mailto` form alone.
    pub unsubscribe_key_file: Option<PathBuf>,
    /// The key itself, filled in when the file is loaded.
    #[serde(skip)]
    pub unsubscribe_key: Option<Secret>,
}

impl Mail {
    /// The section with its secrets.
    pub(super) fn with_secrets(mut self, secrets: &Secrets<'_>) -> Result<Self, ConfigError> {
        self.password = secrets.get("mail.password_file", self.password_file.as_deref(), "SMTP_PASSWORD")?;
        let file = self.unsubscribe_key_file.as_deref();
        self.unsubscribe_key = secrets.get("mail.unsubscribe_key_file", file, "UNSUBSCRIBE_KEY")?;
        Ok(self)
    }
}
