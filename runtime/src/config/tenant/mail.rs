//! `[mail]`: how the tenant's mail leaves.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
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
    /// File with the secret by which a provider signs what it reports of mails, `whsec_…`; else
    /// `<TENANT>_BOUNCE_SECRET`. Without one the gateway takes no reports for the tenant.
    pub bounce_secret_file: Option<PathBuf>,
    /// The secret itself, filled in when the file is loaded.
    #[serde(skip)]
    pub bounce_secret: Option<Secret>,
}

impl Mail {
    /// The section with its secrets.
    pub(super) fn with_secrets(mut self, secrets: &Secrets<'_>) -> Result<Self, ConfigError> {
        self.password = secrets.get("mail.password_file", self.password_file.as_deref(), "SMTP_PASSWORD")?;
        let file = self.unsubscribe_key_file.as_deref();
        self.unsubscribe_key = secrets.get("mail.unsubscribe_key_file", file, "UNSUBSCRIBE_KEY")?;
        let file = self.bounce_secret_file.as_deref();
        self.bounce_secret = secrets.get("mail.bounce_secret_file", file, "BOUNCE_SECRET")?;
        if self.bounce_secret.as_ref().is_some_and(|secret| !is_webhook_secret(secret)) {
            let reason = "is not whsec_ with the base64 of 24 to 64 bytes behind it";
            return Err(ConfigError::value(secrets.file, "mail.bounce_secret_file", reason));
        }
        Ok(self)
    }
}

/// In the form of Standard Webhooks.
fn is_webhook_secret(secret: &Secret) -> bool {
    let key = secret.reveal().strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
    key.is_some_and(|key| (24..=64).contains(&key.len()))
}
