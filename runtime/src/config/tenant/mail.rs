//! `[mail]`: how the tenant's mail leaves.

use std::num::{NonZeroU8, NonZeroU32};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::secrets::{Secrets, variable};
use crate::config::values::{HeaderName, optional_duration};
use crate::config::{ConfigError, DnsName, EmailAddress, Mailbox, SmtpServer};
use crate::secret::Secret;

/// Connections to a server that says nothing of how many it takes.
const CONNECTIONS: NonZeroU8 = NonZeroU8::MIN.saturating_add(1);
/// How long a provider remembers a mail, unless the file says otherwise.
const IDEMPOTENCY_LIFE: Duration = Duration::from_hours(24);
/// Less is no memory: that long before its end nothing is sent again.
const IDEMPOTENCY_LEAST: Duration = Duration::from_mins(20);

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
    /// Certificates (PEM) that vouch for the server beside those of the machine.
    pub ca_file: Option<PathBuf>,
    /// What stands in that file, filled in when the tenant's is loaded.
    #[serde(skip)]
    pub ca: Option<String>,
    /// Connections to the server at most, 2 without it: how many mails of the tenant are under way at once.
    #[serde(default = "connections")]
    pub connections: NonZeroU8,
    /// Mails a second at most; without it as fast as the server takes them.
    pub rate: Option<NonZeroU32>,
    /// The header by which the provider knows a mail that it has already, and takes it once however often it is sent.
    pub idempotency_header: Option<HeaderName>,
    /// How long the provider remembers it, 24h without it.
    #[serde(default, deserialize_with = "optional_duration")]
    pub idempotency_life: Option<Duration>,
    /// What becomes of mails that the server may or may not have.
    #[serde(default)]
    pub ambiguous: Ambiguous,
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
    /// Most alert mails a user gets within an hour, one by one; what is over it is told in a digest.
    #[serde(default = "five")]
    pub alerts_a_user_an_hour: NonZeroU32,
    /// Most alert mails all users get within an hour, one by one: over it something floods, and the rest waits for
    /// digests.
    #[serde(default = "hundred_thousand")]
    pub alerts_an_hour: NonZeroU32,
}

const fn five() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(4)
}

const fn hundred_thousand() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(99_999)
}

/// What to do about a mail that the server may or may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenAmbiguous {
    /// Send it once more with the same bytes and the same Message-ID: twice is better than never.
    #[serde(rename = "once_more")]
    SendOnceMore,
    /// Leave it to the operator: never is better than twice.
    Hold,
}

/// `[mail.ambiguous]`: by kind, what becomes of a mail that the server may or may not have: `once_more` or `hold`.
/// Without a key alerts go out once more and everything else is held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ambiguous {
    /// Alerts of every kind.
    pub alerts: Option<WhenAmbiguous>,
    /// The daily brief.
    pub daily_brief: Option<WhenAmbiguous>,
    /// Digests.
    pub digest: Option<WhenAmbiguous>,
    /// Reminders of news.
    pub news_reminder: Option<WhenAmbiguous>,
    /// Corrections of news.
    pub news_correction: Option<WhenAmbiguous>,
}

impl Mail {
    /// The section with its secrets, what its keys say of each other checked.
    pub(super) fn with_secrets(mut self, secrets: &Secrets<'_>) -> Result<Self, ConfigError> {
        self.check_idempotency(secrets)?;
        self.password = secrets.get("mail.password_file", self.password_file.as_deref(), "SMTP_PASSWORD")?;
        self.use_ancestors_key(secrets)?;
        let file = self.unsubscribe_key_file.as_deref();
        self.unsubscribe_key = secrets.get("mail.unsubscribe_key_file", file, "UNSUBSCRIBE_KEY")?;
        if let Some(file) = &self.ca_file {
            let file = super::beside(secrets.file, file);
            let text = std::fs::read_to_string(&file).map_err(|error| {
                ConfigError::value(secrets.file, "mail.ca_file", format!("{}: {error}", file.display()))
            })?;
            self.ca = Some(text);
        }
        let file = self.bounce_secret_file.as_deref();
        self.bounce_secret = secrets.get("mail.bounce_secret_file", file, "BOUNCE_SECRET")?;
        if self.bounce_secret.as_ref().is_some_and(|secret| !is_webhook_secret(secret)) {
            let reason = "is not whsec_ with the base64 of 24 to 64 bytes behind it";
            return Err(ConfigError::value(secrets.file, "mail.bounce_secret_file", reason));
        }
        Ok(self)
    }

    /// An ancestor's installation has the key of its provider, as whose user nobody else logs in.
    fn use_ancestors_key(&mut self, secrets: &Secrets<'_>) -> Result<(), ConfigError> {
        const NAME: &str = "SENDGRID_API_KEY";
        let Some(key) = secrets.get("mail.password_file", None, NAME)? else { return Ok(()) };
        let variable = variable(secrets.tenant, NAME);
        let wrong = |key: &str, reason: String| Err(ConfigError::value(secrets.file, key, reason));
        if self.password.is_some() {
            return wrong("mail.password_file", format!("{variable} is set too: keep one of the two"));
        }
        if self.smtp.as_ref().and_then(SmtpServer::user) != Some("apikey") {
            let reason =
                format!("{variable} is the password of the user apikey: name it, or unset the variable");
            return wrong("mail.smtp", reason);
        }
        self.password = Some(key);
        Ok(())
    }

    /// How long the provider remembers a mail; none where it does not.
    #[must_use]
    pub fn idempotency(&self) -> Option<(&HeaderName, Duration)> {
        let header = self.idempotency_header.as_ref()?;
        Some((header, self.idempotency_life.unwrap_or(IDEMPOTENCY_LIFE)))
    }

    fn check_idempotency(&self, secrets: &Secrets<'_>) -> Result<(), ConfigError> {
        let reason = match (&self.idempotency_header, self.idempotency_life) {
            (None, Some(_)) => "says how long a header counts: set mail.idempotency_header too",
            (_, Some(life)) if life < IDEMPOTENCY_LEAST => {
                "is less than 20m: too short to send anything again"
            }
            _ => return Ok(()),
        };
        Err(ConfigError::value(secrets.file, "mail.idempotency_life", reason.to_owned()))
    }
}

const fn connections() -> NonZeroU8 {
    CONNECTIONS
}

/// In the form of Standard Webhooks.
fn is_webhook_secret(secret: &Secret) -> bool {
    let key = secret.reveal().strip_prefix("whsec_").and_then(|key| STANDARD.decode(key).ok());
    key.is_some_and(|key| (24..=64).contains(&key.len()))
}
